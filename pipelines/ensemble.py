"""Which trials are better together: greedy selection on predictions for rows not learned from.

After Caruana: whichever trial helps the mean most joins it, again and again, and may join twice.
That alone fits the noise of the rows it looks at, so it is done on several draws of the rows and
the weights are averaged; and the fewer the rows, the more of the weight goes evenly to the best of
each algorithm instead. What a mix gains is told by rows that did not choose.

Classifiers may also be stacked, the same trials and a few others: their log-odds are added up by
learned weights (``pipelines.stacking``). What gains more on rows that did not choose is taken.
One trial alone wins only where it is better than all that by more than noise.
"""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from pipelines import stacking
from pipelines.mixing import (
    BAGS,
    EVENLY,
    FEWEST_ROWS,
    MOST_MEMBERS,
    NO_GAIN,
    SURE,
    Table,
    best_way,
    worth,
)
from pipelines.task import Task

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pipelines.ceilings import Ceilings
    from pipelines.leaderboard import Leaderboard
    from pipelines.trial import Outcome, Trial, Work

Array: TypeAlias = np.ndarray[Any, Any]

MOST_CANDIDATES, MOST_OF_ONE = 24, 6
MOST_ROWS = 6_000
"""More rows than this don't choose better; they only take longer."""
FEW_ROWS = 2_000
"""With fewer, a tuned trial takes part only where it is better than noise."""
ALL_ROWS = 1.5
"""A fit on all rows takes about so many times that on a fold's, with its judging."""
LEAST_WEIGHT, LEAST_SHARE = 0.03, 0.01


@dataclass(frozen=True, slots=True)
class Mix:
    """Trials with their weights, which sum to one, and what they gain together."""

    members: tuple[tuple[Trial, Outcome], ...]
    weights: tuple[float, ...]
    gain: float
    """Over the single best, greater is better, on rows that did not choose."""
    stack: Stacked | None = None
    """How the members' log-odds are added up, where they are; else their answers are averaged."""

    def only(self, numbers: frozenset[int], work: Work) -> Mix | None:
        """Return what is left when no other trials can take part; None where that is no mix."""
        pairs = list(zip(self.members, self.weights, strict=True))
        left = [(row, weight) for row, weight in pairs if row[0].number in numbers]
        if len(left) < 2:
            return None
        if len(left) == len(pairs):
            return self
        if self.stack is not None:
            return self.stack.of([row for row, _ in left], work, self.gain)
        total = sum(weight for _, weight in left)
        members = tuple(row for row, _ in left)
        return replace(self, members=members, weights=tuple(w / total for _, w in left))

    def within(self, ceilings: Ceilings, work: Work) -> Mix | None:
        """Return the weightiest members that keep the ceilings together, if those are two."""
        if not ceilings.limits:
            return self
        taken, total = set(), dict.fromkeys(ceilings.limits, 0.0)
        for trial, outcome in self.members:
            more = {key: value + outcome.metrics.get(key, 0.0) for key, value in total.items()}
            if ceilings.kept(more):
                taken.add(trial.number)
                total = more
        return self.only(frozenset(taken), work)

    def beats(self, single: Outcome, work: Work) -> bool:
        """Say whether it is still better than a trial, on all rows that both answer."""
        ours, theirs = self.out_of_fold, _answer(single)
        known = np.flatnonzero(_finite(ours) & _finite(theirs))
        truth = work.truth(known)
        worths = [worth(work.metric, truth, answer[known]) for answer in (ours, theirs)]
        return worths[0] > worths[1]

    @property
    def told(self) -> dict[str, float]:
        """The weights by the names of the trials, as a leaderboard shows them."""
        return {
            f"{trial.number:03d} {trial.algorithm_key}": round(weight, 4)
            for (trial, _), weight in zip(self.members, self.weights, strict=True)
        }

    @property
    def out_of_fold(self) -> Array:
        """What the members say together of rows they did not learn from."""
        answers = np.stack([_answer(outcome) for _, outcome in self.members])
        if self.stack is None:
            return np.average(answers, axis=0, weights=self.weights)
        together = self.stack.weights.answer(answers)
        together[self.stack.rows] = self.stack.crossed
        return together


@dataclass(frozen=True, slots=True)
class Stacked:
    """Learned weights, the rows that taught them, and what other rows' weights say of those."""

    rows: Array
    pairs: bool
    weights: stacking.Weights = stacking.NONE
    crossed: Array = field(default_factory=lambda: np.empty(0))

    def of(self, rows: Sequence[tuple[Trial, Outcome]], work: Work, gain: float) -> Mix:
        """Learn the weights of these trials; the one that moves the whole most comes first."""
        answers = np.stack([_answer(outcome)[self.rows] for _, outcome in rows])
        truth = work.truth(self.rows)
        learned = stacking.learn(answers, truth, pairs=self.pairs)
        shares = learned.shares(answers)
        order = [int(at) for at in np.argsort(-shares, kind="stable")]
        useful = [at for at in order if shares[at] >= LEAST_SHARE]
        if 2 <= len(useful) < len(order):
            return self.of([rows[at] for at in useful], work, gain)
        stack = replace(
            self,
            weights=stacking.Weights(learned.slopes[order], learned.shift),
            crossed=stacking.crossed(answers[order], truth, seed=0, pairs=self.pairs),
        )
        members = tuple(rows[at] for at in order)
        return Mix(members, tuple(float(shares[at]) for at in order), gain, stack)


