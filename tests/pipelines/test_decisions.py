"""Which class is named: thresholds, kept where they gain more than noise."""

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import precision_score, recall_score

from pipelines import decisions, metrics
from pipelines.adapters.combined import Decided
from pipelines.automl import find_best
from pipelines.dataset import Dataset
from pipelines.goal import Goal
from pipelines.judging import decision_of
from pipelines.search import Budget
from pipelines.task import Task
from pipelines.trial import Work


def work(truth, key):
    classes = tuple(range(int(truth.max()) + 1))
    return Work(
        features=pd.DataFrame(index=range(len(truth))),
        labels=pd.Series(truth),
        task=Task.CLASSIFICATION,
        classes=classes,
        plan=None,
        rows={},
        metrics=(metrics.find(key, Task.CLASSIFICATION, len(classes)),),
        folds=[],
    )


def rare(rows=2000, share=0.08, seed=0):
    """Chances that are right, of a class that is rare."""
    draw = np.random.default_rng(seed)
    chance = draw.beta(share * 4, (1 - share) * 4, rows)
    truth = (draw.random(rows) < chance).astype(int)
    return truth, np.column_stack([1 - chance, chance])


@pytest.mark.parametrize("key", ["f1", "balanced_accuracy", "mcc", "f2", "g_mean"])
def test_a_rare_class_is_named_earlier_where_the_metric_gains_by_it(key):
    truth, given = rare()
    found = decisions.find(given, work(truth, key), 0)
    assert found.threshold < 0.45
    metric = metrics.find(key, Task.CLASSIFICATION)
    fresh, chances = rare(seed=1)
    assert metric.of(fresh, chances, found.weights) > metric.of(fresh, chances)


def test_right_chances_need_no_threshold_for_accuracy():
    switched_on = sum(
        decisions.find(given, work(truth, "accuracy"), seed) is not None
        for seed in range(12)
        for truth, given in [rare(500, 0.4, seed)]
    )
    assert switched_on <= 1


@pytest.mark.parametrize("key", ["roc_auc", "log_loss", "ks"])
def test_a_metric_that_asks_for_no_labels_has_none(key):
    truth, given = rare()
    assert decisions.find(given, work(truth, key), 0) is None


def test_precision_at_a_recall_sets_the_threshold_that_predict_obeys():
    truth, given = rare(4000, 0.3)
    found = decisions.find(given, work(truth, "precision_at_recall_80"), 0)
    labels = metrics.decided(given, found.weights)
    assert 0.8 <= recall_score(truth, labels) < 0.82
    assert precision_score(truth, labels) == pytest.approx(found.after, abs=0.01)


def test_of_several_classes_the_rare_ones_are_weighed_up():
    draw = np.random.default_rng(0)
    chances = draw.dirichlet([6, 1, 0.5], 3000)
    truth = (draw.random((3000, 1)) > chances.cumsum(axis=1)).sum(axis=1).clip(0, 2)
    found = decisions.find(chances, work(truth, "balanced_accuracy"), 0)
    assert found.threshold is None
    assert found.weights[0] < min(found.weights[1:])


@pytest.mark.parametrize("rows", [20, 50])
def test_too_few_rows_say_nothing(rows):
    truth, given = rare(rows, 0.3)
    assert decisions.find(given, work(truth, "f1"), 0) is None


@pytest.mark.filterwarnings("ignore")
def test_the_winner_keeps_its_threshold_and_is_judged_with_it():
    draw = np.random.default_rng(0)
    frame = pd.DataFrame(draw.normal(size=(1500, 3)), columns=list("abc"))
    chance = 1 / (1 + np.exp(-(2 * frame["a"] - 3.2)))
    frame["left"] = pd.Series(np.where(draw.random(1500) < chance, "yes", "no"), dtype="str")
    dataset = Dataset("churn", frame, Task.CLASSIFICATION, "left")
    goal = Goal(metric="f1", algorithms=["logistic"], simple=True)
    found = find_best(dataset, goal, Budget(trials=2), engine="serial")
    assert isinstance(found.model, Decided)
    assert found.decision.threshold < 0.5
    assert "It says 'yes' from a chance of" in found.note
    said = found.model.predict(found.holdout.drop(columns="left"))
    truth = found.holdout["left"]
    both = ((said == "yes") & (truth == "yes")).sum()
    f1 = 2 * both / ((said == "yes").sum() + (truth == "yes").sum())
    assert found.score == pytest.approx(f1)
    assert decision_of(found.model).sum() == pytest.approx(1)
