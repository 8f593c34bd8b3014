"""What runs on a worker: build, fit and score, fold by fold. A failure is an outcome.

A worker knows neither Optuna nor MLflow nor the journal. Every fit has one thread; a search gains
more from many trials side by side than from threads that wait for each other.

What stops early watches its fold's test rows, and would look better than it is if it were judged
there with the rounds that suit those rows best. So each fold is judged with the mean rounds of
the other folds; where there is but one, a part of the training rows is watched instead.
"""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, cast

import numpy as np
from threadpoolctl import threadpool_limits

from pipelines import memory, shelf
from pipelines.adapters import Stoppable, build
from pipelines.ceilings import NONE as NO_CEILINGS
from pipelines.task import Task

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    import pandas as pd

    from pipelines.adapters import Model
    from pipelines.algorithms import Algorithm
    from pipelines.ceilings import Ceilings
    from pipelines.cleaning.plan import Plan
    from pipelines.metrics import Metric

Array: TypeAlias = np.ndarray[Any, Any]
WATCHED_ROWS = 20_000
LEARNING, LEAST_LEFT = 0.8, 0.1
"""How much of a fold's time goes into learning, and what share of a trial's a fold is worth."""
MOST_KEPT = 5
"""So many of the folds' models are kept: one round of folds, also where they are repeated."""
Origin = Literal["default", "portfolio", "tuned", "ensemble"]


@dataclass(frozen=True, slots=True)
class Trial:
    """The question sent to a worker."""

    number: int
    algorithm_key: str
    params: Mapping[str, Any]
    seed: int
    origin: Origin
    bar: float | None = None
    """What the first fold must reach for the others to be worth their time."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """The answer sent back. Exactly one of ``score`` and ``failure`` is set."""

    score: float | None
    metrics: Mapping[str, float] = field(default_factory=dict)
    folds: tuple[float, ...] = ()
    seconds: float = 0.0
    failure: str | None = None
    out_of_fold: Array | None = field(default=None, compare=False, repr=False)
    """(rows, classes) probabilities, or (rows,) values or scores; NaN where no fold tested."""
    learned: Mapping[str, Any] = field(default_factory=dict)
    """What the folds taught, to refit with: the rounds a booster needs."""
    complete: bool = True
    """False where it was stopped before its last fold, by the bar or by the clock."""
    bag: str | None = None
    """The digest of its folds' models, where they are kept."""
    packed: bytes | None = field(default=None, compare=False, repr=False)
    """The folds' models on their way to the shelf."""

    @property
    def state(self) -> str:
        """Return complete, stopped or failed."""
        if self.failure is not None:
            return "failed"
        return "complete" if self.complete else "stopped"


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """What every trial of a search shares. It is sent to each worker once."""

    features: pd.DataFrame
    labels: pd.Series | None
    task: Task
    classes: tuple[Any, ...]
    plan: Plan
    rows: Mapping[str, Algorithm]
    metrics: tuple[Metric, ...]
    """The first one decides."""
    folds: Sequence[tuple[Array, Array]]
    """Training and test positions; none where there are no labels to test on."""
    ceilings: Ceilings = NO_CEILINGS
    """What a model may cost; each trial measures what somebody minds."""
    memory: int | None = None
    """Bytes that a trial may take beyond what its worker holds already."""
    bagged: bool = False
    """Whether the folds' models are kept, to answer together."""
    shelf: Path | None = None
    """The folder to lay them down in; None where that is on another machine: then they travel."""

    @property
    def metric(self) -> Metric:
        """The metric that decides."""
        return self.metrics[0]

    def truth(self, positions: Array) -> Array:
        """Return labels as class codes, as values, or as 0 and 1."""
        if self.labels is None:
            raise TypeError("There are no labels.")
        return as_truth(self.labels.iloc[positions], self.task, self.classes)


def as_truth(labels: pd.Series, task: Task, classes: Sequence[Any]) -> Array:
    """Return labels as metrics want them: class codes, values, or 0 and 1.

    A model that finds anomalies knows no classes: then the labels say which of them is usual.

    >>> import pandas as pd
    >>> as_truth(pd.Series(["no", "yes"]), Task.CLASSIFICATION, ("no", "yes")).tolist()
    [0, 1]
    """
    if task is Task.REGRESSION:
        return labels.to_numpy(dtype=float)
    known = classes if classes or task is not Task.ANOMALY else usual_first(labels)
    codes = {label: code for code, label in enumerate(known)}
    return np.array([codes[label] for label in labels.tolist()], dtype=int)


