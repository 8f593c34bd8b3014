"""Who may do what: one table, asked where the record is changed, so that no door can forget."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from registry.errors import Forbidden, OutOfScope

if TYPE_CHECKING:
    from collections.abc import Mapping


class Action(StrEnum):
    """Everything that changes the record."""

    RUN = "run experiments"
    REGISTER = "register versions"
    REPORT = "attach reports"
    CHECK = "keep validation results"
    REQUEST = "request promotions"
    REVIEW = "approve promotions"
    PROMOTE = "promote versions"
    PEOPLE = "manage users"
    WEBHOOKS = "manage webhooks"

    @property
    def scope(self) -> str:
        """The word that a token's scopes have for it."""
        return self.name.lower()


class Role(StrEnum):
    """What a user is."""

    VIEWER = "viewer"
    SCIENTIST = "scientist"
    REVIEWER = "reviewer"
    RELEASER = "releaser"
    ADMIN = "admin"


_JUDGING = frozenset({Action.REPORT, Action.CHECK, Action.REQUEST})

GRANTS: Mapping[Role, frozenset[Action]] = {
    Role.VIEWER: frozenset(),
    Role.SCIENTIST: _JUDGING | {Action.RUN, Action.REGISTER},
    Role.REVIEWER: _JUDGING | {Action.REVIEW},
    Role.RELEASER: _JUDGING | {Action.REVIEW, Action.PROMOTE},
    Role.ADMIN: frozenset(Action),
}


@dataclass(frozen=True, slots=True)
class Actor:
    """Someone, or some machine, with a role, and the door they came through."""

    name: str
    role: Role
    source: str = "sdk"
    """cli, api, ci, sdk or mlflow-ui: written to the audit log."""

    scopes: frozenset[Action] | None = None
    """What a token narrows the role to; None narrows nothing."""


def require(actor: Actor, action: Action) -> None:
    """Do nothing if the actor may.

    Raises:
        Forbidden: The actor may not; the message names the roles that may.
        OutOfScope: The role would allow it, the caller's token does not.

    >>> require(Actor("ada", Role.SCIENTIST), Action.REGISTER)
    >>> require(Actor("ada", Role.SCIENTIST), Action.PROMOTE)
    Traceback (most recent call last):
    registry.errors.Forbidden: 'ada' may not promote versions. Roles that may: admin, releaser.
    """
    if action not in GRANTS[actor.role]:
        raise Forbidden(actor.name, action, (r for r in GRANTS if action in GRANTS[r]))
    if actor.scopes is not None and action not in actor.scopes:
        raise OutOfScope(actor.name, action, actor.scopes)


def may(actor: Actor, action: Action) -> bool:
    """Whether ``require`` would let the actor pass.

    >>> may(Actor("ada", Role.VIEWER), Action.CHECK)
    False
    """
    try:
        require(actor, action)
    except (Forbidden, OutOfScope):
        return False
    return True
