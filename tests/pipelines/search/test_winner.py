"""What wins: an ensemble where it is better, the single best beside it, and always in time."""

from __future__ import annotations

import shutil
import time

import numpy as np
import pandas as pd
import pytest

from pipelines import packaging, serving
from pipelines.automl import find_best
from pipelines.dataset import Dataset
from pipelines.ensemble import candidates
from pipelines.errors import BadSetting
from pipelines.goal import Goal, header
from pipelines.journal import Journal
from pipelines.schema import Schema
from pipelines.search import Budget
from pipelines.shelf import Shelf
from pipelines.task import Task

KEYS = ("lightgbm", "logistic", "knn")
BUDGET = Budget(trials=4)


def curved(rows=300, seed=0):
    """A table with a straight and a bent half, that no one family answers best."""
    rng = np.random.default_rng(seed)
    cells = rng.normal(size=(rows, 6))
    frame = pd.DataFrame(cells, columns=list("abcdef"))
    frame["g"] = pd.Series(rng.choice(["x", "y"], rows), dtype="str")
    depth = cells[:, 0] + cells[:, 1] + 1.5 * (cells[:, 2] * cells[:, 3] > 0)
    noisy = depth + rng.normal(size=rows)
    frame["answer"] = pd.Series(np.where(noisy > 0.7, "yes", "no"), dtype="str")
    return Dataset("curved", frame, Task.CLASSIFICATION, "answer")


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    """Where the journal of the search lies."""
    return tmp_path_factory.mktemp("kept")


@pytest.fixture(scope="module")
def found(kept):
    goal = Goal(algorithms=KEYS, metric="log_loss")
    journal = Journal.create(kept / "run.jsonl", header(curved(), goal))
    return find_best(curved(), goal, BUDGET, journal=journal, engine="serial")


def test_an_ensemble_wins_where_it_is_better_and_the_single_best_is_kept(found):
    assert found.trial.algorithm_key == "ensemble"
    assert found.leaderboard.best == (found.trial, found.outcome)
    assert sum(found.trial.params.values()) == pytest.approx(1, abs=0.001)
    single, outcome = found.single
    assert single.algorithm_key in KEYS
    assert found.outcome.score < outcome.score
    assert len(found.model.members) == len(found.model.weights) > len(found.trial.params) > 1
    assert sum(found.model.weights) == pytest.approx(1)
    top = found.leaderboard.to_frame().iloc[0]
    assert (top["algorithm"], top["origin"]) == ("ensemble", "ensemble")


def test_an_ensemble_answers_like_any_model(found):
    rows = found.holdout.drop(columns="answer")
    chances = found.model.probabilities(rows)
    np.testing.assert_allclose(chances.sum(axis=1), 1)
    assert found.model.classes == ("no", "yes")
    said = found.model.predict(rows)
    assert (said == np.where(chances[:, 1] > 0.5, "yes", "no")).all()
    np.testing.assert_array_equal(found.model.score(rows), chances[:, 1])


def test_an_ensemble_is_saved_without_pickle_and_names_the_libraries_of_its_members(
    found, tmp_path
):
    features = found.train.drop(columns="answer")
    schema = Schema.of(features, {each.name: each.kind for each in found.plan.columns})
    folder = packaging.save(found.model, schema, tmp_path / "m", about={}, rows=features.head())
    assert packaging.read_card(folder)["format"] == "skops"
    used = {name.partition(" ")[2] for name in found.trial.params}
    assert ("lightgbm" in packaging.libraries(folder)) == ("lightgbm" in used)
    again = serving.load(folder)
    rows = found.holdout.drop(columns="answer")
    np.testing.assert_allclose(again.probabilities(rows), found.model.probabilities(rows))
    assert set(again.predict(rows)) <= {"no", "yes"}


def test_an_ensemble_can_be_explained(found):
    from pipelines.explain.report import report
    from pipelines.serving import Predictor

    features = found.train.drop(columns="answer")
    schema = Schema.of(features, {each.name: each.kind for each in found.plan.columns})
    told = report(
        Predictor(found.model, schema, {}), features.head(12), labels=None,
        background=features.head(20), budget=8,
    )  # fmt: skip
    assert told.to_dict()["local"]["status"]["extent"] == "sampled"


def test_a_calibrated_model_is_explained_and_saved_like_the_one_inside(tmp_path):
    """Naive Bayes is far too sure where columns say the same twice."""
    made = curved(1200)
    frame = made.frame.drop(columns="g")
    for name in "abc":
        frame[f"{name}2"] = frame[name] + 0.4 * frame["e"]
    goal = Goal(algorithms=["naive_bayes"], keep=list(frame), simple=True)
    found = find_best(
        Dataset("twice", frame, Task.CLASSIFICATION, "answer"), goal, Budget(trials=2),
        engine="serial",
    )  # fmt: skip
    assert "calibrated" in found.note
    assert found.trial.algorithm_key == "naive_bayes"
    raw = found.model.inner.probabilities(found.holdout)
    truth = (found.holdout["answer"] == "yes").to_numpy().astype(int)
    assert found.metrics["log_loss"] < -np.log(raw[np.arange(len(truth)), truth]).mean()
    features = found.train.drop(columns="answer")
    schema = Schema.of(features, {each.name: each.kind for each in found.plan.columns})
    folder = packaging.save(found.model, schema, tmp_path / "m", about={}, rows=features.head())
    assert packaging.read_card(folder)["format"] == "skops"
    again = serving.load(folder)
    np.testing.assert_allclose(again.model.score(features), found.model.score(features))


