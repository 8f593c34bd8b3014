"""How a new version stands against another: both are asked about the same held-out rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mlops.predictions import load_version
from pipelines import metrics
from pipelines.errors import PipelineError
from pipelines.trial import answer_of, as_truth

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd

    from mlops.workspace import Workspace
    from pipelines.serving import Predictor
    from registry.versions import ModelVersion


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Two versions side by side. ``theirs`` is empty when the other could not answer."""

    other: str
    metric: str
    greater_is_better: bool
    ours: Mapping[str, float]
    theirs: Mapping[str, float]
    rows: int
    note: str

    @property
    def better(self) -> bool | None:
        """Whether the new one is better by the metric it was chosen by; None when unknown."""
        if self.metric not in self.theirs:
            return None
        gain = self.ours[self.metric] - self.theirs[self.metric]
        return gain > 0 if self.greater_is_better else gain < 0

    @property
    def sentence(self) -> str:
        """The comparison in one line."""
        if self.better is None:
            return f"Not compared with {self.other}: {self.note}"
        ours, theirs = self.ours[self.metric], self.theirs[self.metric]
        word = "equal to" if ours == theirs else ("better than" if self.better else "worse than")
        told = f"{word.capitalize()} {self.other}: {self.metric} {ours:.4f} against {theirs:.4f}"
        return f"{told} on the same {self.rows} held-out rows. {self.note}".rstrip()

    def to_dict(self) -> dict[str, Any]:
        """Return everything as plain data."""
        return {
            "other": self.other,
            "metric": self.metric,
            "ours": dict(self.ours),
            "theirs": dict(self.theirs),
            "better": self.better,
            "rows": self.rows,
            "note": self.note,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """A new version's side: the rows it was judged on, and how it did."""

    metrics: Mapping[str, float]
    metric: str
    holdout: pd.DataFrame
    target: str | None
    data_digest: str


def compare(ws: Workspace, other: ModelVersion, judged: Judged) -> Comparison:
    """Ask another version about the rows a new one was judged on, and set both side by side."""
    theirs: Mapping[str, float] = {}
    note = ""
    if other.data_digest != judged.data_digest:
        note = f"{other} learned from other data, which may hold some of these rows."
    if judged.target is None:
        note = "without labels there is nothing to compare by."
    elif other.metric != judged.metric:
        note = f"it was chosen by {other.metric}, not by {judged.metric}."
    else:
        try:
            theirs = _scores(load_version(ws, other), judged)
        except PipelineError as error:
            note = str(error)
    return Comparison(
        other=str(other),
        metric=judged.metric,
        greater_is_better=bool(other.evidence.get("greater_is_better", True)),
        ours=dict(judged.metrics),
        theirs=theirs,
        rows=len(judged.holdout),
        note=note,
    )


def _scores(predictor: Predictor, judged: Judged) -> dict[str, float]:
    """Return the other version's metrics on these rows."""
    features = predictor.schema.conform(judged.holdout.drop(columns=judged.target))
    classes = predictor.classes
    truth = as_truth(judged.holdout[judged.target], predictor.task, classes)
    answer = answer_of(predictor.model, features, classes)
    usual = metrics.usual_for(predictor.task, len(classes))
    return {metric.key: metric.of(truth, answer) for metric in usual}
