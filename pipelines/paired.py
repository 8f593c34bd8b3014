"""Is one model better than another by more than chance? Both answered the same rows.

Every test is one-sided: the smaller the p-value, the less likely is what was seen if the first
model were worse than the second by the margin, or more. A margin of 0 asks whether it is better,
a margin of 0.01 whether it is not worse by 0.01, in the metric's own unit.

DeLong's test (roc_auc of two classes) and the score test of Tango, which is McNemar's without a
margin (accuracy), know their distribution; everything else is bootstrapped over rows.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import special
from scipy.stats import rankdata

from pipelines.errors import BadSetting

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pipelines.metrics import Array, Metric

DRAWS = 2000
_AT_ONCE = 4_000_000  # numbers drawn in one go
_FEWEST = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class PairedTest:
    """What a test found; differences are the first model's minus the second's, upwards better."""

    method: str
    ours: float
    theirs: float
    difference: float
    low: float
    """The difference is at least this, with a certainty of 1 - alpha."""
    p_value: float
    margin: float
    alpha: float
    rows: int

    @property
    def shown(self) -> bool:
        """Whether it is shown that the first is better, or not worse by the margin."""
        return self.p_value < self.alpha

    def to_dict(self) -> dict[str, Any]:
        """Return everything as plain JSON-ready data."""
        return {**asdict(self), "shown": self.shown}


@dataclass(frozen=True, slots=True)
class Asked:
    """How a test is made."""

    margin: float = 0.0
    alpha: float = 0.05
    method: str = "auto"
    seed: int = 0


def compare(
    metric: Metric, truth: Array, ours: Array, theirs: Array, asked: Asked | None = None
) -> PairedTest:
    """Compare two answers to the same rows.

    Raises:
        BadSetting: The test is none for this metric, or there are too few rows.

    >>> from pipelines import metrics
    >>> from pipelines.task import Task
    >>> rng = np.random.default_rng(0)
    >>> truth = rng.integers(0, 2, 500)
    >>> good, bad = truth + rng.normal(size=(2, 500)) * [[0.5], [3]]
    >>> auc = metrics.find("roc_auc", Task.ANOMALY)
    >>> compare(auc, truth, good, bad).shown, compare(auc, truth, bad, good).shown
    (True, False)
    """
    asked = asked or Asked()
    if len(truth) < _FEWEST:
        raise BadSetting("rows", len(truth), f"A test takes at least {_FEWEST} held-out rows.")
    method = asked.method if asked.method != "auto" else _suited(metric, ours)
    if method not in _TESTS or method not in {_suited(metric, ours), "bootstrap"}:
        raise BadSetting("method", asked.method, f"For {metric.key}: auto, bootstrap.")
    return _TESTS[method](metric, truth, (ours, theirs), asked)


def folds(
    ours: Sequence[float], theirs: Sequence[float], asked: Asked, *, upwards: bool, tested: float
) -> PairedTest:
    """Compare two models by their scores on the same folds: Nadeau and Bengio's corrected t test.

    Args:
        ours: The first model's score on each fold.
        theirs: The second's on the same folds.
        asked: How the test is made.
        upwards: Whether greater scores are better.
        tested: Rows tested on, divided by rows trained on.

    Raises:
        BadSetting: There are fewer than three folds, or not the same number.

    >>> folds([0.9, 0.91, 0.92], [0.8, 0.82, 0.81], Asked(), upwards=True, tested=0.5).shown
    True
    """
    if len(ours) != len(theirs) or len(ours) < 3:
        raise BadSetting("folds", f"{len(ours)} and {len(theirs)}", "It takes three or more.")
    gaps = (np.asarray(ours) - np.asarray(theirs)) * (1 if upwards else -1)
    count = len(gaps)
    error = math.sqrt((1 / count + tested) * float(gaps.var(ddof=1)))
    mean, freedom = float(gaps.mean()), count - 1
    if error == 0:
        p_value, low = (0.0 if mean + asked.margin > 0 else 1.0), mean
    else:
        p_value = 1 - float(special.stdtr(freedom, (mean + asked.margin) / error))
        low = mean - float(special.stdtrit(freedom, 1 - asked.alpha)) * error
    return PairedTest(
        method="corrected t test over folds", ours=float(np.mean(ours)),
        theirs=float(np.mean(theirs)), difference=mean, low=low, p_value=p_value,
        margin=asked.margin, alpha=asked.alpha, rows=count,
    )  # fmt: skip


def _suited(metric: Metric, answer: Array) -> str:
    if metric.key == "roc_auc" and (answer.ndim == 1 or answer.shape[1] == 2):
        return "delong"
    return "mcnemar" if metric.key == "accuracy" else "bootstrap"


def _delong(
    metric: Metric, truth: Array, answers: tuple[Array, Array], asked: Asked
) -> PairedTest:
    """DeLong's test, by ranks (Sun and Xu): exact placements in n log n."""
    del metric
    scores = [answer if answer.ndim == 1 else answer[:, -1] for answer in answers]
    positive = truth == 1
    ones, zeros = int(positive.sum()), int((~positive).sum())
    if min(ones, zeros) < 2:
        raise BadSetting("rows", len(truth), "Both classes must be among them, twice at least.")
    above, below, areas = [], [], []
    for score in scores:
        ranks = rankdata(score)
        above.append((ranks[positive] - rankdata(score[positive])) / zeros)
        below.append(1 - (ranks[~positive] - rankdata(score[~positive])) / ones)
        areas.append(float(above[-1].mean()))
    spread = np.cov(above[0] - above[1]) / ones + np.cov(below[0] - below[1]) / zeros
    return _normal("DeLong's test", areas, math.sqrt(float(spread)), asked, len(truth))


