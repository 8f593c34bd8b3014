"""Witness: what the record says, asked from inside MLflow's stores.

A database without our tables has no witness: MLflow is left alone there. One whose tables are of
another release is not guessed at: what would be asked about is refused until it is upgraded.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from registry import db, lookups

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import Engine
    from sqlalchemy.orm import Session

    from mlops.settings import Settings
    from mlops.workspace import Workspace


@dataclass
class Witness:
    """The record that speaks for one MLflow store."""

    store_uri: str
    theirs: Engine
    """MLflow's own engine: by it our tables are looked for, as ours would change the file."""

    @property
    def is_there(self) -> bool:
        """Whether there is a record at all; it may come while a server runs."""
        if "engine" in self.__dict__:
            return True
        return self._elsewhere is not None or db.has_record(self.theirs)

    @cached_property
    def engine(self) -> Engine:
        """The record's engine, once its tables are known to be those of this release."""
        from mlops.workspace import connect

        engine = connect(self._settings, self._elsewhere or self.store_uri)
        db.ensure(engine)
        return engine

    @contextmanager
    def session(self) -> Iterator[Session | None]:
        """Give a session that only looks, or None where there is no record."""
        from sqlalchemy.orm import Session

        if not self.is_there:
            yield None
            return
        with Session(db.readers(self.engine)) as session:
            yield session

    def knows(self, name: str) -> bool:
        """Say whether a model of that name is recorded."""
        with self.session() as session:
            return session is not None and lookups.is_known(session, name)

    def protects(self, alias: str) -> bool:
        """Say whether the policy keeps an alias from being set by hand, however it is written.

        Raises:
            BadPolicy: The policy's file cannot be read.
        """
        from mlops import policies

        return policies.load(self._settings).protects(alias)

    @property
    def shows_stages(self) -> bool:
        """Whether MLflow's own stages are to show the record's."""
        return self._settings.mlflow_stages

    def workspace(self) -> Workspace:
        """Return what a journey needs, with whoever asks MLflow as the actor."""
        from mlops.guard import people
        from mlops.workspace import Workspace

        return Workspace(self._settings, self.engine, people.asker(self._settings, self.engine))

    @cached_property
    def _settings(self) -> Settings:
        """The settings of this process, with this store as the one in use."""
        from mlops import settings

        return settings.load().model_copy(update={"tracking_uri": self.store_uri})

    @cached_property
    def _elsewhere(self) -> str | None:
        """The record's own database, if it is set and this store is the one it speaks for."""
        from mlops import settings

        if not settings.names_a_database():
            return None
        chosen = settings.load()
        served = {chosen.tracking_uri, *settings.served_stores()}
        return chosen.database if settings.fixed(self.store_uri) in served else None
