"""The page: one offline file, whatever the table holds."""

import re
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pandas as pd

from mlops import profiles
from pipelines.dataset import Conversion, Dataset
from pipelines.profile import drift
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


def drifting(rows=600):
    rng = np.random.default_rng(1)
    frame = pd.DataFrame({f"calm{i}": rng.normal(size=rows) for i in range(3)})
    frame["moves"] = rng.normal(size=rows) + np.linspace(0, 4, rows)
    web = rng.random(rows) < np.linspace(0.1, 0.9, rows)
    frame["<way>"] = pd.Series(np.where(web, "web", "shop")).astype("str")
    frame["day"] = pd.Timestamp("2024-01-01") + pd.to_timedelta(rng.permutation(rows), unit="D")
    frame["turns"] = (frame["day"] > "2024-08-01").map({True: "new", False: "old"}).astype("str")
    return Dataset("t", frame.astype({"day": "datetime64[us]"}), Task.ANOMALY)


def test_what_changes_along_the_rows_and_along_a_date_is_drawn():
    told = profile(drifting())
    rows, dates = told.table["drift"]
    assert set(drift.moved(rows["columns"])) == {"moves", "<way>"}
    assert drift.moved(dates["columns"]) == ["turns"]
    course = rows["columns"]["moves"]["course"]
    assert len(course["at"]) == 20
    assert course["first"][0] < 1 < 3 < course["last"][0]
    text = render(told)
    section = text[text.index("<h2>Drift") :]
    assert section.count("class=course") == 3
    assert re.search("share of &#x27;(shop|web)&#x27;", section)
    assert "Along day" in section
    parser = Balanced()
    parser.feed(text)
    assert (parser.open, parser.wrong) == ([], [])


def test_a_date_that_is_the_order_of_the_rows_is_not_drawn_twice():
    data = drifting()
    frame = data.frame.sort_values("day", ignore_index=True)
    assert [d["along"] for d in profile(replace(data, frame=frame)).table["drift"]] == [
        "row order"
    ]


def test_two_tables_are_drawn_over_each_other_column_by_column(tmp_path):
    rng = np.random.default_rng(2)
    left = pd.DataFrame({"same": rng.normal(size=800), "moves": rng.normal(size=800)})
    left["level"] = rng.choice(["a", "b<"], 800)
    right = left[:500].assign(moves=left["moves"][:500] + 2, level=["b<"] * 450 + ["c"] * 50)
    right.loc[:99, "same"] = np.nan
    found = profiles.profile(left, against=right)
    columns = found.table["against"]["columns"]
    assert list(columns) == ["moves", "level", "same"]
    assert columns["moves"]["value"] > 0.6
    assert columns["same"]["missing"] == [0, 0.2]
    assert all(column["p_value"] < 1e-9 for column in columns.values())
    profiles.write(found, tmp_path / "p.html")
    text = (tmp_path / "p.html").read_text()
    section = text[text.index("<h2>Against") :]
    assert "both histograms of moves" in section
    assert "b&lt;" in section
    assert "missing 0 % and 20 %" in section
    calm = profiles.profile(left, against=left.sample(frac=0.5, random_state=0))
    assert "No difference beyond chance" in render(calm)
