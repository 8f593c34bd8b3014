"""Shows the record in MLflow. The record is the truth; the mirror can be redrawn any time.

``show`` re-reads the record and sets MLflow to it, whatever happened before: calling it twice, or
from two processes, ends in the same picture. It touches only what changed since the last time,
unless it is asked for the whole. By default both live in one SQLite file, so no transaction of
ours may be open while MLflow writes: read, draw, note, each on its own.
"""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING

from registry import outbox, versions
from registry.errors import MirrorFailed
from registry.mirror.picture import ALIASES, AT_ONCE, Picture, again, read
from registry.mirror.speaking import (
    Raced,
    all_shown,
    create,
    has_stages,
    legacy_stage,
    model_of,
    set_stage,
    shown_as,
    speaking_to,
    tags_of,
)
from registry.mirror.turns import turn

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from mlflow import MlflowClient
    from mlflow.entities.model_registry import ModelVersion as Shown
    from sqlalchemy.orm import Session

    from registry.versions import ModelVersion

logger = logging.getLogger(__name__)

_ROUNDS = 20
_PAUSE = 0.05


def show(
    session: Session, name: str, tracking_uri: str, *, stages: bool = True, whole: bool = False
) -> dict[str, str]:
    """Set MLflow to what the record says of a model; return the shown references and numbers.

    The one function of the registry that commits: see the module's docstring. Give it a session
    without an open transaction.

    Args:
        session: A session for writing.
        name: The model.
        tracking_uri: Which MLflow.
        stages: Also show MLflow's legacy stages, where it has them; else they are cleared.
        whole: Look at every version, not only at those that changed.

    Raises:
        MirrorFailed: MLflow cannot be reached or written. The record is unharmed; the messages
            stay in the outbox with the reason.
        ValueError: The session has a transaction open.
    """
    if session.in_transaction():
        raise ValueError("mirror.show needs a session without an open transaction")
    told: dict[str, str] = {}
    with turn(session.get_bind().engine, name):
        for attempt in range(_ROUNDS):
            with session.begin():
                picture = read(session, name, whole=whole and not told)
            if not picture.versions and not picture.messages:
                return told
            try:
                numbers = _shown_once(session, picture, tracking_uri, stages=stages)
            except MirrorFailed as error:
                if isinstance(error, Raced) and attempt < _ROUNDS - 1:
                    time.sleep(_PAUSE * attempt)
                    continue
                with session.begin():
                    outbox.failed(session, picture.messages, str(error))
                raise
            if numbers is None:
                continue
            told |= {version.ref: numbers[version.id] for version in picture.versions}
            if len(picture.messages) < AT_ONCE:
                return told
    raise MirrorFailed(name, tracking_uri, "the record changes faster than it can be shown")


def draw(picture: Picture, tracking_uri: str, *, stages: bool = True) -> dict[int, str]:
    """Make MLflow look like the picture; return each version's MLflow number by its id.

    Raises:
        MirrorFailed: MLflow cannot be reached or written.
    """
    with speaking_to(tracking_uri, picture.name) as client:
        there = _placed(client, picture)
        _paint(client, picture, there, stages=stages)
    return {key: str(shown.version) for key, shown in there.items()}


def note(session: Session, picture: Picture, numbers: Mapping[int, str]) -> bool:
    """Write down what was drawn. False when the record has moved on since: draw again.

    Whoever drew last looks last, so two that draw at once cannot leave an old picture behind.
    """
    present = again(session, picture)
    _number(session, present.versions, numbers)
    if not present.looks_like(picture):
        return False
    outbox.delivered(session, picture.messages)
    return True


def highest(tracking_uri: str, name: str) -> int:
    """Return the highest number MLflow has given to a version of a model, or 0.

    Raises:
        MirrorFailed: MLflow cannot be reached or read.
    """
    with speaking_to(tracking_uri, name) as client:
        return max((int(shown.version) for shown in all_shown(client, name)), default=0)


def _shown_once(
    session: Session, picture: Picture, tracking_uri: str, *, stages: bool
) -> dict[int, str] | None:
    """Draw and note; None when the record has moved on meanwhile.

    Numbers are noted before stages and aliases are set: a guarded MLflow looks up by them what
    the record says.
    """
    with speaking_to(tracking_uri, picture.name) as client:
        there = _placed(client, picture)
        numbers = {key: str(shown.version) for key, shown in there.items()}
        if any(numbers[version.id] != version.mlflow_version for version in picture.versions):
            with session.begin():
                _number(session, picture.versions, numbers)
        _paint(client, picture, there, stages=stages)
    with session.begin():
        return numbers if note(session, picture, numbers) else None


def _number(session: Session, present: Iterable[ModelVersion], numbers: Mapping[int, str]) -> None:
    for version in present:
        number = numbers.get(version.id)
        if number is not None and number != version.mlflow_version:
            versions.note_mlflow(session, version, number)


def _placed(client: MlflowClient, picture: Picture) -> dict[int, Shown]:
    """Find or make the MLflow version of each of ours, of those that have an alias too."""
    model_of(client, picture.name)
    wanted = {version.id: version for version in (*picture.versions, *picture.standing.values())}
    return {
        key: shown_as(client, version) or create(client, version)
        for key, version in wanted.items()
    }


def _paint(
    client: MlflowClient, picture: Picture, there: Mapping[int, Shown], *, stages: bool
) -> None:
    """Set what differs, nothing else, so that a second drawing costs no write."""
    # Who leaves a stage goes before who enters it, so that MLflow never shows two in production.
    for version in sorted(picture.versions, key=lambda version: version.stage in ALIASES):
        _retouch(client, picture, version, there[version.id])
        if has_stages(client):
            _stage(client, version, there[version.id], stages=stages)
    _set_aliases(client, picture, there)


def _retouch(client: MlflowClient, picture: Picture, version: ModelVersion, shown: Shown) -> None:
    number = str(shown.version)
    for key, value in tags_of(version).items():
        if shown.tags.get(key) != value:
            client.set_model_version_tag(version.name, number, key, value)
    text = picture.card(version)
    if shown.description != text:
        client.update_model_version(version.name, number, description=text)


def _stage(client: MlflowClient, version: ModelVersion, shown: Shown, *, stages: bool) -> None:
    from mlflow.exceptions import MlflowException

    wanted = legacy_stage(version, stages=stages)
    if shown.current_stage in {None, wanted}:
        return
    try:
        set_stage(client, version.name, str(shown.version), wanted)
    except MlflowException as error:
        if stages:
            raise
        # A guarded server that shows stages itself; the doctor says that they differ.
        logger.info("MLflow keeps its stage of %s: %s", version, error)


def _set_aliases(client: MlflowClient, picture: Picture, there: Mapping[int, Shown]) -> None:
    present = client.get_registered_model(picture.name).aliases
    for stage in ALIASES:
        version, shown = picture.standing.get(stage), present.get(stage.value)
        if version is None:
            if shown is not None:
                client.delete_registered_model_alias(picture.name, stage.value)
        elif str(shown) != (number := str(there[version.id].version)):
            client.set_registered_model_alias(picture.name, stage.value, number)
