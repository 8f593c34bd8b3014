"""Journeys: ask for a promotion, approve or reject what somebody asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mlops import judging, mirroring
from mlops.workspace import Workspace
from registry import approvals, refs, requests, versions

if TYPE_CHECKING:
    from registry.approvals import Standing
    from registry.requests import Decision
    from registry.stages import Stage
    from registry.versions import ModelVersion


def request(
    ref: str | ModelVersion,
    *,
    to: Stage | str,
    reason: str = "",
    workspace: Workspace | None = None,
) -> Standing:
    """Ask that a version may enter a stage; the gates must agree already.

    Raises:
        UnknownVersion: Nothing answers to the reference.
        Forbidden: Your role may not ask.
        IllegalMove: There is no step from where the version stands.
        GatesFailed: A gate says no, so there is nothing to agree to.
    """
    ws = workspace or Workspace.open()
    goal = judging.stage_of(to)
    judged = judging.prepare(ws, ref, goal)
    exact = refs.Ref(judged.version.name, number=judged.version.number)
    done = ws.change(
        lambda session: approvals.request(
            session, exact, to=goal, by=ws.by, reason=reason, on=judged.grounds
        )
    )
    mirroring.show(ws, judged.version.name)
    return done


def approve(
    ref: str | ModelVersion,
    *,
    to: Stage | str | None = None,
    reason: str = "",
    workspace: Workspace | None = None,
) -> Standing:
    """Agree to what somebody asked for.

    Raises:
        UnknownRequest: Nobody asked.
        Forbidden: Your role may not approve, it is your own request, or your own version.
        RequestVoid: What was asked for has changed since.
    """
    return _decide(ref, "approved", to=to, reason=reason, workspace=workspace)


def reject(
    ref: str | ModelVersion,
    *,
    to: Stage | str | None = None,
    reason: str = "",
    workspace: Workspace | None = None,
) -> Standing:
    """Refuse what somebody asked for; they may ask again.

    Raises:
        UnknownRequest: Nobody asked.
        Forbidden: Your role may not approve.
    """
    return _decide(ref, "rejected", to=to, reason=reason, workspace=workspace)


def waiting(
    *, limit: int = 50, before: int | None = None, workspace: Workspace | None = None
) -> list[dict[str, Any]]:
    """List what others asked for and nobody closed yet, newest first."""
    ws = workspace or Workspace.open()
    with ws.reading() as session:
        found = requests.page(session, limit=limit, before=before)
    return [{"number": one.id, **one.to_dict()} for one in found]


def _decide(
    ref: str | ModelVersion,
    decision: Decision,
    *,
    to: Stage | str | None,
    reason: str,
    workspace: Workspace | None,
) -> Standing:
    ws = workspace or Workspace.open()
    with ws.reading() as session:
        version = versions.get(session, refs.parse(str(ref)))
        goal = None if to is None else judging.stage_of(to)
        asked = requests.require_open(session, version, goal)
    judged = judging.prepare(ws, version, asked.goal)
    exact = refs.Ref(version.name, number=version.number)
    done = ws.change(
        lambda session: approvals.decide(
            session, exact, decision, to=asked.goal, by=ws.by, reason=reason, on=judged.grounds
        )
    )
    mirroring.show(ws, version.name)
    return done
