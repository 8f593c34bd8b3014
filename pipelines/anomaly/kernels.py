"""Scikit-learn's linear one-class machine in a kernel's feature space, where it says something.

By itself it parts the rows from the origin, which on centred columns is where most rows are.
"""

from __future__ import annotations

from typing import Any, Self, TypeAlias

import numpy as np
from sklearn.kernel_approximation import Nystroem
from sklearn.linear_model import SGDOneClassSVM

Array: TypeAlias = np.ndarray[Any, Any]


class KernelSGD:
    """A one-class support vector machine whose cost grows with the rows, not their square."""

    def __init__(self, nu: float = 0.1, n_landmarks: int = 200, random_state: int = 0) -> None:
        self.nu, self.n_landmarks, self.random_state = nu, n_landmarks, random_state

    def fit(self, rows: Array, labels: Array | None = None) -> Self:
        """Learn the landmarks and the border."""
        del labels
        self.space_ = Nystroem(
            gamma=1 / rows.shape[1],
            n_components=min(self.n_landmarks, len(rows)),
            random_state=self.random_state,
        )
        mapped = self.space_.fit_transform(rows)
        self.border_ = SGDOneClassSVM(nu=self.nu, random_state=self.random_state).fit(mapped)
        return self

    def decision_function(self, rows: Array) -> Array:
        """Return how far beyond the border each row is."""
        found: Array = -self.border_.decision_function(self.space_.transform(rows))
        return found
