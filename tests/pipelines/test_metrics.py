import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as sk

from pipelines.errors import UnknownMetric
from pipelines.formulas import auc
from pipelines.metrics import ROWS, default_for, find, for_task, usual_for
from pipelines.task import Task

RNG = np.random.default_rng(0)
TWO = RNG.integers(0, 2, 200)
THREE = RNG.integers(0, 3, 200)
VALUES = RNG.gamma(2.0, 3.0, 200)
GUESSES = VALUES + RNG.normal(0, 0.5, 200).clip(-0.9 * VALUES)


def chances(truth, classes):
    drawn = RNG.dirichlet(np.ones(classes), len(truth)) + 0.6 * np.eye(classes)[truth]
    return drawn / drawn.sum(axis=1, keepdims=True)


TWO_CHANCES, THREE_CHANCES = chances(TWO, 2), chances(THREE, 3)
SURE_TWO, SURE_THREE = TWO_CHANCES.argmax(1), THREE_CHANCES.argmax(1)

PEERS = {
    "roc_auc": sk.roc_auc_score(TWO, TWO_CHANCES[:, 1]),
    "average_precision": sk.average_precision_score(TWO, TWO_CHANCES[:, 1]),
    "log_loss": sk.log_loss(TWO, TWO_CHANCES),
    "brier": sk.brier_score_loss(TWO, TWO_CHANCES[:, 1]),
    "accuracy": sk.accuracy_score(TWO, SURE_TWO),
    "balanced_accuracy": sk.balanced_accuracy_score(TWO, SURE_TWO),
    "f1": sk.f1_score(TWO, SURE_TWO),
    "f1_weighted": sk.f1_score(TWO, SURE_TWO, average="weighted"),
    "f2": sk.fbeta_score(TWO, SURE_TWO, beta=2),
    "precision": sk.precision_score(TWO, SURE_TWO),
    "recall": sk.recall_score(TWO, SURE_TWO),
    "specificity": sk.recall_score(TWO, SURE_TWO, pos_label=0),
    "jaccard": sk.jaccard_score(TWO, SURE_TWO),
    "mcc": sk.matthews_corrcoef(TWO, SURE_TWO),
    "kappa": sk.cohen_kappa_score(TWO, SURE_TWO),
}
PEERS_THREE = {
    "roc_auc": sk.roc_auc_score(THREE, THREE_CHANCES, multi_class="ovr"),
    "log_loss": sk.log_loss(THREE, THREE_CHANCES),
    "brier": sk.brier_score_loss(THREE, THREE_CHANCES),
    "f1": sk.f1_score(THREE, SURE_THREE, average="macro"),
    "precision": sk.precision_score(THREE, SURE_THREE, average="macro"),
    "top_2_accuracy": sk.top_k_accuracy_score(THREE, THREE_CHANCES, k=2),
}
PEERS_VALUES = {
    "rmse": sk.root_mean_squared_error(VALUES, GUESSES),
    "mse": sk.mean_squared_error(VALUES, GUESSES),
    "mae": sk.mean_absolute_error(VALUES, GUESSES),
    "median_ae": sk.median_absolute_error(VALUES, GUESSES),
    "max_error": sk.max_error(VALUES, GUESSES),
    "r2": sk.r2_score(VALUES, GUESSES),
    "explained_variance": sk.explained_variance_score(VALUES, GUESSES),
    "mape": sk.mean_absolute_percentage_error(VALUES, GUESSES),
    "msle": sk.mean_squared_log_error(VALUES, GUESSES),
    "rmsle": sk.root_mean_squared_log_error(VALUES, GUESSES),
    "poisson_deviance": sk.mean_poisson_deviance(VALUES, GUESSES),
    "tweedie_deviance": sk.mean_tweedie_deviance(VALUES, GUESSES, power=1.5),
    "pinball_25": sk.mean_pinball_loss(VALUES, GUESSES, alpha=0.25),
    "gamma_deviance": sk.mean_gamma_deviance(VALUES, GUESSES),
    "pinball_90": sk.mean_pinball_loss(VALUES, GUESSES, alpha=0.9),
}


