"""Turns: one process at a time draws a model.

Drawing is right without them, as whoever drew last looks last; with them, many that promote at
once don't draw over one another. So a turn that cannot be had is done without.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import func, select

from registry import db

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sqlalchemy import Engine

PATIENCE = 60.0
_PAUSE = 0.02


@contextlib.contextmanager
def turn(engine: Engine, name: str, patience: float = PATIENCE) -> Iterator[bool]:
    """Wait until nobody else draws this model; False when that took too long."""
    taken = _on_postgresql if engine.dialect.name == "postgresql" else _in_a_file
    with taken(engine, name, patience) as ours:
        yield ours


@contextlib.contextmanager
def _on_postgresql(engine: Engine, name: str, patience: float) -> Iterator[bool]:
    key = func.hashtextextended(f"mlops mirror:{name}", 0)
    with db.readers(engine).connect() as connection:
        connection = connection.execution_options(isolation_level="AUTOCOMMIT")
        ours = _until(
            lambda: bool(connection.scalar(select(func.pg_try_advisory_lock(key)))), patience
        )
        try:
            yield ours
        finally:
            if ours:
                connection.execute(select(func.pg_advisory_unlock(key)))


@contextlib.contextmanager
def _in_a_file(engine: Engine, name: str, patience: float) -> Iterator[bool]:
    """SQLite is on this machine, and so is everybody who writes it: a locked file will do."""
    try:
        import fcntl
    except ImportError:  # Windows
        yield False
        return
    key = hashlib.sha256(f"{engine.url.database}\0{name}".encode()).hexdigest()[:24]
    path = Path(tempfile.gettempdir(), f"mlops-mirror-{os.getuid()}-{key}.lock")
    with path.open("ab") as file:

        def lock() -> bool:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                return False
            return True

        yield _until(lock, patience)  # closing the file gives the turn back


def _until(done: Callable[[], bool], patience: float) -> bool:
    end = time.monotonic() + patience
    while not (ours := done()) and time.monotonic() < end:
        time.sleep(_PAUSE)
    return ours
