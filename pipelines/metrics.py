"""Metrics: rows that turn the truth and a model's answers into one number.

Classifiers answer with probabilities, regressors with values, detectors with strangeness; each row
says which part of the answer it wants. The truth of a classification is class codes 0..k-1, in the
order of the model's classes; with two classes, class 1 is the positive one. With more, precision,
recall and their kin are macro averages. What is computed stands in ``formulas``.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from sklearn import metrics as sk

from pipelines import formulas
from pipelines.errors import UnknownMetric
from pipelines.task import Task

if TYPE_CHECKING:
    from collections.abc import Callable

Array: TypeAlias = np.ndarray[Any, Any]

_CLASSES = frozenset({Task.CLASSIFICATION})
_VALUES = frozenset({Task.REGRESSION})
_STRANGE = frozenset({Task.ANOMALY})


@dataclass(frozen=True, slots=True)
class Metric:
    """One row. ``evaluate`` takes the truth and what the row ``wants`` of the answer."""

    key: str
    title: str
    greater_is_better: bool
    tasks: frozenset[Task]
    wants: str
    """labels (class codes), probabilities (n, k), scores (of the last class), or values."""
    evaluate: Callable[[Array, Array], float]
    only_two_classes: bool = False
    loss: str = ""
    """The objective that learns for it: quantile 0.9, poisson, tweedie, gamma; else nothing."""
    cut: Callable[[Array, Array], float] | None = None
    """By truth and scores, the chance from which on the last class is named, where it has one."""
    own: bool = False
    """Whether somebody brought it along; it is known in that program alone."""

    def of(self, truth: Array, answer: Array, decision: Array | None = None) -> float:
        """Return the metric of a whole answer; NaN where it is not defined.

        >>> find("accuracy", Task.CLASSIFICATION).of(np.array([0, 1]), np.array([[1, 0], [0, 1]]))
        1.0
        """
        if answer.ndim == 2 and self.wants == "labels":
            answer = decided(answer, decision)
        elif answer.ndim == 2 and self.wants == "scores":
            answer = answer[:, -1]
        return float(self.evaluate(truth, answer))

    def signed(self, value: float) -> float:
        """Return the value so that greater is better, whatever the metric.

        >>> find("rmse", Task.REGRESSION).signed(2.5)
        -2.5
        """
        return value if self.greater_is_better else -value


def decided(probabilities: Array, decision: Array | None = None) -> Array:
    """Return class codes: of the likeliest class, or of that whose weighted chance is greatest.

    >>> decided(np.array([[0.7, 0.3]]), np.array([0.2, 0.8])).tolist()
    [1]
    """
    weighted = probabilities if decision is None else probabilities * np.asarray(decision)
    codes: Array = weighted.argmax(axis=1)
    return codes


def _classes(
    key: str,
    title: str,
    wants: str,
    evaluate: Callable[[Array, Array], float],
    *,
    up: bool = True,
    only_two_classes: bool = False,
) -> Metric:
    return Metric(key, title, up, _CLASSES, wants, evaluate, only_two_classes)


def _values(
    key: str,
    title: str,
    evaluate: Callable[[Array, Array], float],
    *,
    up: bool = False,
    loss: str = "",
) -> Metric:
    return Metric(key, title, up, _VALUES, "values", evaluate, loss=loss)


def _pinball(percent: int) -> Metric:
    share = percent / 100
    title = f"Pinball loss at {percent} %"
    return _values(f"pinball_{percent}", title, formulas.pinball(share), loss=f"quantile {share}")


def _at(what: str, least: float, title: str) -> Metric:
    """Return a row for precision at a recall, or for recall at a precision."""
    evaluate, cut = formulas.operating_point(what, least)
    key = f"{what}_{round(100 * least)}"
    row = _classes(key, title, "scores", evaluate, only_two_classes=True)
    return replace(row, cut=cut)


def _strange(key: str, title: str, evaluate: Callable[[Array, Array], float]) -> Metric:
    return Metric(
        key, title, greater_is_better=True, tasks=_STRANGE, wants="scores", evaluate=evaluate
    )


ROWS: tuple[Metric, ...] = (
    _classes("roc_auc", "Area under the ROC curve", "probabilities", formulas.roc_auc),
    _classes(
        "average_precision",
        "Area under the precision-recall curve",
        "probabilities",
        formulas.average_precision,
    ),
    _classes("log_loss", "Log loss", "probabilities", formulas.log_loss, up=False),
    _classes("brier", "Brier score", "probabilities", formulas.brier, up=False),
    _classes(
        "calibration_error",
        "Expected calibration error",
        "probabilities",
        formulas.calibration_error,
        up=False,
    ),
    _classes(
        "top_2_accuracy", "True class among the first two", "probabilities", formulas.top_two
    ),
    _classes("accuracy", "Accuracy", "labels", formulas.accuracy),
    _classes(
        "error_rate",
        "Share of errors",
        "labels",
        lambda t, p: 1 - formulas.accuracy(t, p),
        up=False,
    ),
    _classes(
        "balanced_accuracy",
        "Mean recall",
        "labels",
        lambda t, p: float(formulas.recalls(t, p).mean()),
    ),
    _classes(
        "g_mean",
        "Geometric mean of recalls",
        "labels",
        lambda t, p: float(formulas.recalls(t, p).prod() ** (1 / len(np.unique(t)))),
    ),
    _classes("precision", "Precision", "labels", formulas.averaged(sk.precision_score)),
    _classes("recall", "Recall", "labels", formulas.averaged(sk.recall_score)),
    _classes("f1", "F1", "labels", formulas.averaged(sk.f1_score)),
    _classes("f1_micro", "F1, micro", "labels", formulas.averaged(sk.f1_score, average="micro")),
    _classes("f1_macro", "F1, macro", "labels", formulas.averaged(sk.f1_score, average="macro")),
    _classes(
        "f1_weighted", "F1, weighted", "labels", formulas.averaged(sk.f1_score, average="weighted")
    ),
    _classes("f2", "F2, recall counts more", "labels", formulas.averaged(sk.fbeta_score, beta=2)),
    _classes(
        "f05", "F0.5, precision counts more", "labels", formulas.averaged(sk.fbeta_score, beta=0.5)
    ),
    _classes("jaccard", "Jaccard index", "labels", formulas.averaged(sk.jaccard_score)),
    _classes("mcc", "Matthews correlation", "labels", sk.matthews_corrcoef),
    _classes("kappa", "Cohen's kappa", "labels", formulas.cohen_kappa),
    _classes("specificity", "Specificity", "labels", formulas.specificity, only_two_classes=True),
    _classes(
        "gini", "Gini coefficient", "probabilities", lambda t, p: 2 * formulas.roc_auc(t, p) - 1
    ),
    _classes(
        "ks",
        "Kolmogorov-Smirnov distance",
        "scores",
        formulas.kolmogorov_smirnov,
        only_two_classes=True,
    ),
    _classes(
        "lift_at_10",
        "Lift in the top tenth",
        "scores",
        formulas.lift_at_tenth,
        only_two_classes=True,
    ),
    _at("precision_at_recall", 0.8, "Precision where 80 % are found"),
    _at("precision_at_recall", 0.95, "Precision where 95 % are found"),
    _at("recall_at_precision", 0.5, "Share found where half of those named are right"),
    _at("recall_at_precision", 0.9, "Share found where 90 % of those named are right"),
    _values("rmse", "Root mean squared error", formulas.rmse),
    _values("mse", "Mean squared error", lambda t, p: formulas.rmse(t, p) ** 2),
    _values("mae", "Mean absolute error", formulas.mae, loss="quantile 0.5"),
    _values("median_ae", "Median absolute error", formulas.median_ae, loss="quantile 0.5"),
    _values("max_error", "Largest error", lambda t, p: float(np.abs(t - p).max())),
    _values("r2", "R²", formulas.r2, up=True),
    _values("explained_variance", "Explained variance", sk.explained_variance_score, up=True),
    _values("mape", "Mean absolute percentage error", formulas.mape),
    _values("smape", "Symmetric percentage error", formulas.smape),
    _values("wape", "Absolute error as a share of the total", formulas.wape),
    _values("msle", "Mean squared log error", formulas.msle),
    _values("rmsle", "Root mean squared log error", lambda t, p: math.sqrt(formulas.msle(t, p))),
    _values("poisson_deviance", "Poisson deviance", formulas.deviance(1), loss="poisson"),
    _values("tweedie_deviance", "Tweedie deviance", formulas.deviance(1.5), loss="tweedie"),
    _values("gamma_deviance", "Gamma deviance", formulas.deviance(2), loss="gamma"),
    *(_pinball(percent) for percent in (5, 10, 25, 50, 75, 90, 95)),
    _strange("roc_auc", "Area under the ROC curve", formulas.roc_auc),
    _strange(
        "average_precision", "Area under the precision-recall curve", formulas.average_precision
    ),
    _strange(
        "precision_at_n",
        "Precision among as many rows as there are anomalies",
        formulas.precision_at_n,
    ),
    _strange(
        "agreement",
        "Rank correlation with the mean rank of all detectors: a diagnostic, not a quality",
        formulas.agreement,
    ),
)


def for_task(task: Task, n_classes: int = 2) -> tuple[Metric, ...]:
    """Return every metric that makes sense for a task.

    >>> "rmse" in [metric.key for metric in for_task(Task.REGRESSION)]
    True
    """
    return tuple(
        row for row in ROWS if task in row.tasks and not (row.only_two_classes and n_classes > 2)
    )


def find(key: str, task: Task, n_classes: int = 2) -> Metric:
    """Return the metric with that key.

    Raises:
        UnknownMetric: No such metric for that task; close matches are offered.
    """
    rows = {row.key: row for row in for_task(task, n_classes)}
    if key not in rows:
        raise UnknownMetric(key, task, rows)
    return rows[key]


_USUAL: dict[Task, tuple[str, ...]] = {
    Task.REGRESSION: ("rmse", "mae", "r2", "median_ae"),
    Task.ANOMALY: ("roc_auc", "average_precision", "precision_at_n"),
}
_USUAL_TWO: tuple[str, ...] = (
    "roc_auc",
    "log_loss",
    "average_precision",
    "accuracy",
    "f1",
    "balanced_accuracy",
)
_USUAL_MANY: tuple[str, ...] = ("log_loss", "accuracy", "balanced_accuracy", "f1", "roc_auc")


def usual_for(task: Task, n_classes: int = 2) -> tuple[Metric, ...]:
    """Return the handful logged with every trial; the first one is the default.

    >>> [metric.key for metric in usual_for(Task.REGRESSION)]
    ['rmse', 'mae', 'r2', 'median_ae']
    """
    two = _USUAL_TWO if n_classes == 2 else _USUAL_MANY
    keys = two if task is Task.CLASSIFICATION else _USUAL[task]
    return tuple(find(key, task, n_classes) for key in keys)


def default_for(task: Task, n_classes: int = 2, *, labelled: bool = True) -> Metric:
    """Return the metric a search maximises when nobody says.

    >>> default_for(Task.CLASSIFICATION, 3).key
    'log_loss'
    """
    if task is Task.ANOMALY and not labelled:
        return find("agreement", task)
    return usual_for(task, n_classes)[0]
