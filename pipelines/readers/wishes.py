"""Makes a column what somebody asked for with ``types``, or says why it cannot be."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.types as pt

from pipelines.dataset import Kind
from pipelines.errors import BadSetting, listed
from pipelines.readers import recognition, spellings
from pipelines.readers.source import TEXTUAL, Change, Wish

if TYPE_CHECKING:
    from pipelines.readers.recognition import Reading, Words

_PLAIN = r"^-?(0|[1-9]\d*)(\.\d+)?$"
_MOMENTS = {8: "%Y%m%d", 14: "%Y%m%d%H%M%S"}
_UNITS = {10: "s", 13: "ms", 16: "us"}


def granted(column: Any, change: Change) -> Any:
    """Return a column that is no text as the kind asked for.

    Raises:
        BadSetting: its values cannot be that.
    """
    wish = _wish(change)
    if pt.is_null(column.type):
        return column
    if wish.kind in TEXTUAL:
        return _written(column, change)
    if wish.kind is Kind.NUMBER:
        if pt.is_timestamp(column.type):
            raise _refusal(change, "it holds dates")
        if not pt.is_boolean(column.type):
            return column
        change.tell("boolean", "number", "asked to be number; yes is 1, no is 0")
        return column.cast(pa.int64())
    if wish.kind is Kind.DATE:
        return column if pt.is_timestamp(column.type) else _moments(column, change)
    return column if pt.is_boolean(column.type) else _yes_or_no(column, change)


def _wish(change: Change) -> Wish:
    if change.wish is None:  # pragma: no cover - callers look first
        raise TypeError(change.name)
    return change.wish


def _written(column: Any, change: Change) -> Any:
    change.tell(column.type, "text", f"asked to be {_wish(change).kind}; in its shortest form")
    if pt.is_timestamp(column.type):
        return pc.replace_substring_regex(
            column.cast(pa.large_string()), r"\.0+$| 00:00:00\.?0*$", ""
        )
    if pt.is_floating(column.type):
        whole = pc.and_(pc.equal(column, pc.trunc(column)), pc.less(pc.abs(column), 2.0**63))
        if pc.all(whole).as_py():
            return column.cast(pa.int64(), safe=False).cast(pa.large_string())
    return column.cast(pa.large_string())


def _moments(column: Any, change: Change) -> Any:
    if not pt.is_integer(column.type):
        raise _refusal(change, f"it holds {column.type} values")
    digits = len(str(abs(pc.max(column).as_py() or 0)))
    if digits in _UNITS:
        change.tell(
            column.type, "date", f"asked to be a date; read as {_UNITS[digits]} since 1970"
        )
        return column.cast(pa.int64()).cast(pa.timestamp(_UNITS[digits])).cast(pa.timestamp("us"))
    form = _wish(change).form or _MOMENTS.get(digits, "")
    days = recognition.dated(pc.cast(column, pa.large_string()), form) if form else None
    if days is None:
        raise _refusal(change, "its whole numbers are no days like 20241231 and no Unix times")
    change.tell(column.type, "date", f"asked to be a date; read as {form}", form)
    return days


def _yes_or_no(column: Any, change: Change) -> Any:
    if pt.is_timestamp(column.type):
        raise _refusal(change, "it holds dates")
    values = column.cast(pa.float64(), safe=False)
    if not pc.all(pc.is_in(values, pa.array([0.0, 1.0, None]))).as_py():
        raise _refusal(change, "it holds numbers besides 0 and 1")
    change.tell(column.type, "boolean", "asked to be boolean; 1 is yes, 0 is no")
    return values.cast(pa.bool_())


def granted_to_words(words: Words, change: Change) -> Any:
    """Return text as the kind asked for.

    Raises:
        BadSetting: a value cannot be that.
    """
    wish = _wish(change)
    if wish.kind is Kind.CATEGORY:
        return words.spread(_shortest(words.values))
    if wish.kind in TEXTUAL:
        return words.spread(words.values)
    reading = _read_as(words, wish, change)
    if reading is None:
        odd = _odd(words, wish)
        raise _refusal(change, f"values like {listed(map(repr, odd), 3)} are none")
    change.tell("text", wish.kind, f"asked to be {wish.kind}; {reading.reason}", reading.form)
    return reading.values


def _read_as(words: Words, wish: Wish, change: Change) -> Reading | None:
    head = words.head()
    if wish.kind is Kind.NUMBER:
        return recognition.numbers(words, head, wish.form or change.decimal)
    if wish.kind is Kind.DATE:
        return _read_as_date(words, wish, change)
    return recognition.booleans(words, head, alone=True)


def _read_as_date(words: Words, wish: Wish, change: Change) -> Reading | None:
    if not wish.form:
        return recognition.dates(words, words.head(), change.decimal)
    values = recognition.dated(words.values, wish.form)
    if values is None:
        return None
    told = f"written {wish.form}"
    return recognition.Reading(Kind.DATE, words.spread(values), told, wish.form)


def _shortest(values: Any) -> Any:
    if not pc.all(pc.match_substring_regex(values, _PLAIN)).as_py():
        return values
    bare = pc.replace_substring_regex(values, r"(\.\d*?)0+$", r"\1")
    return pc.replace_substring_regex(bare, r"\.$", "").cast(values.type)


def _odd(words: Words, wish: Wish) -> list[str]:
    texts: list[str] = words.head()
    if wish.kind is Kind.NUMBER:
        return [t for t in texts if spellings.unit_of(t) is None] or texts
    if wish.kind is Kind.DATE:
        return [t for t in texts if not spellings.date_formats(t)] or texts
    return texts


def _refusal(change: Change, why: str) -> BadSetting:
    wish = _wish(change)
    remedy = f"Column {change.name!r} cannot be read as {wish.kind}: {why}. Choose another kind."
    return BadSetting("types", f"{change.name}={wish.kind}", remedy)
