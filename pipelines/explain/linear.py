"""Linear models in closed form.

With the background's mean m, the Shapley value of a raw column that was encoded into the features
G is the sum of coef_g (x_g - m_g) over G: exactly, because a linear model has no interactions.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from pipelines.explain.copies import Bins

METHOD = "closed form of a linear model over raw columns"
LINKS_TRIED = ("identity", "logit", "clr", "log")


class CannotRead(Exception):
    """An estimator without coefficients for each feature."""


@dataclass(frozen=True)
class LinearExplainer:
    """Coefficients, the raw column behind each feature, and the background's mean."""

    coefficients: np.ndarray
    """(features, outputs)"""
    belongs: np.ndarray
    """(features, columns), 1 where a feature stems from the column"""
    middle: np.ndarray
    background: np.ndarray
    background_rows: int

    @classmethod
    def of(
        cls, estimator: Any, player: np.ndarray, columns: int, prepared: np.ndarray
    ) -> LinearExplainer:
        """Read the coefficients.

        Raises:
            CannotRead: there are none, or not one for each feature.
        """
        found = getattr(estimator, "coef_", None)
        if found is None or hasattr(found, "toarray"):
            raise CannotRead(f"{type(estimator).__name__} has no coefficients")
        table = np.atleast_2d(np.asarray(found, dtype=np.float64))
        if table.shape[1] != len(player):
            raise CannotRead(f"{type(estimator).__name__} has coefficients of something else")
        return cls(
            table.T, np.eye(columns)[player], prepared.mean(axis=0), prepared, len(prepared)
        )

    def contributions(self, prepared: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return (rows, columns, outputs) and the mean over the background."""
        moved = prepared - self.middle
        values = np.stack([(moved * one) @ self.belongs for one in self.coefficients.T], axis=2)
        return values, self.middle @ self.coefficients

    def copied(self, bins: Bins, mine: np.ndarray) -> np.ndarray:
        """Return what LIME converges to: each column's mean inside the bin less that outside."""
        values, _ = self.contributions(self.background)
        return inside_less_outside(values, bins, mine)


def inside_less_outside(values: np.ndarray, bins: Bins, mine: np.ndarray) -> np.ndarray:
    """Return the background's mean value inside each row's bin less that outside, by column."""
    found = np.zeros((*mine.shape, values.shape[2]))
    for column, (codes, many) in enumerate(zip(bins.codes, bins.many, strict=True)):
        sums = np.zeros((len(many), values.shape[2]))
        np.add.at(sums, codes, values[:, column])
        there = many.sum() - many
        both = (many > 0) & (there > 0)
        gaps = sums / np.maximum(many, 1)[:, None]
        gaps -= (sums.sum(axis=0) - sums) / np.maximum(there, 1)[:, None]
        found[:, column] = np.where(both[:, None], gaps, 0.0)[mine[:, column]]
    return found
