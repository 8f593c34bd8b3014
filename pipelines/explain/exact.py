"""An exact method that fits one model: it proves itself on every row that it explains."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from pipelines.errors import UnfaithfulExplanation
from pipelines.explain.attribution import Attribution
from pipelines.explain.links import TOLERANCE, centred, worst_gap

if TYPE_CHECKING:
    import pandas as pd

    from pipelines.explain.copies import Bins
    from pipelines.explain.links import Link
    from pipelines.explain.question import Matrix, Question


class Explainer(Protocol):
    """What an exact method offers once it has read a model."""

    @property
    def background_rows(self) -> int:
        """How many rows contributions are measured against."""

    def contributions(self, rows: Any, /) -> tuple[np.ndarray, np.ndarray]:
        """Return contributions (rows, columns, outputs) and the mean over the background."""

    def copied(self, bins: Bins, mine: np.ndarray) -> np.ndarray:
        """Return what LIME converges to for rows in these bins."""


@dataclass(frozen=True)
class Exact:
    """An exact method that fits one model, and the scale on which it does."""

    question: Question
    explainer: Explainer
    method: str
    link: Link
    offset: np.ndarray
    single: bool
    factor: float = 1.0
    """What a wrapper around the estimator multiplies its sums by."""
    shift: float = 0.0
    """What the answers are moved by before the link."""
    prepares: bool = True
    """Whether the explainer takes prepared rows; else it takes raw ones."""

    questions_per_row: int = 1
    """How many answers of the model one row takes."""

    def __call__(self, frame: pd.DataFrame, answers: Matrix) -> Attribution:
        """Return the contributions, checked against the model's answers.

        Raises:
            UnfaithfulExplanation: they do not add up to them.
        """
        rows = prepared(self.question, frame) if self.prepares else frame
        values, base = self.explainer.contributions(rows)
        values, base = values * self.factor, base * self.factor
        if self.link.centred:
            values, base = centred(values), centred(base)
        base = base + self.offset
        gap = worst_gap(
            self.link, base + values.sum(axis=1), answers - self.shift, single=self.single
        )
        if not gap <= TOLERANCE:  # also when it is no number
            raise UnfaithfulExplanation(self.method, gap)
        return Attribution(
            values=values,
            base=base,
            method=self.method,
            unit=self.link.words,
            background=self.explainer.background_rows,
            link=self.link.name,
            shift=self.shift,
            gap=gap,
        )

    def copied(self, bins: Bins, mine: np.ndarray) -> np.ndarray:
        """Return what LIME converges to, on the same scale."""
        values = self.explainer.copied(bins, mine) * self.factor
        return centred(values) if self.link.centred else values


def prepared(question: Question, frame: pd.DataFrame) -> np.ndarray:
    """Return the rows as the estimator inside the pipeline sees them."""
    model = question.predictor.model
    made = model.pipeline.named_steps["prepare"].transform(frame)
    cells = np.asarray(made.toarray() if hasattr(made, "toarray") else made, dtype=np.float64)
    looked_at = getattr(model, "varying", None)
    return cells if looked_at is None else cells[:, np.asarray(looked_at, dtype=bool)]
