"""The page in a real browser, inside the frame in which MLflow shows it."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from html import escape
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.request import urlopen

import pytest
from lightgbm import LGBMClassifier

from pipelines.explain.page import render
from pipelines.explain.report import report
from pipelines.task import Task
from tests.servers import free_port

BROWSER = next(
    (found for name in ("chromium", "chromium-browser", "google-chrome")
     if (found := shutil.which(name))), None,
)  # fmt: skip
FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--disable-dev-shm-usage", "--hide-scrollbars", "--enable-logging=stderr", "--v=0",
    "--virtual-time-budget=4000",
)  # fmt: skip
PROBE = """<script>addEventListener("load", function () {
  document.querySelectorAll("button, label").forEach(function (one) { one.click(); });
  const wide = document.scrollingElement.scrollWidth, moves = document.querySelectorAll(".move");
  console.info("PROBE " + wide + " " + document.documentElement.clientWidth + " " + moves.length);
});</script>"""

if BROWSER is None:
    pytest.skip("chromium is not installed: the page was NOT looked at", allow_module_level=True)


@pytest.fixture(scope="module")
def page(made) -> str:
    frame = made.table(500)
    labels = made.labels(frame, Task.CLASSIFICATION)
    frame = frame.rename(columns={"income": "a_rather_long_name_of_a_column_that_has_no_spaces"})
    predictor = made.fitted(
        LGBMClassifier(n_estimators=20, verbose=-1), Task.CLASSIFICATION, frame,
        labels.to_numpy(str),
    )  # fmt: skip
    return render(
        report(
            predictor, frame[250:], labels=labels[250:], background=frame[:250],
            by=["purpose", "age"], sensitive=["employed"],
        )
    )  # fmt: skip


def looked_at(page: str, width: int, scheme: str) -> tuple[list, list[str], list[str]]:
    """Return what the frame told, what was asked for, and what the console said."""
    asked: list[str] = []
    inner = page.replace("</body>", PROBE + "</body>")
    outer = (
        "<!doctype html><link rel=icon href='data:,'><body style='margin:0'>"
        f'<iframe sandbox="allow-scripts" srcdoc="{escape(inner, quote=True)}" '
        f'style="border:0;width:{width}px;height:900px"></iframe>'
    )

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(200)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.end_headers()
            self.wfile.write(outer.encode())

        def log_message(self, *_: object) -> None:
            """Keep quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    with tempfile.TemporaryDirectory() as home:
        done = subprocess.run(
            [
                str(BROWSER), *FLAGS, f"--user-data-dir={home}", f"--window-size={width},900",
                f"--blink-settings=preferredColorScheme={0 if scheme == 'dark' else 1}",
                "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1", "--dump-dom",
                f"http://127.0.0.1:{server.server_address[1]}/",
            ],
            capture_output=True, text=True, timeout=300, check=True,
        )  # fmt: skip
    server.shutdown()
    server.server_close()
    console = [line for line in done.stderr.splitlines() if "CONSOLE" in line]
    told = [re.findall(r"PROBE (\d+) (\d+) (\d+)", line) for line in console]
    return (
        [tuple(map(int, one[0])) for one in told if one],
        asked,
        [line for line, one in zip(console, told, strict=True) if not one],
    )


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (400, "dark")])
def test_in_the_sandboxed_frame_nothing_errs_nothing_is_fetched_and_all_fits(page, width, scheme):
    told, asked, console = looked_at(page, width, scheme)
    assert console == []
    assert asked == ["/"]
    [(wide, seen, moves)] = told
    assert seen == width
    assert wide <= width
    assert moves >= 5


def test_an_error_on_the_page_would_be_noticed(page):
    broken = page.replace('"use strict";', '"use strict"; missing();', 1)
    _, _, console = looked_at(broken, 1280, "light")
    assert any("missing is not defined" in line for line in console)


@pytest.fixture(scope="module")
def shown(page, tmp_path_factory) -> Iterator[str]:
    """The page as an artifact behind a real MLflow server: its address in the UI."""
    import mlflow

    folder = tmp_path_factory.mktemp("mlflow")
    (folder / "report.html").write_text(page.replace("</body>", PROBE + "</body>"))
    store, artifacts = f"sqlite:///{folder}/mlflow.db", (folder / "artifacts").as_uri()
    client = mlflow.MlflowClient(store)
    run = client.create_run(client.create_experiment("loans", artifacts)).info
    client.log_artifact(run.run_id, str(folder / "report.html"), "explanation")
    port = free_port()
    line = [sys.executable, "-m", "mlflow", "server", "--backend-store-uri", store]
    with (folder / "log").open("w") as log:
        server = subprocess.Popen(
            [*line, "--host", "127.0.0.1", "--port", str(port), "--workers", "1"],
            stdout=log, stderr=log, start_new_session=True,
        )  # fmt: skip
    try:
        deadline = time.monotonic() + 400
        while not answers(f"http://127.0.0.1:{port}/health"):
            assert server.poll() is None, (folder / "log").read_text()
            assert time.monotonic() < deadline
            time.sleep(0.5)
        where = f"#/experiments/{run.experiment_id}/runs/{run.run_id}"
        yield f"http://127.0.0.1:{port}/{where}/artifacts/explanation/report.html"
    finally:
        os.killpg(server.pid, signal.SIGTERM)
        server.wait(timeout=120)


def answers(url: str) -> bool:
    try:
        with urlopen(url, timeout=10) as answer:
            return answer.status == 200
    except OSError:
        return False


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(("width", "scheme"), [(1280, "dark"), (400, "light")])
def test_in_the_real_mlflow_ui_nothing_errs_and_all_fits(shown, width, scheme, tmp_path):
    """The page's own policy forbids every request, and one that was tried would be an error."""
    line = [
        str(BROWSER), *FLAGS[:-1],
        f"--user-data-dir={tmp_path}", f"--window-size={width},1200",
        f"--blink-settings=preferredColorScheme={0 if scheme == 'dark' else 1}",
        "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
        f"--screenshot={tmp_path / 'shot.png'}", shown,
    ]  # fmt: skip
    for patience in range(1, 9):  # the browser's own clock may end before a busy server answers
        clock = f"--virtual-time-budget={patience * 120_000}"
        done = subprocess.run(
            [*line[:-1], clock, line[-1]], capture_output=True, text=True, timeout=300, check=True
        )
        # MLflow gives the sandboxed frame an address of its own: whatever it says carries that.
        said = [each for each in done.stderr.splitlines() if "CONSOLE" in each]
        if console := [each for each in said if "blob:" in each]:
            break
    told = [found for line in console if (found := re.findall(r"PROBE (\d+) (\d+) (\d+)", line))]
    assert len(console) == len(told) == 1
    wide, seen, moves = map(int, told[0][0])
    assert wide <= seen
    assert moves >= 5
