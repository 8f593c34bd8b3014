"""Exact contributions of tree ensembles over raw columns, in bounded memory."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import reduce
from itertools import repeat
from typing import TYPE_CHECKING, Any

import numpy as np

from pipelines.explain.forests import CannotRead, Forest, most_players
from pipelines.explain.libraries import read

if TYPE_CHECKING:
    from pipelines.explain.copies import Bins
    from pipelines.explain.forests import Tree

DEEPEST = 16
"""Most players on one path: a leaf's tables hold 2^players numbers."""
MOST_CELLS = 1 << 23
"""Contributions (rows x columns x outputs) that each of two threads holds at a time."""
WIDEST = 12
"""Bits of the largest table that neighbouring leaves share: it should stay in a near cache."""
ROWS_PER_CODE = 1
"""A table has at most as many codes as there are rows, shifted right by this many bits."""
THREADS = 2
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
        step = max(256, MOST_CELLS // max(1, self.columns * self.forest.outputs))
        values = np.empty((len(prepared), self.columns, self.forest.outputs))
        base = np.zeros(self.forest.outputs)
        for start in range(0, len(prepared), step):
            cells = _cells(self.forest, prepared[start : start + step])
            halves = [self.forest.trees[part::THREADS] for part in range(THREADS)]
            with ThreadPoolExecutor(max_workers=THREADS) as threads:
                parts = list(threads.map(self._part, halves, repeat(cells)))
            values[start : start + step] = np.moveaxis(reduce(np.add, [p[0] for p in parts]), 2, 0)
            base = reduce(np.add, [mean for _, mean in parts])
        return values, base

    def copied(self, bins: Bins, mine: np.ndarray) -> np.ndarray:
        """Return what LIME converges to for rows in these bins: (rows, columns, outputs)."""
        from pipelines.explain import copies  # it compiles

        phi = np.zeros((len(mine), self.columns, self.forest.outputs))
        for tree in self.forest.trees:
            copies.copy_tree(_plain(tree), self.player, self.background, bins, mine, phi)
        return phi

    def _part(self, trees: tuple[Tree, ...], cells: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return some trees' contributions (columns, outputs, rows) and their mean answers."""
        from pipelines.explain import kernel  # it compiles

        phi = np.zeros((self.columns, self.forest.outputs, cells.shape[1]))
        base = np.zeros(self.forest.outputs)
        room = WIDEST - int(np.ceil(np.log2(max((t.value.shape[1] for t in trees), default=1))))
        widest = int(np.clip(np.log2(cells.shape[1]) - ROWS_PER_CODE, 0, room))
        for tree in trees:
            mean = kernel.explain_tree(
                _plain(tree), self.player, cells, self.background, phi, widest
            )
            base[tree.output : tree.output + len(mean)] += mean
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
