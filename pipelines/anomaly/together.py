"""The default without labels: two neighbourhoods and a robust ellipse, combined by their tails.

Chosen on 19 public sets, related ones held out together (``benchmarks/anomaly.py``): what helps
most is to size columns by their middle nine tenths, so that a few wild cells don't set the scale.
A row that equals a training row is scored as that row was, without itself among its neighbours,
so the scores of training rows say how strange new rows should be expected to look.
"""

from __future__ import annotations

import warnings
from typing import Any, Self, TypeAlias

import numpy as np
from sklearn.covariance import MinCovDet
from sklearn.neighbors import NearestNeighbors

from pipelines.anomaly import combining

Array: TypeAlias = np.ndarray[Any, Any]

MOST = 20.0
"""No cell is further from the median than so many spans of its column's middle nine tenths."""
MOST_DIRECTIONS = 100
PART = 4096


class Span:
    """Columns sized by the span of their middle nine tenths; by their range where that is 0."""

    def fit(self, rows: Array) -> Self:
        """Learn middles and spans."""
        low, self.middle_, high = np.quantile(rows, [0.05, 0.5, 0.95], axis=0)
        span = high - low
        span = np.where(span > 1e-12, span, np.ptp(rows, axis=0))
        self.span_ = np.where(span > 1e-12, span, 1.0)
        return self

    def of(self, rows: Array) -> Array:
        """Return sized rows."""
        found: Array = np.clip((rows - self.middle_) / self.span_, -MOST, MOST)
        return found


class Neighbours:
    """Mean distance to the nearest rows, at several sizes of neighbourhood from one search."""

    def __init__(self, sizes: tuple[int, ...]) -> None:
        self.sizes = list(sizes)

    def fit(self, rows: Array) -> Array:
        """Keep the rows; return their own distances: (rows, sizes)."""
        self.most_ = [max(1, min(size, len(rows) - 1)) for size in self.sizes]
        self.search_ = NearestNeighbors(n_neighbors=max(self.most_)).fit(rows)
        return self._means(np.round(self.search_.kneighbors()[0], 7))

    def of(self, rows: Array) -> Array:
        """Return the distances of any rows; one equal training row is left out."""
        many = min(max(self.most_) + 1, self.search_.n_samples_fit_)
        parts = []
        for at in range(0, len(rows), PART):
            gaps, near = self.search_.kneighbors(rows[at : at + PART], n_neighbors=many)
            gaps = np.round(gaps, 7)
            equal = (self.search_._fit_X[near[:, 0]] == rows[at : at + PART]).all(axis=1)
            own = np.where(equal[:, None], gaps[:, 1:], gaps[:, :-1])
            parts.append(self._means(own))
        return np.concatenate(parts)

    def _means(self, gaps: Array) -> Array:
        means = [gaps[:, :size].mean(axis=1) for size in self.most_]
        return combining.steady(np.column_stack(means))


class Ellipse:
    """Distance from the robust middle, along the directions in which the rows vary."""

    def __init__(self, seed: int) -> None:
        self.seed = seed

    def fit(self, rows: Array) -> Array:
        """Learn the ellipse; return the rows' own distances: (rows, 1)."""
        self.middle_ = rows.mean(axis=0)
        _, sizes, axes = np.linalg.svd(rows - self.middle_, full_matrices=False)
        kept = (sizes > sizes[0] * 1e-6) & (np.arange(len(sizes)) < MOST_DIRECTIONS)
        self.axes_ = axes[kept].T / (sizes[kept] / np.sqrt(len(rows)))
        turned = (rows - self.middle_) @ self.axes_
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            found = MinCovDet(random_state=self.seed).fit(turned)
        self.centre_ = found.location_
        self.inverse_ = np.linalg.pinv(found.covariance_, hermitian=True)
        return self.of(rows)

    def of(self, rows: Array) -> Array:
        """Return the distances of any rows."""
        away = (rows - self.middle_) @ self.axes_ - self.centre_
        gaps = np.einsum("ij,jk,ik->i", away, self.inverse_, away)
        return combining.steady(gaps[:, None])


class Together:
    """Several detectors as one, with a reference to say how rare a score is."""

    def __init__(
        self, how: str = "fisher", sizes: tuple[int, ...] = (20, 60), random_state: int = 0
    ) -> None:
        self.how, self.sizes, self.random_state = how, sizes, random_state

    def fit(self, rows: Array, labels: Array | None = None) -> Self:
        """Learn what is usual."""
        del labels
        self.size_ = Span().fit(rows)
        sized = self.size_.of(rows)
        self.near_ = Neighbours(self.sizes)
        own = [self.near_.fit(sized)]
        self.ellipse_: Ellipse | None = Ellipse(self.random_state)
        try:
            own.append(self.ellipse_.fit(rows))
        except ValueError:  # too few rows for an ellipse
            self.ellipse_ = None
        parts = np.hstack(own)
        self.references_ = np.sort(parts, axis=0).T.copy()
        tails = self._tails(parts)
        self.weights_ = (
            combining.agreement(tails) if self.how == "weighted" else np.ones(tails.shape[1])
        )
        self.parts_ = tails[:: max(1, len(tails) // 2_000)]
        """Training rows' tails, to see how far the detectors agree."""
        self.reference_ = np.sort(combining.find(self.how).of(tails, self.weights_))
        return self

    def tails(self, rows: Array) -> Array:
        """Return each detector's tail for each row."""
        found = [self.near_.of(self.size_.of(rows))]
        if self.ellipse_ is not None:
            found.append(self.ellipse_.of(rows))
        return self._tails(np.hstack(found))

    def decision_function(self, rows: Array) -> Array:
        """Return how strange each row is."""
        return combining.find(self.how).of(self.tails(rows), self.weights_)

    def _tails(self, parts: Array) -> Array:
        each = zip(self.references_, parts.T, strict=True)
        return np.column_stack([combining.extended(sorted_, part) for sorted_, part in each])
