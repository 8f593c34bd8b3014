"""Shows the record in MLflow. The record is the truth; the mirror can be redrawn any time.

``show`` re-reads the record and sets MLflow to it, whatever happened before: calling it twice, or
from two processes, ends in the same picture. By default both live in one SQLite file, so no
transaction of ours may be open while MLflow writes: read, draw, note, each on its own.
"""

from __future__ import annotations

import json
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy.exc import SQLAlchemyError

from registry import db, outbox, reports, versions
from registry.errors import MirrorFailed
from registry.mirror import card
from registry.stages import Stage

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from mlflow import MlflowClient
    from mlflow.entities.model_registry import ModelVersion as Shown
    from mlflow.entities.model_registry import RegisteredModel
    from sqlalchemy.orm import Session

    from registry.reports import Report
    from registry.versions import ModelVersion

ALIASES = (Stage.STAGING, Stage.PRODUCTION)
"""The stages that MLflow shows as an alias of the same name."""

REF, STAGE, RUN = "mlops.ref", "mlops.stage", "mlops.run"
_LINKS = "mlflow.modelVersions"  # how MLflow's page of a logged model finds its versions
_ROUNDS = 10
_AT_ONCE = 1000
_MISSING, _THERE = "RESOURCE_DOES_NOT_EXIST", "RESOURCE_ALREADY_EXISTS"


class _Raced(MirrorFailed):
    """Another process wrote the same tag or alias in the same moment; MLflow queues nobody."""


@dataclass(frozen=True, slots=True)
class Picture:
    """One model as the record has it now."""

    name: str
    versions: tuple[ModelVersion, ...]
    reports: Mapping[int, tuple[Report, ...]]
    messages: tuple[int, ...]

    def looks_like(self, other: Picture) -> bool:
        """Whether MLflow would show both alike."""
        return _visible(self) == _visible(other)

    def standing(self, stage: Stage) -> ModelVersion | None:
        """Return the latest version that stands in a stage."""
        return next((v for v in reversed(self.versions) if v.stage is stage), None)


def show(session: Session, name: str, tracking_uri: str) -> dict[str, str]:
    """Set MLflow to what the record says of a model; return our references and its numbers.

    The one function of the registry that commits: see the module's docstring. Give it a session
    without an open transaction.

    Raises:
        MirrorFailed: MLflow cannot be reached or written. The record is unharmed; the messages
            stay in the outbox with the reason.
        ValueError: The session has a transaction open.
    """
    if session.in_transaction():
        raise ValueError("mirror.show needs a session without an open transaction")
    for _ in range(_ROUNDS):
        with session.begin():
            picture = read(session, name)
        try:
            numbers = draw(picture, tracking_uri)
        except _Raced:
            continue
        except MirrorFailed as error:
            with session.begin():
                outbox.failed(session, picture.messages, str(error))
            raise
        with session.begin():
            if note(session, picture, numbers):
                return {version.ref: numbers[version.id] for version in picture.versions}
    raise MirrorFailed(name, tracking_uri, "the record changes faster than it can be shown")


def read(session: Session, name: str) -> Picture:
    """Take a picture of a model: all its versions and reports, and what waits to be told."""
    found: list[ModelVersion] = []
    while part := versions.page(
        session, name, limit=_AT_ONCE, before=found[-1].id if found else None
    ):
        found.extend(part)
    found.reverse()
    waiting = outbox.pending(session, name, limit=_AT_ONCE)
    attached = {version.id: reports.of(session, version) for version in found}
    return Picture(name, tuple(found), attached, tuple(message.id for message in waiting))


def draw(picture: Picture, tracking_uri: str) -> dict[int, str]:
    """Make MLflow look like the picture; return each version's MLflow number by its id.

    Raises:
        MirrorFailed: MLflow cannot be reached or written.
    """
    with _speaking_to(tracking_uri, picture.name) as client:
        model = _model(client, picture.name)
        there = _shown(client, picture.name)
        numbers: dict[int, str] = {}
        for version in picture.versions:
            shown = there.get(version.ref) or _create(client, version)
            numbers[version.id] = str(shown.version)
            _retouch(client, version, shown, card.write(version, picture.reports[version.id]))
        _set_aliases(client, model, picture, numbers)
    return numbers


