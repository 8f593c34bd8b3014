"""Slices where the model errs: chosen on one half of the rows, tested on the other.

Every column is cut into atomic bins; a condition is a run of neighbouring bins (numbers, dates)
or one level. Sums of losses over every pair of atomic bins come from one matrix product; sums
over runs are differences of cumulated sums, so that every pair of runs costs one subtraction. The
best slices of the first half are tested on the second, where nothing was chosen, and corrected by
Holm.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np

from pipelines.explain import statistics
from pipelines.explain.binning import Bins, as_numbers, interval
from pipelines.explain.facts import Status
from pipelines.explain.question import worded

if TYPE_CHECKING:
    import pandas as pd

    from pipelines.explain.work import Work

    Found = tuple[str, str, np.ndarray, float]

SMALLEST = 20
SMALLEST_SHARE = 0.01
LARGEST_SHARE = 0.5
PARTS = 8
MOST_LEVELS = 12
TESTED = 8
FEWEST_ROWS = 200
OVERLAP = 0.5
MOST_COLUMNS = 40


@dataclass(frozen=True)
class Cut:
    """One column in atomic bins, and the conditions that can be said with them."""

    column: int
    codes: np.ndarray
    bins: int
    runs: tuple[tuple[int, int], ...]
    """First and last bin of each condition, both included."""
    words: tuple[str, ...]


def search(work: Work) -> tuple[list[Found], int, Status]:
    """Return the slices that hold on fresh rows, how many were tried, and how."""
    rows = work.judged
    if work.losses is None:
        return [], 0, Status.skipped("there are no labels")
    if len(rows) < FEWEST_ROWS:
        return [], 0, Status.skipped(f"{len(rows)} labelled rows; it takes {FEWEST_ROWS}")
    if work.clock.left <= 0:
        return [], 0, Status.skipped("the budget ended before it")
    rng = np.random.default_rng(work.seed + 4)
    shuffled = rng.permutation(rows)
    first, second = np.sort(shuffled[: len(rows) // 2]), np.sort(shuffled[len(rows) // 2 :])
    cuts = [cut(work.frame, column) for column in range(min(MOST_COLUMNS, len(work.columns)))]
    cuts = [one for one in cuts if len(one.runs) > 1]
    picked, tried = choose(cuts, first, work.losses[first])
    why = f"{tried:,} tried on {len(first):,} rows, the best tested on {len(second):,} others"
    status = Status.sampled(len(rows), None, why)
    if not picked:
        return [], tried, status
    masks = [_mask(cuts, one, len(work.frame)) for one in picked]
    p_values = np.array([_p(work.losses, mask, second) for mask in masks])
    corrected = statistics.holm(p_values)
    found = [
        (_words(cuts, one), _columns(work, cuts, one), mask, float(p))
        for one, mask, p in zip(picked, masks, corrected, strict=True)
        if p < 0.05
    ]
    return found, tried, status


def _p(losses: np.ndarray, mask: np.ndarray, rows: np.ndarray) -> float:
    """Return the one-sided p-value of a higher loss than the rest's, on untouched rows."""
    inside = mask[rows]
    gap, _, _, p_value = statistics.welch(losses[rows][inside], losses[rows][~inside])
    return p_value / 2 if gap > 0 else 1.0


def cut(frame: pd.DataFrame, column: int, parts: int = PARTS) -> Cut:
    """Cut one column into atomic bins; missing values are a bin of their own, at the end."""
    series = frame.iloc[:, column]
    made = Bins.of(series, parts=parts)
    codes = made.codes(series).astype(int)
    if as_numbers(series) is None:
        kept = min(MOST_LEVELS, len(made.levels))
        codes = np.where(codes >= kept, kept, codes)
        words = [f"{series.name} = {worded(made.levels[code])}" for code in range(kept)]
        words += [f"{series.name} is anything else"]
        runs = [(code, code) for code in range(kept + 1)]
        bins = kept + 1
    else:
        runs, words, bins = _number_runs(series, np.empty(0) if made.edges is None else made.edges)
    missing = codes < 0
    if missing.any():
        codes = np.where(missing, bins, codes)
        runs.append((bins, bins))
        words.append(f"{series.name} is missing")
        bins += 1
    return Cut(column, codes, bins, tuple(runs), tuple(words))


def _number_runs(
    series: pd.Series, edges: np.ndarray
) -> tuple[list[tuple[int, int]], list[str], int]:
    bins = len(edges) + 1
    runs = [
        (first, last)
        for first in range(bins)
        for last in range(first, bins)
        if not (first == 0 and last == bins - 1)
    ]
    return runs, [interval(series, edges, *run) for run in runs], bins


Pick = tuple[tuple[int, int], ...]
"""Conditions as (cut, run) pairs."""


