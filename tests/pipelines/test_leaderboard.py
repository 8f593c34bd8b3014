from dataclasses import replace

import numpy as np
import pytest

from pipelines.leaderboard import COLUMNS, Leaderboard, chances
from pipelines.metrics import find
from pipelines.task import Task
from pipelines.trial import Outcome, Trial

RMSE = find("rmse", Task.REGRESSION)


def trial(number, key="ridge"):
    return Trial(number, key, {"alpha": number}, 0, "tuned")


def board(*outcomes):
    rows = tuple((trial(number), outcome) for number, outcome in enumerate(outcomes))
    return Leaderboard(RMSE, rows)


def test_less_error_ranks_higher_and_failures_come_last():
    found = board(
        Outcome(None, failure="ValueError: no"),
        Outcome(3.0),
        Outcome(1.0, complete=False),
        Outcome(2.0),
    )
    frame = found.to_frame()
    assert frame["trial"].tolist() == [3, 1, 2, 0]
    assert frame["state"].tolist() == ["complete", "complete", "stopped", "failed"]
    assert frame["rank"].tolist() == [1, 2, 3, 4]
    assert tuple(frame.columns) == COLUMNS


def test_the_earlier_of_two_equal_trials_wins():
    assert board(Outcome(2.0), Outcome(2.0)).best[0].number == 0


def test_nothing_has_won_before_the_first_score():
    assert Leaderboard(RMSE).best is None
    assert board(Outcome(None, failure="no")).best is None
    assert list(Leaderboard(RMSE).to_frame().columns) == list(COLUMNS)


def test_the_preferred_algorithm_wins_whatever_the_scores():
    rows = ((trial(0, "a"), Outcome(1.0)), (trial(1, "b"), Outcome(5.0)))
    assert Leaderboard(RMSE, rows, preferred="b").best[0].algorithm_key == "b"


def test_a_preferred_algorithm_that_failed_does_not_win():
    rows = ((trial(0, "a"), Outcome(1.0)), (trial(1, "b"), Outcome(None, failure="no")))
    assert Leaderboard(RMSE, rows, preferred="b").best[0].algorithm_key == "a"


def test_failures_are_grouped_most_frequent_first():
    found = board(*[Outcome(None, failure="x"), Outcome(None, failure="y")], Outcome(1.0))
    found = found.with_row(trial(9), Outcome(None, failure="y"))
    assert dict(found.failures) == {"ridge: y": 2, "ridge: x": 1}
    assert list(found.failures) == ["ridge: y", "ridge: x"]


def test_a_stopped_trial_beats_the_baseline_but_no_whole_one():
    dummy = (trial(0, "dummy"), Outcome(9.0))
    stopped = (trial(1), Outcome(1.0, complete=False))
    assert Leaderboard(RMSE, (dummy, stopped)).best == stopped
    whole = (trial(2), Outcome(2.0))
    assert Leaderboard(RMSE, (dummy, stopped, whole)).best == whole


def test_the_baseline_wins_over_what_is_worse():
    dummy = (trial(0, "dummy"), Outcome(2.0))
    worse = (trial(1), Outcome(3.0))
    assert Leaderboard(RMSE, (dummy, worse)).best == dummy


def folded(*means, noise=0.1, seed=0):
    draw = np.random.default_rng(seed)
    shared = draw.normal(size=10)
    outcomes = []
    for mean in means:
        folds = tuple(mean + shared + draw.normal(scale=noise, size=10))
        outcomes.append(Outcome(float(np.mean(folds)), folds=folds))
    return replace(board(*outcomes), ratio=0.25)


def test_a_trial_that_is_as_good_but_for_chance_cannot_be_told_from_the_best():
    found = folded(5.0, 5.0, 7.0)
    first, second, third = [trial.number for trial, _ in found.ranked]
    assert third == 2
    assert found.like_best == (second,)
    frame = found.to_frame().set_index("trial")
    assert frame["like_best"].to_dict() == {first: False, second: True, 2: False}
    assert frame["p_value"][2] < 0.001


def test_shared_rows_make_the_test_more_careful_than_a_plain_one():
    from scipy.stats import ttest_rel

    first, second = folded(5.0, 5.08).rows
    plain = ttest_rel(first[1].folds, second[1].folds).pvalue
    [alone] = chances(first[1].folds, [second[1].folds], 0.0)
    [careful] = chances(first[1].folds, [second[1].folds], 0.25)
    assert alone == pytest.approx(plain)
    assert careful > 2 * plain


def test_the_same_folds_have_no_difference_and_one_fold_says_nothing():
    assert chances([1.0, 2.0, 3.0], [[1.0, 2.0, 3.0], [2.0, 3.0, 4.0]], 0.2) == [1.0, 0.0]
    assert chances([1.0], [[2.0]], 0.2) == [1.0]
    assert board(Outcome(1.0, folds=(1.0,)), Outcome(2.0, folds=(2.0,))).like_best == ()


def test_where_scores_are_no_quality_nobody_is_compared():
    assert replace(folded(5.0, 5.0), preferred="ridge").chances == {}
