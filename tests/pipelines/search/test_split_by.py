"""Splits by wish: the rows kept apart and the folds follow the column somebody named."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from pipelines.automl import find_best, prepare
from pipelines.errors import BadJournal, BadSetting, UnknownColumn
from pipelines.goal import Goal, header
from pipelines.journal import Journal
from pipelines.search import Budget
from pipelines.task import Task
from pipelines.testing import example


@pytest.fixture
def dataset():
    made = example(Task.CLASSIFICATION, rows=150)
    frame = made.frame.copy()
    frame["customer"] = np.arange(150) // 5
    frame["day"] = pd.date_range("2024-01-01", periods=150)[::-1]
    frame["part"] = pd.Series(np.where(np.arange(150) % 3, "train", "test"), dtype="str")
    return replace(made, frame=frame)


def prepared(dataset, **wish):
    return prepare(dataset, Goal(algorithms=["logistic"], **wish), engine="serial")


def test_a_group_is_never_on_both_sides_and_its_column_is_no_feature(dataset):
    ready = prepared(dataset, group="customer")
    customers = ready.train["customer"]
    assert not set(customers) & set(ready.holdout["customer"])
    for known, judged in ready.work.folds:
        assert not set(customers.iloc[known]) & set(customers.iloc[judged])
    assert "customer" not in ready.plan.used
    assert "customer" in {drop.name for drop in ready.plan.dropped}


def test_in_time_every_judgement_is_about_later_rows(dataset):
    ready = prepared(dataset, time="day")
    days = ready.train["day"]
    assert days.max() < ready.holdout["day"].min()
    assert all(days.iloc[a].max() < days.iloc[b].min() for a, b in ready.work.folds)


def test_a_column_of_marks_is_obeyed_and_no_feature(dataset):
    found = find_best(
        dataset, Goal(algorithms=["logistic"], split="part"), Budget(trials=2), engine="serial"
    )
    assert set(found.holdout["part"]) == {"test"}
    assert set(found.train["part"]) == {"train"}
    assert "part" not in found.plan.used


def test_a_column_that_is_not_there_is_told_before_anything_is_looked_at(dataset):
    with pytest.raises(UnknownColumn, match="'customer'"):
        prepared(dataset, group="custommer")
    with pytest.raises(BadSetting, match="not two"):
        prepared(dataset, group="customer", time="day")
    with pytest.raises(BadSetting, match="target"):
        prepared(dataset, time="mood")


def test_a_journal_of_another_split_is_refused(dataset, tmp_path):
    path = tmp_path / "run.jsonl"
    Journal.create(path, header(dataset, Goal(group="customer")))
    with pytest.raises(BadJournal, match="its split"):
        Journal.open(path, header(dataset, Goal(time="day")))
