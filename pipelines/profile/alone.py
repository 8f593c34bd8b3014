"""Alone: how well a model of one single column predicts the target on rows it has not seen.

The model is a lookup: rows are halved, each bin of the column answers with what the other half
held in that bin. Two cross-fitted halves cost two ``bincount`` calls, so every column is tried.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import stats

from pipelines.profile.association import table_of

if TYPE_CHECKING:
    import numpy.typing as npt

    from pipelines.profile.association import Aim, View

    Array = npt.NDArray[Any]


@dataclass(frozen=True, slots=True)
class Alone:
    """What one column can do by itself. ``saved`` is the share of the errors it spares."""

    saved: float
    """Classes: share of the majority's mistakes it avoids. Numbers: R squared."""
    auc: float | None = None
    same: bool = False
    """Whether the column is the target under another name: a copy or a one-to-one code."""


def alone(column: View, aim: Aim, halves: Array) -> Alone:
    """Return how well a column predicts the target by itself; ``halves`` says True or False.

    >>> from pipelines.profile.association import Aim, View
    >>> target = np.array([0, 1] * 20)
    >>> alone(View(target, 3, np.zeros(40, bool)), Aim(target, n_classes=2), np.arange(40) < 20)
    Alone(saved=1.0, auc=1.0, same=True)
    """
    if aim.codes is not None:
        return _of_classes(column, aim.codes, aim.n_classes, halves)
    return _of_numbers(column, aim.numbers, halves)


def _of_classes(column: View, codes: Array, n_classes: int, halves: Array) -> Alone:
    parts = [
        table_of(column.bins[h], codes[h], column.n_bins, n_classes) for h in (halves, ~halves)
    ]
    whole = parts[0] + parts[1]
    saved = np.mean([_saved(fit, seen) for fit, seen in (parts, parts[::-1])])
    auc = np.mean([_auc(fit, seen) for fit, seen in (parts, parts[::-1])])
    if n_classes == 2:  # its own order needs no bins
        return Alone(
            float(saved), max(float(auc), _auc_of_ranks(column, codes)), _one_to_one(whole)
        )
    return Alone(float(saved), float(auc), same=_one_to_one(whole))


def _auc_of_ranks(column: View, codes: Array) -> float:
    if column.ranks is None or column.missing.any():
        return 0.5
    ones = int(codes.sum())
    zeros = len(codes) - ones
    if not ones or not zeros:
        return 0.5
    ranks = stats.rankdata(column.ranks)
    area = (ranks[codes == 1].sum() - ones * (ones + 1) / 2) / (ones * zeros)
    return float(max(area, 1 - area))


def _one_to_one(table: Array) -> bool:
    used = table[table.sum(1) > 0][:, table.sum(0) > 0]
    return used.shape[0] == used.shape[1] and bool(np.count_nonzero(used) == used.shape[0])


def _saved(fit: Array, seen: Array) -> float:
    usual = int(fit.sum(0).argmax())
    answers = np.where(fit.sum(1) > 0, fit.argmax(1), usual)
    n = seen.sum()
    right = seen[np.arange(len(seen)), answers].sum()
    by_default = seen[:, usual].sum()
    return float((right - by_default) / max(n - by_default, 1))


def _auc(fit: Array, seen: Array) -> float:
    prior = fit.sum(0) / max(fit.sum(), 1)
    odds = (fit + prior) / (fit.sum(1, keepdims=True) + 1)
    found = []
    for label in np.flatnonzero((fit.sum(0) >= 3) & (seen.sum(0) >= 3))[:20]:
        order = np.argsort(odds[:, label], kind="stable")
        _, group = np.unique(odds[order, label], return_inverse=True)
        yes = np.bincount(group, weights=seen[order, label])
        no = np.bincount(group, weights=seen[order].sum(1) - seen[order, label])
        below = np.cumsum(no) - no
        area = (yes * (below + no / 2)).sum() / max(yes.sum() * no.sum(), 1)
        found.append((area, yes.sum()))
    if not found:
        return 0.5
    return float(np.average([a for a, _ in found], weights=[w for _, w in found]))


def _of_numbers(column: View, numbers: Array, halves: Array) -> Alone:
    known = ~column.missing
    same = False
    line = 0.0
    if column.numbers is not None and known.mean() > 0.5 and known.sum() > 2:
        left, right = column.numbers[known], numbers[known]
        finite = np.isfinite(left)
        line = _squared_correlation(left[finite], right[finite])
        if column.ranks is not None:
            ranks = _squared_correlation(column.ranks[known], stats.rankdata(right))
            same = bool(known.all() and max(line, ranks) > 1 - 1e-9)
    lookup = np.mean([_r2(column, numbers, h) for h in (halves, ~halves)])
    return Alone(max(float(lookup), line * float(known.mean())), same=same)


def _squared_correlation(left: Array, right: Array) -> float:
    left, right = left - left.mean(), right - right.mean()
    size = (left @ left) * (right @ right)
    return float((left @ right) ** 2 / size) if size > 0 and np.isfinite(size) else 0.0


def _r2(column: View, numbers: Array, fit: Array) -> float:
    counts = np.bincount(column.bins[fit], minlength=column.n_bins)
    sums = np.bincount(column.bins[fit], weights=numbers[fit], minlength=column.n_bins)
    overall = float(numbers[fit].mean())
    answers = (sums + overall) / (counts + 1)
    seen = numbers[~fit]
    total = float(((seen - overall) ** 2).sum())
    if not total:
        return 0.0
    return 1 - float(((seen - answers[column.bins[~fit]]) ** 2).sum()) / total
