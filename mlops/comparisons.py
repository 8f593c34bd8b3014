"""How a new version stands against another: both are asked about the same held-out rows.

A difference counts only when it is more than chance: the rows are drawn again many times, both
versions are scored on each draw, and the middle 95 % of the differences must leave out zero.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from mlops.predictions import load_version
from pipelines import metrics
from pipelines.errors import PipelineError
from pipelines.judging import decision_of
from pipelines.trial import answer_of, as_truth

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pandas as pd

    from mlops.workspace import Workspace
    from pipelines.adapters import Model
    from pipelines.metrics import Array, Metric
    from registry.versions import ModelVersion

DRAWS = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Two versions side by side. ``theirs`` is empty when the other could not answer."""

    other: str
    metric: str
    greater_is_better: bool
    ours: Mapping[str, float]
    theirs: Mapping[str, float]
    interval: tuple[float, float] | None
    """Of ours minus theirs by the metric, 95 %, over draws of the same rows."""
    rows: int
    note: str

    @property
    def verdict(self) -> str:
        """better, worse, no different, or unknown."""
        if self.interval is None:
            return "unknown"
        low, high = self.interval
        if low <= 0 <= high:
            return "no different"
        return "better" if (low > 0) == self.greater_is_better else "worse"

    @property
    def sentence(self) -> str:
        """The comparison in one line."""
        if self.interval is None:
            return f"Not compared with {self.other}: {self.note}"
        words = {"better": "Better than", "worse": "Worse than"}
        word = words.get(self.verdict, "No different from")
        ours, theirs, (low, high) = self.ours[self.metric], self.theirs[self.metric], self.interval
        told = (
            f"{word} {self.other}: {self.metric} {ours:.4f} against {theirs:.4f} on the same "
            f"{self.rows} held-out rows (difference {low:+.4f} to {high:+.4f}, 95 %)."
        )
        return f"{told} {self.note}".rstrip()

    def to_dict(self) -> dict[str, Any]:
        """Return everything as plain data."""
        return {
            "other": self.other,
            "metric": self.metric,
            "ours": dict(self.ours),
            "theirs": dict(self.theirs),
            "verdict": self.verdict,
            "interval": self.interval,
            "rows": self.rows,
            "note": self.note,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """A new version's side: the model, the rows it was judged on, and how it did."""

    model: Model
    metrics: Mapping[str, float]
    metric: Metric
    holdout: pd.DataFrame
    target: str | None
    data_digest: str

    @property
    def truth(self) -> Array:
        """What really happened, as metrics want it."""
        return as_truth(self.holdout[self.target], self.model.task, self.model.classes)

    def answer(self, model: Model, features: pd.DataFrame) -> Array:
        """Return a model's answer in the order of the new version's classes."""
        return answer_of(model, features, self.model.classes)


def compare(ws: Workspace, other: ModelVersion, judged: Judged) -> Comparison:
    """Ask another version about the rows a new one was judged on, and set both side by side."""
    theirs: Mapping[str, float] = {}
    interval, note = None, ""
    if other.data_digest != judged.data_digest:
        note = f"{other} learned from other data, which may hold some of these rows."
    if judged.target is None or not len(judged.holdout):
        note = "without labelled held-out rows there is nothing to compare by."
    elif other.metric != judged.metric.key:
        note = f"it was chosen by {other.metric}, not by {judged.metric.key}."
    else:
        try:
            theirs, interval = _side_by_side(ws, other, judged)
        except PipelineError as error:
            note = str(error)
    return Comparison(
        other=str(other),
        metric=judged.metric.key,
        greater_is_better=judged.metric.greater_is_better,
        ours=dict(judged.metrics),
        theirs=theirs,
        interval=interval,
        rows=len(judged.holdout),
        note=note,
    )


def _side_by_side(
    ws: Workspace, other: ModelVersion, judged: Judged
) -> tuple[dict[str, float], tuple[float, float] | None]:
    predictor = load_version(ws, other)
    if set(predictor.classes) != set(judged.model.classes):
        raise PipelineError(f"it knows the classes {predictor.classes}.")
    features = judged.holdout.drop(columns=judged.target)
    ours = judged.answer(judged.model, features)
    theirs = judged.answer(predictor.model, predictor.schema.conform(features))
    usual = metrics.usual_for(judged.model.task, len(judged.model.classes))
    decisions = decision_of(judged.model), decision_of(predictor.model)
    all_of_them = {metric.key: metric for metric in (*usual, judged.metric)}
    told = {
        key: metric.of(judged.truth, theirs, decisions[1]) for key, metric in all_of_them.items()
    }
    return told, difference(judged.metric, judged.truth, (ours, theirs), decisions)


def difference(
    metric: Metric,
    truth: Array,
    answers: Sequence[Array],
    decisions: Sequence[Array | None] = (None, None),
    seed: int = 0,
) -> tuple[float, float] | None:
    """Return the 95 % interval of the first answer's metric minus the second's, row by row.

    >>> from pipelines.task import Task
    >>> truth = np.arange(100.0)
    >>> rmse = metrics.find("rmse", Task.REGRESSION)
    >>> difference(rmse, truth, (truth, truth))
    (0.0, 0.0)
    """
    rng = np.random.default_rng(seed)
    gaps = []
    for _ in range(DRAWS):
        rows = rng.integers(0, len(truth), len(truth))
        ours, theirs = (
            metric.of(truth[rows], answer[rows], decision)
            for answer, decision in zip(answers, decisions, strict=True)
        )
        if np.isfinite(ours - theirs):
            gaps.append(ours - theirs)
    if not gaps:
        return None
    low, high = np.quantile(gaps, [0.025, 0.975])
    return float(low), float(high)
