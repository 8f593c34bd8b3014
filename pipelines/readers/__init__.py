"""Reads a table from anywhere into a ``Dataset``: one row per source, one module per library.

A source is a path, a database address, or a table in memory. Whatever it is, the same table gives
the same frame and the same digest. What is behind a ``?`` of a path or address are options of its
row: ``sales.xlsx?sheet=May``, ``store.h5?key=train``, ``postgresql://host/shop?table=orders``.
"""

from __future__ import annotations

import importlib
import importlib.util
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypedDict
from urllib.parse import unquote

import numpy as np
import pandas as pd

from pipelines.dataset import Conversion, Dataset, Draw, Kind
from pipelines.errors import (
    BadSetting,
    EmptyTable,
    FileMissing,
    MissingExtra,
    PipelineError,
    UnknownColumn,
    UnknownFormat,
    UnreadableData,
)
from pipelines.readers import canonical, memory, sampling
from pipelines.readers.source import Ask, Change, Raw, Wish, clean_names, spoken
from pipelines.task import Task

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Unpack


@dataclass(frozen=True, slots=True, kw_only=True)
class Reader:
    """One kind of source: how it is told by its name, and who reads it."""

    key: str
    what: str
    function: str
    endings: tuple[str, ...] = ()
    schemes: tuple[str, ...] = ()
    needs: str = ""
    extra: str = ""
    folder: bool = False


_PACKED = ("", ".gz", ".zst", ".bz2", ".xz")
_NO_DATABASES = frozenset({"http", "https", "ftp", "file", "s3", "gs", "hdfs", "abfs", "dbfs"})
_DATABASES = ("sqlite", "postgresql", "postgres", "mysql", "mariadb", "oracle", "mssql", "duckdb")

READERS = (
    Reader(
        key="csv",
        what="comma-, semicolon-, tab- or pipe-separated text, also .gz .zst .bz2 .xz",
        function="pipelines.readers.delimited:read",
        endings=tuple(f".{e}{p}" for e in ("csv", "tsv", "tab", "txt", "data") for p in _PACKED),
    ),
    Reader(
        key="parquet",
        what="Parquet, one file or a folder of parts",
        function="pipelines.readers.parquet:read",
        endings=(".parquet", ".pq", ".parq"),
        folder=True,
    ),
    Reader(
        key="arrow",
        what="Arrow and Feather files",
        function="pipelines.readers.arrow:read",
        endings=(".arrow", ".feather", ".ftr", ".ipc", ".arrows"),
    ),
    Reader(
        key="jsonl",
        what="JSON lines: one record on each line",
        function="pipelines.readers.json_records:read_lines",
        endings=tuple(f".{e}{p}" for e in ("jsonl", "ndjson") for p in _PACKED),
    ),
    Reader(
        key="json",
        what="JSON: a list of records (streamed) or a dict of columns",
        function="pipelines.readers.json_records:read_document",
        endings=tuple(f".json{p}" for p in _PACKED),
    ),
    Reader(
        key="excel",
        what="Excel, the first sheet or ?sheet=",
        function="pipelines.readers.excel:read",
        endings=(".xlsx", ".xlsm"),
        needs="openpyxl",
        extra="files",
    ),
    Reader(
        key="hdf5",
        what="HDF5 as pandas writes it, the only table or ?key=",
        function="pipelines.readers.hdf5:read",
        endings=(".h5", ".hdf5", ".hdf"),
        needs="tables",
        extra="files",
    ),
    Reader(
        key="sql",
        what="any database of SQLAlchemy, with ?table= or ?query=",
        function="pipelines.readers.sql:read",
        schemes=_DATABASES,
    ),
)


class How(TypedDict, total=False):
    """What every way of reading takes: columns, kinds, and how much of it."""

    columns: Sequence[str] | None
    types: Mapping[str, str] | None
    rows: int | None
    seed: int


def read(
    source: Any,
    *,
    target: Any = None,
    task: Task | str | None = None,
    name: str | None = None,
    **how: Unpack[How],
) -> Dataset:
    """Read a table with its target from a path, a database address or memory.

    ``target`` is a column's name, or the labels themselves; ``(X, y)`` as the source does as well.
    ``types`` says what a column is: ``{"zip": "category", "day": "date:%d/%m/%Y"}``. ``rows`` is
    the size of a random sample drawn with ``seed``. ``columns`` are the only ones read.

    >>> data = read({"age": ["31", "45"], "paid": ["yes", "no"]}, target="paid")
    >>> data.task.value, data.frame.dtypes.map(str).to_dict()
    ('classification', {'age': 'int64', 'paid': 'bool'})

    Raises:
        FileMissing: nothing is at that path.
        UnknownFormat: no reader knows that kind of source.
        UnreadableData: the content is broken, or the labels do not fit the table.
        EmptyTable: there are no rows.
        UnknownColumn: a named column is not there.
        BadSetting: a column cannot be what ``types`` asks for.
        MissingExtra: the library that reads it is not installed.
    """
    labels: Any = None
    if isinstance(source, tuple) and len(source) == 2:
        source, labels = source
    elif target is not None and not isinstance(target, str):
        labels, target = target, None
    ask = _ask(how, target if labels is None else None)
    raw = _raw(source, ask)
    if labels is not None:
        raw, target = _joined(raw, labels, target)
    data = _dataset(raw, source, ask, name)
    if target is not None and target not in data.frame.columns:
        raise UnknownColumn(target, list(data.frame.columns))
    return replace(data, target=target, task=_task(task, data, target))


