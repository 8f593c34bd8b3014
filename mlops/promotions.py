"""Journeys: move a version between stages, and look at where versions of a model have been."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from mlops import judging, mirroring
from mlops.judging import stage_of
from mlops.workspace import Workspace
from registry import moves, promotion, refs, tenures, validations
from registry import rollback as rollbacks
from registry import versions as recorded
from registry.errors import IllegalMove
from registry.permissions import Action, may
from registry.stages import MOVES, Stage

if TYPE_CHECKING:
    from registry.cases import Verdict
    from registry.moves import Promotion
    from registry.promotion import Assessment
    from registry.tenures import Tenure
    from registry.versions import ModelVersion

_BELOW = {Stage.PRODUCTION: Stage.STAGING, Stage.STAGING: Stage.CANDIDATE}


@dataclass(frozen=True, slots=True, repr=False)
class Promoted:
    """What a move did, why it was allowed, and whether MLflow shows it."""

    version: ModelVersion
    came_from: Stage
    verdicts: tuple[Verdict, ...]
    replaced: ModelVersion | None
    audit_digest: str
    mirror_failure: str

    @property
    def mirrored(self) -> bool:
        """Whether MLflow shows the new stage already."""
        return not self.mirror_failure

    @property
    def sentence(self) -> str:
        """What happened."""
        told = [f"{self.version} is now in {self.version.stage.value}."]
        if self.replaced is not None:
            told.append(f"{self.replaced} is archived.")
        if not self.mirrored:
            told.append(f"MLflow does not show it yet: {self.mirror_failure}")
        return " ".join(told)

    def __repr__(self) -> str:
        """Return what happened and what every gate said."""
        return "\n".join([self.sentence, *map(str, self.verdicts)])

    def to_dict(self) -> dict[str, Any]:
        """Return everything a workflow may want to read."""
        return {
            "version": str(self.version),
            "stage": self.version.stage,
            "from": self.came_from,
            "replaced": str(self.replaced) if self.replaced else None,
            "gates": self.verdicts,
            "audit_digest": self.audit_digest,
            "mirrored": self.mirrored,
            "mirror_failure": self.mirror_failure or None,
        }


def promote(
    ref: str | ModelVersion,
    *,
    to: Stage | str,
    reason: str = "",
    break_glass: bool = False,
    workspace: Workspace | None = None,
) -> Promoted:
    """Move a version if the policy agrees, commit, then show it in MLflow.

    Args:
        ref: Which version.
        to: The stage to enter.
        reason: Kept in the audit log.
        break_glass: Move it against the policy; only who the policy names may, with a reason.
        workspace: Where everything is kept; by default as the settings say.

    Raises:
        BadRef: The reference cannot be read.
        UnknownVersion: Nothing answers to it.
        BadPolicy: The policy file makes no sense.
        TrackingDown: MLflow is away, which has the files that the gates look at.
        Forbidden: Your role may not promote.
        IllegalMove: There is no step from where the version stands.
        Frozen: The policy lets nothing in at this time.
        GatesFailed: A gate said no; nothing was changed.
        AwaitingApproval: Too few people have agreed.
        Conflict: Somebody else was faster; the message says who.
    """
    ws = workspace or Workspace.open()
    judged = judging.prepare(ws, ref, stage_of(to), emergency=break_glass)
    exact = refs.Ref(judged.version.name, number=judged.version.number)
    done = ws.change(
        lambda session: promotion.promote(
            session, exact, to=stage_of(to), by=ws.by, reason=reason, on=judged.grounds
        )
    )
    return _shown(ws, done)


def demote(
    ref: str | ModelVersion,
    *,
    to: Stage | str | None = None,
    reason: str = "",
    workspace: Workspace | None = None,
) -> Promoted:
    """Move a version one stage down: from production to staging, from staging to candidate.

    Raises:
        UnknownVersion: Nothing answers to the reference.
        Forbidden: Your role may not promote.
        IllegalMove: It cannot go down from where it stands.
    """
    ws = workspace or Workspace.open()
    with ws.reading() as session:
        stage = recorded.get(session, refs.parse(str(ref))).stage
    below = _BELOW.get(stage)
    goal = below if to is None else stage_of(to)
    if goal is None or goal is not below:
        raise IllegalMove(stage, goal or "a stage below", MOVES[stage])
    return promote(ref, to=goal, reason=reason, workspace=ws)


def archive(
    ref: str | ModelVersion, *, reason: str = "", workspace: Workspace | None = None
) -> Promoted:
    """Take a version out of use, wherever it stands; from production too.

    Raises:
        UnknownVersion: Nothing answers to the reference.
        Forbidden: Your role may not promote.
        IllegalMove: It is archived already.
    """
    return promote(ref, to=Stage.ARCHIVED, reason=reason, workspace=workspace)


def rollback(
    name: str,
    *,
    to: str | ModelVersion | None = None,
    reason: str = "",
    workspace: Workspace | None = None,
) -> Promoted:
    """Bring the version that was in production before back into it, and archive the present one.

    Args:
        name: The model's name.
        to: A version that was in production once, to go further back than the last.
        reason: Kept in the audit log.
        workspace: Where everything is kept; by default as the settings say.

    Raises:
        UnknownVersion: There is no such model, or no such version of it.
        NothingBefore: No other version was in production before.
        Forbidden: Your role may not promote.
        GatesFailed: The version's files are no longer those on record.
        Conflict: Somebody else changed production meanwhile.
    """
    ws = workspace or Workspace.open()
    asked = None if to is None else refs.parse(str(to))
    with ws.reading() as session:
        target = rollbacks.target(session, name, asked)
        seen = moves.Seen.now(target, recorded.champion(session, name))
    judging.require_files(ws, target)
    exact = None if to is None else refs.Ref(target.name, number=target.number)
    done = ws.change(
        lambda session: rollbacks.rollback(
            session, name, by=ws.by, reason=reason, to=exact, seen=seen
        )
    )
    return _shown(ws, done)


def history(
    name: str,
    *,
    at: datetime | str | None = None,
    limit: int = 50,
    before: int | None = None,
    workspace: Workspace | None = None,
) -> list[Tenure]:
    """Return who was in production from when to when, newest first; at one time, only that one.

    Args:
        name: The model's name.
        at: A time; without a zone it is UTC.
        limit: How many to return.
        before: Only older ones: the ``id`` of the last one on the page before.
        workspace: Where everything is kept; by default as the settings say.

    Raises:
        UnknownVersion: There is no such model.
        BadSetting: The time cannot be read, or a page is asked for besides.
    """
    if at is not None and before is not None:
        from pipelines.errors import BadSetting

        raise BadSetting("before", before, "At one time there is one version: leave 'at' out.")
    ws = workspace or Workspace.open()
    moment = None if at is None else _moment(at)
    with ws.reading() as session:
        recorded.check_known(session, name)
        if moment is None:
            return list(tenures.page(session, name, limit=limit, before=before))
        found = tenures.at(session, name, moment)
        return [] if found is None else [found]


def check(
    ref: str | ModelVersion, *, to: Stage | str, workspace: Workspace | None = None
) -> Assessment:
    """Ask every gate without moving anything; the result is kept with the version.

    Raises:
        BadRef: The reference cannot be read.
        UnknownVersion: Nothing answers to it.
        BadPolicy: The policy file makes no sense.
        TrackingDown: MLflow is away, which has the files that the gates look at.
    """
    ws = workspace or Workspace.open()
    goal = stage_of(to)
    judged = judging.prepare(ws, ref, goal)
    exact = refs.Ref(judged.version.name, number=judged.version.number)
    with ws.reading() as session:
        found = promotion.check(session, exact, to=goal, by=ws.by, on=judged.grounds)
    if may(ws.by, Action.CHECK):
        result = validations.result(found.version, found, found.policy_digest, ws.by)
        with ws.session() as session, session.begin():
            validations.keep(session, found.version, result, by=ws.by)
    return found


def _shown(ws: Workspace, done: Promotion) -> Promoted:
    failure = mirroring.show(ws, done.version.name)
    return Promoted(
        done.version, done.came_from, done.verdicts, done.replaced, done.audit_digest, failure
    )


def _moment(at: datetime | str) -> datetime:
    try:
        read = datetime.fromisoformat(at) if isinstance(at, str) else at
    except ValueError as error:
        from pipelines.errors import BadSetting

        raise BadSetting("--at", at, "Write it like 2026-11-21T14:30 or 2026-11-21.") from error
    return read.replace(tzinfo=UTC) if read.tzinfo is None else read
