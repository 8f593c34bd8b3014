"""People: who may do what, and the tokens that say who is there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from registry.errors.root import RegistryError, listed

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime


class Forbidden(RegistryError):
    """The actor's role does not include the action."""

    def __init__(self, actor: str, action: str, roles: Iterable[str]) -> None:
        able = ", ".join(sorted(roles))
        super().__init__(f"{actor!r} may not {action}." + (able and f" Roles that may: {able}."))


class OutOfScope(Forbidden):
    """The role would include the action; the token or MLOPS_ROLE leaves it out."""

    def __init__(self, actor: str, action: str, covered: Iterable[str]) -> None:
        allowed = ", ".join(sorted(covered)) or "looking only"
        told = f"{actor!r} may not {action} here: the token or MLOPS_ROLE allows {allowed}."
        RegistryError.__init__(self, told)


class UnknownUser(RegistryError):
    """The registry knows nobody by that name."""

    def __init__(self, name: str, names: Sequence[str] = ()) -> None:
        known = f"It knows {listed(names)}." if names else "It knows nobody yet."
        super().__init__(
            f"The registry knows no user {name!r}. {known} An admin adds one: mlops users add NAME"
        )


class BadUser(RegistryError):
    """A user cannot be added or changed like that."""


class UserInactive(RegistryError):
    """The caller was deactivated."""

    def __init__(self, name: str, since: datetime) -> None:
        super().__init__(
            f"The user {name!r} was deactivated on {since:%Y-%m-%d}. "
            f"An admin can change that: mlops users reactivate {name}"
        )


class BadToken(RegistryError):
    """The token opens nothing: nobody's, or revoked."""

    def __init__(self, what: str = "is nobody's") -> None:
        remedy = "Make a new one: mlops tokens create LABEL"
        super().__init__(f"The token in MLOPS_TOKEN {what}. {remedy}")


class TokenExpired(BadToken):
    """The token's time is over."""


class UnknownId(RegistryError):
    """No token, webhook or delivery has that number."""

    def __init__(self, kind: str, number: int) -> None:
        where = "webhooks deliveries" if kind == "delivery" else f"{kind}s list"
        super().__init__(f"There is no {kind} {number}. 'mlops {where}' shows those there are.")
