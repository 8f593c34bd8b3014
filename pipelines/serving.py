"""A model that answers: rows in any order and dtype in, predictions that JSON can carry out."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from pipelines import packaging
from pipelines.adapters.alarms import Alarm
from pipelines.errors import BadSetting
from pipelines.task import Task

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pipelines.adapters import Model
    from pipelines.schema import Schema

logger = logging.getLogger(__name__)


class Predictor:
    """A fitted model behind the schema of its rows. Answers keep the index of the rows."""

    def __init__(self, model: Model, schema: Schema, about: Mapping[str, Any]) -> None:
        self.model, self.schema, self.about = model, schema, about

    @property
    def task(self) -> Task:
        """The question the model answers."""
        return Task(self.model.task)

    @property
    def classes(self) -> tuple[Any, ...]:
        """The labels in the order of the probabilities; empty unless it classifies."""
        return tuple(packaging.plain(label) for label in self.model.classes)

    def predict(self, frame: pd.DataFrame) -> pd.Series:
        """Return labels, values, or 0 and 1 for an anomaly.

        Raises:
            SchemaMismatch: The rows do not look like what the model learned from.
        """
        return self._predict(self.schema.conform(frame), frame.index)

    def probabilities(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Return one column per class, named by its label.

        Raises:
            SchemaMismatch: The rows do not look like what the model learned from.
            BadSetting: The model does not classify.
        """
        return self._probabilities(self.schema.conform(frame), frame.index)

    def score(self, frame: pd.DataFrame) -> pd.Series:
        """Return the probability of the last class, the value, or the strangeness of each row.

        Raises:
            SchemaMismatch: The rows do not look like what the model learned from.
        """
        rows = self.schema.conform(frame)
        scores: Any = self.model.score(rows) if len(rows) else []
        return pd.Series(scores, index=frame.index, name="score", dtype="float64")

    def answers(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Return all there is to say: the prediction with its probabilities or its score.

        Raises:
            SchemaMismatch: The rows do not look like what the model learned from.
        """
        rows = self.schema.conform(frame)
        told = self._predict(rows, frame.index).to_frame()
        if self.task is Task.CLASSIFICATION:
            chances = self._probabilities(rows, frame.index)
            return told.join(chances.rename(columns="probability_{}".format))
        if self.task is Task.ANOMALY:
            return self._strange(told, rows)
        return told

    def _strange(self, told: pd.DataFrame, rows: pd.DataFrame) -> pd.DataFrame:
        """Add the score, and where an alarm knows them, p-value and chance."""
        scores = self.model.score(rows) if len(rows) else np.empty(0)
        told["score"] = scores
        if isinstance(self.model, Alarm):
            told["p_value"] = self.model.p_values(rows, scores) if len(rows) else scores
            told["is_anomaly"] = told["prediction"].astype(bool)
            chances = self.model.chances(scores)
            if chances is not None:
                told["probability"] = chances
        return told

    def _predict(self, rows: pd.DataFrame, index: pd.Index) -> pd.Series:
        found = list(self.model.predict(rows)) if len(rows) else []
        labels = [packaging.plain(label) for label in found]
        if self.task is Task.REGRESSION:
            return pd.Series(labels, index=index, name="prediction", dtype="float64")
        return pd.Series(labels, index=index, name="prediction", dtype=self._label_dtype())

    def _probabilities(self, rows: pd.DataFrame, index: pd.Index) -> pd.DataFrame:
        if self.task is not Task.CLASSIFICATION:
            raise BadSetting("task", self.task, "Only classification has probabilities.")
        if not len(rows):
            return pd.DataFrame(index=index, columns=list(self.classes), dtype="float64")
        return pd.DataFrame(self.model.probabilities(rows), index=index, columns=self.classes)

    def _label_dtype(self) -> str:
        if self.task is Task.ANOMALY:
            return "int64"
        kinds = {type(label) for label in self.classes}
        names = {bool: "bool", int: "int64", float: "float64", str: "str"}
        return names.get(kinds.pop(), "object") if len(kinds) == 1 else "object"


def load(folder: Path, *, digest: str | None = None, called: str | None = None) -> Predictor:
    """Open a saved model, or a whole MLflow model; with a digest, compare before opening.

    Errors call it by a name, where one is given.

    Raises:
        BadModel: The bytes are not those of the digest, or the folder is broken.
    """
    package = packaging.unpack(folder, digest=digest, called=called)
    return Predictor(package.model, package.schema, package.about)


class Pyfunc:
    """What MLflow calls: ``predict`` answers with a frame of plain values."""

    def __init__(self, predictor: Predictor) -> None:
        self.predictor = predictor

    def predict(self, model_input: pd.DataFrame, params: Any = None) -> pd.DataFrame:
        """Return the predictor's answers; there are no parameters to give."""
        del params
        return self.predictor.answers(model_input)


def _load_pyfunc(path: str) -> Pyfunc:
    """Open the model for MLflow, which names this module as the loader."""
    whole = next((folder for folder in Path(path).parents if (folder / "MLmodel").exists()), None)
    own, present = whole and whole / "code" / "pipelines", Path(__file__).parent
    if own and own.is_dir() and not own.samefile(present) and _code(own) != _code(present):
        logger.warning(
            "This model brings its own code, but the 'pipelines' of %s was imported before and "
            "answers in its place; load it in a process that has not imported it.",
            present.parent,
        )
    return Pyfunc(load(Path(path)))


def _code(package: Path) -> dict[str, bytes]:
    return {str(path.relative_to(package)): path.read_bytes() for path in package.rglob("*.py")}
