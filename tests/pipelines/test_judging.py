"""How sure a number is that was measured on rows kept apart."""

import numpy as np
import pandas as pd
import pytest

from pipelines.judging import Apart, interval
from pipelines.metrics import find
from pipelines.task import Task

RMSE = find("rmse", Task.REGRESSION)
AUC = find("roc_auc", Task.CLASSIFICATION)


def values(rows, groups=None, seed=0):
    draw = np.random.default_rng(seed)
    truth = np.zeros(rows)
    answer = draw.normal(size=rows)
    if groups is not None:
        answer = np.repeat(draw.normal(size=rows // groups), groups)
    codes = None if groups is None else np.repeat(np.arange(rows // groups), groups)
    return Apart(pd.DataFrame(index=range(rows)), truth, (), (RMSE,), codes), answer


def test_the_interval_holds_the_truth_about_as_often_as_it_says():
    held = 0
    for seed in range(60):
        rows, answer = values(300, seed=seed)
        low, high = interval(rows, answer, seed=seed)
        held += low <= 1.0 <= high
    assert 50 <= held <= 60


def test_more_rows_make_it_narrower():
    widths = [np.ptp(interval(*values(rows))) for rows in (100, 1600)]
    assert 2.5 < widths[0] / widths[1] < 6


def test_rows_that_belong_together_are_drawn_together():
    alone, answer = values(600, groups=20)
    rows = Apart(alone.features, alone.truth, (), (RMSE,))
    assert np.ptp(interval(alone, answer)) > 2 * np.ptp(interval(rows, answer))


def test_the_same_rows_give_the_same_interval():
    rows, answer = values(50)
    assert interval(rows, answer) == interval(rows, answer)


@pytest.mark.parametrize("rows", [1, 9])
def test_a_handful_of_rows_has_none(rows):
    assert interval(*values(rows)) is None


def test_a_metric_that_most_draws_leave_undefined_has_none():
    truth = np.zeros(20, dtype=int)
    rows = Apart(pd.DataFrame(index=range(20)), truth, (0, 1), (AUC,))
    assert interval(rows, np.full((20, 2), 0.5)) is None