@pytest.mark.parametrize(("key", "wanted"), PEERS.items())
def test_two_classes_are_measured_as_scikit_learn_does(key, wanted):
    assert find(key, Task.CLASSIFICATION).of(TWO, TWO_CHANCES) == pytest.approx(wanted)


@pytest.mark.parametrize(("key", "wanted"), PEERS_THREE.items())
def test_three_classes_are_measured_as_scikit_learn_does(key, wanted):
    assert find(key, Task.CLASSIFICATION, 3).of(THREE, THREE_CHANCES) == pytest.approx(wanted)


@pytest.mark.parametrize(("key", "wanted"), PEERS_VALUES.items())
def test_values_are_measured_as_scikit_learn_does(key, wanted):
    assert find(key, Task.REGRESSION).of(VALUES, GUESSES) == pytest.approx(wanted)


def answers(row):
    if Task.REGRESSION in row.tasks:
        return VALUES, VALUES.copy(), GUESSES[::-1]
    if Task.ANOMALY in row.tasks:
        return TWO, TWO.astype(float), 1.0 - TWO
    right = np.eye(2)[TWO]
    return TWO, right, right[:, ::-1]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{sorted(row.tasks)[0]}-{row.key}")
def test_the_truth_itself_is_never_beaten(row):
    truth, right, wrong = answers(row)
    best, worse = row.of(truth, right), row.of(truth, wrong)
    assert math.isfinite(best)
    assert row.signed(best) >= row.signed(worse)


def test_there_are_more_than_thirty_metrics_and_keys_are_unique_within_a_task():
    assert len({row.key for row in ROWS}) >= 30
    for task in Task:
        keys = [row.key for row in for_task(task)]
        assert len(keys) == len(set(keys))


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.booleans(), st.integers(-3, 3)), min_size=2, max_size=40))
def test_auc_by_ranks_is_auc_with_ties(pairs):
    truth = np.array([int(label) for label, _ in pairs])
    scores = np.array([float(score) for _, score in pairs])
    if len(set(truth.tolist())) < 2:
        assert math.isnan(auc(truth, scores))
    else:
        assert auc(truth, scores) == pytest.approx(sk.roc_auc_score(truth, scores))


@pytest.mark.parametrize(
    ("key", "task"), [("roc_auc", Task.CLASSIFICATION), ("precision_at_n", Task.ANOMALY)]
)
def test_one_class_alone_gives_no_number(key, task):
    answer = np.full((5, 2), 0.5) if task is Task.CLASSIFICATION else np.arange(5.0)
    assert math.isnan(find(key, task).of(np.zeros(5, dtype=int), answer))


def test_a_class_given_no_chance_costs_much_but_not_everything():
    loss = find("log_loss", Task.CLASSIFICATION).of(np.array([1]), np.array([[1.0, 0.0]]))
    assert 30 < loss < 40


def test_defaults_follow_the_task():
    assert default_for(Task.CLASSIFICATION, 2).key == "roc_auc"
    assert default_for(Task.CLASSIFICATION, 5).key == "log_loss"
    assert default_for(Task.REGRESSION).key == "rmse"
    assert default_for(Task.ANOMALY).key == "roc_auc"
    assert default_for(Task.ANOMALY, labelled=False).key == "agreement"


def test_the_default_is_among_the_usual():
    for task in Task:
        assert default_for(task, 2) in usual_for(task, 2)


def test_a_metric_of_two_classes_is_unknown_for_three():
    with pytest.raises(UnknownMetric):
        find("specificity", Task.CLASSIFICATION, 3)


def test_an_unknown_metric_offers_a_close_one():
    with pytest.raises(UnknownMetric, match="Did you mean 'rmse'"):
        find("rmsse", Task.REGRESSION)
