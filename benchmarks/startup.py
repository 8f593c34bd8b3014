"""CPU of ``mlops --help`` against ``python -c "import typer, rich"``, and of a whole promotion.

Usage: python benchmarks/startup.py [--only help|promote]. ``mlops promote`` in a new process takes
a version through all default gates, digests of its files included, and shows it in MLflow, all on
SQLite; beside it what ``import mlflow`` and its store take alone.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

ROUNDS = 15
BASE = [sys.executable, "-c", "import typer, rich"]
OURS = [sys.executable, "-m", "mlops", "--help"]


MLFLOW = [sys.executable, "-c", "import mlflow.store.tracking.sqlalchemy_store"]


def cpu_of(command: list[str], **env: str) -> float:
    """Return the CPU seconds of one process, children included."""
    before = os.times()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, env=os.environ | env)
    after = os.times()
    return (after.children_user - before.children_user) + (
        after.children_system - before.children_system
    )


def promote() -> None:
    """Promote one version after the other, each better than the last."""
    sys.path.insert(0, str(Path(__file__).parents[1]))
    from tests.mlops.guard.conftest import House

    with tempfile.TemporaryDirectory(prefix="startup-") as folder:
        uri = f"sqlite:///{folder}/mlflow.db"
        house, refs = House(uri, Path(folder)), []
        for number in range(ROUNDS // 2 + 1):
            refs.append(house.register(score=0.8 + number / 100).ref)
            house.promote(refs[-1], "staging")
        house.close()
        told = {"MLOPS_TRACKING_URI": uri, "MLOPS_HOME": f"{folder}/.mlops", "MLOPS_USER": "ada"}
        line = [sys.executable, "-m", "mlops", "promote", "--to", "production"]
        taken = [(cpu_of(MLFLOW), cpu_of([*line, ref], **told)) for ref in refs][1:]
    base, ours = (statistics.median(column) for column in zip(*taken, strict=True))
    print(f"import mlflow, store {base:6.2f} s CPU")
    print(f"mlops promote        {ours:6.2f} s CPU (bar: 3.0)")


def main() -> None:
    """Measure what was asked for."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--only", choices=["help", "promote"])
    only = parser.parse_args().only
    if only != "promote":
        compare_help()
    if only != "help":
        promote()


def compare_help() -> None:
    """Alternate both commands and print the ratio of the medians."""
    for command in (BASE, OURS):
        cpu_of(command)  # compiled files and caches
    pairs = [(cpu_of(BASE), cpu_of(OURS)) for _ in range(ROUNDS)]
    base, ours = (statistics.median(column) for column in zip(*pairs, strict=True))
    print(f"import typer, rich   {base * 1000:6.0f} ms CPU")
    print(f"mlops --help         {ours * 1000:6.0f} ms CPU")
    print(f"ratio                {ours / base:6.2f}   (bar: 2.0)")


if __name__ == "__main__":
    main()
