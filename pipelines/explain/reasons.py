"""Why each of a few rows is strange, in a few words: the columns that add most to its score.

The contributions are SHAP values in raw columns, exact where a method for the model exists. What
is explained is the score itself, so a column named here makes the row stranger, whatever the
detector's own sign is.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from pipelines.errors import UnfaithfulExplanation
from pipelines.explain import router
from pipelines.explain.question import Question, worded
from pipelines.explain.sampling import Effort, draw

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pipelines.explain.question import Explainable

NAMED = 3
PAIRS = 6
BACKGROUND = 200


@dataclass(frozen=True, slots=True)
class Reasons:
    """Contributions (rows, columns) to the scores of some rows."""

    rows: pd.DataFrame
    contributions: np.ndarray
    method: str
    usual: pd.DataFrame

    @property
    def told(self) -> list[str]:
        """One text a row: the columns that add most, with value and contribution."""
        found = []
        for place, values in enumerate(self.contributions):
            top = [at for at in np.argsort(-values)[:NAMED] if values[at] > 0]
            cells = [
                f"{self.rows.columns[at]}={worded(self.rows.iloc[place, at], 4)}"
                f" (+{values[at]:.2g})"
                for at in top
            ]
            found.append("; ".join(cells))
        return found


def of(predictor: Explainable, frame: pd.DataFrame, background: pd.DataFrame) -> Reasons:
    """Explain the scores of some rows against rows that are usual."""
    question = Question(predictor)
    rows = question.conform(frame)
    usual = question.conform(background.head(BACKGROUND))
    exact, _ = router.exact(question, usual, rows)
    if exact is not None:
        try:
            found = exact(rows, question.ask(rows))
            return Reasons(rows, found.values[:, :, 0], found.method, usual)
        except UnfaithfulExplanation:
            pass
    found = draw(question, rows, usual, Effort(PAIRS))
    return Reasons(rows, found.values[:, :, 0], found.method, usual)


def next_to_label(
    scores: np.ndarray, threshold: float, cells: np.ndarray, many: int, known: Sequence[int] = ()
) -> list[int]:
    """Choose rows whose labels would teach most: one of the strangest and one on the edge in turn.

    Within each kind the one goes first that is least like the rows chosen before, so that a large
    table, which has many rows on the edge, still shows its strangest.

    Args:
        scores: How strange each row is.
        threshold: Where rows begin to be called anomalies.
        cells: The rows as numbers of one size, to keep the chosen ones apart.
        many: How many to choose.
        known: Rows that have a label.

    >>> cells = np.array([[0.0], [5.0], [5.1], [9.0]])
    >>> next_to_label(np.array([0.0, 5.0, 5.1, 9.0]), 5.0, cells, 2)
    [3, 1]
    """
    places = scores.argsort().argsort() / max(1, len(scores) - 1)
    edge = float((scores <= threshold).mean())
    free = np.setdiff1d(np.arange(len(scores)), np.asarray(known, dtype=int))
    some = min(2 * many, max(many, len(free) // 10))
    strange = free[np.argsort(-scores[free], kind="stable")]
    close = free[np.argsort(np.abs(places[free] - edge), kind="stable")]
    chosen: list[int] = []
    for turn in range(min(many, len(free))):
        ranked = close if turn % 2 else strange
        pool = ranked[~np.isin(ranked, chosen)][:some]
        best = 0
        if chosen:
            gaps = np.abs(cells[pool][:, None] - cells[chosen][None]).mean(axis=2).min(axis=1)
            best = int(np.argmax(gaps))
        chosen.append(int(pool[best]))
    return chosen
