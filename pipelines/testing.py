"""The checks every algorithm row must pass. Call ``check_row`` on a row of your own.

Each check is a plain function that raises AssertionError with a sentence. The table they use has
numbers, a category, a yes/no column and gaps; the classes are words.
"""

from __future__ import annotations

import inspect
import pickle
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import optuna
import pandas as pd

from pipelines import packaging
from pipelines.adapters import Stoppable, build, detectors
from pipelines.cleaning.plan import Plan, plan
from pipelines.dataset import Dataset, Kind
from pipelines.errors import CannotDetect
from pipelines.profile.table import profile
from pipelines.schema import Schema
from pipelines.task import Task

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pipelines.adapters import Model
    from pipelines.algorithms import Algorithm

Array: TypeAlias = np.ndarray[Any, Any]

ROWS = 80
LABELS = ("calm", "mixed", "wild")


def example(task: Task, rows: int = ROWS, seed: int = 0) -> Dataset:
    """Make a small table with gaps, a category and, where the task has one, a target.

    >>> example(Task.REGRESSION).frame.shape
    (80, 6)
    """
    rng = np.random.default_rng(seed)
    numbers = rng.normal(size=(rows, 3))
    frame = pd.DataFrame(numbers, columns=["depth", "width", "height"])
    frame["colour"] = pd.Series(rng.choice(["red", "green", "blue"], rows), dtype="str")
    frame["sealed"] = rng.random(rows) < 0.5
    signal = 2 * numbers[:, 0] + (frame["colour"] == "red") + 0.2 * rng.normal(size=rows)
    frame.loc[rng.random(rows) < 0.1, "width"] = np.nan
    frame.loc[rng.random(rows) < 0.1, "colour"] = np.nan
    if task is Task.ANOMALY:
        return Dataset("example", frame, task)
    if task is Task.CLASSIFICATION:
        words = np.array(LABELS, dtype=object)[np.digitize(signal, [-0.5, 1.5])]
        frame["mood"] = pd.Series(words, dtype="str")
        return Dataset("example", frame, task, "mood")
    frame["load"] = signal
    return Dataset("example", frame, task, "load")


def counts() -> Dataset:
    """Make the table of the regression with counts for a target, zeros among them.

    >>> counts().labels.min()
    np.float64(0.0)
    """
    made = example(Task.REGRESSION)
    frame = made.frame.assign(load=np.floor(np.exp(made.frame["load"].clip(-2, 3))))
    return replace(made, frame=frame)


def hostile(seed: int, columns: int | None = None) -> pd.DataFrame:
    """Make a table as bad as tables get: no two seeds have the same faults.

    One row or one column, constants, copies of rows and columns, gaps, infinite and huge values,
    yes/no columns, categories, columns that follow from others, more columns than rows.

    Args:
        seed: Which table.
        columns: How many columns, where that is not left to the seed.

    >>> hostile(3).shape
    (20, 1)
    """
    rng = np.random.default_rng(seed)
    rows, drawn = int(rng.choice([1, 2, 3, 5, 20, 90])), int(rng.choice([1, 2, 4, 9]))
    columns = columns or drawn
    cells = rng.normal(size=(rows, columns)) * rng.choice([1.0, 1e-9, 1e12, 1e150])
    made = {f"c{place}": pd.Series(column) for place, column in enumerate(cells.T)}
    for name in [name for name in made if rng.random() < 0.5]:
        made[name] = _spoiled(made[name], str(rng.choice(FAULTS)), rng)
    frame = pd.DataFrame(made)
    if columns > 1 and rng.random() < 0.3:
        frame[f"c{columns - 1}"] = frame["c0"]
    if rng.random() < 0.3:
        frame = pd.concat([frame, frame.sample(min(rows, 40), random_state=seed)])
    return frame.reset_index(drop=True)


FAULTS = ("constant", "gaps", "infinite", "yes_no", "words", "whole", "missing", "spike", "time")


def _spoiled(column: pd.Series, fault: str, rng: np.random.Generator) -> pd.Series:
    some = rng.random(len(column)) < 0.2
    ways: dict[str, Any] = {
        "constant": lambda: column * 0 + 7.0,
        "gaps": lambda: column.mask(some),
        "infinite": lambda: column.mask(some, np.inf),
        "yes_no": lambda: (column > 0).astype(int),
        "words": lambda: pd.Series(rng.choice(["a", "b", "c"], len(column)), dtype="str"),
        "whole": lambda: pd.Series(rng.integers(0, 3, len(column))),
        "missing": lambda: column * np.nan,
        "spike": lambda: column.mask(np.arange(len(column)) == 0, 1e300),
        "time": lambda: pd.Timestamp("2024-01-01") + pd.to_timedelta(np.arange(len(column)), "D"),
    }
    return pd.Series(ways[fault]())


