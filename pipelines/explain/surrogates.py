"""LIME's part of a report: how it is made, for single rows, for the whole, for groups.

Where the model is a known sum, of trees or of linear terms, what LIME converges to is computed.
Elsewhere two sets of made-up rows with different seeds are asked. They grow until both tell the
same story, or until the budget or the largest number is reached; the status says which.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np

from pipelines.explain import statistics
from pipelines.explain.facts import Status
from pipelines.explain.lime import SAMPLES, Lime, limit

if TYPE_CHECKING:
    import pandas as pd

    from pipelines.explain.exact import Exact
    from pipelines.explain.mixtures import Mixture
    from pipelines.explain.question import Matrix
    from pipelines.explain.work import Work

    Three = tuple[np.ndarray, np.ndarray, np.ndarray]

ENOUGH = 0.95
"""Rank correlation of two seeds at which no more rows are made up."""
MOST_SAMPLES = 40_000
SHARE_OF_BUDGET = 0.25
TRIAL_ROWS = 40
SAMPLED_ROWS = 300
GROUP_ROWS = 60
FEWEST_IN_GROUP = 20


class Engine(Protocol):
    """What makes LIME's coefficients for rows by position."""

    def __call__(self, positions: np.ndarray) -> Three:
        """Return coefficients by one seed and by another, and each fit's R2."""

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
    """Two sets of made-up rows with different seeds."""

    work: Work
    pair: tuple[Lime, Lime]
    samples: int
    agreement: float

    def __call__(self, positions: np.ndarray) -> Three:
        """Return both seeds' coefficients."""
        return _both(self.pair, self.work, positions)

    def status(self, rows: int, noise: float) -> Status:
        """Say how many rows were made up, and how far two seeds agree."""
        short = "" if self.agreement >= ENOUGH else f", short of {ENOUGH}"
        why = (
            f"LIME with {self.samples:,} shared made-up rows for each of two seeds, "
            f"which agree by {self.agreement:.2f}{short}"
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
        """The mean of both seeds: (rows, columns, outputs)."""
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
    engine: Engine
    if work.exact is not None:
        engine = Computed(work, work.exact, _asked(work, SAMPLES, work.seed))
    else:
        engine = _grown(work, np.sort(sample[:TRIAL_ROWS]))
    positions = np.union1d(sample, chosen)
    first, second, fit = engine(positions)
    return Surrogate(engine, work.seed, sample, positions, first, second, fit)


def agreement_of(first: np.ndarray, second: np.ndarray) -> float:
    """Return the mean rank correlation of two sets of contributions, by size."""
    return float(np.mean(statistics.rank_agreement(sizes(first), sizes(second))))


def sizes(values: np.ndarray) -> np.ndarray:
    """Return the sizes per row and column, with rounding errors as exact zeros."""
    found = np.abs(values).mean(axis=2)
    return np.where(found <= 1e-6 * found.max(initial=0.0) + 1e-9, 0.0, found)


def _grown(work: Work, trial: np.ndarray) -> Drawn:
    """Make up rows until two seeds agree on some rows, or time or patience end."""
    deadline = work.clock.spent + work.clock.left * SHARE_OF_BUDGET
    samples = SAMPLES
    while True:
        before = work.clock.spent
        pair = _asked(work, samples, work.seed), _asked(work, samples, work.seed + 1)
        first, second, _ = _both(pair, work, trial)
        agreement = agreement_of(first, second)
        cost = work.clock.spent - before
        late = work.clock.spent + 2 * cost > deadline
        if agreement >= ENOUGH or 2 * samples > MOST_SAMPLES or late:
            return Drawn(work, pair, samples, agreement)
        samples *= 2


def _asked(work: Work, samples: int, seed: int) -> Lime:
    work.clock.require()

    def ask(frame: pd.DataFrame) -> Matrix:
        return work.on_scale(work.question.ask(frame))

    return Lime.of(ask, work.background, samples=samples, seed=seed)


def _both(pair: tuple[Lime, Lime], work: Work, positions: np.ndarray) -> Three:
    frame, answers = work.frame.iloc[positions], work.on_scale(work.answers[positions])
    (first, fit), (second, other) = (one.explain(frame, answers) for one in pair)
    return first, second, (fit + other) / 2
