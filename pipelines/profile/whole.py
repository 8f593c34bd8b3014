"""The whole table: what no single column shows.

Duplicate rows, columns that move together, cells that go missing together, the balance of the
classes, and drift along the rows or along time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import sparse
from scipy.sparse import csgraph

from pipelines.profile.association import Aim, associate
from pipelines.profile.values import runs

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy.typing as npt

    from pipelines.profile.association import View
    from pipelines.profile.values import Values

    Array = npt.NDArray[Any]

MIX = np.uint64(0x9E3779B97F4A7C15)
SHIFT = np.uint64(29)
CLOSE = 0.8
STRIP = 512
PATTERNS = 6


class Rows:
    """A fingerprint per row, built column by column, that finds exact duplicates.

    >>> rows = Rows(3)
    >>> from pipelines.profile.values import of
    >>> import pandas as pd
    >>> rows.add(of(pd.Series(["a", "b", "a"], name="x", dtype="str")))
    >>> rows.duplicates()["rows"]
    1
    """

    def __init__(self, n: int) -> None:
        self.prints = np.zeros(n, dtype=np.uint64)
        self._chance = 0.0

    def add(self, values: Values) -> None:
        """Mix one column into the fingerprints."""
        self.prints ^= values.bits()
        self.prints *= MIX
        self.prints ^= self.prints >> SHIFT
        self._chance += float(np.log(_collision(values)))

    def duplicates(self) -> dict[str, Any]:
        """Return the rows that repeat an earlier one, and how many chance alone would make."""
        n = len(self.prints)
        ordered = np.sort(self.prints)
        copies = int(np.count_nonzero(ordered[1:] == ordered[:-1]))
        by_chance = min(self.by_chance(n * (n - 1) / 2), n)
        found: dict[str, Any] = {"rows": copies, "by_chance": round(by_chance, 3)}
        if copies:
            found["first"] = self._first_pair()
        return found

    def by_chance(self, pairs: float) -> float:
        """Return how many of so many pairs of rows would agree if columns were independent."""
        return float(pairs * np.exp(self._chance))

    def _first_pair(self) -> list[int]:
        _, first, back = np.unique(self.prints, return_index=True, return_inverse=True)
        later = np.flatnonzero(first[back] != np.arange(len(self.prints)))
        return [int(first[back[later[0]]]), int(later[0])]


def _collision(values: Values) -> float:
    """Return the chance that two random rows agree in a column."""
    n = max(len(values.missing), 2)
    counts = values.counts if values.is_text else runs(values.ordered)[1]
    gone = n - int(counts.sum())
    pairs = float((counts.astype(float) * (counts - 1)).sum()) + gone * max(gone - 1, 0)
    return max(pairs, 1.0) / (n * (n - 1))


def correlations(views: Mapping[str, View]) -> dict[str, Any]:
    """Return Spearman's correlations above 0.8 and the clusters of columns they make."""
    names = [name for name, view in views.items() if view.ranks is not None]
    if len(names) < 2:
        return {"pairs": [], "clusters": []}
    left, right, rho = close_pairs([views[name].ranks for name in names], CLOSE)
    order = np.argsort(-np.abs(rho), kind="stable")[:200]
    pairs = [[names[left[i]], names[right[i]], round(float(rho[i]), 4)] for i in order]
    shape = (len(names), len(names))
    graph = sparse.coo_array((np.ones(len(left)), (left, right)), shape=shape)
    _, part = csgraph.connected_components(graph, directed=False)
    clusters: dict[int, list[str]] = {}
    for name, place in zip(names, part, strict=True):
        clusters.setdefault(int(place), []).append(name)
    groups = [group for group in clusters.values() if len(group) > 1]
    return {"pairs": pairs, "clusters": groups}


def matrix(columns: Sequence[Array | None]) -> Array:
    """Return the correlation matrix of columns; a missing value counts as the mean.

    >>> matrix([np.array([1.0, 2, 3]), np.array([2.0, 4, 6])]).round(3).tolist()
    [[1.0, 1.0], [1.0, 1.0]]
    """
    sized = _sized(columns)
    return np.asarray(np.clip(np.nan_to_num(sized @ sized.T), -1, 1))


def close_pairs(columns: Sequence[Array | None], least: float) -> tuple[Array, Array, Array]:
    """Return which columns correlate at least so much: left, right and correlation of each pair.

    The matrix is made in strips: of 10,000 columns it would take a gigabyte.

    >>> [part.round(6).tolist() for part in close_pairs([np.arange(3.0), np.ones(3)], 0.8)]
    [[], [], []]
    """
    sized = _sized(columns)
    lefts, rights, values = [], [], []
    for at in range(0, len(sized), STRIP):
        strip = np.clip(np.nan_to_num(sized[at : at + STRIP] @ sized[at:].T), -1, 1)
        left, right = np.nonzero(np.triu(np.abs(strip) >= least, k=1))
        lefts.append(left + at)
        rights.append(right + at)
        values.append(strip[left, right])
    return np.concatenate(lefts), np.concatenate(rights), np.concatenate(values)


def _sized(columns: Sequence[Array | None]) -> Array:
    """Return columns, one a row, around 0 and of length 1: their products are correlations."""
    stacked = np.array([column for column in columns if column is not None], dtype=np.float64)
    unknown = ~np.isfinite(stacked)
    stacked[unknown] = np.nan
    known = np.maximum((~unknown).sum(1), 1)
    stacked -= (np.nansum(stacked, axis=1) / known)[:, None]
    stacked[unknown] = 0
    size = np.sqrt(np.einsum("ij,ij->i", stacked, stacked))
    stacked /= np.where((size > 0) & np.isfinite(size), size, np.inf)[:, None]
    return stacked


def missing_patterns(views: Mapping[str, View]) -> list[dict[str, Any]]:
    """Return which columns go missing together, the most frequent patterns first."""
    names = [name for name, view in views.items() if view.missing.any()]
    if not names:
        return []
    masks = np.array([views[name].missing for name in names])
    packed = np.ascontiguousarray(np.packbits(masks, axis=0).T)
    keys = packed.view(np.dtype((np.void, packed.shape[1]))).ravel()
    _, first, counts = np.unique(keys, return_index=True, return_counts=True)
    best = np.argsort(-counts, kind="stable")[:PATTERNS]
    total = masks.shape[1]
    return [
        {
            "missing": [names[j] for j in np.flatnonzero(masks[:, first[i]])],
            "share": round(float(counts[i] / total), 4),
        }
        for i in best
    ]


def drift(views: Mapping[str, View], places: Array, along: str) -> dict[str, Any]:
    """Return which columns change along the rows or along time, by a test of each column."""
    aim = Aim(None, places.astype(np.float64))
    found: dict[str, Any] = {}
    for name, view in views.items():
        told = associate(view, aim)
        if told:
            found[name] = {"value": told["value"], "p_value": told["p_value"]}
    return {"along": along, "columns": found}
