"""A logged model: served by MLflow alone, fetched back byte for byte, refused when changed."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
import urllib.error
import urllib.request
from contextlib import contextmanager
from importlib import metadata
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from pipelines import packaging, serving
from pipelines.errors import BadModel, TrackingDown
from pipelines.task import Task
from pipelines.tracking import Tracker, attach, download
from tests.servers import free_port

ELSEWHERE = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}

PREDICT = """
import json, sys, warnings
from pathlib import Path
warnings.simplefilter("ignore")
sys.path[:] = [folder for folder in sys.path if not Path(folder, "pipelines").is_dir()]
import mlflow.pyfunc, pandas as pd
model = mlflow.pyfunc.load_model(sys.argv[1])
import pipelines
answers = model.predict(pd.read_csv("rows.csv"))
told = {"answers": answers.to_dict("records"), "code": pipelines.__file__,
        "mlops": hasattr(sys.modules.get("mlops"), "run"),
        "inputs": model.metadata.get_input_schema().input_names()}
print(json.dumps(told))
"""

ALONE = """
import json, sys
from importlib import metadata
from pathlib import Path

folder, allowed = Path(sys.argv[1]), set(json.loads(sys.argv[2]))
known = metadata.packages_distributions()

class Nothing:
    def find_spec(self, name, path=None, target=None):
        homes = known.get(name.partition(".")[0], ())
        if homes and not any(h.lower().replace("_", "-") in allowed for h in homes):
            raise ModuleNotFoundError(name, name=name)

