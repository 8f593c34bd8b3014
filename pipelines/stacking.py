"""How much each member's log-odds should count, learned on rows that no member learned from.

One logistic regression has a weight for each member, not negative and drawn towards an even share:
it can hardly go wrong, also with many classes. Another has a weight for each member and pair of
classes, drawn towards nothing: it mends what is wrong with single classes, and is averaged with
the first. Rows that did not teach say which to take.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from scipy.optimize import minimize
from scipy.special import log_softmax

from pipelines import splits
from pipelines.adapters.stacked import centred_logs, summed
from pipelines.task import Task

if TYPE_CHECKING:
    from collections.abc import Callable

Array: TypeAlias = np.ndarray[Any, Any]
Parts = tuple[Array, Array]

LOOSE, EVEN = 10.0, 1e-3
"""What squared weights cost: those of pairs, for all rows; those of members, for each row."""
STEPS = 100
HEAVIEST = 2_000_000
"""Products in one step beyond which pairs of classes are left alone."""
PARTS = 4


@dataclass(frozen=True, slots=True)
class Weights:
    """Learned weights: (members, classes, classes), and a shift for each class."""

    slopes: Array
    shift: Array

    def answer(self, answers: Array) -> Array:
        """Return the chances that members' chances (members, rows, classes) make together."""
        return summed(centred_logs(answers), self.slopes, self.shift)

    def shares(self, answers: Array) -> Array:
        """Return how much of the whole each member moves; they sum to one."""
        parts = np.einsum("mni,mij->mnj", centred_logs(answers), self.slopes)
        sizes = parts.std(axis=1).mean(axis=1)
        shares: Array = sizes / max(1e-12, sizes.sum())
        return shares


NONE = Weights(np.empty((0, 0, 0)), np.empty(0))


def ways(answers: Array) -> tuple[bool, ...]:
    """Return with or without pairs, whichever make sense; of two classes there is one pair."""
    if answers.shape[2] == 2:
        return (True,)
    return (False, True) if answers.size * answers.shape[2] <= HEAVIEST else (False,)


def learn(answers: Array, truth: Array, *, pairs: bool) -> Weights:
    """Learn from members' chances (members, rows, classes) and the class codes that were right."""
    logs = centred_logs(answers)
    right = np.eye(logs.shape[2])[truth]
    slopes, shift = _by_member(logs, right)
    if pairs:
        more, moved = _by_pair(logs, right)
        slopes, shift = (slopes + more) / 2, (shift + moved) / 2
    return Weights(slopes, shift)


def crossed(answers: Array, truth: Array, seed: int, *, pairs: bool) -> Array:
    """Return what each part of the rows is answered by weights that the other parts taught."""
    found = np.empty(answers.shape[1:])
    for others, part in splits.folds(truth, task=Task.CLASSIFICATION, n=PARTS, seed=seed):
        learned = learn(answers[:, others], truth[others], pairs=pairs)
        found[part] = learned.answer(answers[:, part])
    return found


def _by_member(logs: Array, right: Array) -> Parts:
    many, rows, classes = logs.shape

    def loss(point: Array) -> tuple[float, Array]:
        weights, shift = point[:many], point[many:]
        value, error = _loss(np.tensordot(weights, logs, 1) + shift, right)
        away = weights - 1 / many
        slope = np.einsum("mnk,nk->m", logs, error) / rows + 2 * EVEN * away
        return (
            value / rows + EVEN * float(away @ away),
            np.concatenate([slope, error.sum(axis=0) / rows]),
        )

    start = np.concatenate([np.full(many, 1 / many), np.zeros(classes)])
    found = _least(loss, start, [(0, None)] * many + [(None, None)] * classes)
    return found[:many, None, None] * np.eye(classes), found[many:]


def _by_pair(logs: Array, right: Array) -> Parts:
    many, _, classes = logs.shape
    wide = np.concatenate(list(logs), axis=1)
    size = wide.shape[1] * classes

    def loss(point: Array) -> tuple[float, Array]:
        slopes, shift = point[:size].reshape(-1, classes), point[size:]
        value, error = _loss(wide @ slopes + shift, right)
        slope = wide.T @ error + LOOSE * slopes
        return (
            value + LOOSE / 2 * float(np.square(slopes).sum()),
            np.concatenate([slope.ravel(), error.sum(axis=0)]),
        )

    found = _least(loss, np.zeros(size + classes), None)
    return found[:size].reshape(many, classes, classes), found[size:]


def _loss(sums: Array, right: Array) -> tuple[float, Array]:
    """Return the log loss of all rows together, and its slope by every sum."""
    logs = log_softmax(sums, axis=1)
    return -float((logs * right).sum()), np.exp(logs) - right


def _least(loss: Callable[[Array], tuple[float, Array]], start: Array, bounds: Any) -> Array:
    found = minimize(
        loss, start, jac=True, method="L-BFGS-B", bounds=bounds,
        options={"maxiter": STEPS, "maxcor": 20},
    )  # fmt: skip
    return np.asarray(found.x)
