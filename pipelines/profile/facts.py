"""What a profile says, as plain data: columns, findings, the whole table."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pipelines.dataset import Conversion, Kind
    from pipelines.task import Task


class Severity(StrEnum):
    """What a finding does to a run."""

    STOP = "stop"
    CHANGE = "change"
    ADVICE = "advice"


@dataclass(frozen=True, slots=True)
class Finding:
    """What one coded check found. ``drops`` names the columns the run leaves out because of it."""

    code: str
    title: str
    severity: Severity
    columns: tuple[str, ...]
    reason: str
    remedy: str
    drops: tuple[str, ...] = ()

    def __str__(self) -> str:
        """Return the finding as one line."""
        return f"{self.code} {self.title}: {self.reason} {self.remedy}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One column: its kind and its numbers. ``numbers`` holds what only some kinds have."""

    name: str
    kind: Kind
    dtype: str
    missing: int
    distinct: int
    examples: tuple[str, ...] = ()
    numbers: Mapping[str, Any] = field(default_factory=dict)
    """mean, std, min, q25, median, q75, max, outliers; top values; histogram bins and counts."""
    association: Mapping[str, Any] = field(default_factory=dict)
    """With the target: measure, value, test, p_value."""


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Profile:
    """A table's columns and findings. ``table`` holds what concerns the whole of it."""

    name: str
    task: Task
    target: str | None
    rows: int
    digest: str
    columns: tuple[Column, ...]
    findings: tuple[Finding, ...]
    conversions: tuple[Conversion, ...] = ()
    table: Mapping[str, Any] = field(default_factory=dict)
    """duplicates, correlations, missingness patterns, balance, drift; 'sampled' when it was."""
    kept: tuple[str, ...] = ()
    """Columns that a finding would drop, kept because somebody asked (``--keep``)."""

    @property
    def drops(self) -> dict[str, Finding]:
        """The columns a run leaves out, each with the finding that says why."""
        found: dict[str, Finding] = {}
        for finding in self.findings:
            for column in finding.drops:
                if column not in self.kept:
                    found.setdefault(column, finding)
        return found

    @property
    def stops(self) -> tuple[Finding, ...]:
        """The findings that forbid a run."""
        return tuple(f for f in self.findings if f.severity is Severity.STOP)

    def __repr__(self) -> str:
        """Return the size of the table and what was found in it."""
        told = [f"{self.name}: {self.rows:,} rows x {len(self.columns):,} columns"]
        return "\n".join([*told, *(f"  {finding}" for finding in self.findings)])

    def column(self, name: str) -> Column:
        """Return one column by its name."""
        return next(column for column in self.columns if column.name == name)

    def to_dict(self) -> dict[str, Any]:
        """Return everything as plain JSON-ready data, with the schema's number."""
        return {"schema": 1, **asdict(self), "drops": {c: f.code for c, f in self.drops.items()}}
