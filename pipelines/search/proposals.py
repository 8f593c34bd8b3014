"""What to try next: the known-good configurations first, then what the studies ask.

The line-up is a race: a configuration whose first fold is far behind the best is not worth the
other folds. How far is measured against the baseline, so that it means the same for all metrics.
"""

from __future__ import annotations

import statistics
from typing import TYPE_CHECKING, Any

from pipelines.search.studies import Studies
from pipelines.trial import Trial

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pipelines.algorithms import Algorithm, Entry
    from pipelines.leaderboard import Leaderboard
    from pipelines.metrics import Metric
    from pipelines.search.clock import Clock
    from pipelines.trial import Origin, Outcome

LINE_UP_SHARE = 0.6
"""How much of the trials, or of the time, the line-up may take."""
SHORT_LIST = 6
SEVERAL_CLASSES, LATER = 4, 12
"""Boosting grows a tree per class and round: with more classes than this, it waits its turns."""
MANY_CLASSES, EARLIER = 7, 10
"""What measures distances costs about the same for any classes: with so many it comes before."""
BEHIND: dict[Origin, float] = {"default": 0.15, "portfolio": 0.1, "tuned": 0.05}
"""How far behind the best first fold, as a share of its lead over the baseline, a trial may be."""


class Proposals:
    """Hands out trials, in an order that depends on the outcomes told and nothing else."""

    def __init__(
        self,
        rows: Sequence[Algorithm],
        metric: Metric,
        seed: int,
        *,
        race: bool,
        tune: bool,
        classes: int = 2,
    ) -> None:
        self._studies = Studies(rows if tune else (), metric, seed)
        self._seed, self._race = seed, race
        line = _line_up(rows, classes)
        self._line = line if tune else [pair for pair in line if pair[1] is pair[0].portfolio[0]]
        self._number = 0
        self._seconds: dict[str, list[float]] = {}
        self.handed_out = 0

    def tell(self, trial: Trial, outcome: Outcome) -> None:
        """Learn from an outcome."""
        self._studies.tell(trial, outcome)
        self._seconds.setdefault(trial.algorithm_key, []).append(outcome.seconds)

    def replay(self, trial: Trial, outcome: Outcome) -> None:
        """Learn from an outcome of before a resume; its trial is not handed out again."""
        self.tell(trial, outcome)
        self._number = max(self._number, trial.number + 1)
        self.handed_out += 1

    def next(self, clock: Clock, board: Leaderboard) -> Trial | None:
        """Return the next trial, or None when there is nothing left worth the time."""
        if not clock.has_trials(self.handed_out):
            return None
        return self._from_line(clock, board) or self._from_studies(clock, board)

    def _from_line(self, clock: Clock, board: Leaderboard) -> Trial | None:
        while self._line and not self._line_is_over(clock):
            row, entry = self._line.pop(0)
            if self._studies.saw(row.key, entry.params) or not self._affordable(row.key, clock):
                continue
            self._studies.mark(row.key, entry.params)
            origin: Origin = "default" if entry is row.portfolio[0] else "portfolio"
            return self._trial(row.key, entry.params, origin, board)
        return None

    def _line_is_over(self, clock: Clock) -> bool:
        """Say whether tuning must begin; what nobody can tune goes on down the line."""
        if not self._studies.can_ask or self.handed_out < 2:
            return False
        by_trials = clock.trials is not None and self.handed_out >= LINE_UP_SHARE * clock.trials
        return by_trials or clock.share_spent >= LINE_UP_SHARE

    def _from_studies(self, clock: Clock, board: Leaderboard) -> Trial | None:
        asked = self._studies.ask(self._number, lambda key: self._affordable(key, clock))
        return self._trial(*asked, "tuned", board) if asked else None

    def _trial(
        self, key: str, params: Mapping[str, Any], origin: Origin, board: Leaderboard
    ) -> Trial:
        number, self._number = self._number, self._number + 1
        self.handed_out += 1
        bar = self._bar(board, BEHIND[origin]) if self._race else None
        return Trial(number, key, dict(params), self._seed, origin, bar)

    def _affordable(self, key: str, clock: Clock) -> bool:
        """Say whether a trial like those before would end in time."""
        known = self._seconds.get(key)
        return not known or statistics.median(known) <= clock.left

    def _bar(self, board: Leaderboard, behind: float) -> float | None:
        first = [row for row in board.rows if row[1].state == "complete" and row[1].folds]
        dummies = [row[1].folds[0] for row in first if row[0].algorithm_key == "dummy"]
        if not dummies:
            return None
        signed = board.metric.signed
        best = max((row[1].folds[0] for row in first), key=signed)
        return best - behind * (best - dummies[0])


def _line_up(rows: Sequence[Algorithm], classes: int) -> list[tuple[Algorithm, Entry]]:
    pairs = [(row, entry) for row in rows for entry in row.portfolio]
    # Somebody chose a short list: each gets its default before any gets a second try.
    short = len(rows) <= SHORT_LIST

    def place(pair: tuple[Algorithm, Entry]) -> tuple[bool, int]:
        row, entry = pair
        boosts = row.explain_with == "tree" and row.adapter == "boosters"
        turn = entry.turn
        if classes > SEVERAL_CLASSES and boosts and turn:
            turn += LATER
        elif classes > MANY_CLASSES and "scaled" in row.needs:
            turn = max(2, turn - EARLIER)
        return short and entry is not row.portfolio[0], turn

    return sorted(pairs, key=place)
