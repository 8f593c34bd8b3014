"""The moving itself: stage, time in production, audit entry and outbox, all in one transaction.

Whether a version may move is decided before, in ``registry.promotion`` and ``registry.rollback``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy.exc import IntegrityError

from registry import audit, db, outbox, tenures, versions
from registry.errors import Conflict
from registry.stages import Stage, verb_of

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from registry.cases import Verdict
    from registry.permissions import Actor
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
class Seen:
    """What somebody saw when they decided; if it is another by now, they have lost a race."""

    stage: Stage | None
    champion: int | None

    @classmethod
    def now(cls, version: ModelVersion | None, champion: ModelVersion | None) -> Seen:
        """Note what there is to be seen."""
        return cls(version.stage if version else None, champion.id if champion else None)


def locked(session: Session, ref: Ref) -> ModelVersion:
    """Return a version, with its model locked until the transaction ends.

    Raises:
        UnknownVersion: Nothing answers to the reference.
    """
    # A model id names no model, so look once to learn whom to lock, then look again.
    db.lock(session, ref.name or versions.get(session, ref).name)
    return versions.get(session, ref)


def require_unchanged(
    session: Session, version: ModelVersion, champion: ModelVersion | None, seen: Seen, to: Stage
) -> None:
    """Do nothing if a version and its champion stand as somebody saw them.

    Raises:
        Conflict: Somebody else was faster; the message says who.
    """
    if seen.stage is not None and seen.stage is not version.stage:
        last = audit.log(session, subject=version.ref, limit=1)[0]
        raise Conflict(
            f"{version} was moved to {version.stage} meanwhile, by {last.actor!r} at "
            f"{last.at:%H:%M:%S} UTC."
        )
    present = champion.id if champion else None
    if to is Stage.PRODUCTION and seen.champion != present:
        tenure = tenures.last(session, version.name)
        if tenure is None or champion is None:
            raise Conflict(f"{version} did not go to production: it was left empty meanwhile.")
        raise Conflict(
            f"{version} did not go to production: {tenure.ref} did meanwhile, moved there by "
            f"{tenure.author!r} at {tenure.since:%H:%M:%S} UTC."
        )


def enter(
    session: Session, version: ModelVersion, to: Stage, detail: dict[str, Any],
    *, by: Actor, reason: str,
) -> tuple[ModelVersion, ModelVersion | None, str]:  # fmt: skip
    """Move a version; whoever it replaces in production is archived before.

    Returns:
        The version as it is now, the version it replaced, and the digest of the audit entry.

    Raises:
        Conflict: Somebody changed the same model past the locks.
    """
    verb = detail.get("verb") or verb_of(version.stage, to)
    replaced = None
    if to is Stage.PRODUCTION:
        how = "rollback" if verb == "rollback" else "replaced"
        replaced = _make_room(session, version, by, how)
    moved = _move(session, version, to)
    if version.stage is Stage.PRODUCTION:
        tenures.leave(session, version, how=verb)
    told = {
        "from": version.stage.value,
        "to": to.value,
        "replaced": replaced.ref if replaced else None,
        "model_digest": version.model_digest,
        **detail,
    }
    return moved, replaced, _write_down(session, version, told, by, reason)


def _make_room(
    session: Session, successor: ModelVersion, by: Actor, how: str
) -> ModelVersion | None:
    """Archive the champion first: the database allows one version in production, not two."""
    champion = versions.champion(session, successor.name)
    if champion is None:
        return None
    archived = _move(session, champion, Stage.ARCHIVED)
    tenures.leave(session, champion, how=how)
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
    verb = detail.get("verb") or verb_of(start, goal)
    digest = audit.append(
        session, by=by, action=verb, subject=version.ref, detail=detail, reason=reason
    )
    told = {"ref": version.ref, "from": start.value, "to": goal.value, "audit": digest}
    outbox.add(session, version.name, "moved", told)
    return digest
