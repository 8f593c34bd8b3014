"""The parts of a report beside the weights: pairs, curves, treatment, values, stability."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from lightgbm import LGBMClassifier, LGBMRegressor
from sklearn.linear_model import Ridge
from sklearn.neighbors import KNeighborsClassifier

from pipelines.errors import UnknownColumn
from pipelines.explain import clusters
from pipelines.explain.page import render, write
from pipelines.explain.question import Question
from pipelines.explain.reasons import next_to_label
from pipelines.explain.report import report
from pipelines.task import Task


@pytest.fixture(scope="module")
def numbers():
    rng = np.random.default_rng(0)
    return pd.DataFrame(rng.normal(size=(700, 4)), columns=list("abcd"))


def explained(made, estimator, task, frame, labels, **asked):
    target = labels if task is Task.REGRESSION else labels.to_numpy(str)
    predictor = made.fitted(estimator, task, frame, target, fill=0.0)
    half = len(frame) // 2
    return report(predictor, frame[half:], labels=labels[half:], background=frame[:half], **asked)


def test_the_pair_that_was_multiplied_comes_first(made, numbers):
    labels = pd.Series(3 * numbers["a"] * numbers["b"] + numbers["c"] + numbers["d"])
    estimator = LGBMRegressor(n_estimators=60, verbose=-1, n_jobs=1)
    found = explained(made, estimator, Task.REGRESSION, numbers, labels).overall
    first, *others = found.interactions
    assert {first.first, first.second} == {"a", "b"}
    assert first.strength > 3 * max(other.strength for other in others)
    assert 0.4 < first.share <= 1
    assert max(other.share for other in others) < first.share
    assert found.interactions_status.extent == "sampled"


def test_a_model_that_only_adds_up_has_no_pairs(made, numbers):
    labels = pd.Series(numbers["a"] - 2 * numbers["b"])
    found = explained(made, Ridge(), Task.REGRESSION, numbers, labels).overall
    assert found.interactions == ()
    assert found.interactions_status.rows


def test_answers_follow_the_value_in_every_kind_of_curve(made, numbers):
    labels = pd.Series(2 * numbers["a"] + numbers["b"])
    found = explained(made, Ridge(alpha=1e-9), Task.REGRESSION, numbers, labels).overall
    curve = next(curve for curve in found.curves if curve.column == "a")
    rises = np.diff(curve.centres) * 2
    assert np.diff(curve.answer) == pytest.approx(rises, abs=1e-6)
    assert np.diff(curve.local) == pytest.approx(rises, abs=1e-6)
    for single in curve.single:
        assert np.diff(single) == pytest.approx(rises, abs=1e-6)


def test_curves_know_levels_dates_and_missing_cells(made):
    frame = made.table(500)
    labels = made.labels(frame, Task.CLASSIFICATION, 3)
    estimator = LGBMClassifier(n_estimators=9, verbose=-1, n_jobs=1)
    found = explained(made, estimator, Task.CLASSIFICATION, frame, labels).overall
    curves = {curve.column: curve for curve in found.curves}
    assert curves["purpose"].labels[-1] == "missing"
    for curve in curves.values():
        assert len(curve.answer) == len(curve.labels)
        assert all(0 <= answer <= 1 for answer in curve.answer)
        known = sum(np.isfinite(curve.centres))
        assert len(curve.local) == (known if curve.numeric and known > 1 else 0)


def test_unequal_treatment_is_seen_and_equal_treatment_is_not(made, numbers):
    rng = np.random.default_rng(1)
    frame = pd.concat([numbers] * 2, ignore_index=True)
    group = np.where(frame["a"] > 0, "north", "south")
    labels = pd.Series(np.where(frame["a"] + frame["b"] > 0, "yes", "no"))
    estimator = LGBMClassifier(n_estimators=20, verbose=-1, n_jobs=1)
    predictor = made.fitted(estimator, Task.CLASSIFICATION, frame, labels.to_numpy(str))

    class Schema:
        def conform(self, rows):
            return rows[list("abcd")]

    predictor.schema = Schema()
    data = frame.assign(region=group, coin=rng.choice(["heads", "tails"], len(frame)))
    found = report(
        predictor, data[700:], labels=labels[700:], background=data[:700],
        sensitive=["region", "coin"],
    ).cohorts  # fmt: skip
    told = {one.condition: one for one in found.fairness}
    north = told["region = north"]
    assert north.selected.value > 0.7
    assert north.selected.gap > 0.4
    assert north.selected.p_holm < 0.001
    assert told["region = south"].hits is not None
    assert told["coin = heads"].selected.p_holm > 0.05
    assert told["coin = heads"].calibration.p_holm > 0.05


def test_treatment_without_outcomes_and_of_values(made, numbers):
    labels = pd.Series(numbers["a"] * 2.0)
    predictor = made.fitted(Ridge(), Task.REGRESSION, numbers, labels)
    found = report(
        predictor, numbers[350:], labels=labels[350:], background=numbers[:350], sensitive=["b"]
    )
    one = found.cohorts.fairness[0]
    assert one.hits is None
    assert one.calibration is not None
    assert "How groups are treated" in render(found)
    bare = report(predictor, numbers[350:], labels=None, background=numbers[:350], sensitive=["b"])
    assert bare.cohorts.fairness[0].calibration is None
    with pytest.raises(UnknownColumn):
        report(predictor, numbers, labels=None, background=numbers, sensitive=["race"])


@pytest.mark.parametrize("classes", [2, 3])
def test_the_values_are_those_of_the_single_rows(made, tmp_path, classes):
    frame = made.table(300)
    labels = made.labels(frame, Task.CLASSIFICATION, classes)
    found = explained(made, KNeighborsClassifier(), Task.CLASSIFICATION, frame, labels)
    write(found, tmp_path)
    kept = pd.read_parquet(tmp_path / "values.parquet")
    assert list(kept.columns) == ["row", "column", "output", "value", "shap", "lime"]
    case, outputs = found.local.cases[0], found.about.outputs
    mine = kept[kept["row"] == case.row].set_index(["column", "output"])
    for j, column in enumerate(found.about.columns):
        assert mine.loc[(column, outputs[0]), "shap"] == pytest.approx(case.shap[0][j], abs=1e-6)
        assert mine.loc[(column, outputs[0]), "lime"] == pytest.approx(case.lime[0][j], abs=1e-6)


def test_a_small_background_is_called_unstable(made, numbers):
    labels = pd.Series(3 * numbers["a"] * numbers["b"] + numbers["c"])
    estimator = LGBMRegressor(n_estimators=30, verbose=-1, n_jobs=1)
    predictor = made.fitted(estimator, Task.REGRESSION, numbers, labels)
    moved = []
    for rows in (4, 600):
        found = report(
            predictor, numbers[600:], labels=labels[600:], background=numbers[:rows]
        ).trust
        moved.append(next(one for one in found.checks if one.name == "Another background"))
    assert not moved[0].fine
    assert moved[1].fine


@pytest.mark.parametrize(
    ("score", "columns"),
    [
        (lambda a, b: np.abs(a - b) + np.abs(a), [("a", "b")]),  # usual a alone is stranger still
        (lambda a, b: np.abs(a), [("a",)]),
        (lambda a, b: 0 * a, []),
    ],
)
def test_a_cluster_names_columns_whose_usual_cells_make_its_score_fall(score, columns):
    model = SimpleNamespace(
        score=lambda frame: score(frame["a"].to_numpy(), frame["b"].to_numpy())
    )
    predictor = SimpleNamespace(task=Task.ANOMALY, classes=(), schema=None, model=model)
    rows = pd.DataFrame({"a": np.linspace(5, 6, 9), "b": np.linspace(13, 14, 9)})
    usual = pd.DataFrame(np.random.default_rng(0).normal(size=(60, 2)), columns=["a", "b"])
    found = clusters.of(Question(predictor), rows, np.tile([1.0, 0.1], (9, 1)), usual)
    assert [one.columns for one in found] == columns
    assert all(one.without < one.score for one in found)


@pytest.mark.parametrize("rows", [30, 1_000, 50_000])
def test_half_of_the_rows_to_label_are_the_strangest_however_large_the_table(rows):
    scores = np.random.default_rng(0).permutation(rows).astype(float)
    cells = np.sin(np.arange(rows))[:, None]
    edge = 0.8 * rows
    chosen = np.array(next_to_label(scores, edge, cells, 8, known=[int(scores.argmax())]))
    assert len(set(chosen)) == 8
    assert (scores[chosen] >= rows - 1 - 16).sum() >= 4
    assert (np.abs(scores[chosen] - edge) <= 9).sum() >= 4
    assert int(scores.argmax()) not in chosen
