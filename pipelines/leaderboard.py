"""The leaderboard: every trial with its outcome, best first.

Complete trials come first; then those that were stopped, whose scores rest on fewer folds; then
those that failed, with their reasons.
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
_ORDER = {"complete": 0, "stopped": 1, "failed": 2}


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
        return tuple(sorted(self.rows, key=self._place))

    @property
    def best(self) -> tuple[Trial, Outcome] | None:
        """The best trial and its outcome, or None while nothing ended with a score."""
        scored = [row for row in self.rows if row[1].score is not None]
        return min(scored, key=self._place) if scored else None

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

    def _place(self, row: tuple[Trial, Outcome]) -> tuple[int, int, float, int]:
        trial, outcome = row
        score = math.nan if outcome.score is None else self.metric.signed(outcome.score)
        worth = -score if math.isfinite(score) else math.inf
        favoured = 0 if self.preferred in (None, trial.algorithm_key) else 1
        return _ORDER[outcome.state], favoured, worth, trial.number