def choose(cuts: list[Cut], rows: np.ndarray, losses: np.ndarray) -> tuple[list[Pick], int]:
    """Return the best distinct slices on these rows, and how many were looked at."""
    whole = (len(rows), losses.sum(), (losses**2).sum())
    smallest = max(SMALLEST, int(SMALLEST_SHARE * len(rows)))
    codes = [one.codes[rows] for one in cuts]
    candidates: list[tuple[float, Pick]] = []
    tried = 0
    for place, one in enumerate(cuts):
        sums = [_runs(t, one.runs) for t in _tables(one.bins, codes[place], losses)]
        scores = _scores(sums, whole, smallest)
        tried += int(np.isfinite(scores).sum())
        candidates += [(float(scores[run]), ((place, int(run)),)) for run in _best(scores)]
    for a, b in combinations(range(len(cuts)), 2):
        both = codes[a] * cuts[b].bins + codes[b]
        tables = _tables(cuts[a].bins * cuts[b].bins, both, losses)
        sums = [
            _runs(_runs(t.reshape(cuts[a].bins, cuts[b].bins), cuts[a].runs).T, cuts[b].runs).T
            for t in tables
        ]
        scores = _scores(sums, whole, smallest)
        tried += int(np.isfinite(scores).sum())
        for flat in _best(scores.ravel()):
            run_a, run_b = divmod(int(flat), len(cuts[b].runs))
            candidates.append((float(scores[run_a, run_b]), ((a, run_a), (b, run_b))))
    candidates.sort(key=lambda pair: (-pair[0], len(pair[1])))
    return _distinct(cuts, candidates, rows), tried


def _tables(bins: int, codes: np.ndarray, losses: np.ndarray) -> list[np.ndarray]:
    """Return count and sum of the losses in each atomic bin."""
    return [
        np.bincount(codes, minlength=bins).astype(float),
        np.bincount(codes, losses, minlength=bins),
    ]


def _runs(table: np.ndarray, runs: tuple[tuple[int, int], ...]) -> np.ndarray:
    """Return sums over runs of the first axis, as differences of cumulated sums."""
    total = np.concatenate([np.zeros((1, *table.shape[1:])), table.cumsum(axis=0)])
    ends = np.array(runs)
    result: np.ndarray = total[ends[:, 1] + 1] - total[ends[:, 0]]
    return result


def _scores(
    sums: list[np.ndarray], whole: tuple[float, float, float], smallest: int
) -> np.ndarray:
    """Return the gap of slice and rest in its own noise; minus infinity for too small slices.

    The noise is that of all rows. Against the slice's own spread, as Welch's test has it, a slice
    of scattered losses would gain by taking quiet neighbours in, and its edges would be lost.
    """
    many, total = sums
    others = whole[0] - many
    fit = (many >= smallest) & (many <= LARGEST_SHARE * whole[0]) & (others >= smallest)
    spread = np.sqrt(max(0.0, whole[2] / whole[0] - (whole[1] / whole[0]) ** 2))
    with np.errstate(invalid="ignore", divide="ignore"):
        gaps = total / many - (whole[1] - total) / others
        scores = gaps * np.sqrt(many * others / whole[0]) / spread
    return np.where(fit & np.isfinite(scores), scores, -np.inf)


def _best(scores: np.ndarray, many: int = 20) -> np.ndarray:
    order = np.argsort(-scores, kind="stable")[:many]
    return order[scores[order] > 2]


def _distinct(
    cuts: list[Cut], candidates: list[tuple[float, Pick]], rows: np.ndarray
) -> list[Pick]:
    """Keep the best slices that do not tell the same story twice."""
    kept: list[Pick] = []
    masks: list[np.ndarray] = []
    for _, pick in candidates[:400]:
        mask = _mask(cuts, pick, len(cuts[0].codes))[rows]
        if all(_overlap(mask, other) < OVERLAP for other in masks):
            kept.append(pick)
            masks.append(mask)
        if len(kept) == TESTED:
            break
    return kept


def _overlap(one: np.ndarray, two: np.ndarray) -> float:
    """Return the share of the smaller slice that lies in the other."""
    return float((one & two).sum() / max(1, min(one.sum(), two.sum())))


def _mask(cuts: list[Cut], pick: Pick, many: int) -> np.ndarray:
    mask = np.ones(many, bool)
    for place, run in pick:
        first, last = cuts[place].runs[run]
        mask &= (cuts[place].codes >= first) & (cuts[place].codes <= last)
    return mask


def _words(cuts: list[Cut], pick: Pick) -> str:
    return " and ".join(cuts[place].words[run] for place, run in pick)


def _columns(work: Work, cuts: list[Cut], pick: Pick) -> str:
    return ", ".join(work.columns[cuts[place].column] for place, _ in pick)
