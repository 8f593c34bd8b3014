import os
import signal
import subprocess
import sys
import time
import urllib.request
import warnings
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pandas as pd
import pytest
from mlflow import MlflowClient
from mlflow.models import ModelSignature
from mlflow.types import ColSpec, Schema
from sklearn.linear_model import LinearRegression
from sqlalchemy.orm import Session

from registry import audit, db, mirror, outbox, versions
from registry.errors import MirrorFailed
from registry.mirror import card
from tests.servers import free_port

# MLflow warns while it is imported: of its own type hints, not of anything done here.
with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import mlflow.pyfunc
    import mlflow.sklearn


# MLflow 3.17 still uses loader options that SQLAlchemy 2.1 deprecates.
pytestmark = pytest.mark.filterwarnings("ignore:The ``noload`` loader strategy")


# One file for MLflow and the record, as by default.
@pytest.fixture(scope="module")
def store(tmp_path_factory):
    """A real MLflow store with an experiment of four logged models."""
    folder = tmp_path_factory.mktemp("mlflow")
    uri = f"sqlite:///{folder / 'mlflow.db'}"
    return uri, logged(uri, folder.as_uri(), 4)


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    """A real MLflow server, with one logged model."""
    folder = tmp_path_factory.mktemp("served")
    port = free_port()
    command = [
        sys.executable,
        "-m",
        "mlflow",
        "server",
        "--host",
        "127.0.0.1",
        "--port",
        str(port),
    ]
    command += ["--workers", "1", "--backend-store-uri", f"sqlite:///{folder / 'mlflow.db'}"]
    command += ["--artifacts-destination", str(folder / "artifacts")]
    with (folder / "server.log").open("w") as log:
        server = subprocess.Popen(
            command, stdout=log, stderr=log, cwd=folder, start_new_session=True
        )
        try:
            uri = f"http://127.0.0.1:{port}"
            answers(uri, server)
            yield uri, logged(uri, None, 1)
        finally:
            # It and its workers; a busy machine makes a polite end take a minute.
            os.killpg(server.pid, signal.SIGKILL)
            server.wait()


def answers(uri, server, seconds=240):
    end = time.monotonic() + seconds
    while time.monotonic() < end and server.poll() is None:
        try:
            with urllib.request.urlopen(f"{uri}/health", timeout=10):
                return
        except OSError:
            time.sleep(0.2)
    raise AssertionError("the server did not come up")


def logged(uri, artifacts, count):
    """Log models and return (run, experiment, model id) of each."""
    before = mlflow.get_tracking_uri()
    rows = pd.DataFrame({"x": [1.0, 2.0]})
    model = LinearRegression().fit(rows, [1.0, 1.0])
    # Not inferred: MLflow asks for PySpark then, and that leaves the process when doctests run.
    signature = ModelSignature(Schema([ColSpec("double", "x")]), Schema([ColSpec("double")]))
    mlflow.set_tracking_uri(uri)
    try:
        experiment = mlflow.create_experiment("risk", artifact_location=artifacts)
        found = []
        for _ in range(count):
            with mlflow.start_run(experiment_id=experiment) as run:
                info = mlflow.sklearn.log_model(
                    model,
                    name="model",
                    pip_requirements=["scikit-learn"],
                    signature=signature,
                )
            found.append((run.info.run_id, experiment, info.model_id))
        return found
    finally:
        mlflow.set_tracking_uri(before)


class Shown:
    """A record and the MLflow that shows it."""

    with_stages = True

    def __init__(self, record, session, uri, runs):
        self.record, self.session, self.uri, self.runs = record, session, uri, runs
        self.client = MlflowClient(tracking_uri=uri, registry_uri=uri)
        self.name = f"risk {time.monotonic_ns()}"

    def register(self, number):
        run, experiment, model = self.runs[number - 1]
        ids = {"run_id": run, "experiment_id": experiment, "model_id": model}
        version = self.record.register(number, self.name, **ids, model_uri=f"models:/{model}")
        self.session.commit()
        return version

    def promote(self, number, to):
        self.record.promote(f"{self.name}/{number}", to)
        self.session.commit()

    def show(self, *, whole=False):
        return mirror.show(self.session, self.name, self.uri, stages=self.with_stages, whole=whole)

    def stages(self):
        return {number: version.current_stage for number, version in self.versions().items()}

    def aliases(self):
        return {
            alias: int(number)
            for alias, number in self.client.get_registered_model(self.name).aliases.items()
        }

    def versions(self):
        found = self.client.search_model_versions(f"name='{self.name}'")
        return {int(version.version): version for version in found}


