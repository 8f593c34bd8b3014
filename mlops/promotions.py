"""Journey: move a version between stages."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mlops import mirroring
from mlops.workspace import Workspace
from registry import promotion, refs
from registry.stages import Stage

if TYPE_CHECKING:
    from registry.gates import Verdict
    from registry.promotion import Assessment
    from registry.versions import ModelVersion


@dataclass(frozen=True, slots=True)
class Promoted:
    """What a promotion did, why it was allowed, and whether MLflow shows it."""

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
    workspace: Workspace | None = None,
) -> Promoted:
    """Move a version, commit, then show it in MLflow.

    Raises:
        BadRef: The reference cannot be read.
        UnknownVersion: Nothing answers to it.
        Forbidden: Your role may not promote.
        IllegalMove: There is no step from where the version stands.
        GatesFailed: A gate said no; nothing was changed.
    """
    ws = workspace or Workspace.open()
    with ws.session() as session, session.begin():
        done = promotion.promote(
            session, refs.parse(str(ref)), to=_stage(to), by=ws.by, reason=reason
        )
    failure = mirroring.show(ws, done.version.name)
    return Promoted(
        done.version, done.came_from, done.verdicts, done.replaced, done.audit_digest, failure
    )


def check(
    ref: str | ModelVersion, *, to: Stage | str, workspace: Workspace | None = None
) -> Assessment:
    """Ask every gate without moving anything.

    Raises:
        BadRef: The reference cannot be read.
        UnknownVersion: Nothing answers to it.
    """
    ws = workspace or Workspace.open()
    with ws.reading() as session:
        return promotion.check(session, refs.parse(str(ref)), to=_stage(to), by=ws.by)


def _stage(to: Stage | str) -> Stage:
    try:
        return Stage(to)
    except ValueError as error:
        from pipelines.errors import BadSetting

        raise BadSetting("--to", to, f"It is one of {', '.join(Stage)}.") from error
