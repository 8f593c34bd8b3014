"""Two versions of a model, explained on the same rows against the same background.

How far two explanations may differ for no reason is not a fixed number: retraining the same
recipe with another seed moves attributions too. So the verdict is calibrated: distances between
reports of same-recipe retrains (the null) say what is usual, and the new version is called
changed only if it is farther from the old one than nearly all of them are. With few retrains the
p-value stays large, and the verdict says so.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from itertools import combinations
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from pipelines.errors import BadSetting
from pipelines.explain.statistics import rank_agreement

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pipelines.explain.report import Report

LEVEL = 0.05
TOP = 5
SMALL = 0.01
"""A column whose share of all movement is below this has no sign worth comparing."""
FEWEST_RETRAINS = 4


@dataclass(frozen=True, slots=True)
class Shift:
    """What one column's weight did between two versions; shares are of all movement."""

    column: str
    before: float
    after: float
    rank_before: int | None
    rank_after: int | None
    sign_changed: bool

    @property
    def change(self) -> float:
        """By how much the share grew."""
        return self.after - self.before


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """How two versions differ in what moves their answers."""

    shifts: tuple[Shift, ...]
    new_columns: tuple[str, ...]
    lost_columns: tuple[str, ...]
    entered_top: tuple[str, ...]
    left_top: tuple[str, ...]
    distance: float
    """Half the sum of |share changes|: 0 for the same weights, 1 for entirely other columns."""
    row_agreement: float
    """Mean rank correlation of the contributions to the rows that both explained."""
    rows: int
    usual: tuple[float, ...]
    """The distances between same-recipe retrains."""
    p_value: float | None
    verdict: Literal["as usual", "changed", "not calibrated"]
    words: str

    def to_dict(self) -> dict[str, Any]:
        """Return everything as JSON-ready data."""
        return asdict(self)


def compare(before: Report, after: Report, *, null: Sequence[Report] = ()) -> Comparison:
    """Say how the second report differs from the first, against what retraining does anyway.

    Args:
        before: the version in place.
        after: the version that would replace it.
        null: reports of retrains of the recipe of ``before`` on the same rows and background.

    Raises:
        BadSetting: the reports are about other outputs or another task.
    """
    _require_comparable(before, after)
    shares = _shares(before), _shares(after)
    columns = sorted(set(shares[0]) | set(shares[1]), key=lambda c: -_largest(shares, c))
    signs = _signs(before), _signs(after)
    ranks = _ranks(shares[0]), _ranks(shares[1])
    shifts = tuple(_shift(column, shares, ranks, signs) for column in columns)
    agreement, rows = _row_agreement(before, after)
    distance = apart(*shares)
    usual = tuple(distances([before, *null])) if null else ()
    p_value = exceeds(distance, usual, len(null)) if null else None
    verdict, words = _verdict(distance, usual, p_value, len(null))
    top = set(list(ranks[0])[:TOP]), set(list(ranks[1])[:TOP])
    return Comparison(
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


def _require_comparable(before: Report, after: Report) -> None:
    for name in ("task", "outputs"):
        one, two = getattr(before.about, name), getattr(after.about, name)
        if one != two:
            raise BadSetting("comparison", f"{one} with {two}", f"Both need the same {name}.")


def apart(one: Mapping[str, float], two: Mapping[str, float]) -> float:
    """Return half the sum of absolute differences of two sets of shares.

    >>> apart({"a": 0.5, "b": 0.5}, {"a": 0.5, "c": 0.5})
    0.5
    """
    return 0.5 * sum(abs(one.get(c, 0.0) - two.get(c, 0.0)) for c in set(one) | set(two))


def distances(reports: Sequence[Report]) -> list[float]:
    """Return how far every two reports of one recipe are apart."""
    return [apart(_shares(a), _shares(b)) for a, b in combinations(reports, 2)]


def exceeds(distance: float, usual: Sequence[float], retrains: int) -> float:
    """Return the chance of such a distance between two trainings of one recipe.

    Distances of the old version to its retrains overlap, so that pairs are not independent: the
    p-value never claims more than as many draws as there were retrains, each with its twin pairs
    pooled, and a log-normal tail where the distance lies beyond all that was seen.
    """
    seen = np.sort(np.asarray(usual))
    share = float((seen >= distance).sum() + 1) / (len(seen) + 1)
    if share * (len(seen) + 1) > 1 or retrains < FEWEST_RETRAINS:
        return max(share, 1 / (retrains + 1))
    from scipy import stats  # scipy.stats costs a second to import

    logs = np.log(np.maximum(seen, 1e-9))
    spread = max(float(logs.std(ddof=1)), 0.05) * np.sqrt(1 + 1 / retrains)
    score = (np.log(max(distance, 1e-9)) - logs.mean()) / spread
    return float(stats.t.sf(score, retrains))


def _verdict(
    distance: float, usual: Sequence[float], p_value: float | None, retrains: int
) -> tuple[Literal["as usual", "changed", "not calibrated"], str]:
    if p_value is None or retrains < FEWEST_RETRAINS:
        return (
            "not calibrated",
            f"The weights moved by {distance:.0%}; it takes {FEWEST_RETRAINS} retrains of the old "
            f"recipe to say whether that is usual, and there were {retrains}.",
        )
    told = f"{distance:.0%}, against a median of {np.median(usual):.0%} between retrains"
    if p_value < LEVEL:
        return "changed", f"The weights moved more than retraining does: {told}."
    return "as usual", f"The weights moved no more than retraining does: {told}."


def _shares(report: Report) -> dict[str, float]:
    return {weight.column: weight.share for weight in report.overall.weights}


def _signs(report: Report) -> dict[str, float]:
    return {weight.column: weight.direction for weight in report.overall.weights}


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


def _row_agreement(before: Report, after: Report) -> tuple[float, int]:
    """Compare the cases that both reports hold, on the columns that both know."""
    shared = [column for column in before.about.columns if column in after.about.columns]
    places = [[r.about.columns.index(column) for column in shared] for r in (before, after)]
    cases = {case.row: case for case in after.local.cases}
    pairs = [(case, cases[case.row]) for case in before.local.cases if case.row in cases]
    if not pairs or not shared:
        return float("nan"), 0
    one, two = (
        np.array([np.ravel(np.array(pair[side].shap)[:, places[side]]) for pair in pairs])
        for side in (0, 1)
    )
    return float(rank_agreement(one, two).mean()), len(pairs)
