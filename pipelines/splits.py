"""Which rows are learned from and which are kept apart: positions only, never copies of rows.

Splits hold for every table, however small: a class too rare to be in every part is spread as far
as it goes, and rows are never on both sides.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from sklearn.model_selection import GroupKFold

from pipelines.errors import BadSetting, UnknownColumn
from pipelines.task import Task

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike

    from pipelines.dataset import Dataset

Positions = tuple[np.ndarray, np.ndarray]
"""Sorted positions to learn from and to judge on."""

VALID_WORDS = frozenset({"valid", "validation", "val", "dev"})
TEST_WORDS = (
    frozenset({"test", "holdout", "hold-out"}),
    VALID_WORDS,
    frozenset({"true", "1", "1.0"}),
)
"""Marks of the rows kept apart: the first kind that occurs."""
MOST_PARTS = 20
"""A column with more marks than this names no folds."""
BINS = 10
"""Numbers are spread by tenths, so that each part has its share of the largest."""


def holdout(
    dataset: Dataset,
    *,
    seed: int,
    share: float = 0.2,
    groups: str | None = None,
    time: str | None = None,
    column: str | None = None,
) -> Positions:
    """Keep a share of the rows apart, for judging what was chosen without them.

    Rows are drawn class by class. With ``groups`` all rows of a group stay on one side; with
    ``time`` the last rows are kept; ``column`` says itself which rows ("test", "holdout", true).

    Raises:
        BadSetting: The share leaves no rows on one side, or two ways are asked for at once.
        UnknownColumn: The table has no such column.
    """
    rows = len(dataset.frame)
    check(dataset, [name for name in (groups, time, column) if name is not None])
    if not 0 < share < 1 or rows < 2:
        raise BadSetting(
            "The share kept apart", share, f"It lies between 0 and 1, of 2 rows or more ({rows})."
        )
    if column is not None:
        test = _predefined(dataset.frame[column])
    elif time is not None:
        test = _last(dataset.frame[time], share)
    elif groups is not None:
        test = _whole_groups(dataset.frame[groups], share, seed)
    else:
        test = _drawn(_strata(dataset.labels, dataset.task, rows), share, seed)
    return _sides(test, rows)


def check(dataset: Dataset, asked: Sequence[str]) -> None:
    """See that at most one column says how to split, that it is there and not the target.

    Raises:
        BadSetting: Two columns are named, or the target.
        UnknownColumn: The table has no such column.
    """
    for name in asked:
        if name not in dataset.frame:
            raise UnknownColumn(name, list(map(str, dataset.frame.columns)))
        if name == dataset.target:
            raise BadSetting("A split", name, "The target cannot say how to split. Name another.")
    if len(asked) > 1:
        raise BadSetting("A split", " and ".join(asked), "Give groups, time or column, not two.")


def folds(  # noqa: PLR0913 - each says another thing about the rows
    labels: ArrayLike | int,
    *,
    task: Task,
    n: int,
    seed: int,
    repeats: int = 1,
    groups: ArrayLike | None = None,
    time: ArrayLike | None = None,
    marks: ArrayLike | None = None,
) -> list[Positions]:
    """Return the parts of a cross-validation, as positions to learn from and to judge on.

    Classes are spread evenly; there are as many folds as rows (or groups) allow. With ``time``
    each fold is judged on rows later than all it learned from. With ``marks`` the rows marked
    as validation are the one fold, or else each mark is one, unless all rows have the same.
    Where there are no labels, the number of rows stands for them.

    Raises:
        BadSetting: There are fewer than two rows, groups or folds.
    """
    known = None if isinstance(labels, int) else pd.Series(np.asarray(labels))
    count = labels if isinstance(labels, int) else len(np.asarray(labels))
    if n < 2 or repeats < 1:
        raise BadSetting("The number of folds", n, "Give 2 or more, and 1 or more repeats.")
    if count < 2:
        raise BadSetting("Folds", count, "They need 2 rows or more.")
    if time is not None:
        return _forward(pd.Series(np.asarray(time)), n)
    if marks is not None and (marked := _marked(pd.Series(np.asarray(marks)))):
        return marked
    strata = _strata(known, task, count)
    found: list[Positions] = []
    for repeat in range(repeats):
        if groups is not None:
            parts = _group_parts(np.asarray(groups), n, seed + repeat)
        else:
            parts = _dealt(strata, min(n, count), seed + repeat)
        found += [_sides(np.flatnonzero(parts == at), count) for at in range(parts.max() + 1)]
    return found


def _sides(test: np.ndarray, rows: int) -> Positions:
    """Return both sides as sorted positions."""
    kept = np.zeros(rows, dtype=bool)
    kept[test] = True
    return np.flatnonzero(~kept), np.flatnonzero(kept)


def _strata(labels: pd.Series | None, task: Task, rows: int) -> np.ndarray:
    """Return each row's stratum: its class, or its tenth of the values."""
    if labels is None:
        return np.zeros(rows, dtype=int)
    if task is not Task.REGRESSION:
        return pd.factorize(labels, use_na_sentinel=False)[0]
    values = pd.to_numeric(labels, errors="coerce").to_numpy(dtype=float, na_value=np.nan)
    bins = max(1, min(BINS, rows // 20))
    places = np.argsort(np.argsort(values, kind="stable"), kind="stable")
    return places * bins // rows


def _drawn(strata: np.ndarray, share: float, seed: int) -> np.ndarray:
    """Draw a share of each stratum; a class with one row is learned from."""
    draw = np.random.default_rng(seed)
    chosen, owed = [], 0.0
    for stratum in np.unique(strata):
        members = draw.permutation(np.flatnonzero(strata == stratum))
        owed += share * len(members)
        most = len(members) - 1
        least = 1 if len(members) >= 1 / share else 0
        take = int(np.clip(round(owed), min(least, most), most))
        owed -= take
        chosen.append(members[:take])
    test = np.concatenate(chosen)
    return test if len(test) else draw.permutation(len(strata))[:1]


def _dealt(strata: np.ndarray, n: int, seed: int) -> np.ndarray:
    """Deal the rows to n parts like cards, class after class, so that each part has its share."""
    draw = np.random.default_rng(seed)
    order = np.concatenate(
        [draw.permutation(np.flatnonzero(strata == stratum)) for stratum in np.unique(strata)]
    )
    parts = np.empty(len(strata), dtype=int)
    parts[order] = np.arange(len(strata)) % n
    return parts


def _whole_groups(groups: pd.Series, share: float, seed: int) -> np.ndarray:
    """Draw whole groups until the share of the rows is reached."""
    codes, names = pd.factorize(groups, use_na_sentinel=False)
    if len(names) < 2:
        raise BadSetting("Groups", groups.name, "A split by groups needs 2 groups or more.")
    order = np.random.default_rng(seed).permutation(len(names))
    sizes = np.bincount(codes)[order]
    before = np.cumsum(sizes) - sizes
    chosen = order[(before < share * len(codes)) & (np.arange(len(names)) < len(names) - 1)]
    return np.flatnonzero(np.isin(codes, chosen))


def _group_parts(groups: np.ndarray, n: int, seed: int) -> np.ndarray:
    """Deal whole groups to parts of about one size."""
    codes, names = pd.factorize(pd.Series(groups), use_na_sentinel=False)
    if len(names) < 2:
        raise BadSetting("Groups", len(names), "Folds by groups need 2 groups or more.")
    dealer = GroupKFold(min(n, len(names)), shuffle=True, random_state=seed)
    parts = np.empty(len(codes), dtype=int)
    for at, (_, test) in enumerate(dealer.split(codes, groups=codes)):
        parts[test] = at
    return parts


def _last(times: pd.Series, share: float) -> np.ndarray:
    """Return the last rows by time; rows of one moment stay together where that is possible."""
    order = _by_time(times)
    count = int(np.clip(round(share * len(order)), 1, len(order) - 1))
    moments = times.to_numpy()[order]
    while count < len(order) - 1 and moments[-count] == moments[-count - 1]:
        count += 1
    if count == len(order) - 1 and moments[0] == moments[1]:
        count = int(np.clip(round(share * len(order)), 1, len(order) - 1))
    return order[-count:]


def _by_time(times: pd.Series) -> np.ndarray:
    """Return the rows' order in time; a row without a time counts as the first."""
    return (
        times.argsort(kind="stable").to_numpy()
        if not times.hasnans
        else np.argsort(times.rank(method="first", na_option="top").to_numpy(), kind="stable")
    )


def _forward(times: pd.Series, n: int) -> list[Positions]:
    """Return folds that are judged on the rows after those they learned from."""
    order = _by_time(times)
    parts = np.array_split(order, min(n, len(order) - 1) + 1)
    return [
        (np.sort(np.concatenate(parts[:at])), np.sort(parts[at])) for at in range(1, len(parts))
    ]


def _predefined(marks: pd.Series) -> np.ndarray:
    """Return the rows that a column marks as kept apart."""
    words = _words(marks)
    found = (np.flatnonzero(words.isin(kind).to_numpy()) for kind in TEST_WORDS)
    test = next((rows for rows in found if len(rows)), np.empty(0, dtype=int))
    if not 0 < len(test) < len(marks):
        raise BadSetting(
            "The split column", marks.name, "It marks some rows as test, and the rest as train."
        )
    return test


def _marked(marks: pd.Series) -> list[Positions]:
    """Return the folds that a column names, or none where it names none."""
    words = _words(marks)
    valid = words.isin(VALID_WORDS).to_numpy()
    if valid.any() and not valid.all():
        return [_sides(np.flatnonzero(valid), len(words))]
    codes, names = pd.factorize(words, sort=True)
    if not 1 < len(names) <= MOST_PARTS:
        return []
    return [_sides(np.flatnonzero(codes == code), len(words)) for code in range(len(names))]


def _words(marks: pd.Series) -> pd.Series:
    return marks.astype("str").fillna("").str.strip().str.lower()
