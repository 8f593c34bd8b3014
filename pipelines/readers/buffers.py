"""The bytes of a text, or of Arrow's text columns, as NumPy arrays that copy nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

BLOCK = 1 << 18
"""Bytes that are scanned at a time: few enough to stay in the processor's cache."""
_ZERO, _NINE, _BLANK, _QUOTE = 48, 57, 32, 34
_LOWER = np.uint64(0x2020202020202020)
_LETTERS = np.array([(1 << 8 * size) - 1 for size in range(9)], np.uint64)
_LONGEST_CODE = 40


def parts(texts: Any) -> tuple[NDArray[np.int64], NDArray[np.uint8]]:
    """Return where the values of a large string array begin and end, and all their bytes."""
    _, ends, data = texts.buffers()
    places = np.frombuffer(ends, np.int64)[texts.offset : texts.offset + len(texts) + 1]
    return places, np.frombuffer(data or b"", np.uint8)[: places[-1]]


def keys(texts: Any) -> NDArray[np.uint64]:
    """Return the first eight bytes of each value in lower case, as one number."""
    ends, letters = parts(texts)
    padded = np.concatenate([letters, np.zeros(8, np.uint8)])
    windows: NDArray[np.uint64] = np.ndarray((len(padded) - 7,), "<u8", padded, strides=(1,))
    made = windows.take(ends[:-1]) | _LOWER
    made &= _LETTERS.take(ends[1:] - ends[:-1], mode="clip")
    return made


def among(found: NDArray[np.uint64], words: Iterable[str]) -> NDArray[np.bool_]:
    """Return which keys are those of a few short words of ASCII letters, in any case.

    >>> import pyarrow as pa
    >>> texts = pa.array(["Yes", "no", "yesterday"], pa.large_string())
    >>> among(keys(texts), ["yes"]).tolist()
    [True, False, False]
    """
    said = np.zeros(len(found), bool)
    for word in words:
        if word.isascii() and len(word) < 8:
            said |= found == np.uint64(int.from_bytes(word.encode(), "little"))
    return said


def codes(text: NDArray[np.uint8], delimiter: str) -> NDArray[np.int64]:
    r"""Return where in a delimited text the values are that are digits with a leading zero.

    It may find too many, where such digits stand between delimiters inside of quotes.

    >>> codes(np.frombuffer(b"a,b\n007,0\n0.5,10\n", np.uint8), ",").tolist()
    [4]
    """
    sign = ord(delimiter)
    starts = [_starts(text, begin, sign) for begin in range(1, len(text), BLOCK)]
    zeros = np.concatenate([np.empty(0, np.int64), *starts])
    if len(text) > 1 and text[0] == _ZERO and _digits(text[1:2])[0]:
        zeros = np.concatenate([np.zeros(1, np.int64), zeros])
    if not len(zeros):
        return np.empty(0, np.int64)
    stops = zeros + 1
    running = np.arange(len(stops))
    for _ in range(_LONGEST_CODE):
        running = running[stops[running] < len(text)]
        if not len(running):
            break
        running = running[_digits(text[stops[running]])]
        stops[running] += 1
    after = text[np.minimum(stops, len(text) - 1)]
    closed = (after == sign) | (after <= _QUOTE) | (stops == len(text))
    found: NDArray[np.int64] = zeros[closed]
    opened: NDArray[np.int64] = found[(found == 0) | _opened(text, np.maximum(found - 1, 0), sign)]
    return opened


def _starts(text: NDArray[np.uint8], begin: int, sign: int) -> NDArray[np.int64]:
    """Return the places in one block where a value may begin with a zero before a digit."""
    block = text[begin : min(begin + BLOCK, len(text) - 1)]
    before = text[begin - 1 : begin - 1 + len(block)]
    start = block == _ZERO
    if sign > ord(","):
        start &= (before <= ord(",")) | (before == sign)
    else:
        start &= before <= ord(",")
    start &= text[begin + 1 : begin + 1 + len(block)] >= _ZERO
    places = np.flatnonzero(start) + begin
    third = text.take(places + 2, mode="clip")
    going_on = _digits(third) | (third <= _QUOTE) | (third == sign)
    places = places[going_on | (places + 2 == len(text))]
    found: NDArray[np.int64] = places[text[places + 1] <= _NINE]
    return found


def _digits(letters: NDArray[np.uint8]) -> NDArray[np.bool_]:
    return (letters >= _ZERO) & (letters <= _NINE)


def _opened(text: NDArray[np.uint8], before: NDArray[np.int64], sign: int) -> NDArray[np.bool_]:
    """Return for which places a value begins behind them, but for blanks and a quote."""
    for skipped in (_BLANK, _QUOTE, _BLANK):
        while (more := (text[before] == skipped) & (before > 0)).any():
            before[more] -= 1
    ends = text[before]
    found: NDArray[np.bool_] = (
        (ends == sign) | (ends == ord("\n")) | (ends == ord("\r")) | (before == 0)
    )
    return found
