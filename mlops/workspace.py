"""Workspace: the settings, turned into things. There is no other wiring."""

from __future__ import annotations

import time
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from sqlalchemy.orm import Session

from mlops import settings as environment
from mlops.errors import UnwritableFolder
from registry import db, tokens, users
from registry.errors import Conflict, DatabaseDown
from registry.permissions import require

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from sqlalchemy import Engine

    from mlops.settings import Settings
    from registry.permissions import Action, Actor

T = TypeVar("T")

_PAUSES = (0.05, 0.2, 0.8)  # seconds before a transaction is tried again


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
            RegistryError: The database cannot be used, or not by you; the class and the message
                say why.
        """
        chosen = settings or environment.load()
        engine = connect(chosen)
        db.ensure(engine)
        return cls(chosen, engine, caller(engine, chosen, _source(chosen, source)))

    @property
    def tracking_uri(self) -> str:
        """Where MLflow keeps its runs."""
        return self.settings.tracking_uri

    def fetch(self, uri: str, into: Path) -> Path:
        """Fetch a model or a run's files from MLflow, or past it where we are its server.

        Raises:
            TrackingDown: MLflow is not there, or has no such files.
        """
        from pipelines import tracking

        served = environment.served_files() or self.settings.artifacts
        return tracking.download(self.tracking_uri, uri, into, served=served)

    def session(self) -> Session:
        """Start a unit of work; ``with ws.session() as s, s.begin():`` commits or rolls back."""
        return Session(self.engine, expire_on_commit=False)

    def reading(self) -> Session:
        """Start a look at the record that waits for no writer."""
        return Session(db.readers(self.engine), expire_on_commit=False)

    def ready_for(self, action: Action) -> None:
        """See to it that what takes minutes will not be refused in the end.

        Raises:
            Forbidden: Your role lacks the action.
            DatabaseDown: The database cannot be written, or somebody else keeps it locked.
        """
        require(self.by, action)
        db.check_writable(self.engine)

    def change(self, work: Callable[[Session], T]) -> T:
        """Do something in one transaction; do it again when the database asked for that.

        Of two that wait for each other, or that PostgreSQL cannot put in an order, one is rolled
        back and tries again, three times at most.

        Raises:
            Conflict: It was somebody else's turn every time.
        """
        for pause in _PAUSES:
            try:
                return self._change(work)
            except Conflict as error:
                if not error.again:
                    raise
                time.sleep(pause)
        return self._change(work)

    def _change(self, work: Callable[[Session], T]) -> T:
        with self.session() as session, session.begin():
            return work(session)

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


def connect(settings: Settings, url: str | None = None) -> Engine:
    """Prepare the registry's database, or the one that is named, for use within its limits.

    Raises:
        DatabaseDown: The URL is none, or speaks of another kind of database.
        MissingDriver: PostgreSQL is asked for and its driver is not installed.
    """
    limits = db.Limits(
        pool=settings.database_pool,
        wait=settings.database_wait,
        statement=settings.database_timeout,
    )
    return db.open_engine(url or settings.database_url, limits)


def caller(engine: Engine, settings: Settings, source: str) -> Actor:
    """Say who is here: by token, or by name while nobody needs one.

    Raises:
        BadToken: The token is nobody's, was revoked or has expired.
        UserInactive: They were deactivated.
    """
    secret, token = settings.token, None
    with Session(db.readers(engine)) as session:
        if secret is not None:
            actor, token = tokens.caller(session, secret.get_secret_value(), source=source)
            due = users.is_due(token.last_used_at)
        else:
            actor, user = users.caller(session, settings.author, role=settings.role, source=source)
            due = user is not None and users.is_due(user.last_seen_at)
    if due:
        # Who may only look at the database is let in all the same.
        with suppress(DatabaseDown), Session(engine) as session, session.begin():
            if token is not None:
                tokens.used(session, token)
            else:
                users.seen(session, actor.name)
    return actor


def _source(settings: Settings, source: str) -> str:
    return "ci" if settings.ci else source