sys.meta_path.insert(0, Nothing())
sys.path.insert(0, str(folder / "code"))
import pandas as pd
from pipelines import serving
predictor = serving.load(folder)
told = predictor.answers(pd.read_csv("rows.csv"))
print(json.dumps([len(told), sorted({name.partition(".")[0] for name in sys.modules})]))
"""

DIGEST = "import sys; from pathlib import Path; from pipelines import packaging; " \
    "print(packaging.digest_of(Path(sys.argv[1])))"  # fmt: skip


@pytest.fixture
def logged(store, fitted, tmp_path):
    """Return (logged model, fitted model), with rows.csv in the current folder."""
    one = fitted("lightgbm", Task.CLASSIFICATION)
    folder = packaging.save(one.model, one.schema, tmp_path / "saved", about={}, rows=one.rows)
    one.rows.tail(6).to_csv("rows.csv", index=False)
    tracker = Tracker(store.uri, "credit-risk")
    tracker.start("one", {}, {})
    made = tracker.log_model(folder, example=one.rows)
    tracker.finish(metrics={"roc_auc": 0.9})
    return made, one


def python(script, *arguments, store=None, **more):
    env = {**ELSEWHERE, **({"MLFLOW_TRACKING_URI": store.uri} if store else {}), **more}
    line = [sys.executable, "-c", script, *map(str, arguments)]
    ran = subprocess.run(line, env=env, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    return json.loads(ran.stdout.strip().splitlines()[-1])


def test_the_digest_holds_after_a_download_and_after_reports_were_attached(
    logged, store, tmp_path
):
    made, one = logged
    (tmp_path / "report").mkdir()
    (tmp_path / "report" / "report.html").write_text("<p>why</p>")
    where = attach(store.uri, made.model_id, tmp_path / "report", "shap")
    assert where == f"{made.uri}/reports/shap"
    assert (download(store.uri, where, tmp_path / "back") / "report.html").exists()
    whole = download(store.uri, made.uri, tmp_path / "whole")
    assert packaging.digest_of(whole) == made.digest
    predictor = serving.load(whole, digest=made.digest)
    expected = serving.Predictor(one.model, one.schema, {}).answers(one.rows)
    pd.testing.assert_frame_equal(predictor.answers(one.rows), expected)


def test_the_digest_holds_in_another_process_for_a_registered_version(logged, store, tmp_path):
    from mlflow import MlflowClient

    made, _ = logged
    client = MlflowClient(store.uri, store.uri)
    client.create_registered_model("credit-risk")
    client.create_model_version("credit-risk", made.uri, model_id=made.model_id)
    client.set_registered_model_alias("credit-risk", "staging", "1")
    whole = download(store.uri, "models:/credit-risk@staging", tmp_path / "down")
    root = str(Path(packaging.__file__).parents[1])
    ran = subprocess.run(
        [sys.executable, "-c", DIGEST, str(whole)],
        env={**ELSEWHERE, "PYTHONPATH": root}, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert ran.stdout.strip() == made.digest


def test_a_changed_artifact_is_refused(logged, store, tmp_path):
    made, _ = logged
    whole = download(store.uri, made.uri, tmp_path / "down")
    code = whole / "code" / "pipelines" / "serving.py"
    code.write_text(code.read_text() + "\n# changed\n")
    with pytest.raises(BadModel, match="not the one on record"):
        serving.load(whole, digest=made.digest)


def test_mlflow_loads_it_where_this_project_is_not_installed(logged, store):
    made, one = logged
    told = python(PREDICT, made.uri, store=store)
    expected = serving.Predictor(one.model, one.schema, {}).answers(one.rows.tail(6))
    found = pd.DataFrame(told["answers"], index=expected.index).astype(expected.dtypes)
    pd.testing.assert_frame_equal(found, expected)
    assert "artifacts/code" in told["code"]
    assert told["mlops"] is False
    assert told["inputs"] == list(one.schema.names)


HERE = PREDICT.replace("sys.path[:] =", "elsewhere =")
"""The same where this project is installed: MLflow then has our guard in it."""


def test_a_model_answers_by_its_own_code_where_another_release_is_installed(logged, store):
    made, _ = logged
    told = python(HERE, made.uri, store=store)
    assert "artifacts/code" in told["code"]


def test_a_model_whose_code_comes_too_late_says_so(logged, store, tmp_path, caplog):
    made, _ = logged
    whole = download(store.uri, made.uri, tmp_path / "down")
    inner = next(whole.rglob("model.json")).parent
    serving._load_pyfunc(str(inner))
    assert not caplog.text
    (whole / "code" / "pipelines" / "serving.py").write_text("# another release\n")
    serving._load_pyfunc(str(inner))
    assert "brings its own code" in caplog.text


def test_the_requirements_are_enough_and_no_more_than_predicting_needs(logged, store, tmp_path):
    made, _ = logged
    whole = download(store.uri, made.uri, tmp_path / "down")
    rows, modules = python(ALONE, whole, json.dumps(sorted(closure(made.requirements))))
    assert rows == 6
    assert not {"mlflow", "optuna", "shap", "mlops", "registry"} & set(modules)
    written = (whole / "requirements.txt").read_text().split()
    assert set(made.requirements) <= set(written)
    assert all("==" in line for line in written)


def test_rows_of_any_sensible_dtype_pass_mlflows_own_check(logged, store):
    from mlflow import set_tracking_uri
    from mlflow.pyfunc import load_model

    made, one = logged
    path = list(sys.path)
    set_tracking_uri(store.uri)
    try:
        model = load_model(made.uri)
    finally:
        set_tracking_uri(None)
        sys.path[:] = path
    rows = one.rows.head(5).reset_index(drop=True)
    whole = rows.assign(income=[1, 2, 3, 4, 5], region=np.nan, amount=[None] * 5)
    whole = whole.assign(has_guarantor=[True, None, False, None, True], age=[40.5] * 5)
    whole = whole.assign(application_date="2024-05-01", employment=pd.Categorical(["own"] * 5))
    assert model.predict(whole).columns[0] == "prediction"
    assert len(model.predict(whole)) == 5
    example = model.metadata.load_input_example(str(download(store.uri, made.uri, Path("again"))))
    assert len(model.predict(example)) == 5


def test_mlflow_serves_it_over_http_with_strings_and_nulls(logged, store):
    made, one = logged
    rows = json.loads(one.rows.head(3).to_json(orient="split", index=False, date_format="iso"))
    rows["data"][1] = [None] * len(rows["columns"])
    with served(made.uri, store) as url:
        status, told = post(url, {"dataframe_split": rows})
        assert status == 200
        assert [set(row) for row in told["predictions"]] == [
            {"prediction", "probability_defaulted", "probability_repaid"}
        ] * 3
        assert {row["prediction"] for row in told["predictions"]} <= {"defaulted", "repaid"}
        less = {"columns": rows["columns"][1:], "data": [row[1:] for row in rows["data"]]}
        status, told = post(url, {"dataframe_split": less})
        assert status == 400
        assert rows["columns"][0] in told["message"]


def test_logging_infers_nothing_and_leaves_no_global_state(logged, store, fitted):
    import mlflow

    state = (mlflow.active_run(), mlflow.is_tracking_uri_set(), mlflow.get_tracking_uri())
    one = fitted("lightgbm", Task.CLASSIFICATION)
    tracker = Tracker(store.uri, "credit-risk")
    tracker.start("two", {}, {})
    before, path = time.process_time(), list(sys.path)
    tracker.log_model(Path("saved"), example=one.rows)
    assert time.process_time() - before < 20, "requirements are inferred"
    assert sys.path == path
    tracker.finish()
    assert state == (mlflow.active_run(), mlflow.is_tracking_uri_set(), mlflow.get_tracking_uri())


def test_the_logged_model_belongs_to_its_run_and_carries_its_metrics(logged, store):
    made, _ = logged
    ((run_id, status),) = store.ask(
        "select source_run_id, status from logged_models where model_id = ?", made.model_id
    )
    assert store.status(run_id) == "FINISHED"
    found = store.ask("select metric_name from logged_model_metrics where model_id = ?",
                      made.model_id)  # fmt: skip
    assert found == [("roc_auc",)]
    assert status in (2, "READY", "LOGGED_MODEL_READY")


def test_a_model_that_is_not_there_is_one_sentence(store, tmp_path):
    with pytest.raises(TrackingDown) as told:
        download(store.uri, "models:/nobody/3", tmp_path / "down")
    assert "\n" not in str(told.value)


def canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def closure(requirements) -> set[str]:
    """Return all that pip would install for these requirements."""
    todo = [re.split(r"[^A-Za-z0-9._-]", line)[0] for line in requirements]
    found: set[str] = set()
    while todo:
        name = canonical(todo.pop())
        if name not in found:
            found.add(name)
            try:
                needed = metadata.requires(name) or []
            except metadata.PackageNotFoundError:
                continue
            todo += [
                re.split(r"[^A-Za-z0-9._-]", each)[0] for each in needed if "extra" not in each
            ]
    return found


@contextmanager
def served(uri, store):
    port = free_port()
    env = {**ELSEWHERE, "MLFLOW_TRACKING_URI": store.uri}
    env["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{env['PATH']}"
    line = [sys.executable, "-m", "mlflow", "models", "serve", "-m", uri]
    with Path("serve.log").open("wb") as log:
        server = subprocess.Popen(
            [*line, "--env-manager", "local", "-p", str(port)],
            env=env, stdout=log, stderr=log, start_new_session=True,
        )  # fmt: skip
    try:
        url = f"http://127.0.0.1:{port}"
        for _ in range(1200):
            assert server.poll() is None, Path("serve.log").read_text()[-3000:]
            try:
                urllib.request.urlopen(f"{url}/ping", timeout=10).close()
                break
            except (urllib.error.URLError, OSError):
                time.sleep(0.2)
        yield url
    finally:
        os.killpg(server.pid, 15)
        server.wait(120)


def post(url, body):
    asked = urllib.request.Request(
        f"{url}/invocations", json.dumps(body).encode(), {"Content-Type": "application/json"}
    )
    try:
        with urllib.request.urlopen(asked, timeout=240) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.load(error)
