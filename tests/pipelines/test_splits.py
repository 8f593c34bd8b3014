from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.dataset import Dataset
from pipelines.errors import BadSetting, UnknownColumn
from pipelines.splits import folds, holdout
from pipelines.task import Task


def dataset(labels, task=Task.CLASSIFICATION, **columns):
    frame = pd.DataFrame({"x": np.arange(len(labels)), "y": labels, **columns})
    return Dataset("rows", frame, task, "y")


def test_classes_keep_their_share_on_both_sides():
    train, test = holdout(dataset(["a"] * 900 + ["b"] * 100), seed=0)
    assert (len(train), len(test)) == (800, 200)
    assert (test >= 900).sum() == 20


def test_the_same_seed_gives_the_same_rows_and_another_seed_others():
    data = dataset(["a", "b"] * 50)
    assert np.array_equal(holdout(data, seed=3)[1], holdout(data, seed=3)[1])
    assert not np.array_equal(holdout(data, seed=3)[1], holdout(data, seed=4)[1])


def test_a_class_with_one_row_is_learned_from():
    train, test = holdout(dataset(["a"] * 50 + ["rare"]), seed=1)
    assert 50 in train
    assert len(test) == 10


@given(
    labels=st.lists(st.sampled_from("abcdef"), min_size=2, max_size=60),
    seed=st.integers(0, 5),
    n=st.integers(2, 7),
)
@settings(max_examples=80, deadline=None)
def test_no_row_is_lost_or_on_both_sides_however_small_the_table(labels, seed, n):
    train, test = holdout(dataset(labels), seed=seed)
    assert sorted([*train, *test]) == list(range(len(labels)))
    assert len(train)
    assert len(test)
    parts = folds(labels, task=Task.CLASSIFICATION, n=n, seed=seed)
    assert len(parts) == min(n, len(labels))
    assert sorted(np.concatenate([test for _, test in parts])) == list(range(len(labels)))
    for train, test in parts:
        assert sorted([*train, *test]) == list(range(len(labels)))
        assert len(train)


def test_six_rows_with_classes_of_two_have_each_class_in_every_training_part():
    labels = ["a", "a", "b", "b", "c", "c"]
    for seed in range(20):
        for train, _ in folds(labels, task=Task.CLASSIFICATION, n=3, seed=seed):
            assert {labels[at] for at in train} == {"a", "b", "c"}


def test_folds_spread_classes_evenly():
    labels = np.array(["a"] * 90 + ["b"] * 10)
    for _, test in folds(labels, task=Task.CLASSIFICATION, n=5, seed=0):
        assert (labels[test] == "b").sum() == 2


def test_folds_spread_numbers_evenly():
    labels = np.arange(1000.0)
    means = [labels[test].mean() for _, test in folds(labels, task=Task.REGRESSION, n=5, seed=0)]
    assert np.ptp(means) < 20


def test_repeats_deal_anew():
    parts = folds(["a", "b"] * 20, task=Task.CLASSIFICATION, n=4, seed=0, repeats=3)
    assert len(parts) == 12
    assert not np.array_equal(parts[0][1], parts[4][1])


def test_a_group_stays_on_one_side():
    groups = np.repeat(np.arange(20), 5)
    data = dataset(["a", "b"] * 50, who=groups)
    train, test = holdout(data, seed=0, groups="who")
    assert not set(groups[train]) & set(groups[test])
    assert 15 <= len(test) <= 25
    for train, test in folds(data.labels, task=data.task, n=4, seed=0, groups=groups):
        assert not set(groups[train]) & set(groups[test])


def test_time_is_judged_on_what_comes_later():
    times = pd.Series(pd.date_range("2024-01-01", periods=100)).sample(frac=1, random_state=0)
    times = times.reset_index(drop=True)
    data = dataset(["a", "b"] * 50, when=times)
    train, test = holdout(data, seed=0, time="when")
    assert len(test) == 20
    assert times[train].max() < times[test].min()
    parts = folds(data.labels, task=data.task, n=5, seed=0, time=times)
    assert len(parts) == 5
    for train, test in parts:
        assert times[train].max() < times[test].min()


