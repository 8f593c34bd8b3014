"""Models made of models: they hold fitted parts and plain numbers, nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self, TypeAlias, cast

import numpy as np
from scipy.special import expit, logit
from sklearn.pipeline import Pipeline

from pipelines.adapters.estimators import Estimator, as_labels
from pipelines.cleaning.few import MOST, FewRows
from pipelines.task import Task

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd

    from pipelines.adapters import Model

Array: TypeAlias = np.ndarray[Any, Any]

SIGMOID, ISOTONIC = "sigmoid", "isotonic"
EDGE = 1e-7
"""Chances nearer to 0 or 1 than this have no log-odds worth the name."""


class Ensemble:
    """A weighted mean of models that answer the same question."""

    pipeline: Pipeline
    """There is none: whoever looks for one must do with the answers."""

    def __init__(self, members: Sequence[Model], weights: Sequence[float]) -> None:
        self.algorithm, self.explain_with = "ensemble", "kernel"
        self.members, self.weights = list(members), [float(weight) for weight in weights]
        self.classes: tuple[Any, ...] = self._labels()
        self._task = Task(members[0].task)

    @property
    def task(self) -> Task:
        """The question that all members answer."""
        return self._task

    @task.setter
    def task(self, task: Task) -> None:
        self._task = task
        for member in self.members:
            member.task = task

    def fit(self, features: pd.DataFrame, labels: pd.Series | None = None) -> Self:
        """Have each member learn from labelled rows."""
        for member in self.members:
            member.fit(features, labels)
        self.classes = self._labels()
        return self

    def predict(self, features: pd.DataFrame) -> Array:
        """Return labels or values."""
        if self.task is not Task.CLASSIFICATION:
            return self.score(features)
        places = self.probabilities(features).argmax(axis=1)
        labels: Array = np.take(as_labels(self.classes), places)
        return labels

    def probabilities(self, features: pd.DataFrame) -> Array:
        """Return one column per class, in the order of ``classes``."""
        rows = self._shared(features)
        answers = [aligned(each, rows, self.classes) for each in self.members]
        return np.average(answers, axis=0, weights=self.weights)

    def score(self, features: pd.DataFrame) -> Array:
        """Return the probability of the last class, or the value."""
        if self.task is Task.CLASSIFICATION:
            return cast("Array", self.probabilities(features)[:, -1])
        rows = self._shared(features)
        answers = [each.score(rows) for each in self.members]
        return np.average(answers, axis=0, weights=self.weights)

    def _shared(self, features: pd.DataFrame) -> pd.DataFrame:
        """Return a few rows in a form in which all members read each cell but once."""
        if len(features) > MOST or not all(isinstance(each, Estimator) for each in self.members):
            return features
        return cast("pd.DataFrame", FewRows(features))

    def _labels(self) -> tuple[Any, ...]:
        """Return every label that some member knows, in order."""
        return tuple(sorted({label for each in self.members for label in each.classes}))


class Calibrated:
    """A classifier whose probabilities go through a map learned from out-of-fold predictions."""

    def __init__(self, inner: Model, kind: str, maps: Sequence[Sequence[Sequence[float]]]) -> None:
        self.inner, self.kind = inner, kind
        self.maps = [[list(numbers) for numbers in each] for each in maps]
        self.algorithm, self.explain_with = inner.algorithm, inner.explain_with

    @property
    def task(self) -> Task:
        """The question the model inside answers."""
        return self.inner.task

    @task.setter
    def task(self, task: Task) -> None:
        self.inner.task = task

    @property
    def classes(self) -> tuple[Any, ...]:
        """The labels, in the order of the probabilities."""
        return self.inner.classes

    @property
    def pipeline(self) -> Pipeline:
        """The steps of the model inside, where the map is a straight line on log-odds."""
        if self.kind != SIGMOID or len(self.maps) != 1:
            raise AttributeError("pipeline")
        steps = self.inner.pipeline.named_steps
        return Pipeline([("prepare", steps["prepare"]),
                         ("model", Straight(steps["model"], *self.maps[0][0]))])  # fmt: skip

    def fit(self, features: pd.DataFrame, labels: pd.Series | None = None) -> Self:
        """Have the model inside learn; the map stays."""
        self.inner.fit(features, labels)
        return self

    def predict(self, features: pd.DataFrame) -> Array:
        """Return labels."""
        places = self.probabilities(features).argmax(axis=1)
        labels: Array = np.take(as_labels(self.classes), places)
        return labels

    def probabilities(self, features: pd.DataFrame) -> Array:
        """Return one column per class, in the order of ``classes``."""
        return mapped(self.kind, self.maps, self.inner.probabilities(features))

    def score(self, features: pd.DataFrame) -> Array:
        """Return the probability of the last class."""
        return cast("Array", self.probabilities(features)[:, -1])


class Decided:
    """A classifier that weighs its classes before it names one. Its probabilities stay."""

    def __init__(self, inner: Model, decision: Sequence[float]) -> None:
        self.inner, self.decision = inner, [float(weight) for weight in decision]
        self.algorithm, self.explain_with = inner.algorithm, inner.explain_with

    @property
    def task(self) -> Task:
        """The question the model inside answers."""
        return self.inner.task

    @task.setter
    def task(self, task: Task) -> None:
        self.inner.task = task

    @property
    def classes(self) -> tuple[Any, ...]:
        """The labels, in the order of the probabilities."""
        return self.inner.classes

    @property
    def pipeline(self) -> Pipeline:
        """The steps of the model inside."""
        return self.inner.pipeline

    def fit(self, features: pd.DataFrame, labels: pd.Series | None = None) -> Self:
        """Have the model inside learn; the weights stay."""
        self.inner.fit(features, labels)
        return self

    def predict(self, features: pd.DataFrame) -> Array:
        """Return labels."""
        weighted = self.inner.probabilities(features) * np.array(self.decision)
        labels: Array = np.take(as_labels(self.classes), weighted.argmax(axis=1))
        return labels

    def probabilities(self, features: pd.DataFrame) -> Array:
        """Return one column per class, in the order of ``classes``."""
        return self.inner.probabilities(features)

    def score(self, features: pd.DataFrame) -> Array:
        """Return the probability of the last class."""
        return self.inner.score(features)


class Straight:
    """An estimator whose log-odds are stretched and shifted, told as scikit-learn tells it.

    Whoever can look through scikit-learn's sigmoid calibration can look through this one.
    """

    def __init__(self, estimator: Any, slope: float, shift: float) -> None:
        self.estimator = estimator
        self.a_, self.b_ = -slope, -shift

    @property
    def calibrators(self) -> list[Straight]:
        """One calibrator: this."""
        return [self]

    @property
    def calibrated_classifiers_(self) -> list[Straight]:
        """One calibrated classifier: this."""
        return [self]


def mapped(kind: str, maps: Sequence[Sequence[Sequence[float]]], probabilities: Array) -> Array:
    """Return probabilities after their maps: one for each class, or for the second of two."""
    if len(maps) == 1:
        second = _moved(kind, maps[0], probabilities[:, 1])
        return np.column_stack([1 - second, second])
    columns = [_moved(kind, each, column)
               for each, column in zip(maps, probabilities.T, strict=True)]  # fmt: skip
    together: Array = np.column_stack(columns)
    together /= together.sum(axis=1, keepdims=True)
    return together


def log_odds(chances: Array) -> Array:
    """Return log-odds, finite for every chance.

    >>> log_odds(np.array([0.5])).tolist()
    [0.0]
    """
    return cast("Array", logit(np.clip(chances, EDGE, 1 - EDGE)))


def _moved(kind: str, numbers: Sequence[Sequence[float]], chances: Array) -> Array:
    if kind == SIGMOID:
        slope, shift = numbers[0]
        return cast("Array", expit(slope * log_odds(chances) + shift))
    moved: Array = np.interp(chances, numbers[0], numbers[1])
    return moved


def aligned(model: Model, features: pd.DataFrame, classes: Sequence[Any]) -> Array:
    """Return a model's probabilities, one column for each of the classes."""
    given = model.probabilities(features)
    if model.classes == tuple(classes):
        return given
    places = {label: place for place, label in enumerate(classes)}
    answer = np.zeros((len(given), len(classes)))
    answer[:, [places[label] for label in model.classes]] = given
    return answer