def usual_first(labels: pd.Series) -> tuple[Any, ...]:
    """Return the two values that label anomalies, that of usual rows first.

    >>> import pandas as pd
    >>> usual_first(pd.Series(["odd", "fine", "fine"])), usual_first(pd.Series([0, 0, 1]))
    (('fine', 'odd'), (0, 1))
    """
    often = labels.value_counts()
    values = tuple(sorted(often.index.tolist()))
    if set(values) <= {0, 1}:
        return (False, True) if isinstance(values[0], bool) else (0, 1)
    return values if often[values[-1]] <= often[values[0]] else values[::-1]


def answer_of(model: Model, features: pd.DataFrame, classes: Sequence[Any]) -> Array:
    """Return a model's whole answer, its columns in the order of the classes."""
    if model.task is not Task.CLASSIFICATION:
        return model.score(features)
    given = model.probabilities(features)
    if model.classes == tuple(classes):
        return given
    answer = np.zeros((len(given), len(classes)))
    for column, label in enumerate(model.classes):
        answer[:, list(classes).index(label)] = given[:, column]
    return answer


def run(trial: Trial, work: Work, seconds: float | None = None) -> Outcome:
    """Fit and score one trial, in about ``seconds`` at most. Never raises.

    A trial that misses its bar on the first fold, or runs out of time after it, comes back with
    the folds it has and ``complete=False``.
    """
    started = time.perf_counter()
    try:
        with threadpool_limits(1), memory.limited(work.memory):
            found = _judge(trial, work, seconds)
    except Exception as error:  # noqa: BLE001 - the search must survive any algorithm
        reason = " ".join(str(error).split())[:300]
        found = Outcome(None, failure=f"{type(error).__name__}: {reason}")
        if work.memory is not None and memory.ran_out(error):
            found = Outcome(None, failure=memory.told(work.memory))
    return replace(found, seconds=time.perf_counter() - started)


def _judge(trial: Trial, work: Work, seconds: float | None) -> Outcome:
    if work.labels is None:
        model = _model(trial, work).fit(work.features)
        return _unlabelled(model.score(work.features))
    with shelf.Bag(work.shelf) as bag:
        return _judge_folds(trial, work, seconds, bag)


def _judge_folds(trial: Trial, work: Work, seconds: float | None, bag: shelf.Bag) -> Outcome:
    clock, kept, stops = _Clock(seconds, len(work.folds)), _kept(trial, work), False
    parts: list[_Part] = []
    cost: dict[str, float] = {}
    for number, (train, test) in enumerate(work.folds):
        if number and not clock.has_time_for(number, stops=stops):
            break
        model = _model(trial, work)
        stops = isinstance(model, Stoppable) and model.stops
        parts.append(_fold(model, work, (train, test), clock.share(number)))
        if number == 0:
            growth = len(work.features) / len(train)
            cost = work.ceilings.measured(model, work.features, growth)
        del model  # while the next one grows, this one is held by its part alone
        if number == 0 and trial.bar is not None and _tally(parts, work).misses(trial.bar):
            break
        if parts[-1].answer is not None:
            parts[-1] = parts[-1].laid_down(bag if number < kept else None)
    outcome = _tally(parts, work).outcome()
    outcome = replace(outcome, metrics={**outcome.metrics, **cost})
    if not outcome.complete:
        return outcome
    for part in parts[:kept]:
        part.laid_down(bag)
    name, packed = bag.close()
    return replace(outcome, bag=name, packed=packed)


def _kept(trial: Trial, work: Work) -> int:
    """Return how many models are kept, if the folds' mean is what a trial is good for."""
    bags = work.bagged and len(work.folds) > 1 and not work.rows[trial.algorithm_key].steady
    return MOST_KEPT if bags else 0


@dataclass(frozen=True, slots=True)
class _Part:
    """One fold: its model, and its answer unless that waits for what other folds teach."""

    test: Array
    learned: Mapping[str, Any]
    model: Model | None = None
    answer: Array | None = None

    def answered(self, work: Work, others: Mapping[str, Any]) -> Array:
        """Return the answer, by what the other folds taught."""
        if self.answer is not None:
            return self.answer
        if isinstance(self.model, Stoppable):
            self.model.keep(others)
        return answer_of(cast("Model", self.model), work.features.iloc[self.test], work.classes)

    def laid_down(self, bag: shelf.Bag | None) -> _Part:
        """Return the part without its model, which goes into a bag if there is one."""
        if bag is not None and self.model is not None:
            bag.put(self.model)
        return replace(self, model=None)


def _tally(parts: Sequence[_Part], work: Work) -> _Tally:
    tally = _Tally(work)
    for part in parts:
        others = [each.learned for each in parts if each is not part] or [part.learned]
        tally.add(part.test, part.answered(work, _averaged(others)), part.learned)
    return tally


