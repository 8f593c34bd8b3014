"""The outbox: what the world outside must be told, committed with the change itself.

Whoever delivers reads what is pending, tells it, and marks it; a crash in between tells it twice,
never not at all.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import select, update

from registry import deliveries
from registry.tables import OutboxRow, now

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from datetime import datetime

    from sqlalchemy.orm import Session

_LONGEST_ERROR = 1000


@dataclass(frozen=True, slots=True)
class Message:
    """One thing to tell, and how often that was tried."""

    id: int
    name: str
    kind: str
    payload: Mapping[str, Any]
    created_at: datetime
    attempts: int
    last_error: str | None


def add(session: Session, name: str, kind: str, payload: Mapping[str, Any]) -> int:
    """Put something about a model into the outbox, and on its way to every webhook.

    Returns its id. The caller commits, and holds the model's lock, so events keep their order.
    """
    row = OutboxRow(
        name=name,
        kind=kind,
        payload=dict(payload),
        created_at=now(),
        delivered_at=None,
        attempts=0,
    )
    session.add(row)
    session.flush()
    deliveries.queue(session, row)
    return row.id


def pending(session: Session, name: str | None = None, *, limit: int = 100) -> tuple[Message, ...]:
    """Return what waits to be told, oldest first, of one model or of all."""
    query = select(OutboxRow).where(OutboxRow.delivered_at.is_(None))
    if name is not None:
        query = query.where(OutboxRow.name == name)
    rows = session.scalars(query.order_by(OutboxRow.id).limit(limit))
    return tuple(_snapshot(row) for row in rows)


def delivered(session: Session, ids: Collection[int]) -> None:
    """Mark messages as told. The caller commits."""
    told = {"delivered_at": now(), "attempts": OutboxRow.attempts + 1, "last_error": None}
    _mark(session, ids, told)


def failed(session: Session, ids: Collection[int], error: str) -> None:
    """Count one more attempt that did not get through. The caller commits."""
    told = {"attempts": OutboxRow.attempts + 1, "last_error": error[:_LONGEST_ERROR]}
    _mark(session, ids, told)


def _mark(session: Session, ids: Collection[int], values: Mapping[str, Any]) -> None:
    query = update(OutboxRow).where(OutboxRow.id.in_(ids), OutboxRow.delivered_at.is_(None))
    session.execute(query.values(**values).execution_options(synchronize_session=False))


def _snapshot(row: OutboxRow) -> Message:
    return Message(
        row.id, row.name, row.kind, row.payload, row.created_at, row.attempts, row.last_error
    )
