"""Slices where the model errs: chosen on two thirds of the rows, tested on the others.

Every column is cut into atomic bins; a condition is a run of neighbouring bins (numbers, dates)
or one level. Sums of losses over every pair of atomic bins come from one matrix product; sums
over runs are differences of cumulated sums, so that every pair of runs costs one subtraction. The
edges of the best slices are then sharpened in finer bins, on the same rows. The others, where
nothing was chosen, test them, corrected by Holm.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
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
    Searched = tuple[list[Found], int, Status]

SMALLEST = 20
SMALLEST_SHARE = 0.01
LARGEST_SHARE = 0.5
CHOSEN_SHARE = 2 / 3
PARTS = 8
FINE_PARTS = 64
SWEEPS = 3
CLEARLY = 4.0
"""Twice the gain in log-likelihood for which an edge leaves the coarse bins."""
MOST_LEVELS = 12
TESTED = 8
FEWEST_ROWS = 200
OVERLAP = 0.5
MOST_COLUMNS = 40


@dataclass(frozen=True)
class Cut:
    """One column in atomic bins, and the conditions that can be said with them."""

    column: int
    series: pd.Series
    codes: np.ndarray
    bins: int
    runs: tuple[tuple[int, int], ...]
    """First and last bin of each condition, both included."""
    edges: np.ndarray
    levels: tuple[str, ...]
    """Words for the bins that hold no numbers or dates; these come after those that do."""

    @property
    def numbers(self) -> int:
        """How many of the bins hold numbers or dates, in order."""
        return self.bins - len(self.levels)

    def words(self, run: int) -> str:
        """Say one of the conditions."""
        first, last = self.runs[run]
        if first < self.numbers:
            return interval(self.series, self.edges, first, last)
        return self.levels[first - self.numbers]


def search(work: Work) -> Searched:
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
    first, second = (np.sort(part) for part in np.split(shuffled, [int(CHOSEN_SHARE * len(rows))]))
    cuts = [cut_of(work.frame, column) for column in range(min(MOST_COLUMNS, len(work.columns)))]
    cuts = [one for one in cuts if len(one.runs) > 1]
    picked, tried = choose(cuts, first, work.losses[first])
    why = f"{tried:,} tried on {len(first):,} rows, the best tested on {len(second):,} others"
    status = Status.sampled(len(rows), None, why)
    if not picked:
        return [], tried, status
    picked = _distinct([sharpened(work.frame, one, first, work.losses) for one in picked], first)
    masks = [mask_of(one, len(work.frame)) for one in picked]
    p_values = np.array([_p(work.losses, mask, second) for mask in masks])
    corrected = statistics.holm(p_values)
    found = [
        (_words(one), ", ".join(work.columns[cut.column] for cut, _ in one), mask, float(p))
        for one, mask, p in zip(picked, masks, corrected, strict=True)
        if p < 0.05
    ]
    return found, tried, status


def _p(losses: np.ndarray, mask: np.ndarray, rows: np.ndarray) -> float:
    """Return the one-sided p-value of a higher loss than the rest's, on untouched rows."""
    inside = mask[rows]
    gap, _, _, p_value = statistics.welch(losses[rows][inside], losses[rows][~inside])
    return p_value / 2 if gap > 0 else 1.0


def cut_of(frame: pd.DataFrame, column: int, parts: int = PARTS) -> Cut:
    """Cut one column into atomic bins; missing values are a bin of their own, at the end."""
    series = frame.iloc[:, column]
    made = Bins.of(series, parts=parts)
    codes = made.codes(series).astype(int)
    edges, levels = np.empty(0), []
    if as_numbers(series) is None:
        kept = min(MOST_LEVELS, len(made.levels))
        codes = np.where(codes >= kept, kept, codes)
        levels = [f"{series.name} = {worded(made.levels[code])}" for code in range(kept)]
        levels += [f"{series.name} is anything else"]
        bins, runs = kept + 1, [(code, code) for code in range(kept + 1)]
    else:
        edges = edges if made.edges is None else made.edges
        bins, runs = len(edges) + 1, _number_runs(len(edges) + 1)
    missing = codes < 0
    if missing.any():
        codes = np.where(missing, bins, codes)
        runs.append((bins, bins))
        levels.append(f"{series.name} is missing")
        bins += 1
    return Cut(column, series, codes, bins, tuple(runs), edges, tuple(levels))


