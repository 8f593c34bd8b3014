"""A metric that somebody brought along: a function of their own, held in that program alone.

It is given the truth and the answers in the words of the data, as scikit-learn's own metrics
are, and travels to the workers by value.
"""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from pipelines.errors import BadSetting
from pipelines.metrics import Array, Metric, for_task
from pipelines.task import Task

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

PARTS = ("labels", "probabilities", "scores")


class OwnMetric(NamedTuple):
    """A function of truth and answers, with its name.

    >>> OwnMetric("profit", lambda truth, answers: 0.0).greater_is_better
    True
    """

    name: str
    function: Callable[[Any, Any], float]
    greater_is_better: bool = True
    wants: str = "labels"
    """What a classifier hands it: labels, probabilities (rows, classes), or scores, which are the
    probabilities of the last class. A regressor hands it values."""


@dataclass(frozen=True, slots=True)
class _InWords:
    """Calls the function with labels as they are in the data, not with their codes."""

    name: str
    function: Callable[[Any, Any], float]
    classes: tuple[Any, ...]
    wants: str

    def __call__(self, truth: Array, answer: Array) -> float:
        if self.classes:
            words = np.array(self.classes)
            truth = words[truth]
            answer = words[answer] if self.wants == "labels" else answer
        found = self.function(truth, answer)
        try:
            return float(found)
        except (TypeError, ValueError) as error:
            raise TypeError(f"{self.name} returned {found!r}, which is no number") from error


def as_metric(given: object, task: Task, labels: Sequence[Any], classes: Sequence[Any]) -> Metric:
    """Return the row of a function, or of (name, function, greater_is_better, wants).

    It is tried on a few labels first, so that a slip is told before the search begins.

    Raises:
        BadSetting: It is no function of two things, has the name of a known metric, or fails.
    """
    own = named(given)
    known = {row.key for row in for_task(task)}
    if own.name in known:
        raise BadSetting("metric", own.name, "That name is taken by a metric of ours. Rename it.")
    if own.wants not in PARTS:
        raise BadSetting("metric", own.wants, f"It can be given {', '.join(PARTS)}.")
    wants = own.wants if task is Task.CLASSIFICATION else "values"
    row = Metric(
        key=own.name,
        title=own.name.replace("_", " "),
        greater_is_better=bool(own.greater_is_better),
        tasks=frozenset({task}),
        wants=wants,
        evaluate=_InWords(own.name, own.function, tuple(classes), wants),
        own=True,
    )
    _try(row, labels, classes)
    return row


def named(given: object) -> OwnMetric:
    """Return a function with its name, however it was given.

    Raises:
        BadSetting: It is nothing of the kind.
    """
    if callable(given):
        name = getattr(given, "__name__", type(given).__name__)
        return OwnMetric("own_metric" if name == "<lambda>" else name, given)
    if isinstance(given, tuple) and 2 <= len(given) <= 4:
        name, function = given[:2]
        if isinstance(name, str) and name.isidentifier() and callable(function):
            return OwnMetric(*given)
    raise BadSetting(
        "metric",
        given,
        "Give a name, a function of truth and answers, or (name, function, greater_is_better).",
    )


def _try(row: Metric, labels: Sequence[Any], classes: Sequence[Any]) -> None:
    truth, answer = _example(labels, classes)
    try:
        row.of(truth, answer)
    except Exception as error:
        reason = " ".join(str(error).split())[:200]
        raise BadSetting(
            "metric",
            row.key,
            f"It failed when it was tried: {type(error).__name__}: {reason}. It is called as "
            f"{row.key}(truth, {row.wants}) with {len(truth)} rows; {_signature(row)}.",
        ) from error


def _example(labels: Sequence[Any], classes: Sequence[Any]) -> tuple[Array, Array]:
    """Return some truth, every class in it, and an answer that is nearly right."""
    if not classes:
        values = np.asarray(labels, dtype=float)
        return values, values + 0.1
    codes = np.tile(np.arange(len(classes)), 10)
    answer = np.full((len(codes), len(classes)), 0.4 / len(classes))
    answer[np.arange(len(codes)), np.roll(codes, 1)] += 0.3
    answer[np.arange(len(codes)), codes] += 0.3
    return codes, answer


def _signature(row: Metric) -> str:
    function = getattr(row.evaluate, "function", row.evaluate)
    try:
        return f"it takes {inspect.signature(function)}"
    except (TypeError, ValueError):
        return "what it takes is not known"
