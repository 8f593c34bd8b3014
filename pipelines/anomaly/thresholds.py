"""Where to cut a ranked list: how many rows are called anomalies, by rows of a table.

An estimator sees nothing but training scores; what it says is an estimate, not a measurement.
Measured on 19 public sets (``benchmarks/anomaly.py``), the two-group split came closest.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from pipelines.errors import BadSetting, close_matches

if TYPE_CHECKING:
    from collections.abc import Callable

Array: TypeAlias = np.ndarray[Any, Any]

MOST_SHARE = 0.5


@dataclass(frozen=True, slots=True)
class Threshold:
    """One row: sorted training scores in, the share of anomalies out."""

    key: str
    title: str
    share: Callable[[Array], float]


@dataclass(frozen=True, slots=True)
class Cut:
    """What was asked for: a share of the rows, an estimator's name, or a number of rows.

    >>> Cut.of(0.01, None)
    Cut(share=0.01, estimate='', most=None)
    """

    share: float | None = None
    estimate: str = ""
    most: int | None = None

    @classmethod
    def of(cls, contamination: str | float | None, review: int | None) -> Cut:
        """Read what a person wrote.

        Raises:
            BadSetting: Both are given, or a value makes no sense.
        """
        if review is not None:
            if contamination not in (None, "auto"):
                raise BadSetting("review", review, "Give --contamination or --review, not both.")
            if review < 1:
                raise BadSetting("review", review, "Give the number of rows to review, 1 or more.")
            return cls(most=review)
        words = "auto" if contamination is None else str(contamination)
        if words == "auto":
            return cls(estimate=DEFAULT)
        try:
            share = float(words)
        except ValueError:
            return cls(estimate=find(words).key)
        if not 0 < share <= MOST_SHARE:
            raise BadSetting(
                "contamination", contamination,
                "It is the share of anomalies: more than 0 and at most 0.5, or auto.",
            )  # fmt: skip
        return cls(share=share)

    @property
    def auto(self) -> bool:
        """Whether nobody said where to cut, or how to estimate it."""
        return self.share is None and self.most is None and self.estimate in {"", DEFAULT}

    def threshold(self, reference: Array, of: int | None = None) -> tuple[float, str]:
        """Return the score above which a row is an anomaly, and how it came about in words.

        ``of`` is how many rows the table has, where the reference is only some of them.
        """
        ordered = np.sort(reference)
        many = len(ordered)
        if self.most is not None:
            count = min(max(1, round(self.most * many / (of or many))), many)
            told = f"the {self.most} strangest rows"
        elif self.share is not None:
            count, told = max(1, round(self.share * many)), f"a share of {self.share:g}, as given"
        else:
            row = find(self.estimate or DEFAULT)
            share = min(max(row.share(ordered), 1 / many), MOST_SHARE)
            count = max(1, round(share * many))
            told = f"a share of {count / many:.3g}, estimated: {row.title}"
        lower = ordered[many - count - 1] if count < many else ordered[0] - 1.0
        return float((ordered[many - count] + lower) / 2), told


def _two_groups(scores: Array) -> float:
    """Split where the groups' means are furthest apart for their sizes (Otsu)."""
    many = len(scores)
    sums, counts = np.cumsum(scores), np.arange(1, many)
    low = sums[:-1] / counts
    high = (sums[-1] - sums[:-1]) / (many - counts)
    return float(1 - (np.argmax(counts * (many - counts) * (high - low) ** 2) + 1) / many)


def _one_spread(scores: Array) -> float:
    return float((scores > scores.mean() + scores.std()).mean())


def _knee(scores: Array) -> float:
    """Cut where the falling curve of scores is furthest below the line between its ends."""
    span = np.ptp(scores) or 1.0
    falling = (scores[::-1] - scores[0]) / span
    return float(np.argmax(1 - np.arange(len(scores)) / len(scores) - falling) / len(scores))


def _fence(scores: Array) -> float:
    low, high = np.quantile(scores, [0.25, 0.75])
    return float((scores > high + 1.5 * (high - low)).mean())


def _deviations(scores: Array) -> float:
    middle = np.median(scores)
    spread = 1.4826 * np.median(np.abs(scores - middle))
    return float((scores > middle + 2.5 * spread).mean())


ROWS = (
    Threshold("two_groups", "two groups, split where they are furthest apart", _two_groups),
    Threshold("one_spread", "beyond the mean by one spread", _one_spread),
    Threshold("knee", "the knee of the falling scores", _knee),
    Threshold("fence", "beyond the box plot's upper fence", _fence),
    Threshold("deviations", "beyond 2.5 median absolute deviations", _deviations),
)
DEFAULT = "two_groups"


def find(key: str) -> Threshold:
    """Return the estimator with that key.

    Raises:
        BadSetting: There is none.
    """
    for row in ROWS:
        if row.key == key:
            return row
    known = ["auto", *(row.key for row in ROWS)]
    wanted = f"Give a share, or one of: {', '.join(known)}.{close_matches(key, known)}"
    raise BadSetting("contamination", key, wanted)


def p_values(reference: Array, scores: Array) -> Array:
    """Return conformal p-values: the share of reference rows at least as strange, never 0.

    Where the reference is rows known to be usual and the scores are of new rows, a usual row's
    value is below p with a chance of at most p. With anomalies in the reference they are too
    large: cautious, never bold.

    >>> p_values(np.array([1.0, 2.0, 3.0]), np.array([2.5])).tolist()
    [0.5]
    """
    found: Array = (beyond(np.sort(reference), scores) + 1) / (len(reference) + 1)
    return found


def beyond(reference: Array, scores: Array) -> Array:
    """Return how many of sorted reference scores are at least as great as each score."""
    found: Array = len(reference) - np.searchsorted(reference, scores, side="left")
    return found


def discovered(values: Array, rate: float) -> Array:
    """Return which rows are called anomalies so that few are false.

    Among those, the expected share of usual rows is ``rate``: Benjamini and Hochberg's steps, with
    Storey's estimate of how many rows of the table are usual. A row can be called only where the
    reference is large enough: the least value there is must be below ``rate`` over the rows.

    Raises:
        BadSetting: The rate is not between 0 and 1.

    >>> discovered(np.array([0.001, 0.9, 0.02, 0.5]), 0.1).tolist()
    [True, False, True, False]
    """
    if not 0 < rate < 1 or math.isnan(rate):
        raise BadSetting("fdr", rate, "It is the share of false alarms: between 0 and 1.")
    many = len(values)
    ordered = np.sort(values)
    steps = rate * np.arange(1, many + 1) / many * (1 + 1e-9)  # shares often meet them exactly
    passed = np.flatnonzero(ordered * usual_share(values) <= steps)
    bar = min(ordered[passed[-1]], MOST_SHARE) if len(passed) else -1.0
    found: Array = values <= bar
    return found


def usual_share(values: Array) -> float:
    """Estimate from p-values what share of the rows is usual (Storey); at most 1.

    Usual rows' values are spread evenly, so those above a half are half of them.

    >>> usual_share(np.array([0.001, 0.9, 0.02, 0.6]))
    1.0
    """
    above = 1 + int((values > MOST_SHARE).sum())
    return float(min(1.0, above / (max(1, len(values)) * (1 - MOST_SHARE))))
