"""Speaking to MLflow: the client, and the few sentences that a mirror needs."""

from __future__ import annotations

import json
import warnings
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

from sqlalchemy.exc import SQLAlchemyError

from registry import db
from registry.errors import MirrorFailed
from registry.mirror.picture import AT_ONCE
from registry.stages import Stage

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from mlflow import MlflowClient
    from mlflow.entities.model_registry import ModelVersion as Shown
    from mlflow.entities.model_registry import RegisteredModel

    from registry.versions import ModelVersion

REF, STAGE, RUN = "mlops.ref", "mlops.stage", "mlops.run"
"""The tags by which a version of MLflow's is known to show one of ours."""

LEGACY: Mapping[Stage, str] = {
    Stage.CANDIDATE: "None",
    Stage.STAGING: "Staging",
    Stage.PRODUCTION: "Production",
    Stage.ARCHIVED: "Archived",
}
"""What MLflow's own stages, deprecated since 2.9, are called."""

_LINKS = "mlflow.modelVersions"  # how MLflow's page of a logged model finds its versions
_MISSING, _THERE = "RESOURCE_DOES_NOT_EXIST", "RESOURCE_ALREADY_EXISTS"
MOVED_ON = "The record has moved on"
"""How a guarded MLflow answers a mirror that draws an old picture."""

_drawing = ContextVar("drawing", default=False)
_RACES = (
    MOVED_ON,
    "IntegrityError",
    "database is locked",
    "SerializationFailure",
    "DeadlockDetected",
)


class Raced(MirrorFailed):
    """Another process wrote the same thing in the same moment; MLflow queues nobody."""


def is_drawing() -> bool:
    """Say whether what MLflow is told just now comes from a mirror, not from a person.

    A mirror shows the record and never changes it: a guarded MLflow refuses it where it would have
    promoted for a person.
    """
    return _drawing.get()


@contextmanager
def speaking_to(tracking_uri: str, name: str) -> Iterator[MlflowClient]:
    """Give a client; whatever goes wrong with it becomes one sentence.

    Raises:
        MirrorFailed: MLflow cannot be reached, read or written.
    """
    from mlflow import MlflowClient
    from mlflow.environment_variables import (
        MLFLOW_HTTP_REQUEST_MAX_RETRIES,
        MLFLOW_HTTP_REQUEST_TIMEOUT,
    )
    from mlflow.exceptions import MlflowException

    knobs: dict[Any, int] = {MLFLOW_HTTP_REQUEST_MAX_RETRIES: 2, MLFLOW_HTTP_REQUEST_TIMEOUT: 30}
    # Seven retries with growing pauses would hold up a promotion for minutes; the outbox waits.
    ours = [knob for knob in knobs if not knob.is_set()]
    for knob in ours:
        knob.set(knobs[knob])
    mark = _drawing.set(True)
    try:
        yield MlflowClient(tracking_uri=tracking_uri, registry_uri=tracking_uri)
    except (MlflowException, SQLAlchemyError, OSError) as error:
        lines = str(error).strip().splitlines() or [type(error).__name__]
        kind = Raced if any(word in str(error) for word in _RACES) else MirrorFailed
        raise kind(name, db.hidden(tracking_uri), lines[0].rstrip(".")) from error
    finally:
        _drawing.reset(mark)
        for knob in ours:
            knob.unset()


def model_of(client: MlflowClient, name: str) -> RegisteredModel:
    """Return MLflow's model of a name, made when it was missing."""
    from mlflow.exceptions import MlflowException

    found = known_model(client, name)
    if found is not None:
        return found
    try:
        return client.create_registered_model(name)
    except MlflowException as error:
        if error.error_code != _THERE:  # another process was faster
            raise
        return client.get_registered_model(name)


def known_model(client: MlflowClient, name: str) -> RegisteredModel | None:
    """Return MLflow's model of a name, if it has one."""
    from mlflow.exceptions import MlflowException

    try:
        return client.get_registered_model(name)
    except MlflowException as error:
        if error.error_code != _MISSING:
            raise
        return None


def all_shown(client: MlflowClient, name: str) -> list[Shown]:
    """Return every version that MLflow has of a model."""
    return _search(client, f"name='{name}'")


def shown_as(client: MlflowClient, version: ModelVersion) -> Shown | None:
    """Return the MLflow version that shows ours; the oldest if there are two."""
    noted = _noted(client, version) if version.mlflow_version else None
    if noted is not None and noted.tags.get(REF) == version.ref:
        return noted
    found = _search(client, f"name='{version.name}' AND tags.`{REF}` = '{version.ref}'")
    return min(found, key=lambda shown: int(shown.version), default=None)


def create(client: MlflowClient, version: ModelVersion) -> Shown:
    """Make the MLflow version that shows ours; if another process just did, take that one."""
    made = client.create_model_version(
        version.name,
        _source(client, version),
        run_id=version.run_id,
        tags=tags_of(version),
        model_id=version.model_id,
    )
    first = shown_as(client, version) or made
    if int(first.version) < int(made.version):
        client.delete_model_version(version.name, str(made.version))
        return first
    _link(client, version, str(made.version))
    return made


def tags_of(version: ModelVersion) -> dict[str, str]:
    """Return the tags that MLflow shows for a version."""
    return {REF: version.ref, STAGE: version.stage.value, RUN: version.run_id}


def has_stages(client: MlflowClient) -> bool:
    """Say whether this MLflow still has its legacy stages."""
    return hasattr(client, "transition_model_version_stage")


def legacy_stage(version: ModelVersion, *, stages: bool) -> str:
    """Return what MLflow's own stage of a version should be; none where we show no stages."""
    return LEGACY[version.stage if stages else Stage.CANDIDATE]


def set_stage(client: MlflowClient, name: str, number: str, stage: str) -> None:
    """Set MLflow's legacy stage of a version."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", ".*transition_model_version_stage", FutureWarning)
        client.transition_model_version_stage(name, number, stage)


def _noted(client: MlflowClient, version: ModelVersion) -> Shown | None:
    from mlflow.exceptions import MlflowException

    try:
        return client.get_model_version(version.name, str(version.mlflow_version))
    except MlflowException as error:
        if error.error_code != _MISSING:
            raise
        return None


def _search(client: MlflowClient, condition: str) -> list[Shown]:
    found: list[Shown] = []
    token: str | None = None
    while True:
        part = client.search_model_versions(condition, max_results=AT_ONCE, page_token=token)
        found.extend(part)
        token = part.token
        if not token:
            return found


def _source(client: MlflowClient, version: ModelVersion) -> str:
    """Return where the model lies, as MLflow can resolve it.

    With a models:/ source its page links to the logged model. But a client on a database looks
    that up in the process's own store, which may be another one than the record's.
    """
    import mlflow

    uri = client.tracking_uri
    if uri.startswith("http") or uri == mlflow.get_tracking_uri():
        return f"models:/{version.model_id}"
    return str(client.get_logged_model(version.model_id).artifact_location)


def _link(client: MlflowClient, version: ModelVersion, number: str) -> None:
    known = json.loads(client.get_logged_model(version.model_id).tags.get(_LINKS, "[]"))
    link = {"name": version.name, "version": number}
    if link not in known:
        client.set_logged_model_tags(version.model_id, {_LINKS: json.dumps([*known, link])})
