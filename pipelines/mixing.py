"""How much each candidate's answers should count: chosen on rows that no candidate learned from.

Greedy selection after Caruana, on several draws of the rows; even shares, the more the fewer the
rows; or learned weights. Which way is best, and whether it is better than one candidate alone, is
told by rows that did not choose.
"""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Self, TypeAlias

import numpy as np

from pipelines import splits, stacking

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pipelines.metrics import Metric
    from pipelines.task import Task

Array: TypeAlias = np.ndarray[Any, Any]
Leads: TypeAlias = Array
"""Deal by deal: a way's lead over the best one on all rows, then part by part."""

FEWEST_ROWS = 40
EVEN_ROWS = 750
"""Of so many rows, half the weight is dealt out evenly; of more, as much less."""
COMPARABLE = 0.5
"""Who gets an even share leads the baseline by at least so much of the best one's lead."""
ROUNDS, PATIENCE = 20, 5
BAGS, CHECK_BAGS = 8, 2
DEALS, PARTS = 2, 4
MOST_MEMBERS = 8


@dataclass(frozen=True, slots=True)
class Gain:
    """What a way of mixing gains over the best one alone, and how sure that is."""

    value: float
    noise: float
    """The standard error of the value, by the parts it was measured on; infinite if unknown."""

    @classmethod
    def of(cls, leads: Leads) -> Self:
        """Sum up the leads of every deal: on all its rows, then part by part.

        >>> Gain.of(np.array([[0.25, 0.5, 0.0], [0.75, 0.5, 0.5]]))
        Gain(value=0.5, noise=0.125)
        """
        spread = leads[:, 1:].std(axis=1, ddof=1).mean() / math.sqrt(leads.shape[1] - 1)
        return cls(float(leads[:, 0].mean()), float(spread) if np.isfinite(spread) else math.inf)


NO_GAIN = Gain(0.0, 0.0)
SURE = 2.0
"""One trial wins alone where it is better by so many standard errors."""
EVENLY = (True, False)
"""The ways to mix: with and without even shares."""


def best_way(gains: Sequence[Leads]) -> tuple[int, Gain]:
    """Return the way that gains most, and what: the first one, unless others lead it for sure."""
    if not gains:
        return 0, NO_GAIN
    ahead = [Gain.of(each - gains[0]) for each in gains]
    sure = [at for at, lead in enumerate(ahead) if lead.value > lead.noise]
    way = max(sure, key=lambda at: ahead[at].value, default=0)
    return way, Gain.of(gains[way])


