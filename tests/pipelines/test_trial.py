from dataclasses import replace

import numpy as np
import pytest

from pipelines import trial as trials
from pipelines.adapters.boosters import PATIENCE
from pipelines.automl import prepare
from pipelines.goal import Goal
from pipelines.shelf import Shelf
from pipelines.task import Task
from pipelines.testing import example
from pipelines.trial import Trial

ASKED = Trial(0, "logistic", {"C": 1.0, "class_weight": None}, 0, "default")


@pytest.fixture(scope="module")
def work():
    goal = Goal(algorithms=("logistic", "lightgbm"))
    return prepare(example(Task.CLASSIFICATION, rows=150), goal, engine="serial").work


def test_every_row_is_predicted_by_a_model_that_did_not_see_it(work):
    outcome = trials.run(ASKED, work)
    assert outcome.failure is None
    assert outcome.out_of_fold.shape == (len(work.features), 3)
    np.testing.assert_allclose(outcome.out_of_fold.sum(axis=1), 1, atol=1e-5)
    assert outcome.score == pytest.approx(np.mean(outcome.folds))
    assert len(outcome.folds) == len(work.folds)
    pooled = work.metric.of(work.truth(np.arange(len(work.features))), outcome.out_of_fold)
    assert pooled == pytest.approx(outcome.score, rel=0.15)


def test_a_trial_that_misses_its_bar_stops_after_one_fold(work):
    outcome = trials.run(replace(ASKED, bar=1e-9), work)
    assert outcome.state == "stopped"
    assert len(outcome.folds) == 1
    assert np.isnan(outcome.out_of_fold).any()


def test_a_trial_out_of_time_comes_back_with_the_folds_it_has(work):
    outcome = trials.run(ASKED, work, 1e-9)
    assert outcome.state == "stopped"
    assert outcome.score is not None
    assert len(outcome.folds) == 1


@pytest.mark.parametrize("key", ["lightgbm", "xgboost", "catboost", "network"])
def test_what_learns_in_rounds_answers_with_the_rounds_it_had_time_for(key):
    table = example(Task.CLASSIFICATION, rows=150)
    work = prepare(table, Goal(algorithms=(key,)), engine="serial").work
    outcome = trials.run(Trial(0, key, {}, 0, "default"), work, 1e-9)
    assert outcome.failure is None
    assert np.isfinite(outcome.score)


def test_a_fit_that_fails_is_an_outcome_with_a_reason(work):
    outcome = trials.run(replace(ASKED, params={"C": -1.0}), work)
    assert outcome.state == "failed"
    assert outcome.score is None
    assert outcome.failure.startswith("InvalidParameterError: The 'C' parameter")
    assert outcome.seconds > 0


def test_a_class_that_training_never_saw_gets_no_chance(work):
    rows = np.arange(len(work.features))
    wild = (work.labels == "wild").to_numpy()
    lonely = replace(work, folds=[(rows[~wild], rows[wild]), (rows[wild | (rows % 2 == 0)], rows)])
    for key, params in (("logistic", ASKED.params), ("lightgbm", {})):
        asked = replace(ASKED, algorithm_key=key, params=params)
        outcome = trials.run(asked, replace(lonely, folds=lonely.folds[:1]))
        assert outcome.failure is None
        np.testing.assert_array_equal(outcome.out_of_fold[wild][:, 2], 0)


def test_a_booster_says_how_many_rounds_it_took(work):
    params = dict(work.rows["lightgbm"].portfolio[1].params)
    short = replace(work, folds=work.folds[:2])
    outcome = trials.run(Trial(0, "lightgbm", params, 0, "portfolio"), short)
    assert 1 <= outcome.learned["n_estimators"] < 3_000


def test_a_fold_is_not_judged_with_the_rounds_that_suit_it_best(work):
    params = dict(work.rows["lightgbm"].portfolio[1].params)

    def outcome(folds, **more):
        asked = Trial(0, "lightgbm", {**params, **more}, 0, "portfolio")
        return trials.run(asked, replace(work, folds=folds))

    folds = work.folds[:2]
    own = [outcome([fold, fold]).learned["n_estimators"] for fold in folds]
    assert own[0] != own[1]
    lent = [min(other, mine + PATIENCE) for other, mine in zip(own[::-1], own, strict=True)]
    both = outcome(folds)
    honest = [outcome([f], n_estimators=n).score for f, n in zip(folds, lent, strict=True)]
    assert both.folds == pytest.approx(honest)
    suited = [outcome([f], n_estimators=n).score for f, n in zip(folds, own, strict=True)]
    assert np.mean(suited) < both.score


def test_where_there_is_one_fold_a_part_of_the_training_rows_is_watched(work):
    params = dict(work.rows["lightgbm"].portfolio[1].params)
    one = replace(work, folds=work.folds[:1])
    outcome = trials.run(Trial(0, "lightgbm", params, 0, "portfolio"), one)
    again = trials.run(Trial(0, "lightgbm", params, 0, "portfolio"), one)
    assert outcome.complete
    assert outcome.learned["n_estimators"] >= 1
    assert outcome.score == again.score


def test_running_a_trial_changes_nothing_it_was_given(work):
    before = work.features.copy()
    trials.run(ASKED, work)
    assert before.equals(work.features)


@pytest.mark.parametrize("key", ["logistic", "lightgbm"])
def test_the_folds_models_are_laid_down_in_their_order_and_answer_as_they_did(work, key, tmp_path):
    part = replace(
        work, bagged=True, shelf=tmp_path, folds=work.folds[:3],
        rows={key: replace(work.rows[key], steady=False)},
    )  # fmt: skip
    outcome = trials.run(Trial(0, key, {}, 0, "default"), part)
    shelf = Shelf(tmp_path)
    shelf.take(outcome.bag)
    models = shelf.models(outcome.bag)
    assert len(models) == 3
    answers = np.zeros_like(outcome.out_of_fold)
    times = np.zeros((len(answers), 1))
    for model, (_, test) in zip(models, part.folds, strict=True):
        answers[test] += trials.answer_of(model, work.features.iloc[test], work.classes)
        times[test] += 1
    known = times[:, 0] > 0
    np.testing.assert_allclose(
        (answers / np.maximum(times, 1))[known], outcome.out_of_fold[known], rtol=1e-5
    )
