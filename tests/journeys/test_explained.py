"""Explanations from run to gate: treatment, the version in production, and what cannot be done."""

import json

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

import mlops
from mlops.cli import app
from pipelines.errors import BadModel, UnknownColumn
from registry import refs, reports, versions

pytestmark = pytest.mark.filterwarnings("ignore")


def loans(rows=700, seed=0):
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "income": rng.normal(size=rows),
            "debt": rng.normal(size=rows),
            "age": rng.integers(18, 80, rows),
            "sex": pd.array(rng.choice(["f", "m"], rows), dtype="str"),
        }
    )
    hidden = frame.income - 1.5 * frame.debt + (frame.sex == "f") + rng.logistic(size=rows) / 2
    frame["paid"] = np.where(hidden > 0, "yes", "no")
    return frame


def quick(frame, **options):
    return mlops.run(
        frame, "paid", name="loans", trials=1, algorithms=["logistic"], workers=1,
        engine="serial", **options,
    )  # fmt: skip


def summary(ref, which=-1):
    """Return what the record keeps of a version's reports: of the last one, or of the first."""
    ws = mlops.Workspace.open()
    with ws.reading() as session:
        version = versions.get(session, refs.parse(ref))
        found = reports.of(session, version)
    return [one.summary for one in found if one.kind == "shap"][which]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Two versions, the first in production; both explained, the second also by a command."""
    place = tmp_path_factory.mktemp("loans")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(place)
        quick(loans(), sensitive=["sex"])
        mlops.promote("loans/1", to="staging")
        mlops.promote("loans/1", to="production")
        quick(loans(seed=1))
        loans(200, seed=2).to_csv("new.csv", index=False)
    return place


@pytest.fixture(autouse=True)
def inside(folder, monkeypatch):
    monkeypatch.chdir(folder)


def asked(*words):
    done = CliRunner().invoke(app, [*words, "--json"])
    return done.exit_code, done.stdout, done.stderr


def attached():
    ws = mlops.Workspace.open()
    with ws.reading() as session:
        return len(reports.of(session, versions.get(session, refs.parse("loans/2"))))


def test_the_first_report_tells_how_groups_of_a_sensitive_column_fare():
    found = summary("loans/1", 0)
    assert found["fairness"]["measure"] in {"selected", "hits", "alarms", "calibration"}
    assert found["fairness"]["gap"] > 0.1
    assert "sex" in found["fairness"]["condition"]
    assert found["comparison"] is None
    assert 0 <= found["calibration_error"] < 0.3
    assert found["worst_cohort"]["gap"] >= 0


def test_a_new_version_is_compared_with_the_one_in_production():
    first = summary("loans/2", 0)
    assert first["comparison"]["against"] == "loans/1"
    assert first["comparison"]["verdict"] == "as usual"
    assert 0.05 <= first["comparison"]["p"] <= 1
    assert first["fairness"] is None


def test_explaining_by_command_compares_too_and_writes_the_comparison(tmp_path):
    (tmp_path / "rows.txt").write_text("3\n17, 42\n")
    code, told, _ = asked(
        "explain", "loans/2", "--data", "new.csv", "--sensitive", "sex",
        "--rows", str(tmp_path / "rows.txt"), "-o", str(tmp_path),
    )  # fmt: skip
    assert code == 0
    assert "against loans/1" in json.loads(told)["sections"]["comparison"]
    report = json.loads((tmp_path / "report.json").read_text())
    named = [one["row"] for one in report["local"]["cases"] if "asked for" in one["reasons"]]
    assert named == ["3", "17", "42"]
    assert report["comparison"]["verdict"] == "as usual"
    assert "Against loans/1" in (tmp_path / "report.html").read_text()
    assert summary("loans/2")["fairness"]["gap"] > 0.1


def test_the_version_in_production_is_compared_with_nothing():
    code, told, _ = asked("explain", "loans@production", "--data", "new.csv")
    assert code == 0
    assert json.loads(told)["sections"]["comparison"].startswith("skipped: no other version")


def test_a_budget_that_is_too_small_names_what_did_not_fit():
    code, told, _ = asked("explain", "loans/2", "--data", "new.csv", "--budget", "0.1ms")
    assert code == 0
    sections = json.loads(told)["sections"]
    assert "budget" in sections["lime local"]
    assert "budget" in sections["permutation importance"]


@pytest.mark.parametrize(
    ("change", "words", "error"),
    [
        (lambda f: f.drop(columns="debt"), (), "schema-mismatch"),
        (lambda f: f.assign(debt="much"), (), "schema-mismatch"),
        (lambda f: f, ("--by", "region"), "unknown-column"),
        (lambda f: f, ("--sensitive", "region"), "unknown-column"),
        (lambda f: f, ("--rows", "200"), "bad-setting"),
        (lambda f: f, ("--rows", "new.csv"), "bad-setting"),
        (lambda f: f, ("--budget", "soon"), "bad-setting"),
    ],
)
def test_bad_input_is_one_sentence_and_attaches_nothing(change, words, error, tmp_path):
    change(loans(200, seed=2)).to_csv(tmp_path / "odd.csv", index=False)
    before = attached()
    code, out, _ = asked("explain", "loans/2", "--data", str(tmp_path / "odd.csv"), *words)
    told = json.loads(out)
    assert told["error"] == error, told
    assert code == told["exit_code"] != 0
    assert "\n" not in told["message"]
    assert attached() == before


def test_an_unknown_sensitive_column_is_told_before_the_search():
    with pytest.raises(UnknownColumn, match="region"):
        quick(loans(100), sensitive=["region"])


def test_a_model_whose_bytes_changed_is_refused_and_nothing_is_attached(folder):
    cards = sorted((folder / "mlruns").rglob("model.json"), key=lambda card: card.stat().st_mtime)
    before, kept = attached(), cards[-1].read_bytes()
    cards[-1].write_text(json.dumps({**json.loads(kept), "why": "changed"}))
    try:
        with pytest.raises(BadModel, match="digest"):
            mlops.explain("loans/2", loans(50))
    finally:
        cards[-1].write_bytes(kept)
    assert attached() == before
