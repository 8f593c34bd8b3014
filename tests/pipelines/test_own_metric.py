"""A function that somebody brings along is a metric like any other."""

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from pipelines.automl import find_best
from pipelines.errors import BadSetting
from pipelines.goal import Goal, header
from pipelines.own_metric import OwnMetric, as_metric
from pipelines.search import Budget
from pipelines.task import Task
from pipelines.testing import example

CLASSES = ("no", "yes")
TRUTH, CHANCES = np.array([0, 1, 1]), np.array([[0.9, 0.1], [0.4, 0.6], [0.7, 0.3]])


def test_a_classifier_s_labels_are_handed_over_in_the_words_of_the_data():
    def seen(truth, labels):
        assert truth.tolist() in (["no", "yes", "yes"], ["no", "yes"] * 10)
        return (truth == labels).mean()

    assert as_metric(seen, Task.CLASSIFICATION, [], CLASSES).of(TRUTH, CHANCES) == pytest.approx(
        2 / 3
    )


def test_scores_go_to_a_function_of_scikit_learn_as_it_stands():
    own = OwnMetric("auc", roc_auc_score, wants="scores")
    assert as_metric(own, Task.CLASSIFICATION, [], CLASSES).of(TRUTH, CHANCES) == 1.0


def test_less_may_be_better():
    row = as_metric(
        ("cost", lambda t, a: abs(t - a).sum(), False), Task.REGRESSION, [1.0, 2.0], ()
    )
    assert row.signed(3.0) == -3.0
    assert row.of(np.array([1.0]), np.array([4.0])) == 3.0


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (3, "Give a name, a function"),
        (("two words", abs), "Give a name, a function"),
        (("roc_auc", lambda t, a: 1.0), "taken by a metric of ours"),
        (OwnMetric("odd", lambda t, a: 1.0, wants="guesses"), "labels, probabilities, scores"),
        (lambda truth: 1.0, "it takes \\(truth\\)"),
        (("words", lambda t, a: "good"), "'good', which is no number"),
        (("broken", lambda t, a: 1 / 0), "ZeroDivisionError: division by zero"),
    ],
)
def test_what_is_no_metric_is_refused_before_the_search(given, told):
    with pytest.raises(BadSetting, match=told):
        as_metric(given, Task.CLASSIFICATION, [], CLASSES)


@pytest.mark.filterwarnings("ignore")
def test_it_travels_to_worker_processes_and_chooses_there():
    wildness = 2.0

    def weighed(truth, labels):
        return float(np.mean((truth == labels) * np.where(truth == "wild", wildness, 1.0)))

    goal = Goal(metric=weighed, algorithms=["logistic", "naive_bayes"], simple=True)
    found = find_best(example(Task.CLASSIFICATION, 200), goal, Budget(trials=3, workers=1))
    assert found.metric.key == "weighed"
    assert not found.leaderboard.failures
    assert found.score == found.metrics["weighed"] > found.baseline


def test_a_journal_names_it_as_one_s_own():
    dataset = example(Task.REGRESSION)
    assert header(dataset, Goal(metric=np.hypot))["metric"] == "own: hypot"
