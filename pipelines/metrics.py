"""Metrics: rows that turn the truth and a model's answers into one number.

Classifiers answer with probabilities, regressors with values, detectors with strangeness; each row
says which part of the answer it wants. The truth of a classification is class codes 0..k-1, in the
order of the model's classes; with two classes, class 1 is the positive one. With more, precision,
recall and their kin are macro averages. What a search asks hundreds of times is plain NumPy.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from scipy.stats import rankdata
from sklearn import metrics as sk

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

    def of(self, truth: Array, answer: Array) -> float:
        """Return the metric of a whole answer; NaN where it is not defined.

        >>> find("accuracy", Task.CLASSIFICATION).of(np.array([0, 1]), np.array([[1, 0], [0, 1]]))
        1.0
        """
        if answer.ndim == 2 and self.wants == "labels":
            answer = answer.argmax(axis=1)
        elif answer.ndim == 2 and self.wants == "scores":
            answer = answer[:, -1]
        return float(self.evaluate(truth, answer))

    def signed(self, value: float) -> float:
        """Return the value so that greater is better, whatever the metric.

        >>> find("rmse", Task.REGRESSION).signed(2.5)
        -2.5
        """
        return value if self.greater_is_better else -value


def auc(truth: Array, scores: Array) -> float:
    """Return the area under the ROC curve, by ranks; NaN when one class is missing.

    >>> auc(np.array([0, 0, 1, 1]), np.array([0.1, 0.4, 0.35, 0.8]))
    0.75
    """
    positive = truth == 1
    ones = int(positive.sum())
    zeros = len(truth) - ones
    if ones == 0 or zeros == 0:
        return math.nan
    ranks = rankdata(scores)
    return float((ranks[positive].sum() - ones * (ones + 1) / 2) / (ones * zeros))


def _roc_auc(truth: Array, probabilities: Array) -> float:
    """One class against the rest, averaged over the classes that occur."""
    if probabilities.ndim == 1:
        return auc(truth, probabilities)
    if probabilities.shape[1] == 2:
        return auc(truth, probabilities[:, 1])
    each = [auc(truth == code, column) for code, column in enumerate(probabilities.T)]
    known = [value for value in each if not math.isnan(value)]
    return float(np.mean(known)) if known else math.nan


def _average_precision(truth: Array, answer: Array) -> float:
    if answer.ndim == 1:
        answer = np.column_stack([-answer, answer])
    codes = range(answer.shape[1]) if answer.shape[1] > 2 else [1]
    each = [
        sk.average_precision_score(truth == code, answer[:, code])
        for code in codes
        if (truth == code).any()
    ]
    return float(np.mean(each)) if each else math.nan


def _log_loss(truth: Array, probabilities: Array) -> float:
    given = probabilities[np.arange(len(truth)), truth] / probabilities.sum(axis=1)
    return float(-np.log(np.clip(given, np.finfo(float).eps, 1)).mean())


def _brier(truth: Array, probabilities: Array) -> float:
    wanted = np.eye(probabilities.shape[1])[truth]
    halved = 2 if probabilities.shape[1] == 2 else 1
    return float(((probabilities - wanted) ** 2).sum(axis=1).mean() / halved)


def _calibration_error(truth: Array, probabilities: Array) -> float:
    """Mean gap between confidence and accuracy over ten bins of confidence."""
    confidence = probabilities.max(axis=1)
    right = probabilities.argmax(axis=1) == truth
    bins = np.minimum((confidence * 10).astype(int), 9)
    gaps = [
        abs(right[bins == each].mean() - confidence[bins == each].mean()) * (bins == each).sum()
        for each in np.unique(bins)
    ]
    return float(sum(gaps) / len(truth))


def _top_two(truth: Array, probabilities: Array) -> float:
    best = np.argsort(-probabilities, axis=1, kind="stable")[:, :2]
    return float((best == truth[:, None]).any(axis=1).mean())


def _accuracy(truth: Array, labels: Array) -> float:
    return float((truth == labels).mean())


def _recalls(truth: Array, labels: Array) -> Array:
    return np.array([(labels[truth == code] == code).mean() for code in np.unique(truth)])


def _averaged(score: Callable[..., float], **options: Any) -> Callable[[Array, Array], float]:
    def evaluate(truth: Array, labels: Array) -> float:
        two = max(truth.max(initial=0), labels.max(initial=0)) <= 1
        average = options.get("average") or ("binary" if two else "macro")
        rest = {name: value for name, value in options.items() if name != "average"}
        return score(truth, labels, average=average, zero_division=0, **rest)

    return evaluate


def _cohen_kappa(truth: Array, labels: Array) -> float:
    return float(sk.cohen_kappa_score(truth, labels)) if len(np.unique(truth)) > 1 else math.nan


def _specificity(truth: Array, labels: Array) -> float:
    return float((labels[truth == 0] == 0).mean()) if (truth == 0).any() else math.nan


def _kolmogorov_smirnov(truth: Array, scores: Array) -> float:
    if len(np.unique(truth)) < 2:
        return math.nan
    false, true, _ = sk.roc_curve(truth, scores)
    return float((true - false).max())


def _lift_at_tenth(truth: Array, scores: Array) -> float:
    top = np.argsort(-scores, kind="stable")[: max(1, len(scores) // 10)]
    return float(truth[top].mean() / truth.mean()) if truth.any() else math.nan


def _precision_at_n(truth: Array, scores: Array) -> float:
    count = int((truth == 1).sum())
    top = np.argsort(-scores, kind="stable")[:count]
    return float((truth[top] == 1).mean()) if count else math.nan


def _agreement(reference: Array, scores: Array) -> float:
    """Spearman's correlation; 0 where one side is constant."""
    first, second = rankdata(reference), rankdata(scores)
    if first.std() == 0 or second.std() == 0:
        return 0.0
    return float(np.corrcoef(first, second)[0, 1])


