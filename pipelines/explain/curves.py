"""How contributions and answers change with one column's value.

Contributions come from the attributions (SHAP dependence). Answers come from asking again with
the column set to a few typical cells: their mean over rows is partial dependence, single rows are
individual conditional expectations. Where columns go together, such rows may be unlike any real
one; accumulated local effects only move each row to the neighbouring values.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from pipelines.explain import statistics
from pipelines.explain.binning import Bins, as_numbers
from pipelines.explain.facts import Curve
from pipelines.explain.question import Mixer, worded

if TYPE_CHECKING:
    from pipelines.explain.work import Work

MOST_POINTS = 150
MOST_LEVELS = 12
ASKED_ROWS = 100
SHOWN_ROWS = 12
MOVED_ROWS = 300


@dataclass(frozen=True)
class Grid:
    """A column's bins: each row's, their names and centres, a row with a typical cell of each."""

    codes: np.ndarray
    labels: list[str]
    centres: list[float]
    typical: np.ndarray


def curves(work: Work, columns: list[str]) -> tuple[Curve, ...]:
    """Return how contributions and answers change with the value, for the strongest output."""
    if work.attribution is None:
        return ()
    found = work.shap_of(work.drawn)
    rng = np.random.default_rng(work.seed + 3)
    some = rng.permutation(len(work.drawn))[:MOST_POINTS]
    output = int(np.abs(found.values).mean(axis=(0, 1)).argmax())
    grids = [_grid(work.frame[name].iloc[work.drawn]) for name in columns]
    made = tuple(
        _curve(work, found.values, (name, grid), output, some)
        for name, grid in zip(columns, grids, strict=True)
    )
    if work.clock.left <= work.clock.budget * 0.1 or not columns:
        return made
    return _asked(work, made, grids, output)


def _curve(
    work: Work, values: np.ndarray, of: tuple[str, Grid], output: int, some: np.ndarray
) -> Curve:
    name, grid = of
    moved = values[:, work.columns.index(name), output]
    numbers = as_numbers(work.frame[name].iloc[work.drawn])
    stats = [
        statistics.mean_interval(moved[grid.codes == code]) for code in range(len(grid.labels))
    ]
    place = grid.codes.astype(float) if numbers is None else numbers
    pairs = zip(place[some].tolist(), moved[some].tolist(), strict=True)
    return Curve(
        column=name,
        output=work.question.outputs[output],
        numeric=numbers is not None,
        labels=tuple(grid.labels),
        centres=tuple(grid.centres),
        rows=tuple(int((grid.codes == code).sum()) for code in range(len(grid.labels))),
        contribution=tuple(one[0] for one in stats),
        low=tuple(one[1] for one in stats),
        high=tuple(one[2] for one in stats),
        points=tuple(pair for pair in pairs if np.isfinite(pair[0])),
    )


def _grid(column: pd.Series) -> Grid:
    """Cut a column; missing values come last."""
    numbers = as_numbers(column)
    cut = Bins.of(column, parts=10)
    codes = cut.codes(column).astype(int)
    present = sorted(set(codes[codes >= 0].tolist()))
    if numbers is None:
        present = present[:MOST_LEVELS]
        labels = [worded(cut.levels[c]) if c < len(cut.levels) else "other" for c in present]
        centres = [float(place) for place in range(len(present))]
        typical = [int(np.flatnonzero(codes == c)[0]) for c in present]
    else:
        centres = [float(np.median(numbers[codes == c])) for c in present]
        labels = [_number_label(column, centre) for centre in centres]
        typical = [int(np.nanargmin(np.abs(numbers - centre))) for centre in centres]
    place = {code: index for index, code in enumerate(present)}
    if (codes < 0).any():
        place[-1] = len(place)
        labels.append("missing")
        centres.append(float("nan"))
        typical.append(int(np.flatnonzero(codes < 0)[0]))
    known = np.array([place.get(code, -1) for code in codes.tolist()])
    return Grid(known, labels, centres, np.array(typical, dtype=int))


def _number_label(column: pd.Series, centre: float) -> str:
    if pd.api.types.is_datetime64_any_dtype(column.dtype):
        return str(np.datetime64(int(centre), "s").astype("datetime64[D]"))
    return worded(centre, 4)


def _asked(
    work: Work, made: tuple[Curve, ...], grids: list[Grid], output: int
) -> tuple[Curve, ...]:
    """Add partial dependence with single rows, and accumulated local effects for numbers."""
    frame = work.frame.iloc[work.drawn]
    mixer = Mixer(frame)
    rows = np.arange(min(ASKED_ROWS, len(frame)))
    wanted, parts = [], []
    for curve, grid in zip(made, grids, strict=True):
        column = work.columns.index(curve.column)
        wanted.append(_set(rows, column, grid.typical, frame.shape[1]))
        steps = _steps(grid, len(frame)) if curve.numeric else np.empty((0, 3), int)
        for side in (0, 1):
            cells = np.repeat(steps[:, 2][:, None], frame.shape[1], axis=1)
            cells[:, column] = grid.typical[steps[:, side]]
            wanted.append(cells)
        parts.append(steps)
    answers = work.question.ask(mixer.rows(np.concatenate(wanted)))[:, output]
    pieces = iter(np.split(answers, np.cumsum([len(one) for one in wanted])[:-1]))
    found = []
    for curve, grid, steps in zip(made, grids, parts, strict=True):
        table = next(pieces).reshape(len(rows), len(grid.typical))
        below, above = next(pieces), next(pieces)
        found.append(
            replace(
                curve,
                answer=tuple(table.mean(axis=0).tolist()),
                single=tuple(map(tuple, table[:SHOWN_ROWS].tolist())),
                local=_accumulated(grid, steps, above - below),
            )
        )
    return tuple(found)


def _set(rows: np.ndarray, column: int, typical: np.ndarray, columns: int) -> np.ndarray:
    """Return every row with the column set to every typical cell."""
    which = np.repeat(np.repeat(rows, len(typical))[:, None], columns, axis=1)
    which[:, column] = np.tile(typical, len(rows))
    return which


def _steps(grid: Grid, many: int) -> np.ndarray:
    """Return (bin below, bin above, row) for rows that lie next to both."""
    known = int(np.isfinite(grid.centres).sum())
    rows = np.flatnonzero((grid.codes[:many] >= 0) & (grid.codes[:many] < known))[:MOVED_ROWS]
    codes = grid.codes[rows]
    down = np.column_stack([codes - 1, codes, rows])[codes > 0]
    up = np.column_stack([codes, codes + 1, rows])[codes < known - 1]
    return np.concatenate([down, up]).astype(int)


def _accumulated(grid: Grid, steps: np.ndarray, moves: np.ndarray) -> tuple[float, ...]:
    """Add up the mean moves between neighbouring bins; centred over the rows."""
    known = int(np.isfinite(grid.centres).sum())
    if not len(steps) or known < 2:
        return ()
    sums = np.bincount(steps[:, 0], moves, minlength=known)[: known - 1]
    many = np.bincount(steps[:, 0], minlength=known)[: known - 1]
    path = np.concatenate([[0.0], np.cumsum(sums / np.maximum(many, 1))])
    rows = np.bincount(grid.codes[(grid.codes >= 0) & (grid.codes < known)], minlength=known)
    return tuple((path - np.average(path, weights=rows)).tolist())
