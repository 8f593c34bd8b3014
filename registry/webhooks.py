"""Webhooks: receivers of events, and how an event is signed for them.

The form is that of the Standard Webhooks specification, so that its libraries verify ours: the
headers ``webhook-id``, ``webhook-timestamp`` and ``webhook-signature``, HMAC-SHA256 over all three
parts, a secret that starts with ``whsec_``.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from dataclasses import asdict, dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

from sqlalchemy import select

from registry import audit, sealing
from registry.errors import UnknownId
from registry.permissions import Action, Actor, require
from registry.tables import WebhookRow, now

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from datetime import datetime

    from sqlalchemy.orm import Session

KINDS = (
    "registered", "report", "moved", "request", "approve", "reject", "break-glass",
)  # fmt: skip
"""What a webhook can be told of; ``moved`` is every promotion, rollback, demotion, archiving."""

_SIGN = "whsec_"


@dataclass(frozen=True, slots=True, kw_only=True)
class Webhook:
    """A snapshot of one receiver, without its secret."""

    id: int
    url: str
    models: str
    """Which models it is told of: ``credit-*``."""
    kinds: tuple[str, ...]
    """What it is told of; empty: everything."""
    author: str
    created_at: datetime
    removed_at: datetime | None
    sealed_by: str | None
    """The fingerprint of the key that its secret is sealed with; None: it lies there in clear."""

    def wants(self, model: str, kind: str) -> bool:
        """Whether it is to be told of something about a model."""
        return fnmatchcase(model, self.models) and (not self.kinds or kind in self.kinds)

    def to_dict(self) -> dict[str, Any]:
        """Return everything as plain data."""
        return asdict(self)


def add(
    session: Session,
    url: str,
    *,
    models: str,
    kinds: Collection[str],
    by: Actor,
    keys: Sequence[str] = (),
) -> tuple[Webhook, str]:
    """Add a receiver and return it with the secret that its events are signed with.

    It is told of what happens from now on. The caller commits, and has looked at the address.

    Args:
        session: A session for writing.
        url: Where events go.
        models: Which models it is told of.
        kinds: What it is told of.
        by: Who adds it.
        keys: What secrets are sealed with; without any they lie in the database as they are.

    Raises:
        Forbidden: The actor's role may not manage webhooks.
    """
    require(by, Action.WEBHOOKS)
    secret = _SIGN + base64.b64encode(secrets.token_bytes(32)).decode()
    row = WebhookRow(
        url=url,
        models=models,
        kinds=sorted(kinds),
        secret=sealing.seal(secret, keys),
        author=by.name,
        created_at=now(),
    )
    session.add(row)
    session.flush()
    _write_down(session, "add webhook", row, by)
    return _snapshot(row), secret


def remove(session: Session, number: int, *, by: Actor, reason: str = "") -> Webhook:
    """Tell a receiver nothing more, not even what still waits. The caller commits.

    Raises:
        Forbidden: The actor's role may not manage webhooks.
        UnknownId: No webhook has that number.
    """
    require(by, Action.WEBHOOKS)
    row = _existing(session, number)
    if row.removed_at is None:
        row.removed_at = now()
        session.flush()
        _write_down(session, "remove webhook", row, by, reason)
    return _snapshot(row)


def get(session: Session, number: int) -> Webhook:
    """Find a receiver that was not removed.

    Raises:
        UnknownId: No webhook has that number, or it was removed.
    """
    row = _existing(session, number)
    if row.removed_at is not None:
        raise UnknownId("webhook", number)
    return _snapshot(row)


def secret_of(session: Session, number: int, *, by: Actor, keys: Sequence[str] = ()) -> str:
    """Return what a receiver's events are signed with.

    Raises:
        Forbidden: The actor's role may not manage webhooks.
        UnknownId: No webhook has that number.
        SecretSealed: It is sealed, and no key opens it.
    """
    require(by, Action.WEBHOOKS)
    return sealing.opened(_existing(session, number).secret, keys)


def seal(
    session: Session, *, old: Sequence[str], new: Sequence[str], by: Actor
) -> tuple[Webhook, ...]:
    """Seal every secret with the first of the new keys, or with none; return what changed.

    Removed receivers are sealed too: their secrets still lie there. The caller commits.

    Raises:
        Forbidden: The actor's role may not manage webhooks.
        SecretSealed: One is sealed, and no old key opens it; nothing is changed.
    """
    require(by, Action.WEBHOOKS)
    wanted, changed = (sealing.fingerprint(new[0]) if new else None), []
    for row in session.scalars(select(WebhookRow).order_by(WebhookRow.id).with_for_update()):
        if sealing.sealed_by(row.secret) != wanted:
            row.secret = sealing.seal(sealing.opened(row.secret, old), new)
            changed.append(row)
    session.flush()
    for row in changed:
        told = {"key": wanted}
        subject = f"@webhooks/{row.id}"
        audit.append(session, by=by, action="seal webhook", subject=subject, detail=told)
    return tuple(_snapshot(row) for row in changed)


def page(session: Session, *, limit: int = 50, before: int | None = None) -> tuple[Webhook, ...]:
    """Return one page of the receivers that were not removed, newest first.

    Args:
        session: Any session; nothing is written.
        limit: How many at most.
        before: Only older ones: the ``id`` of the last one on the page before.
    """
    query = select(WebhookRow).where(WebhookRow.removed_at.is_(None))
    if before is not None:
        query = query.where(WebhookRow.id < before)
    rows = session.scalars(query.order_by(WebhookRow.id.desc()).limit(limit))
    return tuple(_snapshot(row) for row in rows)


def wanting(session: Session, model: str, kind: str) -> tuple[Webhook, ...]:
    """Return every receiver that is to be told of something about a model."""
    query = select(WebhookRow).where(WebhookRow.removed_at.is_(None)).order_by(WebhookRow.id)
    known = (_snapshot(row) for row in session.scalars(query))
    return tuple(webhook for webhook in known if webhook.wants(model, kind))


def headers(secret: str, event: str, at: datetime, body: bytes) -> dict[str, str]:
    """Return the headers that prove an event: its id, the time, the signature of all.

    >>> from datetime import UTC, datetime
    >>> key = "whsec_" + base64.b64encode(b"secret").decode()
    >>> headers(key, "evt_1", datetime(2026, 1, 1, tzinfo=UTC), b"{}")["webhook-signature"]
    'v1,...'
    """
    time = str(int(at.timestamp()))
    key = base64.b64decode(secret.removeprefix(_SIGN))
    signed = hmac.new(key, f"{event}.{time}.".encode() + body, hashlib.sha256).digest()
    signature = f"v1,{base64.b64encode(signed).decode()}"
    return {"webhook-id": event, "webhook-timestamp": time, "webhook-signature": signature}


def _write_down(
    session: Session, action: str, row: WebhookRow, by: Actor, reason: str = ""
) -> None:
    # The path of an address is often its password: the log keeps the host alone.
    host = row.url.split("/")[2]
    told = {"host": host, "models": row.models, "events": row.kinds}
    subject = f"@webhooks/{row.id}"
    audit.append(session, by=by, action=action, subject=subject, detail=told, reason=reason)


def _existing(session: Session, number: int) -> WebhookRow:
    row = session.get(WebhookRow, number, populate_existing=True)
    if row is None:
        raise UnknownId("webhook", number)
    return row


def _snapshot(row: WebhookRow) -> Webhook:
    return Webhook(
        id=row.id,
        url=row.url,
        models=row.models,
        kinds=tuple(row.kinds),
        author=row.author,
        created_at=row.created_at,
        removed_at=row.removed_at,
        sealed_by=sealing.sealed_by(row.secret),
    )
