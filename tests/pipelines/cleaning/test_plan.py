from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest
import yaml

from pipelines.cleaning.operations import OPERATIONS, Step
from pipelines.cleaning.plan import Plan
from pipelines.cleaning.proposals import used_as
from pipelines.cleaning.transformer import transformer
from pipelines.dataset import Kind
from pipelines.errors import BadPlan
from pipelines.task import Task


def edited(plan, **changes):
    data = json.loads(json.dumps(plan.to_dict()))
    for name, steps in changes.items():
        data["columns"][name]["steps"] = steps
    return data


def test_a_plan_survives_json_and_yaml(table, planned):
    plan = planned(table)
    data = plan.to_dict()
    assert Plan.from_dict(json.loads(json.dumps(data))) == Plan.from_dict(data)
    assert Plan.from_dict(yaml.safe_load(yaml.safe_dump(data))).to_dict() == data


def test_every_step_and_every_dropped_column_has_a_reason(table, planned):
    plan = planned(table)
    assert all(step.reason for column in plan.columns for step in column.steps)
    assert [(drop.name, drop.finding) for drop in plan.dropped] == [("number", "D004")]
    assert "number" not in plan.used
    assert "y" not in plan.used


@pytest.mark.parametrize("task", list(Task))
def test_a_proposed_plan_can_be_read_back_for_every_task(table, planned, task):
    plan = planned(table, task)
    assert Plan.from_dict(plan.to_dict(), columns=list(table.columns)).used == plan.used


def test_an_id_that_somebody_keeps_is_used_as_a_number_or_a_category(table, planned):
    plan = planned(table, keep=("number",))
    kept = next(column for column in plan.columns if column.name == "number")
    assert kept.kind is Kind.CATEGORY
    assert not plan.dropped
    assert used_as(Kind.ID, table["zip"]) is Kind.NUMBER


@pytest.mark.parametrize(
    ("steps", "told"),
    [
        ([{"do": "imput", "with": "median"}], "'impute'"),
        ([{"do": "impute", "with": "medium"}], "'median'"),
        ([{"do": "impute"}], "goes with"),
        ([{"do": "impute", "with": "knn", "neighbors": 3}], "'neighbours'"),
        ([{"do": "impute", "with": "knn", "neighbours": 0}], "whole number above 0"),
        ([{"do": "impute", "with": "constant", "value": "ten"}], "'ten'"),
        ([{"do": "scale", "with": "standard", "when": "scale"}], "'scaled'"),
        ([{"do": "encode", "with": "one_hot"}], "takes"),
        ([{"do": "select", "with": "variance"}], "belongs under 'table'"),
        ([{"do": "outliers", "with": "clip", "rule": "3sigma"}], "modified_z"),
        ([{"do": "impute", "with": "forward"}], "'order'"),
        ([{"do": "impute", "with": "forward", "order": "sinc"}], "since"),
        ([{"do": "impute", "with": "forward", "order": "age"}], "itself"),
        (["impute"], "no step"),
        ({"do": "impute"}, "list"),
    ],
)
def test_a_step_that_cannot_be_followed_is_refused_with_the_column_named(
    table, planned, steps, told
):
    with pytest.raises(BadPlan, match="age") as refused:
        Plan.from_dict(edited(planned(table), age=steps))
    assert told in str(refused.value)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"colums": {}}, "'columns'"),
        ({"task": "regresion"}, "'regression'"),
        ({"rows": ["duplicate"]}, "'duplicates'"),
        ({"rows": "duplicates"}, "list"),
        ({"table": [{"do": "impute", "with": "median"}]}, "under a column"),
        ({"columns": {}}, "no column"),
        ({"columns": ["age"]}, "maps"),
        ({"columns": {"age": {"kind": "nummer"}}}, "'number'"),
        ({"dropped": {"age": "no"}}, "both"),
        ({"target": "age"}, "target"),
        ({"schema": 2}, "schema"),
    ],
)
def test_a_plan_that_cannot_be_followed_is_refused_in_one_sentence(table, planned, change, told):
    with pytest.raises(BadPlan) as refused:
        Plan.from_dict(planned(table).to_dict() | change)
    assert told in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("data", [None, [], "median", 3])
def test_what_is_no_plan_is_refused(data):
    with pytest.raises(BadPlan, match="mapping"):
        Plan.from_dict(data)


def test_a_column_the_table_lacks_is_refused_with_the_nearest(table, planned):
    data = planned(table).to_dict()
    data["columns"]["incme"] = data["columns"].pop("income")
    with pytest.raises(BadPlan, match="Did you mean 'income'"):
        Plan.from_dict(data, columns=list(table.columns))


