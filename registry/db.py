"""The database: one engine, short sessions, and which schema it has.

On SQLite a transaction takes the write lock when it begins (``BEGIN IMMEDIATE``), so that racing
writers queue instead of failing half way; ``readers`` is the way around for those who only look.
On PostgreSQL ``lock`` queues those who change the same model.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from typing import TYPE_CHECKING, Any

from sqlalchemy import create_engine, event, func, inspect, select, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, NoSuchModuleError
from sqlalchemy.exc import TimeoutError as NothingFree
from sqlalchemy.pool import QueuePool

from registry.errors import Conflict, DatabaseDown, DatabaseTooNew, MissingDriver, SchemaOutdated

if TYPE_CHECKING:
    from sqlalchemy import Connection, Engine
    from sqlalchemy.engine import URL, ExceptionContext
    from sqlalchemy.orm import Session
    from sqlalchemy.pool import PoolProxiedConnection

REVISIONS = ("0001", "0002", "0003", "0004")
"""Every schema this version knows, oldest first. A test compares them with ``migrations/``."""

_RECYCLE = 1800  # seconds after which a connection is replaced: firewalls forget idle ones
_VERSION_TABLE = "mlops_alembic_version"
_READING = "mlops_reading"
# PostgreSQL: serialization failure, deadlock, lock not available.
_RACES = frozenset({"40001", "40P01", "55P03"})
_READ_ONLY = "25006"
_AGAIN = frozenset({"40001", "40P01"})  # the same work may well succeed right away


@dataclass(frozen=True, slots=True)
class Limits:
    """How many connections, and how long anybody waits. Seconds."""

    pool: int = 5
    """Connections that are kept open; twice as many more for a moment. PostgreSQL."""
    wait: float = 30.0
    """For a lock, or for a free connection."""
    statement: float = 60.0
    """For one statement; 0 is for ever. PostgreSQL."""
    connect: int = 10
    """For the server to answer. PostgreSQL."""


LIMITS = Limits()


class State(StrEnum):
    """How a database's schema stands to this version of the package."""

    EMPTY = "empty"
    OLDER = "older"
    CURRENT = "current"
    NEWER = "newer"


