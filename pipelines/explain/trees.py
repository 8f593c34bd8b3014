"""Exact contributions of tree ensembles over raw columns, in bounded memory."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from pipelines.explain.forests import CannotRead, Forest, most_players, read

if TYPE_CHECKING:
    from pipelines.explain.forests import Tree
    from pipelines.explain.kernel import Bins

DEEPEST = 16
"""Most players on one path: a leaf's tables hold 2^players numbers."""
MOST_CELLS = 1 << 26
"""Decisions (rows x nodes of one tree, one byte each) held at a time."""
MOST_ROWS = 16_384
METHOD = "exact interventional TreeSHAP over raw columns"


@dataclass(frozen=True)
class TreeExplainer:
    """A forest, the raw column behind each feature, and the background."""

    forest: Forest
    player: np.ndarray
    columns: int
    background: np.ndarray

    @classmethod
    def of(cls, estimator: Any, player: np.ndarray, columns: int, prepared: np.ndarray) -> Any:
        """Read the trees and the prepared background.

        Raises:
            CannotRead: no reader knows the estimator, or its paths hold too many columns.
        """
        forest = read(estimator)
        who = player if forest.order is None else player[forest.order]
        who = np.ascontiguousarray(who, dtype=np.int32)
        deepest = max((most_players(tree, who) for tree in forest.trees), default=0)
        if deepest > DEEPEST:
            raise CannotRead(f"paths with {deepest} columns, more than {DEEPEST}")
        return cls(forest, who, columns, _cells(forest, prepared))

    @property
    def background_rows(self) -> int:
        """How many rows contributions are measured against."""
        return int(self.background.shape[1])

    def contributions(self, prepared: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return (rows, columns, outputs) and the trees' mean over the background."""
        nodes = max((len(tree.left) for tree in self.forest.trees), default=1)
        step = int(np.clip(MOST_CELLS // nodes, 256, MOST_ROWS))
        starts = range(0, len(prepared), step)
        with ThreadPoolExecutor(max_workers=2) as threads:
            parts = list(threads.map(lambda s: self._part(prepared[s : s + step]), starts))
        return np.concatenate([part[0] for part in parts]), parts[0][1]

    def copied(self, bins: Bins, mine: np.ndarray) -> np.ndarray:
        """Return what LIME converges to for rows in these bins: (rows, columns, outputs)."""
        from pipelines.explain import kernel  # it compiles

        phi = np.zeros((len(mine), self.columns, self.forest.outputs))
        for tree in self.forest.trees:
            kernel.copy_tree(_plain(tree), self.player, self.background, bins, mine, phi)
        return phi

    def _part(self, prepared: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        from pipelines.explain import kernel  # it compiles

        cells = _cells(self.forest, prepared)
        phi = np.zeros((len(prepared), self.columns, self.forest.outputs))
        base = np.zeros(self.forest.outputs)
        for tree in self.forest.trees:
            kernel.explain_tree(_plain(tree), self.player, cells, self.background, phi, base)
        return phi, base


def _plain(tree: Tree) -> Tree:
    """Return the tree in one memory layout, so that the kernel is compiled once."""
    arrays = {name: np.ascontiguousarray(getattr(tree, name)) for name in tree._fields[:-1]}
    return tree._replace(**arrays, output=int(tree.output))


def _cells(forest: Forest, prepared: np.ndarray) -> np.ndarray:
    """Return (features, rows) cells as the trees compare them."""
    encoded = prepared if forest.encode is None else forest.encode(prepared)
    if forest.single:
        with np.errstate(over="ignore"):
            encoded = encoded.astype(np.float32)
    return np.ascontiguousarray(encoded.T, dtype=np.float64)
