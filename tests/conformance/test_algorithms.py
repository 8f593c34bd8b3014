"""Every row of the catalogue passes the checks that are shipped for rows of one's own."""

from __future__ import annotations

import subprocess
import sys

import pytest

from pipelines import testing
from pipelines.algorithms import Aim, catalogue, choose, find
from pipelines.errors import MissingExtra, UnknownAlgorithm
from pipelines.task import Task

ROWS = catalogue()


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row.task}-{row.key}")
def test_a_row_passes_every_check(row):
    if not row.installed:
        pytest.skip(f"the extra {row.extra} is not installed")
    testing.check_row(row)


def test_a_key_is_unique_within_its_task():
    keys = [(row.task, row.key) for row in ROWS]
    assert sorted(set(keys)) == sorted(keys)


def test_listing_the_catalogue_imports_no_library():
    code = (
        "import sys; from pipelines.algorithms import catalogue; catalogue(); "
        "print([m for m in ('sklearn', 'lightgbm', 'pyod', 'catboost') if m in sys.modules])"
    )
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert told.stdout.strip() == "[]"


def test_an_unknown_key_offers_a_close_one():
    with pytest.raises(UnknownAlgorithm, match="Did you mean 'lightgbm'"):
        find("lightgmb", Task.CLASSIFICATION)


def test_an_algorithm_of_another_task_is_unknown_here():
    with pytest.raises(UnknownAlgorithm):
        choose(Task.REGRESSION, (100, 5, 0), only=["naive_bayes"])


def test_rows_too_small_for_the_table_stay_out_unless_asked_for():
    size = (1_000_000, 10, 2)
    assert "rbf_svm" not in {row.key for row in choose(Task.CLASSIFICATION, size)}
    asked = choose(Task.CLASSIFICATION, size, only=["rbf_svm"])
    assert [row.key for row in asked] == ["dummy", "rbf_svm"]


@pytest.mark.parametrize(("rows", "trees"), [(20_000, 200), (20_001, 100)])
def test_a_forest_of_many_rows_has_fewer_trees(rows, trees):
    found = choose(Task.REGRESSION, (rows, 5, 0), only=["extra_trees", "ridge"])
    forest = next(row for row in found if row.key == "extra_trees")
    assert {entry.params["n_estimators"] for entry in forest.portfolio} == {trees}
    assert (forest.space["n_estimators"].high > trees) == (rows == 20_000)
    assert {row.key for row in found} == {"dummy", "extra_trees", "ridge"}


def test_the_baseline_is_always_there():
    chosen = choose(Task.REGRESSION, (100, 5, 0), without=["dummy", "lightgbm"])
    keys = [row.key for row in chosen]
    assert keys[0] == "dummy"
    assert "lightgbm" not in keys


def test_asking_for_a_library_that_is_not_installed_names_the_extra():
    from dataclasses import replace

    row = replace(find("xgboost", Task.CLASSIFICATION), target="no_such_library:Thing")
    with pytest.raises(MissingExtra, match=r"mlops-platform\[xgboost\]"):
        choose(Task.CLASSIFICATION, (10, 1, 2), only=["xgboost"], rows=[row])


@pytest.mark.parametrize("task", [Task.CLASSIFICATION, Task.REGRESSION])
def test_lightgbm_with_its_defaults_is_tried_first(task):
    first = min((row for row in ROWS if row.task is task), key=lambda row: row.portfolio[0].turn)
    assert first.key == "lightgbm"


@pytest.mark.parametrize(
    ("labels", "loss", "keys"),
    [
        ([0, 1, 4, 2, 0], "", {"poisson", "lightgbm_poisson"}),
        ([0.0, 0.0, 3.5, 12.25], "", {"tweedie", "lightgbm_tweedie"}),
        ([0.5, 3.5, 12.25], "gamma", {"tweedie", "lightgbm_tweedie"}),
        ([-3.0, 4.0], "quantile 0.9", {"quantile", "lightgbm_quantile"}),
        ([250_000, 180_000], "", set()),
        ([-3.0, 4.5], "", set()),
        ([0, 1, 1, 0], "", set()),
    ],
)
def test_other_losses_take_part_where_target_or_metric_ask_for_them(labels, loss, keys):
    aimed = choose(Task.REGRESSION, (100, 5, 0), aim=Aim.of(labels, loss))
    plain = choose(Task.REGRESSION, (100, 5, 0), aim=Aim())
    assert {row.key for row in aimed} - {row.key for row in plain} == keys


def test_a_quantile_row_learns_the_metric_s_own_quantile():
    aimed = choose(Task.REGRESSION, (100, 5, 0), aim=Aim(loss="quantile 0.9"))
    fixed = {row.key: row.fixed for row in aimed}
    assert fixed["quantile"]["quantile"] == fixed["lightgbm_quantile"]["alpha"] == 0.9


def test_a_gamma_metric_sets_the_power_that_would_be_tuned():
    [row] = choose(Task.REGRESSION, (9, 1, 0), only=["tweedie"], aim=Aim(loss="gamma"))[1:]
    assert row.fixed["power"] == 2.0
    assert "power" not in {*row.space, *row.default}


def test_what_somebody_asks_for_by_name_is_tried_whatever_the_target():
    chosen = choose(Task.REGRESSION, (100, 5, 0), only=["quantile"], aim=Aim())
    assert [row.key for row in chosen] == ["dummy", "quantile"]


@pytest.mark.filterwarnings("ignore")
def test_the_tenth_and_the_ninetieth_percentile_are_learned_for_their_metrics():
    import numpy as np

    from pipelines.automl import find_best
    from pipelines.goal import Goal
    from pipelines.search import Budget

    low, high = (
        find_best(
            testing.example(Task.REGRESSION, 300),
            Goal(metric=f"pinball_{share}", algorithms=["quantile"]),
            Budget(trials=2),
            engine="serial",
        )
        for share in (10, 90)
    )
    below = [np.mean(each.holdout["load"] < each.answer) for each in (low, high)]
    assert below[0] < 0.35 < 0.65 < below[1]
