"""The page: one offline file, whatever the table holds."""

import re
from html.parser import HTMLParser

import numpy as np
import pandas as pd

from pipelines.dataset import Conversion, Dataset
from pipelines.profile.page import render
from pipelines.profile.table import profile
from pipelines.task import Task

VOID = {"meta", "br", "path", "img"}


class Balanced(HTMLParser):
    def __init__(self):
        super().__init__()
        self.open, self.wrong = [], []

    def handle_starttag(self, tag, attrs):
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        if tag not in VOID and (not self.open or self.open.pop() != tag):
            self.wrong.append(tag)


def page(columns=3, rows=300, name="t", **more):
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({f"c{i}": rng.normal(size=rows) for i in range(columns)})
    frame["level"] = pd.Series(rng.choice(["<script>alert(1)</script>", "b&c"], rows)).astype(
        "str"
    )
    frame["row_id"] = np.arange(rows)
    frame["y"] = rng.integers(0, 2, rows)
    data = Dataset(name, frame, Task.CLASSIFICATION, "y", **more)
    return render(profile(data))


def test_findings_come_before_columns():
    text = page()
    assert text.index("id-like column") < text.index("<h2>Columns")
    assert "Left out: <code>row_id</code>" in text


def test_nothing_is_fetched_and_nothing_is_run():
    text = page(name="<img src=x onerror=alert(1)>")
    assert not re.search(r"https?:|//|url\(|<script|<img|<link|@import", text)
    assert "prefers-color-scheme:dark" in text


def test_every_tag_is_closed():
    conversion = Conversion("c0", "text", "number", "it holds <numbers>")
    parser = Balanced()
    parser.feed(page(conversions=(conversion,)))
    assert (parser.open, parser.wrong) == ([], [])


def test_fifty_columns_stay_below_300_kilobytes():
    assert len(page(columns=50).encode()) <= 300_000


def test_an_empty_table_has_a_page_too():
    empty = Dataset("empty", pd.DataFrame({"a": pd.Series(dtype="str")}), Task.ANOMALY)
    assert "There are no rows" in render(profile(empty))
