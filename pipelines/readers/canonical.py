"""From a column of any library to one of the five dtypes that a ``Dataset`` holds.

Every column goes through Arrow, where each family of types has one function in ``_FAMILIES``.
A number is taken by its value: a column without gaps whose numbers are all whole is ``int64``,
however it was written, since Excel and JavaScript write 7.0 as 7. Whatever is changed on the way
is told as a ``Conversion``.
"""

from __future__ import annotations

import json
from collections import Counter
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.types as pt

from pipelines.dataset import Kind
from pipelines.readers import wishes
from pipelines.readers.recognition import EXACT, Words, may_stand_for_more, recognise
from pipelines.readers.screening import cleaned
from pipelines.readers.source import TEXTUAL, Change, Wish
from pipelines.readers.spellings import unit_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

TEXT: Any = pd.StringDtype(na_value=np.nan)
_MOMENT = pa.timestamp("us")
_GLANCE, _STRETCH = 256, 65_536


def canonical(column: Any, change: Change) -> Any:
    """Return a column as a pandas array or series of a canonical dtype.

    Raises:
        BadSetting: the column cannot be what was asked for.
    """
    made = _made(column, change)
    if isinstance(made, np.ndarray) and made.dtype == np.float64 and _all_whole(made):
        change.tell("float64", "int64", "decimals that are all whole")
        return made.astype(np.int64)
    return made


def _all_whole(numbers: Any) -> bool:
    """Say whether int64 holds every number and loses none; most columns are told by a glance."""
    ends = [0, *range(min(_GLANCE, len(numbers)), len(numbers), _STRETCH), len(numbers)]
    for start, end in pairwise(ends):
        part = numbers[start:end]
        if not ((np.abs(part) < EXACT) & (part == np.trunc(part))).all():
            return False
    return True


def _made(column: Any, change: Change) -> Any:
    if isinstance(column, pd.Series):
        if change.wish is None and column.dtype in (np.float64, np.int64, np.bool_):
            return column.array.to_numpy()
        column = from_series(column, change)
    if isinstance(column, pa.Array):
        column = pa.chunked_array([column])
    column = _plain(column, change)
    if pt.is_large_string(column.type):
        return _words(column, change)
    if change.wish is not None:
        column = wishes.granted(column, change)
    return to_pandas(column, change)


def from_series(series: pd.Series, change: Change) -> Any:
    """Return a pandas column as Arrow, telling what its dtype was if it is none of ours."""
    dtype = series.dtype
    if isinstance(dtype, pd.CategoricalDtype):
        categories = array_of(dtype.categories.to_list(), change)
        codes = pa.array(series.cat.codes.to_numpy(), mask=series.isna().to_numpy())
        return pa.chunked_array([pa.DictionaryArray.from_arrays(codes, categories)])
    if isinstance(dtype, pd.PeriodDtype):
        change.tell(dtype, "date", "the start of each period")
        series = series.dt.to_timestamp()
    elif isinstance(dtype, pd.DatetimeTZDtype):
        change.tell(dtype, "datetime64[us]", "time zone changed to UTC")
        series = series.dt.tz_convert(None)
    elif isinstance(dtype, pd.IntervalDtype) or dtype.kind == "c":
        change.tell(dtype, "text", "kept as written")
        series = series.astype("str").where(series.notna())
    elif isinstance(dtype, pd.SparseDtype):
        change.tell(dtype, dtype.subtype, "made dense")
        series = pd.Series(np.asarray(series))
    if series.dtype == object:
        return array_of(series, change)
    if dtype != TEXT and pd.api.types.is_extension_array_dtype(dtype) and dtype.kind in "iufb":
        change.tell(dtype, "plain dtype", "nullable or Arrow-backed dtype")
    return pa.array(series, from_pandas=True)


def array_of(values: Sequence[Any] | pd.Series, change: Change) -> Any:
    """Return Python values as Arrow; values of several types become text, and are counted."""
    try:
        made = pa.array(values, from_pandas=True)
    except (pa.ArrowException, TypeError, ValueError, OverflowError):
        made = _mixed(pd.Series(values, dtype=object), change)
    return made


def _mixed(series: pd.Series, change: Change) -> Any:
    there = series[series.notna()]
    counts = Counter(type(value).__name__ for value in there)
    reason = ", ".join(f"{count:,} {_NAMES.get(name, name)}" for name, count in counts.items())
    if len(counts) > 1:
        change.tell("mixed", "text", f"several types in one column: {reason}")
    return pa.array(series.where(series.notna(), None).map(_said, na_action="ignore"), pa.string())


_NAMES = {"str": "texts", "int": "whole numbers", "float": "decimal numbers", "bool": "booleans"}


def _said(value: object) -> str:
    if isinstance(value, bytes):
        return value.decode("utf-8", "backslashreplace")
    if isinstance(value, (list, dict, tuple, np.ndarray)):
        made = value.tolist() if isinstance(value, np.ndarray) else value
        return json.dumps(made, default=str, ensure_ascii=False)
    return str(value)


def _plain(column: Any, change: Change) -> Any:
    """Return a column without wrappings: no dictionary, extension, decimal, time or nesting."""
    for belongs, unwrap in _FAMILIES:
        if belongs(column.type):
            return _plain(unwrap(column, change), change)
    return column


def _from_dictionary(column: Any, change: Change) -> Any:
    kind = column.type.value_type
    if not (pt.is_string(kind) or pt.is_large_string(kind)) and change.wish is None:
        change.wish = Wish(Kind.CATEGORY)
        change.tell("category", "text", f"categories of type {kind}, kept as categories")
    return column.cast(kind)