def _rmse(truth: Array, values: Array) -> float:
    return float(np.sqrt(((truth - values) ** 2).mean()))


def _r2(truth: Array, values: Array) -> float:
    spread = ((truth - truth.mean()) ** 2).sum()
    return float(1 - ((truth - values) ** 2).sum() / spread) if spread else math.nan


def _mape(truth: Array, values: Array) -> float:
    known = truth != 0
    return (
        float(np.abs((truth - values)[known] / truth[known]).mean()) if known.any() else math.nan
    )


def _smape(truth: Array, values: Array) -> float:
    size = np.abs(truth) + np.abs(values)
    gap = 2 * np.abs(truth - values)
    return float(np.divide(gap, size, out=np.zeros(len(gap)), where=size > 0).mean())


def _wape(truth: Array, values: Array) -> float:
    total = np.abs(truth).sum()
    return float(np.abs(truth - values).sum() / total) if total else math.nan


def _msle(truth: Array, values: Array) -> float:
    if (truth <= -1).any():
        return math.nan
    return float(((np.log1p(truth) - np.log1p(np.maximum(values, 0))) ** 2).mean())


def _deviance(power: int) -> Callable[[Array, Array], float]:
    def evaluate(truth: Array, values: Array) -> float:
        if (truth < 0).any() or (power > 1 and (truth == 0).any()):
            return math.nan
        positive = np.maximum(values, 1e-9)
        return float(sk.mean_tweedie_deviance(truth, positive, power=power))

    return evaluate


def _pinball(alpha: float) -> Callable[[Array, Array], float]:
    def evaluate(truth: Array, values: Array) -> float:
        gap = truth - values
        return float(np.maximum(alpha * gap, (alpha - 1) * gap).mean())

    return evaluate


def _classes(
    key: str, title: str, wants: str, evaluate: Callable[[Array, Array], float], **options: bool
) -> Metric:
    up = options.pop("up", True)
    return Metric(key, title, up, _CLASSES, wants, evaluate, **options)


def _values(
    key: str, title: str, evaluate: Callable[[Array, Array], float], *, up: bool = False
) -> Metric:
    return Metric(key, title, up, _VALUES, "values", evaluate)


def _strange(key: str, title: str, evaluate: Callable[[Array, Array], float]) -> Metric:
    return Metric(
        key, title, greater_is_better=True, tasks=_STRANGE, wants="scores", evaluate=evaluate
    )


