"""The page: one file that needs nothing else and trusts no cell."""

from __future__ import annotations

import json
import re
from dataclasses import replace

import pytest
from lightgbm import LGBMClassifier

from pipelines.explain.facts import Status
from pipelines.explain.page import render, write
from pipelines.explain.report import report
from pipelines.task import Task

NASTY = "</script><script>alert(1)</script>"


@pytest.fixture(scope="module")
def found(made):
    frame = made.table(500)
    labels = made.labels(frame, Task.CLASSIFICATION)
    frame["purpose"] = frame["purpose"].replace("car", NASTY)
    frame = frame.rename(columns={"employed": "<b>employed</b>"})
    predictor = made.fitted(
        LGBMClassifier(n_estimators=20, verbose=-1), Task.CLASSIFICATION, frame,
        labels.to_numpy(str),
    )  # fmt: skip
    return report(
        predictor, frame[250:], labels=labels[250:], background=frame[:250], by=["purpose"]
    )


def test_the_page_asks_for_nothing_from_anywhere(found):
    page = render(found)
    assert not re.search(r"(src|href)\s*=\s*[\"']?(https?:|//)", page)
    assert "@import" not in page
    assert "url(" not in page
    assert len(page) < 400_000


def test_names_and_values_of_the_table_cannot_become_markup(found):
    page = render(found, title="<i>credit</i>")
    assert NASTY not in page
    assert "<b>employed</b>" not in page
    assert "<i>credit</i>" not in page
    assert page.count("<script") == 2


def test_the_script_finds_its_data(found):
    page = render(found)
    text = re.search(r'id="cases">(.*?)</script>', page, re.DOTALL).group(1)
    data = json.loads(text)
    assert len(data["cases"]) == len(found.local.cases)
    assert data["columns"][3] == "<b>employed</b>"


def test_every_section_says_how_it_came_about(found):
    page = render(found)
    for status in found.statuses.values():
        assert str(status.extent) in page
    assert "skipped" in page


def test_a_folder_gets_the_report_in_every_form(found, tmp_path):
    paths = write(found, tmp_path / "new" / "folder")
    names = [path.name for path in paths]
    assert names == [
        "report.json", "report.html", "values.parquet", "global.png", "local.png", "cohort.png",
    ]  # fmt: skip
    assert all(path.stat().st_size > 1_000 for path in paths)
    assert json.loads(paths[0].read_text(encoding="utf-8"))["schema"] == "1"


def test_slices_that_nobody_could_look_for_are_not_called_absent(found):
    cohorts = replace(
        found.cohorts, slices=(), slices_status=Status.skipped("there are no labels")
    )
    assert "Not searched" in render(replace(found, cohorts=cohorts))
