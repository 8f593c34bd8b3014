"""Which class a classifier names: weights for the classes, where the metric asks for labels.

The likeliest class is the right answer for accuracy and seldom for anything else. Weights are
chosen on predictions for rows not learned from, and kept only where rows that took no part in
choosing gain more than noise by them. Of two classes they are one threshold.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from pipelines import splits
from pipelines.metrics import decided
from pipelines.task import Task

if TYPE_CHECKING:
    from pipelines.metrics import Metric
    from pipelines.trial import Work

Array: TypeAlias = np.ndarray[Any, Any]

FEWEST_ROWS, MOST_ROWS = 60, 6_000
PARTS, REDRAWN = 5, 40
SURE = 1.64
"""So many standard errors must be gained: one in twenty would gain as much by chance."""
THRESHOLDS = 40
MOST_CLIMBED = 6
"""Of more classes than this, only how far to lean towards the rare ones is chosen."""
LEANS = (0.0, 0.25, 0.5, 0.75, 1.0)
STEPS = (0.4, 0.63, 1.6, 2.5)


@dataclass(frozen=True, slots=True)
class Decision:
    """One weight per class; the class whose weighted chance is greatest is named."""

    weights: tuple[float, ...]
    metric: str
    before: float
    after: float

    @property
    def threshold(self) -> float | None:
        """The chance above which the second of two classes is named."""
        return self.weights[0] if len(self.weights) == 2 else None

    def told(self, classes: tuple[Any, ...]) -> str:
        """One sentence for whoever reads the result."""
        what = (
            f"It says {classes[1]!r} from a chance of {self.threshold:.3g} on"
            if self.threshold is not None
            else "It weighs the classes before it names one"
        )
        return (
            f"{what}: {self.metric} {self.after:.4g} instead of {self.before:.4g} on rows it had "
            "not learned from."
        )

    def to_dict(self) -> dict[str, Any]:
        """Return everything as plain data."""
        told = {"weights": list(self.weights), "before": self.before, "after": self.after}
        return {"threshold": self.threshold, "metric": self.metric, **told}


def find(answer: Array, work: Work, seed: int) -> Decision | None:
    """Return how to decide, by out-of-fold probabilities, or None where it gains nothing sure."""
    metric = work.metric
    if work.task is not Task.CLASSIFICATION or answer.ndim != 2:
        return None
    if metric.wants != "labels" and metric.cut is None:
        return None
    known = np.flatnonzero(np.isfinite(answer.sum(axis=1)))
    if len(known) > MOST_ROWS:
        known = np.sort(np.random.default_rng(seed).permutation(known)[:MOST_ROWS])
    truth, given = work.truth(known), answer[known].astype(float)
    rarest = np.bincount(truth, minlength=given.shape[1]).min()
    if len(known) < FEWEST_ROWS or rarest < 2 * PARTS:
        return None
    if metric.cut is not None:
        cut = float(metric.cut(truth, given[:, -1]))
        value = metric.of(truth, given)
        return Decision((cut, 1 - cut), metric.key, value, value)
    return _chosen(metric, truth, given, seed)


def _chosen(metric: Metric, truth: Array, given: Array, seed: int) -> Decision | None:
    crossed, plain = np.empty(len(truth), dtype=int), decided(given)
    for others, part in splits.folds(truth, task=Task.CLASSIFICATION, n=PARTS, seed=seed):
        weights = _weights(metric, truth[others], given[others])
        crossed[part] = decided(given[part], weights)
    if (crossed == plain).all():
        return None
    before, after = metric.evaluate(truth, plain), metric.evaluate(truth, crossed)
    draw = np.random.default_rng(seed)
    leads = []
    for _ in range(REDRAWN):
        rows = draw.integers(len(truth), size=len(truth))
        ours, theirs = (metric.evaluate(truth[rows], each[rows]) for each in (crossed, plain))
        leads.append(metric.signed(ours) - metric.signed(theirs))
    if not metric.signed(after) - metric.signed(before) > SURE * float(np.nanstd(leads)):
        return None
    chosen = _weights(metric, truth, given)
    return Decision(tuple(map(float, chosen)), metric.key, float(before), float(after))


def _weights(metric: Metric, truth: Array, given: Array) -> Array:
    if given.shape[1] == 2:
        cut = _threshold(metric, truth, given)
        return np.array([cut, 1 - cut])
    shares = np.bincount(truth, minlength=given.shape[1]) / len(truth)
    leans = [np.maximum(shares, 1e-6) ** -lean for lean in LEANS]
    best = max(leans, key=lambda each: _worth(metric, truth, given, each))
    return _climbed(metric, truth, given, best) if given.shape[1] <= MOST_CLIMBED else best


def _threshold(metric: Metric, truth: Array, given: Array) -> float:
    """Return the best of some thresholds; of equally good ones, that nearest to a half."""
    spread = np.quantile(given[:, 1], np.linspace(0, 1, THRESHOLDS + 2)[1:-1])
    cuts = np.unique([*np.clip(spread, 1e-6, 1 - 1e-6), 0.5])
    worths = [_worth(metric, truth, given, np.array([cut, 1 - cut])) for cut in cuts]
    best = [cut for cut, worth in zip(cuts, worths, strict=True) if worth == max(worths)]
    return float(min(best, key=lambda cut: abs(cut - 0.5)))


def _climbed(metric: Metric, truth: Array, given: Array, weights: Array) -> Array:
    """Return better weights, moved class by class, twice around."""
    best, worth = weights, _worth(metric, truth, given, weights)
    for place in [*range(len(weights))] * 2:
        for step in STEPS:
            moved = best.copy()
            moved[place] *= step
            if (found := _worth(metric, truth, given, moved)) > worth:
                best, worth = moved, found
    scaled: Array = best / best.sum()
    return scaled


def _worth(metric: Metric, truth: Array, given: Array, weights: Array) -> float:
    value = metric.signed(metric.evaluate(truth, decided(given, weights)))
    return value if np.isfinite(value) else -np.inf
