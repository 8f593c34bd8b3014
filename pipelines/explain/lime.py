"""LIME for many rows at the price of one: shared perturbations, one call of the model.

LIME's tabular perturbations do not depend on the row: every column is drawn independently from
the training distribution, and a row sees them only through the question "same bin as mine?". So
one set of made-up rows and one call of the model serve all rows; what differs is which cells
match, the weights, and a small ridge regression. Numbers are binned at their quartiles,
everything else by its value, and a missing value is a bin of its own. Weights, kernel width and
ridge penalty are those of lime 0.2.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from pipelines.explain.binning import Bins
from pipelines.explain.question import Mixer

if TYPE_CHECKING:
    from collections.abc import Callable

    import pandas as pd
    from numpy.typing import NDArray

    from pipelines.explain.question import Matrix

SAMPLES = 20_000
PENALTY = 1.0


@dataclass(frozen=True)
class Lime:
    """A set of made-up rows, their bins, and what the model says to them."""

    bins: tuple[Bins, ...]
    codes: NDArray[np.int16]
    answers: Matrix

    @classmethod
    def of(
        cls,
        ask: Callable[[pd.DataFrame], Matrix],
        background: pd.DataFrame,
        *,
        samples: int = SAMPLES,
        seed: int = 0,
    ) -> Lime:
        """Draw made-up rows from the background and ask the model once."""
        rng = np.random.default_rng(seed)
        rows = len(background)
        # Every background row is drawn equally often in every column: less noise than free draws.
        turns = np.resize(np.arange(rows), samples)
        which = np.stack([rng.permutation(turns) for _ in background.columns], axis=1)
        bins = tuple(Bins.of(background[name]) for name in background.columns)
        known = np.stack(
            [b.codes(background[n]) for b, n in zip(bins, background.columns, strict=True)], axis=1
        )
        codes = np.take_along_axis(known, which, axis=0)
        return cls(bins, codes, ask(Mixer(background).rows(which)))

    def explain(self, frame: pd.DataFrame, answers: Matrix) -> tuple[np.ndarray, np.ndarray]:
        """Return coefficients (rows, columns, outputs) and the fit's R2 for each row."""
        columns = len(self.bins)
        mine = np.stack(
            [b.codes(frame[n]) for b, n in zip(self.bins, frame.columns, strict=True)], axis=1
        )
        found = np.empty((len(frame), columns, self.answers.shape[1]))
        fit = np.empty(len(frame))
        for row in range(len(frame)):
            found[row], fit[row] = self._one(mine[row], answers[row])
        return found, fit

    def _one(self, mine: NDArray[np.int16], answer: np.ndarray) -> tuple[np.ndarray, float]:
        """Fit the weighted ridge regression of one row; the row itself has weight one."""
        columns = len(mine)
        same = np.concatenate([np.ones((1, columns)), (self.codes == mine).astype(float)])
        target = np.concatenate([answer[None, :], self.answers])
        # sqrt(exp(-d2 / w2)) with d2 = cells that differ and w2 = (0.75 sqrt(columns))^2
        weight = np.exp(-(columns - same.sum(axis=1)) / (2 * 0.5625 * columns))
        total = weight.sum()
        middle, level = weight @ same / total, weight @ target / total
        weighted = same * weight[:, None]
        gram = weighted.T @ same - total * np.outer(middle, middle)
        right = weighted.T @ target - total * np.outer(middle, level)
        found = np.linalg.solve(gram + PENALTY * np.eye(columns), right)
        around = weight @ (target - level) ** 2
        explained = 2 * (found * right).sum(axis=0) - (found * (gram @ found)).sum(axis=0)
        with np.errstate(invalid="ignore", divide="ignore"):
            r2 = np.where(around > 0, explained / around, 1.0)
        return found, float(r2.mean())
