"""Checks of two tables against each other: the one that was learned from, and another one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from pipelines.dataset import Kind
from pipelines.profile import values
from pipelines.profile.association import Aim, associate, view
from pipelines.profile.checks import finding_of
from pipelines.profile.facts import Severity
from pipelines.profile.found import Found, percent, quoted, rows_told
from pipelines.profile.kinds import kind_of
from pipelines.profile.whole import Rows

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import numpy.typing as npt

    from pipelines.dataset import Dataset
    from pipelines.profile.facts import Finding

    Array = npt.NDArray[Any]

SAMPLE = 5_000
TOLD_APART = 0.6
SURE = 3.5
FOLDS = 3
LEAST = 20


@dataclass(frozen=True, slots=True)
class PairCheck:
    """One row: a stable code, what it looks for in two tables, what it does to a run."""

    code: str
    title: str
    severity: Severity
    does: str
    look: Callable[[Dataset, Dataset, int], Found | None]


def rows_in_both(train: Dataset, test: Dataset, seed: int = 0) -> Found | None:  # noqa: ARG001
    """Say how many rows of the second table are in the first one too."""
    shared = [name for name in train.frame.columns if name in set(test.frame.columns)]
    if not shared or not len(train.frame) or not len(test.frame):
        return None
    rows, own = Rows(len(train.frame) + len(test.frame)), Rows(len(train.frame))
    for name in shared:
        both = pd.concat([train.frame[name], test.frame[name]], ignore_index=True)
        rows.add(values.of(both))
        own.add(values.of(train.frame[name]))
    known, asked = np.split(rows.prints, [len(train.frame)])
    same = np.flatnonzero(np.isin(asked, known))
    chance = own.by_chance(len(known) * len(asked))
    if not len(same) or len(same) <= chance + 4 * np.sqrt(chance):
        return None
    share = len(same) / len(test.frame)
    return Found(
        (),
        f"{rows_told(len(same))} of {test.name!r} ({percent(share)}) are in {train.name!r} too, "
        f"first row {same[0]}.",
        "Remove them from one of the two: a score on rows learned by heart says nothing.",
    )


def told_apart(train: Dataset, test: Dataset, seed: int = 0) -> Found | None:
    """Say that a classifier tells the two tables' rows apart, and by which columns."""
    shared = [name for name in train.features.columns if name in set(test.frame.columns)]
    left, right = (_some(d.frame[shared], seed) for d in (train, test))
    if not shared or min(len(left), len(right)) < LEAST:
        return None
    side = np.r_[np.zeros(len(left), dtype=int), np.ones(len(right), dtype=int)]
    columns = {}
    for name in shared:
        found = values.of(pd.concat([left[name], right[name]], ignore_index=True))
        if kind_of(found) not in {Kind.ID, Kind.TEXT}:
            columns[name] = found
    if not columns:
        return None
    auc, error = _separation(columns, side, seed)
    if auc < TOLD_APART or auc < 0.5 + SURE * error:
        return None
    moved = _moved(columns, side)
    return Found(
        tuple(moved),
        f"A classifier tells {test.name!r} from {train.name!r} (AUC {auc:.2f}); "
        f"what changed most: {quoted(moved)}.",
        "Find out what changed. A model of the first table may be wrong on the second.",
    )


def _some(frame: pd.DataFrame, seed: int) -> pd.DataFrame:
    return frame if len(frame) <= SAMPLE else frame.sample(SAMPLE, random_state=seed)


def _separation(columns: dict[str, values.Values], side: Array, seed: int) -> tuple[float, float]:
    """Return the cross-validated AUC of telling the sides apart, and its error under chance."""
    from sklearn.ensemble import ExtraTreesClassifier
    from sklearn.metrics import roc_auc_score
    from sklearn.model_selection import StratifiedKFold, cross_val_predict

    grid = np.column_stack([_as_numbers(found) for found in columns.values()])
    forest = ExtraTreesClassifier(
        100, min_samples_leaf=5, max_features=0.5, random_state=seed, n_jobs=1
    )
    folds = StratifiedKFold(FOLDS, shuffle=True, random_state=seed)
    odds = cross_val_predict(forest, grid, side, cv=folds, method="predict_proba")[:, 1]
    ones = int(side.sum())
    zeros = len(side) - ones
    error = np.sqrt((len(side) + 1) / (12 * ones * zeros))
    return float(roc_auc_score(side, odds)), float(error)


def _as_numbers(found: values.Values) -> Array:
    """Return ranks of numbers, and levels ordered by frequency; missing values come last."""
    numbers: Array
    if found.is_text:
        place = np.empty(len(found.counts) + 1)
        place[np.argsort(-found.counts, kind="stable")] = np.arange(len(found.counts))
        place[-1] = len(found.counts)
        numbers = place[found.codes]
    else:
        numbers = np.nan_to_num(found.numbers.astype(float), nan=np.nan, posinf=1e30, neginf=-1e30)
        known = numbers[~found.missing]
        if len(known):
            numbers = np.searchsorted(np.sort(known), numbers).astype(float)
        numbers[found.missing] = len(numbers)
    return numbers


def _moved(columns: dict[str, values.Values], side: Array) -> list[str]:
    """Return the columns that differ most between the sides, the strongest first."""
    aim = Aim(side, n_classes=2)
    rows = np.arange(len(side))
    strength = {}
    for name, found in columns.items():
        told = associate(view(found, rows), aim)
        gone = np.abs(found.missing[side == 0].mean() - found.missing[side == 1].mean())
        strength[name] = max(told.get("value", 0.0), float(gone))
    ordered = sorted(strength, key=lambda name: -strength[name])
    notable = [name for name in ordered if strength[name] >= 0.1]
    return (notable or ordered)[:5]


PAIR_CHECKS: Sequence[PairCheck] = (
    PairCheck(
        "D050",
        "rows in both tables",
        Severity.ADVICE,
        "Rows of the second table that are in the first are counted.",
        rows_in_both,
    ),
    PairCheck(
        "D051",
        "drift between tables",
        Severity.ADVICE,
        "The columns by which a classifier tells the tables apart are named.",
        told_apart,
    ),
)


def compare(train: Dataset, test: Dataset, *, seed: int = 0) -> tuple[Finding, ...]:
    """Ask every check that concerns two tables.

    >>> from pipelines.dataset import Dataset
    >>> from pipelines.task import Task
    >>> one = Dataset("one", pd.DataFrame({"x": np.arange(40) / 3}), Task.ANOMALY)
    >>> [finding.code for finding in compare(one, one)]
    ['D050']
    """
    findings = []
    for check in PAIR_CHECKS:
        found = check.look(train, test, seed)
        if found is not None:
            findings.append(finding_of(check, found))
    return tuple(findings)
