"""Where to cut, how to combine, what a p-value says."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from pipelines.alarms import best_cut
from pipelines.anomaly import combining, thresholds
from pipelines.anomaly.thresholds import Cut, discovered, p_values
from pipelines.automl import find_best
from pipelines.dataset import Dataset
from pipelines.errors import BadSetting
from pipelines.goal import Goal
from pipelines.packaging import save
from pipelines.schema import Schema
from pipelines.search import Budget
from pipelines.serving import Predictor, load
from pipelines.task import Task
from pipelines.testing import example


def planted(rows=240, labelled=None, seed=0):
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(rng.normal(size=(rows, 3)), columns=["a", "b", "c"])
    strange = np.arange(rows) % 12 == 5
    frame.loc[strange, ["a", "b"]] += rng.choice([-6, 6], (int(strange.sum()), 2))
    if labelled is None:
        return Dataset("planted", frame, Task.ANOMALY), strange
    values = strange.astype(float)
    if labelled:
        known = np.flatnonzero(strange)[:labelled]
        values = np.where(np.isin(np.arange(rows), known), 1.0, np.nan)
    frame["odd"] = values
    return Dataset("planted", frame, Task.ANOMALY, "odd"), strange


@pytest.fixture(scope="module")
def found():
    dataset, _ = planted()
    goal = Goal(algorithms=["together", "ecod"], cut=Cut(share=0.085))
    return find_best(dataset, goal, Budget(trials=2), engine="serial")


@pytest.mark.parametrize("row", combining.ROWS, ids=lambda row: row.key)
def test_every_combination_puts_a_row_that_all_detectors_find_strange_first(row):
    tails = np.random.default_rng(0).uniform(0.05, 1, (50, 3))
    tails[7] = 0.001
    scores = row.of(tails, np.ones(3))
    assert scores.argmax() == 7
    np.testing.assert_allclose(row.of(tails[:1], np.ones(3)), scores[:1])


@pytest.mark.parametrize("row", thresholds.ROWS, ids=lambda row: row.key)
def test_every_estimator_finds_about_the_share_of_a_clear_group(row):
    rng = np.random.default_rng(0)
    scores = np.sort(np.concatenate([rng.normal(size=950), rng.normal(12, 1, 50)]))
    assert 0.03 < row.share(scores) < 0.12


@pytest.mark.parametrize(
    ("contamination", "review", "told"),
    [(0, None, "more than 0"), (0.6, None, "at most 0.5"), ("two_grups", None, "two_groups"),
     (None, 0, "1 or more"), (0.1, 5, "not both"), (float("nan"), None, "more than 0")],
)  # fmt: skip
def test_a_cut_that_makes_no_sense_is_refused(contamination, review, told):
    with pytest.raises(BadSetting, match=told):
        Cut.of(contamination, review)


def test_a_share_a_budget_and_an_estimate_cut_where_they_say():
    scores = np.random.default_rng(0).normal(size=200)
    for cut, wanted in ((Cut.of(0.05, None), 10), (Cut.of(None, 7), 7)):
        assert (scores > cut.threshold(scores)[0]).sum() == wanted
    assert "estimated" in Cut.of("auto", None).threshold(scores)[1]


def test_p_values_of_usual_rows_are_uniform_and_few_discoveries_are_false():
    rng = np.random.default_rng(0)
    false = []
    for _ in range(60):
        reference = rng.normal(size=500)
        scores = np.concatenate([rng.normal(size=180), rng.normal(6, 1, 20)])
        values = p_values(reference, scores)
        called = discovered(values, 0.1)
        false.append(called[:180].sum() / max(1, called.sum()))
        assert called[180:].mean() > 0.9
    assert np.mean(false) < 0.11
    assert np.mean(false) > 0.08, "the share of usual rows is estimated, not taken for all"
    with pytest.raises(BadSetting, match="between 0 and 1"):
        discovered(np.array([0.5]), 1.5)


def test_among_usual_rows_alone_hardly_ever_anything_is_called():
    rng = np.random.default_rng(0)
    calls = [discovered(p_values(rng.normal(size=499), rng.normal(size=50)), 0.1).any()
             for _ in range(300)]  # fmt: skip
    assert 0.05 < np.mean(calls) < 0.15


def test_answers_carry_score_p_value_and_verdict_and_survive_saving(found, tmp_path):
    dataset, strange = planted()
    schema = Schema.of(dataset.frame, {each.name: each.kind for each in found.plan.columns})
    save(found.model, schema, tmp_path / "m", about={}, rows=dataset.frame.head(5))
    again = load(tmp_path / "m")
    answers = again.answers(dataset.frame)
    assert list(answers) == ["prediction", "score", "p_value", "is_anomaly"]
    assert answers["p_value"].between(0, 1).all()
    assert answers["is_anomaly"][strange].mean() > 0.9
    assert answers["is_anomaly"][~strange].mean() < 0.05
    alone = again.answers(dataset.frame.iloc[[5]])
    pd.testing.assert_frame_equal(alone, answers.iloc[[5]])
    assert not again.about["why"]
    with pytest.raises(TypeError, match="no probabilities"):
        again.model.probabilities(dataset.frame)


def test_rows_are_compared_with_rows_that_no_fit_saw_where_they_are_few(found):
    dataset, _ = planted()
    kinds = {each.name: each.kind for each in found.plan.columns}
    predictor = Predictor(found.model, Schema.of(dataset.frame, kinds), {})
    assert "p-values compare with 240 rows, each scored by one of 5 fits" in found.note.lower()
    assert len(found.model.parts) == 4
    fresh, odd = planted(rows=600, seed=9)
    answers = predictor.answers(fresh.frame)
    assert abs(answers["p_value"][~odd].mean() - 0.5) < 0.1
    assert answers["p_value"][odd].max() < 0.2, "a twelfth of what it compares with is odd too"
    assert list(predictor.answers(fresh.frame.head(0))) == list(answers)


def test_rows_kept_apart_are_compared_with_where_they_are_many_and_a_budget_is_kept():
    dataset, _ = planted(rows=5_200)
    goal = Goal(algorithms=["ecod"], cut=Cut.of(None, 40))
    found = find_best(dataset, goal, Budget(trials=1), engine="serial")
    assert found.model.parts == []
    assert len(found.model.reference) == len(found.holdout) == 1_040
    assert "1,040 rows that were kept apart" in found.note
    assert found.model.predict(dataset.frame).sum() == 40


def test_labels_and_no_time_for_a_trial_still_make_an_alarm():
    dataset, strange = planted(labelled=0)
    found = find_best(dataset, Goal(algorithms=["labelled_trees"]), Budget(seconds=1e-3),
                      engine="serial")  # fmt: skip
    usual = ~strange[found.holdout.index]
    assert len(found.model.reference) == usual.sum()
    assert found.model.predict(dataset.frame[["a", "b", "c"]])[strange].mean() > 0.8


def test_what_is_seen_without_labels_is_told_as_what_it_is(found):
    assert "diagnostics, not qualities" in found.note
    assert found.trial.algorithm_key == "together"


def test_a_few_labels_among_unlabelled_rows_are_used_and_give_no_chances():
    dataset, strange = planted(labelled=8)
    found = find_best(dataset, Goal(algorithms=["blend", "hbos"]), Budget(trials=2),
                      engine="serial")  # fmt: skip
    features = dataset.frame.drop(columns="odd")
    scores = found.model.score(features)
    assert np.median(scores[strange]) > np.quantile(scores[~strange], 0.95)
    assert found.model.chances(scores) is None
    assert "labelled anomalies" in found.note
    called = scores > found.model.threshold
    assert called[strange].mean() > 0.8
    assert called.mean() < 2 * strange.mean()


def test_a_few_labels_cut_where_half_of_them_are_found():
    scores = np.arange(100.0, 0.0, -1.0)
    known = np.isin(np.arange(100), [0, 1, 20, 25, 60]).astype(int)
    threshold, told = best_cut(scores, known, partial=True)
    assert "best trade" in told
    assert (scores > threshold).sum() == 26


def test_all_labels_teach_chances():
    dataset, strange = planted(rows=360, labelled=0)
    found = find_best(dataset, Goal(algorithms=["labelled_trees", "knn"]), Budget(trials=2),
                      engine="serial")  # fmt: skip
    features = dataset.frame.drop(columns="odd")
    chances = found.model.chances(found.model.score(features))
    assert np.mean((chances - strange) ** 2) < 0.05


@pytest.mark.parametrize(
    ("values", "told"),
    [([0, 1, 2] * 40, "3 values"), ([1] * 120, "all 1"), ([0, np.nan] * 60, "all 0")],
)
def test_labels_that_say_nothing_are_refused(values, told):
    dataset = example(Task.ANOMALY, rows=120)
    frame = dataset.frame.assign(odd=values)
    with pytest.raises(BadSetting, match=told):
        find_best(replace(dataset, frame=frame, target="odd"), Goal(), Budget(trials=1))
