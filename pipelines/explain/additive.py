"""Models that only add up over raw columns, found out by asking: whatever they are made of.

Histogram and tail detectors (HBOS, ECOD, COPOD), naive Bayes on its log-odds and the like are
sums of one curve for each column. Such a curve is the answer to rows of which one column is the
explained row's and the rest a reference row's. That they add up is checked for every explained
row, so that nothing needs to be known of the model.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from pipelines.explain.linear import inside_less_outside
from pipelines.explain.question import Mixer

if TYPE_CHECKING:
    from pipelines.explain.copies import Bins
    from pipelines.explain.links import Link
    from pipelines.explain.question import Question

METHOD = "exact: its own sum over raw columns"
LINKS_TRIED = ("identity", "logit", "clr", "log")


@dataclass(frozen=True)
class AdditiveExplainer:
    """A model, a scale, the background and a reference row of it."""

    question: Question
    link: Link
    frame: pd.DataFrame
    reference: int

    @property
    def background_rows(self) -> int:
        """How many rows contributions are measured against."""
        return len(self.frame)

    @cached_property
    def curves(self) -> np.ndarray:
        """The background's moves from the reference: (rows, columns, outputs)."""
        return self.moves(self.frame)

    def moves(self, rows: pd.DataFrame) -> np.ndarray:
        """Return how each cell alone moves the reference row's answer."""
        mixer = Mixer.of(rows, self.frame.iloc[[self.reference]])
        many, columns = rows.shape
        own = np.eye(columns, dtype=bool)[None]
        which = np.where(own, np.arange(many)[:, None, None], many).reshape(-1, columns)
        answers = self.link.apply(self.question.ask(mixer.rows(which)))
        with np.errstate(invalid="ignore"):  # a log of nothing, less another
            return np.asarray(answers.reshape(many, columns, -1) - self.start)

    @cached_property
    def start(self) -> np.ndarray:
        """The answer to the reference row."""
        return np.asarray(self.link.apply(self.question.ask(self.frame.iloc[[self.reference]]))[0])

    def contributions(self, rows: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
        """Return (rows, columns, outputs) and the mean over the background."""
        usual = self.curves.mean(axis=0)
        return self.moves(rows) - usual, self.start + usual.sum(axis=0)

    def copied(self, bins: Bins, mine: np.ndarray) -> np.ndarray:
        """Return what LIME converges to: each column's mean inside the bin less that outside."""
        return inside_less_outside(self.curves, bins, mine)
