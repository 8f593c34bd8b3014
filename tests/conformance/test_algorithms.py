"""Every row of the catalogue passes the checks that are shipped for rows of one's own."""

from __future__ import annotations

import subprocess
import sys

import pytest

from pipelines import testing
from pipelines.algorithms import catalogue, choose, find
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
