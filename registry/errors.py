"""What can go wrong in the record: one class for each thing a caller may want to catch.

RegistryError
├── BadRef            the text is not a version reference
├── BadName           a model cannot be called that
├── BadEvidence       what a version comes with makes no sense
├── UnknownVersion    the reference is well formed, nothing answers to it
├── IllegalMove       no such step between two stages
├── NothingBefore     there is no version to roll back to
├── GatesFailed       the step exists, a gate said no
├── AwaitingApproval  the gates agree, people have yet to
├── RequestVoid       a request is about something that has changed since
├── UnknownRequest    nobody asked for what is to be approved
├── Frozen            nothing enters the stage at this time
├── ReasonMissing     a move that must say why does not
├── Forbidden         the actor's role lacks the action
│   └── OutOfScope        the role has it, the token or MLOPS_ROLE leaves it out
├── UnknownUser       the registry knows nobody by that name
├── BadUser           a user cannot be added or changed like that
├── UserInactive      the caller was deactivated
├── BadToken          the token opens nothing: nobody's, or revoked
│   └── TokenExpired      its time is over
├── UnknownId         no token, webhook or delivery has that number
├── BadWebhook        nothing can or may be sent to that address
├── Undelivered       a receiver did not take an event
├── SecretSealed      a webhook's secret is sealed, and the key is not here
├── Conflict          somebody else changed the same thing at the same moment
├── ClockBehind       the clock shows a time before the last entry of the audit log
├── BrokenChain       the audit log was altered
├── BadSeal           a checkpoint was not signed with the key it is held against
├── BadKey            a file holds no key to sign or to verify with
├── BadExport         a file is no whole export of an audit log
├── MirrorFailed      MLflow cannot be made to show what the record says
└── DatabaseError     the database cannot be used
    ├── MissingDriver     the library that speaks to it is not installed
    ├── DatabaseDown      it cannot be reached, read or written
    ├── SchemaOutdated    it is from an older version of this package
    └── DatabaseTooNew    it is from a newer version of this package
"""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

_LISTED = 12


class RegistryError(Exception):
    """Base of every error the registry raises on purpose."""


class BadRef(RegistryError):
    """The text does not follow the ``name/version`` or ``name@stage`` grammar."""

    def __init__(self, text: str, example: str = "name", stages: Iterable[str] = ()) -> None:
        known = f" Stages are {', '.join(stages)}." if stages else ""
        super().__init__(
            f"{text!r} is not a version reference.{known} "
            f"Write '{example}/7', '{example}@latest' or '{example}@production'."
        )


class BadName(RegistryError):
    """A model cannot be called that."""

    def __init__(self, name: str) -> None:
        super().__init__(
            f"A model cannot be called {name!r}. Use letters, digits, spaces and '_', '-', '.', "
            "at most 200 of them, with a letter or digit first and no space last."
        )


class BadEvidence(RegistryError):
    """What a version comes with makes no sense."""

    def __init__(self, what: str, remedy: str) -> None:
        super().__init__(f"The version was not recorded: {what}. {remedy}")


