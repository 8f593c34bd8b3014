"""Every kind of model on every odd table: a report, and a reason for each section it lacks."""

from __future__ import annotations

import json
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from lightgbm import LGBMClassifier, LGBMRegressor
from sklearn import ensemble, linear_model, naive_bayes, neighbors
from sklearn.neighbors import LocalOutlierFactor

from pipelines.adapters.combined import Ensemble
from pipelines.explain.page import render
from pipelines.explain.report import report
from pipelines.task import Task

C, R, A = Task.CLASSIFICATION, Task.REGRESSION, Task.ANOMALY
MODELS = {
    "lightgbm": (C, 2, LGBMClassifier(n_estimators=5, verbose=-1, n_jobs=1)),
    "lightgbm classes": (C, 3, LGBMClassifier(n_estimators=4, verbose=-1, n_jobs=1)),
    "lightgbm values": (R, 0, LGBMRegressor(n_estimators=5, verbose=-1, n_jobs=1)),
    "forest classes": (C, 3, ensemble.RandomForestClassifier(4, max_depth=4)),
    "logistic classes": (C, 3, linear_model.LogisticRegression(max_iter=50)),
    "ridge": (R, 0, linear_model.Ridge()),
    "bayes": (C, 2, naive_bayes.GaussianNB(var_smoothing=1.0)),
    "neighbours": (C, 2, neighbors.KNeighborsClassifier(3)),
    "mean of two": (R, 0, None),
    "isolation forest": (A, 0, ensemble.IsolationForest(n_estimators=5, random_state=0)),
    "outlier factor": (A, 0, LocalOutlierFactor(n_neighbors=5, novelty=True)),
}


def plain(made):
    return made.table(90)


def holes(frame):
    for every, name in enumerate(frame.columns, start=2):
        frame[name] = frame[name].astype(object if name == "employed" else frame[name].dtype)
        frame[name] = frame[name].where(frame.index % every > 0)
    return frame.assign(nothing=np.nan)


TABLES = {
    "every kind of column": plain,
    "numbers and a constant": lambda made: plain(made)[["income", "age", "constant"]],
    "strings of pandas 3": lambda made: plain(made)[["purpose", "age"]].astype({"purpose": "str"}),
    "one column": lambda made: plain(made)[["age"]],
    "missing everywhere": lambda made: holes(plain(made)),
    "one row": plain,
}


def hidden(frame: pd.DataFrame, task: Task, classes: int) -> pd.Series:
    rng = np.random.default_rng(0)
    age = frame["age"].fillna(40).to_numpy() if "age" in frame else np.zeros(len(frame))
    drawn = pd.Series(age / 20 + rng.normal(size=len(frame)))
    if task is R:
        return drawn
    words = np.array(["bad, really", "good", "ünsure"])[:classes]
    return pd.Series(pd.array(words[pd.qcut(drawn, classes, labels=False)], dtype="str"))


def predictor_of(made, name: str, frame: pd.DataFrame, labels: pd.Series | None):
    task, _, estimator = MODELS[name]
    if estimator is None:
        members = [
            made.fitted(one, task, frame, labels, fill=0.0).model
            for one in (linear_model.Ridge(), LGBMRegressor(n_estimators=4, verbose=-1, n_jobs=1))
        ]
        for member in members:
            member.algorithm, member.explain_with = "member", "own"
        return made.Predictor(Ensemble(members, [1, 1]))
    target = labels if labels is None or task is R else labels.to_numpy(str)
    return made.fitted(estimator, task, frame, target, fill=0.0)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize("name", MODELS)
def test_there_is_a_report_or_a_stated_reason(made, name, table):
    frame = TABLES[table](made)
    task, classes, _ = MODELS[name]
    labels = None if task is A else hidden(frame, task, classes)
    predictor = predictor_of(made, name, frame, labels)
    rows = frame[60:61] if table == "one row" else frame[60:]
    truth = None if labels is None else labels[rows.index[0] : rows.index[-1] + 1]
    by = [rows.columns[0]]
    found = report(predictor, rows, labels=truth, background=frame[:30], by=by, budget=4)
    told = json.loads(json.dumps(found.to_dict(), allow_nan=False))
    for section, status in told["statuses"].items():
        extent, _, why = status.partition(": ")
        assert extent in {"exact", "sampled", "skipped"}, section
        assert extent != "skipped" or why, section
    assert len(told["global"]["weights"]) == frame.shape[1]
    assert all(np.isfinite(weight.strength) for weight in found.overall.weights)
    assert found.trust.checks[0].fine
    assert "</html>" in render(found)


def test_there_are_at_least_forty_cases():
    assert len(MODELS) * len(TABLES) >= 40


def test_a_report_with_many_columns_and_classes_stays_under_a_megabyte(made):
    rng = np.random.default_rng(0)
    names = [f"a column with a rather long name, number {j}" for j in range(150)]
    frame = pd.DataFrame(rng.normal(size=(160, 150)), columns=names)
    labels = np.array([f"class {k}" for k in range(10)])[np.arange(160) % 10]
    estimator = LGBMClassifier(n_estimators=2, num_leaves=4, verbose=-1, n_jobs=1)
    predictor = made.fitted(estimator, C, frame, labels)
    found = report(predictor, frame[80:], labels=pd.Series(labels[80:]), background=frame[:80])
    page = render(found)
    assert len(page.encode()) < 1_000_000
    assert "more rows are in report.json" in page
    assert len(found.local.cases) > 0


def test_a_report_of_usual_size_is_small_and_whole(made, tmp_path):
    from pipelines.explain.page import write

    rng = np.random.default_rng(0)
    frame = pd.DataFrame(rng.normal(size=(900, 30)), columns=[f"c{j}" for j in range(30)])
    labels = pd.Series(np.where(frame.c0 + frame.c1 * frame.c2 > 0, "yes", "no"))
    estimator = LGBMClassifier(n_estimators=20, verbose=-1, n_jobs=1)
    predictor = made.fitted(estimator, C, frame, labels.to_numpy(str))
    found = report(predictor, frame[300:], labels=labels[300:], background=frame[:300], by=["c0"])
    sizes = {path.name: path.stat().st_size for path in write(found, tmp_path)}
    assert sizes["report.html"] <= 400_000
    assert {"report.json", "values.parquet"} < sizes.keys()
    assert sum(name.endswith(".png") for name in sizes) == 3
    values = SimpleNamespace(**pd.read_parquet(tmp_path / "values.parquet"))
    assert {"row", "column", "output", "value", "shap", "lime"} == set(vars(values))
    assert len(values.shap) == 600 * 30
