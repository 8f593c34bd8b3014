"""A database that cannot be used is one sentence with an exit code of its own; nothing changes."""

import contextlib
import hashlib
import sqlite3
import subprocess
import sys

import pytest

from mlops import people
from mlops.settings import Settings
from mlops.workspace import Workspace
from pipelines.samples import credit_risk
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


@contextlib.contextmanager
def held(path):
    """Another process that keeps the database locked until it is let go."""
    words = "import sqlite3, sys; c = sqlite3.connect(sys.argv[1], isolation_level=None);"
    words += "c.execute('begin exclusive'); print('held', flush=True); sys.stdin.read()"
    command = [sys.executable, "-c", words, str(path)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as child:
        assert child.stdout.readline() == "held\n"
        yield
        child.stdin.close()


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


@pytest.fixture
def copied(demo, tmp_path):
    """The demo's database under another name; the models stay where they are."""
    with contextlib.closing(sqlite3.connect(tmp_path / "mlflow.db")) as here:
        with contextlib.closing(sqlite3.connect(demo[0].folder / "mlflow.db")) as there:
            there.backup(here)
        here.execute("pragma journal_mode = wal")
    return tmp_path / "mlflow.db"


WRITING = [
    "promote credit-risk/1 --to staging",
    "check credit-risk/1 --to staging",
    "explain credit-risk/1",
    "run {rows} --target outcome --trials 1",
]


@pytest.mark.parametrize("words", WRITING, ids=lambda words: words.split()[0])
def test_a_file_that_mlflow_shares_and_somebody_keeps_locked_is_told_by_the_record(
    copied, tmp_path, words
):
    rows, home = tmp_path / "rows.csv", str(tmp_path / "home")
    rows.write_text("a,outcome\n1,2\n")
    before, url = digest(copied), f"sqlite:///{copied}"
    typed = words.format(rows=rows).split()
    with held(copied):
        run = mlops(url, *typed, MLOPS_DATABASE_WAIT="0.1", MLOPS_HOME=home, HOME=str(tmp_path))
    assert "locked by somebody else" in told(run, 30)
    assert digest(copied) == before


def test_who_only_looks_or_predicts_waits_for_nobody(copied, tmp_path):
    rows, url = tmp_path / "rows.csv", f"sqlite:///{copied}"
    credit_risk(5).to_csv(rows, index=False)
    limits = {"MLOPS_DATABASE_WAIT": "0.1", "MLOPS_HOME": str(tmp_path / "home")}
    with held(copied):
        assert mlops(url, "versions", **limits).returncode == 0
        done = mlops(url, "predict", "credit-risk/1", str(rows), **limits)
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.splitlines()) == 6


@pytest.mark.parametrize("words", ["versions", "history risk", "promote risk/1 --to staging"])
def test_a_file_that_nobody_else_may_even_read_is_told_by_the_record(path, words):
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.execute("pragma journal_mode = delete")
    with held(path):
        run = mlops(f"sqlite:///{path}", *words.split(), MLOPS_DATABASE_WAIT="0.1")
    assert "locked by somebody else" in told(run, 30)


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
