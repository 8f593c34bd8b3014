"""What a version's p-values compare with: rows that were scored by a fit that did not see them.

Where there are many, these are the rows that a run keeps apart: a usual row is then below p with a
chance of p and no more. Where there are few, those are one of five parts of the table, and a model
on all other parts scores each; it also scores each new row, so that both sides are asked in the
same way. Comparing new rows with what one model says of the rows it learned from is what goes
wrong otherwise (``benchmarks/false_discoveries.py``).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import pandas as pd
from threadpoolctl import threadpool_limits

from pipelines.adapters import build

if TYPE_CHECKING:
    from pipelines.adapters import Model
    from pipelines.trial import Work
    from pipelines.winner import Chosen

Array: TypeAlias = np.ndarray[Any, Any]

PARTS = 5
MOST = 20_000
"""More rows to compare with make p-values hardly finer."""
ENOUGH = 1_000
"""With so many rows kept apart they do alone, and one model answers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """Scores to compare with, and how they came about."""

    scores: Array
    """What the model says of rows kept apart, or its folds' of rows held out."""
    parts: tuple[tuple[Model, Array], ...] = ()
    """Models that each left a part of the rows out, with their scores of it."""
    told: str
    stability: tuple[Array, Array] | None = None
    """Scores of the same rows by two fits on different rows."""

    @property
    def all_scores(self) -> Array:
        """Every row's score by a fit that did not see it."""
        return np.concatenate([self.scores, *(scores for _, scores in self.parts)])


def of_labelled(found: Array, usual: Array, held: Array) -> Reference:
    """Return usual rows' scores: of those kept apart where they are many, else of the folds.

    Args:
        found: The out-of-fold scores, empty where nothing was tried.
        usual: Which of those rows are usual.
        held: The scores of usual rows kept apart.
    """
    scores = _some(found[usual])
    if len(held) >= ENOUGH or not len(scores):
        scores = _some(held)
        return Reference(scores=scores, told=_kept_apart(len(scores)))
    told = f"p-values compare with {len(scores):,} usual rows, each scored by a fit on other folds"
    return Reference(scores=scores, told=told)


def of_unlabelled(chosen: Chosen, work: Work, held: pd.DataFrame) -> Reference:
    """Return scores of rows kept apart where they are many, else of parts left out in turn."""
    seed, many = chosen.trial.seed, len(work.features)
    held = held.iloc[_drawn(len(held), MOST, seed)]
    scores = chosen.model.score(held) if len(held) else np.empty(0)
    order = np.random.default_rng(seed).permutation(many)
    if len(held) >= ENOUGH:
        half = work.features.iloc[np.sort(order[: many // 2])]
        other = _fitted(chosen, work, half).score(held)
        told = _kept_apart(len(scores))
        return Reference(scores=scores, told=told, stability=(scores, other))
    parts = []
    for part in np.array_split(order, PARTS - 1):
        rest = work.features.iloc[np.setdiff1d(order, part)]
        model = _fitted(chosen, work, pd.concat([rest, held]))
        parts.append((model, model.score(work.features.iloc[part])))
    again = np.concatenate([part_scores for _, part_scores in parts])
    told = (
        f"p-values compare with {many + len(scores):,} rows, each scored by one of "
        f"{PARTS} fits that did not see it"
    )
    return Reference(
        scores=scores, parts=tuple(parts), told=told,
        stability=(again, chosen.model.score(work.features.iloc[order])),
    )  # fmt: skip


def _fitted(chosen: Chosen, work: Work, features: pd.DataFrame) -> Model:
    """Fit the chosen configuration on some rows."""
    row, params = work.rows[chosen.trial.algorithm_key], dict(chosen.trial.params)
    model = build(row, params, chosen.trial.seed, plan=work.plan, task=work.task)
    with threadpool_limits(1):
        return model.fit(features)


def _kept_apart(many: int) -> str:
    return f"p-values compare with {many:,} rows that were kept apart"


def _some(scores: Array) -> Array:
    return scores[_drawn(len(scores), MOST, 0)]


def _drawn(many: int, most: int, seed: int) -> Array:
    """Return the places of at most so many rows."""
    if many <= most:
        return np.arange(many)
    return np.sort(np.random.default_rng(seed).permutation(many)[:most])
