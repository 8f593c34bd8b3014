"""Greedy selection on out-of-fold predictions, without any model."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from pipelines import ensemble, metrics, mixing, stacking
from pipelines.leaderboard import Leaderboard
from pipelines.task import Task
from pipelines.trial import Outcome, Trial

ROWS = 400


def board(truth, answers, metric, keys=None):
    """A leaderboard of trials that answered so."""
    made = Leaderboard(metric)
    for number, answer in enumerate(answers):
        key = keys[number] if keys else f"a{number}"
        outcome = Outcome(metric.of(truth, answer), folds=(1.0,), out_of_fold=answer)
        made = made.with_row(Trial(number, key, {}, 0, "tuned"), outcome)
    return made


def work(truth, metric, task=Task.REGRESSION):
    """As much of a search's work as choosing looks at."""
    return SimpleNamespace(task=task, metric=metric, metrics=(metric,),
                           truth=lambda rows: truth[rows])  # fmt: skip


@pytest.fixture
def values():
    """Three regressors whose errors have nothing to do with each other."""
    rng = np.random.default_rng(0)
    truth = rng.normal(size=ROWS)
    return truth, [truth + rng.normal(size=ROWS) * size for size in (1.0, 1.05, 1.1)]


RMSE = metrics.find("rmse", Task.REGRESSION)


def test_what_errs_independently_is_better_together(values):
    truth, answers = values
    mix = ensemble.find(board(truth, answers, RMSE), work(truth, RMSE), seed=0)
    assert mix is not None
    assert len(mix.members) == 3
    assert sum(mix.weights) == pytest.approx(1)
    assert RMSE.of(truth, mix.out_of_fold) < 0.75
    assert 0.2 < mix.gain < 0.5
    assert list(mix.told) == [f"{t.number:03d} {t.algorithm_key}" for t, _ in mix.members]


def test_copies_of_the_best_gain_nothing(values):
    truth, answers = values
    same = [answers[0], answers[0], answers[0]]
    assert ensemble.find(board(truth, same, RMSE), work(truth, RMSE), seed=0) is None


def test_noise_beside_a_good_model_gains_nothing(values):
    truth, _ = values
    rng = np.random.default_rng(1)
    answers = [truth + rng.normal(size=ROWS) * 0.2, *rng.normal(size=(5, ROWS))]
    mix = ensemble.find(board(truth, answers, RMSE), work(truth, RMSE), seed=0)
    assert mix is None


def test_on_few_rows_every_algorithm_that_is_about_as_good_has_a_say(values):
    truth, _ = values
    rng = np.random.default_rng(2)
    sizes = (0.6, 0.61, 0.62, 0.65, 0.7, 0.95)
    answers = [truth + rng.normal(size=ROWS) * size for size in sizes]
    made = board(truth, [*answers, np.zeros(ROWS)], RMSE, [*"abcdef", "dummy"])
    mix = ensemble.find(made, work(truth, RMSE), seed=0)
    assert {trial.algorithm_key for trial, _ in mix.members} == set("abcde")
    assert min(mix.weights) > 0.1


def test_the_more_rows_the_less_is_dealt_out_evenly(values):
    truth, answers = values
    table = mixing.Table(np.stack(answers), truth, RMSE, ("a", "b", "c"))
    chosen = np.array([1.0, 0.0, 0.0])
    share = mixing.EVEN_ROWS / (mixing.EVEN_ROWS + ROWS)
    assert table.shared(chosen)[1:] == pytest.approx([share / 3] * 2)
    many = replace(table, answers=np.tile(np.stack(answers), 50), truth=np.tile(truth, 50))
    assert many.shared(chosen)[0] > 0.97


def test_of_one_algorithm_only_the_best_has_an_even_share(values):
    truth, _ = values
    rng = np.random.default_rng(2)
    answers = [truth + rng.normal(size=ROWS) * size for size in (0.5, 0.6, 0.9)]
    table = mixing.Table(np.stack(answers), truth, RMSE, ("a", "a", "b"))
    weights = table.shared(np.array([0.0, 1.0, 0.0]))
    assert weights[0] == weights[2] > 0
    judged = replace(table, floor=RMSE.signed(1.0))
    assert judged.shared(np.array([0.0, 1.0, 0.0]))[2] == 0, "hardly better than the baseline"


