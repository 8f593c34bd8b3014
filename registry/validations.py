"""Validation results: what all gates of a stage said of a version, each time somebody asked."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import select

from registry import audit
from registry.permissions import Action, Actor, require
from registry.tables import ValidationRow, now

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from sqlalchemy.orm import Session

    from registry.cases import Verdict
    from registry.versions import ModelVersion


@dataclass(frozen=True, slots=True, kw_only=True)
class Validation:
    """A snapshot of one result."""

    goal: str
    passed: bool
    verdicts: Sequence[Mapping[str, Any]]
    obstacles: Sequence[str]
    champion: str | None
    model_digest: str
    verdict_digest: str
    policy_digest: str
    author: str
    at: datetime

    @property
    def failed(self) -> tuple[str, ...]:
        """The codes of the gates that said no."""
        return tuple(v["code"] for v in self.verdicts if v["outcome"] == "failed")

    def to_dict(self) -> dict[str, Any]:
        """Return everything as plain JSON-ready data."""
        return {**asdict(self), "at": self.at.isoformat()}


def digest_of(verdicts: Sequence[Verdict]) -> str:
    """Return the digest of what gates said, saw and wanted: it changes when any of that does."""
    told = [verdict.to_dict() for verdict in verdicts]
    return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()


def keep(session: Session, version: ModelVersion, found: Validation, *, by: Actor) -> bool:
    """Write a result down; False when the last one for the stage said just the same.

    Raises:
        Forbidden: The actor's role may not keep results.
    """
    require(by, Action.CHECK)
    query = select(ValidationRow).filter_by(version_id=version.id, goal=found.goal)
    row = session.scalar(query.order_by(ValidationRow.id.desc()).limit(1))
    if row is not None and _same(_snapshot(row), found):
        return False
    told = asdict(found)
    session.add(ValidationRow(version_id=version.id, **told))
    session.flush()
    keys = ("goal", "passed", "champion", "model_digest", "verdict_digest", "policy_digest")
    detail = {**{key: told[key] for key in keys}, "failed": list(found.failed)}
    audit.append(session, by=by, action="check", subject=version.ref, detail=detail)
    return True


def of(session: Session, version: ModelVersion, *, limit: int = 20) -> tuple[Validation, ...]:
    """Return the latest results of a version, newest first."""
    query = select(ValidationRow).where(ValidationRow.version_id == version.id)
    rows = session.scalars(query.order_by(ValidationRow.id.desc()).limit(limit))
    return tuple(_snapshot(row) for row in rows)


def result(version: ModelVersion, found: Any, policy_digest: str, by: Actor) -> Validation:
    """Make a result of an assessment."""
    return Validation(
        goal=found.to.value,
        passed=found.passed,
        verdicts=[verdict.to_dict() for verdict in found.verdicts],
        obstacles=list(found.obstacles),
        champion=found.champion.ref if found.champion else None,
        model_digest=version.model_digest,
        verdict_digest=digest_of(found.verdicts),
        policy_digest=policy_digest,
        author=by.name,
        at=now(),
    )


def _same(one: Validation, two: Validation) -> bool:
    keys = ("verdict_digest", "policy_digest", "model_digest", "obstacles")
    return all(getattr(one, key) == getattr(two, key) for key in keys)


def _snapshot(row: ValidationRow) -> Validation:
    names = Validation.__dataclass_fields__
    return Validation(**{name: getattr(row, name) for name in names})
