"""A few rows, each cell read once, however many models ask for them.

A frame's column costs microseconds to take and to read; an ensemble of forty models would pay them
forty times for one row.
"""

from __future__ import annotations

import hashlib
import pickle
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

import numpy as np

from pipelines.cleaning.reading import as_floats

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    import pandas as pd

    from pipelines.cleaning.reading import Numbers

MOST = 64
"""Up to here a loop over cells is faster than pandas' ways with columns."""
MOST_COLUMNS = 200
"""Up to here all cells are read at once, also those that nobody asks for."""

_contents: WeakKeyDictionary[Any, tuple[Any, bytes]] = WeakKeyDictionary()
"""Of each preparation that was met: what it had learned then, and the digest of that."""


class Cells:
    """One column of a few rows."""

    def __init__(self, frame: pd.DataFrame, name: Any, items: list[Any] | None) -> None:
        self._frame, self._name = frame, name
        self.items: list[Any] = self.series.tolist() if items is None else items

    @property
    def series(self) -> pd.Series:
        """The column itself."""
        found: pd.Series = self._frame[self._name]
        return found

    @property
    def floats(self) -> np.ndarray:
        """Numbers; what is none is missing."""
        kinds = {type(each) for each in self.items}
        if kinds <= {int, float} or kinds == {bool}:
            try:
                return np.array(self.items, dtype=float)
            except OverflowError:
                pass
        return as_floats(self.series)


class FewRows:
    """A frame of a few rows, by column."""

    def __init__(self, frame: pd.DataFrame) -> None:
        self.frame = frame
        self._columns: dict[Any, Cells] = {}
        self._blocks: dict[tuple[Any, ...], np.ndarray] = {}
        self._prepared: dict[bytes, np.ndarray] = {}
        self._known = set(frame.columns)

    def __len__(self) -> int:
        return len(self.frame)

    def __contains__(self, name: object) -> bool:
        return name in self._known

    def __getitem__(self, name: Any) -> Cells:
        if not self._columns and len(self._known) == len(self.frame.columns) <= MOST_COLUMNS:
            cells = self.frame.to_numpy(dtype=object).T.tolist()
            for each, items in zip(self.frame.columns, cells, strict=True):
                self._columns[each] = Cells(self.frame, each, items)
        found = self._columns.get(name)
        if found is None:
            found = self._columns[name] = Cells(self.frame, name, None)
        return found

    def holds(self, names: Iterable[Any]) -> bool:
        """Say whether all of these columns are there."""
        return self._known.issuperset(names)

    def numbers(self, readers: Sequence[Numbers]) -> np.ndarray:
        """Return columns side by side as numbers; what is none is missing."""
        names = (readers[0].infinite, *(each.column for each in readers))
        found = self._blocks.get(names)
        if found is None:
            columns = [self[name].floats for name in names[1:]]
            found = self._blocks[names] = readers[0].bounded(np.array(columns).T)
        return found.copy()

    def prepared(self, preparation: Any, prepare: Callable[[FewRows], np.ndarray]) -> np.ndarray:
        """Return the rows prepared, once for all preparations that learned the very same."""
        key = content_of(preparation)
        found = self._prepared.get(key)
        if found is None:
            found = self._prepared[key] = prepare(self)
        return found.copy()


def content_of(preparation: Any) -> bytes:
    """Return the digest of all that a fitted preparation is, by which equal ones are known."""
    learned, content = _contents.get(preparation, (None, b""))
    if learned is not preparation.groups_:
        packed = pickle.dumps(preparation, protocol=pickle.HIGHEST_PROTOCOL)
        content = hashlib.sha256(packed).digest()
        _contents[preparation] = preparation.groups_, content
    return content
