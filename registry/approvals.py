"""Asking for a promotion, and saying yes or no to it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from registry import moves, promotion, requests
from registry.errors import Forbidden
from registry.permissions import Action, Actor, require
from registry.requests import Decision, counts
from registry.stages import check_move

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from registry.promotion import Grounds
    from registry.refs import Ref
    from registry.requests import Request
    from registry.stages import Stage
    from registry.versions import ModelVersion


@dataclass(frozen=True, slots=True)
class Standing:
    """A request and how many of the approvals it needs it has."""

    request: Request
    given: int
    needed: int

    @property
    def complete(self) -> bool:
        """Whether it may be promoted."""
        return self.request.outcome is None and self.given >= self.needed


def request(
    session: Session, ref: Ref, *, to: Stage, by: Actor, reason: str, on: Grounds
) -> Standing:
    """Ask that a version may enter a stage; the gates must agree already. The caller commits.

    Raises:
        Forbidden: The actor's role may not ask.
        UnknownVersion: Nothing answers to the reference.
        IllegalMove: There is no step from where the version stands.
        GatesFailed: A gate says no, so there is nothing to agree to.
    """
    require(by, Action.REQUEST)
    version = moves.locked(session, ref)
    check_move(version.stage, to)
    found = promotion.check(session, ref, to=to, by=by, on=on)
    found.require_gates()
    asked = requests.ask(session, version, to, found.bond, by=by, reason=reason)
    return _standing(asked, version, on)


def decide(  # noqa: PLR0913 - what, who, why, and on which grounds
    session: Session,
    ref: Ref,
    decision: Decision,
    *,
    to: Stage | None,
    by: Actor,
    reason: str,
    on: Grounds,
) -> Standing:
    """Approve or reject what was asked for. The caller commits.

    Raises:
        Forbidden: The actor's role may not approve, or the policy does not count them.
        UnknownVersion: Nothing answers to the reference.
        UnknownRequest: Nobody asked.
        RequestVoid: What was asked for has changed since.
    """
    require(by, Action.REVIEW)
    version = moves.locked(session, ref)
    asked = requests.require_open(session, version, to)
    if decision == "approved":
        found = promotion.check(session, ref, to=asked.goal, by=by, on=on)
        requests.require_bond(asked, found.bond)
        wanted = on.policy.rules_of(version.name, asked.goal).approvals
        if by.name == version.author and not wanted.author_counts:
            raise Forbidden(by.name, "approve a version of their own; somebody else has to", ())
        if wanted.people and by.name not in wanted.people:
            raise Forbidden(by.name, "approve this", wanted.people)
        if wanted.role and by.role not in {wanted.role, "admin"}:
            raise Forbidden(by.name, "approve this", [wanted.role])
    done = requests.decide(session, version, asked, decision, by=by, reason=reason)
    return _standing(done, version, on)


def _standing(asked: Request, version: ModelVersion, on: Grounds) -> Standing:
    wanted = on.policy.rules_of(version.name, asked.goal).approvals
    given = sum(counts(one, asked, version, wanted) for one in asked.approvals)
    return Standing(asked, given, wanted.count)
