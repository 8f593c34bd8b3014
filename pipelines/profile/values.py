"""Values: one column as plain arrays, so that every statistic after it is a vectorised line.

Numbers, dates and booleans become one numeric array; text becomes integer codes and its levels.
The one sort of a numeric column is shared by quantiles, histogram, distinct values and outliers.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

if TYPE_CHECKING:
    import numpy.typing as npt

    Array = npt.NDArray[Any]

MICROSECONDS = 1_000_000
DAY = 86_400


NOTHING: Array = np.zeros(0, dtype=np.int64)
NO_LEVELS = pa.array([], pa.string())


@dataclass(frozen=True, slots=True)
class Values:
    """One column: numbers (also dates as epoch seconds, and booleans), or text as codes."""

    name: str
    dtype: str
    missing: Array
    is_text: bool
    numbers: Array = field(default_factory=lambda: NOTHING)
    ordered: Array = field(default_factory=lambda: NOTHING)
    """The finite numbers, sorted."""
    codes: Array = field(default_factory=lambda: NOTHING)
    """The text's level, -1 where it is missing."""
    levels: pa.Array = field(default_factory=lambda: NO_LEVELS)
    counts: Array = field(default_factory=lambda: NOTHING)
    """Rows of each level."""
    mixed: int = 0
    """In object columns: cells that were not text."""

    @property
    def known(self) -> int:
        """Rows with a value."""
        return len(self.missing) - int(np.count_nonzero(self.missing))

    def bits(self) -> Array:
        """Return 64 bits per row that are equal exactly where the values are."""
        if self.is_text:
            return self.codes.astype(np.int64).view(np.uint64)
        if self.numbers.dtype == np.float64:
            return (self.numbers + 0.0).view(np.uint64)  # -0.0 and 0.0 are one value
        return self.numbers.astype(np.int64).view(np.uint64)


def of(series: pd.Series) -> Values:
    """Return a column of a canonical frame as arrays.

    >>> of(pd.Series(["a", "b", None, "a"], name="x", dtype="str")).counts.tolist()
    [2, 1]
    """
    name, dtype = str(series.name), str(series.dtype)
    if isinstance(series.dtype, pd.DatetimeTZDtype):
        series = series.dt.tz_convert("UTC").dt.tz_localize(None)
    if pd.api.types.is_datetime64_dtype(series.dtype):
        return _numeric(name, dtype, _seconds(series))
    if pd.api.types.is_bool_dtype(series.dtype):
        return _numeric(name, dtype, _plain(series, np.dtype(np.int64)))
    if pd.api.types.is_numeric_dtype(series.dtype):
        whole = pd.api.types.is_integer_dtype(series.dtype)
        return _numeric(name, dtype, _plain(series, np.dtype(np.int64 if whole else np.float64)))
    return _text(name, dtype, series)


def _seconds(series: pd.Series) -> Array:
    stamps = series.to_numpy("datetime64[us]")
    gone = np.isnat(stamps)
    ticks: Array = stamps.astype(np.int64)
    if not gone.any() and not (ticks % MICROSECONDS).any():
        return ticks // MICROSECONDS
    return np.where(gone, np.nan, ticks / MICROSECONDS)


def _plain(series: pd.Series, dtype: np.dtype[Any]) -> Array:
    if series.hasnans:
        return series.to_numpy(np.float64, na_value=np.nan)
    return series.to_numpy(dtype)


def _numeric(name: str, dtype: str, numbers: Array) -> Values:
    floating = numbers.dtype == np.float64
    missing = np.isnan(numbers) if floating else np.zeros(len(numbers), dtype=bool)
    ordered = in_order(numbers)
    if floating:  # NaN sorts last, infinities just before and first
        first = int(np.searchsorted(ordered, -np.inf, side="right"))
        last = int(np.searchsorted(ordered, np.inf, side="left"))
        ordered = ordered[first:last]
    return Values(name, dtype, missing, is_text=False, numbers=numbers, ordered=ordered)


def in_order(numbers: Array) -> Array:
    """Return numbers sorted. Whole numbers of a narrow range are counted, 20 times as fast.

    >>> in_order(np.array([3, 1, 3])).tolist()
    [1, 3, 3]
    """
    if numbers.dtype != np.int64 or len(numbers) < 2:
        return np.sort(numbers)
    low, high = int(numbers.min()), int(numbers.max())
    if high - low <= 2 * len(numbers):
        return np.repeat(np.arange(low, high + 1), np.bincount(numbers - low))
    if low % DAY == 0 and high - low <= 2 * len(numbers) * DAY and not (numbers % DAY).any():
        return in_order(numbers // DAY) * DAY
    return np.sort(numbers)


def _text(name: str, dtype: str, series: pd.Series) -> Values:
    mixed = 0
    if series.dtype == object:
        known = series.dropna()
        mixed = int((~known.map(lambda cell: isinstance(cell, str))).sum())
        series = series.map(str, na_action="ignore").astype("str")
    elif not isinstance(series.dtype, pd.StringDtype):
        series = series.astype("str")
    arrow = pa.array(series, from_pandas=True)
    encoded = arrow.dictionary_encode()
    if isinstance(encoded, pa.ChunkedArray):
        encoded = encoded.combine_chunks()
    if isinstance(encoded, pa.ChunkedArray):  # no rows, no chunks
        encoded = pa.array([], pa.string()).dictionary_encode()
    codes = pc.fill_null(encoded.indices, -1).to_numpy(zero_copy_only=False)
    counts = np.bincount(codes + 1, minlength=len(encoded.dictionary) + 1)[1:]
    return Values(
        name,
        dtype,
        codes < 0,
        is_text=True,
        codes=codes,
        levels=encoded.dictionary,
        counts=counts,
        mixed=mixed,
    )


def level_texts(values: Values, most: int) -> list[tuple[str, int]]:
    """Return the most frequent levels of a text column with their rows.

    >>> level_texts(of(pd.Series(["a", "b", "a"], name="x", dtype="str")), 1)
    [('a', 2)]
    """
    best = np.argsort(-values.counts, kind="stable")[:most]
    return [(str(values.levels[int(i)].as_py()), int(values.counts[i])) for i in best]


def distinct(values: Values) -> int:
    """Return how many different known values there are; infinities count as values."""
    if values.is_text:
        return len(values.counts)
    ordered = values.ordered
    found = int(np.count_nonzero(ordered[1:] != ordered[:-1])) + 1 if len(ordered) else 0
    return found + _infinite_values(values)


def _infinite_values(values: Values) -> int:
    numbers = values.numbers
    if len(values.ordered) == values.known:
        return 0
    return int(np.any(numbers == np.inf)) + int(np.any(numbers == -np.inf))


def runs(ordered: Array) -> tuple[Array, Array]:
    """Return the distinct values of a sorted array and how often each occurs.

    >>> [part.tolist() for part in runs(np.array([1, 1, 4]))]
    [[1, 4], [2, 1]]
    """
    if not len(ordered):
        return ordered, np.zeros(0, dtype=np.int64)
    starts = np.flatnonzero(np.r_[True, ordered[1:] != ordered[:-1]])
    return ordered[starts], np.diff(np.r_[starts, len(ordered)])
