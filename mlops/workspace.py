"""Workspace: the settings, turned into things. There is no other wiring."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy.orm import Session

from mlops import settings as environment
from mlops.failures import UnwritableFolder
from registry import db
from registry.permissions import Actor

if TYPE_CHECKING:
    from pathlib import Path

    from sqlalchemy import Engine

    from mlops.settings import Settings


@dataclass(frozen=True, slots=True)
class Workspace:
    """What a journey needs from the outside world."""

    settings: Settings
    engine: Engine
    by: Actor

    @classmethod
    def open(cls, settings: Settings | None = None, *, source: str = "sdk") -> Workspace:
        """Connect as the settings say; an empty database gets its tables.

        Raises:
            BadEnvironment: A setting makes no sense.
            RegistryError: The database cannot be used; the class and the message say why.
        """
        chosen = settings or environment.load()
        engine = db.open_engine(chosen.database_url)
        db.ensure(engine)
        return cls(chosen, engine, Actor(chosen.author, chosen.role, _source(chosen, source)))

    @property
    def tracking_uri(self) -> str:
        """Where MLflow keeps its runs."""
        return self.settings.tracking_uri

    def session(self) -> Session:
        """Start a unit of work; ``with ws.session() as s, s.begin():`` commits or rolls back."""
        return Session(self.engine, expire_on_commit=False)

    def reading(self) -> Session:
        """Start a look at the record that waits for no writer."""
        return Session(db.readers(self.engine), expire_on_commit=False)

    def folder(self, *names: str) -> Path:
        """Return a folder under the workspace's home, made when it was missing.

        Raises:
            UnwritableFolder: It cannot be made.
        """
        path = self.settings.home.joinpath(*names)
        try:
            path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UnwritableFolder(path, error.strerror or str(error)) from error
        return path


def _source(settings: Settings, source: str) -> str:
    return "ci" if settings.ci else source
