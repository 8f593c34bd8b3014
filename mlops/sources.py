"""Reads what a user points at: the readers' sources, and files kept in MLflow."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipelines import readers
from pipelines.errors import BadSetting
from pipelines.task import Task

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pipelines.dataset import Dataset

_IN_MLFLOW = ("runs:/", "models:/", "mlflow-artifacts:")


def read(
    data: Any,
    target: str | None,
    *,
    task: str = "auto",
    types: Mapping[str, str] | None = None,
    rows: int | None = None,
    seed: int = 0,
) -> Dataset:
    """Read a table with its target; a dataset of MLflow may know its target itself.

    Raises:
        PipelineError: It cannot be read; the class and the message say why.
    """
    wanted = _task(task)
    data, named = _found(data)
    with tempfile.TemporaryDirectory() as folder:
        return readers.read(
            _fetched(data, folder),
            target=named if target is None else target,
            task=wanted,
            types=types,
            rows=rows,
            seed=seed,
        )


def read_features(
    data: Any, *, types: Mapping[str, str] | None = None, columns: Sequence[str] | None = None
) -> Dataset:
    """Read rows to answer for.

    Raises:
        PipelineError: They cannot be read; the class and the message say why.
    """
    data, _ = _found(data)
    with tempfile.TemporaryDirectory() as folder:
        return readers.read_features(_fetched(data, folder), types=types, columns=columns)


def question(target: str | None, labels: str | None, task: str) -> tuple[str | None, str]:
    """Return the target and the task; labels are the target of a search for anomalies.

    Raises:
        BadSetting: Labels are given beside another question.
    """
    if labels is None:
        return target, task
    if target not in (None, labels) or task not in ("auto", "anomaly"):
        raise BadSetting("labels", labels, "Labels are for anomalies: leave --target and --task.")
    return labels, "anomaly"


def _task(text: str) -> Task | None:
    if text == "auto":
        return None
    try:
        return Task(text)
    except ValueError as error:
        known = ", ".join(["auto", *Task])
        raise BadSetting("--task", text, f"It is one of {known}.") from error


def _found(data: Any) -> tuple[Any, str | None]:
    """Follow what MLflow knows of a dataset to where its rows lie, with the target it names."""
    if isinstance(data, str) and data.startswith("runs:/"):
        from mlops import settings
        from pipelines.tracking import inputs

        return inputs.logged(settings.load().tracking_uri, data) or (data, None)
    if type(data).__module__.partition(".")[0] != "mlflow":
        return data, None
    if hasattr(data, "df") or hasattr(data, "features"):
        named = getattr(data, "targets", None)
        return data, named if isinstance(named, str) else None
    from pipelines.tracking import inputs

    return inputs.place(data)


def _fetched(data: Any, folder: str) -> Any:
    if not (isinstance(data, str) and data.startswith(_IN_MLFLOW)):
        return data
    from mlops import settings
    from pipelines.tracking import download

    return download(settings.load().tracking_uri, data, Path(folder))
