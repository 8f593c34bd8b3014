"""Who was in production, asked for page by page."""

import json

import pytest
from typer.testing import CliRunner

from mlops import promotions
from mlops.cli import app
from mlops.settings import Settings
from mlops.workspace import Workspace
from pipelines.errors import BadSetting
from tests.registry.conftest import Record


@pytest.fixture
def ws(tmp_path, monkeypatch):
    """A workspace in which three versions were in production, one after the other."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path}/mlflow.db")
    made = Workspace.open(Settings(home=tmp_path))
    with made.session() as session, session.begin():
        record = Record(session)
        for number in (1, 2, 3):
            record.champion(number)
    yield made
    made.engine.dispose()


def ask(*words):
    done = CliRunner().invoke(app, ["history", "risk", *words, "--json"])
    return done.exit_code, json.loads(done.stdout)


def test_the_next_page_of_a_history_starts_before_the_last_id(ws):
    _, (third, second) = ask("--limit", "2")
    _, (first,) = ask("--limit", "2", "--before", second["id"])
    assert [one["ref"] for one in (third, second, first)] == ["risk/3", "risk/2", "risk/1"]
    assert ask("--before", first["id"]) == (0, [])
    lines = CliRunner().invoke(app, ["history", "risk"]).stdout.splitlines()
    words = [line.split()[:2] for line in lines if "risk/" in line or " id " in line]
    rows = [[str(one["id"]), one["ref"]] for one in (third, second, first)]
    assert words == [["id", "version"], *rows]


def test_one_time_and_a_page_are_not_asked_for_together(ws):
    code, told = ask("--at", "2026-01-01", "--before", "2")
    assert (code, told["error"]) == (2, "bad-setting")
    with pytest.raises(BadSetting, match="leave 'at' out"):
        promotions.history("risk", at="2026-01-01", before=2, workspace=ws)


@pytest.mark.parametrize("words", [["history"], ["versions"], ["rollback"], ["doctor"]])
def test_a_model_that_nobody_registered_is_told_by_its_name(ws, words):
    done = CliRunner().invoke(app, [*words, "risky", "--json"])
    told = json.loads(done.stdout)
    assert (done.exit_code, told["error"]) == (4, "unknown-version")
    assert told["message"].startswith("No model is called 'risky'. Did you mean 'risk'?")
