"""What text turns out to be, what is told about it, and how somebody overrules it."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines import readers
from pipelines.dataset import Kind
from pipelines.errors import BadSetting, UnknownColumn
from pipelines.readers.recognition import Words
from pipelines.readers.screening import cleaned
from pipelines.readers.spellings import MISSING as MISSING_WORDS

MISSING = None


def column(values: Any, types: str | None = None) -> pd.Series:
    return readers.read({"c": values}, types={"c": types} if types else None).frame["c"]


def told(values: Any, types: str | None = None) -> str:
    data = readers.read({"c": values}, types={"c": types} if types else None)
    return "; ".join(change.reason for change in data.conversions)


@pytest.mark.parametrize(
    ("words", "numbers"),
    [
        (["1", "-2", "+3"], [1, -2, 3]),
        (["1.5", " 2 ", "3e2"], [1.5, 2.0, 300.0]),
        (["1,234", "1,234,567"], [1234, 1234567]),
        (["1,234.5", "7"], [1234.5, 7.0]),
        (["1.234,5", "7"], [1234.5, 7.0]),
        (["1,5", "2,25"], [1.5, 2.25]),
        (["1.234.567", "1.234"], [1234567, 1234]),
        (["1 234,5", "1\u202f000"], [1234.5, 1000.0]),
        (["1'234.50", "7"], [1234.5, 7.0]),
        (["€ 1.234,50", "€ 7,00"], [1234.5, 7.0]),
        (["$1,234.50", "-$7"], [1234.5, -7.0]),
        (["12 EUR", "7 EUR"], [12, 7]),
        (["12%", "7.5 %"], [12.0, 7.5]),
        (["(1,234)", "12"], [-1234, 12]),
        (["\u22125", "5"], [-5, 5]),
        (["inf", "-inf", "1"], [np.inf, -np.inf, 1.0]),
        (["1", "NA", "-", "?", "n/a", "", "NULL"], [1.0, *[np.nan] * 6]),
    ],
)
def test_numbers_are_recognised_however_they_are_written(words: Any, numbers: Any) -> None:
    pd.testing.assert_series_equal(column(words), pd.Series(numbers, name="c"))


@pytest.mark.parametrize(
    "words",
    [
        ["007", "012"],
        ["12 monkeys", "7"],
        ["$5", "€5"],
        ["12%", "0.12"],
        ["1.2.3", "1.2.4"],
        ["1,23,4", "5"],
        ["10.0.0.1", "10.0.0.2"],
        ["f", "f"],
        ["2024-13-45", "2024-01-01"],
        ["yes", "nein"],
        ["12:30", "13:45"],
    ],
)
def test_words_that_only_look_like_something_stay_text(words: Any) -> None:
    assert column(words).tolist() == words


@pytest.mark.parametrize(
    ("words", "wanted"),
    [
        (["yes", "No", "YES"], [True, False, True]),
        (["t", "f"], [True, False]),
        (["Y", "n"], [True, False]),
        (["ja", "nein"], [True, False]),
        (["oui", "non"], [True, False]),
        (["TRUE", "TRUE"], [True, True]),
        (["on", "off"], [True, False]),
    ],
)
def test_booleans_are_recognised_in_their_spellings(words: Any, wanted: Any) -> None:
    assert column(words).dtype == bool
    assert column(words).tolist() == wanted


def test_booleans_with_missing_values_keep_them() -> None:
    made = column(["yes", None, "no"])
    assert str(made.dtype) == "boolean"
    assert made.isna().tolist() == [False, True, False]


@pytest.mark.parametrize("last", ["perhaps", "yesterday", "", "yEs", "NA"])
def test_the_last_value_of_a_long_column_decides_whether_it_is_boolean(last: str) -> None:
    made = column(["yes", "No"] * 5_000 + [last])
    wanted = {"perhaps": "str", "yesterday": "str", "yEs": "bool"}.get(last, "boolean")
    assert str(made.dtype) == wanted
    assert made.iloc[0] == ("yes" if wanted == "str" else True)


EDGES = st.sampled_from(
    [
        *(
            "",
            " ",
            "a",
            " a",
            "b\t",
            "\u00a0c",
            "d\u3000",
            "é",
            "東",
            "12",
            "1.5",
            "007",
            "nation",
        ),
        *("NA", "na ", "n/a", "nan", "none", "None.", "-", "--", "---", "?", ".", "#REF!", "<NA>"),
    ]
)


@settings(deadline=None, max_examples=200)
@given(st.lists(st.none() | EDGES, min_size=1, max_size=40), st.integers(0, 3))
def test_text_is_cleaned_as_if_every_value_were_looked_at(words: Any, skipped: int) -> None:
    texts = pa.array([*["x"] * skipped, *words], pa.large_string())[skipped:]
    chunks = pa.chunked_array([texts[: len(words) // 2], texts[len(words) // 2 :]])
    stripped = [None if word is None else word.strip() for word in words]
    wanted = [None if word is None or word.lower() in MISSING_WORDS else word for word in stripped]
    done = cleaned(Words(chunks), spelled=False)
    assert done.words.values.to_pylist() == wanted
    told = sum(before != after for before, after in zip(words, stripped, strict=True))
    assert (f"blanks around {told} values stripped" in done.reasons) == bool(told)


def test_zeros_and_ones_stay_numbers() -> None:
    assert column(["0", "1"]).dtype == np.int64


@pytest.mark.parametrize(
    ("words", "first"),
    [
        (["2024-01-31", "1999-12-01"], "2024-01-31"),
        (["2024-01-31T10:11:12Z", "2024-02-01T00:00:00+02:00"], "2024-01-31 10:11:12"),
        (["2024/01/31", "2023/02/01"], "2024-01-31"),
        (["31/01/2024", "01/02/2024"], "2024-01-31"),
        (["01/31/2024", "02/01/2024"], "2024-01-31"),
        (["1/31/2024", "12/1/2024"], "2024-01-31"),
        (["31.01.2024", "01.02.2024"], "2024-01-31"),
        (["01.02.2024", "03.04.2024"], "2024-02-01"),
        (["31.01.2024 10:11", "01.02.2024 12:13"], "2024-01-31 10:11"),
        (["31-Jan-2024", "01-Feb-2024"], "2024-01-31"),
        (["Jan 31, 2024", "Feb 1, 2024"], "2024-01-31"),
        (["31 January 2024", "1 May 2024"], "2024-01-31"),
        (["01/31/2024 3:04 PM", "02/01/2024 4:05 AM"], "2024-01-31 15:04"),
        (["2024-01-31", "n/a"], "2024-01-31"),
    ],
)
def test_dates_are_recognised_in_common_formats(words: Any, first: str) -> None:
    made = column(words)
    assert str(made.dtype) == "datetime64[us]"
    assert made[0] == pd.Timestamp(first)


def test_an_ambiguous_date_is_decided_by_the_column_never_by_the_row() -> None:
    made = column(["03/04/2024", "05/06/2024", "25/06/2024"])
    assert made.dt.month.tolist() == [4, 6, 6]


def test_a_column_of_ambiguous_dates_says_so_and_how_to_overrule_it() -> None:
    words = ["03/04/2024", "05/06/2024"]
    assert "types='date:%d/%m/%Y'" in told(words)
    assert column(words).dt.month.tolist() == [3, 5]
    assert column(words, "date:%d/%m/%Y").dt.month.tolist() == [4, 6]


def test_new_rows_are_read_as_the_table_was() -> None:
    data = readers.read({"day": ["31/12/2024", "03/04/2024"], "n": ["1,5", "2,25"]})
    row = readers.read_features(
        {"day": ["03/04/2024"], "n": ["1,234"]}, types=readers.readings(data)
    )
    assert row.frame.loc[0].tolist() == [pd.Timestamp("2024-04-03"), 1.234]


def test_missing_spellings_and_blanks_are_told_with_their_count() -> None:
    assert "'n/a' read as missing (2 rows)" in told(["a", "n/a", "n/a", "b"])
    assert "blanks around 1 values stripped" in told(["a ", "b"])


def test_asking_for_a_category_keeps_words_that_look_missing() -> None:
    assert column(["NA", "DE", ""], "category").tolist()[:2] == ["NA", "DE"]
    assert column(["NA", "DE", ""], "category").isna().tolist() == [False, False, True]


@pytest.mark.parametrize("values", [[1, 2], [1.0, 2.0], ["1.0", "2.00"], np.array([1, 2])])
def test_a_number_asked_to_be_a_category_is_its_shortest_text(values: Any) -> None:
    data = readers.read({"c": values}, types={"c": "category"})
    assert data.frame["c"].tolist() == ["1", "2"]
    assert data.kinds == {"c": Kind.CATEGORY}


def test_a_pandas_category_of_numbers_was_asked_for_already() -> None:
    data = readers.read(pd.DataFrame({"c": pd.Categorical([1, 2, 1])}))
    assert data.frame["c"].tolist() == ["1", "2", "1"]
    assert data.kinds == {"c": Kind.CATEGORY}


@pytest.mark.parametrize(
    ("values", "kind", "wanted"),
    [
        ([20240131, 20240201], "date", pd.Timestamp("2024-01-31")),
        ([1706659200, 1706745600], "date", pd.Timestamp("2024-01-31")),
        ([1, 0], "boolean", True),
        ([True, False], "number", 1),
        (["yes", "no"], "text", "yes"),
        (["y", "y"], "boolean", True),
        (["1,234", "1,5"], "number", 1.234),
        ([pd.Timestamp("2024-01-31")], "category", "2024-01-31"),
    ],
)
def test_a_kind_that_was_asked_for_is_given(values: Any, kind: str, wanted: Any) -> None:
    data = readers.read({"c": values}, types={"c": kind})
    assert data.frame["c"].iloc[0] == wanted
    assert data.kinds == {"c": Kind(kind)}


@pytest.mark.parametrize(
    ("values", "kind", "why"),
    [
        (["a", "1"], "number", "'a'"),
        (["soon", "2024-01-01"], "date", "'soon'"),
        (["maybe", "yes"], "boolean", "'maybe'"),
        ([1, 2], "boolean", "besides 0 and 1"),
        ([3, 4], "date", "no days like"),
        ([pd.Timestamp("2024-01-01")], "number", "dates"),
        ([1], "colour", "boolean, date, category"),
    ],
)
def test_a_kind_that_cannot_be_is_refused_with_the_reason(
    values: Any, kind: str, why: str
) -> None:
    with pytest.raises(BadSetting, match=why):
        readers.read({"c": values}, types={"c": kind})


def test_a_kind_for_a_column_that_is_not_there_names_the_near_ones() -> None:
    with pytest.raises(UnknownColumn, match="Did you mean 'age'"):
        readers.read({"age": [1]}, types={"agee": "number"})


def test_mixed_types_stay_text_and_are_counted() -> None:
    assert column([1, "a", 2.5, "b"]).tolist() == ["1", "a", "2.5", "b"]
    assert told([1, "a", 2.5, "b"]).startswith(
        "several types in one column: 1 whole numbers, 2 texts, 1 decimal numbers"
    )
    assert "3 numbers, 1 texts" in told(["1", "2", "3", "x"])


@pytest.mark.parametrize(
    ("values", "wanted", "why"),
    [
        ([Decimal("1.5"), None], [1.5, np.nan], "decimals"),
        (pd.to_timedelta(["90s", "1.5s"]), [90.0, 1.5], "seconds"),
        ([[1, 2], [3]], ["[1, 2]", "[3]"], "written out"),
        (pd.period_range("2024-01", periods=2, freq="M"), None, "start of each period"),
        ([1 + 2j], ["(1+2j)"], ""),
        ([2**53 + 1, None], ["9007199254740993", np.nan], "too large"),
        ([2**64 - 1, 1], [2.0**64, 1.0], "number"),
        (pd.arrays.SparseArray([0.0, 1.5]), [0.0, 1.5], "dense"),
        ([b"a", b"b"], ["a", "b"], "written out"),
    ],
)
def test_unusual_types_become_plain_ones_and_are_told(values: Any, wanted: Any, why: str) -> None:
    series = pd.Series(values, dtype=object) if isinstance(values, list) else pd.Series(values)
    data = readers.read(pd.DataFrame({"c": series}))
    if wanted is not None:
        pd.testing.assert_series_equal(data.frame["c"], pd.Series(wanted, name="c"))
    assert why in "; ".join(change.reason for change in data.conversions)


def test_arrow_times_and_durations_become_plain_ones() -> None:
    table = pa.table({"t": pa.array([3600], pa.time32("s")), "u": pa.array([b"\xff"])})
    assert readers.read(table).frame.loc[0].tolist() == ["01:00:00", "\\xff"]


def test_infinities_stay_for_the_profile_to_speak_of() -> None:
    assert np.isinf(column([1.0, np.inf])).tolist() == [False, True]


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ([7.0, -12800.0], "int64"),
        (["7.0", "12,800.00"], "int64"),
        ([7.0, None], "float64"),
        ([7.0, 7.5], "float64"),
        ([*[7.0] * 100_000, 7.5], "float64"),
        ([7.0, 2.0**53], "float64"),
        ([7.0, np.inf], "float64"),
    ],
)
def test_decimals_are_whole_numbers_where_all_of_them_are(values: Any, kind: str) -> None:
    data = readers.read({"c": values})
    assert str(data.frame["c"].dtype) == kind
    assert ("decimals that are all whole" in told(values)) == (kind == "int64")
    assert data.frame["c"].tolist()[0] == 7


def test_a_column_without_a_value_is_missing_numbers_from_anywhere() -> None:
    for values in ([None, None], ["", ""], [np.nan, np.nan], [pd.NaT, pd.NaT]):
        made = column(values)
        assert made.isna().all()
        if not isinstance(values[0], type(pd.NaT)):
            assert made.dtype == np.float64