def read_features(source: Any, *, name: str | None = None, **how: Unpack[How]) -> Dataset:
    """Read rows to answer for: a table without a target.

    ``types`` may name columns that are not there: a model's schema has its own words for that.

    Raises:
        PipelineError: as ``read`` does.
    """
    ask = replace(_ask(how, None), wishes_may_miss=True)
    return _dataset(_raw(source, ask), source, ask, name)


def readings(data: Dataset) -> dict[str, str]:
    """Return ``types`` that read new rows just as this table was read.

    A single row cannot show whether 03/04/2024 is in March; the table it belongs to could.

    >>> readings(read({"day": ["31/12/2024", "03/04/2024"]}))
    {'day': 'date:%d/%m/%Y'}
    """
    kinds = {Kind.DATE.value, Kind.NUMBER.value, Kind.BOOLEAN.value}
    told = {
        change.column: f"{change.after}:{change.form}" if change.form else change.after
        for change in data.conversions
        if change.before == "text" and change.after in kinds
    }
    return {**told, **{name: told.get(name, kind.value) for name, kind in data.kinds.items()}}


def _ask(how: How, target: str | None) -> Ask:
    rows, columns = how.get("rows"), how.get("columns")
    if rows is not None and rows < 1:
        raise BadSetting("rows", rows, "Give a whole number of at least 1.")
    wanted = (
        None if columns is None else frozenset(columns) | ({target} if target else frozenset())
    )
    types = how.get("types") or {}
    wishes = {name: Wish.parse(name, text) for name, text in types.items()}
    return Ask(wanted, wishes, rows, how.get("seed", 0))


def _raw(source: Any, ask: Ask) -> Raw:
    if not isinstance(source, (str, Path)):
        return _called(memory.from_anything, source, ask, type(source).__name__)
    place, options = _split(str(source))
    reader = find(place)
    if reader.needs and importlib.util.find_spec(reader.needs) is None:
        raise MissingExtra(f"Reading {reader.what}", reader.extra)
    module, _, function = reader.function.partition(":")
    call = getattr(importlib.import_module(module), function)
    given = place if reader.schemes else Path(place)
    return _called(call, given, replace(ask, options=options), place)


def _called(call: Any, source: Any, ask: Ask, told: str) -> Raw:
    try:
        raw: Raw = call(source, ask)
    except PipelineError:
        raise
    except PermissionError as failure:
        raise UnreadableData(told, "it may not be opened", "Check its permissions.") from failure
    except MemoryError as failure:
        remedy = "Read a sample with rows=, or fewer columns with columns=."
        raise UnreadableData(told, "it does not fit into memory", remedy) from failure
    except Exception as failure:  # Libraries raise anything at all on broken bytes.
        reason = " ".join(f"{type(failure).__name__}: {failure}".split())[:200]
        remedy = "Check that the file is whole and that its ending says what it is."
        raise UnreadableData(told, reason, remedy) from failure
    return raw


def _split(source: str) -> tuple[str, dict[str, str]]:
    """Cut the options off a path; an address keeps its own, only ours are taken out."""
    if "://" in source or "?" not in source or Path(source).exists():
        return source, {}
    place, _, rest = source.rpartition("?")
    pairs = (pair.partition("=") for pair in rest.split("&"))
    return place, {key: unquote(value) for key, _, value in pairs}


def find(place: str) -> Reader:
    """Return the reader for a path or address.

    >>> find("sqlite:///shop.db?table=orders").key
    'sql'

    Raises:
        FileMissing: nothing is at that path.
        UnknownFormat: no reader knows its ending or scheme.
    """
    known = [
        e for reader in READERS for e in (*reader.endings, *(f"{s}://" for s in reader.schemes))
    ]
    if "://" in place:
        scheme = place.partition("://")[0].partition("+")[0].lower()
        if scheme in _NO_DATABASES:
            raise UnknownFormat(_without_password(place.partition("?")[0]), known)
        return next(reader for reader in READERS if reader.schemes)
    path = Path(place)
    if not path.exists():
        folder = path.parent if path.parent.is_dir() else Path()
        raise FileMissing(place, sorted(entry.name for entry in folder.iterdir()))
    for reader in READERS:
        if path.is_dir() and reader.folder:
            return reader
        if path.is_file() and path.name.lower().endswith(reader.endings):
            return reader
    raise UnknownFormat(place, known)


