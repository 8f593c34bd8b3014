"""Where there are no labels, detectors are compared with one another.

The number says how a detector's ranks go with the mean ranks of all of them. It is a diagnostic,
not a quality: nothing is tuned on it, and the winner is the documented default.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from scipy.stats import rankdata

if TYPE_CHECKING:
    from pipelines.leaderboard import Leaderboard

PREFERRED = "knn"
"""The best single detector without labels: mean distance to 20 neighbours (FACTS.md)."""


def rescored(board: Leaderboard) -> Leaderboard:
    """Return the board with every score taken against the detectors that ended so far."""
    ranks = {
        trial.number: rankdata(outcome.out_of_fold)
        for trial, outcome in board.rows
        if outcome.failure is None and outcome.out_of_fold is not None
    }
    if not ranks:
        return board
    mean = np.mean(list(ranks.values()), axis=0)
    rows = []
    for trial, outcome in board.rows:
        if trial.number in ranks:
            score = board.metric.of(mean, ranks[trial.number])
            told = replace(outcome, score=score, metrics={board.metric.key: score})
            rows.append((trial, told))
        else:
            rows.append((trial, outcome))
    return replace(board, rows=tuple(rows))
