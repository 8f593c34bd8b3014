"""Moving a version between stages: the one place where that is decided."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy.exc import IntegrityError

from registry import audit, db, outbox, reports, tenures, versions
from registry.errors import Conflict, Forbidden, GatesFailed, IllegalMove
from registry.gates import GATES, Case, Gate, Verdict, judge
from registry.permissions import Action, Actor, require
from registry.stages import Stage, check_move, verb_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy.orm import Session

    from registry.refs import Ref
    from registry.versions import ModelVersion


@dataclass(frozen=True, slots=True)
class Promotion:
    """What a move did, and why it was allowed."""

    version: ModelVersion
    came_from: Stage
    verdicts: tuple[Verdict, ...]
    replaced: ModelVersion | None
    """The version that was in production until now, archived in the same transaction."""
    audit_digest: str

    def to_dict(self) -> dict[str, Any]:
        """Return everything as plain JSON-ready data."""
        return {
            "version": self.version.to_dict(),
            "from": self.came_from.value,
            "to": self.version.stage.value,
            "verdicts": [verdict.to_dict() for verdict in self.verdicts],
            "replaced": self.replaced.ref if self.replaced else None,
            "audit_digest": self.audit_digest,
        }


@dataclass(frozen=True, slots=True)
class Assessment:
    """What would happen if somebody moved the version now."""

    version: ModelVersion
    to: Stage
    champion: ModelVersion | None
    verdicts: tuple[Verdict, ...]
    obstacles: tuple[str, ...]
    """What stands in the way besides the gates: no such step, a role that may not."""

    @property
    def failed(self) -> tuple[Verdict, ...]:
        """The gates that say no."""
        return tuple(verdict for verdict in self.verdicts if verdict.outcome == "failed")

    @property
    def passed(self) -> bool:
        """Whether the move would be made."""
        return not self.failed and not self.obstacles

    def to_dict(self) -> dict[str, Any]:
        """Return everything as plain JSON-ready data."""
        return {
            "version": self.version.to_dict(),
            "to": self.to.value,
            "champion": self.champion.ref if self.champion else None,
            "passed": self.passed,
            "verdicts": [verdict.to_dict() for verdict in self.verdicts],
            "obstacles": list(self.obstacles),
        }


def promote(
    session: Session,
    ref: Ref,
    *,
    to: Stage,
    by: Actor,
    reason: str = "",
    gates: Sequence[Gate] = GATES,
) -> Promotion:
    """Move a version to a stage, if the step exists and every gate agrees. The caller commits.

    The session must be one for writing and fresh: on SQLite the write lock is taken when the
    transaction begins, on PostgreSQL a lock on the model before anything is judged, so whoever
    comes second judges against the champion that the first one made.

    Raises:
        Forbidden: The actor's role may not promote.
        UnknownVersion: Nothing answers to the reference.
        IllegalMove: There is no step from where the version stands.
        GatesFailed: A gate said no; nothing was changed.
        Conflict: Somebody changed the same model past the locks.
    """
    require(by, Action.PROMOTE)
    # A model id names no model, so look once to learn whom to lock, then look again.
    name = ref.name or versions.get(session, ref).name
    db.lock(session, name)
    version = versions.get(session, ref)
    check_move(version.stage, to)
    champion = versions.champion(session, version.name)
    verdicts = judge(_case(session, version, champion, by), to, gates)
    failed = [verdict for verdict in verdicts if verdict.outcome == "failed"]
    if failed:
        told = [verdict.to_dict() for verdict in verdicts]
        raise GatesFailed(version, map(str, failed), told)
    replaced = _make_room(session, champion, version, by) if to is Stage.PRODUCTION else None
    moved = _move(session, version, to)
    if to is Stage.PRODUCTION:
        under = tenures.last(session, version.name)
        on = under.id if under else None
        tenures.enter(session, moved, how="promote", by=by, reason=reason, on=on)
    elif version.stage is Stage.PRODUCTION:
        tenures.leave(session, moved, how=verb_of(version.stage, to))
    detail = {
        "from": version.stage.value,
        "to": to.value,
        "replaced": replaced.ref if replaced else None,
        "model_digest": version.model_digest,
        "verdicts": [verdict.to_dict() for verdict in verdicts],
    }
    digest = _write_down(session, version, detail, by, reason)
    return Promotion(moved, version.stage, verdicts, replaced, digest)


def check(
    session: Session, ref: Ref, *, to: Stage, by: Actor, gates: Sequence[Gate] = GATES
) -> Assessment:
    """Say what every gate thinks of a move, and what else stands in its way. Moves nothing.

    Raises:
        UnknownVersion: Nothing answers to the reference.
    """
    version = versions.get(session, ref)
    champion = versions.champion(session, version.name)
    verdicts = judge(_case(session, version, champion, by), to, gates)
    obstacles: list[str] = []
    try:
        require(by, Action.PROMOTE)
    except Forbidden as error:
        obstacles.append(str(error))
    try:
        check_move(version.stage, to)
    except IllegalMove as error:
        obstacles.append(str(error))
    return Assessment(version, to, champion, verdicts, tuple(obstacles))


def _case(
    session: Session, version: ModelVersion, champion: ModelVersion | None, by: Actor
) -> Case:
    return Case(version, champion, reports.of(session, version), by.name)


def _make_room(
    session: Session, champion: ModelVersion | None, successor: ModelVersion, by: Actor
) -> ModelVersion | None:
    """Archive the champion first: the database allows one version in production, not two."""
    if champion is None:
        return None
    archived = _move(session, champion, Stage.ARCHIVED)
    tenures.leave(session, champion, how="replaced")
    detail = {"from": champion.stage.value, "to": archived.stage.value, "by": successor.ref}
    _write_down(session, champion, detail, by, f"replaced by {successor.ref}")
    return archived


def _move(session: Session, version: ModelVersion, to: Stage) -> ModelVersion:
    try:
        return versions.move(session, version, to)
    except IntegrityError as error:  # somebody wrote without asking for the lock
        raise Conflict(
            f"{version} could not become {to}: another version of it just did."
        ) from error


def _write_down(
    session: Session, version: ModelVersion, detail: dict[str, Any], by: Actor, reason: str
) -> str:
    start, goal = Stage(detail["from"]), Stage(detail["to"])
    action = verb_of(start, goal)
    digest = audit.append(
        session, by=by, action=action, subject=version.ref, detail=detail, reason=reason
    )
    told = {"ref": version.ref, "from": start.value, "to": goal.value, "audit": digest}
    outbox.add(session, version.name, "moved", told)
    return digest
