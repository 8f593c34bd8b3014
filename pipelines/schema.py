"""What rows must look like: column names, kinds and dtypes, learned from the training rows.

``conform`` brings other rows into that form wherever the meaning is plain (another column order,
numbers as text, dates as text, 0 and 1 for no and yes, a category dtype) and says in one sentence
which column and which value stand in the way where it is not.
"""

from __future__ import annotations

import datetime as dt
import decimal
import math
import numbers
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import pandas as pd

from pipelines.dataset import Kind
from pipelines.errors import SchemaMismatch, close_matches, listed

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

MISSING_WORDS = frozenset({"", "na", "n/a", "nan", "null", "none", "nat", "<na>"})
YES_NO = {
    "true": 1.0, "t": 1.0, "yes": 1.0, "y": 1.0, "on": 1.0, "1": 1.0, "1.0": 1.0,
    "false": 0.0, "f": 0.0, "no": 0.0, "n": 0.0, "off": 0.0, "0": 0.0, "0.0": 0.0,
}  # fmt: skip
INT64 = 2.0**63
EXAMPLES = 5


@dataclass(frozen=True, slots=True)
class SchemaColumn:
    """One column: its name, kind and dtype, whether gaps were seen, and some of its values."""

    name: str
    kind: Kind
    dtype: str
    nullable: bool
    examples: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Schema:
    """The columns that rows must have, in order."""

    columns: tuple[SchemaColumn, ...]

    @classmethod
    def of(cls, features: pd.DataFrame, kinds: Mapping[str, Kind]) -> Self:
        """Learn the schema of the training rows; only columns with a kind are asked for.

        >>> frame = pd.DataFrame({"age": [31, 44], "city": ["Bonn", "Ulm"]})
        >>> schema = Schema.of(frame, {"age": Kind.NUMBER, "city": Kind.CATEGORY})
        >>> [column.dtype for column in schema.columns]
        ['int64', 'str']
        """
        return cls(
            tuple(
                SchemaColumn(
                    name, Kind(kinds[name]), _dtype(features[name]),
                    bool(features[name].isna().any()), _examples(features[name]),
                )
                for name in features.columns
                if name in kinds
            )
        )  # fmt: skip

    @property
    def names(self) -> tuple[str, ...]:
        """The columns' names, in order."""
        return tuple(column.name for column in self.columns)

    def conform(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Return the rows with the schema's columns, order and dtypes; other columns are ignored.

        A gap, an unseen category and an infinite number pass: the model knows what to do.

        Raises:
            SchemaMismatch: A column is missing or double, or holds what cannot be understood.
        """
        if self._is_met(frame):
            return frame
        places = self._places(frame)
        found: dict[str, pd.Series] = {}
        changed = False
        for column, place in zip(self.columns, places, strict=True):
            values = frame.iloc[:, place]
            done = _conformed(values, column)
            changed |= done is not values
            found[column.name] = done
        if not changed:
            return frame.iloc[:, places]
        return pd.DataFrame(found, index=frame.index)

    def to_dict(self) -> dict[str, Any]:
        """Return the schema as plain JSON-ready data."""
        return {
            "schema": 1,
            "columns": [
                {
                    "name": c.name, "kind": str(c.kind), "dtype": c.dtype,
                    "nullable": c.nullable, "examples": list(c.examples),
                }
                for c in self.columns
            ],
        }  # fmt: skip

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """Read what ``to_dict`` wrote."""
        return cls(
            tuple(
                SchemaColumn(
                    c["name"], Kind(c["kind"]), c["dtype"], c["nullable"], tuple(c["examples"])
                )
                for c in data["columns"]
            )
        )

    def _is_met(self, frame: pd.DataFrame) -> bool:
        """Say whether nothing is left to do."""
        return list(frame.columns) == list(self.names) and all(
            str(dtype) == column.dtype
            for dtype, column in zip(frame.dtypes, self.columns, strict=True)
        )

    def _places(self, frame: pd.DataFrame) -> list[int]:
        """Return where each of the schema's columns is in the frame."""
        where: dict[str, int] = {}
        double: set[str] = set()
        for place, label in enumerate(frame.columns):
            name = str(label)
            if name in where:
                double.add(name)
            where.setdefault(name, place)
        for name in self.names:
            if name in double:
                raise SchemaMismatch(
                    f"The rows have the column {name!r} more than once. Keep one of them."
                )
            if name not in where:
                raise SchemaMismatch(
                    f"The rows lack the column {name!r}, which the model uses."
                    f"{close_matches(name, where)} They have: {listed(where) or 'no columns'}."
                )
        return [where[name] for name in self.names]


def as_text(value: object) -> str:
    """Return a level's text, the same for 3, 3.0 and "3".

    >>> as_text(3.0), as_text(True), as_text("3")
    ('3', 'True', '3')
    """
    if isinstance(value, str):
        return value
    if isinstance(value, float | np.floating) and math.isfinite(value) and value == int(value):
        return str(int(value))
    if isinstance(value, dt.date):
        return value.isoformat()
    return str(value)


def _dtype(values: pd.Series) -> str:
    """Return the canonical dtype of a training column."""
    kind = values.dtype.kind
    if kind in "iu":
        return "int64"
    known = {"f": "float64", "b": "bool", "M": "datetime64[us]"}
    return known.get(kind, "str")


def _examples(values: pd.Series) -> tuple[str, ...]:
    """Return the most frequent values as text."""
    return tuple(as_text(value) for value in values.value_counts().index[:EXAMPLES])


def _conformed(values: pd.Series, column: SchemaColumn) -> pd.Series:
    """Return one column in the schema's dtype."""
    if str(values.dtype) == column.dtype:
        return values
    if isinstance(values.dtype, pd.CategoricalDtype):
        plain = values.cat.categories.dtype
        values = values.astype(object if values.hasnans and plain.kind in "iub" else plain)
    try:
        return CONFORM[column.dtype](values, column)
    except (TypeError, ValueError, ArithmeticError) as problem:
        raise _mismatch(column, values) from problem


def _floats(values: pd.Series, column: SchemaColumn) -> pd.Series:
    """Read numbers, also as text."""
    if values.dtype.kind in "fiub" or isinstance(values.dtype, pd.BooleanDtype):
        return _series(values.to_numpy(dtype=float, na_value=np.nan), values)
    if values.dtype.kind in "Mmc" and not values.isna().all():
        raise TypeError("it holds " + str(values.dtype))
    return _series(_each(values, _number, column), values)


def _ints(values: pd.Series, column: SchemaColumn) -> pd.Series:
    """Read whole numbers; with gaps or fractions they stay floats."""
    if values.dtype.kind in "iu" and not values.hasnans:
        return values.astype("int64") if values.dtype != "uint64" else _floats(values, column)
    found = _floats(values, column)
    known = found.to_numpy()
    whole = np.isfinite(known).all() and (known == np.trunc(known)).all()
    return found.astype("int64") if whole and (np.abs(known) < INT64).all() else found


def _bools(values: pd.Series, column: SchemaColumn) -> pd.Series:
    """Read yes and no, also as text and as 1 and 0."""
    if isinstance(values.dtype, pd.BooleanDtype):
        return values if values.hasnans else values.astype(bool)
    found = _each(values, _yes_no, column)
    gaps = np.isnan(found)
    answers = pd.array(np.nan_to_num(found).astype(bool), dtype="boolean")
    if not gaps.any():
        return _series(answers.astype(bool), values)
    answers[gaps] = pd.NA
    return _series(answers, values)


def _dates(values: pd.Series, column: SchemaColumn) -> pd.Series:
    """Read dates, also as text; with a zone they become UTC."""
    if values.dtype.kind in "fiubmc" and not values.isna().all():
        raise TypeError("numbers are no dates")
    texts = values
    if values.dtype.kind != "M":
        cells = [_read(cell, _moment, column, values) for cell in values.tolist()]
        texts = pd.Series(cells, index=values.index, name=values.name, dtype=object)
    found = pd.to_datetime(texts, errors="coerce", utc=True, format="mixed")
    wrong = (found.isna() & ~pd.isna(texts)).to_numpy()
    if wrong.any():
        raise _mismatch(column, values, values.tolist()[int(wrong.argmax())])
    return found.dt.tz_localize(None).astype("datetime64[us]")


def _texts(values: pd.Series, column: SchemaColumn) -> pd.Series:
    """Read text; numbers become their text."""
    found = [_read(cell, _level, column, values) for cell in values.tolist()]
    return pd.Series(found, index=values.index, name=values.name, dtype="str")


def _level(cell: Any) -> str | None:
    """Read one text."""
    if _is_nothing(cell):
        return None
    if isinstance(cell, list | dict | set | tuple | bytes | np.ndarray):
        raise TypeError(cell)
    return as_text(cell)


CONFORM: dict[str, Callable[[pd.Series, SchemaColumn], pd.Series]] = {
    "float64": _floats,
    "int64": _ints,
    "bool": _bools,
    "boolean": _bools,
    "datetime64[us]": _dates,
    "str": _texts,
}


def _each(values: pd.Series, read: Callable[[Any], float], column: SchemaColumn) -> np.ndarray:
    """Read the cells as floats."""
    return np.array([_read(cell, read, column, values) for cell in values.tolist()], dtype=float)


def _read(cell: Any, read: Callable[[Any], Any], column: SchemaColumn, values: pd.Series) -> Any:
    """Read one cell, or name it."""
    try:
        return read(cell)
    except (TypeError, ValueError, ArithmeticError) as problem:
        raise _mismatch(column, values, cell) from problem


def _number(cell: Any) -> float:
    """Read one number."""
    if _is_gap(cell):
        return math.nan
    if isinstance(cell, complex):
        raise TypeError("complex")
    if isinstance(cell, str) and "_" in cell:
        raise ValueError(cell)
    try:
        return float(cell)
    except OverflowError:
        return math.inf if cell > 0 else -math.inf


def _yes_no(cell: Any) -> float:
    """Read one answer."""
    if _is_gap(cell):
        return math.nan
    if isinstance(cell, bool | np.bool_):
        return float(cell)
    if isinstance(cell, numbers.Real) and float(cell) in {0.0, 1.0}:
        return float(cell)
    if not isinstance(cell, str):
        raise TypeError(cell)
    if cell.strip().lower() not in YES_NO:
        raise ValueError(cell)
    return YES_NO[cell.strip().lower()]


def _moment(cell: Any) -> Any:
    """Return one cell as pandas reads dates."""
    if _is_gap(cell):
        return None
    if isinstance(cell, numbers.Number):
        raise TypeError(cell)
    return cell


def _is_gap(cell: Any) -> bool:
    """Say whether a cell is missing, also when text says so."""
    return _is_nothing(cell) or (isinstance(cell, str) and cell.strip().lower() in MISSING_WORDS)


def _is_nothing(cell: Any) -> bool:
    """Say whether a cell is a way to write nothing; only those differ from themselves."""
    if cell is None or cell is pd.NA or cell is pd.NaT:
        return True
    return isinstance(cell, numbers.Real | decimal.Decimal | np.generic) and bool(cell != cell)


def _series(found: Any, values: pd.Series) -> pd.Series:
    """Return new cells under the old name and index."""
    return pd.Series(found, index=values.index, name=values.name)


WANTED = {
    "int64": "a number", "float64": "a number", "bool": "yes or no", "boolean": "yes or no",
    "datetime64[us]": "a date", "str": "text",
}  # fmt: skip


def _mismatch(column: SchemaColumn, values: pd.Series, cell: object = None) -> SchemaMismatch:
    """Build the one sentence: the column, an offending value, and what would work."""
    if cell is None:
        cell = next(iter(values.dropna().tolist()), None)
    like = f", like {column.examples[0]!r}" if column.examples else ""
    return SchemaMismatch(
        f"The column {column.name!r} holds {repr(cell)[:80]}, which is not "
        f"{WANTED[column.dtype]}. The model learned {column.kind} values{like}."
    )
