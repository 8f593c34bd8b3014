"""The server script: it says where it is, survives a real client, and leaves nothing behind."""

from __future__ import annotations

import importlib.util
import os
import signal
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import pytest

from pipelines.tracking import Tracker
from tests.servers import free_port

HERE = Path(__file__).parents[2] / "mlflow-server"
SERVE, SMOKE = HERE / "serve.py", HERE / "smoke.py"


@contextmanager
def serving(folder, port, *more):
    line = [sys.executable, str(SERVE), "--port", str(port), "--quiet", *more]
    server = subprocess.Popen(
        [*line, "--artifacts", str(folder / "artifacts")],
        cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        yield server
    finally:
        if server.poll() is None:
            server.send_signal(signal.SIGTERM)
        server.communicate(timeout=240)


@pytest.fixture
def port():
    return free_port()


def processes_of(folder) -> list[str]:
    """Return the command lines of processes that work in a folder."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                if (entry / "cwd").readlink() == folder:
                    found.append((entry / "cmdline").read_text().replace("\0", " "))
            except OSError:
                continue
    return found


def test_the_server_answers_a_real_client_and_ctrl_c_ends_all_of_it(tmp_path, port):
    with serving(tmp_path, port) as server:
        said = server.stdout.readline()
        url = f"http://127.0.0.1:{port}"
        assert said == f"MLflow is at {url} (Ctrl-C ends it)\n"
        smoke = subprocess.run(
            [sys.executable, str(SMOKE), url], cwd=tmp_path, capture_output=True, text=True
        )
        assert smoke.returncode == 0, smoke.stderr
        busy = subprocess.run(
            [sys.executable, str(SERVE), "--port", str(port)], capture_output=True, text=True
        )
        assert busy.returncode == 9
        assert busy.stderr.startswith(f"Port {port} on 127.0.0.1 is in use. Try --port ")
        tracker = Tracker(url, "over-http")
        run_id = tracker.start("one", {"a": "b"}, {"seed": 0})
        tracker.log_texts({"note.txt": "hello"})
        assert tracker.finish() == ()
        assert len(run_id) == 32
        server.send_signal(signal.SIGINT)
        assert server.wait(240) == 0
        assert processes_of(tmp_path) == []


@pytest.mark.parametrize(
    ("words", "patient"),
    [
        (["--workers", "4"], True),
        (["--workers", "4", "--allowed-hosts", "mlflow.example.org"], True),
        (["--workers", "4", "--gunicorn-opts", "--timeout 9"], False),
        (["--workers", "4", "--uvicorn-opts=--timeout-worker-healthcheck 9"], False),
        ([], False),
    ],
)
def test_workers_that_answer_late_are_waited_for_unless_somebody_chose_otherwise(words, patient):
    spec = importlib.util.spec_from_file_location("serve", SERVE)
    serve = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(serve)
    line = serve.command(*serve._parser().parse_known_args(words))
    assert ("--timeout-worker-healthcheck 120" in line) is patient


def test_a_store_that_cannot_be_opened_ends_with_what_the_server_said(tmp_path, port):
    (tmp_path / "text.txt").write_text("not a database " * 100)
    ran = subprocess.run(
        [sys.executable, str(SERVE), "--port", str(port), "--quiet",
         "--backend-store-uri", f"sqlite:///{tmp_path}/text.txt"],
        cwd=tmp_path, capture_output=True, text=True, timeout=600,
    )  # fmt: skip
    assert ran.returncode == 1
    assert "did not come up" in ran.stderr
    assert "not a database" in ran.stderr


@pytest.mark.parametrize(
    ("env", "lacks"),
    [
        ({}, ["MLFLOW_FLASK_SERVER_SECRET_KEY", "MLFLOW_AUTH_ADMIN_PASSWORD"]),
        ({"MLFLOW_FLASK_SERVER_SECRET_KEY": "k"}, ["MLFLOW_AUTH_ADMIN_PASSWORD"]),
        ({"MLFLOW_AUTH_CONFIG_PATH": "auth.ini"}, ["MLFLOW_FLASK_SERVER_SECRET_KEY"]),
    ],
)
def test_a_login_that_lacks_a_key_or_a_password_is_one_sentence(tmp_path, port, env, lacks):
    ran = subprocess.run(
        [sys.executable, str(SERVE), "--port", str(port), "--login"],
        cwd=tmp_path, env={**os.environ, **env}, capture_output=True, text=True, timeout=600,
    )  # fmt: skip
    assert ran.returncode == 1
    [told] = ran.stderr.splitlines()
    assert told.startswith("--login needs MLFLOW_")
    assert [word for word in told.split() if word.startswith("MLFLOW_")] == lacks
    assert list(tmp_path.iterdir()) == []


def test_the_smoke_test_fails_in_one_line_where_nothing_answers(tmp_path, port):
    env = {**os.environ, "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1"}
    ran = subprocess.run(
        [sys.executable, str(SMOKE), f"http://127.0.0.1:{port}"],
        env=env, capture_output=True, text=True, timeout=600,
    )  # fmt: skip
    assert ran.returncode == 1
    assert ran.stderr.strip().splitlines()[-1].startswith(f"http://127.0.0.1:{port} failed")
