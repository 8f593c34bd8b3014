"""LIME's part of a report: how it is made, for single rows, for the whole, for groups.

Where the model is a known sum, of trees or of linear terms, what LIME converges to is computed.
Elsewhere rows are made up and asked, in two halves, and the mean of both is told. There are ever
more until another seed's mean would tell the same story, or until the budget or the largest number
is reached; the status says which.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np

from pipelines.explain import statistics
from pipelines.explain.facts import Status
from pipelines.explain.lime import SAMPLES, Draws, Lime, limit

if TYPE_CHECKING:
    from pipelines.explain.exact import Exact
    from pipelines.explain.lime import Ask
    from pipelines.explain.mixtures import Mixture
    from pipelines.explain.work import Work

    Three = tuple[np.ndarray, np.ndarray, np.ndarray]

ENOUGH = 0.95
"""Rank correlation with another seed at which no more rows are made up."""
MOST_SAMPLES = 65_536
"""In each half."""
NEAR = 0.01
"""What the agreement may be short by to spare the last doubling: its own chance error."""
WHOLE = 2.6
"""Signal over noise of all made-up rows against that of half of them, the mean of five models at
four sizes: more than 2, since the halves complete each other."""
GAIN = 1.1
"""How often it doubles when the rows in each half do."""
SHARE_OF_BUDGET = 0.25
SAMPLED_ROWS = 300
GROUP_ROWS = 60
FEWEST_IN_GROUP = 20


class Engine(Protocol):
    """What makes LIME's coefficients for rows by position."""

    def __call__(self, positions: np.ndarray) -> Three:
        """Return coefficients by one half of the made-up rows, by the other, and R2."""

    def status(self, rows: int, noise: float) -> Status:
        """Say how the coefficients of so many rows came about."""


@dataclass(frozen=True)
class Computed:
    """What LIME converges to, from the model's own sums; R2 from a few made-up rows."""

    work: Work
    exact: Exact | Mixture
    drawn: Lime

    def __call__(self, positions: np.ndarray) -> Three:
        """Return the coefficients twice: no seed matters."""
        frame = self.work.frame.iloc[positions]
        found = limit(self.exact, self.work.background, frame)
        _, fit = self.drawn.explain(frame, self.work.on_scale(self.work.answers[positions]))
        return found, found, fit

    def status(self, rows: int, noise: float) -> Status:
        """Say that nothing was left to chance."""
        del noise
        return Status.exact(rows, "what LIME converges to with ever more made-up rows")


@dataclass(frozen=True)
class Drawn:
    """Two halves of the made-up rows."""

    work: Work
    pair: tuple[Lime, Lime]
    samples: int
    agreement: float

    def __call__(self, positions: np.ndarray) -> Three:
        """Return both halves' coefficients."""
        return _both(self.pair, self.work, positions)

    def status(self, rows: int, noise: float) -> Status:
        """Say how many rows were made up, and how far another seed would agree."""
        told = of_all(self.agreement)
        short = "" if told >= ENOUGH else f", short of {ENOUGH}"
        why = (
            f"LIME with {2 * self.samples:,} shared made-up rows, whose halves agree by "
            f"{self.agreement:.2f}: another seed by about {told:.2f}{short}"
        )
        return Status.sampled(rows, noise, why)


@dataclass(frozen=True)
class Surrogate:
    """LIME's coefficients for some rows, and what it takes to make them for others."""

    engine: Engine
    seed: int
    sample: np.ndarray
    """Those of the explained rows that stand for all rows."""
    positions: np.ndarray
    first: np.ndarray
    second: np.ndarray
    fit: np.ndarray

    @property
    def values(self) -> np.ndarray:
        """The mean of both halves: (rows, columns, outputs)."""
        mean: np.ndarray = (self.first + self.second) / 2
        return mean

    def status(self, rows: int) -> Status:
        """Say how a section came about that rests on so many rows."""
        return self.engine.status(rows, float(np.abs(self.first - self.second).mean() / 2))

    def places(self, positions: np.ndarray) -> np.ndarray:
        """Return where the coefficients of explained rows are."""
        return np.searchsorted(self.positions, positions)

    def inside(self, mask: np.ndarray) -> np.ndarray:
        """Return coefficients of rows of a group: those there are, else some made for it."""
        there = mask[self.positions]
        if there.sum() >= FEWEST_IN_GROUP or there.sum() == mask.sum():
            return np.asarray(self.values[there])
        rng = np.random.default_rng(self.seed + 6)
        some = np.sort(rng.permutation(np.flatnonzero(mask))[:GROUP_ROWS])
        first, second, _ = self.engine(some)
        return np.asarray((first + second) / 2)


