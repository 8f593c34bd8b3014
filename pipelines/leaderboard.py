"""The leaderboard: every trial with its outcome, best first.

Complete trials that beat the baseline come first. Then, by their scores, the baseline itself and
what was stopped: a score that rests on fewer folds counts against the baseline, but not against
a whole one. Then those that failed, with their reasons.
"""

from __future__ import annotations

import math
import statistics
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import pandas as pd
from scipy.stats import t as student

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pipelines.metrics import Metric
    from pipelines.trial import Outcome, Trial

COLUMNS = (
    "rank",
    "algorithm",
    "score",
    "p_value",
    "like_best",
    "trial",
    "seconds",
    "origin",
    "state",
    "failure",
    "params",
)
BASELINE = "dummy"
DIFFERENT = 0.05
"""Below this chance two trials differ."""


def chances(best: Sequence[float], others: Sequence[Sequence[float]], ratio: float) -> list[float]:
    """Return how likely each of some trials differs so much from the best by chance alone.

    The corrected resampled t-test of Nadeau and Bengio: folds share most of the rows they learned
    from, so that the plain test would see differences where there are none.

    >>> chances([0.8, 0.9, 0.7], [[0.8, 0.9, 0.7]], 0.25)
    [1.0]
    """
    gaps = np.array(best) - np.array(others)
    gaps = gaps[:, np.isfinite(gaps).all(axis=0)]
    folds = gaps.shape[1]
    if folds < 2:
        return [1.0] * len(others)
    means, spreads = np.abs(gaps.mean(axis=1)), gaps.var(axis=1, ddof=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        t = np.where(means == 0, 0.0, means / np.sqrt((1 / folds + ratio) * spreads))
    return [float(value) for value in 2 * student.sf(t, folds - 1)]


def ratio_of(folds: Sequence[tuple[Any, Any]]) -> float:
    """Return how many rows are judged on for each that is learned from.

    >>> ratio_of([([0, 1, 2, 3], [4])])
    0.25
    """
    shares = [len(test) / max(1, len(train)) for train, test in folds]
    return statistics.fmean(shares) if shares else 0.0


@dataclass(frozen=True, slots=True)
class Leaderboard:
    """Trials with their outcomes, in the order they ended. ``of`` is judged by one metric."""

    metric: Metric
    rows: tuple[tuple[Trial, Outcome], ...] = ()
    preferred: str | None = None
    """The algorithm that wins whatever the scores: where scores are no quality."""
    ratio: float = 0.0
    """Rows judged on for each row learned from, in a fold."""

    def __len__(self) -> int:
        """Return how many trials ended."""
        return len(self.rows)

    def with_row(self, trial: Trial, outcome: Outcome) -> Self:
        """Return a leaderboard with one row more."""
        return replace(self, rows=(*self.rows, (trial, outcome)))

    @property
    def ranked(self) -> tuple[tuple[Trial, Outcome], ...]:
        """All rows, best first; equal ones by their number."""
        floor = self._floor()
        return tuple(sorted(self.rows, key=lambda row: self._place(row, floor)))

    @property
    def best(self) -> tuple[Trial, Outcome] | None:
        """The best trial and its outcome, or None while nothing ended with a score."""
        first = self.ranked[:1]
        return first[0] if first and first[0][1].score is not None else None

    @property
    def failures(self) -> Mapping[str, int]:
        """How many trials failed, grouped by algorithm and reason, most frequent first."""
        counts: dict[str, int] = {}
        for trial, outcome in self.rows:
            if outcome.failure is not None:
                reason = f"{trial.algorithm_key}: {outcome.failure}"
                counts[reason] = counts.get(reason, 0) + 1
        return dict(sorted(counts.items(), key=lambda pair: -pair[1]))

    def best_of(self, algorithm_key: str) -> tuple[Trial, Outcome] | None:
        """Return the best trial of one algorithm, or None."""
        mine = [row for row in self.rows if row[0].algorithm_key == algorithm_key]
        return replace(self, rows=tuple(mine)).best

    @property
    def chances(self) -> Mapping[int, float]:
        """How likely a trial's folds differ from the best one's by chance alone, by its number.

        The best one is the best that was judged on every fold; it has no chance of its own.
        """
        rows = [row for row in self.ranked if row[1].state == "complete" and len(row[1].folds) > 1]
        if not rows or self.preferred is not None:
            return {}
        best = rows[0][1].folds
        others = [row for row in rows[1:] if len(row[1].folds) == len(best)]
        values = chances(best, [row[1].folds for row in others], self.ratio) if others else []
        return {row[0].number: value for row, value in zip(others, values, strict=True)}

    @property
    def like_best(self) -> tuple[int, ...]:
        """The trials that cannot be told from the best one, by their numbers, best first."""
        return tuple(number for number, value in self.chances.items() if value > DIFFERENT)

    def to_frame(self) -> pd.DataFrame:
        """Return one line per trial: rank, algorithm, score and what else there is to know."""
        likely = self.chances
        lines = [
            {
                "rank": rank,
                "algorithm": trial.algorithm_key,
                "score": outcome.score,
                "p_value": likely.get(trial.number),
                "like_best": likely.get(trial.number, 0.0) > DIFFERENT,
                "trial": trial.number,
                "seconds": outcome.seconds,
                "origin": trial.origin,
                "state": outcome.state,
                "failure": outcome.failure,
                "params": dict(trial.params),
            }
            for rank, (trial, outcome) in enumerate(self.ranked, start=1)
        ]
        return pd.DataFrame(lines, columns=COLUMNS)

    def _worth(self, outcome: Outcome) -> float:
        score = math.nan if outcome.score is None else self.metric.signed(outcome.score)
        return score if math.isfinite(score) else -math.inf

    def _floor(self) -> float:
        """Return what a complete trial must be worth more than to come first."""
        dummies = [row for row in self.rows if row[0].algorithm_key == BASELINE]
        return max((self._worth(outcome) for _, outcome in dummies), default=-math.inf)

    def _place(self, row: tuple[Trial, Outcome], floor: float) -> tuple[int, int, float, int]:
        trial, outcome = row
        worth = self._worth(outcome)
        group = 0 if outcome.state == "complete" and worth > floor else 1
        favoured = 0 if self.preferred in (None, trial.algorithm_key) else 1
        return 2 if outcome.failure else group, favoured, -worth, trial.number