def test_rows_of_one_moment_are_not_torn_apart():
    data = dataset([0] * 10, when=[1, 1, 1, 1, 1, 2, 2, 2, 2, 2])
    train, test = holdout(data, seed=0, time="when")
    assert (len(train), len(test)) == (5, 5)
    parts = folds([0] * 10, task=Task.CLASSIFICATION, n=2, seed=0, time=data.frame["when"])
    assert all(len(train) and len(test) for train, test in parts)


def test_rows_without_a_time_come_first():
    data = dataset([0] * 10, when=[np.nan, *range(9)])
    assert 0 in holdout(data, seed=0, time="when")[0]


def test_a_column_can_say_which_rows_are_kept_apart():
    data = dataset([0] * 4, part=["train", "Test", "train", "test"])
    assert holdout(data, seed=0, column="part")[1].tolist() == [1, 3]
    flags = dataset([0] * 4, part=[False, True, False, False])
    assert holdout(flags, seed=0, column="part")[1].tolist() == [1]


def test_rows_for_validation_are_the_one_fold_and_those_for_test_are_kept_apart():
    marks = pd.Series(["train"] * 5 + ["valid"] * 3 + ["test"] * 2)
    data = dataset([0, 1] * 5, part=marks)
    train, test = holdout(data, seed=0, column="part")
    assert test.tolist() == [8, 9]
    parts = folds(data.labels[train], task=data.task, n=5, seed=0, marks=marks[train])
    assert [part.tolist() for pair in parts for part in pair] == [[0, 1, 2, 3, 4], [5, 6, 7]]


def test_a_column_may_number_the_folds():
    marks = ["1", "2", "3", "test"] * 5
    data = dataset([0] * 20, part=marks)
    train, _ = holdout(data, seed=0, column="part")
    parts = folds([0] * 15, task=data.task, n=5, seed=0, marks=np.array(marks)[train])
    assert [len(test) for _, test in parts] == [5, 5, 5]
    assert all(len({marks[train[at]] for at in test}) == 1 for _, test in parts)


def test_marks_that_name_no_folds_leave_them_as_usual():
    labels = ["a", "b"] * 10
    usual = folds(labels, task=Task.CLASSIFICATION, n=4, seed=0)
    marked = folds(labels, task=Task.CLASSIFICATION, n=4, seed=0, marks=["train"] * 20)
    assert all(np.array_equal(a[1], b[1]) for a, b in zip(usual, marked, strict=True))


def test_anomalies_need_no_labels():
    frame = pd.DataFrame({"x": range(10)})
    train, test = holdout(Dataset("rows", frame, Task.ANOMALY), seed=0)
    assert (len(train), len(test)) == (8, 2)
    assert len(folds(10, task=Task.ANOMALY, n=3, seed=0)) == 3


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"share": 0}, BadSetting),
        ({"share": 1.5}, BadSetting),
        ({"groups": "whom"}, UnknownColumn),
        ({"groups": "x", "time": "x"}, BadSetting),
        ({"column": "y"}, BadSetting),
        ({"groups": "y"}, BadSetting),
    ],
)
def test_a_split_that_makes_no_sense_is_refused(options, error):
    with pytest.raises(error):
        holdout(dataset(["a"] * 10), seed=0, **options)


@pytest.mark.parametrize("options", [{"n": 1}, {"n": 3, "repeats": 0}])
def test_folds_that_make_no_sense_are_refused(options):
    with pytest.raises(BadSetting):
        folds(["a"] * 10, task=Task.CLASSIFICATION, seed=0, **options)
    with pytest.raises(BadSetting):
        folds(["a"], task=Task.CLASSIFICATION, n=2, seed=0)
