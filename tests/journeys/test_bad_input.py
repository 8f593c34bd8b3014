"""Bad input is one sentence, an exit code of its own, and nothing half-made left behind."""

import json
import socket
import sqlite3

import pytest

GOOD = "x,z,y\n" + "".join(f"{i % 17},{i % 5},{'ab'[i % 2]}\n" for i in range(200))


def refused(done, code):
    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stderr
    told = [line for line in done.stderr.splitlines() if line.startswith("Error: ")]
    assert len(told) == 1
    return told[0]


@pytest.fixture
def table(desk):
    (desk.folder / "good.csv").write_text(GOOD)
    return desk


CASES = [
    ("missing.csv", {}, ["--target", "y"], 10, "no file or folder 'missing.csv'"),
    ("good.csv", {}, ["--target", "outcome"], 14, "no column 'outcome'"),
    ("notes.docx", {"notes.docx": "x"}, ["--target", "y"], 11, "No reader knows"),
    ("empty.csv", {"empty.csv": ""}, ["--target", "y"], 13, "empty.csv"),
    ("heads.csv", {"heads.csv": "x,y\n"}, ["--target", "y"], 13, "no rows"),
    (
        "one.csv",
        {"one.csv": GOOD.replace(",b\n", ",a\n")},
        ["--target", "y"],
        15,
        "'y' is a in all 200 rows",
    ),
    ("good.csv", {}, ["--target", "y", "--metric", "rmsee"], 18, "No metric 'rmsee'"),
    ("good.csv", {}, ["--target", "y", "--algorithms", "lightgbmm"], 17, "Did you mean"),
    ("good.csv", {}, ["--target", "y", "--budget", "soon"], 2, "--budget cannot be 'soon'"),
    ("good.csv", {}, ["--target", "y", "--task", "magic"], 2, "--task cannot be 'magic'"),
    ("good.csv", {}, ["--target", "y", "--resume", "nope"], 20, "no journal"),
    ("good.csv", {}, ["--target", "y", "--name", "a/b"], 35, "a/b"),
    ("good.csv", {}, ["--target", "y", "--nested", "1"], 2, "--nested cannot be '1'"),
    ("good.csv", {}, ["--target", "y", "--max-size", "huge"], 2, "--max-size cannot be 'huge'"),
]


@pytest.mark.parametrize(
    ("data", "files", "options", "code", "words"), CASES, ids=lambda value: str(value)[:30]
)
def test_a_run_that_cannot_be_is_refused_in_one_sentence(table, data, files, options, code, words):
    for name, text in files.items():
        (table.folder / name).write_text(text)
    done = table.mlops("run", data, *options, check=False)
    assert words in refused(done, code)
    assert not (table.folder / "mlruns").exists()
    assert table.json("versions") == []


def test_all_trials_failing_is_told_with_their_reasons_grouped(table):
    rows = "".join(f"{i % 17},{i % 5},{(i * 7) % 11 - 5}.25\n" for i in range(120))
    (table.folder / "signed.csv").write_text("x,z,y\n" + rows)
    done = table.mlops(
        "run", "signed.csv", "--target", "y", "--algorithms", "poisson", "--trials", 5,
        "--engine", "serial", check=False,
    )  # fmt: skip
    told = refused(done, 19)
    assert "x poisson: ValueError: Some value(s) of y are out of the valid range" in told
    assert ".." not in told
    assert table.json("versions") == []


def test_a_dask_scheduler_that_is_not_there_is_said(table):
    done = table.mlops(
        "run", "good.csv", "--target", "y", "--trials", 2, "--engine", "dask://127.0.0.1:9",
        check=False,
    )  # fmt: skip
    assert "no scheduler answered" in refused(done, 24)


def test_a_budget_too_short_for_one_fit_gives_the_default_and_says_so(table):
    told = table.json("run", "good.csv", "--target", "y", "--budget", "0.01s", "--workers", 1)
    assert "too short for one trial: this is LightGBM with its defaults" in told["notes"][0]
    assert [row["algorithm"] for row in told["leaderboard"]] == ["dummy", "lightgbm"]
    assert told["version"] == "good/1"
    run = told["run_id"]
    done = table.mlops("run", "good.csv", "--target", "y", "--resume", check=False)
    assert "No run of this search was cut off" in refused(done, 20)
    (table.folder / "good.csv").write_text(GOOD + "1,1,a\n")
    done = table.mlops("run", "good.csv", "--target", "y", "--resume", run, check=False)
    assert "belongs to another search: its digest is" in refused(done, 20)


def test_with_json_an_error_is_one_document(table):
    done = table.mlops("run", "missing.csv", "--target", "y", "--json", check=False)
    told = json.loads(done.stdout)
    assert told["error"] == "file-missing"
    assert told["exit_code"] == done.returncode == 10


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["show", "nobody/1"], 4),
        (["show", "nobody@production"], 4),
        (["show", "what is this"], 2),
        (["promote", "nobody/1", "--to", "staging"], 4),
        (["check", "nobody/1", "--to", "staging"], 4),
        (["predict", "nobody/1", "good.csv", "-o", "out.csv"], 4),
        (["predict", "nobody/1", "good.csv", "-o", "out.docx"], 11),
        (["explain", "nobody/1"], 4),
        (["versions", "nobody"], 4),
    ],
    ids=str,
)
def test_an_unknown_reference_is_refused(table, words, code):
    refused(table.mlops(*words, check=False), code)
    assert not (table.folder / "out.csv").exists()


def test_a_busy_port_is_named_and_a_free_one_offered(desk):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        told = refused(desk.mlops("ui", "--port", port, check=False), 27)
    assert f"Port {port}" in told
    assert "mlops ui --port" in told


def test_a_folder_that_cannot_be_written_is_said_before_the_search(table):
    (table.folder / "wall").write_text("a file where a folder should be")
    done = table.mlops("run", "good.csv", "--target", "y", check=False, MLOPS_HOME="wall")
    assert "wall" in refused(done, 26)


def test_a_database_that_cannot_be_opened_is_said(table):
    done = table.mlops("versions", check=False, MLOPS_DATABASE_URL="sqlite:////nowhere/at/all.db")
    assert "/nowhere/at/all.db" in refused(done, 30)


def test_a_database_from_a_newer_version_is_left_alone(table):
    table.json("versions")
    path = table.folder / "mlflow.db"
    with sqlite3.connect(path) as database:
        database.execute("update mlops_alembic_version set version_num = '9999'")
    database.close()
    before = path.read_bytes()
    told = refused(table.mlops("versions", check=False), 31)
    assert "9999" in told
    assert path.read_bytes() == before
    assert table.json("db", "status")["state"] == "newer"


def test_a_setting_that_makes_no_sense_is_named(desk):
    assert "MLOPS_ROLE" in refused(desk.mlops("versions", check=False, MLOPS_ROLE="emperor"), 3)


def test_a_viewer_may_look_and_not_touch(table):
    done = table.mlops("run", "good.csv", "--target", "y", check=False, MLOPS_ROLE="viewer")
    assert "may not register" in refused(done, 6)
    assert table.json("versions", MLOPS_ROLE="viewer") == []


def test_a_server_that_is_not_there_is_said_before_the_search(table):
    done = table.mlops(
        "run", "good.csv", "--target", "y", check=False, MLFLOW_TRACKING_URI="http://127.0.0.1:9"
    )
    assert "http://127.0.0.1:9" in refused(done, 22)


def test_debug_shows_the_whole_story(table):
    done = table.mlops("run", "missing.csv", "--target", "y", "--debug", check=False)
    assert "Traceback" in done.stderr
    assert "FileMissing" in done.stderr