def test_a_lead_within_noise_is_no_reason_to_take_one_alone():
    noisy = np.array([[-0.1, 0.2, -0.4, 0.1, -0.3], [-0.1, -0.4, 0.3, -0.3, 0.0]])
    way, gain = mixing.best_way([noisy, noisy - 0.1])
    assert way == 0
    assert -mixing.SURE * gain.noise < gain.value < 0
    sure = np.array([[0.1, 0.1, 0.1, 0.1, 0.1]] * 2)
    assert mixing.best_way([noisy, noisy + sure])[0] == 1
    assert mixing.best_way([])[1] == mixing.NO_GAIN


def test_where_a_part_cannot_be_judged_nothing_is_sure():
    unknown = np.array([[-0.1, np.nan, -0.4, 0.1, -0.3]])
    way, gain = mixing.best_way([unknown, unknown + 0.2])
    assert (way, gain.value, gain.noise) == (0, -0.1, np.inf)


def test_one_seed_gives_one_ensemble(values):
    truth, answers = values
    first, again = (
        ensemble.find(board(truth, answers, RMSE), work(truth, RMSE), seed=4) for _ in range(2)
    )
    assert first.weights == again.weights
    assert first.told == again.told


def test_no_time_gives_no_ensemble(values):
    truth, answers = values
    assert ensemble.find(board(truth, answers, RMSE), work(truth, RMSE), 0, seconds=0) is None


def test_what_failed_or_stopped_or_is_no_better_than_the_baseline_is_no_candidate(values):
    truth, answers = values
    made = board(truth, [*answers, np.zeros(ROWS)], RMSE, ["a", "b", "c", "dummy"])
    made = made.with_row(Trial(4, "worse", {}, 0, "tuned"), Outcome(9.0, out_of_fold=truth))
    made = made.with_row(
        Trial(5, "stopped", {}, 0, "tuned"), Outcome(0.1, out_of_fold=truth, complete=False)
    )
    made = made.with_row(Trial(6, "failed", {}, 0, "tuned"), Outcome(None, failure="no"))
    floor = RMSE.of(truth, np.zeros(ROWS))
    good = {t.algorithm_key for t, o in made.rows[:3] if o.score < floor}
    assert {t.algorithm_key for t, _ in ensemble.candidates(made)} == good
    many = board(truth, answers * 5, RMSE, ["same"] * 15)
    assert len(ensemble.candidates(many)) == ensemble.MOST_OF_ONE


def test_probabilities_are_mixed_for_a_metric_of_ranks():
    rng = np.random.default_rng(0)
    truth = (rng.random(ROWS) < 0.3).astype(int)
    scores = [1 / (1 + np.exp(-(2 * truth - 1 + rng.normal(size=ROWS) * 2))) for _ in range(4)]
    answers = [np.column_stack([1 - each, each]).astype(np.float32) for each in scores]
    auc = metrics.find("roc_auc", Task.CLASSIFICATION)
    made = board(truth, answers, auc)
    mix = ensemble.find(made, work(truth, auc, Task.CLASSIFICATION), seed=0)
    assert auc.of(truth, mix.out_of_fold) > made.best[1].score + 0.05
    assert mix.beats(made.best[1], work(truth, auc, Task.CLASSIFICATION))


def test_members_that_cannot_take_part_leave_their_weight_to_the_others(values):
    truth, answers = values
    mix = ensemble.find(board(truth, answers, RMSE), work(truth, RMSE), seed=0)
    first, second = (trial.number for trial, _ in mix.members[:2])
    left = mix.only(frozenset({first, second}), work(truth, RMSE))
    assert sum(left.weights) == pytest.approx(1)
    assert left.weights[0] > mix.weights[0]
    assert mix.only(frozenset({first}), work(truth, RMSE)) is None


