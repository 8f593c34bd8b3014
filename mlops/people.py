"""Journeys: who may come in, in which role, and by which token."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mlops import audits
from mlops.workspace import Workspace
from registry import tokens, users
from registry.errors import UnknownUser
from registry.permissions import GRANTS, Action, Role

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from registry.tokens import Token
    from registry.users import User

LOOKING = "read"
"""The scope that opens nothing but looking."""


@dataclass(frozen=True, slots=True)
class Known:
    """Somebody, and what they may do here and now."""

    name: str
    role: Role
    may: tuple[str, ...]
    user: User | None
    """What the registry keeps of them; None while nobody was added."""
    tokens: tuple[Token, ...]


@dataclass(frozen=True, slots=True)
class Made:
    """A new token. ``text`` is shown this once."""

    token: Token
    text: str

    def to_dict(self) -> dict[str, Any]:
        """Return the token's fields with its text."""
        return {**self.token.to_dict(), "text": self.text}


def page(
    search: str = "",
    *,
    limit: int = 50,
    after: str | None = None,
    workspace: Workspace | None = None,
) -> list[User]:
    """List users by name."""
    ws = workspace or Workspace.open()
    with ws.reading() as session:
        return list(users.page(session, search, limit=limit, after=after))


def show(name: str | None = None, *, workspace: Workspace | None = None) -> Known:
    """Return somebody with their tokens; by default yourself.

    Raises:
        UnknownUser: The registry knows nobody by that name.
    """
    ws = workspace or Workspace.open()
    with ws.reading() as session:
        wanted = name or ws.by.name
        own = wanted == ws.by.name
        try:
            user = users.get(session, wanted)
        except UnknownUser:
            if not own:
                raise
            return Known(wanted, ws.by.role, _may(ws.by.role, ws.by.scopes), None, ())
        may = _may(user.role, ws.by.scopes if own else None) if user.active else ()
        return Known(wanted, user.role, may, user, tokens.page(session, wanted))


def add(name: str, role: Role, *, workspace: Workspace | None = None) -> User:
    """Add somebody. The first one brings you in as an admin.

    Raises:
        Forbidden: Your role may not manage users.
        BadUser: Somebody has that name already, or nobody can.
    """
    ws = workspace or Workspace.open()
    return audits.change(ws, lambda session: users.add(session, name, role=role, by=ws.by))


def set_role(
    name: str, role: Role, *, reason: str = "", workspace: Workspace | None = None
) -> User:
    """Give somebody another role.

    Raises:
        Forbidden: Your role may not manage users.
        UnknownUser: The registry knows nobody by that name.
        BadUser: No admin would be left.
    """
    ws = workspace or Workspace.open()
    return audits.change(
        ws, lambda session: users.set_role(session, name, role, by=ws.by, reason=reason)
    )


def deactivate(name: str, *, reason: str = "", workspace: Workspace | None = None) -> User:
    """Let somebody in no more, neither by name nor by token.

    Raises:
        Forbidden: Your role may not manage users.
        UnknownUser: The registry knows nobody by that name.
        BadUser: No admin would be left.
    """
    ws = workspace or Workspace.open()
    return audits.change(
        ws, lambda session: users.deactivate(session, name, by=ws.by, reason=reason)
    )


def reactivate(name: str, *, reason: str = "", workspace: Workspace | None = None) -> User:
    """Let somebody in again.

    Raises:
        Forbidden: Your role may not manage users.
        UnknownUser: The registry knows nobody by that name.
    """
    ws = workspace or Workspace.open()
    return audits.change(
        ws, lambda session: users.reactivate(session, name, by=ws.by, reason=reason)
    )


def create_token(
    label: str,
    *,
    user: str | None = None,
    scopes: Sequence[str] = (),
    expires_at: datetime | None = None,
    workspace: Workspace | None = None,
) -> Made:
    """Make a token; its text is in the answer and nowhere else.

    Args:
        label: What it is for.
        user: Whose it is; by default yours.
        scopes: What it is narrowed to: words of ``registry.permissions.Action``, or ``read``;
            by default all that the role allows.
        expires_at: When it ends; by default when it is revoked.
        workspace: Where; by default as the settings say.

    Raises:
        BadSetting: There is no such scope.
        Forbidden: It would be another's, and your role may not manage users.
        BadUser: The label or the time makes no sense.
    """
    ws = workspace or Workspace.open()
    narrowed = _scopes(scopes)
    whose = user or ws.by.name
    made = audits.change(
        ws,
        lambda session: tokens.create(
            session, label, user=whose, by=ws.by, scopes=narrowed, expires_at=expires_at
        ),
    )
    return Made(*made)


def tokens_of(
    user: str | None = None,
    *,
    limit: int = 50,
    before: int | None = None,
    workspace: Workspace | None = None,
) -> list[Token]:
    """List tokens, newest first: of one user, or all."""
    ws = workspace or Workspace.open()
    with ws.reading() as session:
        return list(tokens.page(session, user, limit=limit, before=before))


def revoke_token(number: int, *, reason: str = "", workspace: Workspace | None = None) -> Token:
    """End a token now.

    Raises:
        UnknownId: No token has that number.
        Forbidden: It is another's, and your role may not manage users.
    """
    ws = workspace or Workspace.open()
    return audits.change(
        ws, lambda session: tokens.revoke(session, number, by=ws.by, reason=reason)
    )


def _may(role: Role, scopes: frozenset[Action] | None) -> tuple[str, ...]:
    open_to = GRANTS[role] if scopes is None else GRANTS[role] & scopes
    return tuple(sorted(action.scope for action in open_to))


def _scopes(words: Sequence[str]) -> frozenset[Action] | None:
    if not words:
        return None
    known = {LOOKING, *(action.scope for action in Action)}
    for word in words:
        if word not in known:
            from pipelines.errors import BadSetting

            raise BadSetting("--scope", word, f"It is one of {', '.join(sorted(known))}.")
    return tokens.actions_of(words)
