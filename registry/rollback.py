"""Going back to the version that was in production before: the way out of a bad promotion.

No gate is asked, no approval waited for and no freeze looked at: the version passed all of that
when it entered production, and this is for the moment when something burns. Rolling back again
goes further back.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from registry import db, moves, tenures, versions
from registry.errors import IllegalMove
from registry.moves import Promotion, Seen
from registry.permissions import Action, Actor, require
from registry.refs import Ref
from registry.stages import MOVES, Stage

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from registry.versions import ModelVersion


def target(session: Session, name: str, to: Ref | None = None) -> ModelVersion:
    """Return the version a rollback of a model would go back to.

    Raises:
        UnknownVersion: There is no such model, or no such version of it.
        NothingBefore: No other version was in production before.
    """
    versions.check_known(session, name)
    if to is not None:
        tenures.of_version(session, versions.get(session, to))
        return versions.get(session, to)
    return versions.get(session, Ref(name, number=tenures.before(session, name).number))


def rollback(
    session: Session, name: str, *, by: Actor, reason: str, to: Ref | None = None,
    seen: Seen | None = None,
) -> Promotion:  # fmt: skip
    """Bring the version that was in production before back into it. The caller commits.

    Args:
        session: A session for writing.
        name: The model's name.
        by: Who does it.
        reason: Why; kept in the audit log.
        to: A version to go back to, further back than the last.
        seen: What stood in production when it was decided.

    Raises:
        Forbidden: The actor's role may not promote.
        UnknownVersion: There is no such model, or no such version of it.
        NothingBefore: No other version was in production before.
        IllegalMove: The version is in production already.
        Conflict: Somebody changed production meanwhile.
    """
    require(by, Action.PROMOTE)
    db.lock(session, name)
    version = target(session, name, to)
    present = versions.champion(session, name)
    if seen is not None:
        moves.require_unchanged(session, version, present, seen, Stage.PRODUCTION)
    if version.stage is Stage.PRODUCTION:
        raise IllegalMove(version.stage, Stage.PRODUCTION, MOVES[version.stage])
    tenure = tenures.of_version(session, version) if to else tenures.before(session, name)
    detail = {"verb": "rollback", "gone back from": present.ref if present else None}
    moved, replaced, digest = moves.enter(
        session, version, Stage.PRODUCTION, detail, by=by, reason=reason
    )
    tenures.enter(session, moved, how="rollback", by=by, reason=reason, on=tenure.before_id)
    return Promotion(moved, version.stage, (), replaced, digest)
