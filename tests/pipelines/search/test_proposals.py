"""What is tried first."""

from __future__ import annotations

import pytest

from pipelines import algorithms
from pipelines.search.proposals import _line_up
from pipelines.task import Task

BOOSTERS = {"lightgbm", "xgboost", "catboost", "hist_gradient_boosting"}


@pytest.mark.parametrize(("classes", "early"), [(2, True), (10, False)])
def test_boosting_comes_first_unless_every_round_takes_a_tree_per_class(classes, early):
    rows = algorithms.choose(Task.CLASSIFICATION, (1_000, 20, classes))
    line = [row.key for row, _ in _line_up(rows, classes)]
    assert line[:2] == ["lightgbm", "dummy"]
    assert (len(BOOSTERS & set(line[1:7])) > 1) is early
    assert ("rbf_svm" in line[:6]) is not early
    assert len(line) == sum(len(row.portfolio) for row in rows)
