"""A record and the MLflow that shows it, guarded: one database, as by default."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
import urllib.request
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
import requests
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException, RestException
from mlflow.tracking._tracking_service.utils import _get_store

from mlops import promotions
from mlops.settings import Settings
from mlops.workspace import Workspace
from pipelines import packaging
from registry import audit, lookups, mirror, reports, versions
from registry.stages import Stage
from tests.registry.conftest import SCIENTIST, SECTIONS, Databases, evidence, server
from tests.servers import free_port

__all__ = ["server"]

NAME = "risk"
REFUSALS = (MlflowException, RestException)


def legacy(shown):
    """Return a stage, or stages by number, as MLflow shows them; none while they are off."""
    if isinstance(shown, dict):
        return {number: legacy(stage) for number, stage in shown.items()}
    return shown if Settings().mlflow_stages else "None"


@pytest.fixture(params=["stages", "aliases only"])
def both_ways(request, monkeypatch):
    """With MLflow's own stages, and with them switched off."""
    monkeypatch.setenv("MLOPS_MLFLOW_STAGES", str(request.param == "stages"))


@dataclass
class House:
    """A record with its MLflow, and what people do there."""

    uri: str
    folder: Path
    env: dict[str, str] = field(default_factory=dict)
    """What a server or another process on it needs besides."""
    proxied: bool = False
    """Whether files go through the server; else straight to the folder."""
    url: str | None = None
    """The server's address, while one runs."""

    def __post_init__(self):
        settings = Settings(
            tracking_uri=self.uri, user="ada", home=self.folder / ".mlops",
            artifacts=str(self.folder / "artifacts") if self.proxied else None,
        )  # fmt: skip
        self.ws = Workspace.open(settings, source="cli")
        self.client = MlflowClient(self.uri, self.uri)
        self.experiment = self.client.create_experiment("house", self._artifacts())

    def _artifacts(self):
        return "mlflow-artifacts:/house" if self.proxied else self.files.as_uri()

    def register(self, name=NAME, *, score=0.9, explained=True):
        """Register a logged model with everything that the gates ask for."""
        run = self.client.create_run(self.experiment).info.run_id
        made = self.client.create_logged_model(self.experiment, name="model", source_run_id=run)
        folder = self.files / "models" / made.model_id / "artifacts"
        folder.mkdir(parents=True)
        (folder / "MLmodel").write_text(f"flavors: {{}}\nmodel_id: {made.model_id}\n")
        (folder / "weights").write_bytes(os.urandom(64))
        self.client.finalize_logged_model(made.model_id, "READY")
        kept = self.files / run / "artifacts" / "evidence"
        kept.mkdir(parents=True)
        (kept / "holdout.txt").write_text("rows")
        shown = evidence(
            run_id=run,
            experiment_id=self.experiment,
            model_id=made.model_id,
            model_uri=f"models:/{made.model_id}",
            model_digest=packaging.digest_of(folder),
            metrics={"roc_auc": score, "log_loss": 0.3},
        )
        with self.ws.session() as session, session.begin():
            version = versions.register(session, name, evidence=shown, by=SCIENTIST)
            for kind in ("shap", "lime") if explained else ():
                reports.attach(
                    session, version, kind=kind, digest=f"sha256:{kind}", uri="x",
                    schema="1", summary={"sections": SECTIONS}, by=SCIENTIST,
                )  # fmt: skip
        self.show(name)
        return self.get(version.ref)

    @property
    def files(self):
        return self.folder / "artifacts" / "house"

    def show(self, name=NAME):
        with self.ws.session() as session:
            mirror.show(session, name, self.uri, stages=self.ws.settings.mlflow_stages)

    def read_settings(self):
        """See what changed in the environment, as the next command and a new server do."""
        chosen = self.ws.settings.model_copy(update={"mlflow_stages": Settings().mlflow_stages})
        self.ws = replace(self.ws, settings=chosen)
        for store in (_get_store(self.uri), self.client._get_registry_client().store):
            store.witness.__dict__.pop("_settings", None)

    def close(self):
        """Give every connection back, ours and MLflow's."""
        for store in (_get_store(self.uri), self.client._get_registry_client().store):
            store.engine.dispose()
            if "engine" in store.witness.__dict__:
                store.witness.engine.dispose()
        self.ws.engine.dispose()

    def disown(self):
        """Forget connections of the process this one was forked from."""
        for store in (_get_store(self.uri), self.client._get_registry_client().store):
            store.engine.dispose(close=False)
            if "engine" in store.witness.__dict__:
                store.witness.engine.dispose(close=False)
        self.ws.engine.dispose(close=False)

    def promote(self, ref, to):
        return promotions.promote(ref, to=to, workspace=self.ws)

    def get(self, ref):
        name, _, number = ref.rpartition("/")
        with self.ws.reading() as session:
            return lookups.numbered(session, name, [int(number)])[0]

    def champion(self, name=NAME):
        with self.ws.reading() as session:
            found = lookups.standing(session, name, Stage.PRODUCTION)
            return found and found.ref

    def history(self, ref):
        with self.ws.reading() as session:
            audit.verify(session)
            return [e for e in audit.log(session, subject=ref) if e.action != "attach report"]

    def shown(self, name=NAME):
        """Return what MLflow shows: stages by number, and aliases."""
        client = MlflowClient(self.uri, self.uri)
        found = client.search_model_versions(f"name='{name}'")
        stages = {int(each.version): each.current_stage for each in found}
        aliases = client.get_registered_model(name).aliases if found else {}
        return stages, {alias: int(number) for alias, number in aliases.items()}

    def post(self, path, **body):
        """Speak to the server as its page does, or as another program."""
        prefix = "ajax-api" if body.pop("ajax", False) else "api"
        answer = requests.request(
            body.pop("method", "POST"),
            f"{self.url}/{prefix}/2.0/mlflow/{path}",
            json=body,
            timeout=600,
        )
        return answer.status_code, answer.json()

    @contextmanager
    def served(self, *more, workers=1, app="mlops", **env):
        """Run a real MLflow server on the house."""
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        line = [sys.executable, "-m", "mlflow", "server", "--port", str(port)]
        line += ["--backend-store-uri", self.uri, "--workers", str(workers)]
        line += ["--artifacts-destination", str(self.folder / "artifacts")]
        line += ["--app-name", app] if app else []
        # As serve.py does: on a busy machine a worker is late to say that it is alive.
        line += ["--uvicorn-opts", "--timeout-worker-healthcheck 120"] if workers > 1 else []
        said = {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false", **self.env, **env}
        with (self.folder / "server.log").open("w") as log:
            child = subprocess.Popen(
                [*line, *more], stdout=log, stderr=log, cwd=self.folder,
                env={**os.environ, **said}, start_new_session=True,
            )  # fmt: skip
            try:
                answers(self.url, child, self.folder / "server.log")
                yield child
            finally:
                os.killpg(child.pid, signal.SIGKILL)
                child.wait()
                self.url = None


@contextmanager
def unguarded(folder):
    """Give the environment of an MLflow that does not find our stores: as without the package."""
    hidden = folder / "without-package"
    hidden.mkdir(exist_ok=True)
    (hidden / "sitecustomize.py").write_text(
        "import importlib.metadata as metadata\n"
        "whole = metadata.entry_points\n"
        "metadata.entry_points = lambda **how: [\n"
        "    each for each in whole(**how) if not each.value.startswith('mlops.guard.plugin')]\n"
    )
    yield {"PYTHONPATH": str(hidden)}


def answers(url, child, log, seconds=400):
    end = time.monotonic() + seconds
    while time.monotonic() < end and child.poll() is None:
        try:
            with urllib.request.urlopen(f"{url}/health", timeout=10):
                return
        except OSError:
            time.sleep(0.2)
    raise AssertionError(f"the server did not come up:\n{log.read_text()[-3000:]}")


@pytest.fixture(scope="session")
def template(tmp_path_factory):
    """A file with MLflow's tables, made once: its migrations take seconds."""
    path = tmp_path_factory.mktemp("template") / "mlflow.db"
    store = _get_store(f"sqlite:///{path}")
    store.engine.dispose()
    return path


@pytest.fixture
def database(tmp_path, template):
    """A new SQLite file with MLflow's tables."""
    shutil.copy(template, tmp_path / "mlflow.db")
    return f"sqlite:///{tmp_path / 'mlflow.db'}"


@pytest.fixture
def house(database, tmp_path):
    """A new house on SQLite."""
    made = House(database, tmp_path)
    yield made
    made.close()


@pytest.fixture(scope="session")
def empty_postgresql(server, tmp_path_factory):
    """Makes PostgreSQL databases with MLflow's tables, which are made once."""
    made = Databases("postgresql", tmp_path_factory.mktemp("pg"), server, [])
    first = made.empty()
    _get_store(first).engine.dispose()
    yield lambda: made._make(first.rpartition("/")[2].partition("?")[0])
    made.drop()


@pytest.fixture(params=["sqlite", "postgresql"])
def either(request, tmp_path):
    """A new house on SQLite, and one on PostgreSQL."""
    if request.param == "sqlite":
        made = House(request.getfixturevalue("database"), tmp_path)
    else:
        made = House(request.getfixturevalue("empty_postgresql")(), tmp_path)
    yield made
    made.close()
