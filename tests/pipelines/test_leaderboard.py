from pipelines.leaderboard import COLUMNS, Leaderboard
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
