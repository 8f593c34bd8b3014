"""Picture: what the record wants MLflow to show of one model, taken in one look.

A picture holds what changed since it was last shown, told by the messages that wait in the
outbox, and who stands in each stage; a whole picture holds every version.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from registry import audit, lookups, outbox, reports, versions
from registry.mirror import card
from registry.stages import Stage

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from sqlalchemy.orm import Session

    from registry.reports import Report
    from registry.versions import ModelVersion

ALIASES = (Stage.STAGING, Stage.PRODUCTION)
"""The stages that MLflow shows as an alias of the same name."""
AT_ONCE = 1000
"""How many rows or messages one look takes."""
_LOOKED_BACK = 20


@dataclass(frozen=True, slots=True)
class Picture:
    """One model as the record has it now: the versions to show, and who stands where."""

    name: str
    versions: tuple[ModelVersion, ...]
    standing: Mapping[Stage, ModelVersion]
    """The latest version in each stage that has an alias."""
    reports: Mapping[int, tuple[Report, ...]]
    verdicts: Mapping[int, Sequence[Mapping[str, str]]]
    """What the gates said when a version last moved."""
    messages: tuple[int, ...]

    def card(self, version: ModelVersion) -> str:
        """Return what MLflow's page of a version should say."""
        return card.write(version, self.reports[version.id], self.verdicts[version.id])

    def looks_like(self, other: Picture) -> bool:
        """Whether MLflow would show both alike."""
        return _visible(self) == _visible(other)


def read(session: Session, name: str, *, whole: bool = False) -> Picture:
    """Take a picture of a model: of what changed since it was last shown, or of all of it."""
    waiting = outbox.pending(session, name, limit=AT_ONCE)
    found = _all(session, name) if whole else _changed(session, name, waiting)
    return _taken(session, name, found, tuple(message.id for message in waiting))


def again(session: Session, picture: Picture) -> Picture:
    """Take the same picture once more, of the same versions."""
    numbers = (version.number for version in picture.versions)
    found = lookups.numbered(session, picture.name, numbers)
    return _taken(session, picture.name, found, picture.messages)


def _taken(
    session: Session, name: str, found: Iterable[ModelVersion], messages: tuple[int, ...]
) -> Picture:
    chosen = tuple(found)
    standing = ((stage, lookups.standing(session, name, stage)) for stage in ALIASES)
    return Picture(
        name,
        chosen,
        {stage: version for stage, version in standing if version is not None},
        {version.id: reports.of(session, version) for version in chosen},
        {version.id: _verdicts(session, version) for version in chosen},
        messages,
    )


def _verdicts(session: Session, version: ModelVersion) -> Sequence[Mapping[str, str]]:
    entries = audit.log(session, subject=version.ref, limit=_LOOKED_BACK)
    told = (entry.detail.get("verdicts") for entry in entries)
    return next((list(verdicts) for verdicts in told if verdicts), [])


def _changed(
    session: Session, name: str, waiting: Iterable[outbox.Message]
) -> tuple[ModelVersion, ...]:
    told = (str(message.payload.get("ref", "")).rpartition("/") for message in waiting)
    numbers = (int(number) for of, _, number in told if of == name and number.isdigit())
    return lookups.numbered(session, name, numbers)


def _all(session: Session, name: str) -> list[ModelVersion]:
    found: list[ModelVersion] = []
    while part := versions.page(
        session, name, limit=AT_ONCE, before=found[-1].id if found else None
    ):
        found.extend(part)
    return found[::-1]


def _visible(picture: Picture) -> list[Any]:
    """Return everything that MLflow shows of it."""
    standing = {stage: version.ref for stage, version in picture.standing.items()}
    return [standing, *(picture.card(version) for version in picture.versions)]
