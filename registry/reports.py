"""Reports of a version: where each lies, its digest, and what it says in short."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import select

from registry import audit, db, outbox
from registry.permissions import Action, Actor, require
from registry.tables import ReportRow, now

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from sqlalchemy.orm import Session

    from registry.versions import ModelVersion

SECTIONS = ("local", "global", "cohort")
"""What a report that explains a model must have."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """A snapshot of one attached report."""

    kind: str
    """shap, lime, profile, ..."""
    digest: str
    uri: str
    schema: str
    summary: Mapping[str, Any]
    """For shap and lime: ``{"sections": {"local": {"state": "exact"}, "global": ...}}``."""
    author: str
    at: datetime

    def to_dict(self) -> dict[str, Any]:
        """Return everything as plain JSON-ready data."""
        return {**asdict(self), "at": self.at.isoformat()}


def attach(  # noqa: PLR0913 - the fields of one report, all named at the call
    session: Session,
    version: ModelVersion,
    *,
    kind: str,
    digest: str,
    uri: str,
    schema: str,
    summary: Mapping[str, Any],
    by: Actor,
) -> Report:
    """Attach a report to a version. Attaching the same one again changes nothing.

    Args:
        session: A session for writing; the caller commits.
        version: What the report is about.
        kind: shap, lime, profile, ...
        digest: Of the report's bytes.
        uri: Where it lies.
        schema: The version of its form.
        summary: What it says in short, as plain data; the gates look at ``sections``.
        by: Who stands behind it.

    Raises:
        Forbidden: The actor's role may not attach reports.
    """
    require(by, Action.REPORT)
    db.lock(session, version.name)
    same = {"version_id": version.id, "kind": kind, "digest": digest}
    known = session.scalar(select(ReportRow).filter_by(**same))
    if known is not None:
        return _snapshot(known)
    row = ReportRow(
        **same, uri=uri, schema=schema, summary=dict(summary), author=by.name, at=now()
    )
    session.add(row)
    session.flush()
    told = {"kind": kind, "digest": digest, "uri": uri, "schema": schema}
    audit.append(session, by=by, action="attach report", subject=version.ref, detail=told)
    outbox.add(session, version.name, "report", {"ref": version.ref, **told})
    return _snapshot(row)


def of(session: Session, version: ModelVersion) -> tuple[Report, ...]:
    """Return the reports of a version, oldest first."""
    query = select(ReportRow).where(ReportRow.version_id == version.id).order_by(ReportRow.id)
    return tuple(_snapshot(row) for row in session.scalars(query))


def _snapshot(row: ReportRow) -> Report:
    return Report(
        kind=row.kind,
        digest=row.digest,
        uri=row.uri,
        schema=row.schema,
        summary=row.summary,
        author=row.author,
        at=row.at,
    )
