"""Detectors that look at one column at a time, and whose score is the sum of what each one says.

PyOD's ECOD and COPOD rank a row among the rows it arrives with, so its score depends on its
company. These rank it among the training rows: on those the scores are PyOD's own, and one row
costs two binary searches a column.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, Self, TypeAlias

import numpy as np
from scipy.stats import skew

Array: TypeAlias = np.ndarray[Any, Any]

LEAST = 0.5
"""A row beyond all training rows counts as half a row."""
FEW = 64
NORMAL_MAD = 0.6745
"""The median absolute deviation of a standard normal variable."""


class Tails(ABC):
    """How rare each cell is in its column: minus the log of both tails' shares."""

    def fit(self, rows: Array, labels: Array | None = None) -> Self:
        """Keep the sorted columns."""
        del labels
        self.sorted_ = np.ascontiguousarray(np.sort(rows, axis=0).T)
        self.ends_ = np.array(
            [column.searchsorted(column, side="right") for column in self.sorted_], dtype=np.int32
        )
        self.logs_ = np.log(len(rows) / np.maximum(np.arange(len(rows) + 1), LEAST))
        with np.errstate(all="ignore"):
            self.side_ = np.sign(np.nan_to_num(skew(rows, axis=0)))
        return self

    def decision_function(self, rows: Array) -> Array:
        """Return the sum of the contributions."""
        total: Array = self.contributions(rows).sum(axis=1)
        return total

    def contributions(self, rows: Array) -> Array:
        """Return what each column adds to the score: (rows, columns)."""
        many = self.sorted_.shape[1]
        left, right = np.empty(rows.shape), np.empty(rows.shape)
        for place, column in enumerate(self.sorted_):
            cells = rows[:, place]
            low = column.searchsorted(cells, side="left")
            if len(cells) < FEW:
                high = column.searchsorted(cells, side="right")
            else:  # the same by looking up, which pays for many
                at = np.minimum(low, many - 1)
                high = np.where(column[at] == cells, self.ends_[place][at], low)
            left[:, place], right[:, place] = self.logs_[high], self.logs_[many - low]
        skewed = np.where(self.side_ < 0, left, right)
        if not self.side_.all():
            skewed = np.where(self.side_ == 0, left + right, skewed)
        return self._combined(left, right, skewed)

    @abstractmethod
    def _combined(self, left: Array, right: Array, skewed: Array) -> Array:
        """Return what a cell adds, by how rare its tails are."""


class ECOD(Tails):
    """Empirical cumulative distributions: the rarest of both tails and the skewed one."""

    def _combined(self, left: Array, right: Array, skewed: Array) -> Array:
        found: Array = np.maximum(np.maximum(left, right), skewed)
        return found


class COPOD(Tails):
    """Empirical copulas: the skewed tail, or the mean of both where that is rarer."""

    def _combined(self, left: Array, right: Array, skewed: Array) -> Array:
        found: Array = np.maximum((left + right) / 2, skewed)
        return found


class MAD:
    """Distance from the median in median absolute deviations; the strangest column counts."""

    def fit(self, rows: Array, labels: Array | None = None) -> Self:
        """Keep each column's median and spread."""
        del labels
        self.median_ = np.median(rows, axis=0)
        away = np.abs(rows - self.median_)
        spread = np.median(away, axis=0)
        self.spread_ = np.where(spread > 0, spread, np.maximum(away.mean(axis=0), 1e-12))
        return self

    def decision_function(self, rows: Array) -> Array:
        """Return the largest deviation of each row."""
        worst: Array = self.deviations(rows).max(axis=1)
        return worst

    def deviations(self, rows: Array) -> Array:
        """Return each cell's deviation: (rows, columns)."""
        found: Array = NORMAL_MAD * np.abs(rows - self.median_) / self.spread_
        return found
