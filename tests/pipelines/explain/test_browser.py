"""The page in a real browser, inside the frame in which MLflow shows it."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from html import escape
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.request import urlopen

import pytest
from lightgbm import LGBMClassifier

from pipelines.explain.page import render
from pipelines.explain.report import report
from pipelines.task import Task
from tests.browser import CHROMIUM, Browser
from tests.servers import free_port

PROBE = """<script>addEventListener("load", function () {
  document.querySelectorAll("button, label").forEach(function (one) { one.click(); });
  (function tell() {
    const seen = document.documentElement.clientWidth;
    if (!seen) return setTimeout(tell, 100);  // the frame is not laid out yet
    const wide = document.scrollingElement.scrollWidth, moves = document.querySelectorAll(".move");
    console.info("PROBE " + wide + " " + seen + " " + moves.length);
  })();
});</script>"""

if CHROMIUM is None:
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


def looked_at(
    page: str, width: int, scheme: str, folder: Path
) -> tuple[list, list[str], list[str]]:
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
    browser = Browser(folder, width=width, height=900, dark=scheme == "dark")
    try:
        browser.open(f"http://127.0.0.1:{server.server_address[1]}/")
        browser.said("PROBE")
        time.sleep(2)  # for what a page asks or complains of after it was loaded
        console = browser.console()
    finally:
        browser.close()
        server.shutdown()
        server.server_close()
    return sizes(console), asked, [line for line in console if "PROBE" not in line]


def sizes(console: list[str]) -> list[tuple[int, ...]]:
    """What the probe told: how wide the page is, how wide the frame, and how many rows move."""
    told = [re.search(r"PROBE (\d+) (\d+) (\d+)", line) for line in console]
    return [tuple(map(int, one.groups())) for one in told if one]


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (400, "dark")])
def test_in_the_sandboxed_frame_nothing_errs_nothing_is_fetched_and_all_fits(
    page, width, scheme, tmp_path
):
    told, asked, console = looked_at(page, width, scheme, tmp_path)
    assert console == []
    assert asked == ["/"]
    [(wide, seen, moves)] = told
    assert seen == width
    assert wide <= width
    assert moves >= 5


def test_an_error_on_the_page_would_be_noticed(page, tmp_path):
    broken = page.replace('"use strict";', '"use strict"; missing();', 1)
    _, _, console = looked_at(broken, 1280, "light", tmp_path)
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


@pytest.mark.parametrize(("width", "scheme"), [(1280, "dark"), (400, "light")])
def test_in_the_real_mlflow_ui_nothing_errs_and_all_fits(shown, width, scheme, tmp_path):
    """The page's own policy forbids every request, and one that was tried would be an error."""
    browser = Browser(tmp_path, width=width, height=1200, dark=scheme == "dark")
    try:
        browser.open(shown)
        browser.said("PROBE")
        time.sleep(2)
        # MLflow gives the sandboxed frame an address of its own: whatever it says carries that.
        console = [line for line in browser.console() if "blob:" in line]
    finally:
        browser.close()
    [(wide, seen, moves)] = sizes(console)
    assert len(console) == 1
    assert wide <= seen
    assert moves >= 5
