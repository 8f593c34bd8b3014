"""Two versions of a model, explained on the same rows against the same background.

How far two explanations may differ for no reason is not a fixed number: retraining the same
recipe moves attributions too. So the verdict is calibrated: how trainings of one recipe scatter
(the null) says what is usual, and the new version is called changed only if it is farther from
the old one than two of them would be in one case of twenty. With too few retrains nothing is said.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations
from typing import TYPE_CHECKING, Literal

import numpy as np

from pipelines.errors import BadSetting
from pipelines.explain.facts import Comparison, Shift
from pipelines.explain.outline import Outline, outline_of
from pipelines.explain.statistics import rank_agreement

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pipelines.explain.report import Report

    Explained = Report | Outline

LEVEL = 0.05
TOP = 5
SMALL = 0.01
"""A column whose share of all movement is below this has no sign worth comparing."""
FEWEST_RETRAINS = 4
LEAST_VARIANCE = 1e-8
"""What retrains scatter by at least: less is rounding."""


def compare(
    before: Explained,
    after: Explained,
    *,
    null: Sequence[Explained | Mapping[str, float]] = (),
    against: str = "",
) -> Comparison:
    """Say how the second report differs from the first, against what retraining does anyway.

    Args:
        before: the version in place.
        after: the version that would replace it.
        null: trainings of one recipe, each on the same rows and background; one of them is the
            original, the others retrains. Their shares are enough.
        against: what the version in place is called.

    Raises:
        BadSetting: the reports are about other outputs or another task.
    """
    one, two = _outline(before), _outline(after)
    _require_comparable(one, two)
    shares = one.shares, two.shares
    columns = sorted(set(shares[0]) | set(shares[1]), key=lambda c: -_largest(shares, c))
    ranks = _ranks(shares[0]), _ranks(shares[1])
    shifts = tuple(
        _shift(column, shares, ranks, (one.directions, two.directions)) for column in columns
    )
    agreement, rows = _row_agreement(one, two)
    distance = apart(*shares)
    trainings, retrains = [_of(each) for each in null], max(0, len(null) - 1)
    usual = tuple(distances(trainings))
    p_value = exceeds(*shares, trainings) if retrains >= FEWEST_RETRAINS else None
    verdict, words = _verdict(distance, usual, p_value, retrains)
    top = set(list(ranks[0])[:TOP]), set(list(ranks[1])[:TOP])
    return Comparison(
        against=against,
        shifts=shifts,
        new_columns=tuple(column for column in columns if column not in shares[0]),
        lost_columns=tuple(column for column in columns if column not in shares[1]),
        entered_top=tuple(column for column in ranks[1] if column in top[1] - top[0]),
        left_top=tuple(column for column in ranks[0] if column in top[0] - top[1]),
        distance=distance,
        row_agreement=agreement,
        rows=rows,
        usual=usual,
        p_value=p_value,
        verdict=verdict,
        words=words,
    )


def _outline(one: Explained) -> Outline:
    return one if isinstance(one, Outline) else outline_of(one)


def _of(one: Explained | Mapping[str, float]) -> Mapping[str, float]:
    return one if isinstance(one, Mapping) else _outline(one).shares


def _require_comparable(before: Outline, after: Outline) -> None:
    for name in ("task", "outputs"):
        one, two = getattr(before, name), getattr(after, name)
        if one != two:
            raise BadSetting("comparison", f"{one} with {two}", f"Both need the same {name}.")


def apart(one: Mapping[str, float], two: Mapping[str, float]) -> float:
    """Return half the sum of absolute differences of two sets of shares.

    >>> apart({"a": 0.5, "b": 0.5}, {"a": 0.5, "c": 0.5})
    0.5
    """
    return 0.5 * sum(abs(one.get(c, 0.0) - two.get(c, 0.0)) for c in set(one) | set(two))


def distances(shares: Sequence[Mapping[str, float]]) -> list[float]:
    """Return how far every two trainings of one recipe are apart."""
    return [apart(a, b) for a, b in combinations(shares, 2)]


def exceeds(
    one: Mapping[str, float], two: Mapping[str, float], trainings: Sequence[Mapping[str, float]]
) -> float:
    """Return the chance that two trainings of one recipe are as far apart.

    Roots of shares scatter about evenly, whatever the share. If they do so normally, the squared
    distance of two trainings over twice the variance of all columns follows an F distribution:
    above with as many degrees of freedom as the scatter has directions (Satterthwaite's number),
    below with that many for each retrain, since the scatter is known from few trainings only.
    """
    from scipy import stats  # it costs a second to import

    columns = sorted(set(one).union(two, *trainings))

    def roots(shares: Mapping[str, float]) -> np.ndarray:
        return np.sqrt([max(0.0, shares.get(column, 0.0)) for column in columns])

    scatter = np.atleast_2d(np.cov([roots(each) for each in trainings], rowvar=False))
    variance = max(float(np.trace(scatter)), LEAST_VARIANCE)
    directions = float(np.trace(scatter)) ** 2 / max(float((scatter**2).sum()), 1e-300)
    ratio = float(((roots(one) - roots(two)) ** 2).sum()) / (2 * variance)
    free = max(1.0, directions)
    return float(stats.f.sf(ratio, free, free * (len(trainings) - 1)))


def _verdict(
    distance: float, usual: Sequence[float], p_value: float | None, retrains: int
) -> tuple[Literal["as usual", "changed", "not calibrated"], str]:
    if p_value is None:
        return (
            "not calibrated",
            f"The weights moved by {distance:.0%}; it takes {FEWEST_RETRAINS} retrains of the "
            f"recipe to say whether that is usual, and there were {retrains}.",
        )
    told = f"{distance:.0%}, against a median of {np.median(usual):.0%} between retrains"
    if p_value < LEVEL:
        return "changed", f"The weights moved more than retraining does: {told}."
    return "as usual", f"The weights moved no more than retraining does: {told}."


def _ranks(shares: Mapping[str, float]) -> dict[str, int]:
    order = sorted(shares, key=lambda column: -shares[column])
    return {column: place + 1 for place, column in enumerate(order)}


def _largest(shares: tuple[Mapping[str, float], ...], column: str) -> float:
    return max(one.get(column, 0.0) for one in shares)


def _shift(
    column: str,
    shares: tuple[Mapping[str, float], Mapping[str, float]],
    ranks: tuple[Mapping[str, int], Mapping[str, int]],
    signs: tuple[Mapping[str, float], Mapping[str, float]],
) -> Shift:
    before, after = shares[0].get(column, 0.0), shares[1].get(column, 0.0)
    one, two = signs[0].get(column, 0.0), signs[1].get(column, 0.0)
    return Shift(
        column=column,
        before=before,
        after=after,
        rank_before=ranks[0].get(column),
        rank_after=ranks[1].get(column),
        sign_changed=min(before, after) >= SMALL and one * two < -0.09,
    )


def _row_agreement(before: Outline, after: Outline) -> tuple[float, int]:
    """Compare the rows that both hold, on the columns that both know."""
    shared = [column for column in before.columns if column in after.columns]
    places = [[r.columns.index(column) for column in shared] for r in (before, after)]
    rows = [row for row in before.rows if row in after.rows]
    if not rows or not shared:
        return float("nan"), 0
    one, two = (
        np.array([np.ravel(side.rows[row][:, there]) for row in rows])
        for side, there in zip((before, after), places, strict=True)
    )
    return float(rank_agreement(one, two).mean()), len(rows)
