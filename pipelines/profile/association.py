"""Association: how strongly a column goes with a target, and what a model of it alone can do.

Everything works on a sample of rows in which each column is two arrays: its ranks (numbers and
dates) and its bins (at most 64, a missing value has its own). Rank statistics fit any
distribution, so there is one measure and one test for each pair of kinds:

==================  ===================================  ====================================
column              target with classes                  target that is a number
==================  ===================================  ====================================
number, date        correlation ratio, Kruskal-Wallis    Spearman's correlation, t test
category, boolean   Cramér's V, chi-squared test         correlation ratio, Kruskal-Wallis
==================  ===================================  ====================================
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import special, stats

from pipelines.profile.values import NOTHING, runs

if TYPE_CHECKING:
    import numpy.typing as npt

    from pipelines.profile.values import Values

    Array = npt.NDArray[Any]

BINS = 64
LEVELS = 256
WIDE = 10


@dataclass(frozen=True, slots=True)
class View:
    """A column on the sampled rows. ``ranks`` is None for text; NaN where a value is missing."""

    bins: Array
    n_bins: int
    missing: Array
    ranks: Array | None = None
    numbers: Array | None = None

    @property
    def place(self) -> Array:
        """Its ranks, or NaN where it has none."""
        return np.full(len(self.bins), np.nan) if self.ranks is None else self.ranks

    def take(self, rows: Array) -> View:
        """Return the same column on some of the rows."""
        return View(
            self.bins[rows],
            self.n_bins,
            self.missing[rows],
            None if self.ranks is None else self.ranks[rows],
            None if self.numbers is None else self.numbers[rows],
        )


@dataclass(frozen=True)
class Aim:
    """What columns are compared with: classes (codes) or a number, without missing values."""

    codes: Array | None
    numbers: Array = field(default_factory=lambda: NOTHING)
    n_classes: int = 0

    @property
    def rows(self) -> int:
        """Rows."""
        return len(self.numbers) if self.codes is None else len(self.codes)

    @cached_property
    def ranks(self) -> Array:
        """The number's ranks."""
        return np.asarray(stats.rankdata(self.numbers))

    @cached_property
    def bins(self) -> Array:
        """The classes, or ten even bins of the number."""
        if self.codes is not None:
            return self.codes
        tenths = (self.ranks - 0.5) * WIDE / max(len(self.ranks), 1)
        return np.asarray(np.minimum(tenths, WIDE - 1), dtype=np.int64)


def view(values: Values, rows: Array) -> View:
    """Return a column on some rows.

    >>> import pandas as pd
    >>> from pipelines.profile.values import of
    >>> view(of(pd.Series([3.0, None, 1.0], name="x")), np.arange(3)).ranks
    array([ 2., nan,  1.])
    """
    missing = values.missing[rows]
    if values.is_text:
        return _view_of_text(values, rows, missing)
    return _view_of_numbers(values.numbers[rows].astype(np.float64), missing, values.ordered)


def view_of(numbers: Array) -> View:
    """Return a column that is made of others, NaN where it is missing.

    >>> view_of(np.array([5.0, np.nan, 1.0])).bins.tolist()
    [1, 2, 0]
    """
    return _view_of_numbers(numbers, np.isnan(numbers), np.sort(numbers[np.isfinite(numbers)]))


def _view_of_numbers(numbers: Array, missing: Array, ordered: Array) -> View:
    edges = _edges(ordered)
    bins = np.searchsorted(edges, numbers, side="right")
    bins[missing] = len(edges) + 1
    ranks = np.full(len(numbers), np.nan)
    ranks[~missing] = stats.rankdata(numbers[~missing])
    return View(bins, len(edges) + 2, missing, ranks, numbers)


