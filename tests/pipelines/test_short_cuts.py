"""A few rows are answered past the libraries' checks, and the answer is the same."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from pipelines import algorithms
from pipelines.adapters import build, short_cuts
from pipelines.adapters.combined import Ensemble
from pipelines.adapters.stacked import Stack
from pipelines.cleaning.few import MOST
from pipelines.cleaning.plan import plan as propose
from pipelines.profile.table import profile
from pipelines.task import Task
from pipelines.testing import example

KEYS = ("lightgbm", "xgboost", "random_forest", "extra_trees", "logistic", "ridge", "knn")
CASES = [
    (row.task, row.key)
    for row in algorithms.catalogue()
    if row.key in KEYS and row.task is not Task.ANOMALY and row.installed
]


@pytest.fixture(scope="module", params=[Task.CLASSIFICATION, Task.REGRESSION])
def table(request):
    return example(request.param, rows=200)


def fitted(key, table, kinds=None):
    frame = table.frame
    if kinds is not None:
        frame = frame.assign(**{table.target: np.arange(len(frame)) % kinds})
    row = algorithms.find(key, table.task)
    params = dict(row.default) | ({"n_estimators": 12} if "n_estimators" in row.space else {})
    model = build(row, params, 0, plan=propose(profile(table), table), task=table.task)
    return model.fit(frame.drop(columns=table.target), frame[table.target])


@pytest.mark.parametrize("kinds", [None, 3])
@pytest.mark.parametrize(("task", "key"), CASES)
def test_a_few_rows_are_answered_as_many_are(task, key, kinds):
    if kinds and task is Task.REGRESSION:
        kinds = None
    table = example(task, rows=200)
    model = fitted(key, table, kinds)
    rows = table.frame.drop(columns=table.target)
    ask = model.probabilities if task is Task.CLASSIFICATION else model.predict
    many, few = ask(rows), ask(rows.head(MOST))
    single = np.concatenate([ask(rows.iloc[[at]]) for at in range(5)])
    assert len(rows) > MOST
    exactly = {"rtol": 1e-6, "atol": 1e-9}
    np.testing.assert_allclose(few, many[:MOST], **exactly)
    np.testing.assert_allclose(single, many[:5], **exactly)


@pytest.mark.parametrize("kinds", [2, 3])
def test_xgboost_says_the_same_through_its_c_interface(kinds):
    table = example(Task.CLASSIFICATION, rows=200)
    model = fitted("xgboost", table, kinds)
    rows = model.prepare.transform(table.frame.drop(columns=table.target))[:5]
    rows[0, 0] = np.nan
    booster = model.estimator.get_booster()
    for stop in (0, 3):
        told = short_cuts._of_xgboost(booster, rows, stop)
        wanted = booster.inplace_predict(rows, iteration_range=(0, stop))
        np.testing.assert_array_equal(told, wanted)
    assert short_cuts._of_xgboost(booster, rows[:, ::2], 0) is None


@pytest.mark.parametrize("kinds", [None, 2, 3])
def test_lightgbm_says_the_same_of_one_row_through_its_c_interface(table, kinds):
    model = fitted("lightgbm", table, kinds)
    rows = model.prepare.transform(table.frame.drop(columns=table.target))[:5]
    rows[0, 0] = np.nan
    booster = model.estimator.booster_
    for rounds in (0, 3):
        booster.best_iteration = rounds
        told = [short_cuts._of_lightgbm(booster, rows[[at]]) for at in range(5)]
        np.testing.assert_array_equal(np.concatenate(told), booster.predict(rows))
    assert short_cuts._of_lightgbm(booster, rows[:1, ::2]) is None
    assert short_cuts._of_lightgbm(booster, rows[:1, :1].copy()) is None


def test_members_share_the_cells_of_a_row(table):
    keys = [key for task, key in CASES if task is table.task][:4]
    members = [fitted(key, table) for key in keys]
    rows = table.frame.drop(columns=table.target)
    models = [Ensemble(members, np.arange(1.0, len(members) + 1))]
    if table.task is Task.CLASSIFICATION:
        models.append(Stack(members, [0.4 * np.eye(3)] * len(members), [0.1, -0.1, 0]))
    for model in models:
        one = np.concatenate([model.score(rows.iloc[[at]]) for at in range(6)])
        np.testing.assert_allclose(one, model.score(rows)[:6], rtol=1e-6)
        assert isinstance(model.predict(rows.iloc[[0]]), np.ndarray)


def test_what_has_no_short_cut_is_asked_as_always():
    assert short_cuts.answer(pd.DataFrame(), np.zeros((1, 2)), "predict") is None