def _number_runs(bins: int) -> list[tuple[int, int]]:
    return [
        (first, last)
        for first in range(bins)
        for last in range(first, bins)
        if not (first == 0 and last == bins - 1)
    ]


Pick = tuple[tuple[Cut, int], ...]
"""Conditions: a cut and one of its runs each."""


def choose(cuts: list[Cut], rows: np.ndarray, losses: np.ndarray) -> tuple[list[Pick], int]:
    """Return the best distinct slices on these rows, and how many were looked at."""
    whole = (len(rows), losses.sum(), (losses**2).sum())
    smallest = max(SMALLEST, int(SMALLEST_SHARE * len(rows)))
    codes = [one.codes[rows] for one in cuts]
    candidates: list[tuple[float, tuple[tuple[int, int], ...]]] = []
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
    best = [tuple((cuts[place], run) for place, run in pick) for _, pick in candidates[:400]]
    return _distinct(best, rows), tried


def sharpened(frame: pd.DataFrame, pick: Pick, rows: np.ndarray, losses: np.ndarray) -> Pick:
    """Move the edges of a slice, column by column, to where its gap stands out clearly more."""
    here = losses[rows]
    whole = (len(rows), here.sum(), (here**2).sum())
    smallest = max(SMALLEST, int(SMALLEST_SHARE * len(rows)))
    now = [_finer(frame, *one) for one in pick]
    for _ in range(SWEEPS):
        before = list(now)
        for place, (cut, run) in enumerate(now):
            if cut.runs[run][1] >= cut.numbers:
                continue  # a level, or missing values
            others = mask_of((*now[:place], *now[place + 1 :]), len(frame))[rows]
            tables = _tables(cut.bins, cut.codes[rows[others]], here[others])
            scores = _scores([_runs(t, cut.runs) for t in tables], whole, smallest)
            best = int(scores.argmax())
            if scores[best] ** 2 > scores[run] ** 2 + CLEARLY:
                now[place] = cut, best
        if [run for _, run in now] == [run for _, run in before]:
            break
    return tuple(now)


def _finer(frame: pd.DataFrame, cut: Cut, run: int) -> tuple[Cut, int]:
    """Return a condition on numbers in finer bins; levels and missing values stay as they are."""
    first, last = cut.runs[run]
    if last >= cut.numbers:
        return cut, run
    finer = cut_of(frame, cut.column, FINE_PARTS)
    known = tuple(one for one in finer.runs if one[1] < finer.numbers)
    inside = finer.codes[(cut.codes >= first) & (cut.codes <= last)]
    return replace(finer, runs=known), known.index((int(inside.min()), int(inside.max())))


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


def _distinct(picks: list[Pick], rows: np.ndarray) -> list[Pick]:
    """Keep the best slices that do not tell the same story twice."""
    kept: list[Pick] = []
    masks: list[np.ndarray] = []
    for pick in picks:
        mask = mask_of(pick, len(pick[0][0].codes))[rows]
        if all(_overlap(mask, other) < OVERLAP for other in masks):
            kept.append(pick)
            masks.append(mask)
        if len(kept) == TESTED:
            break
    return kept


def _overlap(one: np.ndarray, two: np.ndarray) -> float:
    """Return the share of the smaller slice that lies in the other."""
    return float((one & two).sum() / max(1, min(one.sum(), two.sum())))


def mask_of(pick: Pick, many: int) -> np.ndarray:
    """Return which of so many rows meet all conditions."""
    mask = np.ones(many, bool)
    for cut, run in pick:
        first, last = cut.runs[run]
        mask &= (cut.codes >= first) & (cut.codes <= last)
    return mask


def _words(pick: Pick) -> str:
    return " and ".join(cut.words(run) for cut, run in pick)