def _model(trial: Trial, work: Work) -> Model:
    row = work.rows[trial.algorithm_key]
    return build(row, trial.params, trial.seed, plan=work.plan, task=work.task)


def _fold(model: Model, work: Work, fold: tuple[Array, Array], seconds: float | None) -> _Part:
    if work.labels is None:
        raise TypeError("There are no labels.")
    known, test = fold
    if isinstance(model, Stoppable) and model.stops:
        alone = len(work.folds) == 1
        known, watched = _parted(known) if alone else fold
        learned = model.fit_watching(
            work.features.iloc[known], work.labels.iloc[known],
            work.features.iloc[watched], work.labels.iloc[watched], seconds,
        )  # fmt: skip
        if learned and not alone:
            return _Part(test, learned, model)
        model.keep(learned)
    else:
        learned = {}
        model.fit(work.features.iloc[known], work.labels.iloc[known])
    answer = answer_of(model, work.features.iloc[test], work.classes)
    return _Part(test, learned, model, answer)


def _parted(known: Array) -> tuple[Array, Array]:
    """Take some rows out of those to learn from, for watching."""
    order = np.random.default_rng(0).permutation(known)
    few = max(1, min(WATCHED_ROWS, len(order) // 10))
    return np.sort(order[few:]), np.sort(order[:few])


def _unlabelled(scores: Array) -> Outcome:
    """Return a detector's scores; how they agree with the others' is the search's to say."""
    if not np.isfinite(scores).all():
        raise ValueError("some scores are not finite numbers")
    return Outcome(math.nan, out_of_fold=scores.astype(np.float32))


class _Clock:
    """The time one trial may take, shared out over its folds."""

    def __init__(self, seconds: float | None, folds: int) -> None:
        self._started, self._seconds, self._folds = time.perf_counter(), seconds, folds

    def share(self, done: int) -> float | None:
        """Return the seconds that learning may take in the next fold."""
        return None if self._seconds is None else LEARNING * self._left / (self._folds - done)

    def has_time_for(self, done: int, *, stops: bool) -> bool:
        """Say whether one more fold fits: what stops in time nearly always does."""
        if self._seconds is None:
            return True
        needed = LEAST_LEFT * self._seconds if stops else (self._seconds - self._left) / done
        return needed <= self._left

    @property
    def _left(self) -> float:
        return (self._seconds or 0.0) - (time.perf_counter() - self._started)


class _Tally:
    """Scores and predictions, collected fold by fold."""

    def __init__(self, work: Work) -> None:
        self._work = work
        width = (len(work.classes),) if work.task is Task.CLASSIFICATION else ()
        self._sum = np.zeros((len(work.features), *width))
        self._times = np.zeros(len(work.features), dtype=int)
        self._metrics: list[dict[str, float]] = []
        self._learned: list[Mapping[str, Any]] = []

    def add(self, test: Array, answer: Array, learned: Mapping[str, Any]) -> None:
        """Take in one fold's predictions."""
        if not np.isfinite(answer).all():
            raise ValueError("some of its predictions are not finite numbers")
        truth = self._work.truth(test)
        self._metrics.append({m.key: m.of(truth, answer) for m in self._work.metrics})
        self._learned.append(learned)
        self._sum[test] += answer
        self._times[test] += 1

    def misses(self, bar: float) -> bool:
        """Say whether the first fold is worse than the bar."""
        metric = self._work.metric
        return metric.signed(self._metrics[0][metric.key]) < metric.signed(bar)

    def outcome(self) -> Outcome:
        """Return the mean over the folds; a fold where a metric is not defined does not count."""
        means = {metric.key: self._mean(metric.key) for metric in self._work.metrics}
        score = means[self._work.metric.key]
        if not math.isfinite(score):
            raise ValueError(f"{self._work.metric.key} is not defined on any fold")
        known = {key: value for key, value in means.items() if math.isfinite(value)}
        with np.errstate(invalid="ignore"):
            times = self._times.reshape(-1, *[1] * (self._sum.ndim - 1))
            predictions = np.where(times > 0, self._sum / np.maximum(times, 1), np.nan)
        return Outcome(
            score,
            known,
            tuple(fold[self._work.metric.key] for fold in self._metrics),
            out_of_fold=predictions.astype(np.float32),
            learned=_averaged(self._learned),
            complete=len(self._metrics) == len(self._work.folds),
        )

    def _mean(self, key: str) -> float:
        values = [fold[key] for fold in self._metrics if math.isfinite(fold[key])]
        return float(np.mean(values)) if values else math.nan


def _averaged(learned: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    names = {name for each in learned for name in each}
    return {
        name: max(1, round(np.mean([each[name] for each in learned if name in each])))
        for name in sorted(names)
    }
