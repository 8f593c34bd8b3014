"""The page in a real browser, inside the frame in which MLflow shows it."""

from __future__ import annotations

import re
import shutil
import subprocess
import tempfile
import threading
from html import escape
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from lightgbm import LGBMClassifier

from pipelines.explain.page import render
from pipelines.explain.report import report
from pipelines.task import Task

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
            capture_output=True, text=True, timeout=60, check=True,
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
