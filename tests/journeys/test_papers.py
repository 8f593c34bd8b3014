"""What a run leaves in MLflow for whoever comes later."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from mlflow import MlflowClient

import mlops
from pipelines.errors import BadSetting

pytestmark = pytest.mark.filterwarnings("ignore")


def store():
    """The store of the folder that one stands in; MLflow keeps one open by its address."""
    return f"sqlite:///{Path('mlflow.db').resolve()}"


def loans(rows=900):
    draw = np.random.default_rng(0)
    frame = pd.DataFrame(draw.normal(size=(rows, 3)), columns=["income", "age", "debt"])
    frame["home"] = pd.Series(draw.choice(["rent", "own"], rows), dtype="str")
    chance = 1 / (1 + np.exp(3.5 - 2 * frame["debt"] + frame["income"]))
    frame["default"] = pd.Series(np.where(draw.random(rows) < chance, "late", "fine"), dtype="str")
    return frame


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A run in a folder of its own, with what MLflow knows of it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp("desk"))
        result = mlops.run(
            loans(),
            "default",
            name="loans",
            metric="balanced_accuracy",
            trials=5,
            algorithms=["lda", "naive_bayes"],
            workers=1,
            engine="serial",
        )
        yield result, MlflowClient(store(), store())


def paths(client, run_id, folder=""):
    return {each.path for each in client.list_artifacts(run_id, folder)}


def text(client, run_id, path, into):
    from mlflow.artifacts import download_artifacts

    found = download_artifacts(
        run_id=run_id, artifact_path=path, dst_path=str(into), tracking_uri=store()
    )
    return Path(found).read_text(encoding="utf-8")


def test_the_parent_run_has_its_charts_and_says_which_is_missing(made, tmp_path):
    result, client = made
    assert paths(client, result.run_id, "charts") == {
        f"charts/{name}"
        for name in (
            "roc.svg", "precision_recall.svg", "calibration.svg", "confusion.svg", "history.svg",
            "importances.txt",
        )
    }  # fmt: skip
    told = text(client, result.run_id, "charts/importances.txt", tmp_path)
    assert "12 are needed" in told


def test_the_leaderboard_has_the_baseline_and_says_what_is_indistinguishable(made, tmp_path):
    result, client = made
    page = text(client, result.run_id, "leaderboard.html", tmp_path)
    assert "corrected resampled t-test" in page
    text(client, result.run_id, "leaderboard.csv", tmp_path)
    table = pd.read_csv(tmp_path / "leaderboard.csv")
    assert "dummy" in set(table["algorithm"])
    assert {"p_value", "like_best"} <= set(table.columns)


def test_data_environment_and_seed_are_written_down(made, tmp_path):
    result, client = made
    run = client.get_run(result.run_id)
    [data] = run.inputs.dataset_inputs
    assert result.version.data_digest.startswith(data.dataset.digest)
    assert run.data.params["seed"] == "0"
    assert run.data.params["metric"] == "balanced_accuracy"
    locked = text(client, result.run_id, "environment.txt", tmp_path)
    assert locked.startswith("# Python 3")
    assert "\nscikit-learn==" in locked
    assert {"plan.json", "winner.json"} <= paths(client, result.run_id)


def test_the_number_has_its_interval_and_the_threshold_is_told_everywhere(made):
    result, client = made
    low, high = result.interval
    assert low <= result.score <= high
    more = mlops.show("loans/1").version.evidence["more"]
    assert more["interval"] == pytest.approx([low, high])
    card = client.get_model_version("loans", "1").description
    assert "(95 %)" in card
    decision = more["decision"]
    assert 0 < decision["threshold"] < 0.5
    assert "Names the second class from a chance of" in card
    model = mlops.load("loans/1")
    rows = loans().drop(columns="default")
    chances = model.probabilities(rows)["late"]
    assert ((model.predict(rows) == "late") == (chances > decision["threshold"])).all()


def test_a_commit_is_named_with_whether_files_changed_since(tmp_path, monkeypatch):
    import shutil
    import subprocess

    from pipelines.tracking.papers import git_tags

    monkeypatch.chdir(tmp_path)
    assert git_tags() == {}

    def git(*words):
        who = ["-c", "user.name=Ada", "-c", "user.email=ada@example.org"]
        subprocess.run([shutil.which("git"), *who, *words], check=True, capture_output=True)

    git("init", "-q")
    (tmp_path / "a.txt").write_text("1")
    git("add", "a.txt")
    git("commit", "-qm", "one")
    assert git_tags()["mlflow.source.git.dirty"] == "false"
    (tmp_path / "a.txt").write_text("2")
    assert git_tags()["mlflow.source.git.dirty"] == "true"
    assert len(git_tags()["mlflow.source.git.commit"]) == 40


def test_nested_evaluation_is_told_kept_and_refused_in_one_sentence(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    how = {"trials": 2, "algorithms": ["lda"], "workers": 1, "engine": "serial", "simple": True}
    result = mlops.run(loans(200), "default", name="loans", nested="2", **how)
    assert len(result.nested["scores"]) == 2
    assert "for the whole procedure, over 2 searches" in result.notes[-1]
    client = MlflowClient(store(), store())
    assert "nested.json" in paths(client, result.run_id)
    assert "nested_mean" in client.get_run(result.run_id).data.metrics
    assert (
        "nested evaluation over 2 searches" in client.get_model_version("loans", "1").description
    )
    with pytest.raises(BadSetting, match="Write folds and repeats"):
        mlops.run(loans(200), "default", nested="many", **how)
