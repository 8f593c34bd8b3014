"""How far a row is from clusters of other rows: HDBSCAN, for new rows.

PyOD's gives a new row the mean of its neighbours' chances to belong to no cluster, so rows far out
look like those they are nearest to. This is the outlier score of the authors (GLOSH) without its
bound of 1, for new rows.
"""

from __future__ import annotations

from typing import Any, Self, TypeAlias

import numpy as np
from sklearn import cluster

from pipelines.machine_code import compiled

Array: TypeAlias = np.ndarray[Any, Any]

TINY = 1e-12


class HDBSCAN:
    """How far a row is from the nearest cluster, against how dense that is."""

    def __init__(self, min_cluster_size: int = 20) -> None:
        self.min_cluster_size = min_cluster_size

    def fit(self, rows: Array, labels: Array | None = None) -> Self:
        """Find which rows are in a cluster, and how dense it is around them."""
        del labels
        self.columns_ = np.ascontiguousarray(rows.T, dtype=float)
        self.many_ = max(1, min(self.min_cluster_size, len(rows) - 1))
        found = cluster.HDBSCAN(min_cluster_size=max(2, self.many_), copy=True).fit(rows).labels_
        self.inside_ = found >= 0 if (found >= 0).any() else np.ones(len(rows), dtype=bool)
        self.core_, _, _ = _reached(
            np.ascontiguousarray(rows, dtype=float), self.columns_, self.inside_, self.many_ + 1
        )
        self.usual_ = np.ones(len(rows))
        for name in np.unique(found[self.inside_]):
            mine = self.inside_ & (found == name)
            self.usual_[mine] = max(float(np.median(self.core_[mine])), TINY)
        return self

    def decision_function(self, rows: Array) -> Array:
        """Return the log of a row's distance over what is usual in the cluster."""
        asked = np.ascontiguousarray(rows, dtype=float)
        own, gap, near = _reached(asked, self.columns_, self.inside_, self.many_)
        reach = np.maximum(np.maximum(gap, self.core_[near]), own)
        found: Array = np.log(np.maximum(reach, TINY) / self.usual_[near])
        return found


@compiled
def _reached(rows: Array, columns: Array, inside: Array, many: int) -> tuple[Array, Array, Array]:
    """Return how far the ``many``-th nearest row is, and the nearest in a cluster, and which."""
    others = columns.shape[1]
    core, gap = np.empty(len(rows)), np.empty(len(rows))
    near, squares = np.zeros(len(rows), dtype=np.int64), np.empty(others)
    nearest = np.empty(many)
    for row in range(len(rows)):
        squares[:] = 0.0
        for column in range(0, len(columns), 2):  # two at a time: half the passes over squares
            last = min(column + 1, len(columns) - 1)
            twice = 1.0 if last > column else 0.0
            first, first_cells = rows[row, column], columns[column]
            second, second_cells = rows[row, last], columns[last]
            for other in range(others):
                one, two = first - first_cells[other], second - second_cells[other]
                squares[other] += one * one + twice * two * two
        nearest[:] = np.inf
        least = worst = np.inf
        for other in range(others):
            square = squares[other]
            if square < least and inside[other]:
                least, near[row] = square, other
            if square < worst:
                place = many - 1
                while place > 0 and nearest[place - 1] > square:
                    nearest[place] = nearest[place - 1]
                    place -= 1
                nearest[place] = square
                worst = nearest[many - 1]
        core[row], gap[row] = np.sqrt(worst), np.sqrt(least)
    return core, gap, near
