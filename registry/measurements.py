"""What was measured on a version, and against what, so that nobody has to measure it twice.

A measurement is found again by its kind and by the digest of everything that went into it: the
same model against another champion, or under another margin, is another measurement.
"""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

from sqlalchemy import select

from registry import audit
from registry.permissions import Action, Actor, require
from registry.tables import MeasurementRow, now

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy.orm import Session

    from registry.versions import ModelVersion


def key_of(inputs: Any) -> str:
    """Return the digest of what goes into a measurement, as JSON-ready data.

    >>> key_of({"champion": "sha256:1"})[:8]
    '88b94738'
    """
    return hashlib.sha256(json.dumps(inputs, sort_keys=True).encode()).hexdigest()


def find(
    session: Session, version: ModelVersion, wanted: Mapping[str, str]
) -> dict[str, Mapping[str, Any]]:
    """Return what is known already, by kind.

    Args:
        session: Any session; nothing is written.
        version: What was measured.
        wanted: By kind, the digest of what goes into it.
    """
    query = select(MeasurementRow).where(
        MeasurementRow.version_id == version.id, MeasurementRow.kind.in_(wanted)
    )
    rows = session.scalars(query)
    return {row.kind: row.found for row in rows if wanted[row.kind] == row.against}


def keep(
    session: Session, version: ModelVersion, kind: str, against: str, found: Mapping[str, Any],
    *, by: Actor,
) -> None:  # fmt: skip
    """Write down what was measured. Measuring the same again changes nothing.

    Raises:
        Forbidden: The actor's role may not keep results.
    """
    require(by, Action.CHECK)
    same = {"version_id": version.id, "kind": kind, "against": against}
    if session.scalar(select(MeasurementRow.id).filter_by(**same)) is not None:
        return
    session.add(MeasurementRow(**same, found=dict(found), author=by.name, at=now()))
    session.flush()
    detail = {"kind": kind, "against": against, "found": dict(found)}
    audit.append(session, by=by, action="measure", subject=version.ref, detail=detail)
