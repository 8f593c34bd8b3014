"""The global section: which columns move the answers, and which the model relies on."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from pipelines.explain import statistics
from pipelines.explain.binning import Bins, as_numbers
from pipelines.explain.facts import Curve, Overall, Reliance, Status, Weight
from pipelines.explain.question import Mixer, OutOfTime, worded
from pipelines.explain.rows import extent
from pipelines.explain.work import judge

if TYPE_CHECKING:
    from pipelines.explain.work import Work

MOST_CURVES = 8
MOST_POINTS = 150
MOST_LEVELS = 12
RELIANCE_ROWS = 1_000
RELIANCE_DRAWS = 4


def section(work: Work) -> Overall:
    """Return what holds over all rows."""
    if work.attribution is None:
        status = Status.skipped("the budget did not suffice for attributions")
        return Overall(status=status)
    found = weights(work)
    try:
        relied, status = reliance(work)
    except OutOfTime:
        relied, status = (), Status.skipped("the budget ended before it")
    return Overall(
        status=extent(work, len(work.drawn)),
        weights=found,
        reliance=relied,
        reliance_status=status,
        curves=curves(work, [weight.column for weight in found[:MOST_CURVES]]),
    )


def weights(work: Work) -> tuple[Weight, ...]:
    """Return every column's mean |contribution| with its bootstrap interval, strongest first."""
    if work.attribution is None:
        return ()
    found = work.shap_of(work.drawn)
    sizes = np.abs(found.values)
    by_output = sizes.mean(axis=0)
    strength = by_output.mean(axis=1)
    low, high = statistics.bootstrap_means(sizes.mean(axis=2), work.seed)
    total = strength.sum() or 1.0
    return tuple(
        Weight(
            column=work.columns[j],
            strength=float(strength[j]),
            low=float(low[j]),
            high=float(high[j]),
            share=float(strength[j] / total),
            by_output=tuple(by_output[j].tolist()),
            direction=_direction(work, int(j)),
        )
        for j in np.argsort(-strength, kind="stable")
    )


def _direction(work: Work, column: int) -> float:
    numbers = as_numbers(work.frame.iloc[work.drawn, column])
    found = work.shap_of(work.drawn)
    if numbers is None or found.values.shape[2] > 1:
        return 0.0
    known = np.isfinite(numbers)
    moved = found.values[known, column, 0]
    if known.sum() < 3 or np.ptp(numbers[known]) == 0 or np.ptp(moved) == 0:
        return 0.0
    return float(statistics.rank_agreement(numbers[known][None], moved[None])[0])


def reliance(work: Work) -> tuple[tuple[Reliance, ...], Status]:
    """Return permutation importance: each column drawn anew from the background, row by row."""
    if work.losses is None:
        return (), Status.skipped("there are no labels")
    rng = np.random.default_rng(work.seed + 2)
    rows = rng.permutation(work.judged)[:RELIANCE_ROWS]
    if len(rows) < 3:
        return (), Status.skipped("fewer than 3 labelled rows")
    mixer = Mixer.of(work.frame.iloc[rows], work.background)
    many, columns = len(rows), len(work.columns)
    changes = np.zeros((many, columns))
    own = np.repeat(np.arange(many)[:, None], columns, axis=1)
    for column in range(columns):
        work.clock.require()
        for _ in range(RELIANCE_DRAWS):
            which = own.copy()
            which[:, column] = many + rng.integers(0, len(work.background), many)
            changes[:, column] += _loss(work, mixer.rows(which), rows) - work.losses[rows]
    changes /= RELIANCE_DRAWS
    p_values = statistics.rises(changes)
    corrected = statistics.holm(p_values)
    found = []
    for column, name in enumerate(work.columns):
        rise, low, high = statistics.mean_interval(changes[:, column])
        found.append(
            Reliance(
                column=name,
                rise=rise,
                low=low,
                high=high,
                p_value=float(p_values[column]),
                p_holm=float(corrected[column]),
            )
        )
    found.sort(key=lambda one: -one.rise)
    why = f"{RELIANCE_DRAWS} draws a row, in {work.loss}"
    return tuple(found), Status.sampled(many, None, why)


def _loss(work: Work, frame: pd.DataFrame, rows: np.ndarray) -> np.ndarray:
    labels = None if work.labels is None else work.labels.iloc[rows].reset_index(drop=True)
    losses, _ = judge(work.question, frame, work.question.ask(frame), labels)
    return np.zeros(len(rows)) if losses is None else losses


def curves(work: Work, columns: list[str]) -> tuple[Curve, ...]:
    """Return how contributions change with the value, for each output's own strongest class."""
    if work.attribution is None:
        return ()
    found = work.shap_of(work.drawn)
    rng = np.random.default_rng(work.seed + 3)
    some = rng.permutation(len(work.drawn))[:MOST_POINTS]
    output = int(np.abs(found.values).mean(axis=(0, 1)).argmax())
    return tuple(_curve(work, found.values, name, output, some) for name in columns)


def _curve(work: Work, values: np.ndarray, name: str, output: int, some: np.ndarray) -> Curve:
    column = work.frame[name].iloc[work.drawn]
    moved = values[:, work.columns.index(name), output]
    numbers = as_numbers(column)
    codes, labels, centres = _bins(column, numbers)
    parts = [moved[codes == code] for code in range(len(labels))]
    stats = [statistics.mean_interval(part) for part in parts]
    place = codes.astype(float) if numbers is None else numbers
    pairs = zip(place[some].tolist(), moved[some].tolist(), strict=True)
    points = tuple(pair for pair in pairs if np.isfinite(pair[0]))
    return Curve(
        column=name,
        output=work.question.outputs[output],
        numeric=numbers is not None,
        labels=tuple(labels),
        centres=tuple(centres),
        rows=tuple(len(part) for part in parts),
        contribution=tuple(one[0] for one in stats),
        low=tuple(one[1] for one in stats),
        high=tuple(one[2] for one in stats),
        points=points,
    )


def _bins(
    column: pd.Series, numbers: np.ndarray | None
) -> tuple[np.ndarray, list[str], list[float]]:
    """Return each row's bin, the bins' names and centres; missing values come last."""
    cut = Bins.of(column, parts=10)
    codes = cut.codes(column).astype(int)
    present = sorted(set(codes[codes >= 0].tolist()))
    if numbers is None:
        present = present[:MOST_LEVELS]
        labels = [worded(cut.levels[c]) if c < len(cut.levels) else "other" for c in present]
        centres = [float(place) for place in range(len(present))]
    else:
        centres = [float(np.median(numbers[codes == c])) for c in present]
        labels = [_number_label(column, centre) for centre in centres]
    place = {code: index for index, code in enumerate(present)}
    if (codes < 0).any():
        place[-1] = len(place)
        labels.append("missing")
        centres.append(float("nan"))
    return np.array([place.get(code, -1) for code in codes.tolist()]), labels, centres


def _number_label(column: pd.Series, centre: float) -> str:
    if pd.api.types.is_datetime64_any_dtype(column.dtype):
        return str(np.datetime64(int(centre), "s").astype("datetime64[D]"))
    return worded(centre, 4)
