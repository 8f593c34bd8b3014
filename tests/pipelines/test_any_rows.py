"""No frame of the declared schema makes a model fail: whatever its cells, dtypes and rows are."""

from __future__ import annotations

import json
import warnings

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipelines.dataset import Kind
from pipelines.serving import Predictor
from pipelines.task import Task

NUMBERS = st.floats(width=64) | st.integers(-(2**62), 2**62) | st.sampled_from([0, 1e308, -1e308])
GONE = st.sampled_from([None, float("nan"), pd.NaT])
CELLS = {
    Kind.NUMBER: NUMBERS | GONE | st.sampled_from([np.inf, -np.inf, "12", "NA", ""]),
    Kind.BOOLEAN: st.sampled_from([True, False, 0, 1, "yes", "no", "FALSE", ""]) | GONE,
    Kind.DATE: st.datetimes().map(pd.Timestamp) | st.sampled_from(["2031-02-28", "", "NA"]) | GONE,
    Kind.CATEGORY: st.text(max_size=9) | NUMBERS | st.booleans() | GONE,
    Kind.TEXT: st.text(max_size=40) | st.just("never seen before") | GONE,
}
DTYPES = ("object", "as they are", "category", "nullable", "arrow", "float32")
MODELS = [
    ("logistic", Task.CLASSIFICATION),
    ("lightgbm", Task.CLASSIFICATION),
    ("knn", Task.CLASSIFICATION),
    ("ridge", Task.REGRESSION),
    ("hist_gradient_boosting", Task.REGRESSION),
    ("iforest", Task.ANOMALY),
]


def dressed(cells: list[object], dtype: str) -> pd.Series:
    """Return cells as a column of a dtype, or as objects where they don't fit into it."""
    column = pd.Series(cells, dtype=object)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return cast(column, dtype)


def cast(column: pd.Series, dtype: str) -> pd.Series:
    try:
        if dtype == "as they are":
            return pd.Series(column.tolist())
        if dtype in {"category", "float32"}:
            return column.astype(dtype)
        if dtype == "nullable":
            return column.convert_dtypes()
        return column.convert_dtypes(dtype_backend="pyarrow") if dtype == "arrow" else column
    except (TypeError, ValueError, OverflowError, ArithmeticError):
        return column


@st.composite
def rows_of(draw, schema):
    """Draw 0 to 4 rows of a schema, its columns in any order and with company."""
    count = draw(st.sampled_from([0, 1, 1, 2, 4]))
    columns = {}
    for column in draw(st.permutations(schema.columns)):
        cells = draw(st.lists(CELLS[column.kind], min_size=count, max_size=count))
        columns[column.name] = dressed(cells, draw(st.sampled_from(DTYPES)))
    frame = pd.DataFrame(columns, index=range(count))
    return frame.assign(company=1) if draw(st.booleans()) else frame


@pytest.mark.parametrize(("key", "task"), MODELS, ids=[key for key, _ in MODELS])
def test_no_frame_of_the_schema_makes_predict_raise(key, task, fitted):
    one = fitted(key, task)
    predictor = Predictor(one.model, one.schema, {})

    @settings(
        max_examples=30,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(rows=rows_of(one.schema))
    def asked(rows):
        told = predictor.answers(rows)
        assert list(told.index) == list(rows.index)
        assert len(json.loads(json.dumps(told.to_dict("records"), allow_nan=False))) == len(rows)
        if task is Task.CLASSIFICATION:
            np.testing.assert_allclose(predictor.probabilities(rows).sum(axis=1), 1)

    asked()
