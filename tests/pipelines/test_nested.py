"""Nested evaluation judges the procedure, on rows that no search of its own ever saw."""

import numpy as np
import pandas as pd
import pytest

from pipelines.dataset import Dataset
from pipelines.errors import BadSetting
from pipelines.goal import Goal
from pipelines.nested import Nested, Shape, check, evaluate
from pipelines.search import Budget
from pipelines.task import Task

pytestmark = pytest.mark.filterwarnings("ignore")


def noise(rows=120):
    """A table in which there is nothing to find."""
    draw = np.random.default_rng(0)
    frame = pd.DataFrame(draw.normal(size=(rows, 6)), columns=list("abcdef"))
    frame["y"] = pd.Series(draw.choice(["no", "yes"], rows), dtype="str")
    return Dataset("noise", frame, Task.CLASSIFICATION, "y")


def test_every_fold_has_a_search_and_noise_is_told_as_such():
    said = []
    goal = Goal(metric="roc_auc", algorithms=["naive_bayes", "knn"])
    found = evaluate(
        noise(), goal, Budget(trials=3), Shape(3, 2), engine="serial", doing=said.append
    )
    assert len(found.scores) == len(found.winners) == 6
    assert said[0] == "nested evaluation, search 1 of 6"
    low, high = found.interval
    assert low < 0.5 < high
    assert found.sentence.startswith("Nested evaluation (3 folds, 2 times): roc_auc 0.")
    assert found.to_dict()["mean"] == pytest.approx(np.mean(found.scores))


def test_groups_stay_together_in_the_outer_folds_too():
    dataset = noise()
    frame = dataset.frame.assign(who=np.arange(120) // 10)
    grouped = Dataset("noise", frame, Task.CLASSIFICATION, "y")
    goal = Goal(metric="accuracy", algorithms=["naive_bayes"], group="who")
    found = evaluate(grouped, goal, Budget(trials=2), Shape(2), engine="serial")
    assert len(found.scores) == 2


def test_shared_rows_make_the_interval_wider():
    scores = (0.7, 0.8, 0.75, 0.72)
    one, other = (
        Nested(metric="m", folds=4, repeats=1, scores=scores, winners=("a",) * 4, ratio=ratio)
        for ratio in (0.0, 1 / 3)
    )
    assert np.ptp(other.interval) > 1.5 * np.ptp(one.interval)


@pytest.mark.parametrize("text", ["", "1", "0x3", "3x0", "three", "3x", "50x50"])
def test_what_is_no_shape_is_refused(text):
    with pytest.raises(BadSetting, match="Write folds and repeats"):
        Shape.read(text)


def test_without_a_target_or_with_marked_rows_there_is_nothing_to_deal_anew():
    with pytest.raises(BadSetting, match="nothing to judge by"):
        check(Dataset("strange", noise().features, Task.ANOMALY), Goal())
    with pytest.raises(BadSetting, match="says already"):
        check(noise(), Goal(split="a"))
