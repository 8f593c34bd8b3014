"""Cleans text columns by looking at the first and last byte of every value, not at the values.

Blanks, missing spellings and stray numbers are rare, and each begins or ends with one of a few
bytes. Two gathers from Arrow's buffers find the rows that may be meant; only those are looked at
as text. What is missing becomes so by a new validity bitmap: no text is ever copied for it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipelines.readers.buffers import parts
from pipelines.readers.recognition import Words
from pipelines.readers.spellings import LONGEST_MISSING, MISSING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

_MAYBE_BLANK, _MAYBE_MISSING, _MAYBE_NUMBER = 1, 2, 4
_NUMBER = r"^[-+]?(\d+([.,]\d*)?|[.,]\d+)$"
_CODE = r"^0\d+$"


def _marks() -> tuple[bytes, bytes]:
    """Return tables of what a value may be by its first byte, and by its last."""
    first, last = np.zeros(256, np.uint8), np.zeros(256, np.uint8)
    for table in (first, last):
        table[:33] |= _MAYBE_BLANK
        table[0x7F:] |= _MAYBE_BLANK
    first[[ord(word[0]) for word in MISSING if word]] |= _MAYBE_MISSING
    first[[ord(word[0].upper()) for word in MISSING if word]] |= _MAYBE_MISSING
    last[[ord(word[-1]) for word in MISSING if word]] |= _MAYBE_MISSING
    last[[ord(word[-1].upper()) for word in MISSING if word]] |= _MAYBE_MISSING
    first[list(b"0123456789+-.,")] |= _MAYBE_NUMBER
    return first.tobytes(), last.tobytes()


_FIRST, _LAST = _marks()
_NONE: NDArray[np.int64] = np.empty(0, np.int64)


class _Chunk:
    """One array of texts: which are empty, and what the others may be by their edges."""

    def __init__(self, texts: Any) -> None:
        self.texts = texts
        self.ends, letters = parts(texts)
        starts, stops = self.ends[:-1], self.ends[1:]
        letters = letters if len(letters) else np.zeros(1, np.uint8)
        first = letters.take(starts, mode="clip").tobytes().translate(_FIRST)
        last = letters.take(stops - 1, mode="clip").tobytes().translate(_LAST)
        self.first, self.last = np.frombuffer(first, np.uint8), np.frombuffer(last, np.uint8)
        self.empty = starts == stops

    def marked(self, mark: int) -> NDArray[np.int64]:
        """Return the rows whose edges bear a mark."""
        marks = self.first
        if mark == _MAYBE_BLANK:
            marks = self.first | self.last
        elif mark == _MAYBE_MISSING:
            marks = self.first & self.last
        if not np.bitwise_or.reduce(marks, initial=0) & mark:
            return _NONE
        rows = np.flatnonzero(marks & mark)
        kept: NDArray[np.int64] = rows[~self.empty[rows]]
        return kept

    def few(self, rows: NDArray[np.int64]) -> Any:
        return self.texts.take(pa.array(rows))

    def blank(self) -> NDArray[np.int64]:
        """Return the rows with blanks around their text."""
        rows = self.marked(_MAYBE_BLANK)
        if not len(rows):
            return rows
        few = self.few(rows)
        shorter = pc.less(pc.binary_length(pc.utf8_trim_whitespace(few)), pc.binary_length(few))
        return rows[_true(shorter)]

    def missing(self) -> NDArray[np.int64]:
        """Return the rows that hold a spelling of nothing, but for the empty text."""
        rows = self.marked(_MAYBE_MISSING)
        rows = rows[self.ends[rows + 1] - self.ends[rows] <= LONGEST_MISSING]
        if not len(rows):
            return rows
        few = pc.utf8_lower(self.few(rows))
        known = pc.is_in(few, pa.array(MISSING, few.type), skip_nulls=True)
        return rows[_true(known)]

    def numbers(self) -> NDArray[np.int64]:
        """Return the rows that look like numbers, and not like codes."""
        rows = self.marked(_MAYBE_NUMBER)
        if not len(rows):
            return rows
        few = self.few(rows)
        looks = pc.and_not(
            pc.match_substring_regex(few, _NUMBER), pc.match_substring_regex(few, _CODE)
        )
        return rows[_true(looks)]

    def without(self, rows: NDArray[np.int64]) -> Any:
        """Return the texts with these rows missing, and the empty ones."""
        if not len(rows) and not self.empty.any():
            return self.texts
        valid = ~self.empty
        valid[rows] = False
        if self.texts.null_count:
            valid &= self.texts.is_valid().to_numpy(zero_copy_only=False)
        _, ends, data = self.texts.buffers()
        bits = pa.py_buffer(np.packbits(valid, bitorder="little"))
        ends = ends.slice(8 * self.texts.offset)
        return pa.Array.from_buffers(self.texts.type, len(valid), [bits, ends, data])


@dataclass(frozen=True, slots=True)
class Screened:
    """Clean words, what was done to clean them, and where they came from."""

    words: Words
    reasons: tuple[str, ...]
    chunks: tuple[_Chunk, ...]

    def numeric_share(self, *, shown: bool) -> tuple[int, int]:
        """Return how many rows look like numbers, and how many hold other text.

        Where the head of the column has not ``shown`` numbers, only a few are looked for.
        """
        column = self.words.values
        if not shown:
            found = sum(np.count_nonzero(chunk.first & _MAYBE_NUMBER) for chunk in self.chunks)
            if not found or found > len(column) // 10:
                return 0, 0
        alike = _rows(self.words, [chunk.numbers() for chunk in self.chunks], self.chunks)
        return alike, self.words.there() - alike


def cleaned(words: Words, *, spelled: bool) -> Screened:
    """Strip the blanks around values and make missing spellings missing; say what changed.

    With ``spelled`` the spellings stay, and only the empty text is missing.

    >>> column = pa.chunked_array([pa.array(["a ", "n/a", ""], pa.large_string())])
    >>> done = cleaned(Words(column), spelled=False)
    >>> done.words.values.to_pylist(), done.reasons
    (['a', None, None], ('blanks around 1 values stripped', "'n/a' read as missing (1 rows)"))
    """
    reasons = []
    chunks = [_Chunk(texts) for texts in words.chunks() if len(texts)]
    blank = _rows(words, [chunk.blank() for chunk in chunks], chunks)
    if blank:
        reasons.append(f"blanks around {blank:,} values stripped")
        chunks = [_Chunk(pc.utf8_trim_whitespace(chunk.texts)) for chunk in chunks]
    missing = [_NONE if spelled else chunk.missing() for chunk in chunks]
    count = _rows(words, missing, chunks)
    if count:
        spellings = {
            word
            for chunk, rows in zip(chunks, missing, strict=True)
            for word in chunk.few(rows).unique().to_pylist()
        }
        told = ", ".join(map(repr, sorted(spellings)))
        reasons.append(f"{told} read as missing ({count:,} rows)")
    kept = [chunk.without(rows) for chunk, rows in zip(chunks, missing, strict=True)]
    return Screened(words.holding(kept), tuple(reasons), tuple(chunks))


def _true(mask: Any) -> NDArray[np.bool_]:
    sure: NDArray[np.bool_] = pc.coalesce(mask, pa.scalar(value=False)).to_numpy(
        zero_copy_only=False
    )
    return sure


def _rows(words: Words, found: Sequence[NDArray[np.int64]], chunks: Sequence[_Chunk]) -> int:
    """Return in how many rows of a column the values found in its chunks stand."""
    if words.codes is None or not sum(map(len, found)):
        return sum(map(len, found))
    mask = np.zeros(sum(len(chunk.texts) for chunk in chunks), bool)
    mask[found[0]] = True
    return int(pc.sum(pa.array(mask).take(words.codes)).as_py() or 0)
