"""Files: what somebody writes or deletes over HTTP under a registered version.

A version's model is what its digest says, so nothing is written there but attached reports; the
files of its run are evidence, so new ones may come and none is overwritten. MLflow names the
folders of runs and logged models by their ids, wherever an experiment keeps its files.
"""

from __future__ import annotations

import posixpath
import re
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlparse

from registry import lookups

if TYPE_CHECKING:
    from collections.abc import Sequence

    from registry.versions import ModelVersion

_ARTIFACTS = re.compile(
    r"/(?:ajax-)?api/2\.0/mlflow-artifacts/(artifacts|mpu/\w+)/(.+)", re.DOTALL
)
_UPLOAD = re.compile(r"/ajax-api/2\.0/mlflow/upload-artifact/?")
_RUN = re.compile(r"[0-9a-f]{32}")
_MODEL = re.compile(r"m-[0-9a-f]{32}")
_ADDED_LATER = ("reports", "registered_model_meta")
"""What ``pipelines.packaging`` leaves out of a model's digest."""


def is_write(method: str, path: str) -> bool:
    """Say whether a request may change a file; all others pass at no cost.

    >>> is_write("PUT", "/api/2.0/mlflow-artifacts/artifacts/1/models/m-1/artifacts/MLmodel")
    True
    >>> is_write("GET", "/api/2.0/mlflow-artifacts/artifacts/1/models/m-1/artifacts/MLmodel")
    False
    """
    if method not in {"PUT", "POST", "DELETE", "PATCH"}:
        return False
    return bool(_ARTIFACTS.search(path) or _UPLOAD.search(path))


def refusal(store: Any, method: str, path: str, query: str) -> str | None:
    """Return why a file of a registered version may not be changed, or None.

    Args:
        store: The server's guarded tracking store.
        method: Of the request.
        path: Of the request.
        query: Of the request, as it came.
    """
    from mlflow.utils.uri import validate_path_is_safe

    told = _target(store, path, query)
    if told is None:
        return None
    # As MLflow reads it: decoded as often as it was encoded.
    parts = posixpath.normpath(validate_path_is_safe(told)).lower().split("/")
    with store.witness.session() as session:
        if session is None:
            return None
        above = method == "DELETE" and _above(store, parts, lookups.experiments(session))
        if above:
            return f"{told!r} holds files of registered versions and stays."
        version, inside = _owner(session, parts)
    if version is None or (method != "DELETE" and _is_addition(store, version, inside, told)):
        return None
    return f"{told!r} belongs to {version} of the registry and is not changed."


def _target(store: Any, path: str, query: str) -> str | None:
    """Return the file a request is about, relative to where the server keeps files."""
    found = _ARTIFACTS.search(path)
    if found:
        return found[2]
    told = parse_qs(query)
    run, name = told.get("run_uuid", [""])[0], told.get("path", [""])[0]
    if not run or not name:
        return None  # MLflow says what is missing
    return posixpath.join(_root(store.get_run(run).info.artifact_uri) or run, name)


def _root(uri: str) -> str:
    """Return the folder of a proxied artifact address, or nothing for others.

    >>> _root("mlflow-artifacts:/1/abc/artifacts"), _root("s3://bucket/1")
    ('1/abc/artifacts', '')
    """
    parsed = urlparse(uri)
    return parsed.path.strip("/") if parsed.scheme == "mlflow-artifacts" else ""


def _above(store: Any, parts: Sequence[str], experiments: Sequence[str]) -> bool:
    """Say whether a folder holds whole experiments of the record, or their models."""
    for experiment in experiments:
        whole = [*_root(_location(store, experiment)).lower().split("/"), "models"]
        if whole[0] and whole[: len(parts)] == list(parts):
            return True
    return False


def _location(store: Any, experiment: str) -> str:
    from mlflow.exceptions import MlflowException

    try:
        return str(store.get_experiment(experiment).artifact_location)
    except MlflowException:  # it is gone, or lies in another workspace
        return f"mlflow-artifacts:/{experiment}"


def _owner(session: Any, parts: Sequence[str]) -> tuple[ModelVersion | None, Sequence[str]]:
    """Return the version whose folder a path leads through, and the rest of the path."""
    for place, part in enumerate(parts):
        version = None
        if _MODEL.fullmatch(part):
            version = lookups.of_model(session, part)
        elif _RUN.fullmatch(part):
            version = lookups.of_run(session, part)
        if version is not None:
            return version, parts[place:]
    return None, ()


def _is_addition(store: Any, version: ModelVersion, inside: Sequence[str], path: str) -> bool:
    """Say whether a write adds to what is there and changes nothing."""
    of_model = inside[0] == version.model_id
    if of_model and (len(inside) < 3 or inside[2] not in _ADDED_LATER):
        return False
    return (of_model and inside[2] == "registered_model_meta") or not _exists(store, version, path)


def _exists(store: Any, version: ModelVersion, path: str) -> bool:
    from mlflow.server import handlers
    from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

    uri = store.get_run(version.run_id).info.artifact_uri
    if _root(uri):
        files, name = handlers._get_artifact_repo_mlflow_artifacts(), posixpath.normpath(path)
    else:  # a path that begins with the run, see _target
        files, name = get_artifact_repository(uri), posixpath.normpath(path.partition("/")[2])
    folder = posixpath.dirname(name)
    there = files.list_artifacts(folder or None)
    return any(posixpath.normpath(file.path) == name for file in there)