@dataclass(frozen=True, slots=True)
class Table:
    """Candidates' answers for the rows that choose."""

    answers: Array
    truth: Array
    metric: Metric
    kinds: tuple[str, ...]
    floor: float = -math.inf
    """What the baseline is worth."""
    deadline: float = math.inf

    def weights(self, draw: np.random.Generator, bags: int) -> Array:
        """Return the mean weights over draws of most of the rows."""
        many, rows = self.answers.shape[:2]
        total = np.zeros(many)
        for _ in range(bags):
            seen = np.sort(draw.permutation(rows)[: max(FEWEST_ROWS // 2, rows * 7 // 10)])
            counts = _greedy(self.answers[:, seen], self.truth[seen], self.metric)
            total += counts / counts.sum()
            if time.monotonic() > self.deadline:
                break
        mean: Array = total / total.sum()
        return mean

    @property
    def ways(self) -> tuple[bool, ...]:
        """The ways to stack: with or without pairs of classes."""
        return stacking.ways(self.answers) if self.answers.ndim == 3 else ()

    def shared(self, weights: Array) -> Array:
        """Return weights of which a part is dealt out evenly, the more the fewer the rows."""
        each = self.each()
        kinds: set[str] = set()
        known = math.isfinite(self.floor) and max(each) > self.floor
        least = self.floor + COMPARABLE * (max(each) - self.floor) if known else min(each)
        even = np.zeros(len(each))
        for at in np.argsort(-np.array(each), kind="stable"):
            if self.kinds[at] not in kinds and each[at] >= least and len(kinds) < MOST_MEMBERS:
                kinds.add(self.kinds[at])
                even[at] = 1.0
        share = EVEN_ROWS / (EVEN_ROWS + len(self.truth))
        mixed: Array = (1 - share) * weights + share * even / even.sum()
        return mixed

    def gains(self, task: Task, seed: int) -> Sequence[Leads]:
        """Return by how much each way to mix or stack leads the best one; nothing without time.

        The rows are dealt to parts, a few times; each part is answered by what the others chose.
        """
        deals = []
        for number in range(DEALS):
            parts = splits.folds(self.truth, task=task, n=PARTS, seed=seed + number)
            if (crossed := self._crossed(parts, seed + number)) is None:
                break
            deals.append(self._leads(crossed, parts))
        return list(np.transpose(deals, (1, 0, 2))) if deals else []

    def _crossed(self, parts: Sequence[tuple[Array, Array]], seed: int) -> list[Array] | None:
        """Return the answers of the best one, of the mixes and the stacks; None without time."""
        stacked = 1 + len(EVENLY)
        told = [np.empty(self.answers.shape[1:]) for _ in range(stacked + len(self.ways))]
        for others, part in parts:
            if time.monotonic() > self.deadline:
                return None
            rest = replace(self, answers=self.answers[:, others], truth=self.truth[others])
            weights = rest.weights(np.random.default_rng(seed), CHECK_BAGS)
            told[0][part] = self.answers[int(np.argmax(rest.each())), part]
            for answer, evenly in zip(told[1:stacked], EVENLY, strict=True):
                mixed = rest.shared(weights) if evenly else weights
                answer[part] = np.tensordot(mixed, self.answers[:, part], axes=1)
            some = self.chosen(weights)
            for answer, pairs in zip(told[stacked:], self.ways, strict=True):
                learned = stacking.learn(rest.answers[some], rest.truth, pairs=pairs)
                answer[part] = learned.answer(self.answers[some][:, part])
        return told

    def _leads(
        self, crossed: Sequence[Array], parts: Sequence[tuple[Array, Array]]
    ) -> list[list[float]]:
        """Return by how much each way leads the best one: on all rows, then on every part."""
        alone, *others = crossed
        sides = [np.arange(len(self.truth)), *(part for _, part in parts)]
        return [[self._lead(each[rows], alone[rows], rows) for rows in sides] for each in others]

    def chosen(self, weights: Array) -> list[int]:
        """Return who is stacked: the weightiest, then the best of other kinds, then the best."""
        some = [int(at) for at in np.argsort(-weights, kind="stable") if weights[at] > 0]
        some = some[:MOST_MEMBERS]
        for again in (False, True):
            for at, kind in enumerate(self.kinds):
                known = at in some or (not again and kind in {self.kinds[each] for each in some})
                if len(some) < MOST_MEMBERS and not known:
                    some.append(at)
        return some

    def each(self) -> list[float]:
        """Return what every candidate is worth alone."""
        return [worth(self.metric, self.truth, answer) for answer in self.answers]

    def _lead(self, first: Array, second: Array, rows: Array) -> float:
        worths = [self.metric.of(self.truth[rows], each) for each in (first, second)]
        if not all(map(math.isfinite, worths)):
            return math.nan
        return self.metric.signed(worths[0]) - self.metric.signed(worths[1])


def _greedy(answers: Array, truth: Array, metric: Metric) -> Array:
    """Return how often each candidate joined, up to the best mean that was met."""
    counts = np.zeros(len(answers), dtype=int)
    total = np.zeros(answers.shape[1:])
    best, kept = -math.inf, counts
    for size in range(1, ROUNDS + 1):
        worths = [worth(metric, truth, (total + answer) / size) for answer in answers]
        chosen = int(np.argmax(worths))
        counts = counts.copy()
        counts[chosen] += 1
        total = total + answers[chosen]
        if worths[chosen] > best + 1e-12:
            best, kept = worths[chosen], counts
        elif size - kept.sum() >= PATIENCE:
            break
    return kept if kept.any() else counts


def worth(metric: Metric, truth: Array, answer: Array) -> float:
    """Return what an answer is worth, greater is better; nothing where that is not defined."""
    value = metric.signed(metric.of(truth, answer))
    return value if math.isfinite(value) else -math.inf