def _joined(raw: Raw, labels: Any, target: str | None) -> tuple[Raw, str]:
    name, column = memory.values_of(labels, target or "target")
    name = target or name
    if name in raw.names:
        reason = f"it has a column {name!r} already"
        raise UnreadableData("table", reason, "Give the labels another name, or name the column.")
    count = len(raw.columns[0]) if raw.columns else 0
    if len(column) != count:
        reason = f"it has {count:,} rows, but there are {len(column):,} labels"
        raise UnreadableData("table", reason, "Give one label for each row.")
    return replace(raw, names=[*raw.names, name], columns=[*raw.columns, column]), name


def _dataset(raw: Raw, source: Any, ask: Ask, name: str | None) -> Dataset:
    told = _told(source)
    names = clean_names(told, raw.names)
    if not names:
        raise EmptyTable(told, "no columns")
    places = ask.pick(told, raw.names)
    count = len(raw.columns[0])
    if count == 0:
        raise EmptyTable(told)
    for wished in ask.wishes:
        if wished not in names and not ask.wishes_may_miss:
            raise UnknownColumn(wished, names)
    draw = _draw(raw, count, ask, held=told != "memory")
    rows = sampling.drawn(count, draw.rows, ask.seed) if draw and raw.drawn_of is None else None
    cells: dict[str, Any] = {}
    changes = list(raw.notes) + _renamed(raw.names, names, places)
    kinds = {}
    for place in places:
        column = raw.columns[place]
        change = Change(names[place], ask.wishes.get(names[place]), raw.decimal)
        cells[names[place]] = canonical.canonical(_taken(column, rows), change)
        changes += change.told
        if change.wish is not None:
            kinds[names[place]] = change.wish.kind
    frame = pd.DataFrame(cells, copy=False)
    return Dataset(
        name or _name(source), frame, Task.ANOMALY, None, told, kinds, tuple(changes), draw
    )


def _draw(raw: Raw, count: int, ask: Ask, *, held: bool) -> Draw | None:
    """Return how the rows were or are to be sampled, or None where all of them stay."""
    if raw.drawn_of is not None:
        return Draw(count, raw.drawn_of, ask.seed) if raw.drawn_of != count else None
    if ask.rows is None or ask.rows >= count:
        return None
    return Draw(ask.rows, count, ask.seed, streamed=not held)


def _taken(column: Any, rows: Any) -> Any:
    if rows is None:
        return column
    return column.iloc[rows] if isinstance(column, pd.Series) else column.take(rows)


def _renamed(before: Sequence[object], after: list[str], places: list[int]) -> list[Conversion]:
    return [
        Conversion(after[place], repr(before[place]), repr(after[place]), "column renamed")
        for place in places
        if spoken(before[place]) != before[place] or not before[place]
    ]


def _told(source: Any) -> str:
    if isinstance(source, (str, Path)):
        return _without_password(str(source))
    return "memory"


def _without_password(source: str) -> str:
    if "://" not in source or "@" not in source:
        return source
    scheme, _, rest = source.partition("://")
    people, _, host = rest.rpartition("@")
    return f"{scheme}://{people.partition(':')[0]}@{host}"


def _name(source: Any) -> str:
    if not isinstance(source, (str, Path)):
        return "table"
    place, options = _split(str(source))
    if "://" in place:
        _, _, table = place.partition("table=")
        return unquote(table.partition("&")[0]) or "query"
    stem = Path(place).name.split(".")[0] or Path(place).resolve().name
    return options.get("sheet") or options.get("key") or stem


def _task(asked: Task | str | None, data: Dataset, target: str | None) -> Task:
    if asked not in {None, "auto"}:
        try:
            return Task(str(asked))
        except ValueError:
            raise BadSetting("task", asked, f"It is one of auto, {', '.join(Task)}.") from None
    if target is None:
        return Task.ANOMALY
    kind = data.kinds.get(target)
    if kind is not None:
        return Task.REGRESSION if kind is Kind.NUMBER else Task.CLASSIFICATION
    return _guessed(data.frame[target])


def _guessed(labels: pd.Series) -> Task:
    """Return regression for numbers that measure, classification for all that names."""
    if labels.dtype not in (np.int64, np.float64):
        return Task.CLASSIFICATION
    values = labels.dropna()
    finite = values[np.isfinite(values)]
    distinct = finite.nunique()
    if not (finite % 1 == 0).all():
        return Task.REGRESSION
    many = distinct > 20 or (distinct > 5 and distinct > len(values) / 2)
    return Task.REGRESSION if many else Task.CLASSIFICATION
