"""The coded checks: one row each, in the order in which they are asked.

A check looks at the evidence and returns what it found, or ``None``. Its code is stable: it is
never given to another question. What a finding does to a run is its severity: ``stop`` forbids
it, ``change`` alters the plan and says so, ``advice`` leaves everything as it is. Columns that a
finding leaves out are not looked at again by the checks after it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol

from pipelines.profile import column_checks, leak_checks, row_checks, target_checks
from pipelines.profile.facts import Finding, Severity
from pipelines.profile.found import quoted

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pipelines.profile.evidence import Evidence
    from pipelines.profile.found import Found

STOP, CHANGE, ADVICE = Severity.STOP, Severity.CHANGE, Severity.ADVICE


@dataclass(frozen=True, slots=True)
class Check:
    """One row: a stable code, what it looks for, what it does to the run."""

    code: str
    title: str
    severity: Severity
    does: str
    look: Callable[[Evidence], Found | None]


class Coded(Protocol):
    """What every row of checks has, of one table or of two."""

    @property
    def code(self) -> str:
        """The stable code."""

    @property
    def title(self) -> str:
        """What it looks for."""

    @property
    def severity(self) -> Severity:
        """What it does to a run."""


CHECKS: Sequence[Check] = (
    Check(
        "D001",
        "too few rows",
        STOP,
        "Fewer than 20 rows stop the run.",
        target_checks.too_few_rows,
    ),
    Check(
        "D002",
        "target missing",
        CHANGE,
        "Rows without an answer are left out; more than half of them stop the run.",
        target_checks.target_missing,
    ),
    Check(
        "D003",
        "constant target",
        STOP,
        "One single answer stops the run.",
        target_checks.target_constant,
    ),
    Check(
        "D004",
        "target is not a number",
        STOP,
        "A regression on text, dates or booleans stops.",
        target_checks.target_not_a_number,
    ),
    Check(
        "D005",
        "too few rows per class",
        STOP,
        "Fewer than 5 rows a class on average stop the run.",
        target_checks.too_many_classes,
    ),
    Check(
        "D006",
        "class with a single row",
        STOP,
        "A class that cannot be both learned and checked stops the run.",
        target_checks.single_row_class,
    ),
    Check(
        "D007",
        "rare classes",
        ADVICE,
        "Classes below 10 rows or 1 % are named.",
        target_checks.rare_classes,
    ),
    Check(
        "D008",
        "imbalance",
        ADVICE,
        "Ten to one between the largest and the smallest class is named.",
        target_checks.imbalance,
    ),
    Check(
        "D009",
        "few target values",
        ADVICE,
        "A regression's target with at most 10 values may be classes.",
        target_checks.few_values,
    ),
    Check(
        "D010",
        "constant column",
        CHANGE,
        "The column is left out.",
        column_checks.constant,
    ),
    Check(
        "D011",
        "infinite values",
        CHANGE,
        "Infinities are read as missing.",
        column_checks.infinite,
    ),
    Check(
        "D012",
        "mixed types",
        ADVICE,
        "The column is used as the text it is.",
        column_checks.mixed_types,
    ),
    Check(
        "D013",
        "mostly missing",
        ADVICE,
        "Columns that are empty in 95 % of the rows are named.",
        column_checks.mostly_missing,
    ),
    Check(
        "D020",
        "copy of the target",
        CHANGE,
        "The column is left out.",
        leak_checks.copy_of_target,
    ),
    Check(
        "D021",
        "leaks the target",
        CHANGE,
        "A column that alone is nearly perfect is left out.",
        leak_checks.nearly_perfect,
    ),
    Check(
        "D022",
        "known too late",
        CHANGE,
        "A date after the fact that tells the target is left out.",
        leak_checks.known_too_late,
    ),
    Check(
        "D023",
        "suspiciously strong column",
        ADVICE,
        "A column that alone is very good is named.",
        leak_checks.suspiciously_strong,
    ),
    Check(
        "D030",
        "groups",
        ADVICE,
        "A split in groups is proposed by the entity's column.",
        row_checks.groups,
    ),
    Check(
        "D031",
        "time order",
        ADVICE,
        "A split in time is proposed by the date's column.",
        row_checks.time_order,
    ),
    Check(
        "D032",
        "drift along the rows",
        ADVICE,
        "Columns that change from the first rows to the last are named.",
        row_checks.drift_along_rows,
    ),
    Check(
        "D033",
        "duplicate rows",
        ADVICE,
        "Rows that repeat an earlier one are counted.",
        row_checks.duplicate_rows,
    ),
    Check(
        "D040",
        "id-like column",
        CHANGE,
        "The column is left out.",
        column_checks.id_like,
    ),
    Check(
        "D041",
        "near-duplicate columns",
        CHANGE,
        "The later one of each pair is left out.",
        column_checks.near_duplicates,
    ),
    Check(
        "D042",
        "high cardinality",
        ADVICE,
        "Categories whose levels are hardly ever seen are named.",
        column_checks.high_cardinality,
    ),
    Check(
        "D049",
        "nothing to learn from",
        STOP,
        "A table without a usable column stops the run.",
        column_checks.nothing_left,
    ),
)


def examine(evidence: Evidence) -> tuple[Finding, ...]:
    """Ask every check; what one leaves out, the ones after it no longer see."""
    findings: list[Finding] = []
    for check in CHECKS:
        found = check.look(evidence)
        if found is None:
            continue
        findings.append(finding_of(check, found, evidence.kept))
        gone = set(found.drops) - set(evidence.kept)
        evidence = replace(evidence, left_out=evidence.left_out | gone)
    return tuple(findings)


def finding_of(check: Coded, found: Found, kept: Sequence[str] = ()) -> Finding:
    """Return a check's row and what it found as one finding; say so where a column is kept."""
    stays = [name for name in found.drops if name in kept]
    remedy = found.remedy
    if stays:
        others = "" if len(stays) == len(found.drops) else f" {remedy}"
        remedy = f"Used all the same, as asked: {quoted(stays)}.{others}"
    return Finding(
        code=check.code,
        title=check.title,
        severity=found.severity or check.severity,
        columns=found.columns,
        reason=found.reason,
        remedy=remedy,
        drops=found.drops,
    )
