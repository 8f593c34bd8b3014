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
    from collections.abc import Sequence

    from pipelines.algorithms import Algorithm
    from pipelines.leaderboard import Leaderboard


def preferred_of(rows: Sequence[Algorithm]) -> str | None:
    """Return the detector that wins without labels: the first in the catalogue's order of turns.

    That is the documented default, or the best single detector among those that were named.
    """
    first = min(rows, key=lambda row: row.portfolio[0].turn, default=None)
    return None if first is None else first.key


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
