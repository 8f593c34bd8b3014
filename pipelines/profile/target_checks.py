"""Checks of the target: is there an answer to learn, and enough of each?"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from pipelines.profile.facts import Severity
from pipelines.profile.found import Found, percent, quoted, rows_told
from pipelines.task import Task

if TYPE_CHECKING:
    from pipelines.profile.evidence import Evidence

FEWEST_ROWS = 20
FEW_PER_CLASS = 5
RARE_ROWS = 10
RARE_SHARE = 0.01
IMBALANCE = 10.0
FEW_VALUES = 10


def _goal(evidence: Evidence) -> tuple[str, pd.Series] | None:
    name, labels = evidence.dataset.target, evidence.dataset.labels
    return None if name is None or labels is None else (name, labels)


def _unknown(labels: pd.Series) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    gone = labels.isna().to_numpy(dtype=bool)
    if labels.dtype == np.float64:
        gone = gone | np.isinf(labels.to_numpy())
    return gone


def _counts(evidence: Evidence) -> dict[str, int]:
    return dict(evidence.table["balance"])


def too_few_rows(evidence: Evidence) -> Found | None:
    """Say that there are too few rows to learn from and to check on."""
    rows = len(evidence.dataset.frame)
    if rows >= FEWEST_ROWS:
        return None
    return Found(
        (),
        f"There {'is' if rows == 1 else 'are'} {rows_told(rows) if rows else 'no rows'}; "
        f"fewer than {FEWEST_ROWS} cannot be split into rows to learn from and rows to check on.",
        "Gather more rows.",
    )


def target_missing(evidence: Evidence) -> Found | None:
    """Say how many rows have no answer, and that they are left out."""
    goal = _goal(evidence)
    if goal is None or not len(goal[1]):
        return None
    name, labels = goal
    gone = _unknown(labels)
    count = int(gone.sum())
    if not count:
        return None
    first = int(np.flatnonzero(gone)[0])
    share = count / len(labels)
    infinite = count - int(labels.isna().sum())
    how = "missing or infinite" if infinite else "missing"
    reason = (
        f"{name!r} is {how} in {rows_told(count)} of {len(labels):,} ({percent(share)}), "
        f"first in row {first}"
    )
    if share > 0.5:
        return Found(
            (name,),
            f"{reason}: more than half.",
            "Check that this is the column to predict, or give only the rows that have it.",
            severity=Severity.STOP,
        )
    return Found((name,), f"{reason}.", "Those rows are left out: there is no answer to learn.")


def target_constant(evidence: Evidence) -> Found | None:
    """Say that there is only one answer."""
    goal = _goal(evidence)
    if goal is None or not len(goal[1]):
        return None
    name, labels = goal
    known = labels[~_unknown(labels)]
    if not len(known) or known.nunique() > 1:
        return None
    return Found(
        (name,),
        f"{name!r} is {known.iloc[0]!s} in all {len(known):,} rows that have it.",
        "Give rows with another answer too, or search for anomalies: --task anomaly.",
    )


def target_not_a_number(evidence: Evidence) -> Found | None:
    """Say that a regression was asked for on a column that is not a number."""
    goal = _goal(evidence)
    if goal is None or evidence.dataset.task is not Task.REGRESSION:
        return None
    name, labels = goal
    numeric = pd.api.types.is_numeric_dtype(labels) and labels.dtype != bool
    if numeric and not pd.api.types.is_bool_dtype(labels):
        return None
    example = next((repr(str(v)) for v in labels.dropna().head(1)), "nothing")
    return Found(
        (name,),
        f"{name!r} holds {labels.dtype} (as {example}); a regression predicts a number.",
        f"Give --task classification, or --type {name}=number if it is one in disguise.",
    )


def _classes(evidence: Evidence) -> tuple[str, dict[str, int]] | None:
    counts = _counts(evidence)
    if evidence.dataset.target is None or len(counts) < 2:
        return None
    return evidence.dataset.target, counts


def single_row_class(evidence: Evidence) -> Found | None:
    """Say which classes have a single row, which no split can learn from and check."""
    goal = _goal(evidence)
    if goal is None or _classes(evidence) is None or _is_scattered(evidence):
        return None
    name, labels = goal
    counts = labels.value_counts()
    lonely = list(counts[counts == 1].index)
    if not lonely:
        return None
    row = int(np.flatnonzero((labels == lonely[0]).to_numpy(dtype=bool, na_value=False))[0])
    alone = len(lonely) == 1
    which = f"class {str(lonely[0])!r} has" if alone else f"the classes {quoted(lonely)} have"
    return Found(
        (name,),
        f"In {name!r}, {which} a single row (row {row}{'' if alone else ' and others'}): "
        "it cannot be both learned and checked.",
        "Merge it with another class, remove the row, or gather more of it.",
    )


def rare_classes(evidence: Evidence) -> Found | None:
    """Say which classes have so few rows that their metrics mean little."""
    told = _classes(evidence)
    if told is None or _is_scattered(evidence):
        return None
    name, counts = told
    total = sum(counts.values())
    rare = {c: n for c, n in counts.items() if n > 1 and (n < RARE_ROWS or n < RARE_SHARE * total)}
    if not rare:
        return None
    listed = quoted(f"{label}: {rows_told(rows)}" for label, rows in rare.items())
    return Found(
        (name,),
        f"Rare classes in {name!r}: {listed}.",
        "Scores of so few rows are mostly luck: gather more of them, or merge them.",
    )


def imbalance(evidence: Evidence) -> Found | None:
    """Say that one class outweighs another so far that accuracy misleads."""
    told = _classes(evidence)
    if told is None or _is_scattered(evidence):
        return None
    name, counts = told
    (most, many), (least, few) = max(counts.items(), key=_size), min(counts.items(), key=_size)
    if many < IMBALANCE * few:
        return None
    return Found(
        (name,),
        f"In {name!r}, {most!r} has {many:,} rows and {least!r} {few:,}: {many / few:.3g} to 1.",
        "Judge by average_precision or roc_auc, not by accuracy: always answering "
        f"{most!r} is right in {percent(many / sum(counts.values()))}.",
    )


def _size(item: tuple[str, int]) -> int:
    return item[1]


def _is_scattered(evidence: Evidence) -> bool:
    counts = _counts(evidence)
    return len(counts) > 2 and sum(counts.values()) < FEW_PER_CLASS * len(counts)


def too_many_classes(evidence: Evidence) -> Found | None:
    """Say that the classes have too few rows each: the target is a number, an id or free text."""
    told = _classes(evidence)
    if told is None or not _is_scattered(evidence):
        return None
    name, counts = told
    known = sum(counts.values())
    return Found(
        (name,),
        f"{name!r} has {len(counts):,} classes in {known:,} rows, "
        f"{known / len(counts):.2g} rows each on average; {FEW_PER_CLASS} are the least.",
        "If it is a number, give --task regression; else group the classes, or choose another "
        "target.",
    )


def few_values(evidence: Evidence) -> Found | None:
    """Say that a regression's target has so few values that they may be classes."""
    target = evidence.target
    if target is None or evidence.dataset.task is not Task.REGRESSION:
        return None
    rows = len(evidence.dataset.frame)
    if not 2 <= target.distinct <= FEW_VALUES or rows < 10 * target.distinct:
        return None
    return Found(
        (target.name,),
        f"{target.name!r} has only {target.distinct} different values in {rows:,} rows.",
        "If they are classes, give --task classification.",
    )