def test_a_straight_calibration_leaves_the_exact_explanation_exact():
    from pipelines.adapters.combined import Calibrated
    from pipelines.explain.report import report
    from pipelines.serving import Predictor

    made = curved(200)
    goal = Goal(algorithms=["lightgbm"], simple=True)
    found = find_best(made, goal, Budget(trials=2), engine="serial")
    model = Calibrated(found.model, "sigmoid", [[[0.6, -0.2]]])
    features = found.train.drop(columns="answer")
    schema = Schema.of(features, {each.name: each.kind for each in found.plan.columns})
    told = report(
        Predictor(model, schema, {}), features.head(20), labels=None,
        background=features.head(30), budget=20,
    )  # fmt: skip
    assert str(told.to_dict()["statuses"]["local"]).startswith("exact")


def dawdles(params):
    """A stand-in for a library whose answers take long: the more trees, the longer."""
    return {**params, "n_estimators": 700}


def test_a_ceiling_on_one_answer_is_kept(monkeypatch):
    from dataclasses import replace

    from pipelines.algorithms import trees

    rows = tuple(
        replace(row, prepare=dawdles) if row.key == "extra_trees" else row for row in trees.ROWS
    )
    monkeypatch.setattr(trees, "ROWS", rows)
    goal = Goal(algorithms=["extra_trees", "logistic", "decision_tree"], max_latency=0.002)
    found = find_best(curved(120), goal, Budget(trials=4), engine="serial")
    took = {t.algorithm_key: o.metrics["row_seconds"] for t, o in found.leaderboard.rows
            if "row_seconds" in o.metrics}  # fmt: skip
    assert took["extra_trees"] > 0.002 > took["logistic"]
    assert found.trial.algorithm_key != "extra_trees"
    assert not any("extra_trees" in name for name in found.trial.params)
    assert "extra_trees" in {trial.algorithm_key for trial, _ in found.leaderboard.rows}


def test_a_ceiling_that_nothing_keeps_gives_the_fastest_and_says_so():
    goal = Goal(algorithms=["logistic", "naive_bayes"], max_latency=1e-6)
    found = find_best(curved(120), goal, Budget(trials=3), engine="serial")
    assert "nothing faster was found" in found.note
    with pytest.raises(BadSetting, match="max_latency"):
        find_best(curved(120), Goal(max_latency=0), Budget(trials=1), engine="serial")


def resumed(found, kept, folder, goal):
    """The same search again, from a copy of its journal, which holds all its trials."""
    shutil.copytree(kept, folder, dirs_exist_ok=True)
    again = Journal.open(folder / "run.jsonl", header(found.dataset, goal))
    assert len(again.replay()) == BUDGET.trials
    return find_best(found.dataset, goal, BUDGET, journal=again, engine="serial")


def test_a_resumed_run_makes_the_same_ensemble_from_the_journal(found, kept, tmp_path):
    goal = Goal(algorithms=KEYS, metric="log_loss")
    again = resumed(found, kept, tmp_path, goal)
    assert again.trial == found.trial
    assert again.outcome.score == found.outcome.score
    rows = found.holdout.drop(columns="answer")
    np.testing.assert_array_equal(again.model.score(rows), found.model.score(rows))


def test_models_of_folds_that_changed_on_disk_are_not_opened_but_fitted_anew(
    found, kept, tmp_path
):
    for path in kept.glob("run/*.models"):
        changed = tmp_path / "run" / path.name
        changed.parent.mkdir(exist_ok=True)
        changed.write_bytes(path.read_bytes() + b" ")
    shelf = Shelf(tmp_path / "run")
    bags = {outcome.bag for _, outcome in candidates(found.leaderboard)} - {None}
    assert bags
    assert [shelf.models(bag) for bag in bags] == [None] * len(bags)
    assert all(Shelf(kept / "run").models(bag) for bag in bags)
    shelf.keep(set())
    assert not list(tmp_path.glob("run/*.models"))


def test_the_best_alone_answers_with_the_mean_of_its_folds(found):
    goal = Goal(algorithms=["lightgbm"], metric="log_loss")
    alone = find_best(found.dataset, goal, Budget(trials=2), engine="serial")
    assert alone.trial.algorithm_key == "lightgbm"
    assert [member.algorithm for member in alone.model.members] == ["lightgbm"] * 5
    assert "mean of 5 models" in alone.note


def test_who_asks_for_the_simple_gets_the_single_best(found, kept, tmp_path):
    goal = Goal(algorithms=KEYS, metric="log_loss", simple=True)
    simple = resumed(found, kept, tmp_path, goal)
    assert simple.trial == found.single[0]
    assert simple.single == (simple.trial, simple.outcome)
    assert "ensemble" not in {trial.algorithm_key for trial, _ in simple.leaderboard.rows}


def test_the_seconds_are_kept_with_an_ensemble_at_the_end():
    started = time.monotonic()
    goal = Goal(algorithms=KEYS, metric="log_loss")
    find_best(curved(600), goal, Budget(seconds=5), engine="serial")
    assert time.monotonic() - started < 5 + 120, "the seconds were not kept"
