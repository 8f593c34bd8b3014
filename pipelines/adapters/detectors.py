"""PyOD's detectors: they learn without labels; stranger rows score higher."""

from __future__ import annotations

import inspect
import warnings
from typing import TYPE_CHECKING, Any, Self, TypeAlias

import numpy as np
from sklearn.pipeline import Pipeline

from pipelines.cleaning.plan import Plan
from pipelines.cleaning.rows import training_rows
from pipelines.cleaning.transformer import transformer

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd

    from pipelines.algorithms import Algorithm
    from pipelines.task import Task

Array: TypeAlias = np.ndarray[Any, Any]


class Detector:
    """A transformer and a detector. Columns that never vary are kept from the detector."""

    classes: tuple[Any, ...] = ()

    def __init__(self, algorithm: Algorithm, task: Task, detector: Any, prepare: Any) -> None:
        self.task = task
        self.algorithm = algorithm.key
        self.explain_with = algorithm.explain_with
        self.pipeline = Pipeline([("prepare", prepare), ("model", detector)])
        self.varying: Array = np.array([], dtype=bool)
        """For each prepared column, whether the detector looks at it."""

    def fit(self, features: pd.DataFrame, labels: pd.Series | None = None) -> Self:
        """Learn what is usual; labels are not looked at."""
        del labels
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            prepare = self.pipeline.named_steps["prepare"]
            plan, needs = Plan.from_dict(prepare.plan), frozenset(prepare.needs)
            kept = features.iloc[training_rows(plan, features, None, needs)]
            rows = np.asarray(prepare.fit_transform(kept))
            self.varying = np.ptp(rows, axis=0) > 0
            if not self.varying.any():
                self.varying = np.ones(rows.shape[1], dtype=bool)
            self.pipeline.named_steps["model"].fit(rows[:, self.varying])
        return self

    def predict(self, features: pd.DataFrame) -> Array:
        """Return 1 for the rows beyond the detector's own threshold."""
        threshold = self.pipeline.named_steps["model"].threshold_
        return np.asarray(self.score(features) > threshold, dtype=int)

    def probabilities(self, features: pd.DataFrame) -> Array:
        """Refuse: strangeness is not a probability."""
        del features
        raise TypeError(f"{self.algorithm} scores strangeness; it has no probabilities.")

    def score(self, features: pd.DataFrame) -> Array:
        """Return how strange each row is."""
        rows = np.asarray(self.pipeline.named_steps["prepare"].transform(features))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            detector = self.pipeline.named_steps["model"]
            return np.asarray(detector.decision_function(rows[:, self.varying]), dtype=float)


def make(
    algorithm: Algorithm, params: Mapping[str, Any], seed: int, *, plan: Plan, task: Task
) -> Detector:
    """Build the unfitted detector: seeded and in one thread, where it knows such things."""
    cls = algorithm.load()
    accepted = inspect.signature(cls).parameters
    wished = {"random_state": seed, "n_jobs": 1}
    usual = {name: value for name, value in wished.items() if name in accepted}
    detector = cls(**usual, **algorithm.arguments(params))
    return Detector(algorithm, task, detector, transformer(plan, algorithm.needs))
