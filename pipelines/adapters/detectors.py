"""Detectors: they learn without labels; stranger rows score higher.

Whatever a detector is and wherever it comes from, a guard stands around it (``anomaly.guard``).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self, TypeAlias

import numpy as np
from sklearn.pipeline import Pipeline

from pipelines.anomaly.guard import Guard
from pipelines.cleaning.plan import Plan
from pipelines.cleaning.rows import training_rows
from pipelines.cleaning.transformer import transformer
from pipelines.errors import CannotDetect

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd

    from pipelines.algorithms import Algorithm
    from pipelines.task import Task

Array: TypeAlias = np.ndarray[Any, Any]

USUAL_SHARE = 0.1
"""The strangest tenth is called anomalous where nobody says more, as PyOD does."""
CUT_ROWS = 2_000
ASKED_FOR = 4
"""Who names a detector may give it so many times the columns it would be chosen for."""


class Detector:
    """A transformer and a guarded detector."""

    classes: tuple[Any, ...] = ()

    def __init__(self, algorithm: Algorithm, task: Task, guard: Guard, prepare: Any) -> None:
        self.task = task
        self.algorithm = algorithm.key
        self.explain_with = algorithm.explain_with
        self.prepare, self.guard = prepare, guard

    @property
    def pipeline(self) -> Pipeline:
        """The steps ``prepare`` and ``model``."""
        detector = getattr(self.guard, "detector", None)
        return Pipeline([("prepare", self.prepare), ("model", detector)])

    @property
    def varying(self) -> Array:
        """For each prepared column, whether the detector looks at it."""
        return self.guard.columns_

    def fit(self, features: pd.DataFrame, labels: pd.Series | None = None) -> Self:
        """Learn what is usual; labels are looked at by a detector that needs them.

        Raises:
            CannotDetect: The rows are of no use to this detector.
        """
        plan, needs = Plan.from_dict(self.prepare.plan), frozenset(self.prepare.needs)
        kept = training_rows(plan, features, None, needs)
        rows = np.asarray(self.prepare.fit_transform(features.iloc[kept]))
        known = None
        if "labels" in self.guard.needs:
            known = _zero_or_one(labels, kept, self.guard.spoken)
        self.guard.fit(rows, known)
        some = rows[np.linspace(0, len(rows) - 1, min(len(rows), CUT_ROWS)).astype(int)]
        self.threshold = float(np.quantile(self.guard.score(some), 1 - USUAL_SHARE))
        return self

    def predict(self, features: pd.DataFrame) -> Array:
        """Return 1 for the rows beyond the detector's own threshold."""
        return np.asarray(self.score(features) > self.threshold, dtype=int)

    def probabilities(self, features: pd.DataFrame) -> Array:
        """Refuse: strangeness is not a probability."""
        del features
        raise TypeError(f"{self.algorithm} scores strangeness; it has no probabilities.")

    def score(self, features: pd.DataFrame) -> Array:
        """Return how strange each row is."""
        return self.guard.score(np.asarray(self.prepare.transform(features)))


def _zero_or_one(labels: pd.Series | None, kept: Array, name: str) -> Array:
    """Return the labels of the rows to learn from, 1 for 1 or True, or else the rarer value.

    Raises:
        CannotDetect: There are no labels, or they are all equal.
    """
    known = None if labels is None else labels.iloc[kept]
    values = [] if known is None else known.dropna().value_counts().index.tolist()
    if known is None or len(values) < 2:
        raise CannotDetect(
            name,
            "it learns from labels, and there are none of two kinds",
            "Name their column with --labels, or choose another detector.",
        )
    ones = [value for value in values if value in (1, True)]
    return np.asarray(known == (ones or values[-1:])[0], dtype=int)


def make(
    algorithm: Algorithm, params: Mapping[str, Any], seed: int, *, plan: Plan, task: Task
) -> Detector:
    """Build the unfitted detector.

    Raises:
        MissingExtra: The library is not installed.
    """
    made = guard(algorithm, params, seed)
    return Detector(algorithm, task, made, transformer(plan, algorithm.needs))


def guard(algorithm: Algorithm, params: Mapping[str, Any], seed: int) -> Guard:
    """Build what stands around the detector, for rows that are prepared.

    Raises:
        MissingExtra: The library is not installed.
    """
    algorithm.load()
    made = Guard(
        algorithm.target,
        algorithm.arguments(params),
        needs=algorithm.needs,
        sample=algorithm.limits.sample,
        seed=seed,
    )
    if algorithm.limits.columns is not None:
        made.most_columns = ASKED_FOR * algorithm.limits.columns
    return made
