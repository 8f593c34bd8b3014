"""A model that is too large or too slow is not chosen, and where nothing fits it is said."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from mlops.durations import bytes_of
from pipelines.automl import find_best
from pipelines.ceilings import Ceilings, model_bytes
from pipelines.dataset import Dataset
from pipelines.ensemble import Mix
from pipelines.errors import BadSetting
from pipelines.goal import Goal
from pipelines.search import Budget
from pipelines.task import Task
from pipelines.trial import Outcome, Trial

pytestmark = pytest.mark.filterwarnings("ignore")


WORK = SimpleNamespace(task=Task.REGRESSION)
"""As much of a search's work as a mean of members looks at."""


def bent(rows=150):
    draw = np.random.default_rng(0)
    frame = pd.DataFrame(draw.normal(size=(rows, 3)), columns=list("abc"))
    frame["y"] = frame["a"] ** 2 + draw.normal(scale=0.2, size=rows)
    return Dataset("bent", frame, Task.REGRESSION, "y")


def test_a_forest_that_is_too_large_loses_to_a_tree():
    goal = Goal(algorithms=["random_forest", "decision_tree"], max_size=60_000)
    found = find_best(bent(100), goal, Budget(trials=4), engine="serial")
    sizes = {
        t.algorithm_key: o.metrics["model_bytes"] for t, o in found.leaderboard.rows if o.folds
    }
    assert sizes["random_forest"] > 60_000 > sizes["decision_tree"]
    assert model_bytes(found.model) <= 60_000
    assert "random_forest" not in str(found.trial)


def test_where_nothing_is_small_enough_the_smallest_is_returned_and_it_is_said():
    goal = Goal(algorithms=["decision_tree", "ridge"], max_size=100)
    found = find_best(bent(80), goal, Budget(trials=3), engine="serial")
    assert "more than the 0.0001 MB asked for; nothing smaller was found" in found.note


def test_an_ensemble_takes_the_members_that_fit_together():
    sizes = (40.0, 80.0, 30.0, 20.0)
    rows = tuple(
        (Trial(at, "ridge", {}, 0, "default"), Outcome(1.0, {"model_bytes": size}))
        for at, size in enumerate(sizes)
    )
    mix = Mix(rows, (0.4, 0.3, 0.2, 0.1), 0.1)
    kept = mix.within(Ceilings(size=100), WORK)
    assert [trial.number for trial, _ in kept.members] == [0, 2, 3]
    assert sum(kept.weights) == pytest.approx(1)
    assert mix.within(Ceilings(), WORK) is mix
    assert mix.within(Ceilings(size=50), WORK) is None


@pytest.mark.parametrize("given", [{"max_size": 0}, {"max_size": -1.0}, {"max_latency": 0}])
def test_a_ceiling_that_makes_no_sense_is_refused(given):
    [name] = given
    with pytest.raises(BadSetting, match=name):
        find_best(bent(), Goal(**given), Budget(trials=1), engine="serial")


@pytest.mark.parametrize("text", ["", "large", "50 parrots", "-3MB", "0"])
def test_what_is_no_size_is_refused(text):
    with pytest.raises(BadSetting, match="--max-size"):
        bytes_of(text, "--max-size")