def open_engine(url: str, limits: Limits = LIMITS) -> Engine:
    """Prepare SQLite or PostgreSQL for use from several threads. Connects on first use.

    Raises:
        DatabaseDown: The URL is none, or speaks of another kind of database.
        MissingDriver: PostgreSQL is asked for and its driver is not installed.
    """
    target = _read(url)
    sqlite = target.get_backend_name() == "sqlite"
    options = {"connect_args": {"timeout": limits.wait}} if sqlite else _pooled(target, limits)
    try:
        engine = create_engine(target, **options)
    except ModuleNotFoundError as error:
        raise MissingDriver(str(error.name)) from error
    if sqlite:
        event.listen(engine, "connect", _prepare_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
    else:
        event.listen(engine, "connect", partial(_prepare_postgresql, limits))
    event.listen(engine, "handle_error", partial(_tell_in_one_sentence, _hidden(target)))
    return engine


def readers(engine: Engine) -> Engine:
    """Return the same engine for sessions that only look: on SQLite they wait for no writer."""
    return engine.execution_options(**{_READING: True})


def lock(session: Session, name: str) -> None:
    """Make everybody else who changes this model wait until the transaction ends.

    SQLite needs nothing: its transaction has had the write lock since it began.
    """
    if session.get_bind().dialect.name == "postgresql":
        key = func.hashtextextended(f"mlops:{name}", 0)
        session.execute(select(func.pg_advisory_xact_lock(key)))


def distinct(session: Session, column: Any) -> tuple[str, ...]:
    """Return the values of an indexed column, in order, by one step in the index for each.

    DISTINCT would read the index from end to end, for every row.
    """
    found = select(func.min(column).label("value")).cte("found", recursive=True)
    following = select(func.min(column)).where(column > found.c.value).scalar_subquery()
    found = found.union_all(select(following).where(found.c.value.is_not(None)))
    return tuple(session.scalars(select(found.c.value).where(found.c.value.is_not(None))))


def shown(engine: Engine) -> str:
    """Return the database's URL without its password."""
    return _hidden(engine.url)


def hidden(url: str) -> str:
    """Return a database or server URL without its password; what is no URL stays as it is.

    >>> hidden("postgresql://ada:secret@db/mlops")
    'postgresql://ada:***@db/mlops'
    """
    try:
        return _hidden(make_url(url))
    except (ArgumentError, ValueError):
        return url


def state(engine: Engine) -> State:
    """Say how the database's schema stands to this version of the package.

    Raises:
        DatabaseDown: It cannot be reached or read.
    """
    found = _revision(engine)
    if found is None:
        return State.EMPTY
    if found not in REVISIONS:
        return State.NEWER
    return State.CURRENT if found == REVISIONS[-1] else State.OLDER


def has_record(engine: Engine) -> bool:
    """Say whether a database holds tables of ours, whatever their release; changes nothing."""
    return inspect(engine).has_table(_VERSION_TABLE)


def ensure(engine: Engine) -> None:
    """See to it that the tables are there and are those this version knows.

    Raises:
        DatabaseDown: The database cannot be reached, read or written.
        SchemaOutdated: It is older; only a person decides to upgrade data.
        DatabaseTooNew: It is newer.
    """
    match state(engine):
        case State.EMPTY:
            upgrade(engine)
        case State.OLDER:
            raise SchemaOutdated(shown(engine), str(_revision(engine)), REVISIONS[-1])
        case State.NEWER:
            raise DatabaseTooNew(shown(engine), str(_revision(engine)), REVISIONS[-1])
        case State.CURRENT:
            return


def check_writable(engine: Engine) -> None:
    """See to it that something can be written: who works for minutes is told now, not in the end.

    Raises:
        DatabaseDown: The database cannot be reached or written, or somebody else keeps it locked.
    """
    with engine.begin() as connection:
        connection.execute(text("DELETE FROM mlops_outbox WHERE 1 = 0"))


def upgrade(engine: Engine) -> str:
    """Bring the schema to the newest revision and return that. Keeps what is there.

    Raises:
        DatabaseDown: The database cannot be reached or written.
        DatabaseTooNew: It is newer than this package.
    """
    from registry import migrations

    if state(engine) is State.NEWER:
        raise DatabaseTooNew(shown(engine), str(_revision(engine)), REVISIONS[-1])
    with engine.begin() as connection:
        if engine.dialect.name == "postgresql":  # two that start on an empty database
            connection.exec_driver_sql("SET LOCAL statement_timeout = 0")
            connection.exec_driver_sql("SET LOCAL lock_timeout = 0")
            key = func.hashtextextended(_VERSION_TABLE, 0)
            connection.execute(select(func.pg_advisory_xact_lock(key)))
        migrations.upgrade(connection)
    return REVISIONS[-1]


def _revision(engine: Engine) -> str | None:
    with readers(engine).connect() as connection:
        if not inspect(connection).has_table(_VERSION_TABLE):
            return None
        found = connection.scalar(text(f"SELECT version_num FROM {_VERSION_TABLE}"))  # noqa: S608
    return None if found is None else str(found)


def _read(url: str) -> URL:
    try:
        # libpq and Heroku write postgres://, SQLAlchemy wants the long form.
        scheme, colon, rest = url.partition("://")
        target = make_url(f"postgresql://{rest}" if colon and scheme == "postgres" else url)
        backend = target.get_backend_name()
    except (ArgumentError, NoSuchModuleError) as error:
        raise DatabaseDown(url.partition("://")[0] + "://…", "that is no database URL") from error
    if backend not in {"sqlite", "postgresql"}:
        raise DatabaseDown(_hidden(target), "only SQLite and PostgreSQL are supported")
    return target


def _hidden(url: URL) -> str:
    secret = {key: "***" for key in url.query if "password" in key}
    shown = url.update_query_dict(secret).render_as_string(hide_password=True)
    return shown.replace("%2A%2A%2A", "***")


def _pooled(target: URL, limits: Limits) -> dict[str, Any]:
    """Return the options of an engine on PostgreSQL."""
    return {
        "poolclass": _Pool,
        "pool_size": limits.pool,
        "max_overflow": 2 * limits.pool,
        "pool_timeout": limits.wait,
        "pool_pre_ping": True,
        "pool_recycle": _RECYCLE,
        # Locks are taken first and what they protect is read after: that needs a fresh look at
        # every statement, whatever the server's default is.
        "isolation_level": "READ COMMITTED",
        "connect_args": {"connect_timeout": limits.connect, **target.query},
    }


class _Pool(QueuePool):
    """A pool that says in one sentence that it has no connection left."""

    def connect(self) -> PoolProxiedConnection:
        try:
            return super().connect()
        except NothingFree as error:
            reason = (
                f"all of its {self.size() + self._max_overflow} connections were in use for "
                f"{self._timeout:g} seconds; MLOPS_DATABASE_POOL allows more"
            )
            raise DatabaseDown("postgresql://…", reason) from error


def _prepare_postgresql(limits: Limits, connection: Any, record: Any) -> None:
    """Set up one new connection so that nothing waits for ever."""
    del record
    cursor = connection.cursor()
    for name, seconds in (("statement_timeout", limits.statement), ("lock_timeout", limits.wait)):
        cursor.execute(f"SET SESSION {name} = {int(seconds * 1000)}")
    cursor.close()
    connection.commit()


def _prepare_sqlite(connection: Any, record: Any) -> None:
    """Set up one new connection; SQLAlchemy, not the driver, begins transactions."""
    del record
    connection.isolation_level = None
    cursor = connection.cursor()
    cursor.execute("PRAGMA foreign_keys = ON")
    if cursor.execute("PRAGMA journal_mode").fetchone()[0] == "delete":
        _use_wal(cursor)
    cursor.close()


def _use_wal(cursor: Any) -> None:
    """Let readers and a writer work at once; the file remembers it.

    Somebody else may hold the file just now, or it may be read-only: then the next connection
    tries again. Nothing but waiting depends on it.
    """
    import contextlib
    import sqlite3

    with contextlib.suppress(sqlite3.OperationalError):
        cursor.execute("PRAGMA journal_mode = WAL")


def _begin_sqlite(connection: Connection) -> None:
    reading = connection.get_execution_options().get(_READING, False)
    connection.exec_driver_sql("BEGIN" if reading else "BEGIN IMMEDIATE")


def _tell_in_one_sentence(where: str, context: ExceptionContext) -> None:
    """Raise our own error where the database, not the statement, is what is wrong."""
    if context.is_pre_ping:  # the pool mends this itself
        return
    error = context.original_exception
    code = getattr(error, "sqlstate", None) or getattr(error, "pgcode", None)
    if code in _RACES:
        raise Conflict(
            "Somebody else changed the same thing at the same moment.", again=code in _AGAIN
        ) from error
    if code == _READ_ONLY or _is_about_the_database(error):
        lines = str(error).strip().splitlines() or [type(error).__name__]
        told = lines[0].rstrip(".")
        if told == "database is locked":
            told += " by somebody else for longer than MLOPS_DATABASE_WAIT"
        raise DatabaseDown(where, told) from error


def _is_about_the_database(error: BaseException) -> bool:
    kinds = {cls.__name__ for cls in type(error).__mro__}
    if type(error).__module__.startswith("sqlite3"):
        words = str(error)
        return type(error).__name__ == "DatabaseError" or (
            "OperationalError" in kinds and not words.startswith(("no such", "near "))
        )
    return bool(kinds & {"OperationalError", "InterfaceError"})
