"""Reads JSON lines with pyarrow, and JSON documents that hold records or columns."""

from __future__ import annotations

import json
from itertools import chain
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.json as pj

from pipelines.errors import EmptyTable, UnreadableData
from pipelines.readers.delimited import opened, streamed
from pipelines.readers.memory import from_python
from pipelines.readers.source import Ask, Raw, raw_of

if TYPE_CHECKING:
    from pathlib import Path

BLOCK_BYTES = 1 << 24
_REMEDY = "Give a list of records, a dict of columns, or one record on each line."


def read_lines(path: Path, ask: Ask) -> Raw:
    """Read one record from each line; records inside records become columns ``outer.inner``.

    Raises:
        EmptyTable: there is nothing in it.
        UnreadableData: a line is no record.
    """
    kept = pa.schema([(name, pa.string()) for name in sorted(ask.verbatim)])
    try:
        with streamed(path) as file:
            table = pj.read_json(
                file,
                pj.ReadOptions(block_size=BLOCK_BYTES),
                pj.ParseOptions(explicit_schema=kept) if kept.names else None,
            )
    except pa.ArrowInvalid:
        return _from_records(path, _lines(path), ask)
    return raw_of(flat(table))


def _lines(path: Path) -> list[Any]:
    """Parse what pyarrow refuses: NaN, records whose values change their type, odd spacing."""
    records = []
    with opened(path) as file:
        for number, line in enumerate(file, start=1):
            if line.strip():
                records.append(_parsed(path, line, f"line {number}"))
    return records


def read_document(path: Path, ask: Ask) -> Raw:
    """Read a JSON document: a list of records, a dict of columns, or one record on each line.

    Raises:
        EmptyTable: there is nothing in it.
        UnreadableData: it is no JSON, or holds no table.
    """
    with opened(path) as file:
        text = file.read()
    try:
        document = _parsed(path, text, "it")
    except UnreadableData:
        if b"\n" not in text.strip():
            raise
        return read_lines(path, ask)
    return _table_in(path, document, ask)


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
