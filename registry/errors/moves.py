"""Moves between stages: steps, gates, approvals and freezes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from registry.errors.root import RegistryError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence


class IllegalMove(RegistryError):
    """There is no step from one stage to the other."""

    def __init__(self, start: str, goal: str, legal: Iterable[str]) -> None:
        ways = ", ".join(sorted(legal)) or "nowhere: it is a final stage"
        told = f"cannot move to '{goal}'" if start != goal else "is there already"
        super().__init__(f"A version in '{start}' {told}. It can move to {ways}.")


class NothingBefore(RegistryError):
    """There is no version to roll back to."""

    def __init__(self, name: str, present: str | None = None, *, asked: str = "") -> None:
        if asked:
            what = f"'{asked}' was never in production"
        elif present:
            what = f"'{present}' is the first version of '{name}' in production"
        else:
            what = f"no version of '{name}' was ever in production"
        super().__init__(
            f"Nothing was rolled back: {what}. 'mlops history {name}' lists those that were."
        )


class GatesFailed(RegistryError):
    """At least one gate of the goal stage said no. ``verdicts`` holds all of them as data."""

    def __init__(
        self, ref: object, reasons: Iterable[str], verdicts: Sequence[Mapping[str, str]] = ()
    ) -> None:
        self.reasons = tuple(reasons)
        self.verdicts = tuple(verdicts)
        lines = "".join(f"\n  {reason}" for reason in self.reasons)
        gates = "gate" if len(self.reasons) == 1 else "gates"
        super().__init__(f"'{ref}' was not promoted; {len(self.reasons)} {gates} failed:{lines}")


class AwaitingApproval(RegistryError):
    """The gates agree; people have yet to."""

    def __init__(self, ref: object, goal: str, given: int, needed: int, told: str) -> None:
        self.given, self.needed = given, needed
        super().__init__(
            f"'{ref}' waits for approval: {given} of {needed} given to enter '{goal}'. {told}"
        )


class RequestVoid(RegistryError):
    """A request is about something that has changed since."""

    def __init__(self, ref: object, goal: str, what: str) -> None:
        super().__init__(
            f"The request that '{ref}' may enter '{goal}' is void: {what} changed since. "
            f"Ask again: mlops request {ref} --to {goal}"
        )


class UnknownRequest(RegistryError):
    """No request is open about what is to be approved."""

    def __init__(self, ref: object, goal: str | None) -> None:
        where = f" may enter '{goal}'" if goal else " may move"
        super().__init__(
            f"No request that '{ref}'{where} is open. "
            f"Ask with: mlops request {ref} --to {goal or 'STAGE'}"
        )


class Frozen(RegistryError):
    """Nothing enters the stage at this time."""

    def __init__(self, goal: str, why: str) -> None:
        super().__init__(
            f"Nothing enters '{goal}' now: {why}. Wait until the freeze of the policy is over."
        )


class ReasonMissing(RegistryError):
    """A move that must say why does not."""

    def __init__(self, what: str, least: int) -> None:
        super().__init__(
            f"{what} needs a reason of at least {least} characters: give it with --reason."
        )
