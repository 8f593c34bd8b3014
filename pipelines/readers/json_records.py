"""Reads JSON lines with pyarrow, and JSON documents that hold records or columns."""

from __future__ import annotations

import codecs
import json
from dataclasses import replace
from itertools import chain, islice
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.json as pj

from pipelines.errors import EmptyTable, UnreadableData
from pipelines.readers.delimited import opened, streamed
from pipelines.readers.memory import from_python
from pipelines.readers.sampling import picked
from pipelines.readers.source import Ask, Raw, raw_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

BLOCK_BYTES = 1 << 24
BATCH_LINES, PIECE_BYTES = 10_000, 1 << 20
_BETWEEN = frozenset(" \t\r\n,")
_REMEDY = "Give a list of records, a dict of columns, or one record on each line."


def read_lines(path: Path, ask: Ask) -> Raw:
    """Read one record from each line; records inside records become columns ``outer.inner``.

    Of a sample, only the lines that were drawn are looked into.

    Raises:
        EmptyTable: there is nothing in it.
        UnreadableData: a line is no record.
    """
    if ask.rows is not None:
        with opened(path) as file:
            lines, of = picked(_numbered(file), ask.rows, ask.seed)
        return replace(_from_lines(path, lines, ask), drawn_of=of)
    try:
        with streamed(path) as file:
            return raw_of(flat(_fast(file, ask)))
    except pa.ArrowInvalid:
        with opened(path) as file:
            return _from_lines(path, list(chain.from_iterable(_numbered(file))), ask, slow=True)


def _numbered(file: Any) -> Iterator[list[tuple[int, bytes]]]:
    """Yield lines in batches, each with its number; empty ones are passed over."""
    lines = enumerate(file, start=1)
    while batch := list(islice(lines, BATCH_LINES)):
        yield [(number, line) for number, line in batch if line.strip()]


def _fast(file: Any, ask: Ask) -> Any:
    kept = pa.schema([(name, pa.string()) for name in sorted(ask.verbatim)])
    return pj.read_json(
        file,
        pj.ReadOptions(block_size=BLOCK_BYTES),
        pj.ParseOptions(explicit_schema=kept) if kept.names else None,
    )


def _from_lines(
    path: Path, lines: list[tuple[int, bytes]], ask: Ask, *, slow: bool = False
) -> Raw:
    """Parse lines; slowly what pyarrow refuses: NaN, values that change type, odd spacing."""
    if not slow and lines:
        try:
            text = b"\n".join(line for _, line in lines)
            return raw_of(flat(_fast(pa.BufferReader(text), ask)))
        except pa.ArrowInvalid:
            pass  # The lines themselves say why, or are fine for Python.
    return _from_records(path, [_parsed(path, line, f"line {n}") for n, line in lines], ask)


def read_document(path: Path, ask: Ask) -> Raw:
    """Read a JSON document: a list of records, a dict of columns, or one record on each line.

    A list of records is streamed for a sample; any other document is held whole.

    Raises:
        EmptyTable: there is nothing in it.
        UnreadableData: it is no JSON, or holds no table.
    """
    if ask.rows is not None:
        with opened(path) as file:
            records, of = picked(_listed(file), ask.rows, ask.seed)
        if of:
            return replace(_from_records(path, records, ask), drawn_of=of)
    with opened(path) as file:
        text = file.read()
    try:
        document = _parsed(path, text, "it")
    except UnreadableData:
        if b"\n" not in text.strip():
            raise
        return read_lines(path, ask)
    return _table_in(path, document, ask)


def _listed(file: Any) -> Iterator[list[Any]]:
    """Yield the records of a JSON list piece by piece, or nothing for any other document.

    Raises:
        UnreadableData: the list breaks off, or holds something else than records.
    """
    decoder, decode = json.JSONDecoder(), codecs.getincrementaldecoder("utf-8-sig")()
    text = decode.decode(file.read(PIECE_BYTES)).lstrip()
    if not text.startswith("["):
        return
    rest = text[1:]
    while True:
        records, rest = _first_of(decoder, rest)
        yield records
        if rest.startswith("]") and not rest[1:].strip():
            return
        more = file.read(PIECE_BYTES)
        if not more or rest[:1] not in {"", "{"}:
            told = f"after {rest[:30]!r} no record ends" if rest else "its list has no end"
            raise UnreadableData(getattr(file, "name", "json"), told, _REMEDY)
        rest += decode.decode(more)


def _first_of(decoder: json.JSONDecoder, text: str) -> tuple[list[Any], str]:
    """Return the records that a text begins with, and what is left of it."""
    records: list[Any] = []
    place = 0
    while True:
        while text[place : place + 1] in _BETWEEN:
            place += 1
        if text[place : place + 1] != "{":
            return records, text[place:]
        try:
            record, place = decoder.raw_decode(text, place)
        except json.JSONDecodeError:
            return records, text[place:]  # Its end is not here yet.
        records.append(record)


def _table_in(path: Path, document: Any, ask: Ask) -> Raw:
    if isinstance(document, list):
        return _from_records(path, document, ask)
    if not isinstance(document, dict):
        raise UnreadableData(path, f"it holds one {type(document).__name__}", _REMEDY)
    if {"columns", "data"} <= set(document) and isinstance(document["data"], list):
        columns = [list(column) for column in zip(*document["data"], strict=True)]
        return from_python(dict(zip(document["columns"], columns, strict=True)), ask)
    tables = [value for value in document.values() if isinstance(value, list)]
    if len(tables) == 1 and tables[0] and isinstance(tables[0][0], dict):
        return _from_records(path, tables[0], ask)
    if document and all(isinstance(value, list) for value in document.values()):
        return from_python(document, ask)
    if document and all(isinstance(value, dict) for value in document.values()):
        cells = {name: list(held.values()) for name, held in document.items()}
        return from_python(cells, ask)
    return _from_records(path, [document], ask)


def _parsed(path: Path, text: bytes, where: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as failure:
        raise UnreadableData(path, f"{where} is no JSON ({failure})", _REMEDY) from failure


def _from_records(path: Path, records: list[Any], ask: Ask) -> Raw:
    if not records:
        raise EmptyTable(path)
    if not all(isinstance(record, dict) for record in records):
        raise UnreadableData(path, "it holds values that are no records", _REMEDY)
    try:
        return raw_of(flat(pa.Table.from_struct_array(pa.array(records))))
    except (pa.ArrowException, TypeError, OverflowError):
        names = dict.fromkeys(chain.from_iterable(records))
        return from_python({name: [r.get(name) for r in records] for name in names}, ask)


def flat(table: Any) -> Any:
    """Return a table whose nested records are columns of their own.

    >>> flat(pa.table({"a": [{"b": 1, "c": 2}]})).column_names
    ['a.b', 'a.c']
    """
    while any(pa.types.is_struct(column.type) for column in table.schema):
        table = table.flatten()
    return table
