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
├── UnknownRequest    no request is open about what is to be approved
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

This is their one address; the files beside it hold them by subject.
"""

from __future__ import annotations

from registry.errors.audit import BadExport, BadKey, BadSeal, BrokenChain, ClockBehind
from registry.errors.moves import (
    AwaitingApproval,
    Frozen,
    GatesFailed,
    IllegalMove,
    NothingBefore,
    ReasonMissing,
    RequestVoid,
    UnknownRequest,
)
from registry.errors.people import (
    BadToken,
    BadUser,
    Forbidden,
    OutOfScope,
    TokenExpired,
    UnknownId,
    UnknownUser,
    UserInactive,
)
from registry.errors.root import RegistryError
from registry.errors.stores import (
    Conflict,
    DatabaseDown,
    DatabaseError,
    DatabaseTooNew,
    MirrorFailed,
    MissingDriver,
    SchemaOutdated,
)
from registry.errors.versions import BadEvidence, BadName, BadRef, UnknownVersion
from registry.errors.webhooks import BadWebhook, SecretSealed, Undelivered

__all__ = [
    "AwaitingApproval",
    "BadEvidence",
    "BadExport",
    "BadKey",
    "BadName",
    "BadRef",
    "BadSeal",
    "BadToken",
    "BadUser",
    "BadWebhook",
    "BrokenChain",
    "ClockBehind",
    "Conflict",
    "DatabaseDown",
    "DatabaseError",
    "DatabaseTooNew",
    "Forbidden",
    "Frozen",
    "GatesFailed",
    "IllegalMove",
    "MirrorFailed",
    "MissingDriver",
    "NothingBefore",
    "OutOfScope",
    "ReasonMissing",
    "RegistryError",
    "RequestVoid",
    "SchemaOutdated",
    "SecretSealed",
    "TokenExpired",
    "Undelivered",
    "UnknownId",
    "UnknownRequest",
    "UnknownUser",
    "UnknownVersion",
    "UserInactive",
]
