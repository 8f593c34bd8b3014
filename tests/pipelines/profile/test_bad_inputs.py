"""Bad inputs that no peer handles all of: each is named before the first trial."""

import numpy as np
import pandas as pd
import pytest

from pipelines.dataset import Dataset
from pipelines.errors import UnknownColumn, UnreadableData, UnsoundData
from pipelines.profile.facts import Severity
from pipelines.profile.table import profile, require_sound
from pipelines.task import Task

N = 200


def table(task=Task.CLASSIFICATION, **columns):
    rng = np.random.default_rng(0)
    x = rng.normal(size=N)
    goal = (x + rng.normal(size=N) > 0).astype(int)
    if task is Task.REGRESSION:
        goal = x + rng.normal(size=N)
    parts = {"x": x, "z": rng.normal(size=N), **columns}
    return Dataset("bad", pd.DataFrame({"y": goal} | parts), task, "y")


def found(data, code, **options):
    return next((f for f in profile(data, **options).findings if f.code == code), None)


def stopped(data):
    with pytest.raises(UnsoundData) as caught:
        require_sound(profile(data))
    return str(caught.value)


def test_a_sound_table_passes_without_a_word():
    assert profile(table()).findings == ()
    require_sound(profile(table()))


def test_a_target_of_one_class_stops_and_names_class_and_rows():
    told = stopped(table(y=np.ones(N, dtype=int)))
    assert "'y' is 1 in all 200 rows" in told


def test_missing_targets_are_left_out_and_the_first_row_is_named():
    goal = table().labels.astype(float)
    goal[[17, 40]] = np.nan
    finding = found(table(y=goal), "D002")
    assert finding.severity is Severity.CHANGE
    assert "2 rows of 200 (1 %), first in row 17" in finding.reason


def test_more_than_half_of_the_targets_missing_stops():
    goal = table().labels.astype(float)
    goal[:101] = np.nan
    assert "more than half" in stopped(table(y=goal))


def test_an_infinite_regression_target_counts_as_missing():
    data = table(Task.REGRESSION)
    data.frame.loc[3, "y"] = np.inf
    finding = found(data, "D002")
    assert "missing or infinite in 1 row of 200 (0.5 %), first in row 3" in finding.reason


def test_an_infinity_is_named_with_column_row_and_value():
    data = table()
    data.frame.loc[9, "z"] = -np.inf
    finding = found(data, "D011")
    assert finding.columns == ("z",)
    assert "'z' holds -inf in 1 row, first in row 9" in finding.reason
    assert not finding.drops


def test_a_class_with_one_row_stops_and_names_it():
    goal = table().labels.astype("str")
    goal[123] = "lonely"
    assert "class 'lonely' has a single row (row 123)" in stopped(table(y=goal))


def test_constant_features_only_stop_the_run_by_name():
    frame = pd.DataFrame({"y": [0, 1] * 50, "a": 1, "b": "same"}).astype({"b": "str"})
    told = stopped(Dataset("flat", frame, Task.CLASSIFICATION, "y"))
    assert "'a', 'b'" in told


def test_an_id_and_a_copy_of_the_target_are_left_out_each_with_its_reason():
    data = table()
    frame = data.frame.assign(
        row_id=np.arange(N), twin=data.labels.map({0: "no", 1: "yes"}).astype("str")
    )
    told = profile(Dataset("bad", frame, data.task, "y"))
    assert {name: finding.code for name, finding in told.drops.items()} == {
        "twin": "D020",
        "row_id": "D040",
    }
    require_sound(told)


def test_an_id_and_a_copy_of_the_target_alone_leave_nothing_to_learn_from():
    goal = [0, 1, 1, 0] * 25
    frame = pd.DataFrame({"id": range(100), "copy": goal, "y": goal})
    assert "Every column is left out" in stopped(Dataset("b", frame, Task.CLASSIFICATION, "y"))


def test_text_dates_and_mixed_types_are_told_apart():
    rng = np.random.default_rng(1)
    words = ["late", "food", "room", "never", "again", "good"]
    text = pd.Series([" ".join(rng.choice(words, 7)) for _ in range(N)]).astype("str")
    day = pd.Series(pd.Timestamp("2020-01-01") + pd.to_timedelta(rng.integers(0, 999, N), "D"))
    mixed = pd.Series(rng.integers(0, 99, N)).astype("str")
    mixed[[4, 90]] = "unknown"
    told = profile(table(text=text, day=day.astype("datetime64[us]"), mixed=mixed))
    assert [told.column(c).kind for c in ("text", "day", "mixed")] == ["text", "date", "category"]
    finding = next(f for f in told.findings if f.code == "D012")
    assert finding.columns == ("mixed",)
    assert "198 numbers and 2 other texts (as 'unknown')" in finding.reason


def test_python_objects_of_several_types_are_mixed_types():
    cells = pd.Series([1, "a", 2.5, "b"] * 50, dtype=object)
    assert found(table(odd=cells), "D012").columns == ("odd",)


@pytest.mark.parametrize(("rows", "said"), [(0, "There are no rows"), (6, "There are 6 rows")])
def test_too_few_rows_stop_with_their_number(rows, said):
    data = table()
    small = Dataset("small", data.frame.head(rows), data.task, "y")
    assert said in stopped(small)


def test_an_empty_table_without_columns_is_told_too():
    assert "no rows" in stopped(Dataset("empty", pd.DataFrame(), Task.ANOMALY))


def test_two_columns_of_one_name_are_refused():
    frame = pd.DataFrame([[1, 2, 0]] * 30, columns=["a", "a", "y"])
    with pytest.raises(UnreadableData, match="'a'"):
        profile(Dataset("twice", frame, Task.CLASSIFICATION, "y"))


def test_a_column_to_keep_that_is_not_there_is_named_with_the_nearest():
    with pytest.raises(UnknownColumn, match="Did you mean 'x'"):
        profile(table(), keep=["xx"])


def test_a_text_target_of_a_regression_stops():
    data = table(y=pd.Series(["EUR 5"] * N).astype("str"))
    assert "predicts a number" in stopped(Dataset("bad", data.frame, Task.REGRESSION, "y"))


def test_a_target_with_as_many_classes_as_rows_stops():
    assert "200 classes in 200 rows" in stopped(table(y=np.arange(N)))


def test_a_lonely_class_is_found_among_hundreds_and_outside_the_sample():
    goal = pd.Series(np.arange(6000) % 300).astype("str")
    goal[77] = "lonely"
    frame = pd.DataFrame({"x": np.random.default_rng(0).normal(size=6000), "y": goal})
    told = profile(Dataset("many", frame, Task.CLASSIFICATION, "y"), max_rows=500)
    finding = next(f for f in told.findings if f.code == "D006")
    assert "class 'lonely' has a single row (row 77)" in finding.reason
