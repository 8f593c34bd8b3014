"""Reads CSV and TSV with pyarrow: whole, or in batches of which a sample stays."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import mmap
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.csv as pv
import zstandard

from pipelines.dataset import Conversion
from pipelines.errors import EmptyTable, UnreadableData
from pipelines.readers.dialect import Dialect, sniff
from pipelines.readers.leading_zeros import coded
from pipelines.readers.sampling import sample
from pipelines.readers.source import Ask, Raw, raw_of
from pipelines.readers.spellings import ISO

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

SAMPLE_BYTES = 1 << 17
BLOCK_BYTES = 1 << 22
STREAM_BYTES = 1 << 20


def read(path: Path, ask: Ask) -> Raw:
    """Read a text table whose delimiter, encoding and decimal sign its first bytes show.

    Raises:
        EmptyTable: there is nothing in it.
        UnreadableData: it is no text, or its lines differ in length.
    """
    dialect = _dialect(path)
    wanted = ask.pick(path, dialect.names)
    table, of = _table(path, dialect, wanted, ask)
    return raw_of(table, decimal=dialect.decimal, drawn_of=of, notes=_notes(table, dialect))


def _table(path: Path, dialect: Dialect, wanted: list[int], ask: Ask) -> tuple[Any, int | None]:
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


def _parsed(path: Path, dialect: Dialect, wanted: list[int], ask: Ask) -> tuple[Any, int | None]:
    """Return the table, and of how many rows it is a sample where one was asked for."""
    names = dialect.names
    options = _options(dialect, wanted, ask)
    if ask.rows is None:
        content = _content(path)
        if dialect.encoding != "utf-16":
            options[-1].column_types |= _texts(content, names, options)
        table = _whole(content, options)
        whole = len(table.column_names) == len(wanted)
        return (table if whole else table.select(wanted)), None
    with streamed(path) as file:
        table, of = sample(pv.open_csv(file, *options), ask.rows, ask.seed)
    if table is None:
        table = pa.table({names[place]: pa.array([]) for place in wanted})
    return table, of


def _content(path: Path) -> Any:
    """Return all bytes of a file, unpacked; what is not packed stays on disk until it is used."""
    if is_packed(path):
        with streamed(path) as file:
            return file.read()
    with path.open("rb") as raw:
        return mmap.mmap(raw.fileno(), 0, access=mmap.ACCESS_READ)


def _whole(content: Any, options: tuple[Any, Any, Any]) -> Any:
    """Parse all of a file, and without regard to quotes, which is faster, if it has none."""
    if content.find(b'"') < 0:
        options[1].quote_char = False
    table = pv.read_csv(pa.BufferReader(pa.py_buffer(content)), *options)
    if any(pa.types.is_binary(column.type) for column in table.schema):
        raise UnicodeError("not every byte is UTF-8")
    return table


def _options(dialect: Dialect, wanted: list[int], ask: Ask) -> tuple[Any, Any, Any]:
    """Return pyarrow's options for reading, parsing and converting.

    Only the empty text and the spellings of missing values that were seen are given to pyarrow:
    with another one further down, a column stays text, and ``screening`` finds it and counts.
    """
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
        column_types={names[place]: pa.large_string() for place in _as_text(dialect, ask)},
        null_values=["", *dialect.spelled],
        true_values=["true", "True", "TRUE"],
        false_values=["false", "False", "FALSE"],
        decimal_point=dialect.decimal,
        include_columns=[names[p] for p in wanted] if len(set(names)) == len(names) else None,
    )
    return reads, parses, converts


def _texts(content: Any, names: Sequence[str], options: tuple[Any, Any, Any]) -> dict[str, Any]:
    """Return the columns that pyarrow need not or must not take for numbers.

    In some the head shows text already: as one value that is no number makes a column text, this
    only saves the trials. Others hold codes with leading zeros, which pyarrow would drop.
    """
    head = content[:SAMPLE_BYTES]
    try:
        found = pv.read_csv(pa.BufferReader(head[: head.rfind(b"\n") + 1]), *options).schema
    except pa.ArrowInvalid:
        return {}  # The head has no whole line, or shows no table at all: pyarrow must try.
    texts = [column.name for column in found if _is_text(column.type)]
    others = [column.name for column in found if not _is_text(column.type)]
    return dict.fromkeys([*texts, *coded(content, others, names, options)], pa.large_string())


def _is_text(kind: Any) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


def _as_text(dialect: Dialect, ask: Ask) -> list[int]:
    """Return which columns pyarrow must leave alone: all where their bytes are not looked at."""
    if ask.rows is not None or dialect.encoding == "utf-16":
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
    for column, values in zip(table.schema, table.columns, strict=True):
        name, kind = column.name.strip(), column.type
        if pa.types.is_temporal(kind):
            notes.append(
                Conversion(name, "text", "date", f"every value is a date written {ISO}", ISO)
            )
        elif pa.types.is_boolean(kind):
            notes.append(Conversion(name, "text", "boolean", "every value is true or false"))
        elif pa.types.is_floating(kind) and dialect.decimal == ",":
            notes.append(Conversion(name, "text", "number", "decimal sign ','", ","))
        if dialect.spelled and values.null_count and not pa.types.is_large_string(kind):
            told = ", ".join(["empty", *map(repr, dialect.spelled)])
            reason = f"{told} read as missing ({values.null_count:,} rows)"
            notes.append(Conversion(name, "text", "text", reason))
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


def is_packed(path: Path) -> bool:
    """Whether a file's ending says that it is compressed."""
    return path.suffix.lower() in {".gz", ".bz2", ".xz", ".zst", ".zstd"}


def streamed(path: Path) -> Any:
    """Open a file for pyarrow to read piece by piece, unpacked by its ending."""
    compression = {".gz": "gzip", ".bz2": "bz2", ".zst": "zstd", ".zstd": "zstd"}
    ending = path.suffix.lower()
    if ending == ".xz":
        return lzma.open(path)
    if ending in compression:
        return pa.input_stream(str(path), compression=compression[ending])
    return pa.OSFile(str(path))


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
        return io.BufferedReader(zstandard.open(path))
    return path.open("rb")
