"""Deliveries: each event on its way to each webhook, at least once, in order for every model.

An event is queued in the transaction of the change that it tells of. Whoever delivers claims the
first that waits of one model for a while, sends it with no transaction open, and notes what came
of it; the next of that model is claimed in the same breath. A claim that was not kept, because its
holder was killed, runs out and somebody else sends the same event again, under the same id.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Any, cast
from uuid import uuid4

from sqlalchemy import ColumnElement, func, or_, select, update

from registry import webhooks
from registry.errors import UnknownId
from registry.permissions import Action, Actor, require
from registry.tables import DeliveryRow, OutboxRow, WebhookRow, now

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from datetime import datetime

    from sqlalchemy import CursorResult, Row
    from sqlalchemy.orm import Session

LONGEST_WAIT = timedelta(hours=1)
MOST_ATTEMPTS = 80
"""With an hour at most between two, a receiver may be away for about three days."""

_LONGEST_ERROR = 300


class State(StrEnum):
    """How far a delivery has come."""

    WAITING = "waiting"
    DELIVERED = "delivered"
    GIVEN_UP = "given up"


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """A snapshot: one event, one receiver, and what came of it so far."""

    id: int
    webhook: int
    event: str
    """The same at every attempt and for every receiver: by it a receiver knows it has it."""
    model: str
    kind: str
    state: State
    attempts: int
    status: int | None
    error: str | None
    created_at: datetime
    next_at: datetime
    delivered_at: datetime | None

    def to_dict(self) -> dict[str, Any]:
        """Return everything as plain data."""
        return asdict(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """A claimed delivery, with all that is needed to send it without the database."""

    delivery: Delivery
    url: str
    secret: str
    """As it lies in the database: ``sealing.opened`` reads it."""
    payload: Mapping[str, Any]
    holder: str


def queue(session: Session, message: OutboxRow) -> None:
    """Put a message on its way to every webhook that wants it. The caller commits."""
    event = f"evt_{uuid4().hex}"
    for webhook in webhooks.wanting(session, message.name, message.kind):
        row = DeliveryRow(
            webhook_id=webhook.id,
            message_id=message.id,
            event=event,
            model=message.name,
            state=State.WAITING.value,
            attempts=0,
            next_at=message.created_at,
        )
        session.add(row)
        session.flush()


def waiting(session: Session, *, due: bool = False) -> bool:
    """Whether anything is on its way; with ``due`` whether anything can be tried now."""
    first = select(DeliveryRow.id).where(DeliveryRow.id.in_(_heads()))
    if due:
        first = first.where(*_free(due=True))
    return session.scalar(first.limit(1)) is not None


def claim(
    session: Session, holder: str, *, lease: timedelta, due: bool, but: Collection[int] = ()
) -> Task | None:
    """Take the oldest event that nobody else holds; commit before it is sent.

    Args:
        session: A session for writing; the caller commits.
        holder: Who takes it.
        lease: For how long.
        due: Only what has waited long enough since the last attempt.
        but: Webhooks to leave out.
    """
    first = select(DeliveryRow.id).where(DeliveryRow.id.in_(_heads()), *_free(due=due))
    first = first.where(DeliveryRow.webhook_id.not_in(but)).order_by(DeliveryRow.id)
    while (number := session.scalar(first.limit(1))) is not None:
        if _take(session, number, holder, lease):
            return _task(session, number, holder)
    return None


def delivered(session: Session, task: Task, status: int, *, lease: timedelta) -> Task | None:
    """Note that a receiver took an event; claim the next of the same model. The caller commits."""
    told = {"state": State.DELIVERED.value, "delivered_at": now(), "error": None}
    if not _note(session, task, status=status, **told):
        return None  # somebody else took over; the receiver knows the event by its id
    row = DeliveryRow
    following = (
        select(func.min(row.id))
        .where(row.webhook_id == task.delivery.webhook, row.model == task.delivery.model)
        .where(row.state == State.WAITING.value)
    )
    number = session.scalar(following)
    if number is None or not _take(session, number, task.holder, lease):
        return None
    return _task(session, number, task.holder)


def failed(session: Session, task: Task, status: int | None, error: str) -> State:
    """Note that a receiver did not take an event, and when to try again. The caller commits."""
    attempts = task.delivery.attempts + 1
    state = State.GIVEN_UP if attempts >= MOST_ATTEMPTS else State.WAITING
    told = {"state": state.value, "error": error[:_LONGEST_ERROR], "next_at": _again(attempts)}
    _note(session, task, status=status, **told)
    return state


def release(session: Session, task: Task) -> None:
    """Let somebody else take an event that was not tried. The caller commits."""
    row = DeliveryRow
    mine = update(row).where(row.id == task.delivery.id, row.claimed_by == task.holder)
    _changed(session, mine.values(claimed_by=None, claimed_until=None))


def again(session: Session, number: int, *, by: Actor) -> Delivery:
    """Put a delivery that was given up back on its way. The caller commits.

    Raises:
        Forbidden: The actor's role may not manage webhooks.
        UnknownId: No delivery has that number, or its webhook was removed.
    """
    require(by, Action.WEBHOOKS)
    row = session.get(DeliveryRow, number, populate_existing=True)
    if row is None:
        raise UnknownId("delivery", number)
    webhooks.get(session, row.webhook_id)
    if row.state == State.GIVEN_UP.value:
        row.state, row.attempts, row.next_at = State.WAITING.value, 0, now()
        session.flush()
    return _snapshot(session.execute(_all().where(DeliveryRow.id == number)).one())


def page(
    session: Session,
    *,
    webhook: int | None = None,
    state: State | None = None,
    limit: int = 50,
    before: int | None = None,
) -> tuple[Delivery, ...]:
    """Return one page of the history of deliveries, newest first.

    Args:
        session: Any session; nothing is written.
        webhook: Only to this receiver.
        state: Only those that have come this far.
        limit: How many at most.
        before: Only older ones: the ``id`` of the last one on the page before.
    """
    query = _all().order_by(DeliveryRow.id.desc()).limit(limit)
    for column, value in ((DeliveryRow.webhook_id, webhook), (DeliveryRow.state, state)):
        if value is not None:
            query = query.where(column == value)
    if before is not None:
        query = query.where(DeliveryRow.id < before)
    return tuple(_snapshot(row) for row in session.execute(query))


def _again(attempts: int) -> datetime:
    """Return when to try again: after 2, 4, 8 ... seconds, an hour at most."""
    return now() + min(timedelta(seconds=2 ** min(attempts, 20)), LONGEST_WAIT)


def _heads() -> Any:
    """Select the first event that waits, of every model and receiver."""
    row = DeliveryRow
    first = select(func.min(row.id)).join(WebhookRow, WebhookRow.id == row.webhook_id)
    first = first.where(row.state == State.WAITING.value, WebhookRow.removed_at.is_(None))
    return first.group_by(row.webhook_id, row.model)


def _free(*, due: bool) -> tuple[ColumnElement[bool], ...]:
    time, row = now(), DeliveryRow
    unclaimed = or_(row.claimed_until.is_(None), row.claimed_until < time)
    return (unclaimed, row.next_at <= time) if due else (unclaimed,)


def _take(session: Session, number: int, holder: str, lease: timedelta) -> bool:
    """Claim a delivery, unless somebody did so since it was looked at."""
    mine = update(DeliveryRow).where(DeliveryRow.id == number, *_free(due=False))
    mine = mine.where(DeliveryRow.state == State.WAITING.value)
    return _changed(session, mine.values(claimed_by=holder, claimed_until=now() + lease))


def _note(session: Session, task: Task, **values: Any) -> bool:
    row = DeliveryRow
    mine = update(row).where(row.id == task.delivery.id, row.claimed_by == task.holder)
    mine = mine.where(row.state == State.WAITING.value)
    freed = {"claimed_by": None, "claimed_until": None}
    return _changed(session, mine.values(attempts=row.attempts + 1, **freed, **values))


def _changed(session: Session, statement: Any) -> bool:
    done = session.execute(statement.execution_options(synchronize_session=False))
    return bool(cast("CursorResult[Any]", done).rowcount)


def _task(session: Session, number: int, holder: str) -> Task:
    found = session.execute(_all().where(DeliveryRow.id == number)).one()
    receiver = session.get_one(WebhookRow, found[0].webhook_id)
    return Task(
        delivery=_snapshot(found),
        url=receiver.url,
        secret=receiver.secret,
        payload=found[1].payload,
        holder=holder,
    )


def _all() -> Any:
    query = select(DeliveryRow, OutboxRow).join(OutboxRow, OutboxRow.id == DeliveryRow.message_id)
    return query.execution_options(populate_existing=True)


def _snapshot(found: Row[DeliveryRow, OutboxRow]) -> Delivery:
    row, message = found
    return Delivery(
        id=row.id,
        webhook=row.webhook_id,
        event=row.event,
        model=row.model,
        kind=message.kind,
        state=State(row.state),
        attempts=row.attempts,
        status=row.status,
        error=row.error,
        created_at=message.created_at,
        next_at=row.next_at,
        delivered_at=row.delivered_at,
    )
