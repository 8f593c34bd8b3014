"""The doctor names every way in which MLflow and the record can part, and sets it right."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import sqlite3
import subprocess
import sys

import pytest
from mlflow.store.model_registry.sqlalchemy_store import SqlAlchemyStore

from mlops import doctor
from registry.mirror.drift import Kind
from tests.mlops.guard.conftest import House

pytestmark = [
    pytest.mark.filterwarnings("ignore:.*transition_model_version_stage"),
    pytest.mark.filterwarnings("ignore:.*Model registry stages"),
]


@pytest.fixture(scope="module")
def kept(template, tmp_path_factory):
    """A house with a champion, a challenger and a candidate, to be copied."""
    folder = tmp_path_factory.mktemp("kept")
    shutil.copy(template, folder / "mlflow.db")
    house = House(f"sqlite:///{folder / 'mlflow.db'}", folder)
    for score in (0.8, 0.9, 0.7):
        house.register(score=score)
    for ref, to in (("risk/1", "staging"), ("risk/2", "staging"), ("risk/1", "production")):
        house.promote(ref, to)
    house.close()
    return house


@pytest.fixture
def house(kept):
    """The house as it was, whatever the test before did to it."""
    before = (kept.folder / "mlflow.db").read_bytes()
    files = kept.folder / "kept-files"
    if not files.exists():
        shutil.copytree(kept.files, files)
    yield kept
    kept.close()
    (kept.folder / "mlflow.db").write_bytes(before)
    for name in ("mlflow.db-wal", "mlflow.db-shm"):
        (kept.folder / name).unlink(missing_ok=True)
    shutil.rmtree(kept.files)
    shutil.copytree(files, kept.files)


def by_sql(statement):
    """Return an attempt with the database's own tools: no package, no MLflow."""

    def attempt(house):
        with house.ws.engine.begin() as raw:
            raw.exec_driver_sql(statement)

    return attempt


def lose_runs(house):
    """Write to the file with SQLite's own library, which minds no foreign key."""
    with contextlib.closing(sqlite3.connect(house.folder / "mlflow.db")) as raw, raw:
        raw.execute("DELETE FROM runs")


def overwrite(house):
    version = house.get("risk/1")
    (house.files / "models" / version.model_id / "artifacts" / "weights").write_bytes(b"mine")


def remove(house):
    shutil.rmtree(house.files / "models" / house.get("risk/2").model_id)


def without_the_package(house):
    """Use MLflow's own store, as a client without the package would."""
    store = SqlAlchemyStore(house.uri)
    store.set_registered_model_alias("risk", "production", "3")
    store.engine.dispose()


PAST_US = {
    "MLflow without the package": (
        without_the_package, Kind.ALIAS, "risk@production", True),
    "stage": (
        by_sql("UPDATE model_versions SET current_stage = 'Production' WHERE version = 2"),
        Kind.STAGE, "risk/2", True),
    "alias moved": (
        by_sql("UPDATE registered_model_aliases SET version = 3 WHERE alias = 'production'"),
        Kind.ALIAS, "risk@production", True),
    "alias in other case": (
        by_sql("INSERT INTO registered_model_aliases (name, alias, version, workspace) "
               "VALUES ('risk', 'PRODUCTION', 3, 'default')"),
        Kind.ALIAS, "risk@PRODUCTION", True),
    "version hidden": (
        by_sql("UPDATE model_versions SET current_stage = 'Deleted_Internal' WHERE version = 1"),
        Kind.MISSING, "risk/1", True),
    "model renamed": (
        by_sql("UPDATE registered_models SET name = 'other' WHERE name = 'risk'"),
        Kind.MISSING, "risk/1", True),
    "version that nobody judged": (
        by_sql("INSERT INTO model_versions (name, version, current_stage, source, workspace) "
               "VALUES ('risk', 9, 'Production', '/x', 'default')"),
        Kind.GHOST, "version 9 of risk", True),
    "a tag forged": (
        by_sql("UPDATE model_version_tags SET value = 'production' "
               "WHERE key = 'mlops.stage' AND version = 3"),
        Kind.TAG, "risk/3", True),
    "a card rewritten": (
        by_sql("UPDATE model_versions SET description = 'the best' WHERE version = 3"),
        Kind.CARD, "risk/3", True),
    "a run in the bin": (
        by_sql("UPDATE runs SET lifecycle_stage = 'deleted'"), Kind.RUN, "risk/1", True),
    "a run gone": (lose_runs, Kind.RUN, "risk/1", False),
    "a file overwritten": (overwrite, Kind.BYTES, "risk/1", False),
    "files removed": (remove, Kind.BYTES, "risk/2", False),
}  # fmt: skip


@pytest.mark.parametrize(("attempt", "kind", "subject", "mended"), PAST_US.values(), ids=PAST_US)
def test_what_was_done_past_us_is_found_and_mended_where_it_can_be(
    house, attempt, kind, subject, mended
):
    before = house.shown()
    house.close()
    attempt(house)
    found = doctor.examine(workspace=house.ws)
    assert (kind, subject) in {(each.kind, each.subject) for each in found.found}
    assert not found.healthy
    after = doctor.examine(workspace=house.ws, repair=True)
    assert after.healthy is mended, after.left
    if mended:
        assert doctor.examine(workspace=house.ws).found == ()
        assert house.shown()[1].keys() == before[1].keys()
        stages = {number: stage for number, stage in house.shown()[0].items() if stage != "None"}
        assert sorted(stages.values()) == (
            ["Production", "Staging"] if house.ws.settings.mlflow_stages else []
        )


def test_a_healthy_house_is_left_alone(house):
    found = doctor.examine(workspace=house.ws, every=True)
    assert (found.found, found.healthy, found.models) == ((), True, ("risk",))
    assert found.entries > 5
    assert json.dumps({**found.to_dict(), "found": [], "left": []})


def test_what_mlflow_was_not_told_is_named_and_told(house):
    with house.ws.engine.begin() as raw:
        raw.exec_driver_sql(
            "UPDATE mlops_outbox SET delivered_at = NULL "
            "WHERE id = (SELECT max(id) FROM mlops_outbox)"
        )
    found = doctor.examine("risk", workspace=house.ws)
    assert [each.kind for each in found.found] == [Kind.LAG]
    assert doctor.examine("risk", workspace=house.ws, repair=True).healthy


def test_a_chain_that_was_altered_is_told_although_nothing_can_mend_it(house):
    with house.ws.engine.begin() as raw:
        raw.exec_driver_sql("DROP TRIGGER mlops_audit_no_update")
        raw.exec_driver_sql("UPDATE mlops_audit SET actor = 'eve' WHERE number = 2")
    found = doctor.examine(workspace=house.ws, repair=True)
    assert not found.healthy
    assert "entry 2" in found.broken_chain
    done = subprocess.run(
        [sys.executable, "-m", "mlops", "doctor"], capture_output=True, text=True, check=False,
        env={**os.environ, "MLFLOW_TRACKING_URI": house.uri, "MLOPS_HOME": str(house.folder)},
    )  # fmt: skip
    told = " ".join(done.stdout.split())
    assert done.returncode == 9, done.stderr
    assert "1 model: MLflow shows the record; the audit log does not verify" in told


def test_an_mlflow_that_does_not_answer_is_a_finding(house):
    away = house.ws.settings.model_copy(update={"tracking_uri": "http://127.0.0.1:9"})
    found = doctor.examine(workspace=type(house.ws)(away, house.ws.engine, house.ws.by))
    assert Kind.UNREACHABLE in {each.kind for each in found.found}
