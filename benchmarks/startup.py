"""CPU of ``mlops --help`` against ``python -c "import typer, rich"``, in one run.

Usage: python benchmarks/startup.py
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys

ROUNDS = 15
BASE = [sys.executable, "-c", "import typer, rich"]
OURS = [sys.executable, "-m", "mlops", "--help"]


def cpu_of(command: list[str]) -> float:
    """Return the CPU seconds of one process, children included."""
    before = os.times()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    after = os.times()
    return (after.children_user - before.children_user) + (
        after.children_system - before.children_system
    )


def main() -> None:
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
