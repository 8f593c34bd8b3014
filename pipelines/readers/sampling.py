"""A seeded reservoir: the same rows are drawn from a stream, a file in pieces or a whole table.

Every row is dealt a random key in the order of the table; the rows with the smallest keys stay.
That is a reservoir sample whose result depends on nothing but the seed and the number of rows.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray


class Reservoir:
    """Keeps ``rows`` random rows of all the batches it is shown, in their order."""

    def __init__(self, rows: int, seed: int) -> None:
        self.rows = rows
        self._random = np.random.default_rng(seed)
        self.seen = 0
        self._keys: NDArray[np.float64] = np.empty(0)
        self._limit = np.inf

    def places(self, count: int) -> NDArray[np.int64]:
        """Return which of the next ``count`` rows may stay."""
        self.seen += count
        keys = self._random.random(count)
        kept = np.flatnonzero(keys < self._limit)
        self._keys = np.concatenate([self._keys, keys[kept]])
        return kept

    def survivors(self) -> NDArray[np.int64]:
        """Return which of the rows that stayed so far stay on, and forget the others."""
        if len(self._keys) <= self.rows:
            return np.arange(len(self._keys))
        stay = np.sort(np.argpartition(self._keys, self.rows - 1)[: self.rows])
        self._keys = self._keys[stay]
        self._limit = float(self._keys.max())
        return stay


def drawn(count: int, rows: int, seed: int) -> NDArray[np.int64]:
    """Return the places of the rows that a reservoir keeps of a table with ``count`` rows.

    >>> drawn(5, 9, seed=0).tolist()
    [0, 1, 2, 3, 4]
    """
    reservoir = Reservoir(rows, seed)
    reservoir.places(count)
    return reservoir.survivors()


def sample(batches: Iterable[Any], rows: int, seed: int) -> tuple[Any, int]:
    """Return a random sample of a stream of Arrow tables as one table, and how many rows it had.

    Memory stays bounded. The table is None for a stream without a batch.
    """
    import pyarrow as pa

    reservoir = Reservoir(rows, seed)
    kept: Any = None
    waiting: list[Any] = []
    for batch in batches:
        table = pa.Table.from_batches([batch]) if isinstance(batch, pa.RecordBatch) else batch
        waiting.append(table.take(reservoir.places(len(table))))
        if sum(map(len, waiting)) > 2 * rows:
            kept = _joined(kept, waiting).take(reservoir.survivors())
            waiting = []
    if kept is None and not waiting:
        return None, 0
    return _joined(kept, waiting).take(reservoir.survivors()), reservoir.seen


def picked(batches: Iterable[Sequence[Any]], rows: int, seed: int) -> tuple[list[Any], int]:
    """Return random members of a stream of lists, in their order, and how many there were.

    >>> picked([["a", "b"], ["c"]], 9, seed=0)
    (['a', 'b', 'c'], 3)
    """
    reservoir = Reservoir(rows, seed)
    kept: list[Any] = []
    for batch in batches:
        kept += [batch[place] for place in reservoir.places(len(batch)).tolist()]
        if len(kept) > 2 * rows:
            kept = [kept[place] for place in reservoir.survivors().tolist()]
    return [kept[place] for place in reservoir.survivors().tolist()], reservoir.seen


def _joined(kept: Any, waiting: list[Any]) -> Any:
    import pyarrow as pa

    tables = [*([] if kept is None else [kept]), *waiting]
    return pa.concat_tables(tables, promote_options="permissive").combine_chunks()
