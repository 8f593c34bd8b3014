"""Checks for leaks: columns that know the answer, which nobody will have when it is asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pipelines.dataset import Kind
from pipelines.profile.alone import alone
from pipelines.profile.association import Aim, view_of
from pipelines.profile.column_checks import keep_hint
from pipelines.profile.found import Found, percent
from pipelines.task import Task

if TYPE_CHECKING:
    import numpy.typing as npt

    from pipelines.profile.alone import Alone
    from pipelines.profile.association import View
    from pipelines.profile.evidence import Evidence
    from pipelines.profile.facts import Column

    Array = npt.NDArray[np.generic]

PERFECT_SAVED = 0.97
PERFECT_AUC = 0.998
PERFECT_R2 = 0.99
STRONG_SAVED = 0.9
STRONG_AUC = 0.98
STRONG_R2 = 0.95
FEW_ANOMALIES = 50
"""So few labelled anomalies, mostly the strangest rows, are told by any good column."""
AFTER = 0.95
LATE_SAVED = 0.7
LATE_AUC = 0.93


def copy_of_target(evidence: Evidence) -> Found | None:
    """Say which columns are the target under another name."""
    found = [c for c in evidence.features if _copies(c, evidence)]
    if not found:
        return None
    names = tuple(c.name for c in found)
    goal = evidence.dataset.target
    told = ", ".join(repr(name) for name in names[:8])
    be = "is" if len(names) == 1 else "are"
    return Found(
        names,
        f"{told} {be} the target {goal!r} under another name: each value stands for one of its.",
        f"Left out, for it would not be known when {goal!r} is asked for. {keep_hint(names)}",
        drops=names,
    )


def _copies(column: Column, evidence: Evidence) -> bool:
    told = evidence.alone.get(column.name)
    return told is not None and told.same and column.distinct > 1


def nearly_perfect(evidence: Evidence) -> Found | None:
    """Say which columns predict the target nearly without error, all by themselves."""
    found = [
        c
        for c in evidence.features
        if (told := evidence.alone.get(c.name)) and not told.same and _perfect(told, evidence)
    ]
    if not found:
        return None
    names = tuple(c.name for c in found)
    told_all = ", ".join(_how(c.name, evidence) for c in found[:8])
    goal = evidence.dataset.target
    return Found(
        names,
        f"{told_all}: so good a column is mostly made from {goal!r}.",
        f"Left out, for it would not be known when {goal!r} is asked for. {keep_hint(names)}",
        drops=names,
    )


def _perfect(told: Alone, evidence: Evidence) -> bool:
    if _few(evidence):
        return False
    if evidence.dataset.task is Task.REGRESSION:
        return told.saved >= PERFECT_R2
    return told.saved >= PERFECT_SAVED or (told.auc or 0) >= PERFECT_AUC


def _few(evidence: Evidence) -> bool:
    """Say whether anomalies are looked for and few are labelled: then nothing is called a leak."""
    labels = evidence.dataset.labels
    if evidence.dataset.task is not Task.ANOMALY or labels is None:
        return False
    return int(labels.value_counts().min()) <= FEW_ANOMALIES


def _how(name: str, evidence: Evidence) -> str:
    told = evidence.alone[name]
    if told.auc is None:
        return f"{name!r} alone explains {percent(told.saved)} of the target's variance"
    return f"{name!r} alone reaches AUC {told.auc:.4f} and avoids {percent(told.saved)} of errors"


def suspiciously_strong(evidence: Evidence) -> Found | None:
    """Say which columns are so strong alone that somebody should ask when they become known."""
    found = [
        c
        for c in evidence.features
        if (told := evidence.alone.get(c.name)) and not told.same and _strong(told, evidence)
    ]
    if not found:
        return None
    names = tuple(c.name for c in found)
    return Found(
        names,
        f"{', '.join(_how(n, evidence) for n in names[:8])}.",
        "Ask when the value becomes known. If only afterwards, remove the column; if before, "
        "all is well.",
    )


def _strong(told: Alone, evidence: Evidence) -> bool:
    if _perfect(told, evidence):
        return False
    if evidence.dataset.task is Task.REGRESSION:
        return told.saved >= STRONG_R2
    return told.saved >= STRONG_SAVED or (told.auc or 0) >= STRONG_AUC


def known_too_late(evidence: Evidence) -> Found | None:
    """Say which dates come after the row's own date and tell the target by how, or whether."""
    dates = [c for c in evidence.features if c.kind is Kind.DATE and c.distinct > 1]
    if evidence.aim is None or not evidence.alone or len(dates) < 2 or _few(evidence):
        return None
    found: dict[str, str] = {}
    for late in dates:
        for early in dates:
            told = _tells_afterwards(early.name, late.name, evidence, evidence.aim)
            if told:
                found[late.name] = told
                break
    if not found:
        return None
    names = tuple(found)
    return Found(
        names,
        f"{', '.join(found.values())}.",
        f"Left out: it is known only after the fact. {keep_hint(names)}",
        drops=names,
    )


def _tells_afterwards(early: str, late: str, evidence: Evidence, aim: Aim) -> str:
    first, second = evidence.views[early], evidence.views[late]
    if early == late or first.numbers is None or second.numbers is None or first.missing.any():
        return ""
    both = ~second.missing
    if both.sum() < 10:
        return ""
    gap = second.numbers - first.numbers
    after = float(np.mean(gap[both] >= 0))
    if after < AFTER or float(np.mean(gap[both] > 0)) < 0.5:
        return ""
    rows = np.flatnonzero(evidence.aimed)
    view = view_of(np.where(both, gap, np.nan)[rows])
    told = _best_alone(view, aim)
    if told.saved < LATE_SAVED and (told.auc or 0) < LATE_AUC:
        return ""
    return (
        f"{late!r} lies after {early!r} in {percent(after)} of the rows that have it, and whether "
        f"or how long after tells {percent(max(told.saved, 0))} of {evidence.dataset.target!r}"
    )


def _best_alone(view: View, aim: Aim) -> Alone:
    """A date may tell one class only, from all the others: the best of them counts."""
    halves = np.arange(aim.rows) % 2 == 0
    if aim.codes is None or aim.n_classes == 2:
        return alone(view, aim, halves)
    often = np.bincount(aim.codes, minlength=aim.n_classes)
    told = [
        alone(view, Aim((aim.codes == label).astype(np.int64), n_classes=2), halves)
        for label in np.flatnonzero(often >= 10)[:20]
    ]
    return max(told, key=lambda one: one.saved, default=alone(view, aim, halves))
