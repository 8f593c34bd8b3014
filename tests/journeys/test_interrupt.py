"""Ctrl-C or a kill in the middle: nothing half-registered, and the same command goes on."""

import json
import os
import signal
import subprocess
import sys
import time

import pytest

from pipelines.samples import credit_risk
from tests.journeys.conftest import ROOT

RUN = ["run", "loans.csv", "--target", "outcome", "--name", "loans", "--workers", "1"]


def start(desk, *words):
    credit_risk(1500).to_csv(desk.folder / "loans.csv", index=False)
    with told_by(desk).open("w") as told:
        return subprocess.Popen(
            [sys.executable, "-m", "mlops", *RUN, *words],
            cwd=desk.folder,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdout=subprocess.DEVNULL,
            stderr=told,
            start_new_session=True,
        )


def told_by(desk):
    """Where what a run tells on the way is written."""
    return desk.folder / "told.txt"


def wait_for_words(desk, child, words):
    """Wait until a run has told something."""
    deadline = time.monotonic() + 240
    while words not in told_by(desk).read_text():
        assert time.monotonic() < deadline
        assert child.poll() is None, told_by(desk).read_text()
        time.sleep(0.02)


def wait_for_trials(desk, child, count):
    """Wait until so many trials are on disk; return the run's id."""
    deadline = time.monotonic() + 240
    while time.monotonic() < deadline and child.poll() is None:
        for path in (desk.folder / ".mlops" / "journals").glob("*.jsonl"):
            if len(path.read_text().splitlines()) > count:
                return path.stem
        time.sleep(0.1)
    raise AssertionError(told_by(desk).read_text())


def journaled(desk, run_id):
    lines = (desk.folder / ".mlops" / "journals" / f"{run_id}.jsonl").read_text().splitlines()
    return [json.loads(line)["trial"]["number"] for line in lines[1:]]


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL], ids=["ctrl-c", "kill-9"])
def test_a_run_that_was_cut_off_goes_on_where_it_was(desk, how):
    child = start(desk, "--budget", "300s")
    run_id = wait_for_trials(desk, child, 2)
    os.killpg(child.pid, how)
    if how is signal.SIGINT:  # the first ends it early, the second at once
        wait_for_words(desk, child, "ending early")
        os.killpg(child.pid, how)
    child.wait(timeout=240)
    told = told_by(desk).read_text()
    before = journaled(desk, run_id)
    if how is signal.SIGINT:
        assert child.returncode == 130
        assert "Traceback" not in told
        assert f"--resume {run_id}" in told
    assert desk.json("versions") == []
    named = [run_id] if how is signal.SIGINT else []  # alone: the last one that was cut off
    done = desk.json(*RUN, "--trials", len(before) + 2, "--resume", *named)
    numbers = sorted(row["trial"] for row in done["leaderboard"])
    assert len(numbers) == len(set(numbers))
    assert set(before) <= set(numbers)
    assert done["run_id"] == run_id
    assert done["version"] == "loans/1"
    from mlflow import MlflowClient

    store = f"sqlite:///{desk.folder / 'mlflow.db'}"
    children = MlflowClient(tracking_uri=store).search_runs(
        [done["experiment_id"]], f"tags.`mlflow.parentRunId` = '{run_id}'"
    )
    assert sorted(int(each.data.tags["mlops.trial"]) for each in children) == numbers
    assert {each.info.status for each in children} <= {"FINISHED", "FAILED"}
