"""Who was in production, from when to when, and what a rollback goes back to.

Each tenure remembers the one it stands on. A promotion stands on the last tenure; a rollback goes
back to the one under the present and stands on what lay under that. So promoting A, B, C and
rolling back twice ends at A, not at C again.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import select, update

from registry.errors import NothingBefore
from registry.tables import TenureRow, VersionRow, now

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy import Row, Select
    from sqlalchemy.orm import Session

    from registry.permissions import Actor
    from registry.versions import ModelVersion


@dataclass(frozen=True, slots=True, kw_only=True)
class Tenure:
    """One version's time in production."""

    id: int
    ref: str
    number: int
    since: datetime
    until: datetime | None
    entered: str
    """promote or rollback."""
    left: str | None
    """replaced, rollback, demote or archive; None while it is there."""
    author: str
    reason: str
    before_id: int | None

    def to_dict(self) -> dict[str, Any]:
        """Return everything as plain JSON-ready data."""
        until = None if self.until is None else self.until.isoformat()
        told = {**asdict(self), "since": self.since.isoformat(), "until": until}
        return {key: value for key, value in told.items() if key != "before_id"}


def enter(
    session: Session, version: ModelVersion, *, how: str, by: Actor, reason: str, on: int | None
) -> None:
    """Begin a version's time in production, on top of another tenure. The caller commits."""
    row = TenureRow(
        name=version.name, version_id=version.id, since=now(), entered=how,
        author=by.name, reason=reason, before_id=on,
    )  # fmt: skip
    session.add(row)
    session.flush()


def leave(session: Session, version: ModelVersion, *, how: str) -> None:
    """End a version's time in production. The caller commits."""
    present = (TenureRow.version_id == version.id, TenureRow.until.is_(None))
    query = update(TenureRow).where(*present).values(until=now(), left=how)
    session.execute(query.execution_options(synchronize_session=False))


def last(session: Session, name: str) -> Tenure | None:
    """Return the present tenure of a model, or the last there was."""
    return _first(session, _of(name))


def at(session: Session, name: str, moment: datetime) -> Tenure | None:
    """Return who was in production at a moment; None when nobody was."""
    found = _first(session, _of(name).where(TenureRow.since <= moment))
    gone = found is not None and found.until is not None and found.until <= moment
    return None if gone else found


def page(
    session: Session, name: str, *, limit: int = 50, before: int | None = None
) -> tuple[Tenure, ...]:
    """Return one page of a model's tenures, newest first.

    Args:
        session: Any session; nothing is written.
        name: The model's name.
        limit: How many at most.
        before: Only older ones: the ``id`` of the last one on the page before.
    """
    query = _of(name).limit(limit)
    if before is not None:
        query = query.where(TenureRow.id < before)
    return tuple(_snapshot(row) for row in session.execute(query))


def before(session: Session, name: str) -> Tenure:
    """Return the tenure that a rollback goes back to.

    With nobody in production that is the last one there was.

    Raises:
        NothingBefore: No other version was in production before.
    """
    present = last(session, name)
    if present is None or present.until is not None:
        target = present
    else:
        target = _under(session, present)
        while target is not None and target.number == present.number:
            target = _under(session, target)
    if target is None:
        raise NothingBefore(name, None if present is None else present.ref)
    return target


def of_version(session: Session, version: ModelVersion) -> Tenure:
    """Return a version's latest time in production.

    Raises:
        NothingBefore: It never was there.
    """
    found = _first(session, _of(version.name).where(TenureRow.version_id == version.id))
    if found is None:
        raise NothingBefore(version.name, asked=version.ref)
    return found


def _under(session: Session, tenure: Tenure) -> Tenure | None:
    if tenure.before_id is None:
        return None
    return _first(session, _of(tenure.ref.rpartition("/")[0], only=tenure.before_id))


def _of(name: str, only: int | None = None) -> Select[TenureRow, int]:
    query = select(TenureRow, VersionRow.number).join(
        VersionRow, VersionRow.id == TenureRow.version_id
    )
    query = query.where(TenureRow.name == name).order_by(TenureRow.id.desc())
    query = query if only is None else query.where(TenureRow.id == only)
    return query.execution_options(populate_existing=True)


def _first(session: Session, query: Select[TenureRow, int]) -> Tenure | None:
    row = session.execute(query.limit(1)).first()
    return None if row is None else _snapshot(row)


def _snapshot(row: Row[TenureRow, int]) -> Tenure:
    kept, number = row
    told = {
        name: getattr(kept, name)
        for name in ("id", "since", "until", "entered", "left", "author", "reason", "before_id")
    }
    return Tenure(ref=f"{kept.name}/{number}", number=number, **told)
