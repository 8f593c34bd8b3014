"""Adapters: one file per shape of library turns any of its rows into a Model.

Models take raw frames: each owns the transformer that prepares them, fitted with it, so nothing
learned from a test row can leak. Own types inside a saved model live in this package alone.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any, Protocol, Self, cast, runtime_checkable

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    import pandas as pd
    from sklearn.pipeline import Pipeline

    from pipelines.algorithms import Algorithm
    from pipelines.cleaning.plan import Plan
    from pipelines.task import Task


class Model(Protocol):
    """What the rest of the house knows of a model. ``fit`` never changes its arguments."""

    task: Task
    algorithm: str
    """The key of its row."""
    explain_with: str
    classes: tuple[Any, ...]
    """The labels as they were in the data, in the order of the probabilities; empty for others."""
    pipeline: Pipeline
    """The steps ``prepare`` and ``model``; for classes, it answers with their numbers."""

    def fit(self, features: pd.DataFrame, labels: pd.Series | None = None) -> Self:
        """Learn; return self."""

    def predict(self, features: pd.DataFrame) -> np.ndarray[Any, Any]:
        """Return labels, values, or 0 and 1 for an anomaly."""

    def probabilities(self, features: pd.DataFrame) -> np.ndarray[Any, Any]:
        """Return (rows, classes) probabilities; only classifiers can."""

    def score(self, features: pd.DataFrame) -> np.ndarray[Any, Any]:
        """Return the probability of the last class, the value, or the strangeness."""


@runtime_checkable
class Stoppable(Protocol):
    """A model that can watch other rows while it learns, and stop when they gain no more."""

    @property
    def stops(self) -> bool:
        """Whether it will: a configuration may say itself how long to learn."""

    def fit_watching(
        self,
        features: pd.DataFrame,
        labels: pd.Series,
        test: pd.DataFrame,
        truth: pd.Series,
        seconds: float | None = None,
    ) -> dict[str, Any]:
        """Learn; return the params that a fit without watching needs to do the same."""

    def keep(self, learned: Mapping[str, Any]) -> None:
        """Answer from now on as if this had been learned, as far as it goes."""


def build(
    algorithm: Algorithm, params: Mapping[str, Any], seed: int, *, plan: Plan, task: Task
) -> Model:
    """Make an unfitted model from a row and one point of its space.

    Raises:
        MissingExtra: The row's library is not installed.
    """
    adapter = importlib.import_module(f"pipelines.adapters.{algorithm.adapter}")
    return cast("Model", adapter.make(algorithm, params, seed, plan=plan, task=task))
