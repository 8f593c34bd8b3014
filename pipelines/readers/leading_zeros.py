"""Finds the columns of a delimited text that hold codes like 007, whose zeros a parser drops.

Every byte is looked at, a few operations on each: codes are rare, and where there are none, that
is all. Where there are some, the separators before them say in which columns they stand; lines
with quotes are parsed for that.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pv

from pipelines.readers.buffers import codes

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    import numpy.typing as npt

    Bytes = npt.NDArray[np.uint8]

PIECE = 1 << 22
_LINE, _QUOTE = ord("\n"), ord('"')


def coded(content: Any, names: Collection[str], known: Sequence[str], options: Any) -> set[str]:
    """Return which of some columns hold a code anywhere below the header line.

    Where a piece cannot be judged alone, all of them are named: read as text, each value counts.
    """
    found: set[str] = set()
    sign = options[1].delimiter
    for piece in _pieces(content):
        places = codes(piece, sign)
        left = [name for name in names if name not in found]
        if not left:
            break
        if not len(places):
            continue
        standing = _standing(piece, places, ord(sign), len(known))
        if standing is None:
            found |= _parsed(piece, left, known, options)
        else:
            found |= {known[place] for place in standing} & set(left)
    return found


def _pieces(content: Any) -> Iterator[Bytes]:
    """Yield whole lines, beginning beneath the header."""
    text = np.frombuffer(content, np.uint8)
    start = content.find(b"\n") + 1 or len(text)
    while start < len(text):
        stop = content.find(b"\n", start + PIECE) + 1 or len(text)
        yield text[start:stop]
        start = stop


def _standing(
    piece: Bytes, places: npt.NDArray[np.int64], sign: int, width: int
) -> set[int] | None:
    """Return the columns in which values begin, or None where quotes or odd lines forbid it."""
    if (piece == _QUOTE).any():
        return None
    ends = np.flatnonzero((piece == sign) | (piece == _LINE))
    lines = np.count_nonzero(piece[ends] == _LINE)
    whole = len(ends) + (piece[-1] != _LINE)
    if whole != (lines + (piece[-1] != _LINE)) * width:
        return None
    return set((np.searchsorted(ends, places) % width).tolist())


def _parsed(piece: Bytes, names: list[str], known: Sequence[str], options: Any) -> set[str]:
    reads, parses, _ = options
    cut = pv.ReadOptions(column_names=list(known), encoding=reads.encoding)
    texts = pv.ConvertOptions(
        column_types=dict.fromkeys(names, pa.large_string()), include_columns=names
    )
    try:
        table = pv.read_csv(pa.BufferReader(pa.py_buffer(piece)), cut, parses, texts)
    except (pa.ArrowInvalid, UnicodeError):
        return set(names)  # It begins or ends inside of quotes.
    return {name for name in names if _has_codes(table[name])}


def _has_codes(column: Any) -> bool:
    return bool(pc.any(pc.match_substring_regex(column, r"^\s*0\d+\s*$")).as_py())
