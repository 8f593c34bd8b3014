"""Guesses from its first bytes how a text table is written: encoding, delimiter, decimal sign."""

from __future__ import annotations

import csv
import re
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pipelines.readers.spellings import MISSING, is_code

if TYPE_CHECKING:
    from collections.abc import Mapping

DELIMITERS = (",", ";", "\t", "|")
SAMPLE_ROWS = 100

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
    missing: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """The spellings of missing values seen, by column name."""


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
        {name: _missing(words) for name, words in zip(rows[0], cells, strict=True)}
        if rows
        else {},
    )


def _missing(words: list[str]) -> tuple[str, ...]:
    return tuple(sorted({word for word in words if word and word.lower() in MISSING}))


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
            if len(rows) > SAMPLE_ROWS:
                break
    except csv.Error:
        pass  # A field beyond csv's limit: the rows before it say enough.
    return rows


def _decimal_of(cells: list[list[str]]) -> str:
    commas = sum(bool(_COMMA_NUMBER.fullmatch(word)) for words in cells for word in words)
    points = sum(bool(_POINT_NUMBER.fullmatch(word)) for words in cells for word in words)
    return "," if commas > points else "."


def _is_verbatim(words: list[str]) -> bool:
    return any(is_code(word) or _TIME.fullmatch(word) for word in words)
