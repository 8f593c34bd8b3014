"""Drift: where MLflow shows something else than the record says. Finding changes nothing."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from registry import lookups
from registry.errors import MirrorFailed
from registry.mirror.picture import ALIASES
from registry.mirror.speaking import (
    LEGACY,
    REF,
    all_shown,
    has_stages,
    known_model,
    legacy_stage,
    set_stage,
    speaking_to,
    tags_of,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from mlflow import MlflowClient
    from mlflow.entities.model_registry import ModelVersion as Shown

    from registry.mirror.picture import Picture
    from registry.versions import ModelVersion


class Kind(StrEnum):
    """Every way in which MLflow and the record can part."""

    MISSING = "missing version"
    GHOST = "ghost version"
    ALIAS = "alias drift"
    STAGE = "stage drift"
    TAG = "tag drift"
    CARD = "card drift"
    RUN = "trashed run"
    BYTES = "changed bytes"
    LAG = "outbox lag"
    UNREACHABLE = "unreachable"


@dataclass(frozen=True, slots=True)
class Drift:
    """One divergence: where, what the record says, what MLflow shows."""

    kind: Kind
    subject: str
    recorded: str
    shown: str
    repairable: bool = True
    """Whether drawing the record again mends it."""

    def __str__(self) -> str:
        """Return it as one line."""
        return f"{self.kind}: {self.subject}: recorded {self.recorded}, MLflow has {self.shown}"

    def to_dict(self) -> dict[str, Any]:
        """Return everything as plain JSON-ready data."""
        return asdict(self)


def find(picture: Picture, tracking_uri: str, *, stages: bool = True) -> tuple[Drift, ...]:
    """Compare a whole picture of a model with what MLflow shows of it."""
    try:
        with speaking_to(tracking_uri, picture.name) as client:
            model = known_model(client, picture.name)
            shown = all_shown(client, picture.name) if model is not None else []
            by_ref = _by_ref(picture, shown)
            legacy = has_stages(client)
            aliases = {
                key: str(number) for key, number in (model.aliases if model else {}).items()
            }
            found = [
                *(_of_stages(picture, by_ref, stages=stages) if legacy else ()),
                *_of_versions(picture, by_ref),
                *_of_aliases(picture, by_ref, aliases),
                *_ghosts(picture, shown, by_ref, aliases),
                *_of_runs(picture, client),
            ]
    except MirrorFailed as error:
        return (Drift(Kind.UNREACHABLE, picture.name, "shown", str(error), repairable=False),)
    return tuple(found)


def mend(picture: Picture, tracking_uri: str) -> None:
    """Undo in MLflow what drawing alone does not: trashed runs, ghosts that hold something.

    Raises:
        MirrorFailed: MLflow cannot be reached or written.
    """
    with speaking_to(tracking_uri, picture.name) as client:
        for version in picture.versions:
            if _run_state(client, version) == "deleted":
                client.restore_run(version.run_id)
        model = known_model(client, picture.name)
        if model is None:
            return
        for alias in filter(_is_misspelt, model.aliases):
            client.delete_registered_model_alias(picture.name, alias)
        shown = all_shown(client, picture.name)
        by_ref, refs = _by_ref(picture, shown), {version.ref for version in picture.versions}
        for each in shown:
            claimed, number = each.tags.get(REF), str(each.version)
            if claimed in refs and by_ref[claimed] is not each:
                client.delete_model_version(picture.name, number)
            elif claimed not in refs and each.current_stage in _HELD:
                set_stage(client, picture.name, number, "None")


def _is_misspelt(alias: str) -> bool:
    return alias != alias.casefold() and alias.casefold() in ALIASES


_HELD = tuple(LEGACY[stage] for stage in lookups.HELD)


def _by_ref(picture: Picture, shown: list[Shown]) -> dict[str, Shown]:
    """Return the MLflow versions that show ours: the noted one, or the oldest of several."""
    newest_first = sorted(shown, key=lambda each: int(each.version), reverse=True)
    found = {each.tags[REF]: each for each in newest_first if REF in each.tags}
    noted = {version.mlflow_version: version.ref for version in picture.versions}
    for each in shown:
        ref = noted.get(str(each.version))
        if ref is not None and each.tags.get(REF) == ref:
            found[ref] = each
    return found


def _of_stages(picture: Picture, by_ref: Mapping[str, Shown], *, stages: bool) -> Iterator[Drift]:
    for version in picture.versions:
        shown, wanted = by_ref.get(version.ref), legacy_stage(version, stages=stages)
        if shown is not None and shown.current_stage != wanted:
            yield Drift(Kind.STAGE, version.ref, wanted, str(shown.current_stage))


def _of_versions(picture: Picture, by_ref: Mapping[str, Shown]) -> Iterator[Drift]:
    for version in picture.versions:
        shown = by_ref.get(version.ref)
        if shown is None:
            yield Drift(Kind.MISSING, version.ref, version.stage.value, "no such version")
            continue
        for key, value in tags_of(version).items():
            if shown.tags.get(key) != value:
                yield Drift(Kind.TAG, version.ref, f"{key} {value}", str(shown.tags.get(key)))
        if shown.description != picture.card(version):
            yield Drift(Kind.CARD, version.ref, "its card", "another description")


def _of_aliases(
    picture: Picture, by_ref: Mapping[str, Shown], aliases: Mapping[str, str]
) -> Iterator[Drift]:
    for stage in ALIASES:
        version = picture.standing.get(stage)
        there = by_ref.get(version.ref) if version else None
        wanted = str(there.version) if there else None
        if aliases.get(stage.value) != wanted:
            told = f"on version {aliases[stage.value]}" if stage.value in aliases else "none"
            where = f"{picture.name}@{stage}"
            yield Drift(Kind.ALIAS, where, version.ref if version else "none", told)
    for alias, number in aliases.items():
        if _is_misspelt(alias):
            where = f"{picture.name}@{alias}"
            yield Drift(Kind.ALIAS, where, "no such alias", f"on version {number}")


def _ghosts(
    picture: Picture,
    shown: list[Shown],
    by_ref: Mapping[str, Shown],
    aliases: Mapping[str, str],
) -> Iterator[Drift]:
    """Name MLflow versions that pass for one of ours, or hold a stage past the record."""
    ours = {version.ref for version in picture.versions}
    held = {number for alias, number in aliases.items() if alias.casefold() in ALIASES}
    for each in shown:
        claimed, number = each.tags.get(REF), str(each.version)
        where = f"version {number} of {picture.name}"
        if claimed is not None and (claimed not in ours or by_ref[claimed] is not each):
            yield Drift(Kind.GHOST, where, "no such version", f"one that claims to be {claimed}")
        elif claimed is None and (each.current_stage in _HELD or number in held):
            yield Drift(Kind.GHOST, where, "no such version", f"one in {each.current_stage}")


def _of_runs(picture: Picture, client: MlflowClient) -> Iterator[Drift]:
    for version in picture.versions:
        state = _run_state(client, version)
        if state != "active":
            kept = state == "deleted"
            yield Drift(Kind.RUN, version.ref, f"run {version.run_id}", state, repairable=kept)


def _run_state(client: MlflowClient, version: ModelVersion) -> str:
    from mlflow.exceptions import MlflowException

    try:
        return str(client.get_run(version.run_id).info.lifecycle_stage)
    except MlflowException as error:
        if error.error_code != "RESOURCE_DOES_NOT_EXIST":
            raise
        return "gone for good"
