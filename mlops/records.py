"""Journey: look at what is registered."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mlops.workspace import Workspace
from registry import audit, refs, reports, requests, validations
from registry import versions as recorded

if TYPE_CHECKING:
    from registry.audit import Entry
    from registry.reports import Report
    from registry.requests import Request
    from registry.validations import Validation
    from registry.versions import ModelVersion


@dataclass(frozen=True, slots=True)
class Shown:
    """A version with everything that is known about it."""

    version: ModelVersion
    reports: tuple[Report, ...]
    history: tuple[Entry, ...]
    validations: tuple[Validation, ...] = ()
    requests: tuple[Request, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Return the version's own fields, with what is known about it beside them."""
        return {
            **self.version.to_dict(),
            "reports": self.reports,
            "validations": self.validations,
            "requests": self.requests,
            "history": self.history,
        }


def versions(
    name: str | None = None,
    *,
    limit: int = 50,
    after: str | ModelVersion | None = None,
    workspace: Workspace | None = None,
) -> list[ModelVersion]:
    """List registered versions, newest first; of all models, or of one.

    Args:
        name: Only versions of this model.
        limit: How many at most.
        after: The last version of the page before; the list goes on behind it.
        workspace: Where; by default as the settings say.

    Raises:
        BadRef: ``after`` cannot be read.
        UnknownVersion: A name was given that nobody registered, or ``after`` is none.
    """
    ws = workspace or Workspace.open()
    with ws.reading() as session:
        behind = recorded.get(session, refs.parse(str(after))).id if after else None
        found = recorded.page(session, name, limit=limit, before=behind)
        if not found and name is not None and behind is None:
            recorded.check_known(session, name)
        return list(found)


def show(ref: str | ModelVersion, *, workspace: Workspace | None = None) -> Shown:
    """Return a version with its reports, validation results, requests and history.

    Raises:
        BadRef: The reference cannot be read.
        UnknownVersion: Nothing answers to it.
    """
    ws = workspace or Workspace.open()
    with ws.reading() as session:
        version = recorded.get(session, refs.parse(str(ref)))
        return Shown(
            version,
            reports.of(session, version),
            audit.log(session, subject=version.ref),
            validations.of(session, version),
            requests.of(session, version),
        )
