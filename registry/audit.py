"""The audit log: who did what to which thing, in an order that cannot be rewritten.

Each entry's digest covers the entry before it, so changing, dropping or swapping one breaks every
later one. What was cut off at the end shows against a ``Head`` that was noted elsewhere before.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Protocol

from sqlalchemy import select

from registry import db
from registry.errors import BrokenChain, ClockBehind
from registry.tables import AuditRow, now

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from sqlalchemy import Row
    from sqlalchemy.orm import Session

_GENESIS = "0" * 64
_AT_ONCE = 2000
_SKEW = timedelta(seconds=10)  # by which the clocks of two honest machines may differ
_CHAIN = "@audit"  # a key that no model's name can be


class Author(Protocol):
    """Who stands behind an entry."""

    @property
    def name(self) -> str:
        """The name."""

    @property
    def role(self) -> str:
        """What they were when they did it."""

    @property
    def source(self) -> str:
        """The door they came through: cli, api, ci or sdk."""


@dataclass(frozen=True, slots=True)
class Head:
    """Where the chain ended at some moment."""

    number: int
    digest: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One link of the chain."""

    number: int
    at: datetime
    actor: str
    role: str
    source: str
    action: str
    model: str | None
    subject: str
    reason: str
    detail: Mapping[str, Any]
    previous: str
    digest: str

    def to_dict(self) -> dict[str, Any]:
        """Return everything as plain JSON-ready data."""
        return {**asdict(self), "at": self.at.isoformat()}


def append(
    session: Session,
    *,
    by: Author,
    action: str,
    subject: str,
    detail: Mapping[str, Any],
    reason: str = "",
) -> str:
    """Add an entry at the end of the chain and return its digest. The caller commits.

    Raises:
        ClockBehind: This machine's clock went back behind the last entry.
    """
    db.lock(session, _CHAIN)
    last = head(session)
    row = AuditRow(
        number=last.number + 1,
        at=_moment(session, last),
        actor=by.name,
        role=str(by.role),
        source=by.source,
        action=action,
        model=_model_of(subject),
        subject=subject,
        reason=reason,
        # As it will come back from the database, or the digest would not fit: no tuples, no enums.
        detail=json.loads(_text(detail)),
        previous=last.digest,
    )
    row.digest = _digest(row)
    session.add(row)
    session.flush()
    return row.digest


def head(session: Session) -> Head:
    """Return the end of the chain; an empty one ends at number 0."""
    query = select(AuditRow.number, AuditRow.digest).order_by(AuditRow.number.desc()).limit(1)
    last = session.execute(query).first()
    return Head(last.number, last.digest) if last else Head(0, _GENESIS)


def verify(session: Session, *, since: Head | None = None) -> int:
    """Recompute the whole chain and return its length.

    Args:
        session: Any session; nothing is written.
        since: A head noted earlier. The chain must still contain it, so a cut-off end shows.

    Raises:
        BrokenChain: An entry was edited, dropped, added or swapped; the message names the first.
    """
    previous, count = _GENESIS, 0
    query = select(*AuditRow.__table__.columns).order_by(AuditRow.number)
    with session.execute(query.execution_options(yield_per=_AT_ONCE)) as rows:
        for row in rows:
            count += 1
            _check_link(row, count, previous)
            previous = row.digest
            if since and row.number == since.number and row.digest != since.digest:
                raise BrokenChain(row.number, "is another one than was noted before")
    if since and count < since.number:
        raise BrokenChain(count + 1, f"is missing: the log went up to {since.number} before")
    return count


def log(
    session: Session,
    *,
    model: str | None = None,
    subject: str | None = None,
    limit: int = 50,
    before: int | None = None,
) -> tuple[Entry, ...]:
    """Return one page of entries, newest first.

    Args:
        session: Any session; nothing is written.
        model: Only what was done to this model.
        subject: Only what was done to this one version: ``name/7``.
        limit: How many at most.
        before: Only entries with a lower number: the number of the last one on the page before.
    """
    query = select(*AuditRow.__table__.columns).order_by(AuditRow.number.desc()).limit(limit)
    if model is not None:
        query = query.where(AuditRow.model == model)
    if subject is not None:
        query = query.where(AuditRow.subject == subject, AuditRow.model == _model_of(subject))
    if before is not None:
        query = query.where(AuditRow.number < before)
    return tuple(Entry(**row._mapping) for row in session.execute(query))


def _moment(session: Session, last: Head) -> datetime:
    """Return the time, never before the last entry's."""
    time, query = now(), select(AuditRow.at).where(AuditRow.number == last.number)
    before = session.scalar(query) or time
    if time < before - _SKEW:
        raise ClockBehind(time, before)
    return max(time, before)


def _model_of(subject: str) -> str | None:
    """Return the model that a subject belongs to.

    >>> _model_of("risk/7")
    'risk'
    """
    return subject.rpartition("/")[0] or None


def _check_link(row: Row[Any], number: int, previous: str) -> None:
    if row.number != number:
        raise BrokenChain(number, "is missing")
    if row.previous != previous:
        raise BrokenChain(number, "does not follow from the one before")
    if row.digest != _digest(row):
        raise BrokenChain(number)


def _digest(row: AuditRow | Row[Any]) -> str:
    who = [row.number, row.at.isoformat(), row.actor, row.role, row.source]
    what = [row.action, row.model, row.subject, row.reason, row.detail]
    return hashlib.sha256(_text([*who, *what, row.previous]).encode()).hexdigest()


def _text(value: Any) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)
