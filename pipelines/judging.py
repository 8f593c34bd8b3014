"""What a model is worth on rows kept apart, and how sure that is.

The interval comes from drawing the same rows again, many times; rows that belong together are
drawn together. It says what other rows might have told of this model, and is never chosen by.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from pipelines.errors import UnknownMetric
from pipelines.metrics import default_for, find, usual_for
from pipelines.own_metric import as_metric
from pipelines.task import Task
from pipelines.trial import answer_of, as_truth

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pandas as pd

    from pipelines.adapters import Model
    from pipelines.dataset import Dataset
    from pipelines.metrics import Array, Metric

LEVEL = 0.95
FEWEST_ROWS = 10
"""Fewer rows than this say nothing about how others would have answered."""
ROWS_DRAWN = 2_000_000
"""So many rows are drawn in all, in 100 to 1,000 draws: a large table needs fewer."""


@dataclass(frozen=True, slots=True)
class Apart:
    """Rows that took no part in choosing, and what is asked about them."""

    features: pd.DataFrame
    truth: Array
    classes: tuple[Any, ...]
    metrics: tuple[Metric, ...]
    """The first one decides."""
    groups: Array | None = None
    """Rows with one value belong together."""


@dataclass(frozen=True, slots=True)
class Judgement:
    """What a model did on the rows kept apart."""

    metrics: Mapping[str, float]
    interval: tuple[float, float] | None = None
    """Of the metric that decides, 95 %; None where there are too few rows."""
    answer: Array | None = None


def apart(
    holdout: pd.DataFrame, dataset: Dataset, classes: tuple[Any, ...], metrics: tuple[Metric, ...]
) -> Apart | None:
    """Return the rows to judge by; None where there are none, or no labels."""
    if dataset.target is None or not len(holdout):
        return None
    truth = as_truth(holdout[dataset.target], dataset.task, classes)
    return Apart(holdout.drop(columns=dataset.target), truth, classes, metrics)


def judge(model: Model, rows: Apart, *, seed: int = 0) -> Judgement:
    """Return every metric that is defined there, with an interval for the first."""
    answer = answer_of(model, rows.features, rows.classes)
    decision = decision_of(model)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        values = {each.key: each.of(rows.truth, answer, decision) for each in rows.metrics}
        known = {key: value for key, value in values.items() if np.isfinite(value)}
        found = interval(rows, answer, decision, seed)
    return Judgement(known, found, answer)


def interval(
    rows: Apart, answer: Array, decision: Array | None = None, seed: int = 0
) -> tuple[float, float] | None:
    """Return the middle 95 % of the first metric over rows drawn again, or None."""
    count = len(rows.truth)
    if count < FEWEST_ROWS:
        return None
    metric, draw = rows.metrics[0], np.random.default_rng(seed)
    values = []
    for _ in range(int(np.clip(ROWS_DRAWN // count, 100, 1000))):
        some = _drawn(count, rows.groups, draw)
        values.append(metric.of(rows.truth[some], answer[some], decision))
    finite = np.array(values)[np.isfinite(values)]
    if len(finite) < len(values) / 2:
        return None
    low, high = np.quantile(finite, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return float(low), float(high)


def _drawn(count: int, groups: Array | None, draw: np.random.Generator) -> Array:
    if groups is None:
        return draw.integers(0, count, count)
    names, codes = np.unique(groups, return_inverse=True)
    order = np.argsort(codes, kind="stable")
    parts = np.split(order, np.cumsum(np.bincount(codes))[:-1])
    return np.concatenate([parts[at] for at in draw.integers(0, len(names), len(names))])


def decision_of(model: Model) -> Array | None:
    """Return how a model weighs its classes when it must name one; None where evenly."""
    weights = getattr(model, "decision", None)
    return None if weights is None else np.asarray(weights, dtype=float)


def metric_for(dataset: Dataset, asked: object, classes: Sequence[Any]) -> Metric:
    """Return the metric that was asked for, or the usual one.

    Raises:
        UnknownMetric: No such metric for this task.
        BadSetting: It is a function, and no metric.
    """
    unlabelled = dataset.labels is None
    if unlabelled and asked not in (None, "agreement"):
        raise UnknownMetric(str(asked), "anomalies without labels", ["agreement"])
    if asked is None:
        return default_for(dataset.task, len(classes), labelled=not unlabelled)
    if isinstance(asked, str):
        return find(asked, dataset.task, max(2, len(classes)))
    labels = [] if dataset.labels is None else dataset.labels.dropna().head(50).tolist()
    words = classes if dataset.task is Task.CLASSIFICATION else ()
    return as_metric(asked, dataset.task, labels, words)


def judged_by(metric: Metric, dataset: Dataset, classes: int) -> tuple[Metric, ...]:
    """Return the metric that decides, then the usual ones."""
    if dataset.target is None:
        return (metric,)
    usual = usual_for(dataset.task, classes)
    return (metric, *(each for each in usual if each.key != metric.key))
