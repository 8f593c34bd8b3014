"""A detector that knows where to cut: scores, p-values, yes or no, and, with labels, chances."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self, TypeAlias

import numpy as np
from scipy.special import expit

from pipelines.anomaly.thresholds import beyond, p_values

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd

    from pipelines.adapters import Model
    from pipelines.task import Task

Array: TypeAlias = np.ndarray[Any, Any]


class Alarm:
    """A fitted detector with reference scores and a threshold. A row's answers are its own.

    ``parts`` are models that each left some rows out, with their scores of those.
    """

    classes: tuple[Any, ...] = ()

    def __init__(
        self,
        inner: Model,
        reference: Array,
        threshold: float,
        sigmoid: Sequence[float] | None = None,
        *,
        parts: Sequence[tuple[Model, Array]] = (),
    ) -> None:
        self.inner, self.threshold = inner, threshold
        self.reference = np.sort(np.asarray(reference, dtype=float))
        self.parts = [model for model, _ in parts]
        self.apart = [np.sort(np.asarray(scores, dtype=float)) for _, scores in parts]
        self.sigmoid = None if sigmoid is None else [float(number) for number in sigmoid]
        self.algorithm, self.explain_with = inner.algorithm, inner.explain_with

    @property
    def task(self) -> Task:
        """The question the model inside answers."""
        return self.inner.task

    @task.setter
    def task(self, task: Task) -> None:
        for model in (self.inner, *self.parts):
            model.task = task

    def __getattr__(self, name: str) -> Any:
        """Let whoever looks inside see the steps of the model inside."""
        if name in {"pipeline", "varying", "guard", "prepare"}:
            return getattr(self.inner, name)
        raise AttributeError(name)

    def fit(self, features: pd.DataFrame, labels: pd.Series | None = None) -> Self:
        """Have the model inside learn; reference and threshold stay."""
        self.inner.fit(features, labels)
        return self

    def predict(self, features: pd.DataFrame) -> Array:
        """Return 1 for the rows beyond the threshold."""
        return np.asarray(self.score(features) > self.threshold, dtype=int)

    def score(self, features: pd.DataFrame) -> Array:
        """Return how strange each row is."""
        return self.inner.score(features)

    def p_values(self, features: pd.DataFrame, scores: Array) -> Array:
        """Return the share of reference rows at least as strange as each row.

        A reference row is compared with by the model that scored it without having seen it.
        """
        above = beyond(self.reference, scores)
        for model, apart in zip(self.parts, self.apart, strict=True):
            above = above + beyond(apart, model.score(features))
        many = len(self.reference) + sum(len(apart) for apart in self.apart)
        found: Array = (above + 1) / (many + 1)
        return found

    def chances(self, scores: Array) -> Array | None:
        """Return the probability of an anomaly; None where no labels taught it."""
        if self.sigmoid is None:
            return None
        slope, shift = self.sigmoid
        place = -np.log(p_values(self.reference, scores))
        found: Array = expit(slope * place + shift)
        return found

    def probabilities(self, features: pd.DataFrame) -> Array:
        """Return usual and anomalous chances, where labels taught them.

        Raises:
            TypeError: There were no labels: strangeness is not a probability.
        """
        found = self.chances(self.score(features))
        if found is None:
            raise TypeError(f"{self.algorithm} scores strangeness; it has no probabilities.")
        return np.column_stack([1 - found, found])
