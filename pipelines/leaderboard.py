"""The leaderboard: every trial with its outcome, best first.

Complete trials that beat the baseline come first. Then, by their scores, the baseline itself and
what was stopped: a score that rests on fewer folds counts against the baseline, but not against
a whole one. Then those that failed, with their reasons.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Self

import pandas as pd

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pipelines.metrics import Metric
    from pipelines.trial import Outcome, Trial

COLUMNS = (
    "rank",
    "algorithm",
    "score",
    "trial",
    "seconds",
    "origin",
    "state",
    "failure",
    "params",
)
BASELINE = "dummy"


@dataclass(frozen=True, slots=True)
class Leaderboard:
    """Trials with their outcomes, in the order they ended. ``of`` is judged by one metric."""

    metric: Metric
    rows: tuple[tuple[Trial, Outcome], ...] = ()
    preferred: str | None = None
    """The algorithm that wins whatever the scores: where scores are no quality."""

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

    def to_frame(self) -> pd.DataFrame:
        """Return one line per trial: rank, algorithm, score and what else there is to know."""
        lines = [
            {
                "rank": rank,
                "algorithm": trial.algorithm_key,
                "score": outcome.score,
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
