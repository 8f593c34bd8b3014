"""Reaching MLflow: a client that answers soon or says why not, and keeps quiet.

MLflow waits minutes for a server that is not there and retries a database for half of one, prints
links to stdout and migrations to stderr. Here a dead address is one ``TrackingDown`` within
seconds, and stdout stays clean.
"""

from __future__ import annotations

import contextlib
import importlib
import logging
import re
import sqlite3
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from pipelines.errors import TrackingDown

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mlflow import MlflowClient

DATABASES = ("sqlite", "postgresql", "mysql", "mssql")
CHATTER = ("mlflow", "alembic")
KIND = "mlflow.experimentKind"  # so that MLflow's pages open on runs and models, not on traces
SENTENCE = 160


@contextlib.contextmanager
def calm() -> Iterator[None]:
    """Keep MLflow quiet and its waiting short, as long as nobody set it otherwise."""
    load("mlflow")
    import mlflow.environment_variables as knobs

    wanted: list[tuple[Any, Any]] = [
        (knobs.MLFLOW_HTTP_REQUEST_MAX_RETRIES, 2),
        (knobs.MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR, 1),
        (knobs.MLFLOW_HTTP_REQUEST_TIMEOUT, 30),
        (knobs.MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT, True),
        (knobs.MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR, False),
    ]
    with contextlib.ExitStack() as afterwards:
        for knob, value in wanted:
            if not knob.is_set():
                knob.set(value)
                afterwards.callback(knob.unset)
        for name in CHATTER:
            logger = logging.getLogger(name)
            afterwards.callback(logger.setLevel, logger.level)
            logger.setLevel(logging.WARNING)
        yield


@contextlib.contextmanager
def hushed() -> Iterator[None]:
    """Drop the warnings that MLflow gives about itself and its own use of pandas."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def load(module: str) -> None:
    """Import a part of MLflow quietly."""
    with hushed():
        importlib.import_module(module)


@contextlib.contextmanager
def telling(uri: str) -> Iterator[None]:
    """Turn whatever MLflow, its database or the network raises into ``TrackingDown``."""
    from mlflow.exceptions import MlflowException
    from requests import RequestException
    from sqlalchemy.exc import SQLAlchemyError

    try:
        yield
    except (MlflowException, RequestException, SQLAlchemyError, sqlite3.Error, OSError) as error:
        raise TrackingDown(hidden(uri), reason(error)) from error


def connect(uri: str, *, to_write: bool = False) -> MlflowClient:
    """Return a client of a store that was reached just now.

    Who only reads needs not wait for a writer.

    Raises:
        TrackingDown: Nobody answers, or the store cannot be written and that is wanted.
    """
    with telling(uri):
        _knock(uri, to_write=to_write)
        from mlflow import MlflowClient

        client = MlflowClient(tracking_uri=uri, registry_uri=uri)
        client.search_experiments(max_results=1)
        return client


def experiment_id(client: MlflowClient, name: str) -> str:
    """Return the id of an experiment, made if it is new, also when two make it at once.

    Raises:
        TrackingDown: The experiment lies in MLflow's trash.
    """
    from mlflow.exceptions import MlflowException

    found = client.get_experiment_by_name(name)
    if found is None:
        try:
            return str(client.create_experiment(name, tags={KIND: "custom_model_development"}))
        except MlflowException:
            found = client.get_experiment_by_name(name)
            if found is None:
                raise
    if found.lifecycle_stage != "active":
        raise TrackingDown(
            hidden(client.tracking_uri),
            f"experiment {name!r} was deleted there; take another name, or bring it back with: "
            f"mlflow experiments restore -x {found.experiment_id}",
        )
    return str(found.experiment_id)


def hidden(uri: str) -> str:
    """Return an address without the password in it.

    >>> hidden("postgresql://ada:secret@db.local/mlflow")
    'postgresql://ada:***@db.local/mlflow'
    """
    password = urlsplit(uri).password
    return uri.replace(f":{password}@", ":***@") if password else uri


def reason(error: BaseException) -> str:
    """Return the cause of an error in one short line."""
    from sqlalchemy.exc import DBAPIError

    if isinstance(error, DBAPIError) and error.orig is not None:
        error = error.orig
    line = next((text for text in str(error).strip().splitlines() if text), type(error).__name__)
    if "Max retries exceeded" in line or "Connection refused" in line:
        return "nobody answers at that address"
    line = re.sub(r"^\[Errno \d+\] ", "", line)
    if len(line) > SENTENCE:
        line = line.partition(". ")[0][:SENTENCE]
    return line.rstrip(" .:")


def says_gone(error: TrackingDown) -> bool:
    """Say whether MLflow answered that something is not there, rather than not at all."""
    cause = error.__cause__
    missing = getattr(cause, "error_code", "") == "RESOURCE_DOES_NOT_EXIST"
    return missing or "no such file" in str(cause).lower()


def _knock(uri: str, *, to_write: bool) -> None:
    """Try a database once, where MLflow would try ten times."""
    scheme = uri.partition(":")[0].partition("+")[0]
    if scheme in DATABASES:
        load("mlflow.store.tracking.sqlalchemy_store")
    if scheme == "sqlite":
        _try_sqlite(uri, to_write=to_write)
    elif scheme in DATABASES:
        import sqlalchemy

        engine = sqlalchemy.create_engine(uri)
        try:
            engine.connect().close()
        finally:
            engine.dispose()


def _try_sqlite(uri: str, *, to_write: bool) -> None:
    from sqlalchemy.engine import make_url

    url = make_url(uri)
    path = url.database
    if not path or path == ":memory:":
        return
    if not path.startswith("file:"):
        Path(path).parent.mkdir(parents=True, exist_ok=True)
    (target,), options = url.get_dialect()().create_connect_args(url)
    with contextlib.closing(sqlite3.connect(target, **{"timeout": 10, **options})) as database:
        database.execute("PRAGMA schema_version")
        if to_write:
            database.execute("BEGIN IMMEDIATE")
            database.rollback()
