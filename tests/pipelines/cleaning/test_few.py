"""A few rows are read cell by cell, and every cell is what its column says."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from pipelines import algorithms
from pipelines.cleaning.few import MOST_COLUMNS, FewRows, content_of
from pipelines.cleaning.plan import plan as propose
from pipelines.cleaning.reading import as_floats
from pipelines.cleaning.transformer import transformer
from pipelines.profile.table import profile
from pipelines.task import Task
from pipelines.testing import example

COLUMNS = {
    "whole": pd.Series([1, 2**53 + 1, -3]),
    "small": pd.Series([1.5, np.nan, np.inf], dtype="float32"),
    "yes": pd.Series([True, False, True]),
    "gaps": pd.Series([1, None, 3], dtype="Int64"),
    "maybe": pd.Series([True, None, False], dtype="boolean"),
    "text": pd.Series(["a", None, "c"]),
    "mixed": pd.Series([1, "two", None], dtype=object),
    "huge": pd.Series([10**400, 1, 2], dtype=object),
    "kind": pd.Series(["x", "y", None], dtype="category"),
    "when": pd.Series(pd.to_datetime(["2024-01-01", None, "2024-03-01"])),
    "zoned": pd.Series(pd.to_datetime(["2024-01-01", None, "2024-03-01"], utc=True)),
}


@pytest.mark.parametrize("more", [0, MOST_COLUMNS])
@pytest.mark.parametrize("name", COLUMNS)
def test_a_cell_is_what_its_column_says(name, more):
    others = {f"other {at}": pd.Series([0.5] * 3) for at in range(more)}
    rows = FewRows(pd.DataFrame(COLUMNS | others))
    wanted = COLUMNS[name]
    cells = rows[name]
    assert [type(each) for each in cells.items] == [type(each) for each in wanted.tolist()]
    pd.testing.assert_series_equal(
        pd.Series(cells.items, dtype=object), pd.Series(wanted.tolist(), dtype=object)
    )
    if name != "huge":
        np.testing.assert_array_equal(cells.floats, as_floats(wanted))


def test_what_learned_the_same_prepares_rows_once_until_it_learns_anew():
    table = example(Task.CLASSIFICATION, rows=120)
    features, labels = table.frame.drop(columns=table.target), table.frame[table.target]
    plan, needs = propose(profile(table), table), algorithms.find("logistic", table.task).needs
    first, twin, other = (transformer(plan, needs) for _ in range(3))
    for each, rows in ((first, slice(90)), (twin, slice(90)), (other, slice(30, 120))):
        each.fit(features[rows], labels[rows])
    assert content_of(first) == content_of(twin) != content_of(other)
    rows = FewRows(features.head(3))
    asked = []

    def prepare(given):
        asked.append(given)
        return np.zeros(1)

    for each in (first, twin, other):
        rows.prepared(each, prepare)
    assert len(asked) == 2
    twin.fit(features[30:], labels[30:])
    assert content_of(twin) == content_of(other)
    np.testing.assert_array_equal(
        twin.transform(FewRows(features.head(3))), other.transform(features)[:3]
    )
