"""What metrics compute: the truth and one part of an answer in, one number out.

What a search asks hundreds of times is plain NumPy. A number that is not defined is NaN.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from scipy.stats import rankdata
from sklearn import metrics as sk

if TYPE_CHECKING:
    from collections.abc import Callable

Array: TypeAlias = np.ndarray[Any, Any]


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


def roc_auc(truth: Array, probabilities: Array) -> float:
    """Return the area under the ROC curve, each class against the rest, averaged."""
    if probabilities.ndim == 1:
        return auc(truth, probabilities)
    if probabilities.shape[1] == 2:
        return auc(truth, probabilities[:, 1])
    each = [auc(truth == code, column) for code, column in enumerate(probabilities.T)]
    known = [value for value in each if not math.isnan(value)]
    return float(np.mean(known)) if known else math.nan


def average_precision(truth: Array, answer: Array) -> float:
    """Return the area under the precision-recall curve, averaged over the classes that occur."""
    if answer.ndim == 1:
        answer = np.column_stack([-answer, answer])
    codes = range(answer.shape[1]) if answer.shape[1] > 2 else [1]
    each = [
        sk.average_precision_score(truth == code, answer[:, code])
        for code in codes
        if (truth == code).any()
    ]
    return float(np.mean(each)) if each else math.nan


def log_loss(truth: Array, probabilities: Array) -> float:
    """Return the mean negative log of the true class's probability."""
    given = probabilities[np.arange(len(truth)), truth] / probabilities.sum(axis=1)
    return float(-np.log(np.clip(given, np.finfo(float).eps, 1)).mean())


def brier(truth: Array, probabilities: Array) -> float:
    """Return the mean squared gap between probabilities and what happened."""
    wanted = np.eye(probabilities.shape[1])[truth]
    halved = 2 if probabilities.shape[1] == 2 else 1
    return float(((probabilities - wanted) ** 2).sum(axis=1).mean() / halved)


def calibration_error(truth: Array, probabilities: Array) -> float:
    """Return the mean gap between confidence and accuracy over ten bins of confidence."""
    confidence = probabilities.max(axis=1)
    right = probabilities.argmax(axis=1) == truth
    bins = np.minimum((confidence * 10).astype(int), 9)
    gaps = [
        abs(right[bins == each].mean() - confidence[bins == each].mean()) * (bins == each).sum()
        for each in np.unique(bins)
    ]
    return float(sum(gaps) / len(truth))


def top_two(truth: Array, probabilities: Array) -> float:
    """Return how often the true class is among the two likeliest."""
    best = np.argsort(-probabilities, axis=1, kind="stable")[:, :2]
    return float((best == truth[:, None]).any(axis=1).mean())


def accuracy(truth: Array, labels: Array) -> float:
    """Return the share of right labels."""
    return float((truth == labels).mean())


def recalls(truth: Array, labels: Array) -> Array:
    """Return the recall of each class that occurs."""
    return np.array([(labels[truth == code] == code).mean() for code in np.unique(truth)])


def averaged(score: Callable[..., float], **options: Any) -> Callable[[Array, Array], float]:
    """Return a metric of scikit-learn: of the positive class of two, or the mean over more."""

    def evaluate(truth: Array, labels: Array) -> float:
        two = max(truth.max(initial=0), labels.max(initial=0)) <= 1
        average = options.get("average") or ("binary" if two else "macro")
        rest = {name: value for name, value in options.items() if name != "average"}
        return score(truth, labels, average=average, zero_division=0, **rest)

    return evaluate


def cohen_kappa(truth: Array, labels: Array) -> float:
    """Return the agreement beyond chance."""
    return float(sk.cohen_kappa_score(truth, labels)) if len(np.unique(truth)) > 1 else math.nan


def specificity(truth: Array, labels: Array) -> float:
    """Return the share of negatives that were recognised."""
    return float((labels[truth == 0] == 0).mean()) if (truth == 0).any() else math.nan


def kolmogorov_smirnov(truth: Array, scores: Array) -> float:
    """Return the largest gap between the scores of the two classes."""
    if len(np.unique(truth)) < 2:
        return math.nan
    false, true, _ = sk.roc_curve(truth, scores)
    return float((true - false).max())