def test_rows_without_an_answer_choose_nothing(values):
    truth, answers = values
    answers[0] = np.where(np.arange(ROWS) < 100, np.nan, answers[0])
    made = board(truth, answers[1:], RMSE).with_row(
        Trial(9, "late", {}, 0, "tuned"), Outcome(0.99, folds=(1.0,), out_of_fold=answers[0])
    )
    mix = ensemble.find(made, work(truth, RMSE), seed=0)
    assert mix is not None
    known = ensemble.metrics_of(mix.out_of_fold, work(truth, RMSE))
    assert known["rmse"] < 0.8


@pytest.fixture(scope="module")
def blurred():
    """Classifiers that see different things, each far too sure or not sure enough."""
    rng = np.random.default_rng(1)
    truth = rng.integers(0, 3, ROWS)
    answers = []
    for size in (3.0, 0.3, 4.0):
        seen = np.eye(3)[truth] * 1.2 + rng.normal(size=(ROWS, 3))
        powers = np.exp(size * seen)
        answers.append((powers / powers.sum(axis=1, keepdims=True)).astype(np.float32))
    return truth, answers


LOSS = metrics.find("log_loss", Task.CLASSIFICATION, 3)


def test_chances_that_are_too_sure_are_stacked_and_judged_on_rows_that_did_not_teach(blurred):
    truth, answers = blurred
    made, asked = board(truth, answers, LOSS), work(truth, LOSS, Task.CLASSIFICATION)
    mix = ensemble.find(made, asked, seed=0)
    assert mix.stack is not None
    assert sum(mix.weights) == pytest.approx(1)
    assert mix.weights == tuple(sorted(mix.weights, reverse=True))
    mean = LOSS.of(truth, np.mean(answers, axis=0))
    learned = mix.stack.weights.answer(
        np.stack([outcome.out_of_fold for _, outcome in mix.members])
    )
    assert LOSS.of(truth, learned) < LOSS.of(truth, mix.out_of_fold) < mean
    assert mix.gain == pytest.approx(made.best[1].score - LOSS.of(truth, mix.out_of_fold), rel=0.2)


def test_a_stack_that_loses_a_member_learns_its_weights_anew(blurred):
    truth, answers = blurred
    asked = work(truth, LOSS, Task.CLASSIFICATION)
    mix = ensemble.find(board(truth, answers, LOSS), asked, seed=0)
    assert mix.only(frozenset({0, 1, 2}), asked) is mix
    left = mix.only(frozenset({0, 2}), asked)
    assert left.stack.weights.slopes.shape == (2, 3, 3)
    assert mix.only(frozenset({1}), asked) is None


def test_where_pairs_of_classes_would_cost_too_much_each_member_has_one_weight(
    blurred, monkeypatch
):
    truth, answers = blurred
    table = np.stack(answers).astype(float)
    assert stacking.ways(table) == (False, True)
    monkeypatch.setattr(stacking, "HEAVIEST", 0)
    assert stacking.ways(table) == (False,)
    learned = stacking.learn(table, truth, pairs=False)
    for slope in learned.slopes:
        np.testing.assert_allclose(slope, slope[0, 0] * np.eye(3))
        assert slope[0, 0] >= 0
    alone = min(LOSS.of(truth, each) for each in answers)
    assert LOSS.of(truth, learned.answer(table)) < alone


@pytest.mark.parametrize(("size", "taken"), [(0.001, False), (0.1, True)])
def test_on_few_rows_a_tuned_trial_takes_part_where_it_is_better_by_more_than_luck(
    values, size, taken
):
    _, answers = values
    draw = np.random.default_rng(0)
    made = Leaderboard(RMSE, ratio=0.25)
    for number, origin in enumerate(("default", "tuned")):
        folds = 1.0 - size * number + draw.normal(size=10) * 0.02
        outcome = Outcome(float(folds.mean()), folds=tuple(folds), out_of_fold=answers[number])
        made = made.with_row(Trial(number, "knn", {}, 0, origin), outcome)
    found = {trial.origin for trial, _ in ensemble.candidates(made)}
    assert ("tuned" in found) is taken
    many = replace(made.rows[1][1], out_of_fold=np.zeros(ensemble.FEW_ROWS))
    whole = replace(made, rows=(made.rows[0], (made.rows[1][0], many)))
    assert len(ensemble.candidates(whole)) == 2
