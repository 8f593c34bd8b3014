"""Reads a table or the answer to a query from any database that SQLAlchemy reaches, streamed."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

import pyarrow as pa
import sqlalchemy as sa
from sqlalchemy import exc

from pipelines.errors import MissingExtra, UnknownFormat, UnreadableData, close_matches, listed
from pipelines.readers.canonical import array_of
from pipelines.readers.sampling import sample
from pipelines.readers.source import Ask, Change, Raw, raw_of

if TYPE_CHECKING:
    from collections.abc import Iterator

BATCH_ROWS = 20_000
_OURS = re.compile(r"[?&](table|schema|query)=")
_DRIVERS = {"postgresql": "postgres", "postgres": "postgres"}


def read(address: str, ask: Ask) -> Raw:
    """Read what ``?table=`` (and ``&schema=``) or ``?query=`` behind a database address names.

    Nothing is ever committed.

    Raises:
        UnreadableData: the database refuses, or neither a table nor a query is named.
        MissingExtra: the database's driver is not installed.
        UnknownFormat: SQLAlchemy does not know the database.
    """
    place, options = split(address)
    engine = _engine(place)
    told = sa.make_url(place).render_as_string(hide_password=True)
    try:
        with engine.connect() as connection:
            raw = _read(connection, told, options, ask)
            connection.rollback()
            return raw
    except (exc.SQLAlchemyError, UnicodeError) as failure:
        reason = " ".join(str(getattr(failure, "orig", None) or failure).split())[:200]
        remedy = "Check the address, the permissions and the name or query."
        raise UnreadableData(told, f"the database says: {reason}", remedy) from failure
    finally:
        engine.dispose()


def split(address: str) -> tuple[str, dict[str, str]]:
    """Cut ``table``, ``schema`` and ``query`` off an address; a query reaches to its end.

    >>> split("sqlite:///a.db?query=select * from t where a > 1")[1]
    {'query': 'select * from t where a > 1'}
    """
    match = _OURS.search(address)
    if match is None:
        return address, {}
    place, rest = address[: match.start()], address[match.start() + 1 :]
    options: dict[str, str] = {}
    while rest:
        key, _, value = rest.partition("=")
        value, _, rest = (value, "", "") if key == "query" else value.partition("&")
        options[key] = unquote(value)
    ours = {key: value for key, value in options.items() if key in {"table", "schema", "query"}}
    others = "&".join(f"{key}={value}" for key, value in options.items() if key not in ours)
    join = "&" if "?" in place else "?"
    return (f"{place}{join}{others}" if others else place), ours


def _engine(place: str) -> sa.Engine:
    place = re.sub(r"^postgres(?=[:+])", "postgresql", place)
    try:
        url = sa.make_url(place)
        return sa.create_engine(url)
    except ModuleNotFoundError as failure:
        dialect = place.partition(":")[0].partition("+")[0]
        extra = _DRIVERS.get(dialect)
        if extra is None:
            remedy = f"Install it with: pip install {failure.name}"
            raise UnreadableData(dialect, "its driver is not installed", remedy) from failure
        raise MissingExtra(f"Reading from {dialect}", extra) from failure
    except exc.NoSuchModuleError as failure:
        raise UnknownFormat(
            place.partition(":")[0], ["sqlite", "postgresql", "mysql"]
        ) from failure


def _read(connection: sa.Connection, told: str, options: dict[str, str], ask: Ask) -> Raw:
    if "query" in options:
        statement: Any = sa.text(options["query"].replace(":", r"\:"))
    elif "table" in options:
        statement = _whole_table(connection, told, options, ask)
    else:
        remedy = f"Name one: {told}?table=… or ?query=SELECT …"
        raise UnreadableData(told, "neither a table nor a query is named", remedy)
    result = connection.execution_options(stream_results=True).execute(statement)
    if not result.returns_rows:
        raise UnreadableData(told, "the query returns no rows", "Give a SELECT.")
    names, of = list(result.keys()), None
    ask.pick(told, names)
    notes: dict[str, Change] = {}
    batches = _batches(result, names, notes)
    if ask.rows is not None:
        table, of = sample(batches, ask.rows, ask.seed)
    else:
        parts = list(batches)
        table = pa.concat_tables(parts, promote_options="permissive") if parts else None
    if table is None:
        table = pa.table([pa.array([])] * len(names), names)
    changes = tuple(change for note in notes.values() for change in note.told)
    return raw_of(table, drawn_of=of, notes=changes)


def _whole_table(
    connection: sa.Connection, told: str, options: dict[str, str], ask: Ask
) -> sa.Select[Any]:
    name, schema = options["table"], options.get("schema")
    if schema is None and "." in name and not sa.inspect(connection).has_table(name):
        schema, _, name = name.partition(".")
    try:
        table = sa.Table(name, sa.MetaData(), autoload_with=connection, schema=schema)
    except exc.NoSuchTableError as failure:
        inspector = sa.inspect(connection)
        known = [*inspector.get_table_names(schema), *inspector.get_view_names(schema)]
        reason = f"there is no table {name!r}.{close_matches(name, known)}"
        raise UnreadableData(told, reason, f"Tables: {listed(known) or 'none'}.") from failure
    names = [column.name for column in table.columns]
    return sa.select(*[table.columns[names[place]] for place in ask.pick(told, names)])


def _batches(result: Any, names: list[str], notes: dict[str, Change]) -> Iterator[Any]:
    for rows in result.partitions(BATCH_ROWS):
        columns = list(zip(*rows, strict=True))
        arrays = []
        for name, column in zip(names, columns, strict=True):
            change = notes.setdefault(name, Change(name))
            arrays.append(array_of(column, change))
        yield pa.table(arrays, names)