def _from_decimal(column: Any, change: Change) -> Any:
    change.tell(column.type, "float64", "exact decimals rounded to 15 digits")
    return column.cast(pa.float64())


def _from_time(column: Any, change: Change) -> Any:
    change.tell(column.type, "text", "a time of day without a date")
    return column.cast(pa.large_string())


def _from_duration(column: Any, change: Change) -> Any:
    change.tell(column.type, "float64", "a span of time, in seconds")
    micros = column.cast(pa.duration("us"), safe=False).cast(pa.int64())
    return pc.divide(micros.cast(pa.float64()), 1e6)


def _from_date(column: Any, _: Change) -> Any:
    return column.cast(_MOMENT)


def _from_moment(column: Any, change: Change) -> Any:
    if column.type.tz:
        change.tell(column.type, "datetime64[us]", "time zone changed to UTC")
    return column.cast(pa.timestamp("us", column.type.tz), safe=False).cast(_MOMENT)


def _from_nested(column: Any, change: Change) -> Any:
    if not pt.is_fixed_size_binary(column.type) and not pt.is_large_binary(column.type):
        change.tell(column.type, "text", "nested or binary values, written out")
    texts = [None if value is None else _said(value) for value in column.to_pylist()]
    return pa.chunked_array([pa.array(texts, pa.large_string())])


def _is_number(kind: Any) -> bool:
    return bool(pt.is_integer(kind) or pt.is_floating(kind))


def _is_known(kind: Any) -> bool:
    return _is_number(kind) or any(
        ask(kind) for ask in (pt.is_boolean, pt.is_large_string, pt.is_null)
    )


_FAMILIES: tuple[tuple[Callable[[Any], bool], Callable[[Any, Change], Any]], ...] = (
    (pt.is_dictionary, _from_dictionary),
    (lambda kind: isinstance(kind, pa.BaseExtensionType), lambda c, _: _storage(c)),
    (lambda kind: pt.is_run_end_encoded(kind), lambda c, _: pc.run_end_decode(c)),
    (lambda kind: pt.is_string(kind) or pt.is_string_view(kind), lambda c, _: _large(c)),
    (pt.is_decimal, _from_decimal),
    (pt.is_time, _from_time),
    (pt.is_duration, _from_duration),
    (pt.is_date, _from_date),
    (lambda kind: pt.is_timestamp(kind) and kind != _MOMENT, _from_moment),
    (lambda kind: not _is_known(kind) and kind != _MOMENT, _from_nested),
)


def _large(column: Any) -> Any:
    return column.cast(pa.large_string())


def _storage(column: Any) -> Any:
    if "uuid" in str(column.type):
        texts = [None if value is None else str(value) for value in column.to_pylist()]
        return pa.chunked_array([pa.array(texts, pa.large_string())])
    return pa.chunked_array([chunk.storage for chunk in column.chunks], column.type.storage_type)


def _words(column: Any, change: Change) -> Any:
    wish = change.wish
    guess = wish is None and may_stand_for_more(column)
    found = Words.of(column) if guess or wish is not None else Words(column)
    screened = cleaned(found, spelled=wish is not None and wish.kind in TEXTUAL)
    words = screened.words
    for reason in screened.reasons:
        change.tell("text", "text", reason)
    if words.values.null_count == len(words.values):
        return np.full(len(column), np.nan)
    if wish is not None:
        return to_pandas(wishes.granted_to_words(words, change), change)
    reading = recognise(words, change.decimal) if guess else None
    if reading is not None:
        change.tell("text", reading.kind, reading.reason, reading.form)
        return to_pandas(reading.values, change)
    shown = any(unit_of(word) is not None for word in words.head())
    alike, others = screened.numeric_share(shown=shown)
    if alike and others:
        reason = f"several types in one column: {alike:,} numbers, {others:,} texts"
        change.tell("mixed", "text", reason)
    return to_pandas(words.spread(words.values), change)


def to_pandas(column: Any, change: Change) -> Any:
    """Return an Arrow column of a plain type in the canonical dtype for it."""
    kind, absent = column.type, column.null_count
    if pt.is_large_string(kind):
        chunked = column if isinstance(column, pa.ChunkedArray) else pa.chunked_array([column])
        return TEXT.__from_arrow__(chunked)
    if pt.is_null(kind):
        return np.full(len(column), np.nan)
    if pt.is_timestamp(kind):
        return column.to_pandas().astype("datetime64[us]")
    if pt.is_boolean(kind):
        made = pd.Series(column.to_pandas())
        return made.astype("boolean") if absent else made.astype(bool)
    if pt.is_integer(kind):
        return _whole(column, change)
    return _floats(column)


def _whole(column: Any, change: Change) -> Any:
    smallest, largest = pc.min_max(column).as_py().values()
    if smallest is None:
        return _floats(column)
    if column.null_count and max(-smallest, largest) > EXACT:
        change.tell(column.type, "text", "whole numbers too large for float64, with missing ones")
        return TEXT.__from_arrow__(pa.chunked_array([_one_chunk(column.cast(pa.large_string()))]))
    if column.null_count:
        return _floats(column)
    if largest > np.iinfo(np.int64).max:
        change.tell(column.type, "float64", "whole numbers beyond 64 bits")
        return _floats(column)
    return column.cast(pa.int64()).to_numpy()


def _one_chunk(column: Any) -> Any:
    return column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column


def _floats(column: Any) -> Any:
    made = column.cast(pa.float64(), safe=False)
    chunked = made if isinstance(made, pa.ChunkedArray) else pa.chunked_array([made])
    return chunked.to_numpy()
