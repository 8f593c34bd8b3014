"""The guarded server: it starts only when guarded, and nothing gets around it over HTTP."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

import pytest
import requests
from mlflow import MlflowClient

from tests.mlops.guard.conftest import NAME, REFUSALS, House, legacy, unguarded

pytestmark = [
    pytest.mark.filterwarnings("ignore:.*transition_model_version_stage"),
    pytest.mark.filterwarnings("ignore:.*Model registry stages"),
]


@pytest.fixture(scope="module")
def served(template, tmp_path_factory):
    """A house with a champion and a worse challenger, and a server on it."""
    folder = tmp_path_factory.mktemp("served")
    shutil.copy(template, folder / "mlflow.db")
    house = House(f"sqlite:///{folder / 'mlflow.db'}", folder, proxied=True)
    for score in (0.9, 0.5):
        house.promote(house.register(score=score).ref, "staging")
    house.promote("risk/1", "production")
    (folder / "promotion.toml").write_text('protected_aliases = ["champion"]\n')
    with house.served():
        yield house
    house.close()


def _put(house, path, data=b"mine"):
    return requests.put(_file(house, path), data=data, timeout=240)


def _file(house, path):
    return f"{house.url}/api/2.0/mlflow-artifacts/artifacts/{path}"


def _stage(house, ajax):
    return house.post(
        "model-versions/transition-stage", name=NAME, version="2", stage="Production",
        archive_existing_versions=True, ajax=ajax,
    )  # fmt: skip


def _alias(house, alias):
    return house.post("registered-models/alias", name=NAME, version="2", alias=alias)


ATTEMPTS = {
    "the page's own call": lambda h: _stage(h, ajax=True),
    "REST": lambda h: _stage(h, ajax=False),
    "an alias": lambda h: _alias(h, "production"),
    "an alias in other case": lambda h: _alias(h, "PRODUCTION"),
    "an alias that the policy protects": lambda h: _alias(h, "champion"),
    "that alias in other case": lambda h: _alias(h, "Champion"),
    "take the alias away": lambda h: h.post(
        "registered-models/alias", method="DELETE", name=NAME, alias="production"
    ),
    "rename": lambda h: h.post("registered-models/rename", name=NAME, new_name="b"),
    "delete the model": lambda h: h.post("registered-models/delete", method="DELETE", name=NAME),
    "delete the version": lambda h: h.post(
        "model-versions/delete", method="DELETE", name=NAME, version="1"
    ),
    "copy into it": lambda h: h.post(
        "model-versions/create", name=NAME, source=f"models:/{NAME}/2"
    ),
    "delete its run": lambda h: h.post("runs/delete", run_id=h.get("risk/1").run_id),
    "delete its experiment": lambda h: h.post(
        "experiments/delete", experiment_id=h.get("risk/1").experiment_id
    ),
}  # fmt: skip


@pytest.mark.parametrize("attempt", ATTEMPTS.values(), ids=ATTEMPTS)
def test_nothing_gets_around_the_gates_over_http(served, attempt):
    before = served.shown()
    status, told = attempt(served)
    assert (status, told["error_code"]) == (403, "PERMISSION_DENIED"), told
    assert served.shown() == before
    assert served.champion() == "risk/1"


@pytest.mark.parametrize("attempt", [
    lambda c: c.transition_model_version_stage(NAME, "2", "Production"),
    lambda c: c.set_registered_model_alias(NAME, "production", "2"),
    lambda c: c.copy_model_version(f"models:/{NAME}/2", NAME),
    lambda c: c.delete_logged_model(c.search_logged_models(["1"])[0].model_id),
], ids=["stage", "alias", "copy", "logged model"])  # fmt: skip
def test_the_python_client_gets_the_same_answer(served, attempt):
    before = served.shown()
    with pytest.raises(REFUSALS) as refused:
        attempt(MlflowClient(served.url, served.url))
    assert "PERMISSION_DENIED" in str(refused.value)
    assert served.shown() == before


FILES = {
    "the model": "house/models/{model}/artifacts/weights",
    "a new file of the model": "house/models/{model}/artifacts/extra",
    "encoded twice": "house/models/{model}/artifacts/%2577eights",
    "by a detour": "house/models/./{model}//artifacts/weights",
    "what it was judged on": "house/{run}/artifacts/evidence/holdout.txt",
}


@pytest.mark.parametrize("path", FILES.values(), ids=FILES)
def test_a_registered_versions_files_are_not_overwritten(served, path):
    version = served.get("risk/1")
    path = path.format(model=version.model_id, run=version.run_id)
    weights = served.files / "models" / version.model_id / "artifacts" / "weights"
    before = weights.read_bytes()
    answer = _put(served, path)
    assert answer.status_code == 403, answer.text
    assert "risk/1" in answer.json()["message"]
    assert weights.read_bytes() == before
    assert not weights.with_name("extra").exists()


def test_the_server_looks_at_the_files_that_it_hands_out_itself(served):
    version = served.register(score=0.95)
    asked = {"name": NAME, "version": str(version.number), "archive_existing_versions": False}
    path = "model-versions/transition-stage"
    assert served.post(path, stage="Staging", **asked)[0] == 200
    (served.files / "models" / version.model_id / "artifacts" / "weights").write_bytes(b"other")
    status, told = served.post(path, stage="Production", **asked)
    assert (status, served.champion()) == (403, "risk/1")
    assert "G006" in told["message"]
    assert "not those on record" in told["message"]
    served.promote(version.ref, "archived")


@pytest.mark.parametrize(
    "path", ["house", "house/models", "house/models/{model}", "house/{run}/artifacts"]
)
def test_a_registered_versions_files_are_not_deleted(served, path):
    version = served.get("risk/1")
    path = path.format(model=version.model_id, run=version.run_id)
    assert requests.delete(_file(served, path), timeout=240).status_code == 403
    assert (served.files / "models" / version.model_id / "artifacts" / "weights").exists()


def test_new_reports_and_files_of_others_are_welcome(served):
    version = served.get("risk/1")
    here = f"house/models/{version.model_id}/artifacts/reports/reports-1/report.html"
    assert _put(served, here).status_code == 200
    assert _put(served, here).status_code == 403  # but not twice
    assert _put(served, f"house/{version.run_id}/artifacts/notes.txt").status_code == 200
    other = served.client.create_run(served.experiment).info.run_id
    for _ in range(2):
        assert _put(served, f"house/{other}/artifacts/notes.txt").status_code == 200
    assert requests.delete(_file(served, f"house/{other}"), timeout=240).status_code == 200
    upload = f"{served.url}/ajax-api/2.0/mlflow/upload-artifact?run_uuid={version.run_id}&path="
    assert requests.post(upload + "evidence/holdout.txt", b"x", timeout=240).status_code == 403
    assert requests.post(upload + "evidence/new.txt", b"x", timeout=240).status_code == 200


def test_a_promotion_made_in_the_page_is_audited_under_its_door(served):
    served.register(name="other", score=0.8)
    status, told = served.post(
        "model-versions/transition-stage", name="other", version="1", stage="Staging",
        archive_existing_versions=True, ajax=True,
    )  # fmt: skip
    assert (status, told["model_version"]["current_stage"]) == (200, legacy("Staging"))
    entry = served.history("other/1")[0]
    assert (entry.action, entry.source) == ("promote", "mlflow-ui")


def test_a_mirror_at_the_other_end_is_never_answered_with_a_promotion(served):
    served.register(name="third")
    body = {"name": "third", "version": "1", "stage": "Staging"}
    url = f"{served.url}/api/2.0/mlflow/model-versions/transition-stage"
    answer = requests.post(url, json=body, headers={"X-Mlops-Mirror": "1"}, timeout=240)
    assert (answer.status_code, "has moved on" in answer.text) == (403, True)
    assert served.get("third/1").stage == "candidate"
    served.promote("third/1", "staging")
    client = MlflowClient(served.url, served.url)
    assert client.get_model_version_by_alias("third", "staging").version == "1"


def test_what_is_garbage_to_mlflow_is_kept(served):
    run = served.get("risk/1").run_id
    with served.ws.engine.begin() as raw:
        raw.exec_driver_sql("UPDATE runs SET lifecycle_stage = 'deleted', deleted_time = 1")
    command = [sys.executable, "-m", "mlflow", "gc", "--backend-store-uri", served.uri]
    env = {**os.environ, "MLFLOW_TRACKING_URI": served.url}
    ended = subprocess.run(
        command, capture_output=True, text=True, check=False, timeout=900, env=env
    )
    with served.ws.engine.begin() as raw:
        raw.exec_driver_sql("UPDATE runs SET lifecycle_stage = 'active', deleted_time = NULL")
    assert ended.returncode == 0, ended.stderr
    assert served.client.get_run(run).info.run_id == run
    assert (served.files / run / "artifacts" / "evidence" / "holdout.txt").exists()


def test_an_unguarded_server_is_not_started(tmp_path):
    command = [sys.executable, "-m", "mlflow", "server", "--app-name", "mlops", "--port", "1"]
    with unguarded(tmp_path) as env:
        ended = subprocess.run(
            [*command, "--backend-store-uri", f"sqlite:///{tmp_path}/mlflow.db"],
            capture_output=True, text=True, timeout=900, cwd=tmp_path,
            env={**os.environ, **env}, check=False,
        )  # fmt: skip
    assert ended.returncode == 1
    assert ended.stderr.strip().splitlines()[-1].startswith("The server is not started")