def _normal(
    method: str, values: Sequence[float], error: float, asked: Asked, rows: int
) -> PairedTest:
    gap = values[0] - values[1]
    if error == 0:
        p_value, low = (0.0 if gap + asked.margin > 0 else 1.0), gap
    else:
        p_value = float(special.ndtr(-(gap + asked.margin) / error))
        low = gap + float(special.ndtri(asked.alpha)) * error
    return PairedTest(
        method=method, ours=values[0], theirs=values[1], difference=gap, low=low,
        p_value=p_value, margin=asked.margin, alpha=asked.alpha, rows=rows,
    )  # fmt: skip


def _mcnemar(
    metric: Metric, truth: Array, answers: tuple[Array, Array], asked: Asked
) -> PairedTest:
    """McNemar's mid-p test; with a margin, Tango's score test, its generalisation."""
    del metric
    right = [(a.argmax(axis=1) if a.ndim == 2 else a) == truth for a in answers]
    won, lost = int((right[0] & ~right[1]).sum()), int((~right[0] & right[1]).sum())
    rows = len(truth)
    if asked.margin == 0:
        name, p_value = "McNemar's test", _mid_p(won, lost)
    else:
        name, p_value = (
            "Tango's test",
            float(special.ndtr(-_tango(won, lost, rows, -asked.margin))),
        )
    return PairedTest(
        method=name, ours=float(right[0].mean()), theirs=float(right[1].mean()),
        difference=(won - lost) / rows, low=_tango_low(won, lost, rows, asked.alpha),
        p_value=p_value, margin=asked.margin, alpha=asked.alpha, rows=rows,
    )  # fmt: skip


def _mid_p(won: int, lost: int) -> float:
    """Return the chance of so many wins among the rows on which only one was right, halved ties.

    >>> round(_mid_p(9, 1), 4)
    0.0059
    """
    total = won + lost
    if total == 0:
        return 1.0
    more = float(special.bdtrc(won, total, 0.5))
    return more + 0.5 * (float(special.bdtrc(won - 1, total, 0.5)) - more if won else 1 - more)


def _tango(won: int, lost: int, rows: int, gap: float) -> float:
    """Return the score of a true difference of ``gap``; see Tango 1998."""
    linear = won + lost + gap * (won - lost - 2 * rows)
    inner = linear**2 + 8 * rows * lost * gap * (1 - gap)
    share = (linear + math.sqrt(max(inner, 0.0))) / (4 * rows)
    spread = max((2 * share + gap * (1 - gap)) / rows, 1e-12)
    return ((won - lost) / rows - gap) / math.sqrt(spread)


