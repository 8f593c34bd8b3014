"""What people said about rows: an anomaly or not, by whom and when, as entries of the audit log.

The log cannot be changed afterwards, so a label that turns out wrong is answered by a newer one.
Rows are known by a digest of their cells: no data is kept.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from registry import audit
from registry.permissions import Action, require

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy.orm import Session

    from registry.permissions import Actor
    from registry.versions import ModelVersion

ACTION = "label"
PAGE = 500


def record(
    session: Session, version: ModelVersion, said: Mapping[str, bool], *, by: Actor
) -> None:
    """Write down answers by the digests of their rows. The caller commits.

    Raises:
        Forbidden: Your role may not register versions.
    """
    require(by, Action.REGISTER)
    detail = {"labels": dict(said), "anomalies": sum(said.values())}
    audit.append(session, by=by, action=ACTION, subject=str(version), detail=detail)


def known(session: Session, name: str) -> dict[str, bool]:
    """Return every row's newest label, for all versions of a model."""
    found: dict[str, bool] = {}
    before = None
    while True:
        page = audit.log(session, model=name, action=ACTION, limit=PAGE, before=before)
        for entry in page:
            for digest, label in entry.detail["labels"].items():
                found.setdefault(digest, bool(label))
        if len(page) < PAGE:
            return found
        before = page[-1].number