def explain(work: Work, chosen: np.ndarray) -> Surrogate:
    """Explain the chosen rows and a sample of all.

    Raises:
        OutOfTime: the budget ended before it.
    """
    work.clock.require(work.clock.budget * 0.1)
    rng = np.random.default_rng(work.seed + 7)
    sample = rng.permutation(len(work.frame))[:SAMPLED_ROWS]
    positions = np.union1d(sample, chosen)
    engine: Engine
    if work.exact is not None:
        engine = Computed(work, work.exact, Draws(_ask(work), work.background, work.seed).lime())
        found = engine(positions)
    else:
        engine, found = _grown(work, positions)
    return Surrogate(engine, work.seed, sample, positions, *found)


def agreement_of(first: np.ndarray, second: np.ndarray) -> float:
    """Return the mean rank correlation of two sets of contributions, by size."""
    return float(np.mean(statistics.rank_agreement(sizes(first), sizes(second))))


def repeated(first: np.ndarray, second: np.ndarray) -> float:
    """Return the mean rank correlation of two sets of coefficients, with their signs."""
    one, two = (np.where(_none(values), 0.0, values) for values in (first, second))
    outputs = range(first.shape[2])
    told = [statistics.rank_agreement(one[:, :, o], two[:, :, o]) for o in outputs]
    return float(np.mean(told))


def sizes(values: np.ndarray) -> np.ndarray:
    """Return the sizes per row and column, with rounding errors as exact zeros."""
    found = np.abs(values).mean(axis=2)
    return np.where(_none(found), 0.0, found)


def _none(values: np.ndarray) -> np.ndarray:
    """Say which values are but rounding errors."""
    found: np.ndarray = np.abs(values) <= 1e-6 * np.abs(values).max(initial=0.0) + 1e-9
    return found


def of_all(agreement: float) -> float:
    """Return how far two seeds agree if halves of one agree so far.

    >>> round(of_all(0.9), 3)
    0.959
    """
    if agreement <= 0 or agreement >= 1:
        return min(1.0, max(0.0, agreement))
    signal = WHOLE * agreement / (1 - agreement)
    return signal / (1 + signal)


def _grown(work: Work, positions: np.ndarray) -> tuple[Drawn, Three]:
    """Make up rows until another seed would agree on these, or time or patience end."""
    deadline = work.clock.spent + work.clock.left * SHARE_OF_BUDGET
    draws = Draws(_ask(work), work.background, work.seed)
    samples = SAMPLES
    while True:
        before = work.clock.spent
        work.clock.require()
        pair = draws.halves(samples)
        found = _both(pair, work, positions)
        agreement = repeated(*found[:2])
        room = (deadline - work.clock.spent) / max(1e-9, work.clock.spent - before)
        most = min(MOST_SAMPLES / samples, room)
        steps = min(_doublings(agreement), int(np.log2(max(1.0, most))))
        near = 2 * samples >= MOST_SAMPLES and of_all(agreement) >= ENOUGH - NEAR
        if near or steps < 1:
            return Drawn(work, pair, samples, agreement), found
        samples *= 2**steps


def _doublings(agreement: float) -> int:
    """Return how often to double the made-up rows until another seed would agree enough."""
    told = min(0.999, max(0.001, of_all(agreement)))
    if told >= ENOUGH:
        return 0
    short = ENOUGH / (1 - ENOUGH) * (1 - told) / told
    return max(1, round(float(np.log2(short)) / GAIN))


def _ask(work: Work) -> Ask:
    return lambda frame: work.on_scale(work.question.ask(frame))


def _both(pair: tuple[Lime, Lime], work: Work, positions: np.ndarray) -> Three:
    frame, answers = work.frame.iloc[positions], work.on_scale(work.answers[positions])
    (first, fit), (second, other) = (one.explain(frame, answers) for one in pair)
    return first, second, (fit + other) / 2
