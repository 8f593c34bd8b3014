"""Probabilities that mean what they say: maps learned from predictions for rows not learned from.

A map is kept only if it lowers the log loss of rows it was not learned from, by more than noise,
and leaves what the search was for no worse.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LogisticRegression

from pipelines import splits
from pipelines.adapters.combined import ISOTONIC, SIGMOID, log_odds, mapped
from pipelines.task import Task

if TYPE_CHECKING:
    from pipelines.trial import Work

Array: TypeAlias = np.ndarray[Any, Any]

FEWEST_ROWS, FEWEST_FOR_STEPS, MOST_ROWS = 100, 1_000, 20_000
PARTS = 5
SURE = 2.0
"""So many standard errors must the log loss fall by."""


@dataclass(frozen=True, slots=True)
class Calibration:
    """A map for each class, as plain numbers, and what it was worth."""

    kind: str
    maps: list[list[list[float]]]
    before: float
    after: float

    @property
    def told(self) -> str:
        """One sentence for whoever reads the result."""
        return (
            f"Its probabilities were calibrated ({self.kind}): log loss {self.after:.4g} instead "
            f"of {self.before:.4g} on rows it had not learned from."
        )


def find(answer: Array, work: Work, seed: int) -> Calibration | None:
    """Return the map that makes out-of-fold probabilities better for certain, or None."""
    if work.task is not Task.CLASSIFICATION or answer.ndim != 2:
        return None
    known = np.flatnonzero(np.isfinite(answer.sum(axis=1)))
    if len(known) > MOST_ROWS:
        known = np.sort(np.random.default_rng(seed).permutation(known)[:MOST_ROWS])
    truth, given = work.truth(known), answer[known].astype(float)
    rarest = np.bincount(truth, minlength=given.shape[1]).min()
    if len(known) < FEWEST_ROWS or rarest < 2 * PARTS:
        return None
    kinds = (SIGMOID, ISOTONIC) if len(known) >= FEWEST_FOR_STEPS else (SIGMOID,)
    before = _losses(truth, given)
    best: tuple[float, str] | None = None
    for kind in kinds:
        crossed = _crossed(kind, truth, given, seed)
        lead = before - _losses(truth, crossed)
        sure = lead.mean() > SURE * lead.std() / np.sqrt(len(lead))
        metric = work.metric
        worth, was = (metric.signed(metric.of(truth, each)) for each in (crossed, given))
        if sure and worth >= was - 1e-3 * abs(was) and (best is None or lead.mean() > best[0]):
            best = float(lead.mean()), kind
    if best is None:
        return None
    loss = float(before.mean())
    return Calibration(best[1], _fit(best[1], truth, given), loss, loss - best[0])


def _crossed(kind: str, truth: Array, given: Array, seed: int) -> Array:
    """Return the probabilities of each part, mapped by what the other parts taught."""
    crossed = np.empty_like(given)
    for others, part in splits.folds(truth, task=Task.CLASSIFICATION, n=PARTS, seed=seed):
        crossed[part] = mapped(kind, _fit(kind, truth[others], given[others]), given[part])
    return crossed


def _fit(kind: str, truth: Array, given: Array) -> list[list[list[float]]]:
    """Learn one map per class; of two classes, the second one's is enough."""
    columns = [1] if given.shape[1] == 2 else range(given.shape[1])
    learn = _sigmoid if kind == SIGMOID else _steps
    return [learn(truth == column, given[:, column]) for column in columns]


def _sigmoid(truth: Array, chances: Array) -> list[list[float]]:
    """Return slope and shift on the scale of log-odds."""
    fitted = LogisticRegression(C=1e4).fit(log_odds(chances)[:, None], truth)
    return [[float(fitted.coef_[0, 0]), float(fitted.intercept_[0])]]


def _steps(truth: Array, chances: Array) -> list[list[float]]:
    """Return the corners of a rising line; no chance is ever none or certain."""
    least = 1 / (len(truth) + 2)
    fitted = IsotonicRegression(y_min=least, y_max=1 - least, out_of_bounds="clip")
    fitted.fit(chances, truth)
    return [fitted.X_thresholds_.tolist(), fitted.y_thresholds_.tolist()]


def _losses(truth: Array, probabilities: Array) -> Array:
    given = probabilities[np.arange(len(truth)), truth] / probabilities.sum(axis=1)
    losses: Array = -np.log(np.clip(given, np.finfo(float).eps, 1))
    return losses
