"""SHAP values of any model, by walking from a background row to the explained row.

For a row x, a background row b and an order of the columns, replace b's cells by x's one after
the other: each step's change of the answer belongs to the column that was replaced. The mean over
all orders and background rows is the (interventional) Shapley value. We draw orders in antithetic
pairs, an order and its reverse, which cancels the errors of every pairwise interaction, and give
each pair its own background row. All rows share the background rows, so contributions and base
value add up to the answer exactly; the spread between pairs gives every contribution its error
bar.

Pairs are walked in rounds over all rows. Where a clock is given, they end with the round after
which another one is not likely to fit: fewer pairs, not fewer rows.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from pipelines.errors import UnfaithfulExplanation
from pipelines.explain.attribution import Attribution, spread
from pipelines.explain.mixtures import on_their_scales, steadied
from pipelines.explain.question import MOST_ROWS_A_CALL, Clock, Mixer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    import pandas as pd

    from pipelines.explain.exact import Exact
    from pipelines.explain.question import Matrix, Question

    Ask = Callable[[pd.DataFrame], Matrix]


FEWEST_PAIRS, A_ROUND = 4, 2
"""So many pairs of orders are walked at least; then the clock is looked at after each round."""


@dataclass(frozen=True)
class Effort:
    """How many pairs of orders a row is given, and the clock that may end that early."""

    pairs: int
    seed: int = 0
    clock: Clock = field(default_factory=lambda: Clock(math.inf))

    def rounds(self, pairs: int) -> Iterator[np.ndarray]:
        """Give out pairs to walk while another round is likely to fit."""
        done, slowest = 0, 0.0
        while done < pairs and (not done or self.clock.left > slowest):
            more = min(A_ROUND if done else FEWEST_PAIRS, pairs - done)
            before = self.clock.spent
            yield np.arange(done, done + more)
            slowest = max(slowest, (self.clock.spent - before) * A_ROUND / more)
            done += more


def draw(
    question: Question,
    frame: pd.DataFrame,
    background: pd.DataFrame,
    effort: Effort,
    parts_of: Callable[[Question, pd.DataFrame, pd.DataFrame], Sequence[Exact]] | None = None,
) -> Attribution:
    """Return sampled SHAP values with their error bars, some pairs of orders a row.

    ``parts_of`` may find exact sums inside the model, such as an ensemble's members: what the
    answers share with them is then taken from the exact numbers, and only the rest is sampled.
    """
    rng = np.random.default_rng(effort.seed)
    chosen = rng.permutation(spread(question.ask(background)[:, 0], effort.pairs))
    usual = background.iloc[chosen].reset_index(drop=True)
    parts, known = _known(parts_of(question, usual, frame) if parts_of else (), frame)
    mixer = Mixer.of(frame, usual)

    def ask(rows: pd.DataFrame) -> Matrix:
        return np.hstack([question.ask(rows), on_their_scales(parts, rows)])

    orders = np.argsort(rng.random((len(frame), len(chosen), frame.shape[1])), axis=-1)
    ranks = np.argsort(orders, axis=-1)
    steps = np.concatenate(
        [_round(ask, mixer, some, ranks) for some in effort.rounds(len(chosen))], axis=1
    )
    pairs = steps.shape[1]
    if parts_of and pairs < len(chosen):  # what is known is known against the rows that were met
        again, known = _known(parts_of(question, usual.iloc[:pairs], frame), frame)
        if len(again) < len(parts):
            parts, known = [], known[..., :0]
    base = question.ask(usual.iloc[:pairs]).mean(axis=0)
    answered, many = len(base), len(base) + known.shape[2]
    steps = steadied(steps[..., :answered], steps[..., answered:many], known)
    error = steps.std(axis=1, ddof=1) / np.sqrt(pairs) if pairs > 1 else None
    helped = ", steadied by exact sums of its members" if parts else ""
    return Attribution(
        values=steps.mean(axis=1),
        base=base,
        method=f"permutation SHAP over raw columns{helped}",
        unit="answer",
        background=pairs,
        error=error,
    )


def _round(ask: Ask, mixer: Mixer, some: np.ndarray, ranks: np.ndarray) -> np.ndarray:
    """Walk some pairs of all rows, as many rows at a time as one call may ask about."""
    many = len(ranks)
    step = max(1, MOST_ROWS_A_CALL // (len(some) * 2 * (ranks.shape[2] + 1)))
    return np.concatenate(
        [
            _walk(ask, mixer, np.arange(start, min(start + step, many)), some, ranks)
            for start in range(0, many, step)
        ]
    )


def _known(parts: Sequence[Exact], frame: pd.DataFrame) -> tuple[list[Exact], np.ndarray]:
    """Return the parts that prove themselves on these rows, and their contributions."""
    kept, values = [], [np.empty((len(frame), frame.shape[1], 0))]
    for part in parts:
        try:
            values.append(part(frame, part.question.ask(frame)).values)
        except UnfaithfulExplanation:
            continue
        kept.append(part)
    return kept, np.concatenate(values, axis=2)


def _walk(
    ask: Ask, mixer: Mixer, rows: np.ndarray, some: np.ndarray, ranks: np.ndarray
) -> np.ndarray:
    """Return each pair's mean step: (rows, pairs, columns, outputs)."""
    columns, pairs = mixer.pool.shape[1], len(some)
    mine = ranks[rows[:, None], some]
    both = np.stack([mine, columns - 1 - mine], axis=2)
    # taken[..., s, j]: after s steps, is column j already the explained row's?
    taken = both[..., None, :] < np.arange(columns + 1)[:, None]
    own = rows[:, None, None, None, None]
    other = (len(ranks) + some)[None, :, None, None, None]
    which = np.where(taken, own, other).reshape(-1, columns)
    answers = ask(mixer.rows(which))
    answers = answers.reshape(len(rows), pairs, 2, columns + 1, -1)
    moves = np.take_along_axis(np.diff(answers, axis=3), both[..., None], axis=3)
    return np.asarray(moves.mean(axis=2))


def affordable(
    question: Question, frame: pd.DataFrame, background: pd.DataFrame, clock: Clock
) -> float:
    """Return how many made-up rows the model answers in a second, from a short trial."""
    trial = frame.iloc[np.arange(1000) % len(frame)].reset_index(drop=True)
    question.ask(background.iloc[:1])
    before = clock.spent
    question.ask(trial)
    return 1000 / max(clock.spent - before, 1e-4)
