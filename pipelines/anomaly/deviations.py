"""Detectors that measure how much a row moves a fit: CD, ROD and LMDD, for new rows.

PyOD's versions scale by the rows of the batch, so one row alone gets another score or none. Here
everything that is measured against was learned from the training rows.
"""

from __future__ import annotations

from itertools import combinations
from typing import Any, Self, TypeAlias

import numpy as np

Array: TypeAlias = np.ndarray[Any, Any]

TINY = 1e-12
RIGHT = np.pi / 2
BENDS = ((0.001, 0.955), (RIGHT + 0.001, 2.186))
"""The two ranges that ROD stretches acute and obtuse angles into."""
PART = 2048


class CD:
    """Cook's distance: how much a row would pull each column's regression on the others."""

    def fit(self, rows: Array, labels: Array | None = None) -> Self:
        """Fit one regression for each column."""
        del labels
        self.fits_: list[tuple[int, Array, Array, float, float]] = []
        for place in range(rows.shape[1]):
            others = np.delete(rows, place, axis=1)
            whole = np.column_stack([others, np.ones(len(rows))])
            weights = np.linalg.lstsq(whole, rows[:, place], rcond=None)[0]
            rest = rows[:, place] - whole @ weights
            error = float(rest @ rest) / max(1, len(rows) - whole.shape[1])
            inverse = np.linalg.pinv(whole.T @ whole, hermitian=True)
            if error > TINY:
                top = _cook(whole, rest, inverse, error).max()
                self.fits_.append((place, weights, inverse, error, float(max(top, TINY))))
        if not self.fits_:
            raise ValueError("every column follows from the others")
        return self

    def decision_function(self, rows: Array) -> Array:
        """Return the mean over the regressions, each against its largest training distance."""
        found = []
        for place, weights, inverse, error, top in self.fits_:
            whole = np.column_stack([np.delete(rows, place, axis=1), np.ones(len(rows))])
            rest = rows[:, place] - (whole * weights).sum(axis=1)
            found.append(_cook(whole, rest, inverse, error) / top)
        mean: Array = np.mean(found, axis=0)
        return mean


def _cook(whole: Array, rest: Array, inverse: Array, error: float) -> Array:
    """Return the distances of rows that join the fit: leverage is counted with the row inside."""
    reach = np.einsum("ij,jk,ik->i", whole, inverse, whole)
    found: Array = rest**2 * reach * (1 + reach) / (error * whole.shape[1])
    return found


class ROD:
    """Rotation: how far off its volume around the geometric median is, over all triples."""

    def fit(self, rows: Array, labels: Array | None = None) -> Self:
        """Learn the middle, the angles and the usual costs of every triple of columns."""
        del labels
        self.middle_ = np.median(rows, axis=0)
        low, high = np.quantile(rows, [0.25, 0.75], axis=0)
        self.scale_ = np.where(high > low, high - low, 1.0)
        wide = self._wide(rows)
        self.triples_ = [list(each) for each in combinations(range(wide.shape[1]), 3)]
        self.learned_: list[tuple[Array, Array, float, float]] = []
        for triple in self.triples_:
            centre = _geometric_median(wide[:, triple])
            reach, angle = _polar(wide[:, triple], centre)
            ends = np.array([_ends(angle, obtuse=False), _ends(angle, obtuse=True)])
            costs = _costs(reach, angle, ends)
            middle = float(np.median(costs))
            spread = float(np.median(np.abs(costs - middle)))
            self.learned_.append((centre, ends, middle, max(spread, TINY)))
        return self

    def decision_function(self, rows: Array) -> Array:
        """Return the mean over the triples of how unusual the cost is, between 0 and 1."""
        wide = self._wide(rows)
        total = np.zeros(len(rows))
        for triple, (centre, ends, middle, spread) in zip(
            self.triples_, self.learned_, strict=True
        ):
            costs = _costs(*_polar(wide[:, triple], centre), ends)
            off = 0.6745 * np.abs(costs - middle) / spread
            total += off / (1 + off)
        found: Array = total / len(self.triples_)
        return found

    def _wide(self, rows: Array) -> Array:
        scaled = (rows - self.middle_) / self.scale_
        missing = max(0, 3 - scaled.shape[1])
        found: Array = np.hstack([scaled, np.zeros((len(rows), missing))])
        return found


def _geometric_median(points: Array, rounds: int = 100) -> Array:
    """Return the point whose distances to all others sum to the least (Weiszfeld)."""
    centre: Array = points.mean(axis=0)
    for _ in range(rounds):
        weights = 1 / np.maximum(np.linalg.norm(points - centre, axis=1), 1e-9)
        better = weights @ points / weights.sum()
        moved = float(np.abs(better - centre).max())
        centre = better
        if moved < 1e-5:
            break
    return centre


def _polar(points: Array, centre: Array) -> tuple[Array, Array]:
    """Return distance from the centre, and the angle to the line from the origin to it."""
    away = points - centre
    reach = np.linalg.norm(away, axis=1)
    length = np.linalg.norm(centre)
    if length < TINY:
        return reach, np.full(len(points), RIGHT)
    cosine = (away @ centre) / np.maximum(reach * length, TINY)
    return reach, np.arccos(np.clip(cosine, -1, 1))


def _ends(angle: Array, *, obtuse: bool) -> tuple[float, float]:
    bend = BENDS[int(obtuse)]
    mine = angle[angle > RIGHT] if obtuse else angle[angle <= RIGHT]
    return min([*mine, bend[0]]), max([*mine, bend[1]])


def _costs(reach: Array, angle: Array, ends: Array) -> Array:
    side = (angle > RIGHT).astype(int)
    low, high = ends[side, 0], ends[side, 1]
    bends = np.array(BENDS)[side]
    place = (angle - low) / np.maximum(high - low, TINY)
    bent = bends[:, 0] + place * (bends[:, 1] - bends[:, 0])
    found: Array = reach**3 * np.cos(bent) * np.sin(bent) ** 2
    return found


class LMDD:
    """Deviation: how much the spread of the training rows grows when the row joins them.

    That is the method's smoothing factor of one row. PyOD estimates it by dealing the batch in
    random orders; with the training rows in hand it can be had exactly.
    """

    def fit(self, rows: Array, labels: Array | None = None) -> Self:
        """Keep the sorted cells."""
        del labels
        self.cells_ = np.sort(rows, axis=None)
        self.usual_ = float(np.abs(self.cells_ - self.cells_.mean()).mean())
        return self

    def decision_function(self, rows: Array) -> Array:
        """Return the growth, times the number of cells it is spread over."""
        many = len(self.cells_) + rows.shape[1]
        found: Array = (_spread_with(self.cells_, rows) - self.usual_) * many
        return found


def _spread_with(cells: Array, rows: Array) -> Array:
    """Return the mean absolute deviation of sorted cells together with each row."""
    many = len(cells) + rows.shape[1]
    mean = (cells.sum() + rows.sum(axis=1)) / many
    sums = np.concatenate([[0.0], np.cumsum(cells)])
    below = np.searchsorted(cells, mean)
    inner = mean * below - sums[below] + (sums[-1] - sums[below]) - mean * (len(cells) - below)
    own = np.abs(rows - mean[:, None]).sum(axis=1)
    found: Array = (inner + own) / many
    return found
