"""Journey: does MLflow show what the record says, and are the bytes still those of then?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mlops import files, mirroring
from mlops.workspace import Workspace
from pipelines import packaging
from pipelines.errors import PipelineError
from registry import audit, lookups, versions
from registry.errors import BrokenChain, MirrorFailed
from registry.mirror import drift
from registry.mirror.drift import Drift, Kind
from registry.mirror.picture import read

if TYPE_CHECKING:
    from collections.abc import Iterator

    from registry.versions import ModelVersion


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """What was found, and what is left of it after repairs."""

    models: tuple[str, ...]
    found: tuple[Drift, ...]
    left: tuple[Drift, ...]
    entries: int
    """How many audit entries were verified."""
    broken_chain: str

    @property
    def healthy(self) -> bool:
        """Whether nothing is left to do."""
        return not self.left and not self.broken_chain

    def to_dict(self) -> dict[str, Any]:
        """Return everything a script may want to read."""
        return {
            "healthy": self.healthy,
            "models": self.models,
            "found": self.found,
            "left": self.left,
            "audit_entries": self.entries,
            "broken_chain": self.broken_chain or None,
        }


def examine(
    name: str | None = None,
    *,
    repair: bool = False,
    every: bool = False,
    workspace: Workspace | None = None,
) -> Diagnosis:
    """Compare the record with MLflow, model by model; on wish set MLflow to the record.

    Args:
        name: Only this model.
        repair: Set MLflow to the record where that is possible.
        every: Hash the files of every version, not only of those in staging and production.
        workspace: Where everything is; by default as the settings say.

    Raises:
        UnknownVersion: A name was given that nobody registered.
    """
    ws = workspace or Workspace.open()
    found: list[Drift] = []
    left: list[Drift] = []
    names = _names(ws, name)
    for one in names:
        seen = tuple(_look(ws, one, every=every))
        found += seen
        if repair and any(each.repairable for each in seen):
            _repair(ws, one)
            seen = tuple(_look(ws, one, every=every))
        left += seen
    entries, broken = _verify(ws)
    return Diagnosis(names, tuple(found), tuple(left), entries, broken)


def _names(ws: Workspace, name: str | None) -> tuple[str, ...]:
    with ws.reading() as session:
        if name is None:
            return versions.names(session)
        versions.check_known(session, name)
        return (name,)


def _look(ws: Workspace, name: str, *, every: bool) -> Iterator[Drift]:
    with ws.reading() as session:
        picture = read(session, name, whole=True)
    if picture.messages:
        waiting = f"{len(picture.messages)} messages waiting"
        yield Drift(Kind.LAG, name, "told", waiting)
    yield from drift.find(picture, ws.tracking_uri, stages=ws.settings.mlflow_stages)
    for version in picture.versions:
        if every or version.stage in lookups.HELD:
            yield from _bytes(ws, version)


def _bytes(ws: Workspace, version: ModelVersion) -> Iterator[Drift]:
    """Hash the files of a version where they lie; nothing is opened."""
    with files.scratch(ws.settings.home) as folder:
        try:
            here = ws.fetch(version.model_uri, folder)
            digest = packaging.digest_of(here)
        except PipelineError as error:
            yield Drift(Kind.BYTES, version.ref, "a model", str(error), repairable=False)
            return
    if digest != version.model_digest:
        yield Drift(
            Kind.BYTES, version.ref, version.model_digest, f"digest {digest}", repairable=False
        )


def _repair(ws: Workspace, name: str) -> None:
    with ws.reading() as session:
        picture = read(session, name, whole=True)
    try:
        drift.mend(picture, ws.tracking_uri)
    except MirrorFailed:
        return  # the second look says so
    mirroring.show(ws, name, whole=True)


def _verify(ws: Workspace) -> tuple[int, str]:
    with ws.reading() as session:
        try:
            return audit.verify(session), ""
        except BrokenChain as error:
            return 0, str(error)
