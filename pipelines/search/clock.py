"""The clock of a search: how much of its budget is left, and what must be kept for the end."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

TRIAL_SHARE = 0.25
"""No trial may take more of the budget than this."""
LEAST_LIMIT = 10.0


@dataclass(slots=True)
class Clock:
    """Wall seconds and trials, counted from the start of the run; resumed ones go on counting."""

    seconds: float | None = None
    trials: int | None = None
    spent_before: float = 0.0
    started: float = field(default_factory=time.monotonic)
    trial_seconds: float | None = None
    """What somebody said that one trial may take."""
    ended_early: bool = False
    """Whether somebody pressed Ctrl-C."""

    @property
    def spent(self) -> float:
        """Seconds of searching so far, those before a resume included."""
        return self.spent_before + time.monotonic() - self.started

    @property
    def left(self) -> float:
        """Seconds left, infinite where nobody set a limit."""
        return float("inf") if self.seconds is None else self.seconds - self.spent

    @property
    def share_spent(self) -> float:
        """The share of the seconds that is gone; 0 without a limit."""
        return 0.0 if self.seconds is None else min(1.0, self.spent / self.seconds)

    def limit(self) -> float | None:
        """Return the seconds the next trial may take."""
        if self.seconds is None:
            return self.trial_seconds
        share = self.trial_seconds or max(LEAST_LIMIT, self.seconds * TRIAL_SHARE)
        return max(0.05, min(self.left, share))

    def has_trials(self, asked: int) -> bool:
        """Say whether one more trial may be asked."""
        return self.trials is None or asked < self.trials
