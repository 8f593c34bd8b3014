"""The same journey from Python, in a folder where nothing was set up."""

import json

import mlflow
import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_diabetes, load_iris

import mlops
from pipelines.errors import SchemaMismatch
from registry.errors import GatesFailed, UnknownVersion
from registry.stages import Stage

pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def quick(frame, target, **options):
    wanted = {
        "trials": 3,
        "algorithms": ["logistic", "lightgbm"],
        "workers": 1,
        "engine": "serial",
    }
    return mlops.run(frame, target, **{**wanted, **options})


def flowers():
    frame = load_iris(as_frame=True).frame
    frame["target"] = frame["target"].map({0: "setosa", 1: "versicolor", 2: "virginica"})
    frame["petal length (cm)"] = frame["petal length (cm)"].where(np.arange(150) % 9 > 0)
    return frame


def test_a_frame_becomes_a_version_that_answers():
    frame = flowers()
    result = quick(frame, "target", name="iris")
    assert str(result.version) == "iris/1"
    assert list(result.leaderboard["rank"]) == list(range(1, len(result.leaderboard) + 1))
    model = mlops.load("iris@latest")
    answers = model.predict(frame.drop(columns="target"))
    assert (answers == frame["target"]).mean() > 0.9
    assert list(model.probabilities(frame).columns) == ["setosa", "versicolor", "virginica"]


def test_the_same_seed_gives_the_same_trials_and_the_same_winner():
    frame = flowers()
    first, again = (quick(frame, "target", name="iris", seed=3) for _ in range(2))
    columns = ["algorithm", "score", "params"]
    pd.testing.assert_frame_equal(first.leaderboard[columns], again.leaderboard[columns])
    assert first.metrics == again.metrics
    assert str(again.version) == "iris/2"


def test_a_regression_goes_the_same_way():
    frame = load_diabetes(as_frame=True).frame
    result = quick(frame, "target", name="diabetes", algorithms=["ridge", "lightgbm"])
    assert result.task == "regression"
    assert {"rmse", "mae", "r2"} <= result.metrics.keys()
    assert result.baseline > result.score


def test_without_a_target_the_strange_rows_are_looked_for():
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(rng.normal(size=(300, 4)), columns=list("abcd"))
    frame.iloc[:6] += 8
    result = mlops.run(frame, name="events", trials=4, workers=1, engine="serial")
    assert result.task == "anomaly"
    answers = mlops.load("events/1").answers(frame)
    assert set(answers["score"].nlargest(6).index) == set(range(6))
    assert answers["prediction"].isin([0, 1]).all()


def test_promotion_goes_through_the_gates_and_one_version_is_in_production():
    frame = flowers()
    for _ in range(2):
        version = quick(frame, "target", name="iris").version
        mlops.promote(version, to="staging", reason="looks good")
        mlops.promote(version, to=Stage.PRODUCTION)
    stages = {str(each): each.stage for each in mlops.versions("iris")}
    assert stages == {"iris/1": Stage.ARCHIVED, "iris/2": Stage.PRODUCTION}
    assert mlops.check("iris/2", to="staging").passed


def test_a_worse_model_is_kept_from_production():
    frame = flowers()
    good = quick(frame, "target", name="iris").version
    mlops.promote(good, to="staging")
    mlops.promote(good, to="production")
    frame["target"] = np.random.default_rng(0).permutation(frame["target"])
    bad = quick(frame, "target", name="iris").version
    mlops.promote(bad, to="staging")
    with pytest.raises(GatesFailed, match="G009"):
        mlops.promote(bad, to="production")
    assert mlops.show("iris@production").version.number == good.number


def test_mlflow_loads_and_describes_what_was_registered(folder):
    frame = flowers()
    quick(frame, "target", name="iris")
    mlops.promote("iris/1", to="staging")
    store = f"sqlite:///{folder / 'mlflow.db'}"
    mlflow.set_tracking_uri(store)
    mlflow.set_registry_uri(store)
    try:
        loaded = mlflow.pyfunc.load_model("models:/iris@staging")
        told = loaded.predict(frame.drop(columns="target").head(20))
        assert loaded.metadata.signature is not None
        assert loaded.input_example is not None
    finally:
        mlflow.set_tracking_uri(None)
        mlflow.set_registry_uri(None)
    assert list(told.columns) == [
        "prediction",
        *(f"probability_{c}" for c in mlops.load("iris/1").classes),
    ]


def test_rows_of_another_shape_are_refused_by_the_columns_name():
    quick(flowers(), "target", name="iris")
    model = mlops.load("iris/1")
    with pytest.raises(SchemaMismatch, match="petal width"):
        model.predict(flowers().drop(columns="petal width (cm)"))


def test_a_model_whose_bytes_were_changed_is_not_opened(folder):
    quick(flowers(), "target", name="iris")
    [card] = (folder / "mlruns").rglob("model.json")
    told = json.loads(card.read_text())
    card.write_text(json.dumps({**told, "why": "changed"}))
    from pipelines.errors import BadModel

    with pytest.raises(BadModel, match="digest"):
        mlops.load("iris/1")


def test_an_unknown_version_says_what_there_is():
    quick(flowers(), "target", name="iris")
    with pytest.raises(UnknownVersion, match="iris"):
        mlops.load("iris/9")
