"""Reads CSV and TSV with pyarrow: whole, or in batches of which a sample stays."""

from __future__ import annotations

import bz2
import gzip
import lzma
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.csv as pv

from pipelines.dataset import Conversion
from pipelines.errors import EmptyTable, UnreadableData
from pipelines.readers.dialect import Dialect, sniff
from pipelines.readers.sampling import sample
from pipelines.readers.source import Ask, Raw, raw_of
from pipelines.readers.spellings import ISO, MISSING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SAMPLE_BYTES = 1 << 17
BLOCK_BYTES = 1 << 22
STREAM_BYTES = 1 << 20
_MISSING = sorted({*MISSING, *(word.upper() for word in MISSING), "NaN", "None", "Null", "#N/A"})


def read(path: Path, ask: Ask) -> Raw:
    """Read a text table whose delimiter, encoding and decimal sign its first bytes show.

    Raises:
        EmptyTable: there is nothing in it.
        UnreadableData: it is no text, or its lines differ in length.
    """
    dialect = _dialect(path)
    wanted = ask.pick(path, dialect.names)
    table = _table(path, dialect, wanted, ask)
    return raw_of(
        table, decimal=dialect.decimal, sampled=ask.rows is not None, notes=_notes(table, dialect)
    )


def _table(path: Path, dialect: Dialect, wanted: list[int], ask: Ask) -> Any:
    reason = ""
    for trial in _trials(dialect):
        try:
            return _parsed(path, trial, wanted, ask)
        except (pa.ArrowInvalid, UnicodeError) as failure:
            reason = " ".join(str(failure).split())
    remedy = "Each line must have as many values as the header line has names."
    raise UnreadableData(path, f"its lines do not fit ({reason[:200]})", remedy)


def _trials(dialect: Dialect) -> Iterator[Dialect]:
    """Yield the dialect as sniffed, and what the rest of the file may need that its head hid."""
    yield dialect
    if not dialect.broken_lines:
        yield replace(dialect, broken_lines=True)
    if dialect.encoding == "utf-8":
        yield replace(dialect, broken_lines=True, encoding="cp1252")
        yield replace(dialect, broken_lines=True, encoding="latin-1")


def _parsed(path: Path, dialect: Dialect, wanted: list[int], ask: Ask) -> Any:
    names = dialect.names
    reads = pv.ReadOptions(
        encoding="utf-8" if dialect.encoding == "utf-8-sig" else dialect.encoding,
        block_size=(BLOCK_BYTES if ask.rows is None else STREAM_BYTES)
        * (8 if dialect.broken_lines else 1),
        use_threads=ask.rows is None,
    )
    parses = pv.ParseOptions(
        delimiter=dialect.delimiter, newlines_in_values=dialect.broken_lines or len(names) == 1
    )
    converts = pv.ConvertOptions(
        column_types={names[place]: pa.string() for place in _as_text(dialect, ask)},
        null_values=_MISSING,
        true_values=["true", "True", "TRUE"],
        false_values=["false", "False", "FALSE"],
        decimal_point=dialect.decimal,
        include_columns=[names[p] for p in wanted] if len(set(names)) == len(names) else None,
    )
    with streamed(path, mapped=ask.rows is None) as file:
        if ask.rows is None:
            table = pv.read_csv(file, reads, parses, converts)
            if any(pa.types.is_binary(column.type) for column in table.schema):
                raise UnicodeError("not every byte is UTF-8")
            return table if len(table.column_names) == len(wanted) else table.select(wanted)
        table = sample(pv.open_csv(file, reads, parses, converts), ask.rows, ask.seed)
    return pa.table({names[place]: pa.array([]) for place in wanted}) if table is None else table


def _as_text(dialect: Dialect, ask: Ask) -> list[int]:
    """Return which columns pyarrow must leave alone: all of them while it streams."""
    if ask.rows is not None:
        return list(range(len(dialect.names)))
    formed = {name for name, wish in ask.wishes.items() if wish.form} | ask.verbatim
    return [
        place
        for place, name in enumerate(dialect.names)
        if place in dialect.verbatim or name.strip() in formed
    ]


def _notes(table: Any, dialect: Dialect) -> tuple[Conversion, ...]:
    """Say what pyarrow did by itself: dates and booleans recognised, missing spellings dropped."""
    notes = []
    for column in table.schema:
        name, kind = column.name.strip(), column.type
        if pa.types.is_temporal(kind):
            notes.append(
                Conversion(name, "text", "date", f"every value is a date written {ISO}", ISO)
            )
        elif pa.types.is_boolean(kind):
            notes.append(Conversion(name, "text", "boolean", "every value is true or false"))
        elif pa.types.is_floating(kind) and dialect.decimal == ",":
            notes.append(Conversion(name, "text", "number", "decimal sign ','", ","))
        seen = dialect.missing.get(column.name)
        if seen and not pa.types.is_string(kind):
            told = ", ".join(map(repr, seen))
            notes.append(Conversion(name, "text", "text", f"{told} read as missing"))
    return tuple(notes)


def _dialect(path: Path) -> Dialect:
    with opened(path) as file:
        head = file.read(SAMPLE_BYTES)
        whole = not file.read(1)
    if not head.strip():
        raise EmptyTable(path, "nothing in it")
    tab = "\t" if ".tsv" in path.suffixes or ".tab" in path.suffixes else None
    dialect = sniff(head, whole=whole, delimiter=tab)
    if b"\0" in head and dialect.encoding != "utf-16":
        remedy = "Check that the file's ending says what it is."
        raise UnreadableData(path, "it holds binary data, not text", remedy)
    if not dialect.names:
        raise EmptyTable(path, "no header line")
    if whole and not dialect.rows:
        raise EmptyTable(path)
    return dialect


def streamed(path: Path, *, mapped: bool = True) -> Any:
    """Open a file for pyarrow; ``mapped`` pages are faster, but count as memory of the process."""
    compression = {".gz": "gzip", ".bz2": "bz2", ".zst": "zstd", ".zstd": "zstd"}
    ending = path.suffix.lower()
    if ending == ".xz":
        return lzma.open(path)
    if ending in compression:
        return pa.input_stream(str(path), compression=compression[ending])
    return pa.memory_map(str(path)) if mapped else pa.OSFile(str(path))


def opened(path: Path) -> Any:
    """Open a file for reading bytes, unpacked by its ending."""
    ending = path.suffix.lower()
    if ending == ".gz":
        return gzip.open(path)
    if ending == ".bz2":
        return bz2.open(path)
    if ending == ".xz":
        return lzma.open(path)
    if ending in {".zst", ".zstd"}:
        return pa.input_stream(str(path), compression="zstd")
    return path.open("rb")
