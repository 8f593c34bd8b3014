"""Ways to make one score of several detectors' tails.

A tail is the share of training rows at least as strange as a row, for one detector: that puts all
detectors on one scale. Every way looks at one row's tails and at what training taught, never at
the other rows of a batch. Greater is stranger.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from pipelines.errors import BadSetting, close_matches

if TYPE_CHECKING:
    from collections.abc import Callable

Array: TypeAlias = np.ndarray[Any, Any]

VOTE = 0.1
"""A detector votes for the rows in its strangest tenth."""


@dataclass(frozen=True, slots=True)
class Combination:
    """One row: tails (rows, detectors) and weights in, scores out."""

    key: str
    title: str
    of: Callable[[Array, Array], Array]


def _fisher(tails: Array, weights: Array) -> Array:
    found: Array = -np.log(tails) @ weights
    return found


def _average(tails: Array, weights: Array) -> Array:
    del weights
    found: Array = -tails.mean(axis=1)
    return found


def _borda(tails: Array, weights: Array) -> Array:
    """Add up places: a row passed by few counts for all that it passes."""
    del weights
    places: Array = np.log1p(-np.minimum(tails, 1 - 1e-12)).sum(axis=1)
    return places


def _maximum(tails: Array, weights: Array) -> Array:
    del weights
    found: Array = -tails.min(axis=1)
    return found


def _majority(tails: Array, weights: Array) -> Array:
    return _weighted(tails, np.ones_like(weights))


def _weighted(tails: Array, weights: Array) -> Array:
    """Count votes; rows with as many are ordered by their mean tail."""
    votes = (tails <= VOTE) @ (weights / weights.sum())
    found: Array = votes - tails.mean(axis=1) * 1e-3
    return found


def _trimmed(tails: Array, weights: Array) -> Array:
    """Leave the most and the least alarmed detector out, where there are more than two."""
    ordered = np.sort(-np.log(tails), axis=1)
    inner = ordered[:, 1:-1] if tails.shape[1] > 2 else ordered
    del weights
    found: Array = inner.mean(axis=1)
    return found


ROWS = (
    Combination("fisher", "Sum of the logs of the tails (Fisher's method)", _fisher),
    Combination("average", "Mean tail", _average),
    Combination("maximum", "The most alarmed detector decides", _maximum),
    Combination("borda", "Sum of places", _borda),
    Combination("majority", "Number of detectors that vote for it", _majority),
    Combination("weighted", "Votes, weighted by agreement with the others", _weighted),
    Combination("trimmed", "Mean without the most and the least alarmed", _trimmed),
)


def find(key: str) -> Combination:
    """Return the row with that key.

    Raises:
        BadSetting: There is none.
    """
    for row in ROWS:
        if row.key == key:
            return row
    known = [row.key for row in ROWS]
    wanted = f"There are: {', '.join(known)}.{close_matches(key, known)}"
    raise BadSetting("combination", key, wanted)


def tail(reference: Array, scores: Array) -> Array:
    """Return the share of sorted reference scores at least as great, never quite 0.

    >>> tail(np.array([1.0, 2.0, 3.0]), np.array([2.0, 9.0])).tolist()
    [0.75, 0.25]
    """
    above = len(reference) - np.searchsorted(reference, scores, side="left")
    found: Array = (above + 1) / (len(reference) + 1)
    return found


def extended(reference: Array, scores: Array) -> Array:
    """Return tails that go on falling beyond the strangest reference score.

    Plain shares cannot tell rows apart that are all stranger than every row learned from.
    """
    top, middle = reference[-1], np.median(reference)
    spread = max(top - middle, 1e-12)
    beyond = np.maximum(scores - top, 0) / spread
    found: Array = np.maximum(tail(reference, scores) / (1 + beyond), 1e-300)
    return found


def steady(numbers: Array) -> Array:
    """Return numbers to eight digits: the last bits of a sum depend on how a batch is cut up.

    >>> bool(steady(np.array([0.1 + 0.2]))[0] == steady(np.array([0.3]))[0])
    True
    """
    digits, power = np.frexp(numbers)
    found: Array = np.ldexp(np.round(digits * 2.0**27), power - 27)
    return found


def agreement(tails: Array) -> Array:
    """Return each detector's rank correlation with the mean of the others, at least 0.01."""
    ranks = tails.argsort(axis=0).argsort(axis=0).astype(float)
    found = []
    for place in range(ranks.shape[1]):
        others = np.delete(ranks, place, axis=1)
        if not others.shape[1] or ranks[:, place].std() == 0 or others.mean(axis=1).std() == 0:
            found.append(1.0)
            continue
        found.append(float(np.corrcoef(ranks[:, place], others.mean(axis=1))[0, 1]))
    return np.maximum(found, 0.01)