def _edges(ordered: Array) -> Array:
    if not len(ordered):
        return np.zeros(0)
    thin = ordered[:: max(len(ordered) // 4096, 1)]
    levels = runs(thin)[0]
    if len(levels) <= min(max(len(ordered) // 8, 12), BINS):
        return np.asarray(levels[1:], dtype=np.float64)
    bins = min(max(len(ordered) // 15, 8), BINS)  # fuller bins where rows are few
    cuts = thin[np.linspace(0, len(thin) - 1, bins + 1).astype(int)[1:-1]]
    return np.unique(cuts).astype(np.float64)


def _view_of_text(values: Values, rows: Array, missing: Array) -> View:
    codes = values.codes[rows]
    n = len(values.counts)
    if n > LEVELS:
        place = np.full(n, LEVELS)
        place[np.argsort(-values.counts, kind="stable")[:LEVELS]] = np.arange(LEVELS)
        codes, n = np.where(missing, 0, place[codes]), LEVELS + 1
    return View(np.where(missing, n, codes).astype(np.int64), n + 1, missing)


def associate(column: View, aim: Aim) -> dict[str, Any]:
    """Return measure, value, test and p-value of a column against a target.

    >>> column = View(np.array([0, 0, 1, 1] * 10), 3, np.zeros(40, bool))
    >>> found = associate(column, Aim(np.array([0, 0, 1, 1] * 10), n_classes=2))
    >>> found["measure"], found["value"]
    ("Cramer's V", 1.0)
    """
    rows = np.flatnonzero(~column.missing)
    if len(rows) < 3:
        return {}
    if aim.codes is not None:
        codes = aim.codes[rows]
        if column.ranks is not None:
            return _ratio(column.ranks[rows], codes, aim.n_classes)
        return _cramer(table_of(column.bins[rows], codes, column.n_bins, aim.n_classes))
    goal = aim.ranks[rows]
    if column.ranks is not None:
        return _spearman(column.ranks[rows], goal)
    return _ratio(goal, column.bins[rows], column.n_bins)


def table_of(left: Array, right: Array, n_left: int, n_right: int) -> Array:
    """Return how often each pair of codes occurs.

    >>> table_of(np.array([0, 1]), np.array([1, 1]), 2, 2).tolist()
    [[0, 1], [0, 1]]
    """
    flat: Array = np.bincount(left * n_right + right, minlength=n_left * n_right)
    return flat.reshape(n_left, n_right)


def _spearman(ranks: Array, goal: Array) -> dict[str, Any]:
    n = len(ranks)
    left, right = ranks - ranks.mean(), goal - goal.mean()
    size = float(np.sqrt((left @ left) * (right @ right)))
    if not size:
        return {}
    rho = float(np.clip((left @ right) / size, -1, 1))
    t = rho * np.sqrt((n - 2) / max(1 - rho * rho, 1e-300))
    p = 2 * float(special.stdtr(n - 2, -abs(t)))
    return _told("Spearman's correlation", rho, "t", p)


def _ratio(ranks: Array, groups: Array, n_groups: int) -> dict[str, Any]:
    counts = np.bincount(groups, minlength=n_groups)
    used = counts > 0
    k, n = int(used.sum()), len(ranks)
    total = float(((ranks - ranks.mean()) ** 2).sum())
    if k < 2 or not total:
        return {}
    sums = np.bincount(groups, weights=ranks, minlength=n_groups)
    between = float((sums[used] ** 2 / counts[used]).sum() - ranks.sum() ** 2 / n)
    share = min(max(between / total, 0.0), 1.0)
    p = float(special.chdtrc(k - 1, (n - 1) * share))
    fair = max(share - (k - 1) / max(n - 1, 1), 0) / max(1 - (k - 1) / max(n - 1, 1), 1e-12)
    return _told("correlation ratio", float(np.sqrt(min(fair, 1.0))), "Kruskal-Wallis", p)


def _cramer(table: Array) -> dict[str, Any]:
    table = table[table.sum(1) > 0][:, table.sum(0) > 0]
    rows, cols = table.shape
    if rows < 2 or cols < 2:
        return {}
    n = table.sum()
    expected = np.outer(table.sum(1), table.sum(0)) / n
    chi2 = float(((table - expected) ** 2 / expected).sum())
    p = float(special.chdtrc((rows - 1) * (cols - 1), chi2))
    if chi2 >= 0.999999 * n * (min(rows, cols) - 1):  # the correction would hide a bijection
        return _told("Cramer's V", 1.0, "chi-squared", p)
    phi = max(chi2 / n - (rows - 1) * (cols - 1) / (n - 1), 0)
    room = min(rows - (rows - 1) ** 2 / (n - 1), cols - (cols - 1) ** 2 / (n - 1)) - 1
    v = float(np.sqrt(min(phi / room, 1.0))) if room > 0 else 0.0
    return _told("Cramer's V", v, "chi-squared", p)


def _told(measure: str, value: float, test: str, p: float) -> dict[str, Any]:
    return {"measure": measure, "value": round(value, 6), "test": test, "p_value": p}


def information(column: View, aim: Aim) -> float:
    """Return the share of the target's entropy that the column tells, corrected for chance.

    >>> column = View(np.array([0, 1] * 20), 3, np.zeros(40, bool))
    >>> information(column, Aim(np.array([0, 1] * 20), n_classes=2)) > 0.95
    True
    """
    bins, n_bins = column.bins, column.n_bins
    if n_bins > 20 and column.ranks is not None:  # fewer, fuller cells
        bins, n_bins = bins // 4, n_bins // 4 + 1
    goal = aim.bins
    width = int(goal.max()) + 1 if len(goal) else 1
    table = table_of(bins, goal, n_bins, width)
    table = table[table.sum(1) > 0][:, table.sum(0) > 0]
    n = table.sum()
    whole = _entropy(table.sum(0) / n)
    if not whole:
        return 0.0
    joint = _entropy((table / n).ravel())
    mutual = whole + _entropy(table.sum(1) / n) - joint
    chance = (table.shape[0] - 1) * (table.shape[1] - 1) / (2 * n)
    return round(float(np.clip((mutual - chance) / whole, 0, 1)), 6)


def _entropy(shares: Array) -> float:
    known = shares[shares > 0]
    return float(-(known * np.log(known)).sum())
