"""Guesses from its first bytes how a text table is written: encoding, delimiter, decimal sign."""

from __future__ import annotations

import csv
import re
from collections import Counter
from dataclasses import dataclass

from pipelines.readers.spellings import MISSING, is_code, may_stand_for_more

DELIMITERS = (",", ";", "\t", "|")
SAMPLE_ROWS, SAMPLE_CELLS = 100, 6000
"""How much is looked at: fewer rows of a wide table, but never fewer than 20."""

_MARKS = (
    (b"\xef\xbb\xbf", "utf-8-sig"),
    (b"\xff\xfe", "utf-16"),
    (b"\xfe\xff", "utf-16"),
)
_COMMA_NUMBER = re.compile(r"[-+]?\d+(\.\d{3})*,(\d{1,2}|\d{4,})")
_POINT_NUMBER = re.compile(r"[-+]?\d+(,\d{3})*\.(\d{1,2}|\d{4,})")
_TIME = re.compile(r"\d{1,2}:\d{2}(:\d{2}(\.\d+)?)?")


@dataclass(frozen=True, slots=True)
class Dialect:
    """How one text table is written, and the columns whose characters must be kept."""

    encoding: str
    delimiter: str
    decimal: str
    names: tuple[str, ...]
    verbatim: frozenset[int] = frozenset()
    """Places of columns that hold codes with leading zeros, or times of day."""
    broken_lines: bool = False
    """Whether quoted values contain line breaks."""
    rows: int = 0
    """How many lines the sample holds beneath the header."""
    spelled: tuple[str, ...] = ()
    """The spellings of missing values seen in columns of numbers, but for the empty text."""
    whole: bool = False
    """Whether the sample is all there is."""


def encoding_of(sample: bytes) -> str:
    """Return the encoding that a sample of a text is likely written in.

    >>> encoding_of("naïve".encode()), encoding_of("naïve".encode("latin-1"))
    ('utf-8', 'cp1252')
    """
    for mark, encoding in _MARKS:
        if sample.startswith(mark):
            return encoding
    for encoding in ("utf-8", "cp1252"):
        try:
            sample.decode(encoding)
        except UnicodeDecodeError as failure:
            cut_off = encoding == "utf-8" and failure.start > len(sample) - 4
            if cut_off and failure.reason == "unexpected end of data":
                return encoding
        else:
            return encoding
    return "latin-1"


def sniff(sample: bytes, *, whole: bool, delimiter: str | None = None) -> Dialect:
    """Return the dialect that a sample shows; ``whole`` says that it is all there is."""
    encoding = encoding_of(sample)
    text = sample.decode(encoding, "replace").lstrip("\ufeff")
    if not whole and "\n" in text:
        text = text[: text.rindex("\n")]
    sign = delimiter or delimiter_of(text)
    rows = _rows(text, sign)
    body = [row for row in rows[1:] if len(row) == len(rows[0])] if rows else []
    cells = [[row[place].strip() for row in body] for place in range(len(rows[0]))] if rows else []
    return Dialect(
        encoding,
        sign,
        _decimal_of(cells),
        tuple(rows[0]) if rows else (),
        frozenset(place for place, words in enumerate(cells) if _is_verbatim(words)),
        any("\n" in word or "\r" in word for words in cells for word in words),
        len(rows) - 1,
        tuple(sorted(set().union(*map(_spelled, cells)))),
        whole,
    )


def _spelled(words: list[str]) -> set[str]:
    """Return how missing values are spelled in a column that may hold more than words."""
    there = [word for word in words if word.lower() not in MISSING]
    if not there or not may_stand_for_more(there[0]):
        return set()
    return set(words) - set(there) - {""}


def delimiter_of(text: str) -> str:
    r"""Return the delimiter that cuts the lines of a text most evenly.

    >>> delimiter_of("a;b\n1,5;2,5\n3,5;4")
    ';'
    """
    best, most = ",", (0.0, 1)
    for sign in DELIMITERS:
        widths = [len(row) for row in _rows(text, sign)]
        if not widths or widths[0] == 1:
            continue
        even = Counter(widths)[widths[0]] / len(widths)
        if (round(even, 1), widths[0]) > most:
            best, most = sign, (round(even, 1), widths[0])
    return best


def _rows(text: str, sign: str) -> list[list[str]]:
    rows: list[list[str]] = []
    try:
        for row in csv.reader(text.splitlines(keepends=True), delimiter=sign):
            if row:
                rows.append(row)
            if len(rows) > max(20, min(SAMPLE_ROWS, SAMPLE_CELLS // len(rows[0] or "-"))):
                break
    except csv.Error:
        pass  # A field beyond csv's limit: the rows before it say enough.
    return rows


def _decimal_of(cells: list[list[str]]) -> str:
    commas = _count(_COMMA_NUMBER, ",", cells)
    points = _count(_POINT_NUMBER, ".", cells)
    return "," if commas > points else "."


def _count(pattern: re.Pattern[str], sign: str, cells: list[list[str]]) -> int:
    likely = (word for words in cells for word in words if sign in word)
    return sum(pattern.fullmatch(word) is not None for word in likely)


def _is_verbatim(words: list[str]) -> bool:
    return any(
        (word.startswith("0") and is_code(word)) or (":" in word and _TIME.fullmatch(word))
        for word in words
    )
