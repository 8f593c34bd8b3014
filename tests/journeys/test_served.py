"""What was registered is served by MLflow's own tools, without any setting."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from contextlib import contextmanager
from pathlib import Path

import pandas as pd
import pytest

from tests.journeys.conftest import ROOT
from tests.servers import free_port

PATH = f"{Path(sys.executable).parent}:{os.environ['PATH']}"  # as in an active environment


@contextmanager
def running(command, folder, *, stdout=subprocess.DEVNULL, **env):
    """Run a server; what it says is thrown away, as a full pipe would stop it."""
    child = subprocess.Popen(
        command,
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT), "PATH": PATH, **env},
        stdout=stdout,
        stderr=subprocess.DEVNULL,
        text=True,
        start_new_session=True,
    )
    try:
        yield child
    finally:
        if child.poll() is None:
            os.killpg(child.pid, signal.SIGTERM)
        try:
            child.communicate(timeout=120)
        except subprocess.TimeoutExpired:
            os.killpg(child.pid, signal.SIGKILL)
            child.communicate()


def wait_for(url, child, seconds=240):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline and child.poll() is None:
        try:
            with urllib.request.urlopen(url, timeout=10) as answer:
                return answer.read().decode()
        except (urllib.error.URLError, OSError):
            time.sleep(0.3)
    raise AssertionError(f"{url} does not answer; the server's exit code is {child.poll()}")


def test_mlflow_serves_the_version_in_staging(demo):
    desk, first, _ = demo
    port = free_port()
    command = [
        sys.executable, "-m", "mlflow", "models", "serve",
        "-m", "models:/credit-risk@staging", "--env-manager", "local", "-p", str(port),
    ]  # fmt: skip
    rows = pd.read_csv(desk.folder / first["data"])
    rows = rows.drop(columns=["outcome", "collection_letters"]).head(4)
    rows.loc[0, "income"] = None
    body = json.dumps({"dataframe_split": json.loads(rows.to_json(orient="split", index=False))})
    with running(command, desk.folder) as child:
        wait_for(f"http://127.0.0.1:{port}/ping", child)
        request = urllib.request.Request(
            f"http://127.0.0.1:{port}/invocations",
            data=body.encode(),
            headers={"Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=240) as answer:
            told = json.loads(answer.read())["predictions"]
    assert len(told) == 4
    assert {row["prediction"] for row in told} <= {"defaulted", "repaid"}
    assert 0 <= told[0]["probability_defaulted"] <= 1


@pytest.mark.parametrize(
    "end",
    [lambda child: os.killpg(child.pid, signal.SIGINT), lambda child: child.terminate()],
    ids=["ctrl-c", "terminate"],
)
def test_the_ui_is_the_mlflow_server_on_this_folder_and_ends_with_all_of_it(demo, end):
    desk, _, _ = demo
    port = free_port()
    command = [sys.executable, "-m", "mlops", "ui", "--port", str(port), "--json"]
    with running(command, desk.folder, stdout=subprocess.PIPE) as child:
        url = f"http://127.0.0.1:{port}"
        assert json.loads("".join(child.stdout.readline() for _ in range(3)))["url"] == url
        wait_for(f"{url}/health", child)
        found = wait_for(f"{url}/api/2.0/mlflow/registered-models/get?name=credit-risk", child)
        aliases = {each["alias"] for each in json.loads(found)["registered_model"]["aliases"]}
        assert "staging" in aliases
        end(child)
        assert child.wait(timeout=240) == 0
        with socket.socket() as probe:
            assert probe.connect_ex(("127.0.0.1", port)) != 0, "somebody still answers"


def test_a_reader_that_goes_away_ends_a_command_quietly(demo):
    desk, _, _ = demo
    there, here = os.pipe()
    os.close(there)
    command = [sys.executable, "-m", "mlops", "versions", "--json"]
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        command, cwd=desk.folder, env=env, stdout=here, stderr=subprocess.PIPE, text=True
    )
    os.close(here)
    assert done.returncode == 141
    assert not done.stderr
