"""Detectors that compare a row with its neighbours, for new rows.

PyOD's COF, SOS, SOD and LOCI know no new rows: they compare the rows of one batch with each
other, and fail on one row. Here the neighbours are always training rows, so a row's score is its
own. A training row that is asked again finds itself among its neighbours.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, Self, TypeAlias

import numpy as np
from scipy.spatial.distance import cdist
from sklearn.neighbors import NearestNeighbors

Array: TypeAlias = np.ndarray[Any, Any]

PART = 512
"""Rows answered at a time, which bounds the memory."""
TINY = 1e-12
MOST_IN_A_TREE = 15
"""With more columns a tree of neighbours is slower than looking at every row."""


class _Beside(ABC):
    """Keeps the training rows and answers in parts."""

    rows_: Array

    def decision_function(self, rows: Array) -> Array:
        """Return how strange each row is."""
        parts = [self._part(rows[at : at + PART]) for at in range(0, len(rows), PART)]
        return np.concatenate(parts) if parts else np.empty(0)

    @abstractmethod
    def _part(self, rows: Array) -> Array:
        """Return how strange each of a few rows is."""

    def _search(self, rows: Array, many: int) -> None:
        self.rows_ = np.ascontiguousarray(rows, dtype=float)
        self.many_ = max(1, min(many, len(rows) - 1))
        tree = NearestNeighbors(n_neighbors=self.many_, algorithm="kd_tree")
        self.near_ = tree.fit(self.rows_) if rows.shape[1] <= MOST_IN_A_TREE else None

    def _nearest(self, rows: Array | None = None) -> Array:
        """Return who is nearest; without rows, to each training row among the others.

        Every distance is computed by itself: matrix products would round by the batch, and the
        order of neighbours that are as near would hang on it.
        """
        if self.near_ is not None:
            trees: Array = self.near_.kneighbors(rows, return_distance=False)
            return trees
        asked, found = self.rows_ if rows is None else rows, []
        for at in range(0, len(asked), PART):
            gaps = cdist(asked[at : at + PART], self.rows_)
            if rows is None:
                gaps[np.arange(len(gaps)), np.arange(at, at + len(gaps))] = np.inf
            near = np.argpartition(gaps, self.many_ - 1, axis=1)[:, : self.many_]
            order = np.argsort(np.take_along_axis(gaps, near, 1), axis=1, kind="stable")
            found.append(np.take_along_axis(near, order, 1))
        return np.concatenate(found)


class COF(_Beside):
    """Connectivity: how long the chain through a row's neighbours is, against their own chains."""

    def __init__(self, n_neighbors: int = 20) -> None:
        self.n_neighbors = n_neighbors

    def fit(self, rows: Array, labels: Array | None = None) -> Self:
        """Keep the rows and the length of each one's chain."""
        del labels
        self._search(rows, self.n_neighbors)
        near = self._nearest()
        self.chain_ = np.concatenate(
            [self._chains(self.rows_[at : at + PART], near[at : at + PART])
             for at in range(0, len(rows), PART)]
        )  # fmt: skip
        return self

    def _part(self, rows: Array) -> Array:
        near = self._nearest(rows)
        usual = self.chain_[near].sum(axis=1)
        found: Array = self._chains(rows, near) * self.many_ / np.maximum(usual, TINY)
        return found

    def _chains(self, rows: Array, near: Array) -> Array:
        """Return each row's mean chaining distance: early links weigh most."""
        path = np.concatenate([rows[:, None, :], self.rows_[near]], axis=1) - rows[:, None, :]
        squares = (path**2).sum(axis=-1)
        gaps = squares[:, :, None] + squares[:, None, :] - 2 * path @ path.transpose(0, 2, 1)
        gaps = np.sqrt(np.maximum(gaps, 0))
        many = self.many_
        links = [gaps[:, at, :at].min(axis=1) for at in range(1, many + 1)]
        weights = 2.0 * (many + 1 - np.arange(1, many + 1)) / ((many + 1) * many)
        chains: Array = np.column_stack(links) @ weights
        return chains


class SOS(_Beside):
    """Stochastic selection: the log of the chance that no training row picks this neighbour."""

    def __init__(self, perplexity: float = 4.5) -> None:
        self.perplexity = perplexity

    def fit(self, rows: Array, labels: Array | None = None) -> Self:
        """Find for each row how quickly its affinity falls with distance."""
        del labels
        self.rows_ = np.ascontiguousarray(rows, dtype=float)
        gaps = cdist(rows, rows)
        others = ~np.eye(len(rows), dtype=bool)
        gaps = gaps[others].reshape(len(rows), -1)
        wanted = np.log(min(self.perplexity, max(1.5, gaps.shape[1] / 2)))
        self.rate_ = _rates(gaps, wanted)
        self.sum_ = np.exp(-gaps * self.rate_[:, None]).sum(axis=1)
        return self

    def _part(self, rows: Array) -> Array:
        gaps = cdist(rows, self.rows_)
        affinity = np.where(gaps > 0, np.exp(-gaps * self.rate_), 0)  # nobody picks itself
        chosen = affinity / np.maximum(self.sum_ + affinity, TINY)
        found: Array = np.log1p(-np.minimum(chosen, 1 - TINY)).sum(axis=1)
        return found


