"""What a column of text really is: booleans, numbers or dates in disguise, or words.

Cheap first: a few hundred distinct values say what a column may be, then one vectorised pass over
all of it confirms or refutes. One value that does not fit, and the column stays text. Nothing here
loops over cells.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from pipelines.dataset import Kind
from pipelines.readers import buffers, spellings
from pipelines.readers.spellings import ISO, NumberStyle

HEAD = 2000
"""Rows that are looked at to guess."""
TRIED = 300
"""Distinct values that a guess must fit before the whole column is tried."""
EXACT = 2**53


@dataclass(frozen=True, slots=True)
class Words:
    """A text column as its values and, where values repeat, the place of each row's value."""

    values: Any
    codes: Any = None

    @classmethod
    def of(cls, column: Any) -> Words:
        """Encode a chunked text column where its head says that values repeat.

        A yes or no is found faster without it.
        """
        if all(word.lower() in spellings.TRUTHS for word in _there(column)):
            return cls(_joined(column))
        head = column.slice(0, HEAD)
        if len(head.unique()) * 2 > len(head):
            head = column.slice(0, 10 * HEAD)
            if len(head.unique()) * 2 > len(head):
                return cls(_joined(column))
        encoded = _joined(column.dictionary_encode())
        return cls(encoded.dictionary, encoded.indices)

    def spread(self, values: Any) -> Any:
        """Return one value for each row."""
        return values if self.codes is None else values.take(self.codes)

    def chunks(self) -> list[Any]:
        """Return the values as plain arrays."""
        return self.values.chunks if isinstance(self.values, pa.ChunkedArray) else [self.values]

    def holding(self, chunks: list[Any]) -> Words:
        """Return the same words with other values, those of ``chunks``, in their places."""
        if isinstance(self.values, pa.ChunkedArray):
            return Words(pa.chunked_array(chunks, self.values.type), self.codes)
        return Words(chunks[0] if chunks else self.values, self.codes)

    def there(self) -> int:
        """Return how many rows hold a value."""
        rows = self.values if self.codes is None else self.spread(self.values)
        return len(rows) - int(rows.null_count)

    def head(self) -> list[str]:
        """Return distinct values from the start of the column."""
        return head_of(self.values)


@dataclass(frozen=True, slots=True)
class Reading:
    """What a text column turned out to be, its values, and the form they were written in."""

    kind: Kind
    values: Any
    reason: str
    form: str = ""


def _joined(column: Any) -> Any:
    joined = column.combine_chunks()
    if isinstance(joined, pa.ChunkedArray):
        joined = joined.chunk(0) if joined.num_chunks else pa.array([], joined.type)
    return joined


def head_of(column: Any) -> list[str]:
    """Return distinct values from the start of a column."""
    few: list[str] = column.slice(0, HEAD).drop_null().unique().slice(0, TRIED).to_pylist()
    return few


def may_stand_for_more(column: Any) -> bool:
    """Whether the first values of a column may all be numbers, dates or booleans."""
    return all(map(spellings.may_stand_for_more, _there(column)[:20]))


def _there(column: Any) -> list[str]:
    """Return the first values of a column that is not clean yet, without the missing ones."""
    first = (word.strip() for word in head_of(column))
    return [word for word in first if word.lower() not in spellings.MISSING]


def recognise(words: Words, decimal: str) -> Reading | None:
    """Return what clean words stand for, or None if they are just words."""
    head = words.head()
    return booleans(words, head) or numbers(words, head, decimal) or dates(words, head, decimal)


def booleans(words: Words, head: list[str], *, alone: bool = False) -> Reading | None:
    """Read a column whose every value is a yes or a no of one language.

    A single letter alone says nothing ('f' may mean female), unless ``alone`` says that it does.
    """
    spoken = {word.lower() for word in head}
    if not 1 <= len(spoken) <= len(spellings.PAIRS[0]) * 2:
        return None
    for yes, no in spellings.PAIRS:
        clear = alone or min(map(len, spoken)) > 1 or bool(spoken & yes and spoken & no)
        truths = _truths(words, yes, no) if spoken <= yes | no and clear else None
        if truths is not None:
            told = ", ".join(map(repr, sorted(set(head))))
            return Reading(Kind.BOOLEAN, truths, f"every value is one of {told}")
    return None


def _truths(words: Words, yes: frozenset[str], no: frozenset[str]) -> Any:
    """Return for each row whether it says yes, or None if a value says neither yes nor no."""
    values = words.values
    absent = values.is_null().to_numpy(zero_copy_only=False) if values.null_count else False
    keys = buffers.keys(values)
    says = buffers.among(keys, yes)
    if (says | buffers.among(keys, no) | absent).all():
        return words.spread(pa.array(says, mask=absent if values.null_count else None))
    lower = pc.utf8_lower(values)
    fits = pc.is_in(lower, pa.array(sorted(yes | no), lower.type))
    if not pc.all(pc.or_(fits, pc.is_null(lower))).as_py():
        return None
    says = pc.is_in(lower, pa.array(sorted(yes), lower.type))
    return words.spread(pc.if_else(pc.is_null(lower), pa.scalar(None, pa.bool_()), says))


