"""Models whose chances are combined on the scale of log-odds, by weights that were learned.

A class's log-odds (its log chance, less the mean of all classes' logs) are a weighted sum of the
members'. So whatever adds up on that scale in every member adds up in the whole.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from scipy.special import softmax

from pipelines.adapters.combined import Ensemble, aligned

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd

    from pipelines.adapters import Model

Array: TypeAlias = np.ndarray[Any, Any]

LEAST = 1e-5
"""Smaller chances count as this one: what a few rows say has no place far out."""


def centred_logs(chances: Array) -> Array:
    """Return the logs of chances, less their mean over the classes.

    >>> centred_logs(np.array([[0.5, 0.5]])).tolist()
    [[0.0, 0.0]]
    """
    logs = np.log(np.clip(chances, LEAST, 1))
    centred: Array = logs - logs.mean(axis=-1, keepdims=True)
    return centred


class Stack(Ensemble):
    """A weighted sum of classifiers' log-odds.

    ``slopes[m][i][j]`` is what member ``m``'s log-odds of class ``i`` count for class ``j``.
    """

    def __init__(
        self, members: Sequence[Model], slopes: Sequence[Sequence[Any]], shift: Sequence[float]
    ) -> None:
        self.slopes = [[[float(cell) for cell in row] for row in each] for each in slopes]
        self.shift = [float(each) for each in shift]
        super().__init__(members, [float(np.abs(each).sum()) for each in self.slopes])
        self.algorithm = "stack"

    def probabilities(self, features: pd.DataFrame) -> Array:
        """Return one column per class, in the order of ``classes``."""
        rows = self._shared(features)
        answers = np.stack([aligned(each, rows, self.classes) for each in self.members])
        return summed(centred_logs(answers), np.array(self.slopes), np.array(self.shift))


def summed(logs: Array, slopes: Array, shift: Array) -> Array:
    """Return chances from the members' centred logs: (members, rows, classes)."""
    chances: Array = softmax(np.einsum("mni,mij->nj", logs, slopes) + shift, axis=1)
    return chances