def note(session: Session, picture: Picture, numbers: Mapping[int, str]) -> bool:
    """Write down what was drawn. False when the record has moved on since: draw again.

    Whoever drew last looks last, so two that draw at once cannot leave an old picture behind.
    """
    present = read(session, picture.name)
    for version in present.versions:
        number = numbers.get(version.id)
        if number is not None and number != version.mlflow_version:
            versions.note_mlflow(session, version, number)
    if not present.looks_like(picture):
        return False
    outbox.delivered(session, picture.messages)
    return True


def highest(tracking_uri: str, name: str) -> int:
    """Return the highest number MLflow has given to a version of a model, or 0.

    Raises:
        MirrorFailed: MLflow cannot be reached or read.
    """
    with _speaking_to(tracking_uri, name) as client:
        return max((int(shown.version) for shown in _all_shown(client, name)), default=0)


def _visible(picture: Picture) -> list[Any]:
    return [
        (
            version.ref,
            version.stage,
            [(r.kind, r.digest, r.uri) for r in picture.reports[version.id]],
        )
        for version in picture.versions
    ]


@contextmanager
def _speaking_to(tracking_uri: str, name: str) -> Iterator[MlflowClient]:
    """Give a client; whatever goes wrong with it becomes one sentence."""
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
    try:
        yield MlflowClient(tracking_uri=tracking_uri, registry_uri=tracking_uri)
    except (MlflowException, SQLAlchemyError, OSError) as error:
        lines = str(error).strip().splitlines() or [type(error).__name__]
        kind = _Raced if "IntegrityError" in str(error) else MirrorFailed
        raise kind(name, db.hidden(tracking_uri), lines[0].rstrip(".")) from error
    finally:
        for knob in ours:
            knob.unset()


def _model(client: MlflowClient, name: str) -> RegisteredModel:
    from mlflow.exceptions import MlflowException

    try:
        return client.get_registered_model(name)
    except MlflowException as error:
        if error.error_code != _MISSING:
            raise
    try:
        return client.create_registered_model(name)
    except MlflowException as error:
        if error.error_code != _THERE:  # another process was faster
            raise
        return client.get_registered_model(name)


def _all_shown(client: MlflowClient, name: str) -> list[Shown]:
    found: list[Shown] = []
    token: str | None = None
    while True:
        part = client.search_model_versions(
            f"name='{name}'", max_results=_AT_ONCE, page_token=token
        )
        found.extend(part)
        token = part.token
        if not token:
            return found


def _shown(client: MlflowClient, name: str) -> dict[str, Shown]:
    """Return the MLflow versions that show ours, by our reference; the oldest if there are two."""
    found = sorted(_all_shown(client, name), key=lambda shown: int(shown.version), reverse=True)
    return {shown.tags[REF]: shown for shown in found if REF in shown.tags}


def _create(client: MlflowClient, version: ModelVersion) -> Shown:
    """Make the MLflow version that shows ours; if another process just did, take that one."""
    made = client.create_model_version(
        version.name,
        _source(client, version),
        run_id=version.run_id,
        tags=_tags(version),
        model_id=version.model_id,
    )
    first = _shown(client, version.name).get(version.ref, made)
    if int(first.version) < int(made.version):
        client.delete_model_version(version.name, str(made.version))
        return first
    _link(client, version, str(made.version))
    return made


def _tags(version: ModelVersion) -> dict[str, str]:
    return {REF: version.ref, STAGE: version.stage.value, RUN: version.run_id}


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


def _retouch(client: MlflowClient, version: ModelVersion, shown: Shown, text: str) -> None:
    """Set what differs, nothing else, so that a second drawing costs no write."""
    number = str(shown.version)
    for key, value in _tags(version).items():
        if shown.tags.get(key) != value:
            client.set_model_version_tag(version.name, number, key, value)
    if shown.description != text:
        client.update_model_version(version.name, number, description=text)


def _set_aliases(
    client: MlflowClient, model: RegisteredModel, picture: Picture, numbers: Mapping[int, str]
) -> None:
    for stage in ALIASES:
        version = picture.standing(stage)
        present = model.aliases.get(stage.value)
        if version is None:
            if present is not None:
                client.delete_registered_model_alias(picture.name, stage.value)
        elif str(present) != numbers[version.id]:
            client.set_registered_model_alias(picture.name, stage.value, numbers[version.id])
