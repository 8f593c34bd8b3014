"""scikit-learn shaped classifiers and regressors."""

from __future__ import annotations

import inspect
import warnings
from typing import TYPE_CHECKING, Any, Self, TypeAlias

import numpy as np
import pandas as pd
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import TransformedTargetRegressor
from sklearn.model_selection import StratifiedKFold
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler

from pipelines.adapters import short_cuts
from pipelines.cleaning.few import MOST
from pipelines.cleaning.plan import Plan
from pipelines.cleaning.rows import training_rows
from pipelines.cleaning.transformer import transformer
from pipelines.task import Task

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pipelines.algorithms import Algorithm

Array: TypeAlias = np.ndarray[Any, Any]

FEW_ROWS = 2_000
"""Below this, a tenth of the rows says too little to stop a network by."""


class Estimator:
    """A transformer and an estimator that learn together."""

    def __init__(self, algorithm: Algorithm, task: Task, estimator: Any, prepare: Any) -> None:
        self.task = task
        self.algorithm = algorithm.key
        self.explain_with = algorithm.explain_with
        self.classes: tuple[Any, ...] = ()
        self.pipeline = Pipeline([("prepare", prepare), ("model", estimator)])

    @property
    def prepare(self) -> Any:
        """The transformer of raw frames."""
        return self.pipeline.steps[0][1]  # by name it takes as long as a small model's answer

    @property
    def estimator(self) -> Any:
        """What learns from prepared rows."""
        return self.pipeline.steps[1][1]

    def fit(self, features: pd.DataFrame, labels: pd.Series | None = None) -> Self:
        """Learn from labelled rows."""
        features, labels = self.rows_to_learn_from(features, labels)
        target = self.learn_classes(labels)
        # A library's warnings (not converged, ill-conditioned) are told by the score.
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            self.fit_prepared(self.prepare.fit_transform(features, target), target)
        return self

    def rows_to_learn_from(
        self, features: pd.DataFrame, labels: pd.Series | None
    ) -> tuple[pd.DataFrame, pd.Series]:
        """Return the rows that the plan lets a model learn from.

        Raises:
            TypeError: There are no labels.
        """
        if labels is None:
            raise TypeError(f"{self.algorithm} learns from labels, and none were given.")
        plan, needs = Plan.from_dict(self.prepare.plan), frozenset(self.prepare.needs)
        rows = training_rows(plan, features, labels, needs)
        whole = len(rows) == len(features)
        return (features, labels) if whole else (features.iloc[rows], labels.iloc[rows])

    def fit_prepared(self, rows: Array, target: Array) -> None:
        """Fit the estimator on prepared rows."""
        if len(rows) < FEW_ROWS and "early_stopping" in self.estimator.get_params():
            self.estimator.set_params(early_stopping=False)
        if isinstance(self.estimator, CalibratedClassifierCV):
            rarest = int(np.unique(target, return_counts=True)[1].min())
            # Dealt at random: rows that lie sorted would teach the map backwards.
            parts = StratifiedKFold(max(2, min(3, rarest)), shuffle=True, random_state=0)
            # Of several classes, one temperature for all keeps them in proportion.
            way = "temperature" if len(self.classes) > 2 else "sigmoid"
            self.estimator.set_params(cv=parts, method=way).fit(rows, target)
            self.estimator.set_params(cv=parts.n_splits)  # a number is saved without pickle
            return
        self.estimator.fit(rows, target)

    def learn_classes(self, labels: pd.Series) -> Array:
        """Return the target as numbers; remember the classes as they were."""
        if self.task is not Task.CLASSIFICATION:
            return np.asarray(labels, dtype=float)
        codes, classes = pd.factorize(labels, sort=True)
        self.classes = tuple(classes.tolist())
        return np.asarray(codes)

    def predict(self, features: pd.DataFrame) -> Array:
        """Return labels or values."""
        if self.task is not Task.CLASSIFICATION:
            return np.asarray(self._answer(features, "predict")).ravel()
        places = self.probabilities(features).argmax(axis=1)
        labels: Array = np.take(as_labels(self.classes), places)
        return labels

    def probabilities(self, features: pd.DataFrame) -> Array:
        """Return one column per class, in the order of ``classes``."""
        if self.task is not Task.CLASSIFICATION:
            raise TypeError(f"{self.algorithm} was fitted for {self.task}: no probabilities.")
        return np.asarray(self._answer(features, "predict_proba"))

    def _answer(self, features: pd.DataFrame, how: str) -> Any:
        """Ask the estimator; for a few rows without the checks that cost more than the answer."""
        rows = self.prepare.transform(features)
        found = short_cuts.answer(self.estimator, rows, how) if len(rows) <= MOST else None
        return getattr(self.estimator, how)(rows) if found is None else found

    def score(self, features: pd.DataFrame) -> Array:
        """Return the probability of the last class, or the value."""
        if self.task is not Task.CLASSIFICATION:
            return self.predict(features)
        return self.probabilities(features)[:, -1]


def as_labels(classes: tuple[Any, ...]) -> Array:
    """Return classes as an array to pick labels from; text stays text of any length.

    >>> as_labels((False, True)).dtype
    dtype('bool')
    """
    texts = any(isinstance(label, str) for label in classes)
    return np.array(classes, dtype=object) if texts else np.array(classes)


def estimator_of(algorithm: Algorithm, params: Mapping[str, Any], seed: int) -> Any:
    """Make the unfitted estimator: seeded, in one thread, wrapped as the row says."""
    cls = algorithm.load()
    accepted = inspect.signature(cls).parameters
    anything = any(each.kind is inspect.Parameter.VAR_KEYWORD for each in accepted.values())
    wished = {"random_state": seed, "n_jobs": 1}
    if "thread_count" in accepted:
        del wished["n_jobs"]
    if cls.__module__.startswith("sklearn.linear_model"):
        del wished["n_jobs"]
    usual = {name: value for name, value in wished.items() if anything or name in accepted}
    estimator = cls(**usual, **algorithm.arguments(params))
    if algorithm.wrap == "calibrated":
        return CalibratedClassifierCV(estimator, ensemble=False)
    if algorithm.wrap == "scaled_target":
        return TransformedTargetRegressor(estimator, transformer=StandardScaler())
    return estimator


def make(
    algorithm: Algorithm, params: Mapping[str, Any], seed: int, *, plan: Plan, task: Task
) -> Estimator:
    """Build the unfitted model."""
    estimator = estimator_of(algorithm, params, seed)
    return Estimator(algorithm, task, estimator, transformer(plan, algorithm.needs))
