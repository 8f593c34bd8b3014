"""SHAP values of any model, by walking from a background row to the explained row.

For a row x, a background row b and an order of the columns, replace b's cells by x's one after
the other: each step's change of the answer belongs to the column that was replaced. The mean over
all orders and background rows is the (interventional) Shapley value. We draw orders in antithetic
pairs, an order and its reverse, which cancels the errors of every pairwise interaction, and give
each pair its own background row. All rows share the background rows, so contributions and base
value add up to the answer exactly; the spread between pairs gives every contribution its error
bar.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pipelines.errors import UnfaithfulExplanation
from pipelines.explain.attribution import Attribution, spread
from pipelines.explain.mixtures import on_their_scales, steadied
from pipelines.explain.question import MOST_ROWS_A_CALL, Mixer

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import pandas as pd

    from pipelines.explain.exact import Exact
    from pipelines.explain.question import Clock, Matrix, Question

    Ask = Callable[[pd.DataFrame], Matrix]


def draw(
    question: Question,
    frame: pd.DataFrame,
    background: pd.DataFrame,
    pairs: int,
    seed: int,
    parts_of: Callable[[Question, pd.DataFrame, pd.DataFrame], Sequence[Exact]] | None = None,
) -> Attribution:
    """Return sampled SHAP values with their error bars, ``pairs`` pairs of orders a row.

    ``parts_of`` may find exact sums inside the model, such as an ensemble's members: what the
    answers share with them is then taken from the exact numbers, and only the rest is sampled.
    """
    rng = np.random.default_rng(seed)
    chosen = rng.permutation(spread(question.ask(background)[:, 0], pairs))
    pairs, usual = len(chosen), background.iloc[chosen].reset_index(drop=True)
    parts, known = _known(parts_of(question, usual, frame) if parts_of else (), frame)
    mixer = Mixer.of(frame, usual)

    def ask(rows: pd.DataFrame) -> Matrix:
        return np.hstack([question.ask(rows), on_their_scales(parts, rows)])

    per_row = pairs * 2 * (frame.shape[1] + 1)
    step = max(1, MOST_ROWS_A_CALL // per_row)
    walks = [
        _walk(ask, mixer, np.arange(start, min(start + step, len(frame))), pairs, rng)
        for start in range(0, len(frame), step)
    ]
    steps = np.concatenate(walks)
    base = question.ask(usual).mean(axis=0)
    steps = steadied(steps[..., : len(base)], steps[..., len(base) :], known)
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
    ask: Ask, mixer: Mixer, rows: np.ndarray, pairs: int, rng: np.random.Generator
) -> np.ndarray:
    """Return each pair's mean step: (rows, pairs, columns, outputs)."""
    columns = mixer.pool.shape[1]
    first = len(mixer.pool) - pairs
    orders = np.argsort(rng.random((len(rows), pairs, columns)), axis=-1)
    ranks = np.argsort(orders, axis=-1)
    both = np.stack([ranks, columns - 1 - ranks], axis=2)
    # taken[..., s, j]: after s steps, is column j already the explained row's?
    taken = both[..., None, :] < np.arange(columns + 1)[:, None]
    own = rows[:, None, None, None, None]
    other = (first + np.arange(pairs))[None, :, None, None, None]
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