class UnknownVersion(RegistryError):
    """Nothing in the record answers to the reference."""

    def __init__(
        self, ref: object, *, name: str = "", names: Sequence[str] = (), exists: Sequence[str] = ()
    ) -> None:
        self.ref = str(ref)
        super().__init__(f"No version answers to '{ref}'. {_what_exists(name, names, exists)}")


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
    """Nobody asked for what is to be approved."""

    def __init__(self, ref: object, goal: str | None) -> None:
        where = f" may enter '{goal}'" if goal else " may move"
        super().__init__(
            f"Nobody asked that '{ref}'{where}. "
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
        known = f"It knows {_listed(names)}." if names else "It knows nobody yet."
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


class BadWebhook(RegistryError):
    """Nothing can or may be sent to that address."""

    def __init__(self, url: str, reason: str) -> None:
        self.reason = reason
        remedy = "Give an address like https://host/path"
        super().__init__(f"{url!r} cannot be a webhook: {reason}. {remedy}")


class Undelivered(RegistryError):
    """A receiver did not take an event."""

    def __init__(self, url: str, reason: str, status: int | None = None) -> None:
        self.reason, self.status = reason, status
        super().__init__(f"{url!r} did not take the event: {reason}. Nothing waits because of it.")


class SecretSealed(RegistryError):
    """A webhook's secret is sealed, and the key is not here."""

    def __init__(self, key: str, reason: str) -> None:
        told = (
            f"The webhook's secret cannot be read: it is sealed with the key {key}, and {reason}."
        )
        super().__init__(f"{told} Set MLOPS_SECRET_KEY to that key, or add the webhook anew.")


class Conflict(RegistryError):
    """Somebody else changed the same thing at the same moment."""

    def __init__(self, what: str, *, again: bool = False) -> None:
        self.again = again
        super().__init__(f"{what} Nothing was changed; look at it and try again.")


class ClockBehind(RegistryError):
    """The clock shows a time before the last entry of the audit log."""

    def __init__(self, now: datetime, last: datetime) -> None:
        super().__init__(
            f"This machine's clock shows {now:%Y-%m-%d %H:%M:%S} UTC, but the audit log already "
            f"goes to {last:%Y-%m-%d %H:%M:%S}; nothing was changed. Set the clock right."
        )


class BrokenChain(RegistryError):
    """The audit log no longer hashes to what it recorded."""

    def __init__(self, number: int, what: str = "was changed after it was written") -> None:
        self.number = number
        super().__init__(
            f"Audit entry {number} {what}. Compare the database with its last backup."
        )


class BadSeal(RegistryError):
    """A checkpoint was not signed with the key it is held against."""

    def __init__(self, number: object, key: str) -> None:
        super().__init__(
            f"The checkpoint at entry {number} does not carry the signature of key {key}. Either "
            "it was changed, or it was made with another key: name that one with --key."
        )


class BadKey(RegistryError):
    """A file holds no key to sign or to verify with."""

    def __init__(self, path: object, reason: str) -> None:
        super().__init__(
            f"{str(path)!r} cannot be used as the key of the audit log: {reason}. "
            "'mlops audit key' makes one and prints its public half."
        )


class BadExport(RegistryError):
    """A file is no whole export of an audit log."""

    def __init__(self, line: int, what: str) -> None:
        super().__init__(
            f"Line {line} of the export {what}. Get the file again from where it was exported: "
            "mlops audit export FILE"
        )


class MirrorFailed(RegistryError):
    """MLflow cannot be made to show what the record says. The record itself is unharmed."""

    def __init__(self, name: str, uri: str, reason: str) -> None:
        super().__init__(
            f"MLflow at {uri!r} does not show {name!r} as recorded yet: {reason}. "
            "The record is complete; MLflow is brought up to it with the next change."
        )


class DatabaseError(RegistryError):
    """Base of what makes a database unusable."""


class MissingDriver(DatabaseError):
    """The library that speaks to the database is not installed."""

    def __init__(self, module: str) -> None:
        super().__init__(
            f"PostgreSQL needs the driver {module!r}. "
            "Install it with: pip install 'mlops-platform[postgres]'"
        )


class DatabaseDown(DatabaseError):
    """The database cannot be reached, read or written."""

    def __init__(self, url: str, reason: str) -> None:
        super().__init__(
            f"The database {url!r} cannot be used: {reason}. "
            "Check MLOPS_DATABASE_URL, the server, and who may write there."
        )


class SchemaOutdated(DatabaseError):
    """The database is from an older version of this package."""

    def __init__(self, url: str, found: str, wanted: str) -> None:
        super().__init__(
            f"The database {url!r} has schema {found}; this version needs {wanted}. "
            "Make a backup, then run: mlops db upgrade"
        )


class DatabaseTooNew(DatabaseError):
    """The database is from a newer version of this package."""

    def __init__(self, url: str, found: str, known: str) -> None:
        super().__init__(
            f"The database {url!r} has schema {found}; this version knows up to {known}. "
            "Update this package: pip install -U mlops-platform"
        )


def _what_exists(name: str, names: Sequence[str], exists: Sequence[str]) -> str:
    if exists:
        return f"'{name}' has {_listed(exists)}."
    if not names:
        return "Nothing is registered yet: 'mlops run' registers a first version."
    near = difflib.get_close_matches(name, names, n=3, cutoff=0.55)
    meant = f"Did you mean {' or '.join(map(repr, near))}? " if near else ""
    return f"{meant}Registered models: {_listed(names)}."


def _listed(words: Sequence[str]) -> str:
    """Return words as one comma-separated text, cut after the first dozen.

    >>> _listed(["a", "b"])
    'a, b'
    """
    rest = len(words) - _LISTED
    text = ", ".join(words[:_LISTED])
    return f"{text} and {rest} more" if rest > 0 else text
