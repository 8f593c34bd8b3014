"""LIME for many rows at the price of one: shared perturbations, one call of the model.

LIME's tabular perturbations do not depend on the row: every column is drawn independently from
the training distribution, and a row sees them only through the question "same bin as mine?". So
one set of made-up rows and one call of the model serve all rows; what differs is which cells
match, and the weights. Numbers are binned at their quartiles, everything else by its value, and a
missing value is a bin of its own. Weights, kernel width and ridge penalty are those of lime 0.2.

Two facts make few made-up rows enough. The weight is a product over columns and columns are drawn
independently, so matches stay independent under the weights: a coefficient is the weighted mean
answer where the column matches less that where it does not. And of a sum of one curve for each
column that difference is known without drawing: so such a sum is fitted to the answers once, in
fine bins, its coefficients are computed, and only what it leaves over is estimated by drawing.
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

    from pipelines.explain.exact import Exact
    from pipelines.explain.mixtures import Mixture
    from pipelines.explain.question import Matrix

    Ask = Callable[[pd.DataFrame], Matrix]
    Codes = NDArray[np.int16]

SAMPLES = 5_000
PENALTY = 1.0
FINE = 16
SWEEPS = 3


@dataclass(frozen=True)
class Curve:
    """One column's part of the sum that is fitted to all answers."""

    coarse: Bins
    fine: Bins
    effects: np.ndarray
    """(fine bins, outputs); the first bin holds missing values"""
    differences: np.ndarray
    """(coarse bins, outputs): mean effect inside a bin less that outside; missing first."""

    @classmethod
    def of(cls, coarse: Bins, fine: Bins, column: pd.Series, effects: np.ndarray) -> Curve:
        """Compute what the effects come to between the inside and the outside of each bin."""
        here, shares = coarse.codes(column) + 1, effects[fine.codes(column) + 1]
        many = np.bincount(here, minlength=coarse.many + 2).astype(float)
        sums = np.stack([np.bincount(here, one, minlength=len(many)) for one in shares.T], axis=1)
        inside = sums / np.maximum(many, 1)[:, None]
        outside = (sums.sum(axis=0) - sums) / np.maximum(many.sum() - many, 1)[:, None]
        both = (many > 0) & (many < many.sum())
        return cls(coarse, fine, effects, np.where(both[:, None], inside - outside, 0.0))

    def effect(self, column: pd.Series) -> np.ndarray:
        """Return each cell's part: (rows, outputs)."""
        return np.asarray(self.effects[self.fine.codes(column) + 1])