def _tango_low(won: int, lost: int, rows: int, alpha: float) -> float:
    """Return the smallest difference that is not refused, by halving."""
    low, high = -1.0 + 1e-9, (won - lost) / rows
    limit = -float(special.ndtri(alpha))
    for _ in range(40):
        middle = (low + high) / 2
        low, high = (middle, high) if _tango(won, lost, rows, middle) > limit else (low, middle)
    return low


def _bootstrap(
    metric: Metric, truth: Array, answers: tuple[Array, Array], asked: Asked
) -> PairedTest:
    """Draw the rows again many times and score both models on each draw."""
    sign = 1 if metric.greater_is_better else -1
    values = [metric.of(truth, answer) for answer in answers]
    draws = _by_rows(metric, truth, answers, asked.seed)
    gaps = (draws if draws is not None else _by_draws(metric, truth, answers, asked.seed)) * sign
    gap = (values[0] - values[1]) * sign
    # The spread of the draws, as of a normal: quantiles of few rows are too narrow at the ends.
    error = float(gaps.std(ddof=1)) * math.sqrt(len(truth) / (len(truth) - 1))
    found = _normal("paired bootstrap", (gap, 0.0), error, asked, len(truth))
    return PairedTest(**{**asdict(found), "ours": values[0], "theirs": values[1]})


def _by_draws(metric: Metric, truth: Array, answers: tuple[Array, Array], seed: int) -> Array:
    rng, gaps = np.random.default_rng(seed), []
    for _ in range(DRAWS // 4):
        rows = rng.integers(0, len(truth), len(truth))
        ours, theirs = (metric.of(truth[rows], answer[rows]) for answer in answers)
        gaps.append(ours - theirs)
    known = np.array(gaps)[np.isfinite(gaps)]
    if len(known) < DRAWS // 8:
        raise BadSetting("metric", metric.key, "It is not defined on most draws of the rows.")
    return known


def _by_rows(
    metric: Metric, truth: Array, answers: tuple[Array, Array], seed: int
) -> Array | None:
    """Draw all at once where a metric is a mean over rows, or a root of one."""
    if metric.key not in _LOSSES:
        return None
    losses = [_LOSSES[metric.key](truth, answer) for answer in answers]
    rng, count = np.random.default_rng(seed), len(truth)
    gaps, step = [], max(1, _AT_ONCE // count)
    for start in range(0, DRAWS, step):
        weights = _weights(rng, min(step, DRAWS - start), count)
        ours, theirs = (weights @ loss for loss in losses)
        gaps.append(np.sqrt(ours) - np.sqrt(theirs) if metric.key == "rmse" else ours - theirs)
    return np.concatenate(gaps)


def _weights(rng: np.random.Generator, draws: int, rows: int) -> Array:
    """Return how often each draw holds each row, as shares: counting beats a multinomial."""
    places = rng.integers(0, rows, (draws, rows)) + np.arange(draws)[:, None] * rows
    counted = np.bincount(places.ravel(), minlength=draws * rows)
    return np.asarray(counted.reshape(draws, rows) / rows)


def _given(truth: Array, answer: Array) -> Array:
    given = answer[np.arange(len(truth)), truth] / answer.sum(axis=1)
    return np.asarray(-np.log(np.clip(given, np.finfo(float).eps, 1)))


def _squares(truth: Array, answer: Array) -> Array:
    halved = 2 if answer.shape[1] == 2 else 1
    wanted = np.eye(answer.shape[1])[truth]
    return np.asarray(((answer - wanted) ** 2).sum(axis=1) / halved)


def _gaps(truth: Array, answer: Array) -> Array:
    return np.asarray(truth - answer)


_LOSSES: dict[str, Callable[[Array, Array], Array]] = {
    "log_loss": _given,
    "brier": _squares,
    "mae": lambda truth, answer: np.abs(_gaps(truth, answer)),
    "mse": lambda truth, answer: _gaps(truth, answer) ** 2,
    "rmse": lambda truth, answer: _gaps(truth, answer) ** 2,
}
_TESTS: dict[str, Callable[..., PairedTest]] = {
    "delong": _delong,
    "mcnemar": _mcnemar,
    "bootstrap": _bootstrap,
}
