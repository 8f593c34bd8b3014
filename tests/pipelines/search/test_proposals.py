"""What is tried first."""

from __future__ import annotations

import pytest

from pipelines import algorithms, metrics
from pipelines.journal import Journal
from pipelines.leaderboard import Leaderboard
from pipelines.search.clock import Clock
from pipelines.search.proposals import Proposals, _line_up
from pipelines.task import Task
from pipelines.trial import Outcome, Trial

BOOSTERS = {"lightgbm", "xgboost", "catboost", "hist_gradient_boosting"}


@pytest.mark.parametrize(("classes", "early"), [(2, True), (10, False)])
def test_boosting_comes_first_unless_every_round_takes_a_tree_per_class(classes, early):
    rows = algorithms.choose(Task.CLASSIFICATION, (1_000, 20, classes))
    line = [row.key for row, _ in _line_up(rows, classes)]
    assert line[:2] == ["lightgbm", "dummy"]
    assert (len(BOOSTERS & set(line[1:7])) > 1) is early
    assert ("rbf_svm" in line[:6]) is not early
    assert len(line) == sum(len(row.portfolio) for row in rows)


def test_trials_of_a_journal_that_lie_outside_todays_space_are_kept_and_not_learned_from(tmp_path):
    """Forests of an older release had up to 400 trees on a large table; now they have 100."""
    _, row = algorithms.choose(Task.CLASSIFICATION, (50_000, 20, 2), only=["random_forest"])
    metric = metrics.find("roc_auc", Task.CLASSIFICATION)
    journal = Journal.create(tmp_path / "run.jsonl", {})
    for number, trees in enumerate((200, 400, 90)):
        params = {"n_estimators": trees, "max_features": 0.3, "min_samples_leaf": 2}
        trial = Trial(number, row.key, params, 0, "tuned" if number else "default")
        journal.append(trial, Outcome(0.9 - number / 100, folds=(0.9,), seconds=1.0))

    proposals = Proposals([row], metric, 0, race=False, tune=True)
    for trial, outcome in journal.replay():
        proposals.replay(trial, outcome)
    board = Leaderboard(metric, tuple(journal.replay()))
    asked = [proposals.next(Clock(trials=20), board) for _ in range(17)]
    assert [trial.number for trial in asked] == list(range(3, 20))
    assert {trial.origin for trial in asked} == {"portfolio", "default", "tuned"}
    assert max(trial.params["n_estimators"] for trial in asked) <= 100
    assert proposals.next(Clock(trials=20), board) is None
