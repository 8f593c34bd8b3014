"""From a table to its best model, as a caller sees it."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from pipelines.automl import find_best
from pipelines.dataset import Dataset
from pipelines.errors import (
    AllTrialsFailed,
    BadJournal,
    BadSetting,
    UnknownAlgorithm,
    UnknownMetric,
    UnsoundData,
)
from pipelines.goal import Goal, header
from pipelines.journal import Journal
from pipelines.search import Budget
from pipelines.task import Task
from pipelines.testing import example

QUICK = ("logistic", "naive_bayes", "decision_tree")
QUICK_VALUES = ("lightgbm", "ridge", "decision_tree")


class Diary:
    """A watcher that remembers."""

    def __init__(self):
        self.heard = []
        self.trials = []
        self.chosen_trial = None

    def doing(self, what):
        self.heard.append(what)

    def profiled(self, profile, plan):
        self.heard.append("profiled")

    def searching(self, keys, budget):
        self.heard.append(tuple(keys))

    def tried(self, trial, outcome, board):
        self.trials.append((trial, outcome))
        assert len(board) == len(self.trials)

    def chosen(self, trial, outcome):
        self.chosen_trial = trial


def told(found):
    """What two runs must share to be the same run."""
    rows = found.leaderboard.rows
    return [(t.number, t.algorithm_key, dict(t.params), o.score, o.folds) for t, o in rows]


def test_a_classifier_is_found_and_judged_on_rows_kept_apart():
    dataset = example(Task.CLASSIFICATION, rows=200)
    diary = Diary()
    found = find_best(
        dataset, Goal(algorithms=QUICK), Budget(trials=8), watchers=[diary], engine="serial"
    )
    assert found.metric.key == "log_loss"
    assert found.score < found.baseline
    assert {"log_loss", "accuracy", "f1"} <= set(found.metrics)
    assert len(found.holdout) == 40
    assert not set(found.holdout.index) & set(found.train.index)
    assert found.model.classes == ("calm", "mixed", "wild")
    assert set(found.model.predict(dataset.features)) <= {"calm", "mixed", "wild"}
    assert diary.chosen_trial == found.trial
    assert len(diary.trials) == 8
    assert "dummy" in {trial.algorithm_key for trial, _ in diary.trials}
    assert "tuned" in {trial.origin for trial, _ in diary.trials}


def test_a_regressor_is_found():
    dataset = example(Task.REGRESSION, rows=200)
    found = find_best(dataset, Goal(algorithms=QUICK_VALUES), Budget(trials=6), engine="serial")
    assert found.metric.key == "rmse"
    assert found.score < 0.7 * found.baseline
    assert found.metrics["r2"] > 0.5


@pytest.mark.parametrize(
    ("labels", "classes"),
    [
        ([True, False], (False, True)),
        ([7, 3], (3, 7)),
        (["yes", "no"], ("no", "yes")),
        ([1.5, 2.5], (1.5, 2.5)),
    ],
    ids=["booleans", "integers", "words", "floats"],
)
def test_labels_come_back_as_they_were(labels, classes):
    dataset = example(Task.CLASSIFICATION, rows=120)
    frame = dataset.frame.drop(columns="mood")
    frame["answer"] = np.where(frame["depth"] > 0, labels[0], labels[1])
    if isinstance(labels[0], str):
        frame["answer"] = frame["answer"].astype("str")
    found = find_best(
        Dataset("labels", frame, Task.CLASSIFICATION, "answer"),
        Goal(algorithms=["logistic"], keep=["depth"]),
        Budget(trials=3),
        engine="serial",
    )
    assert found.model.classes == classes
    assert set(found.model.predict(found.holdout.drop(columns="answer")).tolist()) <= set(classes)


def test_rows_without_a_label_teach_and_judge_nothing():
    dataset = example(Task.CLASSIFICATION, rows=120)
    dataset.frame.loc[:19, "mood"] = np.nan
    found = find_best(dataset, Goal(algorithms=["logistic"]), Budget(trials=3), engine="serial")
    assert len(found.train) + len(found.holdout) == 100


@pytest.fixture(scope="module")
def whole():
    """One uninterrupted search of ten trials."""
    dataset = example(Task.CLASSIFICATION, rows=120)
    return find_best(dataset, Goal(algorithms=QUICK), Budget(trials=10), engine="serial")


def test_one_seed_gives_the_same_trials_and_winner(whole):
    dataset = example(Task.CLASSIFICATION, rows=120)
    again = find_best(dataset, Goal(algorithms=QUICK), Budget(trials=10), engine="serial")
    assert told(again) == told(whole)
    assert again.trial == whole.trial
    np.testing.assert_array_equal(
        again.model.score(dataset.features), whole.model.score(dataset.features)
    )


def test_another_seed_asks_other_things(whole):
    goal = Goal(algorithms=QUICK, seed=1)
    other = find_best(whole.dataset, goal, Budget(trials=8), engine="serial")
    tuned = [dict(t.params) for t, _ in other.leaderboard.rows if t.origin == "tuned"]
    assert tuned
    assert not any(dict(t.params) in tuned for t, _ in whole.leaderboard.rows)


@pytest.mark.parametrize("cut", [2, 8])
def test_a_resumed_run_ends_with_the_trials_of_an_uninterrupted_one(tmp_path, whole, cut):
    goal = Goal(algorithms=QUICK)
    path = tmp_path / "run.jsonl"
    journal = Journal.create(path, header(whole.dataset, goal))
    for trial, outcome in whole.leaderboard.rows[:cut]:
        journal.append(trial, outcome, spent=1.0)
    again = Journal.open(path, header(whole.dataset, goal))
    resumed = find_best(whole.dataset, goal, Budget(trials=10), journal=again, engine="serial")
    assert told(resumed) == told(whole)
    assert resumed.trial == whole.trial


def test_seconds_spent_before_a_resume_count(tmp_path, whole):
    goal = Goal(algorithms=QUICK)
    path = tmp_path / "run.jsonl"
    journal = Journal.create(path, header(whole.dataset, goal))
    for trial, outcome in whole.leaderboard.rows[:5]:
        journal.append(trial, outcome, spent=50.0)
    diary = Diary()
    resumed = find_best(
        whole.dataset,
        goal,
        Budget(seconds=50),
        journal=journal,
        watchers=[diary],
        engine="serial",
    )
    assert diary.trials == []
    assert len(resumed.leaderboard) == 5


def test_a_finished_journal_is_not_searched_again(tmp_path):
    dataset = example(Task.CLASSIFICATION, rows=120)
    goal = Goal(algorithms=["logistic"])
    path = tmp_path / "run.jsonl"
    first = find_best(
        dataset,
        goal,
        Budget(trials=4),
        journal=Journal.create(path, header(dataset, goal)),
        engine="serial",
    )
    diary = Diary()
    second = find_best(
        dataset,
        goal,
        Budget(trials=4),
        journal=Journal.open(path, header(dataset, goal)),
        watchers=[diary],
        engine="serial",
    )
    assert diary.trials == []
    assert second.trial == first.trial
    assert told(second) == told(first)


def test_a_journal_of_other_data_is_refused(tmp_path):
    goal = Goal()
    Journal.create(tmp_path / "run.jsonl", header(example(Task.CLASSIFICATION), goal))
    with pytest.raises(BadJournal, match="another search: its digest"):
        Journal.open(tmp_path / "run.jsonl", header(example(Task.CLASSIFICATION, seed=1), goal))


def test_a_budget_too_short_for_one_fit_still_gives_the_default_model_and_says_so():
    dataset = example(Task.CLASSIFICATION, rows=120)
    found = find_best(dataset, Goal(), Budget(seconds=0.001), engine="serial")
    assert found.trial.algorithm_key == "lightgbm"
    assert "too short" in found.note
    assert found.score > 0
    assert {trial.algorithm_key for trial, _ in found.leaderboard.rows} == {"lightgbm", "dummy"}


def test_anomalies_without_labels_get_the_documented_default():
    dataset = example(Task.ANOMALY, rows=150)
    keys = ("knn", "iforest", "hbos")
    found = find_best(dataset, Goal(algorithms=keys), Budget(trials=10), engine="serial")
    assert found.trial.algorithm_key == "knn"
    assert dict(found.trial.params) == {"n_neighbors": 20, "method": "mean"}
    assert {t.algorithm_key for t, _ in found.leaderboard.rows} == set(keys)
    assert {t.origin for t, _ in found.leaderboard.rows} == {"default"}
    assert found.metric.key == "agreement"
    assert "not a quality" in found.note


def test_anomalies_with_labels_are_tuned_on_them():
    dataset = example(Task.ANOMALY, rows=200)
    rng = np.random.default_rng(1)
    frame = dataset.frame.drop(columns=["width", "colour", "sealed"])
    strange = rng.random(len(frame)) < 0.1
    frame.loc[strange, ["depth", "height"]] *= 4
    frame["fraud"] = np.where(strange, "fraud", "usual")
    frame["fraud"] = frame["fraud"].astype("str")
    found = find_best(
        Dataset("labelled", frame, Task.ANOMALY, "fraud"),
        Goal(algorithms=["knn", "hbos"]),
        Budget(trials=6),
        engine="serial",
    )
    assert found.metric.key == "roc_auc"
    assert found.score > 0.7
    assert "tuned" in {t.origin for t, _ in found.leaderboard.rows}


def test_an_unknown_metric_offers_a_close_one():
    with pytest.raises(UnknownMetric, match="'roc_auc'"):
        find_best(example(Task.CLASSIFICATION), Goal(metric="roc_ac"), Budget(trials=1))


def test_a_quality_without_labels_is_refused():
    with pytest.raises(UnknownMetric, match="without labels"):
        find_best(example(Task.ANOMALY), Goal(metric="roc_auc"), Budget(trials=1))


def test_an_unknown_algorithm_offers_a_close_one():
    with pytest.raises(UnknownAlgorithm, match="'random_forest'"):
        find_best(
            example(Task.CLASSIFICATION), Goal(algorithms=["random_forrest"]), Budget(trials=1)
        )


def test_leaving_out_every_algorithm_is_refused():
    goal = Goal(algorithms=["ridge"], exclude=["ridge"])
    with pytest.raises(BadSetting, match="at least one"):
        find_best(example(Task.REGRESSION), goal, Budget(trials=1))


def test_a_table_that_teaches_nothing_is_refused_before_the_first_trial():
    frame = pd.DataFrame({"a": np.arange(50.0), "y": [1] * 50})
    with pytest.raises(UnsoundData):
        find_best(Dataset("one", frame, Task.CLASSIFICATION, "y"), Goal(), Budget(trials=1))


def test_when_every_algorithm_fails_their_reasons_are_grouped():
    frame = example(Task.CLASSIFICATION, rows=60).frame
    goal = Goal(algorithms=["lda"], metric="roc_auc")
    broken = Dataset("broken", frame, Task.CLASSIFICATION, "mood")
    from dataclasses import replace

    from pipelines import algorithms

    row = replace(algorithms.find("lda", Task.CLASSIFICATION), fixed={"solver": "no such"})
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(algorithms.linear, "ROWS", (row,))
        with pytest.raises(AllTrialsFailed, match=r"lda: InvalidParameterError"):
            find_best(broken, goal, Budget(trials=3), engine="serial")


@pytest.mark.parametrize(
    "wrong", [{}, {"seconds": 0}, {"trials": -1}, {"trials": 1, "workers": 0}]
)
def test_a_budget_that_makes_no_sense_is_refused(wrong):
    with pytest.raises(BadSetting):
        Budget(**wrong)


def test_an_unknown_engine_names_those_there_are():
    with pytest.raises(BadSetting, match="serial, dask"):
        find_best(example(Task.REGRESSION), Goal(), Budget(trials=1), engine="spark")