def find(board: Leaderboard, work: Work, seed: int, seconds: float | None = None) -> Mix | None:
    """Return the trials that answer together, or None where the best one is better alone.

    That is judged on rows that took no part in choosing, and must be sure: a second opinion
    rarely does harm, and the best of many tries often is the luckiest. Where the seconds run out
    before that is known, no gain is told. What comes of it depends on the board and the seed,
    unless the seconds run out.
    """
    rows = candidates(board)
    if work.task is Task.ANOMALY or len(rows) < 2:
        return None
    answers = np.stack([_answer(outcome) for _, outcome in rows])
    looked_at = _rows(answers, seed)
    if len(looked_at) < FEWEST_ROWS or (seconds is not None and seconds <= 0):
        return None
    deadline = math.inf if seconds is None else time.monotonic() + seconds
    kinds = tuple(trial.algorithm_key for trial, _ in rows)
    truth = work.truth(looked_at)
    table = Table(answers[:, looked_at], truth, work.metric, kinds, _floor(board), deadline)
    gains = table.gains(work.task, seed)
    way, gain = best_way(gains)
    if gain.value < -SURE * gain.noise or (gains and gain == NO_GAIN):
        return None
    weights = table.weights(np.random.default_rng(seed), BAGS)
    if way < len(EVENLY):
        mix = _kept(rows, table.shared(weights) if EVENLY[way] else weights, gain.value)
        return mix if gains or mix is None or mix.beats(rows[0][1], work) else None
    stack = Stacked(looked_at, pairs=table.ways[way - len(EVENLY)])
    return stack.of([rows[at] for at in table.chosen(weights)], work, gain.value)


def candidates(board: Leaderboard) -> list[tuple[Trial, Outcome]]:
    """Return the complete trials that beat the baseline, best first, not too many of a kind."""
    least = _floor(board)
    kinds: dict[str, int] = {}
    found = []
    for trial, outcome in board.ranked:
        usable = outcome.state == "complete" and outcome.out_of_fold is not None
        if not usable or outcome.score is None or board.metric.signed(outcome.score) <= least:
            continue
        if trial.origin == "tuned" and not _stands_out(trial, outcome, board):
            continue
        kinds[trial.algorithm_key] = kinds.get(trial.algorithm_key, 0) + 1
        if kinds[trial.algorithm_key] <= MOST_OF_ONE:
            found.append((trial, outcome))
    return found[:MOST_CANDIDATES]


def _floor(board: Leaderboard) -> float:
    """Return what the baseline is worth; nothing where it was left out."""
    floor = [outcome for trial, outcome in board.rows if trial.algorithm_key == "dummy"]
    return max((board.metric.signed(each.score) for each in floor if each.score is not None),
               default=-math.inf)  # fmt: skip


def _stands_out(trial: Trial, outcome: Outcome, board: Leaderboard) -> bool:
    """Say whether a tuned trial is better than what is known to be good, by more than noise.

    On few rows the best of many tries is mostly the luckiest, and would push aside what is good
    on other rows. Folds share rows, so their spread is corrected as Nadeau and Bengio do.
    """
    known = [
        other.folds
        for each, other in board.rows
        if each.algorithm_key == trial.algorithm_key
        and each.origin != "tuned"
        and other.state == "complete"
        and len(other.folds) == len(outcome.folds) > 1
    ]
    rows = 0 if outcome.out_of_fold is None else len(outcome.out_of_fold)
    if not known or rows >= FEW_ROWS:
        return True
    signed = board.metric.signed
    best = max(known, key=lambda folds: signed(float(np.mean(folds))))
    gaps = np.array([signed(ours) - signed(theirs)
                     for ours, theirs in zip(outcome.folds, best, strict=True)])  # fmt: skip
    error = math.sqrt((1 / len(gaps) + board.ratio) * float(gaps.var(ddof=1)))
    return bool(gaps.mean() > error)


def seconds_to_fit(outcome: Outcome) -> float:
    """Return about how long one fit on all training rows takes, by what the folds took.

    >>> from pipelines.trial import Outcome
    >>> seconds_to_fit(Outcome(0.8, folds=(0.8, 0.8), seconds=2.0))
    1.5
    """
    return ALL_ROWS * outcome.seconds / max(1, len(outcome.folds))


def metrics_of(answer: Array, work: Work) -> Mapping[str, float]:
    """Return every metric of out-of-fold predictions, on the rows that have one."""
    known = np.flatnonzero(_finite(answer))
    truth = work.truth(known)
    values = {metric.key: metric.of(truth, answer[known]) for metric in work.metrics}
    return {key: value for key, value in values.items() if math.isfinite(value)}


def _kept(rows: Sequence[tuple[Trial, Outcome]], weights: Array, gain: float) -> Mix | None:
    """Leave out what hardly counts; None where one trial is all that remains."""
    order = [int(at) for at in np.argsort(-weights, kind="stable")[:MOST_MEMBERS]]
    order = [at for at in order if weights[at] >= LEAST_WEIGHT]
    if len(order) < 2:
        return None
    total = sum(weights[at] for at in order)
    members = tuple(rows[at] for at in order)
    return Mix(members, tuple(float(weights[at] / total) for at in order), gain)


def _answer(outcome: Outcome) -> Array:
    if outcome.out_of_fold is None:
        raise TypeError("A trial without out-of-fold predictions is no candidate.")
    return outcome.out_of_fold.astype(float)


def _finite(answer: Array) -> Array:
    sums: Array = answer.reshape(len(answer), -1).sum(axis=1)
    return np.isfinite(sums)


def _rows(answers: Array, seed: int) -> Array:
    """Return the rows for which every candidate has an answer, at most so many of them."""
    known = np.flatnonzero(np.all([_finite(answer) for answer in answers], axis=0))
    if len(known) <= MOST_ROWS:
        return known
    return np.sort(np.random.default_rng(seed).permutation(known)[:MOST_ROWS])
