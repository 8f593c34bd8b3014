"""A database that cannot be used is one sentence with an exit code of its own; nothing changes."""

import hashlib
import sqlite3
import subprocess
import sys

import pytest

from mlops import people
from mlops.settings import Settings
from mlops.workspace import Workspace
from registry.errors import Conflict
from registry.permissions import Role


@pytest.fixture
def path(tmp_path):
    """A registry with a team in a SQLite file, closed."""
    made = tmp_path / "mlflow.db"
    ws = Workspace.open(Settings(tracking_uri=f"sqlite:///{made}", home=tmp_path, user="ada"))
    people.add("rita", Role.RELEASER, workspace=ws)
    ws.engine.dispose()
    Workspace.open(ws.settings).engine.dispose()  # Ada was seen just now
    return made


def mlops(url, *words, **more):
    env = {"MLFLOW_TRACKING_URI": url, "MLOPS_USER": "ada", "PATH": "", **more}
    command = [sys.executable, "-m", "mlops", *words]
    return subprocess.run(command, capture_output=True, text=True, env=env, check=False)


def told(run, code):
    assert run.returncode == code, run.stderr
    assert "Traceback" not in run.stderr
    [line] = [line for line in run.stderr.splitlines() if line.startswith("Error: ")]
    return line


def digest(path):
    with sqlite3.connect(path) as connection:
        kept = "\n".join(connection.iterdump())
    connection.close()
    return hashlib.sha256(kept.encode()).hexdigest()


def test_a_database_that_may_only_be_read_is_read_and_not_written(path):
    before, url = digest(path), f"sqlite:///file:{path}?mode=ro&uri=true"
    assert "readonly" in told(mlops(url, "users", "add", "sam"), 30)
    assert mlops(url, "users", "list").returncode == 0
    assert digest(path) == before


def test_a_database_that_somebody_else_keeps_locked_is_waited_for_as_long_as_is_set(path):
    before, url = digest(path), f"sqlite:///{path}"
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("begin immediate")
    run = mlops(url, "users", "add", "sam", MLOPS_DATABASE_WAIT="0.1")
    assert "locked" in told(run, 30)
    assert mlops(url, "versions", MLOPS_DATABASE_WAIT="0.1").returncode == 0
    other.close()
    assert digest(path) == before


@pytest.mark.parametrize(
    ("revision", "code", "words"),
    [("9999", 31, "has schema 9999"), ("0001", 32, "mlops db upgrade")],
)
def test_a_database_of_another_schema_is_left_as_it_is(path, revision, code, words):
    with sqlite3.connect(path) as connection:
        connection.execute("update mlops_alembic_version set version_num = ?", [revision])
    connection.close()
    before = digest(path)
    assert words in told(mlops(f"sqlite:///{path}", "users", "add", "sam"), code)
    assert digest(path) == before


def test_a_clock_that_went_backwards_changes_nothing(path):
    with sqlite3.connect(path) as connection:
        connection.execute("drop trigger mlops_audit_no_update")
        connection.execute("update mlops_audit set at = '2099-01-01 00:00:00.000000'")
    connection.close()
    before = digest(path)
    run = mlops(f"sqlite:///{path}", "users", "add", "sam")
    assert "already goes to 2099-01-01" in told(run, 39)
    assert digest(path) == before


@pytest.mark.parametrize(
    ("name", "value"),
    [("POOL", "0"), ("WAIT", "0"), ("WAIT", "soon"), ("TIMEOUT", "-1")],
)
def test_a_limit_that_makes_no_sense_is_named(path, name, value):
    run = mlops(f"sqlite:///{path}", "db", "status", **{f"MLOPS_DATABASE_{name}": value})
    assert f"MLOPS_DATABASE_{name} cannot be '{value}'" in told(run, 3)


def test_work_that_the_database_wants_done_again_is_done_again(path, monkeypatch):
    monkeypatch.setattr("mlops.workspace._PAUSES", (0, 0))
    ws = Workspace.open(Settings(tracking_uri=f"sqlite:///{path}", user="ada"))
    tries = []

    def work(session):
        tries.append(session)
        if len(tries) < 3:
            raise Conflict("Serialization failure.", again=True)
        return "done"

    assert ws.change(work) == "done"
    with pytest.raises(Conflict):
        ws.change(lambda _: (_ for _ in ()).throw(Conflict("Somebody won.")))
    ws.engine.dispose()
