"""A few rows, each cell read once, however many models ask for them.

A frame's column costs microseconds to take and to read; an ensemble of forty models would pay them
forty times for one row.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from pipelines.cleaning.reading import as_floats

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import pandas as pd

    from pipelines.cleaning.reading import Numbers

MOST = 64
"""Up to here a loop over cells is faster than pandas' ways with columns."""


class Cells:
    """One column of a few rows."""

    def __init__(self, series: pd.Series) -> None:
        self.series = series
        self.items: list[Any] = series.tolist()


class FewRows:
    """A frame of a few rows, by column."""

    def __init__(self, frame: pd.DataFrame) -> None:
        self.frame = frame
        self._columns: dict[Any, Cells] = {}
        self._blocks: dict[tuple[Any, ...], np.ndarray] = {}
        self._known = set(frame.columns)

    def __len__(self) -> int:
        return len(self.frame)

    def __contains__(self, name: object) -> bool:
        return name in self._known

    def __getitem__(self, name: Any) -> Cells:
        found = self._columns.get(name)
        if found is None:
            found = self._columns[name] = Cells(self.frame[name])
        return found

    def holds(self, names: Iterable[Any]) -> bool:
        """Say whether all of these columns are there."""
        return self._known.issuperset(names)

    def numbers(self, readers: Sequence[Numbers]) -> np.ndarray:
        """Return columns side by side as numbers; what is none is missing."""
        names = (readers[0].infinite, *(each.column for each in readers))
        found = self._blocks.get(names)
        if found is None:
            columns = [as_floats(self[name].series) for name in names[1:]]
            found = self._blocks[names] = readers[0].bounded(np.array(columns).T)
        return found.copy()
