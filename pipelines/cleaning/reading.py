"""Raw columns become numbers: what each kind of column is before any step.

Every reader learns from training rows alone and then reads any rows, one column at a time, without
looking at other rows.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import numpy as np
import pandas as pd

from pipelines.cleaning.stages import within

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

DAY = 86_400_000_000
"""Microseconds."""


class Reader(Protocol):
    """Reads one raw column."""

    column: str
    names_: list[str]
    """What follows the column's name in the names of its encoded columns."""

    def fit_read(self, values: pd.Series, _labels: np.ndarray | None, /) -> np.ndarray:
        """Learn from training rows and return them as a block."""

    def read(self, values: pd.Series) -> np.ndarray:
        """Return rows as a block."""


class Numbers:
    """Reads numbers, and yes and no as 1 and 0."""

    def __init__(self, column: str, *, infinite: str = "clip") -> None:
        self.column = column
        self.infinite = infinite

    def fit_read(self, values: pd.Series, _labels: np.ndarray | None) -> np.ndarray:
        """Nothing is learned."""
        self.names_ = [""]
        return self.read(values)

    def read(self, values: pd.Series) -> np.ndarray:
        """Return one column, infinite values missing or the largest finite ones."""
        return self.bounded(as_floats(values)[:, None])

    def bounded(self, found: np.ndarray) -> np.ndarray:
        """Return numbers, none of them infinite."""
        if self.infinite == "missing":
            found = np.where(np.isinf(found), np.nan, found)
        return within(found)


class Moments:
    """Reads dates as calendar parts; months, weekdays and hours as points on a circle."""

    def __init__(self, column: str, parts: Sequence[str]) -> None:
        self.column = column
        self.parts = list(parts)

    def fit_read(self, values: pd.Series, _labels: np.ndarray | None) -> np.ndarray:
        """Nothing is learned but the names."""
        self.names_ = [name for part in self.parts for name in PART_NAMES[part]]
        return self.read(values)

    def read(self, values: pd.Series) -> np.ndarray:
        """Return the parts as columns."""
        moments = as_moments(values)
        gaps = np.isnat(moments)
        columns = [column for part in self.parts for column in PARTS[part](moments)]
        block = np.column_stack(columns).astype(float, copy=False)
        if gaps.any():
            block[gaps] = np.nan
        return block


def as_floats(values: pd.Series) -> np.ndarray:
    """Return any column as floats; what is no number is missing."""
    if values.dtype.kind in "fiub":
        if isinstance(values.dtype, np.dtype):
            return values.to_numpy(dtype=float)  # nothing else can be missing in it
        try:
            return values.to_numpy(dtype=float, na_value=np.nan)
        except (TypeError, ValueError):
            pass
    if values.dtype.kind == "M":
        return as_seconds(values)
    return pd.to_numeric(values.astype(object), errors="coerce").to_numpy(
        dtype=float, na_value=np.nan
    )


def as_moments(values: pd.Series) -> np.ndarray:
    """Return any column as dates without a zone, in microseconds; what is no date is missing."""
    if values.dtype.kind != "M" or getattr(values.dtype, "tz", None) is not None:
        values = pd.to_datetime(values, errors="coerce", utc=True, format="mixed")
        values = values.dt.tz_localize(None)
    return values.to_numpy().astype("datetime64[us]")


def as_seconds(values: pd.Series) -> np.ndarray:
    """Return dates as seconds since 1970."""
    moments = as_moments(values)
    return np.where(np.isnat(moments), np.nan, moments.astype(np.int64) / 1e6)


def _days(moments: np.ndarray) -> list[np.ndarray]:
    """Days since 1970."""
    return [moments.astype(np.int64) / DAY]


def _year(moments: np.ndarray) -> list[np.ndarray]:
    """The year."""
    return [moments.astype("datetime64[Y]").astype(np.int64) + 1970]


def _month(moments: np.ndarray) -> list[np.ndarray]:
    """The month on a circle of twelve."""
    return _circle(moments.astype("datetime64[M]").astype(np.int64) % 12, 12)


def _day(moments: np.ndarray) -> list[np.ndarray]:
    """The day of the month."""
    first = moments.astype("datetime64[M]").astype("datetime64[D]").astype(np.int64)
    return [moments.astype("datetime64[D]").astype(np.int64) - first + 1]


def _day_of_week(moments: np.ndarray) -> list[np.ndarray]:
    """The weekday on a circle of seven; 1970 began on a Thursday."""
    return _circle((moments.astype("datetime64[D]").astype(np.int64) + 3) % 7, 7)


def _hour(moments: np.ndarray) -> list[np.ndarray]:
    """The time of day on a circle."""
    return _circle(moments.astype(np.int64) % DAY, DAY)


def _circle(place: np.ndarray, length: int) -> list[np.ndarray]:
    """Return a place on a circle as its two coordinates."""
    angle = place * (2 * np.pi / length)
    return [np.sin(angle), np.cos(angle)]


PARTS: dict[str, Callable[[np.ndarray], list[np.ndarray]]] = {
    "days": _days,
    "year": _year,
    "month": _month,
    "day": _day,
    "day_of_week": _day_of_week,
    "hour": _hour,
}
PART_NAMES = {
    "days": [" (days)"],
    "year": [" (year)"],
    "month": [" (month sin)", " (month cos)"],
    "day": [" (day)"],
    "day_of_week": [" (weekday sin)", " (weekday cos)"],
    "hour": [" (hour sin)", " (hour cos)"],
}