def check_row(row: Algorithm) -> None:
    """Run all checks that apply to a row."""
    dataset = example(row.task) if row.aim is None else counts()
    cleaned = plan(profile(dataset), dataset)
    check_the_row_is_whole(row)
    check_every_param_is_an_argument(row)
    params = dict(row.default)
    model = _fitted(row, params, dataset, cleaned)
    check_answers(model, dataset)
    check_one_row_scores_as_in_a_batch(model, dataset)
    check_it_pickles(model, dataset)
    check_it_is_saved_as_its_row_says(row, model, dataset)
    check_same_seed_same_scores(row, params, dataset, cleaned, model)
    check_a_drawn_point_fits(row, dataset, cleaned)
    check_watching_teaches_its_rounds(row, dataset, cleaned)


def check_the_row_is_whole(row: Algorithm) -> None:
    """A row has a title, a default, a way to be explained, and tunes only what it can draw."""
    assert row.title, f"{row.key}: no title"
    assert row.portfolio, f"{row.key}: no default configuration"
    assert row.explain_with in {"tree", "linear", "own", "kernel"}, f"{row.key}: explain_with"
    assert row.space or not row.tuned or len(row.portfolio) == 1, f"{row.key}: nothing to tune"


def check_every_param_is_an_argument(row: Algorithm) -> None:
    """Every tuned or fixed name is an argument of the class: catches typing errors unfitted."""
    accepted = inspect.signature(row.load()).parameters
    if any(each.kind is inspect.Parameter.VAR_KEYWORD for each in accepted.values()):
        return  # it takes the parameters of its core library, and a fit says which are unknown
    for params in [drawn(row, 0), *(entry.params for entry in row.portfolio)]:
        strangers = set(row.arguments(params)) - set(accepted)
        assert not strangers, f"{row.key}: {sorted(strangers)} are no arguments of {row.target}"


def check_answers(model: Model, dataset: Dataset) -> None:
    """Answers are finite, one per row, and in the words of the data."""
    scores = model.score(dataset.features)
    assert scores.shape == (len(dataset.frame),), f"{model.algorithm}: scores {scores.shape}"
    assert np.isfinite(scores).all(), f"{model.algorithm}: scores are not finite"
    predicted = model.predict(dataset.features)
    if dataset.task is Task.CLASSIFICATION:
        chances = model.probabilities(dataset.features)
        assert model.classes == LABELS, f"{model.algorithm}: classes {model.classes}"
        assert chances.shape == (len(dataset.frame), 3), f"{model.algorithm}: {chances.shape}"
        np.testing.assert_allclose(chances.sum(axis=1), 1, atol=1e-5)
        np.testing.assert_array_equal(scores, chances[:, -1])
        assert set(predicted) <= set(LABELS), f"{model.algorithm}: strange labels"
    if dataset.task is Task.ANOMALY:
        assert set(predicted) <= {0, 1}, f"{model.algorithm}: predicts other than 0 and 1"


def check_one_row_scores_as_in_a_batch(model: Model, dataset: Dataset) -> None:
    """A row's score does not depend on the rows it comes with, gaps and new words included."""
    odd = dataset.features.iloc[:6].copy()
    odd.loc[odd.index[0], "depth"] = np.nan
    odd.loc[odd.index[1], "colour"] = "ultraviolet"
    together = model.score(odd)
    alone = [model.score(odd.iloc[[place]])[0] for place in range(len(odd))]
    np.testing.assert_allclose(alone, together, rtol=1e-4, atol=1e-6)


def check_it_pickles(model: Model, dataset: Dataset) -> None:
    """A fitted model survives a copy through bytes."""
    again = pickle.loads(pickle.dumps(model))  # noqa: S301 - bytes made one line before
    np.testing.assert_array_equal(again.score(dataset.features), model.score(dataset.features))


