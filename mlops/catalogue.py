"""Journey: look at what a search can choose from."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from pipelines.algorithms import catalogue
from pipelines.errors import BadSetting, close_matches, listed
from pipelines.task import Task

if TYPE_CHECKING:
    from pipelines.algorithms import Algorithm


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One algorithm, as plain data."""

    key: str
    title: str
    task: str
    library: str
    installed: bool
    extra: str | None
    """What to install it with: ``mlops-platform[extra]``."""
    needs: tuple[str, ...]
    """What is done to the columns for it."""
    most_rows: int | None
    most_columns: int | None
    most_classes: int | None
    tunes: tuple[str, ...]
    default: dict[str, Any]
    configurations: int
    """How many known-good ones are tried before any is drawn."""
    only_for: str
    explained: str
    sample: int | None
    """Of more rows than these it learns from so many."""
    complexity: str
    """How its cost grows, where that is told."""
    standby: bool
    """It takes part only when it is named."""
    pickled: bool
    """A version of it is saved by cloudpickle, not skops, where that is known beforehand."""

    def to_dict(self) -> dict[str, Any]:
        """Return everything as plain data."""
        return asdict(self)


def algorithms(task: str | None = None) -> list[Entry]:
    """List the catalogue, of one task or of all.

    Raises:
        BadSetting: There is no such task.
    """
    rows = catalogue()
    known = sorted({str(row.task) for row in rows})
    if task is not None and task not in known:
        near = close_matches(task, known).strip()
        raise BadSetting("--task", task, f"{near} There are: {listed(known)}.".strip())
    return [_entry(row) for row in rows if task in (None, str(row.task))]


def _entry(row: Algorithm) -> Entry:
    return Entry(
        key=row.key,
        title=row.title,
        task=str(Task(row.task)),
        library=row.target.partition(":")[0].partition(".")[0],
        installed=row.installed,
        extra=row.extra,
        needs=tuple(sorted(row.needs)),
        most_rows=row.limits.rows,
        most_columns=row.limits.columns,
        most_classes=row.limits.classes,
        tunes=tuple(row.space) if row.tuned else (),
        default=dict(row.default),
        configurations=len(row.portfolio),
        only_for=row.only_for,
        explained=row.explain_with,
        sample=row.limits.sample,
        complexity=row.complexity,
        standby=row.standby,
        pickled=row.pickled,
    )
