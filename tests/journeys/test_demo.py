"""`mlops demo`, twice: from nothing to a model in staging, and a second one beside it."""

import csv
import json
import re

import pytest


def test_the_demo_ends_with_a_version_in_staging(demo):
    _, first, _ = demo
    assert first["version"] == "credit-risk/1"
    assert first["stage"] == "staging"
    assert {gate["outcome"] for gate in first["gates"]} <= {"passed", "not applicable"}


def test_the_id_and_the_leak_are_left_out_and_it_is_said_why(demo):
    _, first, _ = demo
    assert set(first["dropped"]) == {"customer_id", "collection_letters"}
    assert all(first["dropped"].values())


def test_at_least_four_algorithms_were_tried_beside_the_baseline(demo):
    _, first, _ = demo
    tried = {row["algorithm"] for row in first["leaderboard"]}
    assert "dummy" in tried
    assert len(tried - {"dummy"}) >= 4


def test_the_run_says_everything_a_script_needs(demo):
    _, first, _ = demo
    wanted = (
        "version run_id experiment_id task metric score trials failed_trials seconds leaderboard"
    )
    assert set(wanted.split()) <= first.keys()
    assert first["metric"] == "roc_auc"
    assert 0.6 < first["score"] <= 1
    tried = [row for row in first["leaderboard"] if row["origin"] != "ensemble"]
    assert first["trials"] == len(tried)
    assert {"log_loss", "accuracy", "f1", "average_precision"} <= first["metrics"].keys()


def test_the_second_run_is_compared_with_the_first_on_the_same_rows(demo):
    _, _, second = demo
    assert second["version"] == "credit-risk/2"
    assert second["comparison"]["other"] == "credit-risk/1"
    assert second["comparison"]["theirs"]["roc_auc"] > 0.6
    assert second["comparison"]["rows"] == second["holdout_rows"] == 240


def test_versions_are_listed_with_what_a_workflow_reads(demo):
    desk, _, _ = demo
    listed = desk.json("versions", "credit-risk")
    assert [each["ref"] for each in listed] == ["credit-risk/2", "credit-risk/1"]
    wanted = {"ref", "name", "number", "stage", "run_id", "created_at", "author", "metrics"}
    assert all(wanted <= each.keys() for each in listed)


def test_show_tells_the_evidence_and_who_did_what(demo):
    desk, _, _ = demo
    shown = desk.json("show", "credit-risk@staging")
    assert {report["kind"] for report in shown["reports"]} == {"shap", "lime"}
    for report in shown["reports"]:
        assert {"local", "global", "cohort"} <= report["summary"]["sections"].keys()
    assert {entry["action"] for entry in shown["history"]} >= {"register", "promote"}
    assert {entry["source"] for entry in shown["history"]} == {"cli"}


@pytest.mark.parametrize("ending", [".csv", ".parquet", ".jsonl"])
def test_predict_writes_an_answer_for_every_row(demo, ending, tmp_path):
    desk, first, _ = demo
    out = tmp_path / f"answers{ending}"
    told = desk.json("predict", "credit-risk/1", first["data"], "-o", out)
    assert told["rows"] == 1200
    rows = read(out)
    assert len(rows) == 1200
    wanted = {"index", "prediction", "probability_defaulted", "probability_repaid"}
    assert set(rows[0]) == wanted
    total = float(rows[7]["probability_defaulted"]) + float(rows[7]["probability_repaid"])
    assert total == pytest.approx(1)


def test_predict_prints_the_answers_where_no_file_is_named(demo, tmp_path):
    desk, first, _ = demo
    out = tmp_path / "answers.csv"
    desk.json("predict", "credit-risk/1", first["data"], "-o", out)
    assert desk.mlops("predict", "credit-risk/1", first["data"]).stdout == out.read_text()


def read(path):
    if path.suffix == ".parquet":
        import pandas as pd

        return pd.read_parquet(path).to_dict(orient="records")
    if path.suffix == ".jsonl":
        return [json.loads(line) for line in path.read_text().splitlines()]
    with path.open() as file:
        return list(csv.DictReader(file))


def test_explain_attaches_a_report_and_writes_it_where_asked(demo, tmp_path):
    desk, _, _ = demo
    told = desk.json(
        "explain",
        "credit-risk/1",
        "--by",
        "region",
        "--rows",
        "7",
        "--budget",
        "10s",
        "-o",
        tmp_path,
    )
    assert (tmp_path / "report.html").stat().st_size < 1_000_000
    report = json.loads((tmp_path / "report.json").read_text())
    assert report["schema"]
    assert told["drivers"]
    shown = desk.json("show", "credit-risk/1")
    assert told["digest"] in {each["digest"] for each in shown["reports"]}


def test_the_second_version_moves_on_to_production_and_mlflow_shows_it(demo):
    desk, _, _ = demo
    done = desk.json("promote", "credit-risk/2", "--to", "production", "--reason", "first")
    assert done["stage"] == "production"
    assert done["mirrored"]
    from mlflow import MlflowClient

    store = f"sqlite:///{desk.folder / 'mlflow.db'}"
    client = MlflowClient(tracking_uri=store, registry_uri=store)
    shown = client.get_model_version_by_alias("credit-risk", "production")
    assert shown.tags["mlops.ref"] == "credit-risk/2"


def test_a_step_that_does_not_exist_is_refused(demo):
    desk, _, _ = demo
    done = desk.mlops("promote", "credit-risk/1", "--to", "staging", "--json", check=False)
    assert done.returncode == 7
    assert json.loads(done.stdout)["error"] == "illegal-move"


def test_every_trial_is_a_run_in_mlflow(demo):
    desk, first, _ = demo
    from mlflow import MlflowClient

    store = f"sqlite:///{desk.folder / 'mlflow.db'}"
    client = MlflowClient(tracking_uri=store, registry_uri=store)
    children = client.search_runs(
        [first["experiment_id"]], f"tags.`mlflow.parentRunId` = '{first['run_id']}'"
    )
    assert len(children) == len(first["leaderboard"])
    assert client.get_run(first["run_id"]).info.status == "FINISHED"
    assert client.get_run(first["run_id"]).inputs.dataset_inputs


def test_the_card_in_mlflow_links_to_reports_that_are_there(demo):
    desk, first, _ = demo
    from mlflow import MlflowClient

    store = f"sqlite:///{desk.folder / 'mlflow.db'}"
    client = MlflowClient(tracking_uri=store, registry_uri=store)
    card = client.get_model_version("credit-risk", "1").description
    pages = set(
        re.findall(
            r"\[(?:shap|lime) report\]\(#/experiments/1/runs/(\w+)/artifacts/([^)]+)\)", card
        )
    )
    assert pages
    for run_id, page in pages:
        assert run_id == first["run_id"]
        listed = client.list_artifacts(run_id, page.rpartition("/")[0])
        assert page in {each.path for each in listed}
