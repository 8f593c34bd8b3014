"""Requests that a version may enter a stage, and what people said to them.

A request is bound to the version's bytes, to what the gates said, and to the policy that judged.
When any of them changes, the request and every approval of it are void.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal

from sqlalchemy import select

from registry import audit, outbox
from registry.errors import AwaitingApproval, Forbidden, RequestVoid, UnknownRequest
from registry.permissions import GRANTS, Action, Actor, Role, require
from registry.stages import Stage
from registry.tables import ApprovalRow, RequestRow, VersionRow, now
from registry.versions import snapshot

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy.orm import Session

    from registry.policy import Approvals
    from registry.versions import ModelVersion

Decision = Literal["approved", "rejected"]


@dataclass(frozen=True, slots=True)
class Bond:
    """What a request is about; any change voids it."""

    model_digest: str
    verdict_digest: str
    policy_digest: str

    def changed(self, now: Bond) -> str:
        """Say what is another than it was; an empty text when nothing is."""
        words = {
            "model_digest": "the model's files",
            "verdict_digest": "what the gates say",
            "policy_digest": "the policy",
        }
        found = [word for key, word in words.items() if getattr(self, key) != getattr(now, key)]
        return " and ".join(found)


@dataclass(frozen=True, slots=True)
class Approval:
    """What one person said."""

    approver: str
    role: str
    decision: str
    reason: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A snapshot of a request and of what was said to it."""

    id: int
    ref: str
    goal: Stage
    author: str
    reason: str
    at: datetime
    bond: Bond
    outcome: str | None
    """promoted, rejected or void; None while it is open."""
    approvals: tuple[Approval, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Return everything as plain JSON-ready data."""
        told = asdict(self)
        del told["bond"], told["id"]
        return {**told, **asdict(self.bond)}


def ask(
    session: Session, version: ModelVersion, goal: Stage, bond: Bond, *, by: Actor, reason: str
) -> Request:
    """Ask that a version may enter a stage. Asking for the same again changes nothing.

    Raises:
        Forbidden: The actor's role may not ask.
    """
    require(by, Action.REQUEST)
    known = open_of(session, version, goal)
    if known is not None and known.bond == bond:
        return known
    if known is not None:
        _close(session, known, "void")
    row = RequestRow(
        version_id=version.id, goal=goal.value, author=by.name, reason=reason, at=now(),
        closed_at=None, outcome=None, **asdict(bond),
    )  # fmt: skip
    session.add(row)
    session.flush()
    detail = {"goal": goal.value, **asdict(bond)}
    _tell(session, version, "request", detail, by, reason)
    return _snapshot(session, row, version)


def decide(
    session: Session, version: ModelVersion, request: Request, decision: Decision,
    *, by: Actor, reason: str,
) -> Request:  # fmt: skip
    """Approve or reject a request. Who did so already may change their mind while it is open.

    Raises:
        Forbidden: The actor's role may not approve, or it is their own request.
    """
    require(by, Action.REVIEW)
    if by.name == request.author and decision == "approved":
        raise Forbidden(by.name, "approve what they asked for themselves", _reviewers())
    same = {"request_id": request.id, "approver": by.name}
    row = session.scalar(select(ApprovalRow).filter_by(**same))
    if row is None:
        row = ApprovalRow(**same)
        session.add(row)
    row.role, row.decision, row.reason, row.at = by.role.value, decision, reason, now()
    session.flush()
    verb = "approve" if decision == "approved" else "reject"
    detail = {"goal": request.goal.value, "asked by": request.author, **asdict(request.bond)}
    _tell(session, version, verb, detail, by, reason)
    if decision == "rejected":
        _close(session, request, "rejected")
    return _found(session, request, version)


def open_of(session: Session, version: ModelVersion, goal: Stage | None) -> Request | None:
    """Return the open request for a stage, or without one, the latest that is open."""
    query = select(RequestRow).where(
        RequestRow.version_id == version.id, RequestRow.closed_at.is_(None)
    )
    query = query if goal is None else query.where(RequestRow.goal == goal.value)
    row = session.scalar(query.order_by(RequestRow.id.desc()).limit(1))
    return None if row is None else _snapshot(session, row, version)


def of(session: Session, version: ModelVersion) -> tuple[Request, ...]:
    """Return the requests of a version, newest first."""
    query = select(RequestRow).where(RequestRow.version_id == version.id)
    rows = session.scalars(query.order_by(RequestRow.id.desc()))
    return tuple(_snapshot(session, row, version) for row in rows)


def page(session: Session, *, limit: int = 50, before: int | None = None) -> tuple[Request, ...]:
    """Return one page of the requests that are open, of all models, newest first.

    Args:
        session: Any session; nothing is written.
        limit: How many at most.
        before: Only older ones: the ``id`` of the last one on the page before.
    """
    query = select(RequestRow, VersionRow).join(VersionRow, VersionRow.id == RequestRow.version_id)
    query = query.where(RequestRow.closed_at.is_(None))
    if before is not None:
        query = query.where(RequestRow.id < before)
    # Few are open, and an index holds those alone: by the sum no other one is taken for the order.
    rows = session.execute(query.order_by((RequestRow.id + 0).desc()).limit(limit))
    return tuple(_snapshot(session, row, snapshot(version)) for row, version in rows)


def require_open(session: Session, version: ModelVersion, goal: Stage | None) -> Request:
    """Return the open request.

    Raises:
        UnknownRequest: There is none.
    """
    found = open_of(session, version, goal)
    if found is None:
        raise UnknownRequest(version, goal)
    return found


def require_bond(request: Request, present: Bond) -> None:
    """Do nothing while a request is still about what is there.

    Raises:
        RequestVoid: Something has changed since.
    """
    changed = request.bond.changed(present)
    if changed:
        raise RequestVoid(request.ref, request.goal, changed)


def require_approvals(
    session: Session, version: ModelVersion, goal: Stage, bond: Bond, wanted: Approvals
) -> Request | None:
    """Return the request that enough people approved; None when nobody needs to.

    Raises:
        AwaitingApproval: Nobody asked, or too few agreed.
        RequestVoid: What they agreed to has changed since.
    """
    if not wanted.count:
        return None
    request = open_of(session, version, goal)
    if request is None:
        raise AwaitingApproval(version, goal, 0, wanted.count, _why_none(session, version, goal))
    require_bond(request, bond)
    given = [one.approver for one in request.approvals if counts(one, request, version, wanted)]
    if len(given) < wanted.count:
        who = f"a {wanted.role.value}" if wanted.role else "somebody who may approve"
        if wanted.people:
            who = " or ".join(wanted.people)
        told = f"Asked by {request.author}; {who} approves with: mlops approve {version}"
        raise AwaitingApproval(version, goal, len(given), wanted.count, told)
    return request


def counts(one: Approval, request: Request, version: ModelVersion, wanted: Approvals) -> bool:
    """Whether an approval counts: never the asker's own, the author's only where allowed."""
    if one.decision != "approved" or one.approver == request.author:
        return False
    if one.approver == version.author and not wanted.author_counts:
        return False
    if wanted.people and one.approver not in wanted.people:
        return False
    return wanted.role is None or one.role in {wanted.role.value, Role.ADMIN.value}


def fulfil(session: Session, request: Request | None) -> None:
    """Close a request whose version has entered the stage."""
    if request is not None:
        _close(session, request, "promoted")


def _why_none(session: Session, version: ModelVersion, goal: Stage) -> str:
    last = next((one for one in of(session, version) if one.goal is goal), None)
    ask_for = f"Ask with: mlops request {version} --to {goal}"
    if last is not None and last.outcome == "rejected":
        no = last.approvals[-1]
        return f"{no.approver} rejected it: {no.reason or 'without a reason'}. {ask_for}"
    return ask_for


def _reviewers() -> list[str]:
    return [f"another {role}" for role, actions in GRANTS.items() if Action.REVIEW in actions]


def _close(session: Session, request: Request, outcome: str) -> None:
    row = session.get_one(RequestRow, request.id)
    row.closed_at, row.outcome = now(), outcome
    session.flush()


def _tell(
    session: Session, version: ModelVersion, verb: str, detail: dict[str, Any], by: Actor,
    reason: str,
) -> None:  # fmt: skip
    audit.append(session, by=by, action=verb, subject=version.ref, detail=detail, reason=reason)
    told = {"ref": version.ref, "to": detail["goal"], "by": by.name, "reason": reason}
    outbox.add(session, version.name, verb, told)


def _found(session: Session, request: Request, version: ModelVersion) -> Request:
    return _snapshot(session, session.get_one(RequestRow, request.id), version)


def _snapshot(session: Session, row: RequestRow, version: ModelVersion) -> Request:
    said = session.scalars(
        select(ApprovalRow).where(ApprovalRow.request_id == row.id).order_by(ApprovalRow.id)
    )
    fields = ("approver", "role", "decision", "reason", "at")
    return Request(
        id=row.id,
        ref=version.ref,
        goal=Stage(row.goal),
        author=row.author,
        reason=row.reason,
        at=row.at,
        bond=Bond(row.model_digest, row.verdict_digest, row.policy_digest),
        outcome=row.outcome,
        approvals=tuple(Approval(*(getattr(one, name) for name in fields)) for one in said),
    )