def test_a_column_the_plan_does_not_mention_is_left_out_and_said(table, planned):
    data = planned(table).to_dict()
    del data["columns"]["zip"]
    plan = Plan.from_dict(data, columns=list(table.columns))
    assert "zip" in {drop.name for drop in plan.dropped}


def test_learning_from_a_target_is_refused_where_there_is_none(table, planned):
    steps = [{"do": "encode", "with": "target"}]
    with pytest.raises(BadPlan, match="anomalies have none"):
        Plan.from_dict(edited(planned(table, Task.ANOMALY), city=steps))


ASKED = """\
impute drop; impute mean; impute median; impute mode; impute constant value=1
impute forward order=since; impute backward order=since; impute interpolate order=since
impute knn; indicate missing; outliers clip rule=iqr; outliers clip rule=z
outliers clip rule=modified_z; outliers winsorise rule=iqr; outliers drop rule=modified_z
infinities missing; infinities clip; scale standard; scale one_size; scale min_max; scale robust
scale quantile; scale yeo_johnson; scale box_cox; encode one_hot; encode ordinal; encode target
encode binary; encode frequency; encode hashing; encode gap; encode tfidf; dates parts
interact products; select variance; select correlation; select f_test keep=3
select mutual_information keep=3"""
PLACES = {"encode": "city", "dates": "since", "interact": None, "select": None}


@pytest.mark.parametrize("asked", [each.strip() for each in re.split("[;\n]", ASKED)])
def test_every_way_to_prepare_is_asked_for_in_yaml(table, planned, asked):
    do, how, *more = asked.split()
    options = dict(pair.split("=") for pair in more)
    step = {"do": do, "with": how, **{k: int(v) if v.isdigit() else v for k, v in options.items()}}
    place = PLACES.get(do, "income")
    written = planned(table).to_dict()
    if place is None:
        written["table"] = [step]
    else:
        written["columns"][place]["steps"] = [step]
    written["rows"] = [{"leave_out": "duplicates", "reason": "Asked."}]
    plan = Plan.from_dict(yaml.safe_load(yaml.safe_dump(written)))
    again = plan.to_dict()
    said = again["table"] if place is None else again["columns"][place]["steps"]
    assert [step.items() <= each.items() for each in said] == [True]
    made = transformer(plan, frozenset({"numbers", "scaled", "no_missing"}))
    assert np.isfinite(made.fit_transform(table, table["y"])).all()


USUAL = {"order": "since", "value": 1}
EXAMPLE = {
    Kind.NUMBER: "age",
    Kind.BOOLEAN: "owner",
    Kind.DATE: "since",
    Kind.CATEGORY: "city",
    Kind.TEXT: "note",
}


@pytest.mark.parametrize(
    ("row", "kind"),
    [
        (row, kind)
        for row in OPERATIONS
        for kind in sorted(row.kinds & set(EXAMPLE))
        if not (kind is Kind.DATE and "order" in row.options)  # a date does not follow itself
    ],
    ids=lambda x: x if isinstance(x, Kind) else f"{x.do}-{x.how}",
)
def test_every_step_can_be_asked_for_on_every_kind_it_takes(table, planned, row, kind):
    table = table[:80]
    step = Step(row.do, row.how, "asked", options={
        name: USUAL.get(name, value) for name, value in row.options.items()
        if name in USUAL or value is not None
    })  # fmt: skip
    if kind is Kind.CATEGORY and row.how == "constant":
        step = Step("impute", "constant", "asked", options={"value": "Bonn"})
    plan = Plan.from_dict(edited(planned(table), **{EXAMPLE[kind]: [step.to_dict()]}))
    needs = frozenset({"numbers", "scaled", "no_missing"})
    made = transformer(plan, needs)
    block = made.fit_transform(table, table["y"])
    assert block.shape == (80, len(made.raw_columns_))
    assert abs(block).max() < 1e31
    assert abs(made.transform(table[:1])).max() < 1e31


def test_the_reference_lists_every_step_with_its_options():
    page = (Path(__file__).parents[3] / "docs/reference/cleaning.md").read_text("utf-8")
    for row in OPERATIONS:
        line = next(each for each in page.splitlines() if f"`{row.do}: {row.how}`" in each)
        assert row.does in line
        assert all(f"`{option}:" in line for option in row.options)
        assert all(str(kind) in line for kind in row.kinds)


def test_the_plan_in_the_reference_can_be_followed():
    page = (Path(__file__).parents[3] / "docs/reference/cleaning.md").read_text("utf-8")
    written = yaml.safe_load(page.split("```yaml")[1].split("```")[0])
    assert Plan.from_dict(written).used == ("income", "city")
