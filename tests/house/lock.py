"""Prints the lock: one resolution of every extra, as pip sees it. ``make lock`` writes it."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path

HEAD = """\
# Every version this release was tested with: pip install -c requirements.lock .
# Made anew by `make lock`; tests/house/test_lock.py holds it to pyproject.toml.
"""


def resolve() -> list[str]:
    """Ask pip, without installing anything; torch keeps its number without a build's suffix."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.json"
        subprocess.run(
            [sys.executable, "-m", "pip", "install", "--dry-run", "--ignore-installed", "--quiet",
             "--report", str(report), "torch==2.13.0", ".[all,dev]"],
            check=True,
            stdout=sys.stderr,
        )  # fmt: skip
        found = json.loads(report.read_text())["install"]
    rows = {
        (each["metadata"]["name"].lower().replace("_", "-").replace(".", "-"),
         each["metadata"]["version"].split("+")[0])
        for each in found
    }  # fmt: skip
    return [f"{name}=={version}" for name, version in sorted(rows) if name != "mlops-platform"]


if __name__ == "__main__":
    sys.stdout.write(HEAD + "\n".join(resolve()) + "\n")
