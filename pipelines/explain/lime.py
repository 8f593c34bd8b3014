"""LIME for many rows at the price of one: shared perturbations, one question to the model.

LIME's tabular perturbations do not depend on the row: every column is drawn independently from
the training distribution, and a row sees them only through the question "same bin as mine?". So
one set of made-up rows serves all rows; what differs is which cells match, and the weights.
Numbers are binned at their quartiles, everything else by its value, and a missing value is a bin
of its own. Weights, kernel width and ridge penalty are those of lime 0.2.

Three facts make few made-up rows enough. The weight is a product over columns and columns are
drawn independently, so matches stay independent under the weights: a coefficient is the weighted
mean answer where the column matches less that where it does not. Of a sum of one curve for each
column that difference is known without drawing: such a sum is fitted to the answers once, in fine
bins, its coefficients are computed, and only what it leaves over is estimated by drawing. And the
weights are nearly even, so that weighted means follow from the plain means in pairs of bins.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from pipelines.explain.binning import Bins, as_numbers
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

SAMPLES = 4_096
PART = 16_384
"""Made-up rows drawn and asked at a time."""
PROBES = 64
PENALTY = 1.0
KERNEL = 0.75**2
"""The kernel's width squared, in columns."""
RARE = 1e-5
FINE = 16
SWEEPS = 3
MOST_PAIRED = 4_000_000
FEWEST_PAIRED = 512


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
    """The bins of made-up rows, the answers to them, and what curves leave over of these."""

    curves: tuple[Curve, ...]
    codes: Codes
    """(columns, samples); 0 means missing."""
    answers: Matrix
    leftover: Matrix
    level: np.ndarray

    def explain(self, frame: pd.DataFrame, answers: Matrix) -> tuple[np.ndarray, np.ndarray]:
        """Return coefficients (rows, columns, outputs) and the fit's R2 for each row.

        The row itself is one of the fitted rows, with weight one.
        """
        pairs = [(one, frame[name]) for one, name in zip(self.curves, frame.columns, strict=True)]
        mine = np.stack([one.coarse.codes(column) + 1 for one, column in pairs], axis=1)
        known = np.stack([one.differences[one.coarse.codes(c) + 1] for one, c in pairs], axis=1)
        own = answers - self.level - sum(one.effect(column) for one, column in pairs)
        here, there, share = self._means(mine)
        decay = np.exp(-1 / (2 * KERNEL * len(pairs)))
        match = share / (share + decay * (1 - share))
        lean, outputs = self._lean(mine, match - share), answers.shape[1]
        weight = len(self.answers) * (share + decay * (1 - share)).prod(axis=1)[:, None]
        inside, outside = (weight * match)[:, :, None], (weight * (1 - match))[:, :, None]
        matching = inside * (here[:, :, :outputs] + lean[:, :, 0]) + own[:, None]
        moved = matching / (inside + 1) - there[:, :, :outputs] - lean[:, :, 1] + known
        moved = np.where(outside > RARE * weight[:, None], moved, 0.0)
        spread = (inside + 1) * outside / (weight[:, None] + 1)
        tilt = (match - share)[:, :, None] * (here - there)[:, :, outputs:]
        told = np.hstack([self.answers, self.answers**2]).mean(axis=0) + tilt.sum(axis=1)
        told = (weight * told + np.hstack([answers, answers**2])) / (weight + 1)
        around = (weight + 1) * (told[:, outputs:] - told[:, :outputs] ** 2)
        explained = (spread * moved**2).sum(axis=1)
        with np.errstate(invalid="ignore", divide="ignore"):
            r2 = np.where(around > 1e-12, np.minimum(1.0, explained / around), 1.0)
        return moved * spread / (spread + PENALTY), r2.mean(axis=1)

    def _means(self, mine: Codes) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return means where a column matches and where it does not, and how often it does.

        They are of what the curves left over, of the answers and of their squares.
        """
        from pipelines.explain import matches  # it compiles

        values = np.hstack([self.leftover, self.answers, self.answers**2])
        many, sums = matches.tally(self.codes, values, self._width)
        place = np.arange(mine.shape[1])
        count, total = many[place, mine], sums[place, mine]
        other = many.sum(axis=1) - count
        here = total / np.maximum(count, 1)[:, :, None]
        there = (sums.sum(axis=1) - total) / np.maximum(other, 1)[:, :, None]
        return here, there, count / (count + other)

    def _lean(self, mine: Codes, tilts: np.ndarray) -> np.ndarray:
        """Return how the weights move what is left over: little, so that few rows tell it."""
        from pipelines.explain import matches  # it compiles

        pairs = max(1, len(self.codes) * (len(self.codes) - 1) // 2)
        some = slice(max(FEWEST_PAIRED, MOST_PAIRED // pairs))
        codes = np.ascontiguousarray(self.codes[:, some])
        widths = np.array([one.coarse.many + 1 for one in self.curves], np.int32)
        return matches.lean(codes, self.leftover[some], mine, tilts, widths)

    @property
    def _width(self) -> int:
        return max(one.coarse.many for one in self.curves) + 1


@dataclass(frozen=True)
class Usual:
    """The background that cells are drawn from: bins, order, and which columns matter most."""

    mixer: Mixer
    columns: tuple[pd.Series, ...]
    coarse: tuple[Bins, ...]
    fine: tuple[Bins, ...]
    codes: tuple[Codes, ...]
    """Each column's fine bins, missing as 0."""
    order: np.ndarray
    """(rows, columns): each column's places by its values."""
    dimension: np.ndarray
    """Each column's place by how far its cells move the answers of a few rows."""

    @classmethod
    def of(cls, ask: Ask, background: pd.DataFrame, seed: int = 0) -> Usual:
        """Cut and sort the columns, and ask the model about a few rows with one cell changed."""
        columns = tuple(background[name] for name in background.columns)
        coarse = tuple(Bins.of(column) for column in columns)
        fine = tuple(_finer(one, column) for one, column in zip(coarse, columns, strict=True))
        codes = tuple(one.codes(column) + 1 for one, column in zip(fine, columns, strict=True))
        order = np.stack([_in_order(column) for column in columns], axis=1)
        rng, mixer = np.random.default_rng(seed), Mixer(background)
        many, place = len(background), np.arange(len(columns))
        which = np.repeat(rng.integers(0, many, (PROBES, 1, len(place))), len(place) + 1, axis=1)
        which[:, place, place] = rng.integers(0, many, (PROBES, len(place)))
        answers = ask(mixer.rows(which.reshape(-1, len(place))))
        answers = answers.reshape(PROBES, len(place) + 1, -1)
        moves = np.abs(answers[:, :-1] - answers[:, -1:]).mean(axis=(0, 2))
        return cls(mixer, columns, coarse, fine, codes, order, np.argsort(np.argsort(-moves)))


