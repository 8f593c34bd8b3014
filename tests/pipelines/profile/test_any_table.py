"""No table of the canonical dtypes makes the profile fail, whatever its cells hold."""

import json

import pandas as pd
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipelines.dataset import Dataset
from pipelines.profile.page import render
from pipelines.profile.table import profile
from pipelines.task import Task

INTEGERS = st.integers(-(2**63), 2**63 - 1)
STAMPS = st.datetimes(pd.Timestamp("0001-01-02"), pd.Timestamp("9999-12-30"))
CELLS = {
    "int64": INTEGERS | st.integers(0, 3),
    "float64": st.floats() | st.sampled_from([0.0, -0.0, 1.0, float("nan")]),
    "bool": st.booleans(),
    "boolean": st.none() | st.booleans(),
    "datetime64[us]": st.none() | STAMPS,
    "str": st.none() | st.text(max_size=8) | st.sampled_from(["1", "a b c d", "", "2020-01-01"]),
}


@st.composite
def tables(draw):
    rows = draw(st.sampled_from([0, 1, 2, 19, 20, 45]))
    frame = pd.DataFrame(index=range(rows))
    for place, dtype in enumerate(draw(st.lists(st.sampled_from(list(CELLS)), max_size=5))):
        few = draw(st.lists(CELLS[dtype], min_size=1, max_size=12))
        cells = [few[row * (place + 1) % len(few)] for row in range(rows)]
        frame[f"c{place}"] = pd.Series(cells, dtype=dtype, index=frame.index)
    target = draw(st.sampled_from([None, *frame.columns]))
    task = Task.ANOMALY
    if target is not None:
        task = draw(st.sampled_from([Task.CLASSIFICATION, Task.REGRESSION]))
    return Dataset("any", frame, task, target)


@settings(max_examples=80, deadline=None, suppress_health_check=list(HealthCheck))
@given(tables())
def test_any_table_has_a_profile_a_page_and_plain_json(data):
    told = profile(data)
    assert render(told).startswith("<!doctype html>")
    assert json.loads(json.dumps(told.to_dict(), allow_nan=False))["rows"] == len(data.frame)
