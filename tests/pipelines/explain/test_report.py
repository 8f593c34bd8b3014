"""The report as a whole: every task and every odd table gives sections or reasons."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from lightgbm import LGBMClassifier, LGBMRegressor
from sklearn.ensemble import IsolationForest
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor

from pipelines.errors import BadSetting, UnknownColumn
from pipelines.explain.report import report
from pipelines.task import Task

ESTIMATORS = {
    "binary": (LGBMClassifier(n_estimators=20, verbose=-1, n_jobs=1), Task.CLASSIFICATION, 2),
    "multiclass": (LGBMClassifier(n_estimators=9, verbose=-1, n_jobs=1), Task.CLASSIFICATION, 3),
    "regression": (LGBMRegressor(n_estimators=20, verbose=-1, n_jobs=1), Task.REGRESSION, 0),
    "anomaly": (IsolationForest(n_estimators=20, random_state=0), Task.ANOMALY, 0),
    "neighbours": (KNeighborsClassifier(), Task.CLASSIFICATION, 3),
    "near values": (KNeighborsRegressor(), Task.REGRESSION, 0),
}


def made_up(made, name, frame=None):
    estimator, task, classes = ESTIMATORS[name]
    frame = made.table(400) if frame is None else frame
    labels = None if task is Task.ANOMALY else made.labels(frame, task, classes)
    target = labels if labels is None or task is Task.REGRESSION else labels.to_numpy(str)
    predictor = made.fitted(estimator, task, frame, target, fill=0.0)
    return predictor, frame, labels


@pytest.mark.parametrize("name", ESTIMATORS)
def test_every_task_gets_all_four_sections(made, name):
    predictor, frame, labels = made_up(made, name)
    found = report(
        predictor, frame[250:], labels=None if labels is None else labels[250:],
        background=frame[:250], by=["purpose"], rows=[3], seed=1,
    )  # fmt: skip
    told = json.loads(json.dumps(found.to_dict(), allow_nan=False))
    assert told["schema"] == "1"
    assert {"global", "local", "cohort", "trust"} <= set(told)
    assert len(told["global"]["weights"]) == frame.shape[1]
    assert told["local"]["cases"][0]["reasons"][0] == "asked for"
    assert told["cohort"]["groups"]
    accuracy = next(check for check in found.trust.checks if check.name == "Local accuracy")
    assert accuracy.fine
    outputs = len(found.about.outputs)
    for case in found.local.cases:
        assert np.shape(case.shap) == (outputs, frame.shape[1])


def test_exact_methods_say_exact_and_others_say_how_far_off_they_may_be(made):
    for name, extent in (("binary", "exact"), ("neighbours", "sampled")):
        predictor, frame, labels = made_up(made, name)
        found = report(predictor, frame[250:], labels=labels[250:], background=frame[:250])
        status = found.overall.status
        assert status.extent == extent
        assert (status.error is not None) == (extent == "sampled")


@pytest.mark.parametrize(("name", "extent"), [("binary", "exact"), ("neighbours", "sampled")])
def test_shap_and_lime_each_have_a_local_a_global_and_a_cohort_section(made, name, extent):
    predictor, frame, labels = made_up(made, name)
    found = report(
        predictor, frame[250:], labels=labels[250:], background=frame[:250], by=["purpose"]
    )
    for sections in (found.shap_sections, found.lime_sections):
        assert list(sections) == ["local", "global", "cohort"]
        assert {status.extent for status in sections.values()} == {extent}
    for weights in (found.overall.weights, found.overall.lime):
        assert sorted(weight.column for weight in weights) == sorted(frame.columns)
        assert all(weight.low <= weight.strength <= weight.high for weight in weights)
        assert next(w for w in weights if w.column == "constant").strength == pytest.approx(0)
    group = found.cohorts.groups[0]
    assert group.shap[0].here >= group.shap[1].here
    assert group.lime[0].low <= group.lime[0].here <= group.lime[0].high
    if extent == "sampled":
        assert "another seed by" in str(found.lime_sections["global"])


def test_a_constant_column_moves_nothing(made):
    for name in ("binary", "neighbours"):
        predictor, frame, labels = made_up(made, name)
        found = report(predictor, frame[250:], labels=labels[250:], background=frame[:250])
        weights = {weight.column: weight.strength for weight in found.overall.weights}
        assert weights["constant"] == 0
        assert weights["employed"] > 0


@pytest.mark.parametrize("name", ["binary", "anomaly", "near values"])
def test_one_row_is_enough(made, name):
    predictor, frame, labels = made_up(made, name)
    first = None if labels is None else labels[:1]
    found = report(predictor, frame[:1], labels=first, background=frame[:1])
    assert len(found.local.cases) == 1
    assert "rows" in str(found.cohorts.slices_status) or "labels" in str(
        found.cohorts.slices_status
    )


@pytest.mark.parametrize("kind", [LGBMRegressor, KNeighborsRegressor])
def test_one_column_is_enough(made, kind):
    frame = made.table(300)[["age"]]
    labels = pd.Series(frame["age"] * 2.0)
    predictor = made.fitted(kind(), Task.REGRESSION, frame, labels)
    found = report(predictor, frame[200:], labels=labels[200:], background=frame[:200])
    assert found.overall.weights[0].share == pytest.approx(1)


def test_without_labels_groups_compare_answers_and_the_rest_says_why(made):
    predictor, frame, _ = made_up(made, "binary")
    found = report(predictor, frame[250:], labels=None, background=frame[:250])
    assert found.cohorts.loss == "answer"
    assert str(found.overall.reliance_status) == "skipped: there are no labels"
    assert str(found.cohorts.slices_status) == "skipped: there are no labels"
    assert all(case.label is None for case in found.local.cases)


def test_labels_are_recognised_whatever_their_dtype(made):
    frame = made.table(400)
    truth = (made.labels(frame, Task.CLASSIFICATION) == "bad").to_numpy(bool)
    predictor = made.fitted(
        LGBMClassifier(n_estimators=9, verbose=-1), Task.CLASSIFICATION, frame, truth.astype(int)
    )
    losses = []
    for labels in (truth.astype(int), truth.astype(float)):
        found = report(
            predictor, frame[250:], labels=pd.Series(labels[250:]), background=frame[:250]
        )
        losses.append([group.loss for group in found.cohorts.groups])
    assert losses[0] == losses[1]
    assert max(losses[0]) < 1


def test_a_spent_budget_names_what_did_not_fit(made):
    predictor, frame, labels = made_up(made, "neighbours")
    found = report(
        predictor, frame[150:], labels=labels[150:], background=frame[:150], budget=1e-6
    )
    assert found.local.status.extent == "skipped"
    assert "budget" in str(found.local.lime_status)
    assert "budget" in str(found.cohorts.slices_status)
    json.dumps(found.to_dict(), allow_nan=False)


def test_the_same_seed_gives_the_same_numbers(made):
    predictor, frame, labels = made_up(made, "binary")

    def numbers():
        found = report(
            predictor, frame[250:], labels=labels[250:], background=frame[:250]
        ).to_dict()
        del found["about"]
        return found

    assert numbers() == numbers()


def test_unknown_columns_and_rows_are_named(made):
    predictor, frame, labels = made_up(made, "binary")
    with pytest.raises(UnknownColumn, match="Did you mean 'purpose'"):
        report(predictor, frame, labels=labels, background=frame, by=["purpos"])
    with pytest.raises(BadSetting, match="rows 0 to 399"):
        report(predictor, frame, labels=labels, background=frame, rows=[400])


def test_rows_keep_the_names_of_the_index(made):
    predictor, frame, labels = made_up(made, "binary")
    frame.index = [f"loan-{number}" for number in range(len(frame))]
    found = report(predictor, frame[250:], labels=labels[250:], background=frame[:250], rows=[0])
    assert found.local.cases[0].row == "loan-250"


def test_the_interaction_of_two_columns_shows_in_single_rows(made):
    predictor, frame, labels = made_up(made, "binary")
    found = report(predictor, frame[250:], labels=labels[250:], background=frame[:250])
    top = {weight.column for weight in found.overall.weights[:4]}
    assert {"income", "employed"} <= top