@pytest.fixture
def shown(record, session, store):
    return Shown(record, session, *store)


def test_every_version_appears_in_mlflow_with_its_run_model_and_card(shown):
    version = shown.register(1)
    assert shown.show() == {version.ref: "1"}
    (there,) = shown.versions().values()
    assert there.run_id == version.run_id
    assert there.source == shown.client.get_logged_model(version.model_id).artifact_location
    assert there.tags["mlops.ref"] == version.ref
    assert there.tags["mlops.stage"] == "candidate"
    assert there.tags["mlops.run"] == version.run_id
    assert "| roc_auc | 0.9 |" in there.description
    assert "[shap report](runs:/" in there.description
    assert shown.aliases() == {}
    assert shown.record.get(version.ref).mlflow_version == "1"
    links = shown.client.get_logged_model(version.model_id).tags["mlflow.modelVersions"]
    assert shown.name in links


def test_what_is_shown_can_be_loaded_by_its_alias(shown):
    shown.register(1)
    shown.promote(1, "staging")
    shown.show()
    path = shown.client.get_model_version_by_alias(shown.name, "staging")
    source = shown.client.get_model_version_download_uri(shown.name, path.version)
    model = mlflow.pyfunc.load_model(source)
    assert model.predict(pd.DataFrame({"x": [3.0, 4.0]})) == pytest.approx([1, 1])


def test_in_mlflows_own_store_the_page_links_to_the_logged_model(shown):
    version = shown.register(1)
    before = mlflow.get_tracking_uri()
    mlflow.set_tracking_uri(shown.uri)
    try:
        shown.show()
        assert shown.versions()[1].source == f"models:/{version.model_id}"
        loaded = mlflow.pyfunc.load_model(f"models:/{shown.name}/1")
        assert loaded.predict(pd.DataFrame({"x": [3.0]})) == pytest.approx([1])
    finally:
        mlflow.set_tracking_uri(before)


def test_aliases_follow_the_stages_and_leave_when_nothing_stands_there(shown):
    for number in (1, 2):
        shown.register(number)
        shown.promote(number, "staging")
    shown.show()
    assert shown.aliases() == {"staging": 2}
    shown.promote(1, "production")
    shown.show()
    assert shown.aliases() == {"staging": 2, "production": 1}
    shown.promote(2, "production")
    shown.show()
    assert shown.aliases() == {"production": 2}
    assert shown.versions()[1].tags["mlops.stage"] == "archived"
    shown.promote(2, "archived")
    shown.show()
    assert shown.aliases() == {}


@pytest.mark.parametrize("with_stages", [True, False])
def test_mlflows_own_stages_follow_ours_unless_they_are_switched_off(shown, with_stages):
    shown.with_stages = with_stages
    for number in (1, 2):
        shown.register(number)
        shown.promote(number, "staging")
    shown.promote(1, "production")
    shown.promote(2, "production")
    shown.show()
    seen = {1: "Archived", 2: "Production"} if with_stages else {1: "None", 2: "None"}
    assert shown.stages() == seen
    assert shown.aliases() == {"production": 2}
    shown.promote(2, "staging")
    shown.show()
    assert shown.stages() == (seen | {2: "Staging"} if with_stages else seen)
    assert shown.aliases() == {"staging": 2}


def test_only_what_changed_is_touched(shown):
    for number in (1, 2, 3):
        shown.register(number)
    shown.show()
    shown.client.update_model_version(shown.name, "2", description="mine")
    shown.promote(3, "staging")
    assert shown.show() == {f"{shown.name}/3": "3"}
    assert shown.versions()[2].description == "mine"
    assert "| passed | G001" in shown.versions()[3].description
    assert len(shown.show(whole=True)) == 3
    assert "candidate" in shown.versions()[2].description


def test_showing_again_writes_nothing_and_the_outbox_is_empty(shown):
    shown.register(1)
    shown.promote(1, "staging")
    first = shown.show()
    assert outbox.pending(shown.session, shown.name) == ()
    shown.session.rollback()
    before = {number: v.last_updated_timestamp for number, v in shown.versions().items()}
    assert shown.show() == {}
    assert shown.show(whole=True) == first
    assert {n: v.last_updated_timestamp for n, v in shown.versions().items()} == before


