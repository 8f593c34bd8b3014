"""Contributions of the columns to the answers for some rows, and where they come from."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from pipelines.explain.question import Matrix


@dataclass(frozen=True)
class Attribution:
    """Contributions (rows, columns, outputs), base value, unit and origin."""

    values: np.ndarray
    base: np.ndarray
    method: str
    unit: str
    background: int
    error: np.ndarray | None = None
    link: str = "identity"
    shift: float = 0.0
    gap: float = 0.0
    """Largest difference to the model's own answers, relative to their spread, where linked."""

    @property
    def answers(self) -> Matrix:
        """What base and contributions add up to."""
        total: Matrix = self.base + self.values.sum(axis=1)
        return total

    def rows(self, which: np.ndarray) -> Attribution:
        """Return the same for some of the rows."""
        error = None if self.error is None else self.error[which]
        return replace(self, values=self.values[which], error=error)


def spread(answers: np.ndarray, many: int) -> np.ndarray:
    """Return row numbers spread evenly over the sorted answers.

    >>> spread(np.array([5.0, 1.0, 3.0, 2.0, 4.0]), 2).tolist()
    [3, 4]
    """
    order = np.argsort(answers, kind="stable")
    if many >= len(order):
        return order
    return np.asarray(order[((np.arange(many) + 0.5) * len(order) / many).astype(int)])