@dataclass(frozen=True)
class Lime:
    """A set of made-up rows, their bins, and what the curves leave over of the answers."""

    curves: tuple[Curve, ...]
    codes: Codes
    """(columns, samples)"""
    answers: Matrix
    leftover: Matrix
    level: np.ndarray

    @classmethod
    def of(
        cls, ask: Ask, background: pd.DataFrame, *, samples: int = SAMPLES, seed: int = 0
    ) -> Lime:
        """Draw made-up rows from the background, ask the model once, fit the curves."""
        rng = np.random.default_rng(seed)
        # Every background row is drawn equally often in every column: less noise than free draws.
        turns = np.resize(np.arange(len(background)), samples)
        which = np.stack([rng.permutation(turns) for _ in background.columns], axis=1)
        return cls.fitted(background, which, ask(Mixer(background).rows(which)))

    @classmethod
    def fitted(cls, background: pd.DataFrame, which: np.ndarray, answers: Matrix) -> Lime:
        """Fit the curves to the answers to rows made of the background's cells."""
        columns = [background[name] for name in background.columns]
        coarse = [Bins.of(column) for column in columns]
        fine = [_finer(one, column) for one, column in zip(coarse, columns, strict=True)]
        codes, places = (
            np.stack([one.codes(c)[which[:, j]] for j, (one, c) in enumerate(pairs)])
            for pairs in (
                list(zip(coarse, columns, strict=True)),
                list(zip(fine, columns, strict=True)),
            )
        )
        level = answers.mean(axis=0)
        effects, leftover = _backfit(places + 1, [one.many + 2 for one in fine], answers - level)
        curves = tuple(map(Curve.of, coarse, fine, columns, effects))
        return cls(curves, codes, answers, leftover, level)

    def explain(self, frame: pd.DataFrame, answers: Matrix) -> tuple[np.ndarray, np.ndarray]:
        """Return coefficients (rows, columns, outputs) and the fit's R2 for each row."""
        columns = [frame[name] for name in frame.columns]
        mine = np.stack(
            [one.coarse.codes(c) for one, c in zip(self.curves, columns, strict=True)], axis=1
        )
        known = np.stack(
            [one.differences[mine[:, j] + 1] for j, one in enumerate(self.curves)], axis=1
        )
        pairs = zip(self.curves, columns, strict=True)
        own = answers - self.level - sum(one.effect(column) for one, column in pairs)
        drawn = np.column_stack(
            [np.ones(len(self.answers)), self.leftover, self.answers, self.answers**2]
        ).astype(np.float32)
        row = np.column_stack([np.ones(len(own)), own, answers, answers**2])
        found, fit = np.empty_like(known), np.empty(len(frame))
        for index in range(len(frame)):
            found[index], fit[index] = self._one(mine[index], known[index], row[index], drawn)
        return found, fit

    def _one(
        self, mine: Codes, known: np.ndarray, own: np.ndarray, drawn: np.ndarray
    ) -> tuple[np.ndarray, float]:
        """Compare the answers of matching cells with the others'; the row itself has weight one.

        ``own`` and the rows of ``drawn`` hold one, what the curves left over, answer and square.
        """
        columns, outputs = known.shape
        same = (self.codes == mine[:, None]).astype(np.float32)
        differ = columns - np.ones(columns, np.float32) @ same
        # sqrt(exp(-d2 / w2)) with d2 = cells that differ and w2 = (0.75 sqrt(columns))^2
        weighted = drawn * np.exp(differ / np.float32(-2 * 0.5625 * columns))[:, None]
        inside = (same @ weighted[:, : 1 + outputs]).astype(float) + own[: 1 + outputs]
        total = weighted.sum(axis=0, dtype=float) + own
        outside = total[: 1 + outputs] - inside
        with np.errstate(invalid="ignore", divide="ignore"):
            moved = inside[:, 1:] / inside[:, :1] - outside[:, 1:] / outside[:, :1]
            moved = np.where(outside[:, :1] > 1e-5 * total[0], moved + known, 0.0)
            spread = (inside[:, :1] * outside[:, :1] / total[0]).clip(0)
            mean, square = np.split(total[1 + outputs :] / total[0], 2)
            around = total[0] * (square - mean**2)
            explained = (spread * moved**2).sum(axis=0)
            r2 = np.where(around > 1e-12, np.minimum(1.0, explained / around), 1.0)
        return moved * spread / (spread + PENALTY), float(r2.mean())


def limit(exact: Exact | Mixture, background: pd.DataFrame, frame: pd.DataFrame) -> np.ndarray:
    """Return what LIME converges to with ever more made-up rows, if the model's sums are known.

    Matches are independent, so a leaf's weighted mean is a product over its columns, and a
    coefficient the difference of two such products, summed over the leaves: nothing is drawn.
    """
    from pipelines.explain import copies  # it compiles

    made = [Bins.of(background[name]) for name in background.columns]
    codes, mine = (
        np.stack([b.codes(rows[n]) for b, n in zip(made, rows.columns, strict=True)]) + 1
        for rows in (background, frame)
    )
    width = max(one.many for one in made) + 1
    many = np.stack([np.bincount(one, minlength=width) for one in codes]).astype(float)
    decay = float(np.exp(-1 / (2 * 0.5625 * len(made))))
    bins = copies.Bins(codes.astype(np.int32), many, decay)
    return exact.copied(bins, np.ascontiguousarray(mine.T, dtype=np.int32))


def _finer(coarse: Bins, column: pd.Series) -> Bins:
    """Return bins within the bins, for what changes inside them."""
    if coarse.edges is None:
        return coarse
    more = Bins.of(column, parts=FINE).edges
    return Bins(coarse.edges if more is None else np.union1d(coarse.edges, more))


def _backfit(
    places: np.ndarray, many: list[int], left: np.ndarray
) -> tuple[list[np.ndarray], np.ndarray]:
    """Fit one effect for each bin of each column, in turns; return them and what is left over."""
    left = left.copy()
    effects = [np.zeros((bins, left.shape[1])) for bins in many]
    for _ in range(SWEEPS):
        for place, effect in zip(places, effects, strict=True):
            rows = np.maximum(np.bincount(place, minlength=len(effect)), 1)
            for output in range(left.shape[1]):
                step = np.bincount(place, left[:, output], minlength=len(effect)) / rows
                effect[:, output] += step
                left[:, output] -= step[place]
    return effects, left