def numbers(words: Words, head: list[str], decimal: str) -> Reading | None:
    """Read a column whose every value is a number written in one style."""
    if not head or any(map(spellings.is_code, head)):
        return None
    plain = _plain(head, words.values, decimal)
    if plain is not None and not pc.any(_codes(words.values)).as_py():
        return Reading(Kind.NUMBER, words.spread(plain), "every value is a number", ".")
    for style in spellings.number_styles(head, decimal):
        fits = pc.match_substring_regex(words.values, style.pattern)
        if pc.all(fits).as_py() and not pc.any(_codes(words.values)).as_py():
            values = words.spread(_parsed(words.values, style))
            return Reading(Kind.NUMBER, values, f"every value is a number: {style}", style.decimal)
    return None


def _plain(head: list[str], values: Any, decimal: str) -> Any:
    """Return texts as numbers if they are written the way machines do."""
    pointed = decimal == "." and any(set(word) & set(".eEiInN") for word in head)
    for kind in (pa.int64(), pa.float64()) if pointed else (pa.int64(),):
        try:
            pc.cast(pa.array(head), kind)
            return pc.cast(values, kind)
        except pa.ArrowInvalid:
            continue
    return None


def _codes(values: Any) -> Any:
    return pc.match_substring_regex(values, r"^0\d+$")


def _parsed(values: Any, style: NumberStyle) -> Any:
    if style.unit:
        values = pc.replace_substring(values, style.unit, "")
    values = pc.replace_substring_regex(values, r"[\s\x{a0}\x{2009}\x{202f}'\x{2019}]", "")
    if style.thousands in {",", "."}:
        values = pc.replace_substring(values, style.thousands, "")
    if style.decimal != ".":
        values = pc.replace_substring(values, style.decimal, ".")
    values = pc.replace_substring(values, "\u2212", "-")
    values = pc.replace_substring_regex(values, r"^\((.*)\)$", r"-\1")
    values = pc.replace_substring_regex(values, r"^\+|\.$", "")
    if not pc.any(pc.match_substring_regex(values, r"[.eE]")).as_py():
        try:
            return pc.cast(values, pa.int64())
        except pa.ArrowInvalid:
            pass  # Longer than 19 digits: a float keeps its size.
    return pc.cast(pc.replace_substring_regex(values, r"\.([eE])", r"\1"), pa.float64())


def dates(words: Words, head: list[str], decimal: str = ".") -> Reading | None:
    """Read a column whose every value is a date in one format.

    Where both the day and the month may come first in every row, a decimal comma in the table
    speaks for the day, the order of the formats decides otherwise, and the reason says so.
    """
    if not head:
        return None
    fitting = [form for form in _all_formats(head) if dated(pa.array(head), form) is not None]
    if decimal == ",":
        fitting.sort(key=lambda form: not form.startswith("%d"))
    read = [(form, dated(words.values, form)) for form in fitting]
    sure = [(form, values) for form, values in read if values is not None]
    if not sure:
        return None
    form, values = sure[0]
    reason = f"every value is a date written {form}"
    if len(sure) > 1 and not values.equals(sure[1][1]):
        reason += f"; {sure[1][0]} would fit every row too: types='date:{sure[1][0]}' reads it so"
    return Reading(Kind.DATE, words.spread(values), reason, form)


def _all_formats(head: list[str]) -> list[str]:
    found: dict[str, None] = {}
    for word in head[:20]:
        formats = spellings.date_formats(word)
        if not formats:
            return []
        found.update(dict.fromkeys(formats))
    return list(found)


def dated(values: Any, form: str) -> Any:
    """Return texts as dates in one format, or None if a single one is not.

    >>> dated(pa.array(["31.12.2024", None]), "%d.%m.%Y").to_pylist()[1] is None
    True
    """
    days = _cast(values, form)
    return _slowly_dated(values, form) if days is None else days


def _cast(values: Any, form: str) -> Any:
    """Return dates by Arrow's fast reading of ISO texts, or None where that is not sure.

    Formats that hold the same numbers in another order are put in ISO's order first.
    """
    if form != ISO:
        day, _, clock = form.partition(" ")
        parts = re.fullmatch(r"%([dm])([./-])%([dm])[./-]%Y", day)
        if parts is None or clock not in {"", "%H:%M", "%H:%M:%S", "%H:%M:%S.%f"}:
            return None
        order = r"\3-\2-\1" if parts[1] == "d" else r"\3-\1-\2"
        shape = rf"^(\d\d){re.escape(parts[2])}(\d\d){re.escape(parts[2])}(\d{{4}})"
        length = {"": 10, "%H:%M": 16, "%H:%M:%S": 19}.get(clock, 0)
        if length and not pc.all(pc.equal(pc.binary_length(values), length)).as_py():
            return None
        if not pc.all(pc.match_substring_regex(values, shape)).as_py():
            return None
        values = pc.replace_substring_regex(values, shape, order)
    try:
        return pc.cast(values, pa.timestamp("us"))
    except pa.ArrowInvalid:
        return None


def _slowly_dated(values: Any, form: str) -> Any:
    try:
        text = pd.Series(values.to_pandas(), dtype="str")
        days = pd.to_datetime(text, format=form, errors="coerce", utc=True)
    except (ValueError, OverflowError):
        return None
    if int(days.isna().sum()) != values.null_count:
        return None
    return pa.array(days.dt.tz_localize(None).astype("datetime64[us]"), from_pandas=True)
