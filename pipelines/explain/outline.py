"""What a comparison of two versions looks at: shares, directions and contributions by row.

A whole report holds more than that. An outline of another version, or of a retrain, is made on
the same rows against the same background in a small part of the time.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from pipelines.explain import overall, work
from pipelines.explain.question import Clock, OutOfTime, Question

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd

    from pipelines.explain.question import Explainable
    from pipelines.explain.report import Report

ROWS = 2_000
KEPT_ROWS = 200
"""Rows whose contributions are compared one by one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outline:
    """One model on some rows. Shares are of all movement."""

    task: str
    outputs: tuple[str, ...]
    columns: tuple[str, ...]
    shares: Mapping[str, float]
    directions: Mapping[str, float]
    rows: Mapping[str, np.ndarray]
    """By name: (outputs, columns)."""


def outline_of(report: Report) -> Outline:
    """Return what a report says of it."""
    return Outline(
        task=report.about.task,
        outputs=report.about.outputs,
        columns=report.about.columns,
        shares={weight.column: weight.share for weight in report.overall.weights},
        directions={weight.column: weight.direction for weight in report.overall.weights},
        rows={case.row: np.array(case.shap) for case in report.local.cases},
    )


def outline(
    predictor: Explainable,
    frame: pd.DataFrame,
    background: pd.DataFrame,
    *,
    seconds: float = 10.0,
    seed: int = 0,
) -> Outline:
    """Explain at most 2,000 of the rows, the same for every model with one seed.

    Raises:
        SchemaMismatch: The rows do not look like what the model learned from.
        OutOfTime: There was no time for any.
    """
    some = np.sort(np.random.default_rng(seed).permutation(len(frame))[:ROWS])
    question = Question(predictor)
    job = work.begin(question, frame.iloc[some], None, background, Clock(seconds), seed)
    job = work.attribute(job, np.arange(min(KEPT_ROWS, len(some))))
    if job.attribution is None:
        raise OutOfTime
    weights = overall.weights(job)
    kept = job.explained[job.explained < KEPT_ROWS]
    values = np.swapaxes(job.shap_of(kept).values, 1, 2)
    return Outline(
        task=str(question.task),
        outputs=question.outputs,
        columns=job.columns,
        shares={weight.column: weight.share for weight in weights},
        directions={weight.column: weight.direction for weight in weights},
        rows={job.names[place]: one for place, one in zip(kept.tolist(), values, strict=True)},
    )
