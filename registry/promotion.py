"""Moving a version between stages: the one place where it is decided whether it may."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

from registry import audit, moves, outbox, reports, requests, tenures, validations, versions
from registry.cases import Case
from registry.errors import (
    Forbidden,
    Frozen,
    GatesFailed,
    ReasonMissing,
    RegistryError,
)
from registry.gates import judge
from registry.moves import Promotion, Seen
from registry.permissions import Action, Actor, require
from registry.policy import DEFAULT, Policy, Rules
from registry.requests import Bond
from registry.stages import Stage, check_move
from registry.tables import now

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy.orm import Session

    from registry.cases import Verdict
    from registry.refs import Ref
    from registry.requests import Request
    from registry.versions import ModelVersion

LEAST_REASON = 10
"""How many characters a reason for breaking the glass has at least."""
_INTEGRITY = "G006"


@dataclass(frozen=True, slots=True, kw_only=True)
class Grounds:
    """On what a decision rests: the policy, what was measured, what was seen."""

    policy: Policy = DEFAULT
    measured: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """By kind; see ``registry.cases.Case``."""
    seen: Seen | None = None
    emergency: bool = False
    """Whether to break the glass where the policy says no."""


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Assessment:
    """What would happen if somebody moved the version now."""

    version: ModelVersion
    to: Stage
    champion: ModelVersion | None
    verdicts: tuple[Verdict, ...]
    objections: tuple[RegistryError, ...]
    """What stands in the way besides the gates: no such step, a role that may not, a freeze."""
    policy_digest: str
    policy_source: str

    @property
    def failed(self) -> tuple[Verdict, ...]:
        """The gates that say no."""
        return tuple(verdict for verdict in self.verdicts if verdict.outcome == "failed")

    @property
    def sentence(self) -> str:
        """What would happen, and by which policy."""
        word = "would enter" if self.passed else "would not enter"
        by = f"{self.policy_source} ({self.policy_digest[:12]})"
        return f"{self.version} {word} {self.to}. Policy: {by}."

    def __repr__(self) -> str:
        """Return what would happen and why."""
        return "\n".join([self.sentence, *self.obstacles, *map(str, self.verdicts)])

    @property
    def obstacles(self) -> tuple[str, ...]:
        """The objections as sentences."""
        return tuple(map(str, self.objections))

    @property
    def passed(self) -> bool:
        """Whether the move would be made."""
        return not self.failed and not self.objections

    @property
    def bond(self) -> Bond:
        """What a request made now would be bound to."""
        digest = validations.digest_of(self.verdicts)
        return Bond(self.version.model_digest, digest, self.policy_digest)

    def require_gates(self) -> None:
        """Do nothing if every gate agrees.

        Raises:
            GatesFailed: One does not.
        """
        if self.failed:
            told = [verdict.to_dict() for verdict in self.verdicts]
            raise GatesFailed(self.version, map(str, self.failed), told)

    def to_dict(self) -> dict[str, Any]:
        """Return everything as plain JSON-ready data."""
        return {
            "version": self.version.to_dict(),
            "to": self.to.value,
            "champion": self.champion.ref if self.champion else None,
            "passed": self.passed,
            "verdicts": [verdict.to_dict() for verdict in self.verdicts],
            "obstacles": list(self.obstacles),
            "policy": self.policy_source,
            "policy_digest": self.policy_digest,
        }


def promote(
    session: Session,
    ref: Ref,
    *,
    to: Stage,
    by: Actor,
    reason: str = "",
    on: Grounds | None = None,
) -> Promotion:
    """Move a version to a stage, if the step exists and the policy agrees. The caller commits.

    The session must be one for writing and fresh: on SQLite the write lock is taken when the
    transaction begins, on PostgreSQL a lock on the model before anything is judged, so whoever
    comes second judges against the champion that the first one made.

    Raises:
        Forbidden: The actor's role may not promote.
        UnknownVersion: Nothing answers to the reference.
        IllegalMove: There is no step from where the version stands.
        Frozen: The policy lets nothing in at this time.
        GatesFailed: A gate said no; nothing was changed.
        AwaitingApproval: Too few people have agreed.
        RequestVoid: What they agreed to has changed since.
        Conflict: Somebody changed the same model meanwhile, or past the locks.
    """
    require(by, Action.PROMOTE)
    on = on or Grounds()
    version = moves.locked(session, ref)
    champion = versions.champion(session, version.name)
    if on.seen is not None:
        moves.require_unchanged(session, version, champion, on.seen, to)
    check_move(version.stage, to)
    rules = on.policy.rules_of(version.name, to)
    found = _assess(session, version, champion, to, on)
    request, objection = _objection(session, found, rules)
    if objection is not None and not on.emergency:
        raise objection
    detail: dict[str, Any] = {"verdicts": [verdict.to_dict() for verdict in found.verdicts]}
    detail |= {"policy": found.policy_digest, "approved by": _approvers(request)}
    if objection is not None:
        _break_glass(session, found, rules, objection, by=by, reason=reason)
        detail["against"] = str(objection)
    under = tenures.last(session, version.name)
    moved, replaced, digest = moves.enter(session, version, to, detail, by=by, reason=reason)
    if to is Stage.PRODUCTION:
        on_top = under.id if under else None
        tenures.enter(session, moved, how="promote", by=by, reason=reason, on=on_top)
    requests.fulfil(session, request)
    return Promotion(moved, version.stage, found.verdicts, replaced, digest)


def check(
    session: Session, ref: Ref, *, to: Stage, by: Actor, on: Grounds | None = None
) -> Assessment:
    """Say what every gate thinks of a move, and what else stands in its way. Moves nothing.

    Raises:
        UnknownVersion: Nothing answers to the reference.
    """
    on = on or Grounds()
    version = versions.get(session, ref)
    champion = versions.champion(session, version.name)
    found = _assess(session, version, champion, to, on)
    rules = on.policy.rules_of(version.name, to)
    questions: tuple[Callable[[], object], ...] = (
        partial(require, by, Action.PROMOTE),
        partial(check_move, version.stage, to),
        partial(_require_thaw, rules, to),
        partial(_require_approvals, session, found, rules),
    )
    objections: list[RegistryError] = []
    for ask in questions:
        try:
            ask()
        except RegistryError as error:
            objections.append(error)
    return Assessment(
        version=version, to=to, champion=champion, verdicts=found.verdicts,
        objections=tuple(objections), policy_digest=found.policy_digest,
        policy_source=found.policy_source,
    )  # fmt: skip


def _assess(
    session: Session, version: ModelVersion, champion: ModelVersion | None, to: Stage, on: Grounds
) -> Assessment:
    attached = reports.of(session, version)
    case = Case(version, champion, attached, on.measured, now())
    verdicts = judge(case, on.policy.asked(on.policy.rules_of(version.name, to)))
    return Assessment(
        version=version, to=to, champion=champion, verdicts=verdicts, objections=(),
        policy_digest=on.policy.digest, policy_source=on.policy.source,
    )  # fmt: skip


def _objection(
    session: Session, found: Assessment, rules: Rules
) -> tuple[Request | None, RegistryError | None]:
    """Return the approved request if one was needed, or the first thing that stands in the way."""
    try:
        _require_thaw(rules, found.to)
        found.require_gates()
        return _require_approvals(session, found, rules), None
    except RegistryError as error:
        return None, error


def _require_thaw(rules: Rules, to: Stage) -> None:
    freeze = rules.frozen(now())
    if freeze is not None:
        raise Frozen(to, freeze.why)


def _require_approvals(session: Session, found: Assessment, rules: Rules) -> Request | None:
    return requests.require_approvals(
        session, found.version, found.to, found.bond, rules.approvals
    )


def _approvers(request: Request | None) -> list[str]:
    if request is None:
        return []
    return [one.approver for one in request.approvals if one.decision == "approved"]


def _break_glass(
    session: Session,
    found: Assessment,
    rules: Rules,
    objection: RegistryError,
    *,
    by: Actor,
    reason: str,
) -> None:
    """Let somebody promote against the policy, and say so loudly.

    Raises:
        Forbidden: The policy does not name them.
        ReasonMissing: They don't say why.
        GatesFailed: The model's files are not those on record; no emergency asks for that.
    """
    glass = rules.break_glass
    if glass is None or not glass.lets(by):
        named = [] if glass is None else [*(role.value for role in glass.roles), *glass.people]
        raise Forbidden(by.name, "break the glass", named or ["none in this policy"])
    if any(verdict.code == _INTEGRITY for verdict in found.failed):
        raise objection
    if len(reason.strip()) < LEAST_REASON:
        raise ReasonMissing("Breaking the glass", LEAST_REASON)
    version = found.version
    detail = {
        "to": found.to.value,
        "against": str(objection),
        "policy": found.policy_digest,
        "failed": [verdict.to_dict() for verdict in found.failed],
    }
    digest = audit.append(
        session, by=by, action="break glass", subject=version.ref, detail=detail, reason=reason
    )
    told = {"ref": version.ref, "by": by.name, "reason": reason, "against": str(objection)}
    outbox.add(session, version.name, "break-glass", {**told, "audit": digest})