def test_what_somebody_changed_in_mlflow_is_set_right(shown):
    shown.register(1)
    shown.promote(1, "staging")
    shown.show()
    shown.client.set_registered_model_alias(shown.name, "production", "1")
    shown.client.delete_registered_model_alias(shown.name, "staging")
    shown.client.set_model_version_tag(shown.name, "1", "mlops.stage", "production")
    shown.client.update_model_version(shown.name, "1", description="mine")
    shown.show(whole=True)
    assert shown.aliases() == {"staging": 1}
    assert shown.versions()[1].tags["mlops.stage"] == "staging"
    assert "staging" in shown.versions()[1].description


def test_versions_of_others_stay_as_they_are_and_ours_count_past_them(shown):
    shown.client.create_registered_model(shown.name)
    source = shown.client.get_logged_model(shown.runs[3][2]).artifact_location
    shown.client.create_model_version(shown.name, source, run_id=shown.runs[3][0])
    assert mirror.highest(shown.uri, shown.name) == 1
    run, experiment, model = shown.runs[0]
    evidence = shown.record.evidence(
        run_id=run, experiment_id=experiment, model_id=model, model_uri=f"models:/{model}"
    )
    versions.register(
        shown.session, shown.name, evidence=evidence, by=shown.record.scientist, after=1
    )
    shown.session.commit()
    assert shown.show() == {f"{shown.name}/2": "2"}
    assert shown.versions()[1].tags == {}
    assert mirror.highest(shown.uri, "never seen") == 0


def test_two_that_show_at_once_make_no_version_twice(shown, engine):
    for number in (1, 2, 3):
        shown.register(number)
    shown.session.close()

    def show(_):
        with Session(engine) as session:
            return mirror.show(session, shown.name, shown.uri, whole=True)

    with ThreadPoolExecutor(2) as pool:
        first, second = pool.map(show, range(2))
    assert first == second
    refs = [version.tags["mlops.ref"] for version in shown.versions().values()]
    assert sorted(refs) == [f"{shown.name}/{number}" for number in (1, 2, 3)]


def test_a_record_that_moved_on_while_it_was_drawn_is_drawn_again(shown):
    shown.register(1)
    old = mirror.read(shown.session, shown.name)
    numbers = mirror.draw(old, shown.uri)
    shown.session.commit()
    shown.promote(1, "staging")
    assert not mirror.note(shown.session, old, numbers)
    assert outbox.pending(shown.session, shown.name)


def test_the_record_and_mlflow_share_one_file(store, record, tmp_path):
    uri, runs = store
    engine = db.open_engine(uri)
    db.ensure(engine)
    with Session(engine, expire_on_commit=False) as session:
        both = Shown(type(record)(session), session, uri, runs)
        both.register(1)
        both.promote(1, "staging")
        both.show()
        assert both.aliases() == {"staging": 1}
        assert audit.verify(session) >= 4
    engine.dispose()


def test_an_unreachable_mlflow_is_one_sentence_and_loses_nothing(shown, monkeypatch):
    shown.register(1)
    shown.uri = "http://127.0.0.1:9"
    start = time.monotonic()
    with pytest.raises(MirrorFailed, match="The record is complete"):
        shown.show()
    assert time.monotonic() - start < 90
    waiting = outbox.pending(shown.session, shown.name)
    assert [message.attempts for message in waiting] == [1, 1, 1]
    assert "127.0.0.1" in waiting[0].last_error


def test_a_session_in_a_transaction_would_lock_mlflow_out(shown):
    shown.record.register(1, shown.name)
    with pytest.raises(ValueError, match="without an open transaction"):
        shown.show()


@pytest.mark.parametrize("databases", ["sqlite"], indirect=True)
def test_a_real_server_shows_the_record(record, session, served):
    uri, runs = served
    shown = Shown(record, session, uri, runs)
    shown.register(1)
    shown.promote(1, "staging")
    assert mirror.highest(uri, shown.name) == 0
    shown.show()
    shown.promote(1, "production")
    shown.show()
    assert shown.aliases() == {"production": 1}
    model = shown.runs[0][2]
    assert shown.versions()[1].source == f"models:/{model}"
    assert (
        mlflow.MlflowClient(uri, uri)
        .get_model_version_download_uri(shown.name, "1")
        .endswith(f"{model}/artifacts")
    )
    assert mirror.highest(uri, shown.name) == 1


def test_a_card_is_never_longer_than_mlflow_shows(record):
    version = record.register(metrics={f"m|{n}" * 30: 1.0 for n in range(200)} | {"roc_auc": 0.9})
    text = card.write(version, [])
    assert len(text) <= card.LONGEST
    assert "| roc_auc | 0.9 |" in text
    assert "m\\|0" in text
    assert len(card.write(replace(version, author="x" * 6000), [])) <= card.LONGEST