class Draws:
    """Made-up rows and the model's answers to them; there can always be more.

    The cells are drawn by a scrambled Sobol sequence, which is even in every column, and nearly
    so in every few columns together; columns that move the answer most get its first dimensions,
    which are the most even ones. Two halves of it are as even, and together more so.
    """

    def __init__(self, ask: Ask, background: pd.DataFrame, seed: int = 0) -> None:
        self._ask, self._usual = ask, Usual.of(ask, background, seed)
        self._units = _even(len(background.columns), np.random.default_rng(seed))
        self._places = np.empty((len(background.columns), 0), np.int16)
        self._answers: list[Matrix] = []

    def halves(self, samples: int) -> tuple[Lime, Lime]:
        """Make up rows until there are twice so many, a power of two; fit each half of them."""
        return self.lime(samples), self.lime(2 * samples, after=samples)

    def lime(self, samples: int = SAMPLES, after: int = 0) -> Lime:
        """Make up rows until there are so many; fit the curves to those after the first few."""
        from pipelines.explain import matches  # it compiles

        usual, some = self._usual, slice(after, samples)
        while (missing := samples - self._places.shape[1]) > 0:
            self._more(min(missing, PART))
        answers = np.concatenate(self._answers)[some]
        places = np.ascontiguousarray(self._places[:, some])
        inside = [_inside(*pair) for pair in zip(usual.coarse, usual.fine, strict=True)]
        codes = np.stack([one[place] for one, place in zip(inside, places, strict=True)])
        level = answers.mean(axis=0)
        leftover = answers - level
        width = max(one.many for one in usual.fine) + 1
        effects = matches.backfit(places, leftover, width, SWEEPS)
        curves = map(Curve.of, usual.coarse, usual.fine, usual.columns, effects)
        return Lime(tuple(curves), codes, answers, leftover, level)

    def _more(self, samples: int) -> None:
        usual = self._usual
        units = self._units(samples)[:, usual.dimension] * len(usual.order)
        which = np.take_along_axis(usual.order, units.astype(np.int32), axis=0)
        self._answers.append(self._ask(usual.mixer.rows(which)))
        cells = np.ascontiguousarray(which.T)
        places = np.stack([bins[cell] for bins, cell in zip(usual.codes, cells, strict=True)])
        self._places = np.hstack([self._places, places])


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


def _inside(coarse: Bins, fine: Bins) -> Codes:
    """Return the coarse bin of each fine one, missing first."""
    if coarse.edges is None or fine.edges is None:
        return np.arange(fine.many + 1, dtype=np.int16)
    ends = np.append(fine.edges, np.inf)
    return np.append(0, np.searchsorted(coarse.edges, ends) + 1).astype(np.int16)


def _even(columns: int, rng: np.random.Generator) -> Callable[[int], np.ndarray]:
    """Return what draws rows of numbers from 0 to 1, evenly over all columns together."""
    from scipy.stats import qmc

    known = min(columns, int(qmc.Sobol.MAXDIM))
    sobol = qmc.Sobol(known, rng=rng)
    return lambda many: np.hstack([sobol.random(many), rng.random((many, columns - known))])


def _in_order(column: pd.Series) -> np.ndarray:
    """Return a column's places by its values, so that neighbours are alike; missing ones last."""
    numbers = as_numbers(column)
    keys = Bins.of(column).codes(column) if numbers is None else numbers
    return np.argsort(keys, kind="stable").astype(np.int32)
