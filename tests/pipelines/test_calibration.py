"""Calibration on out-of-fold predictions, without any model."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
from scipy.special import expit

from pipelines import calibration, metrics
from pipelines.adapters.combined import mapped
from pipelines.task import Task

ROWS = 2_000


def work(truth, key="log_loss"):
    metric = metrics.find(key, Task.CLASSIFICATION)
    return SimpleNamespace(task=Task.CLASSIFICATION, metric=metric, truth=lambda rows: truth[rows])


def two(odds, stretch=1.0):
    """Labels drawn by their odds, and chances that stretch those."""
    truth = (np.random.default_rng(1).random(len(odds)) < expit(odds)).astype(int)
    chances = expit(stretch * odds)
    return truth, np.column_stack([1 - chances, chances])


@pytest.fixture
def odds():
    return np.random.default_rng(0).normal(size=ROWS) * 1.5


def test_too_sure_probabilities_are_brought_back(odds):
    truth, given = two(odds, stretch=3)
    found = calibration.find(given, work(truth), seed=0)
    assert found.kind == "sigmoid"
    slope, shift = found.maps[0][0]
    assert slope == pytest.approx(1 / 3, rel=0.15)
    assert shift == pytest.approx(0, abs=0.15)
    after = mapped(found.kind, found.maps, given)
    log_loss = metrics.find("log_loss", Task.CLASSIFICATION)
    assert log_loss.of(truth, after) < log_loss.of(truth, given) - 0.1
    np.testing.assert_allclose(after.sum(axis=1), 1)


def test_probabilities_that_are_right_are_left_alone(odds):
    truth, given = two(odds)
    assert calibration.find(given, work(truth), seed=0) is None


def test_what_is_bent_gets_a_bent_map(odds):
    truth, given = two(odds)
    bent = np.where(given[:, 1] > 0.5, 0.5 + given[:, 1] / 100, given[:, 1] / 2)
    found = calibration.find(np.column_stack([1 - bent, bent]), work(truth), seed=0)
    assert found.kind == "isotonic"
    after = mapped(found.kind, found.maps, np.array([[1.0, 0.0], [0.0, 1.0]]))
    assert ((after > 0) & (after < 1)).all()


def test_three_classes_still_sum_to_one(odds):
    rng = np.random.default_rng(0)
    scores = rng.normal(size=(ROWS, 3))
    chances = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
    truth = np.array([rng.choice(3, p=each) for each in chances])
    sharp = chances**4 / (chances**4).sum(axis=1, keepdims=True)
    found = calibration.find(sharp, work(truth), seed=0)
    assert found is not None
    np.testing.assert_allclose(mapped(found.kind, found.maps, sharp).sum(axis=1), 1)
    assert "log loss" in found.told


def test_the_metric_of_the_search_is_not_given_away(odds):
    truth, given = two(odds, stretch=3)
    found = calibration.find(given, work(truth, "roc_auc"), seed=0)
    auc = metrics.find("roc_auc", Task.CLASSIFICATION)
    assert auc.of(truth, mapped(found.kind, found.maps, given)) >= auc.of(truth, given) - 0.002


def test_few_rows_calibrate_nothing(odds):
    truth, given = two(odds[:60], stretch=3)
    assert calibration.find(given, work(truth), seed=0) is None
