"""Journey: start the MLflow server on the workspace's store."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING

from mlops.errors import NoServer, PortBusy

if TYPE_CHECKING:
    from collections.abc import Callable

    from mlops.workspace import Workspace

_PATIENCE = 90.0  # seconds; a cold start with database migrations takes about ten


def serve(
    ws: Workspace,
    *,
    host: str | None = None,
    port: int | None = None,
    on_ready: Callable[[str], None] = lambda _url: None,
) -> None:
    """Run the server until Ctrl-C or SIGTERM ends all of it; tell its URL once it answers.

    Raises:
        PortBusy: Something else listens there; the message offers a free port.
        NoServer: The server did not come up.
    """
    if ws.tracking_uri.startswith(("http://", "https://")):
        on_ready(ws.tracking_uri)  # a shared server runs already
        return
    host, port = host or ws.settings.ui_host, port or ws.settings.ui_port
    _claim(host, port)
    command = [sys.executable, str(script()), "--backend-store-uri", ws.tracking_uri]
    if ws.settings.artifacts:
        command += ["--artifacts", ws.settings.artifacts]
    child = subprocess.Popen(  # noqa: S603 - our own script
        [*command, "--host", host, "--port", str(port), "--quiet"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        url = f"http://{host}:{port}"
        _wait_for(url, child)
        on_ready(url)
        child.communicate()
    except KeyboardInterrupt:
        pass
    finally:
        _end(child)
        signal.signal(signal.SIGTERM, before)


def script() -> Path:
    """Find the serve script: beside the packages in a checkout, inside ours when installed.

    Raises:
        NoServer: It is in neither place.
    """
    here = Path(__file__).parent
    for place in (here / "mlflow-server" / "serve.py", here.parent / "mlflow-server" / "serve.py"):
        if place.exists():
            return place
    raise NoServer("mlflow-server/serve.py is missing from this installation.")


def free_port(host: str) -> int:
    """Return a port on which nothing listens."""
    with socket.socket() as probe:
        probe.bind((host, 0))
        return int(probe.getsockname()[1])


def _claim(host: str, port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            if isinstance(error, socket.gaierror):
                raise NoServer(f"there is no address {host!r} on this machine.") from error
            raise PortBusy(host, port, free_port("127.0.0.1")) from error


def _wait_for(url: str, child: subprocess.Popen[str]) -> None:
    deadline = time.monotonic() + _PATIENCE
    while time.monotonic() < deadline:
        if child.poll() is not None:
            words = (child.communicate()[1] or "").strip().splitlines()
            raise NoServer(words[-1] if words else f"it ended with code {child.returncode}.")
        try:
            with urllib.request.urlopen(f"{url}/health", timeout=2):  # noqa: S310 - our own URL
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.2)
    raise NoServer(f"it did not answer on {url} within {_PATIENCE:.0f} seconds.")


def _end(child: subprocess.Popen[str]) -> None:
    if child.poll() is None:
        child.send_signal(signal.SIGTERM)
        try:
            child.wait(timeout=_PATIENCE)
        except subprocess.TimeoutExpired:
            child.kill()
