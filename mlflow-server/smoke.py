"""Check a running server: log a run with a file, read both back, remove them."""

from __future__ import annotations

import argparse
import sys
import tempfile
import uuid
from pathlib import Path

NAME = "smoke-test"


def main(argv: list[str] | None = None) -> int:
    """Run the check; return 0 when all came back."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("url", nargs="?", default="http://127.0.0.1:5000")
    url = parser.parse_args(argv).url
    try:
        check(url)
    except Exception as error:  # noqa: BLE001 - whatever it was, it is one line for the operator
        print(f"{url} failed: {type(error).__name__}: {error}", file=sys.stderr)
        return 1
    print(f"{url} works: a run and a file came back as they were.")
    return 0


def check(url: str) -> None:
    """Log, read back and compare.

    Raises:
        RuntimeError: Something came back changed.
    """
    from mlflow import MlflowClient

    client, mark = MlflowClient(url), uuid.uuid4().hex
    found = client.get_experiment_by_name(NAME)
    experiment = found.experiment_id if found else client.create_experiment(NAME)
    run = client.create_run(experiment).info.run_id
    try:
        client.log_param(run, "mark", mark)
        client.log_text(run, mark, "mark.txt")
        with tempfile.TemporaryDirectory() as folder:
            text = Path(client.download_artifacts(run, "mark.txt", folder)).read_text()
        if (text, client.get_run(run).data.params["mark"]) != (mark, mark):
            raise RuntimeError("what was read is not what was written")
    finally:
        client.delete_run(run)


if __name__ == "__main__":
    sys.exit(main())
