"""Intervals and tests that the sections share. Nothing here knows of models."""

from __future__ import annotations

import numpy as np
from scipy import stats

MOST_DRAWN = 2_000
"""Rows that resamples are made of: more would not change how lopsided a mean is."""
FEWEST_DRAWN = 20
LEAST_SPREAD = 1 / 3
"""A resample's spread, of that of the rows, below which it counts as no less."""


def bootstrap_means(
    values: np.ndarray, seed: int, rounds: int = 1_000
) -> tuple[np.ndarray, np.ndarray]:
    """Return the 95 % studentised bootstrap interval of each column's mean over the rows.

    How wide it is comes from the spread of the rows, how lopsided from resamples. Below 20 rows
    resamples say too little; there it is the t interval.
    """
    many, rng = len(values), np.random.default_rng(seed)
    if many < FEWEST_DRAWN:
        _, low, high = np.array([mean_interval(column) for column in values.T]).T
        return np.maximum(low, np.minimum(0.0, values.min(axis=0))), high
    some = values[rng.permutation(many)[:MOST_DRAWN]]
    around = some - some.mean(axis=0)
    size = len(some)
    counts = rng.multinomial(size, np.full(size, 1 / size), size=rounds).astype(float)
    means = counts @ around / size
    spread = np.sqrt(np.maximum(0.0, counts @ around**2 / size - means**2))
    least = np.maximum(LEAST_SPREAD * around.std(axis=0), 1e-300)
    low, high = np.quantile(means / np.maximum(spread, least), [0.025, 0.975], axis=0)
    flat = np.where(around.any(axis=0), 0.0, 1.96 / np.sqrt(size - 1))  # it missed what varies
    low, high = low - flat, high + flat
    mean, error = values.mean(axis=0), values.std(axis=0) * np.sqrt((size - 1) / (many - 1))
    low, high = mean - high * error, mean - low * error
    return np.maximum(low, values.min(axis=0)), np.minimum(high, values.max(axis=0))


def mean_interval(values: np.ndarray) -> tuple[float, float, float]:
    """Return mean and 95 % t interval; the mean alone when one row gives no spread.

    >>> [round(v, 3) for v in mean_interval(np.array([1.0, 2.0, 3.0]))]
    [2.0, -0.484, 4.484]
    """
    mean = float(values.mean()) if len(values) else float("nan")
    if len(values) < 2:
        return mean, mean, mean
    half = float(stats.t.ppf(0.975, len(values) - 1) * values.std(ddof=1) / np.sqrt(len(values)))
    return mean, mean - half, mean + half


def welch(here: np.ndarray, there: np.ndarray) -> tuple[float, float, float, float]:
    """Return the gap of two means, its 95 % interval and the two-sided p-value (Welch).

    >>> gap, low, high, p = welch(np.array([1.0, 2, 3]), np.array([1.0, 2, 3]))
    >>> (gap, round(p, 6))
    (0.0, 1.0)
    """
    if len(here) < 2 or len(there) < 2:
        gap = float(here.mean() - there.mean()) if len(here) and len(there) else 0.0
        return gap, gap, gap, 1.0
    gap = float(here.mean() - there.mean())
    one, two = here.var(ddof=1) / len(here), there.var(ddof=1) / len(there)
    if one + two == 0:
        return gap, gap, gap, 1.0 if gap == 0 else 0.0
    free = (one + two) ** 2 / (one**2 / (len(here) - 1) + two**2 / (len(there) - 1))
    half = float(stats.t.ppf(0.975, free) * np.sqrt(one + two))
    p_value = float(2 * stats.t.sf(abs(gap) / np.sqrt(one + two), free))
    return gap, gap - half, gap + half, p_value


def rises(changes: np.ndarray) -> np.ndarray:
    """Return one-sided p-values that each column's mean is above zero."""
    many = len(changes)
    if many < 3:
        return np.ones(changes.shape[1])
    spread = changes.std(axis=0, ddof=1) / np.sqrt(many)
    with np.errstate(invalid="ignore", divide="ignore"):
        t_values = np.where(spread > 0, changes.mean(axis=0) / spread, 0.0)
    return np.asarray(stats.t.sf(t_values, many - 1))


def holm(p_values: np.ndarray) -> np.ndarray:
    """Return Holm's adjusted p-values: below .05 means false alarms in at most 5 % of reports.

    >>> holm(np.array([0.01, 0.04, 0.03])).round(3).tolist()
    [0.03, 0.06, 0.06]
    """
    order = np.argsort(p_values)
    many = len(p_values)
    steps = np.maximum.accumulate(p_values[order] * (many - np.arange(many)))
    adjusted = np.empty(many)
    adjusted[order] = np.minimum(1.0, steps)
    return adjusted


def rank_agreement(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Return each row's Spearman correlation between two (rows, columns) tables of sizes."""
    if first.shape[1] < 2:
        return np.ones(len(first))
    one, two = stats.rankdata(first, axis=1), stats.rankdata(second, axis=1)
    one, two = one - one.mean(axis=1, keepdims=True), two - two.mean(axis=1, keepdims=True)
    below = np.sqrt((one**2).sum(axis=1) * (two**2).sum(axis=1))
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(np.where(below > 0, (one * two).sum(axis=1) / below, 1.0))