def _rates(gaps: Array, wanted: float) -> Array:
    """Return for each row the rate at which its affinities have the wanted entropy."""
    low, high = np.full(len(gaps), 1e-9), np.full(len(gaps), 1e9)
    for _ in range(80):
        rate = np.sqrt(low * high)
        affinity = np.exp(-gaps * rate[:, None])
        total = np.maximum(affinity.sum(axis=1), 1e-300)
        entropy = np.log(total) + rate * (gaps * affinity).sum(axis=1) / total
        wide = entropy > wanted
        low, high = np.where(wide, rate, low), np.where(wide, high, rate)
    found: Array = np.sqrt(low * high)
    return found


class SOD(_Beside):
    """Subspaces: how far a row is from its reference rows, in the columns where they agree."""

    def __init__(self, n_neighbors: int = 40, ref_set: int = 20, alpha: float = 0.8) -> None:
        self.n_neighbors, self.ref_set, self.alpha = n_neighbors, ref_set, alpha

    def fit(self, rows: Array, labels: Array | None = None) -> Self:
        """Keep the rows and who is near whom."""
        del labels
        self._search(rows, self.n_neighbors)
        self.member_ = self._members(self._nearest())
        return self

    def _members(self, near: Array) -> Array:
        found = np.zeros((len(near), len(self.rows_)), dtype=np.float32)
        found[np.arange(len(near))[:, None], near] = 1
        return found

    def _part(self, rows: Array) -> Array:
        near = self._nearest(rows)
        shared = self._members(near) @ self.member_.T
        many = min(self.ref_set, len(self.rows_))
        chosen = np.argsort(-shared, axis=1, kind="stable")[:, :many]
        reference = self.rows_[chosen]
        middle, spread = reference.mean(axis=1), reference.var(axis=1)
        agree = spread <= self.alpha * spread.mean(axis=1, keepdims=True)
        agree |= ~agree.any(axis=1, keepdims=True)  # in none: a row far out would score 0
        count = np.maximum(agree.sum(axis=1), 1)
        found: Array = np.sqrt((agree * (rows - middle) ** 2).sum(axis=1) / count)
        return found


class LOCI(_Beside):
    """Correlation integrals: how far a row's count of neighbours is off that of its neighbours."""

    RADII = 24

    def __init__(self, alpha: float = 0.5, k: float = 3.0) -> None:
        self.alpha, self.k = alpha, k

    def fit(self, rows: Array, labels: Array | None = None) -> Self:
        """Keep the rows and their sorted distances to each other."""
        del labels
        self.rows_ = np.ascontiguousarray(rows, dtype=float)
        gaps = cdist(rows, rows)
        self.sorted_ = np.sort(gaps, axis=1)
        shares = np.linspace(min(1.0, 20 / len(rows)), 1.0, self.RADII)
        near = np.quantile(gaps, shares)
        far = near[-1] * np.array([1.25, 1.5, 2.0]) / (2 * self.alpha)
        self.radii_ = np.maximum(np.concatenate([near, far]), TINY)
        return self

    def _part(self, rows: Array) -> Array:
        gaps = cdist(rows, self.rows_)
        worst = np.zeros(len(rows))
        enough = min(20.0, len(self.rows_) / 4)
        for radius in self.radii_:
            inner = radius * self.alpha
            counts = (self.sorted_ < inner).sum(axis=1).astype(float)
            beside = (gaps <= radius).astype(float)
            own = (gaps < inner).sum(axis=1) + 1.0
            sampled = beside.sum(axis=1) + 1.0
            mean = (beside @ counts + own) / sampled
            square = (beside @ counts**2 + own**2) / sampled
            noise = np.sqrt(np.maximum(square - mean**2, 0)) / mean
            off = 1 - own / mean
            told = (mean >= enough) & (noise > 0)
            worst = np.maximum(worst, np.where(told, off / np.maximum(noise, TINY), 0))
        nearest = gaps.min(axis=1) / self.radii_[-1]
        found: Array = worst + np.minimum(nearest, 1.0) * 1e-3 + np.maximum(nearest - 1, 0)
        return found