def lift_at_tenth(truth: Array, scores: Array) -> float:
    """Return how much denser the positives are in the top tenth."""
    top = np.argsort(-scores, kind="stable")[: max(1, len(scores) // 10)]
    return float(truth[top].mean() / truth.mean()) if truth.any() else math.nan


def precision_at_n(truth: Array, scores: Array) -> float:
    """Return the precision among as many rows as there are positives."""
    count = int((truth == 1).sum())
    top = np.argsort(-scores, kind="stable")[:count]
    return float((truth[top] == 1).mean()) if count else math.nan


def agreement(reference: Array, scores: Array) -> float:
    """Return Spearman's correlation; 0 where one side is constant."""
    first, second = rankdata(reference), rankdata(scores)
    if first.std() == 0 or second.std() == 0:
        return 0.0
    return float(np.corrcoef(first, second)[0, 1])


def rmse(truth: Array, values: Array) -> float:
    """Return the root of the mean squared error."""
    return float(np.sqrt(((truth - values) ** 2).mean()))


def mae(truth: Array, values: Array) -> float:
    """Return the mean absolute error."""
    return float(np.abs(truth - values).mean())


def median_ae(truth: Array, values: Array) -> float:
    """Return the median absolute error."""
    return float(np.median(np.abs(truth - values)))


def r2(truth: Array, values: Array) -> float:
    """Return the share of the variance that is explained."""
    spread = ((truth - truth.mean()) ** 2).sum()
    return float(1 - ((truth - values) ** 2).sum() / spread) if spread else math.nan


def mape(truth: Array, values: Array) -> float:
    """Return the mean absolute error as a share of the truth, where that is not zero."""
    known = truth != 0
    return (
        float(np.abs((truth - values)[known] / truth[known]).mean()) if known.any() else math.nan
    )


def smape(truth: Array, values: Array) -> float:
    """Return the mean absolute error as a share of both sides' mean size."""
    size = np.abs(truth) + np.abs(values)
    gap = 2 * np.abs(truth - values)
    return float(np.divide(gap, size, out=np.zeros(len(gap)), where=size > 0).mean())


def wape(truth: Array, values: Array) -> float:
    """Return the absolute error as a share of the total."""
    total = np.abs(truth).sum()
    return float(np.abs(truth - values).sum() / total) if total else math.nan


def msle(truth: Array, values: Array) -> float:
    """Return the mean squared error on the scale of logarithms."""
    if (truth <= -1).any():
        return math.nan
    return float(((np.log1p(truth) - np.log1p(np.maximum(values, 0))) ** 2).mean())


def deviance(power: float) -> Callable[[Array, Array], float]:
    """Return a metric: the mean Tweedie deviance of one power."""

    def evaluate(truth: Array, values: Array) -> float:
        if (truth < 0).any() or (power >= 2 and (truth == 0).any()):
            return math.nan
        positive = np.maximum(values, 1e-9)
        return float(sk.mean_tweedie_deviance(truth, positive, power=power))

    return evaluate


def pinball(alpha: float) -> Callable[[Array, Array], float]:
    """Return a metric: the loss that a quantile minimises."""

    def evaluate(truth: Array, values: Array) -> float:
        gap = truth - values
        return float(np.maximum(alpha * gap, (alpha - 1) * gap).mean())

    return evaluate


def operating_point(
    what: str, least: float
) -> tuple[Callable[[Array, Array], float], Callable[[Array, Array], float]]:
    """Return precision at a recall, or recall at a precision, and where to cut for it."""
    precise = what == "recall_at_precision"

    def found(truth: Array, scores: Array) -> tuple[float, float]:
        precision, recall, cuts = sk.precision_recall_curve(truth == 1, scores)
        asked, told = (precision, recall) if precise else (recall, precision)
        best = int(np.argmax(np.where(asked[:-1] >= least, told[:-1], -1.0)))
        reached = asked[best] >= least
        return (float(told[best]) if reached else 0.0), float(cuts[best] if reached else cuts[-1])

    def evaluate(truth: Array, scores: Array) -> float:
        return found(truth, scores)[0] if (truth == 1).any() else math.nan

    def cut(truth: Array, scores: Array) -> float:
        return float(np.nextafter(found(truth, scores)[1], 0.0))

    return evaluate, cut
