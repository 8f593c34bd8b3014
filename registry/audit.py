"""The audit log: who did what to which thing, in an order that cannot be rewritten.

Each entry's digest covers the entry before it, so changing, dropping or swapping one breaks every
later one. What was cut off at the end shows against a ``Head`` that was noted elsewhere before.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Protocol

from sqlalchemy import select

from registry import db
from registry.errors import BrokenChain, ClockBehind
from registry.tables import AuditRow, now

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from datetime import datetime

    from sqlalchemy import ColumnElement, Row
    from sqlalchemy.orm import Session

_AT_ONCE = 2000
_SKEW = timedelta(seconds=10)  # by which the clocks of two honest machines may differ
_CHAIN = "@audit"  # a key that no model's name can be
_CANONICAL = json.JSONEncoder(sort_keys=True, separators=(",", ":"), allow_nan=False).encode

COLUMNS = tuple(column.name for column in AuditRow.__table__.columns)
"""The fields of an entry in the order in which they are hashed; the last two are the links."""

_DIGEST = COLUMNS.index("digest")
Link = tuple[Any, ...]
"""The values of ``COLUMNS``, the time as text."""


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


EMPTY = Head(0, "0" * 64)
"""Where a log begins."""


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What to look for in the log; ``None`` leaves nothing out."""

    model: str | None = None
    subject: str | None = None
    """One version: ``name/7``."""
    actor: str | None = None
    action: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    """Up to but not including this time."""
    limit: int = 50
    before: int | None = None
    """Only entries with a lower number: the number of the last one on the page before."""


EVERYTHING = Asked()


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
        detail=json.loads(text_of(detail)),
        previous=last.digest,
    )
    row.digest = _digest((row.number, row.at.isoformat(), *_middle(row)))
    session.add(row)
    session.flush()
    return row.digest


def head(session: Session) -> Head:
    """Return the end of the chain; an empty one ends at number 0."""
    query = select(AuditRow.number, AuditRow.digest).order_by(AuditRow.number.desc()).limit(1)
    last = session.execute(query).first()
    return Head(last.number, last.digest) if last else EMPTY


def at(session: Session, number: int) -> Head:
    """Return the link of a number; where there is none, one without a digest."""
    if number == EMPTY.number:
        return EMPTY
    found = session.scalar(select(AuditRow.digest).where(AuditRow.number == number))
    return Head(number, found or "")


def verify(session: Session, *, since: Head | None = None, noted: Iterable[Head] = ()) -> int:
    """Recompute the whole chain and return its length.

    Args:
        session: Any session; nothing is written.
        since: A head noted earlier. The chain must still contain it, so a cut-off end shows.
        noted: More of them: all that were kept outside the database.

    Raises:
        BrokenChain: An entry was edited, dropped, added or swapped; the message names the first.
    """
    heads = (*noted, since) if since else tuple(noted)
    with session.execute(_stream()) as rows:
        return follow((_link(row) for row in rows), heads).number


def follow(links: Iterable[Link], noted: Iterable[Head] = ()) -> Head:
    """Walk along a chain from its first link and return where it ends.

    Raises:
        BrokenChain: A link does not fit, or is another one than was noted; the message names it.
    """
    wanted: dict[int, set[str]] = {}
    for kept in noted:
        wanted.setdefault(kept.number, set()).add(kept.digest)
    number, previous = EMPTY.number, EMPTY.digest
    for link in links:
        number += 1
        _check_link(link, number, previous)
        previous = link[_DIGEST]
        if number in wanted and wanted[number] != {previous}:
            raise BrokenChain(number, "is another one than was noted before")
    longest = max(wanted, default=0)
    if number < longest:
        raise BrokenChain(number + 1, f"is missing: the log went up to {longest} before")
    return Head(number, previous)


def log(session: Session, asked: Asked = EVERYTHING, **more: Any) -> tuple[Entry, ...]:
    """Return one page of entries, newest first.

    Args:
        session: Any session; nothing is written.
        asked: What to look for; nothing is left out by default.
        more: Fields of ``asked`` by name: ``log(session, model="risk", limit=2)``.
    """
    asked = replace(asked, **more)
    query = select(*AuditRow.__table__.columns).order_by(AuditRow.number.desc())
    for condition in _conditions(asked):
        query = query.where(condition)
    rows = session.execute(query.limit(asked.limit))
    return tuple(Entry(**row._mapping) for row in rows)


def links(session: Session) -> Iterator[Link]:
    """Yield every link from the first one on, as it was when the first was asked for."""
    with session.execute(_stream()) as rows:
        for row in rows:
            yield _link(row)


def text_of(value: Any) -> str:
    """Return data as the one JSON text that digests are taken of.

    >>> text_of({"b": 1, "a": [True]})
    '{"a":[true],"b":1}'
    """
    return _CANONICAL(value)


def _stream() -> Any:
    query = select(*AuditRow.__table__.columns).order_by(AuditRow.number)
    return query.execution_options(yield_per=_AT_ONCE)


def _conditions(asked: Asked) -> Iterator[ColumnElement[bool]]:
    # Only the narrowest chooses the index; SQLite would take another one, of every promotion.
    pair = asked.subject is None and asked.model is not None
    narrowed = False
    for column, value in (
        (AuditRow.subject, asked.subject),
        (AuditRow.model, asked.model),
        (AuditRow.action, asked.action if pair else None),
        (AuditRow.actor, asked.actor),
        (AuditRow.action, None if pair else asked.action),
    ):
        if value is not None:
            yield (column + "" if narrowed else column) == value
            narrowed = column is not AuditRow.model or asked.action is None
    if asked.before is not None:
        yield AuditRow.number < asked.before
    # Times never go back along the chain, so a time is a number: one step in an index.
    by_time = select(AuditRow.number).limit(1)
    if asked.since is not None:
        first = by_time.where(AuditRow.at >= asked.since).order_by(AuditRow.at, AuditRow.number)
        yield AuditRow.number >= first.scalar_subquery()
    if asked.until is not None:
        behind = by_time.where(AuditRow.at < asked.until)
        last = behind.order_by(AuditRow.at.desc(), AuditRow.number.desc())
        yield AuditRow.number <= last.scalar_subquery()


def _moment(session: Session, last: Head) -> datetime:
    """Return the time, never before the last entry's."""
    time, query = now(), select(AuditRow.at).where(AuditRow.number == last.number)
    before = session.scalar(query) or time
    if time < before - _SKEW:
        raise ClockBehind(time, before)
    return max(time, before)


def _model_of(subject: str) -> str | None:
    """Return the model that a subject belongs to; users and webhooks belong to none.

    >>> _model_of("risk/7"), _model_of("@users/ada")
    ('risk', None)
    """
    return None if subject.startswith("@") else subject.rpartition("/")[0] or None


def _check_link(link: Link, number: int, previous: str) -> None:
    if link[0] != number:
        raise BrokenChain(number, "is missing")
    if link[_DIGEST - 1] != previous:
        raise BrokenChain(number, "does not follow from the one before")
    if link[_DIGEST] != _digest(link):
        raise BrokenChain(number)


def _middle(row: AuditRow) -> Link:
    return tuple(getattr(row, key) for key in COLUMNS[2:_DIGEST])


def _link(row: Row[Any]) -> Link:
    values = list(row)
    return (values[0], values[1].isoformat(), *values[2:])


def _digest(link: Link) -> str:
    return hashlib.sha256(_CANONICAL(list(link[:_DIGEST])).encode()).hexdigest()
