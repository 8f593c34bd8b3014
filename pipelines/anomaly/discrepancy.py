"""How badly a row fits the design that the training rows make: QMCD, for rows far out too.

PyOD's takes the two ends of a column for neighbours (the wrap-around discrepancy), so a row far
out in a corner looks close to all others. Here a column ends where it ends.
"""

from __future__ import annotations

from typing import Any, Self, TypeAlias

import numpy as np

from pipelines.machine_code import compiled

Array: TypeAlias = np.ndarray[Any, Any]

REACH = 0.45
"""Beyond the training rows a cell counts on for nearly half of their range."""


class QMCD:
    """Minus the log of a row's mean closeness to the training rows, multiplied over columns."""

    def fit(self, rows: Array, labels: Array | None = None) -> Self:
        """Keep the rows, each column from 0 to 1."""
        del labels
        self.low_, span = rows.min(axis=0), np.ptp(rows, axis=0)
        self.span_ = np.where(span > 0, span, 1.0)
        self.rows_ = self._sized(rows)
        return self

    def decision_function(self, rows: Array) -> Array:
        """Return how far each row is from all others."""
        found: Array = -np.log(_closeness(self._sized(rows), self.rows_))
        return found

    def _sized(self, rows: Array) -> Array:
        sized = np.clip((rows - self.low_) / self.span_, -REACH, 1 + REACH)
        return np.ascontiguousarray(sized, dtype=float)


@compiled
def _closeness(rows: Array, reference: Array) -> Array:
    """Return the mean over reference rows of the product over columns of 1.5 less the gap."""
    columns = np.ascontiguousarray(reference.T)
    found, product = np.empty(len(rows)), np.empty(len(reference))
    for row in range(len(rows)):
        product[:] = 1.0
        for column in range(rows.shape[1]):
            cell, others = rows[row, column], columns[column]
            for other in range(len(reference)):
                product[other] *= 1.5 - abs(cell - others[other])
        found[row] = product.sum() / len(reference)
    return found
