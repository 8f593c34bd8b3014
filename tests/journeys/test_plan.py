"""The cleaning plan is a file: proposed, edited by a person, used by a run, logged with it."""

import json

import pytest
import yaml

from pipelines.samples import credit_risk

RUN = ["run", "loans.csv", "--target", "outcome", "--trials", "1", "--algorithms", "logistic"]


@pytest.fixture
def planned(desk):
    credit_risk(400).to_csv(desk.folder / "loans.csv", index=False)
    desk.json("profile", "loans.csv", "--target", "outcome", "--plan", "plan.yaml")
    return desk


def edited(desk, change):
    path = desk.folder / "plan.yaml"
    plan = yaml.safe_load(path.read_text())
    change(plan)
    path.write_text(yaml.safe_dump(plan))


def test_an_edited_plan_is_what_the_run_does(planned):
    def change(plan):
        del plan["columns"]["region"]
        plan["columns"]["income"]["steps"] = [{"do": "impute", "with": "mean", "reason": "mine"}]

    edited(planned, change)
    done = planned.json(*RUN, "--plan", "plan.yaml", "--workers", "1")
    [logged] = (planned.folder / "mlruns").glob(f"*/{done['run_id']}/artifacts/plan.json")
    told = json.loads(logged.read_text())
    assert "region" not in told["columns"]
    assert told["columns"]["income"]["steps"][0]["with"] == "mean"
    shown = planned.json("predict", "loans/1", "loans.csv", "-o", "out.csv")
    assert shown["rows"] == 400


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda plan: plan["columns"].update(incom=plan["columns"].pop("income")), "'income'"),
        (lambda plan: plan["columns"]["income"]["steps"][0].update(do="impude"), "impute"),
        (lambda plan: plan.update(target="region"), "target"),
    ],
    ids=["unknown column", "unknown step", "another target"],
)
def test_a_plan_that_makes_no_sense_is_refused_before_the_search(planned, change, words):
    edited(planned, change)
    done = planned.mlops(*RUN, "--plan", "plan.yaml", "--json", check=False)
    told = json.loads(done.stdout)
    assert (told["error"], done.returncode) == ("bad-plan", 23)
    assert words in told["message"]


def test_a_kept_column_is_used_although_a_check_would_leave_it_out(planned):
    done = planned.json(*RUN, "--keep", "collection_letters", "--workers", "1")
    assert "collection_letters" not in done["dropped"]
    assert done["score"] > 0.99


def test_rows_of_a_later_time_are_compared_with_those_it_learns_from(planned):
    later = credit_risk(300, seed=5)
    later["income"] *= 9
    later.to_csv(planned.folder / "later.csv", index=False)
    told = planned.json("profile", "loans.csv", "--target", "outcome", "--against", "later.csv")
    assert "D051" in {finding["code"] for finding in told["findings"]}