def check_it_is_saved_as_its_row_says(row: Algorithm, model: Model, dataset: Dataset) -> None:
    """A detector is written by skops and answers the same when read, or its row says otherwise."""
    if row.task is Task.ANOMALY:
        schema = Schema.of(
            dataset.features, dict.fromkeys(map(str, dataset.features), Kind.NUMBER)
        )
        with TemporaryDirectory() as folder:
            packaging.save(model, schema, Path(folder), about={}, rows=dataset.features)
            why = packaging.read_card(Path(folder))["why"]
        assert bool(why) == row.pickled, f"{row.key}: {why or 'skops can write it now'}"


def check_same_seed_same_scores(
    row: Algorithm, params: Mapping[str, Any], dataset: Dataset, cleaned: Plan, model: Model
) -> None:
    """Two fits with one seed agree, and leave their input alone."""
    before = dataset.frame.copy()
    again = _fitted(row, params, dataset, cleaned).score(dataset.features)
    np.testing.assert_array_equal(again, model.score(dataset.features))
    pd.testing.assert_frame_equal(dataset.frame, before)


def check_a_drawn_point_fits(row: Algorithm, dataset: Dataset, cleaned: Plan) -> None:
    """A random point of the space can be fitted."""
    if row.space:
        scores = _fitted(row, drawn(row, 1), dataset, cleaned).score(dataset.features)
        assert np.isfinite(scores).all(), f"{row.key}: scores are not finite"


def check_watching_teaches_its_rounds(row: Algorithm, dataset: Dataset, cleaned: Plan) -> None:
    """What a fit learned by watching is understood by a fit that has nothing to watch."""
    model = build(row, drawn(row, 2), 0, plan=cleaned, task=row.task)
    if isinstance(model, Stoppable) and dataset.labels is not None:
        half = len(dataset.frame) // 2
        features, labels = dataset.features, dataset.labels
        known = features.iloc[:half], labels.iloc[:half]
        learned = model.fit_watching(*known, features.iloc[half:], labels.iloc[half:], 20.0)
        assert learned, f"{row.key}: watching taught nothing"
        few = dict.fromkeys(learned, 2)
        model.keep(few)
        short = build(row, {**drawn(row, 2), **few}, 0, plan=cleaned, task=row.task).fit(*known)
        gap = np.abs(model.score(features) - short.score(features)).max()
        assert gap < 1e-6, f"{row.key}: keeping two rounds is not learning two rounds"
        again = _fitted(row, {**drawn(row, 2), **learned}, dataset, cleaned)
        assert np.isfinite(again.score(features)).all(), f"{row.key}: scores are not finite"


def check_any_rows(row: Algorithm, rows: Array, params: Mapping[str, Any] | None = None) -> str:
    """Prepared rows, however bad, get finite scores of their own, or a sentence: it is returned.

    Where the detector wants labels, every fourth row is labelled an anomaly.
    """
    guard = detectors.guard(row, {**row.default, **(params or {})}, 0)
    labels = (np.arange(len(rows)) % 4 == 0).astype(int) if "labels" in row.needs else None
    before = rows.copy()
    try:
        guard.fit(rows, labels)
    except CannotDetect as error:
        told = str(error)
        assert told.endswith("."), f"{row.key}: {told}"
        assert "\n" not in told, f"{row.key}: {told}"
        assert len(told) < 600, f"{row.key}: {told}"
        return told
    scores = guard.score(rows)
    assert scores.shape == (len(rows),), f"{row.key}: {scores.shape} scores"
    assert np.isfinite(scores).all(), f"{row.key}: scores are not finite"
    near = 1e-6 * max(1.0, float(np.ptp(scores)))
    for some in ([0], [len(rows) - 1], list(range(len(rows)))[::-3]):
        gap = np.abs(guard.score(rows[some]) - scores[some])
        off = gap > near + 1e-4 * np.abs(scores[some])
        assert not off.any(), f"{row.key}: a score depends on its batch, by {gap.max()}"
    np.testing.assert_array_equal(rows, before)
    return ""


def drawn(row: Algorithm, seed: int) -> dict[str, Any]:
    """Return a random point of a row's space."""
    verbosity = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=seed))
    optuna.logging.set_verbosity(verbosity)
    return row.suggest(study.ask())


def _fitted(row: Algorithm, params: Mapping[str, Any], dataset: Dataset, cleaned: Plan) -> Model:
    model = build(row, params, 0, plan=cleaned, task=row.task)
    labels = dataset.labels
    if "labels" in row.needs and labels is None:
        labels = (dataset.features["depth"] > 1).astype(int)
    return model.fit(dataset.features, labels)