ROWS: tuple[Metric, ...] = (
    _classes("roc_auc", "Area under the ROC curve", "probabilities", _roc_auc),
    _classes(
        "average_precision",
        "Area under the precision-recall curve",
        "probabilities",
        _average_precision,
    ),
    _classes("log_loss", "Log loss", "probabilities", _log_loss, up=False),
    _classes("brier", "Brier score", "probabilities", _brier, up=False),
    _classes(
        "calibration_error",
        "Expected calibration error",
        "probabilities",
        _calibration_error,
        up=False,
    ),
    _classes("top_2_accuracy", "True class among the first two", "probabilities", _top_two),
    _classes("accuracy", "Accuracy", "labels", _accuracy),
    _classes(
        "error_rate", "Share of errors", "labels", lambda t, p: 1 - _accuracy(t, p), up=False
    ),
    _classes(
        "balanced_accuracy", "Mean recall", "labels", lambda t, p: float(_recalls(t, p).mean())
    ),
    _classes(
        "g_mean",
        "Geometric mean of recalls",
        "labels",
        lambda t, p: float(_recalls(t, p).prod() ** (1 / len(np.unique(t)))),
    ),
    _classes("precision", "Precision", "labels", _averaged(sk.precision_score)),
    _classes("recall", "Recall", "labels", _averaged(sk.recall_score)),
    _classes("f1", "F1", "labels", _averaged(sk.f1_score)),
    _classes("f1_micro", "F1, micro", "labels", _averaged(sk.f1_score, average="micro")),
    _classes("f1_macro", "F1, macro", "labels", _averaged(sk.f1_score, average="macro")),
    _classes("f1_weighted", "F1, weighted", "labels", _averaged(sk.f1_score, average="weighted")),
    _classes("f2", "F2, recall counts more", "labels", _averaged(sk.fbeta_score, beta=2)),
    _classes("f05", "F0.5, precision counts more", "labels", _averaged(sk.fbeta_score, beta=0.5)),
    _classes("jaccard", "Jaccard index", "labels", _averaged(sk.jaccard_score)),
    _classes("mcc", "Matthews correlation", "labels", sk.matthews_corrcoef),
    _classes("kappa", "Cohen's kappa", "labels", _cohen_kappa),
    _classes("specificity", "Specificity", "labels", _specificity, only_two_classes=True),
    _classes("gini", "Gini coefficient", "probabilities", lambda t, p: 2 * _roc_auc(t, p) - 1),
    _classes(
        "ks", "Kolmogorov-Smirnov distance", "scores", _kolmogorov_smirnov, only_two_classes=True
    ),
    _classes(
        "lift_at_10", "Lift in the top tenth", "scores", _lift_at_tenth, only_two_classes=True
    ),
    _values("rmse", "Root mean squared error", _rmse),
    _values("mse", "Mean squared error", lambda t, p: _rmse(t, p) ** 2),
    _values("mae", "Mean absolute error", lambda t, p: float(np.abs(t - p).mean())),
    _values("median_ae", "Median absolute error", lambda t, p: float(np.median(np.abs(t - p)))),
    _values("max_error", "Largest error", lambda t, p: float(np.abs(t - p).max())),
    _values("r2", "R²", _r2, up=True),
    _values("explained_variance", "Explained variance", sk.explained_variance_score, up=True),
    _values("mape", "Mean absolute percentage error", _mape),
    _values("smape", "Symmetric percentage error", _smape),
    _values("wape", "Absolute error as a share of the total", _wape),
    _values("msle", "Mean squared log error", _msle),
    _values("rmsle", "Root mean squared log error", lambda t, p: math.sqrt(_msle(t, p))),
    _values("poisson_deviance", "Poisson deviance", _deviance(1)),
    _values("gamma_deviance", "Gamma deviance", _deviance(2)),
    _values("pinball_10", "Pinball loss at 10 %", _pinball(0.1)),
    _values("pinball_90", "Pinball loss at 90 %", _pinball(0.9)),
    _strange("roc_auc", "Area under the ROC curve", _roc_auc),
    _strange("average_precision", "Area under the precision-recall curve", _average_precision),
    _strange(
        "precision_at_n", "Precision among as many rows as there are anomalies", _precision_at_n
    ),
    _strange(
        "agreement",
        "Rank correlation with the mean rank of all detectors: a diagnostic, not a quality",
        _agreement,
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
