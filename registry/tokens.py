"""API tokens: a name in a text that nobody can guess. Only its digest is kept.

A token can do what its user's role allows, narrowed to its scopes. 256 random bits need no slow
hash: there is nothing to guess.
"""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import select, update

from registry import audit, users
from registry.errors import BadToken, BadUser, OutOfScope, TokenExpired, UnknownId
from registry.permissions import Action, Actor, require
from registry.tables import TokenRow, UserRow, now

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import datetime

    from sqlalchemy.orm import Session

_SIGN = "mlops_"
_SHOWN = 10
_LONGEST = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """A snapshot of a token, without its text: that was shown once."""

    id: int
    user: str
    label: str
    hint: str
    """How it begins, so that people can tell theirs apart."""
    scopes: tuple[str, ...] | None
    """What it is narrowed to; None: to nothing, () to looking only."""
    author: str
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None
    last_used_at: datetime | None

    @property
    def state(self) -> str:
        """Active, expired or revoked."""
        if self.revoked_at is not None:
            return "revoked"
        return "expired" if self.expires_at and self.expires_at <= now() else "active"

    def to_dict(self) -> dict[str, Any]:
        """Return everything as plain data."""
        return {**asdict(self), "state": self.state}


def create(
    session: Session,
    label: str,
    *,
    user: str,
    by: Actor,
    scopes: Collection[Action] | None = None,
    expires_at: datetime | None = None,
) -> tuple[Token, str]:
    """Make a token and return it with its text, which is kept nowhere. The caller commits.

    Args:
        session: A session for writing.
        label: What it is for.
        user: Whose it is. Your own needs no permission; another's is for who manages users.
        by: Who makes it.
        scopes: What it is narrowed to; None: to nothing, empty: to looking only.
        expires_at: When it ends; None: when it is revoked.

    Raises:
        Forbidden: It would be another's, and the actor's role may not manage users.
        OutOfScope: It would open more than the token that the actor came with.
        UnknownUser: The registry knows nobody by that name.
        UserInactive: They were deactivated.
        BadUser: The label is empty or too long, or the end has passed.
    """
    _check(session, label, user, expires_at, by)
    if by.scopes is not None and (scopes is None or not set(scopes) <= by.scopes):
        raise OutOfScope(by.name, "make a token that may more", by.scopes)
    owner = users.open_to(users.get(session, user))
    text = _SIGN + secrets.token_urlsafe(32)
    row = TokenRow(
        user_id=owner.id,
        label=label,
        digest=_digest(text),
        hint=text[:_SHOWN],
        scopes=None if scopes is None else sorted(action.scope for action in scopes),
        author=by.name,
        created_at=now(),
        expires_at=expires_at,
    )
    session.add(row)
    session.flush()
    told = {"label": label, "scopes": row.scopes, "expires": str(expires_at or "")}
    _write_down(session, "create token", user, row.id, told, by)
    return _snapshot(row, user), text


def revoke(session: Session, number: int, *, by: Actor, reason: str = "") -> Token:
    """End a token now. Revoking one that is revoked changes nothing. The caller commits.

    Raises:
        UnknownId: No token has that number.
        Forbidden: It is another's, and the actor's role may not manage users.
    """
    found = session.execute(_all().where(TokenRow.id == number)).first()
    if found is None:
        raise UnknownId("token", number)
    row, name = found
    if name != by.name:
        require(by, Action.PEOPLE)
    if row.revoked_at is None:
        row.revoked_at = now()
        session.flush()
        _write_down(session, "revoke token", name, row.id, {"label": row.label}, by, reason)
    return _snapshot(row, name)


def page(
    session: Session, user: str | None = None, *, limit: int = 50, before: int | None = None
) -> tuple[Token, ...]:
    """Return one page of tokens, newest first.

    Args:
        session: Any session; nothing is written.
        user: Only this user's.
        limit: How many at most.
        before: Only older ones: the ``id`` of the last one on the page before.
    """
    query = _all().order_by(TokenRow.id.desc()).limit(limit)
    if user is not None:
        query = query.where(UserRow.name == user)
    if before is not None:
        query = query.where(TokenRow.id < before)
    return tuple(_snapshot(row, name) for row, name in session.execute(query))


def caller(session: Session, text: str, *, source: str) -> tuple[Actor, Token]:
    """Say who somebody is, by their token.

    Raises:
        BadToken: It is nobody's, or was revoked.
        TokenExpired: Its time is over.
        UserInactive: Its user was deactivated.
    """
    found = session.execute(_all().where(TokenRow.digest == _digest(text))).first()
    if found is None:
        raise BadToken
    token = _snapshot(*found)
    if token.revoked_at is not None:
        raise BadToken(f"({token.label!r}) was revoked on {token.revoked_at:%Y-%m-%d}")
    if token.state == "expired":
        raise TokenExpired(f"({token.label!r}) expired on {token.expires_at:%Y-%m-%d %H:%M} UTC")
    user = users.open_to(users.get(session, token.user))
    scopes = None if token.scopes is None else actions_of(token.scopes)
    return Actor(user.name, user.role, source, scopes), token


def used(session: Session, token: Token) -> None:
    """Write down that a token was used, and its user seen. The caller commits."""
    query = update(TokenRow).where(TokenRow.id == token.id).values(last_used_at=now())
    session.execute(query.execution_options(synchronize_session=False))
    users.seen(session, token.user)


def actions_of(scopes: Collection[str]) -> frozenset[Action]:
    """Return the actions that scopes stand for.

    >>> actions_of(["promote"])
    frozenset({<Action.PROMOTE: 'promote versions'>})
    """
    return frozenset(action for action in Action if action.scope in scopes)


def _check(
    session: Session, label: str, user: str, expires_at: datetime | None, by: Actor
) -> None:
    if not 0 < len(label.strip()) <= _LONGEST or not label.isprintable():
        raise BadUser(f"A token's label says what it is for in 1 to {_LONGEST} characters.")
    if expires_at is not None and expires_at <= now():
        raise BadUser(
            f"A token cannot expire on {expires_at:%Y-%m-%d %H:%M} UTC: that has passed."
        )
    if user != by.name:
        require(by, Action.PEOPLE)
    elif not users.known(session):  # the first one makes the local user one by name
        users.add(session, user, role=by.role, by=by)


def _write_down(  # noqa: PLR0913 - one entry of the log
    session: Session, action: str, user: str, number: int, told: Any, by: Actor, reason: str = ""
) -> None:
    subject = f"@users/{user}"
    detail = {"token": number, **told}
    audit.append(session, by=by, action=action, subject=subject, detail=detail, reason=reason)


def _all() -> Any:
    query = select(TokenRow, UserRow.name).join(UserRow, UserRow.id == TokenRow.user_id)
    return query.execution_options(populate_existing=True)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _snapshot(row: TokenRow, user: str) -> Token:
    return Token(
        id=row.id,
        user=user,
        label=row.label,
        hint=row.hint,
        scopes=None if row.scopes is None else tuple(row.scopes),
        author=row.author,
        created_at=row.created_at,
        expires_at=row.expires_at,
        revoked_at=row.revoked_at,
        last_used_at=row.last_used_at,
    )
