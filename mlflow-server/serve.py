"""Start the guarded MLflow server, say where it is once it answers, end it cleanly on Ctrl-C.

It is MLflow's own server with our app in it (``--app-name mlops``), which does not start where
nothing guards the registry. Only the standard library is used here. Options it does not know go to
``mlflow server`` unchanged. ``mlops ui`` runs it for you.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

BUSY, FAILED = 9, 1
"""Exit codes: the port is taken; the server did not come up, or ended by itself."""
USERS = "basic_auth.db"
"""Where MLflow keeps users and passwords, unless MLFLOW_AUTH_CONFIG_PATH says otherwise."""
PATIENCE = 120.0
GRACE = 10.0
SERVERS = {"--uvicorn-opts", "--gunicorn-opts", "--waitress-opts", "--dev"}
"""Options of MLflow's by which somebody chooses the server, and how it treats its workers."""


def main(argv: Sequence[str] | None = None) -> int:
    """Serve until Ctrl-C; return the exit code."""
    asked, more = _parser().parse_known_args(argv)
    if is_busy(asked.host, asked.port):
        free = free_port(asked.host, asked.port)
        _complain(f"Port {asked.port} on {asked.host} is in use. Try --port {free}.")
        return BUSY
    lacks = what_login_lacks(os.environ) if asked.login else []  # noqa: TID251
    if lacks:
        _complain(f"--login needs {' and '.join(lacks)}: see mlflow-server/README.md.")
        return FAILED
    with _interruptible(), _output(quiet=asked.quiet) as log:
        child = _start(command(asked, more), log)
        try:
            code = _watch(child, url_of(asked.host, asked.port))
        except KeyboardInterrupt:
            return 0
        finally:
            stop(child)
        sys.stderr.write(_tail(log))
        return code


def command(asked: argparse.Namespace, more: Sequence[str] = ()) -> list[str]:
    """Return the command line of the server."""
    artifacts = ["--artifacts-destination", asked.artifacts] if asked.artifacts else []
    # On a busy machine a worker answers its supervisor late, and would be killed after 5 seconds
    # with all that it is about to answer.
    chosen = asked.workers < 2 or any(word.partition("=")[0] in SERVERS for word in more)
    patient = [] if chosen else ["--uvicorn-opts", f"--timeout-worker-healthcheck {PATIENCE:.0f}"]
    return [
        sys.executable,
        *["-m", "mlflow", "server"],
        *["--backend-store-uri", asked.backend_store_uri, *artifacts],
        *["--host", asked.host, "--port", str(asked.port), "--workers", str(asked.workers)],
        *["--app-name", "mlops-basic-auth" if asked.login else "mlops"],
        *patient,
        *more,
    ]


def what_login_lacks(env: Mapping[str, str]) -> list[str]:
    """Return what MLflow's basic-auth cannot begin without and is not there, in words.

    >>> what_login_lacks({"MLFLOW_AUTH_CONFIG_PATH": "auth.ini"})
    ['MLFLOW_FLASK_SERVER_SECRET_KEY (a long random text that signs its pages)']
    """
    lacks = []
    if not env.get("MLFLOW_FLASK_SERVER_SECRET_KEY"):
        lacks.append("MLFLOW_FLASK_SERVER_SECRET_KEY (a long random text that signs its pages)")
    known = env.get("MLFLOW_AUTH_ADMIN_PASSWORD") or env.get("MLFLOW_AUTH_CONFIG_PATH")
    if not known and not Path(USERS).exists():
        lacks.append("MLFLOW_AUTH_ADMIN_PASSWORD (of the first user, 'admin')")
    return lacks


def url_of(host: str, port: int) -> str:
    """Return the address to open in a browser on this machine.

    >>> url_of("0.0.0.0", 5000)
    'http://127.0.0.1:5000'
    """
    shown = "127.0.0.1" if host in {"0.0.0.0", "::", ""} else host  # noqa: S104 - only shown
    return f"http://[{shown}]:{port}" if ":" in shown else f"http://{shown}:{port}"


def is_busy(host: str, port: int) -> bool:
    """Say whether somebody listens on that port already."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return True
    return False


def free_port(host: str, port: int) -> int:
    """Return the next free port after a busy one."""
    return next((p for p in range(port + 1, min(port + 200, 65536)) if not is_busy(host, p)), 0)


def stop(child: subprocess.Popen[bytes]) -> None:
    """End the server and everything it started: politely, then by force."""
    for sign in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(child.pid, sign)
        with contextlib.suppress(subprocess.TimeoutExpired):
            child.wait(GRACE)


def _watch(child: subprocess.Popen[bytes], url: str) -> int:
    """Wait for health, say the address, wait for the end."""
    until = time.monotonic() + PATIENCE
    while not _is_healthy(url):
        if child.poll() is not None or time.monotonic() > until:
            _complain(f"The MLflow server did not come up at {url}.")
            return FAILED
        time.sleep(0.2)
    print(f"MLflow is at {url} (Ctrl-C ends it)", flush=True)
    child.wait()
    _complain(f"The MLflow server at {url} ended by itself (exit code {child.returncode}).")
    return FAILED


def _is_healthy(url: str) -> bool:
    try:
        with urllib.request.urlopen(f"{url}/health", timeout=2) as answer:  # noqa: S310 - http
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


@contextlib.contextmanager
def _output(*, quiet: bool) -> Iterator[Path | None]:
    """Return the file that hides the server's log, or None where it is shown."""
    if not quiet:
        yield None
        return
    with tempfile.TemporaryDirectory(prefix="mlflow-server-") as folder:
        yield Path(folder, "log")


def _start(line: Sequence[str], log: Path | None) -> subprocess.Popen[bytes]:
    """Start the server in a session of its own, so that Ctrl-C reaches only us."""
    with log.open("wb") if log else contextlib.nullcontext(sys.stderr) as output:
        return subprocess.Popen(  # noqa: S603 - our own interpreter and what the user asked for
            line, stdout=output, stderr=output, env=_environment(), start_new_session=True
        )


def _environment() -> dict[str, str]:
    """Pass the environment on; MLflow's eight job workers stay off unless somebody set them."""
    return {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false", **os.environ}  # noqa: TID251


def _tail(log: Path | None) -> str:
    return "\n".join(log.read_text(errors="replace").splitlines()[-20:]) + "\n" if log else ""


@contextlib.contextmanager
def _interruptible() -> Iterator[None]:
    """Let SIGTERM end the server like Ctrl-C does."""

    def interrupt(_signal: int, _frame: object) -> NoReturn:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _complain(sentence: str) -> None:
    print(sentence, file=sys.stderr, flush=True)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="serve.py",
        description="Start an MLflow server; unknown options go to `mlflow server`.",
        epilog="Example: python serve.py --backend-store-uri sqlite:///mlflow.db --port 5000",
    )
    parser.add_argument(
        "--backend-store-uri",
        default="sqlite:///mlflow.db",
        help="where runs and models are recorded (default: %(default)s)",
    )
    parser.add_argument(
        "--artifacts", default="", help="where new experiments keep files: a folder, s3://…"
    )
    parser.add_argument("--host", default="127.0.0.1", help="default: %(default)s")
    parser.add_argument("--port", type=int, default=5000, help="default: %(default)s")
    parser.add_argument("--workers", type=int, default=1, help="default: %(default)s")
    parser.add_argument(
        "--login", action="store_true", help="ask for MLflow's basic-auth user and password"
    )
    parser.add_argument("--quiet", action="store_true", help="keep the server's own log hidden")
    return parser


if __name__ == "__main__":
    sys.exit(main())
