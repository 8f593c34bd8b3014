"""How a column's cells become bins, and how a bin is said in words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from pipelines.explain.question import worded

if TYPE_CHECKING:
    from numpy.typing import NDArray

MOST_LEVELS = 120
MOST_CONDITIONS = 10


@dataclass(frozen=True)
class Bins:
    """How one column's cells become small whole numbers; -1 means missing."""

    edges: NDArray[np.float64] | None
    levels: tuple[object, ...] = ()

    @classmethod
    def of(cls, column: pd.Series, parts: int = 4) -> Bins:
        """Choose quantile bins for numbers and dates, one bin for each value otherwise."""
        numbers = as_numbers(column)
        if numbers is None:
            return cls(None, tuple(column.dropna().value_counts().index[:MOST_LEVELS]))
        known = numbers[np.isfinite(numbers)]
        if not len(known):
            return cls(np.empty(0))
        if len(values := np.unique(known)) <= parts:
            return cls((values[1:] + values[:-1]) / 2)
        return cls(np.unique(np.quantile(known, np.arange(1, parts) / parts)))

    @property
    def many(self) -> int:
        """How many bins there are, that of unknown levels included; missing values have none."""
        return len(self.levels if self.edges is None else self.edges) + 1

    def codes(self, column: pd.Series) -> NDArray[np.int16]:
        """Return each cell's bin."""
        if self.edges is None:
            found = pd.Index(list(self.levels), dtype=object).get_indexer(
                pd.Index(column.astype(object))
            )
            unknown = (found < 0) & column.notna().to_numpy()
            found[unknown] = len(self.levels)
            return found.astype(np.int16)
        numbers = as_numbers(column)
        given = np.full(len(column), np.nan) if numbers is None else numbers
        found = np.searchsorted(self.edges, given)
        found[np.isnan(given)] = -1
        return found.astype(np.int16)


def as_numbers(column: pd.Series) -> NDArray[np.float64] | None:
    """Return numbers and dates as floats with NaN for missing; None for everything else.

    >>> as_numbers(pd.Series([1, 2])).tolist(), as_numbers(pd.Series(["a"])) is None
    ([1.0, 2.0], True)
    """
    if pd.api.types.is_bool_dtype(column.dtype):
        return None
    if pd.api.types.is_datetime64_any_dtype(column.dtype):
        days = column.to_numpy().astype("datetime64[s]").astype(float)
        days[column.isna().to_numpy()] = np.nan
        return days
    if pd.api.types.is_numeric_dtype(column.dtype):
        return column.to_numpy(dtype=float, na_value=np.nan)
    return None


def conditions(column: pd.Series, parts: int = 4) -> list[tuple[str, np.ndarray]]:
    """Return a column's conditions in words, each with the rows that meet it.

    >>> [text for text, _ in conditions(pd.Series(["a", "b", None], name="x"))]
    ['x = a', 'x = b', 'x is missing']
    """
    cut = Bins.of(column, parts=parts)
    codes = cut.codes(column)
    found: list[tuple[str, np.ndarray]] = []
    if as_numbers(column) is None:
        kept = min(MOST_CONDITIONS, len(cut.levels))
        words = [f"{column.name} = {worded(level)}" for level in cut.levels[:kept]]
        found += [(text, codes == code) for code, text in enumerate(words)]
        found.append((f"{column.name} is anything else", codes >= kept))
    else:
        edges = np.empty(0) if cut.edges is None else cut.edges
        words = [interval(column, edges, code, code) for code in range(len(edges) + 1)]
        found += [(text, codes == code) for code, text in enumerate(words)]
    found.append((f"{column.name} is missing", codes < 0))
    return [(text, mask) for text, mask in found if mask.any()]


def interval(column: pd.Series, edges: np.ndarray, first: int, last: int) -> str:
    """Return bins ``first`` to ``last`` of a number or date in words."""
    low = _edge(column, edges[first - 1]) if first > 0 else None
    high = _edge(column, edges[last]) if last < len(edges) else None
    if low and high:
        return f"{low} < {column.name} ≤ {high}"
    if high:
        return f"{column.name} ≤ {high}"
    return f"{column.name} > {low}" if low else f"{column.name} is known"


def _edge(column: pd.Series, edge: float) -> str:
    if pd.api.types.is_datetime64_any_dtype(column.dtype):
        return str(np.datetime64(int(edge), "s").astype("datetime64[D]"))
    return worded(float(edge), 4)
