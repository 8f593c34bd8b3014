"""A folder in which a person works, and the commands they type."""

import json
import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@dataclass
class Desk:
    """A folder with everything a data scientist leaves there."""

    folder: Path

    def mlops(self, *words, check=True, **env):
        """Type a command; its end is looked at unless ``check`` is false."""
        done = subprocess.run(
            [sys.executable, "-m", "mlops", *map(str, words)],
            cwd=self.folder,
            env={**os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": "200", **env},
            capture_output=True,
            text=True,
            check=False,
            timeout=900,
        )
        if check and done.returncode:
            raise AssertionError(
                f"mlops {' '.join(map(str, words))}\n{done.stdout}\n{done.stderr}"
            )
        return done

    def json(self, *words, **env):
        """Type a command with --json and read the document."""
        return json.loads(self.mlops(*words, "--json", **env).stdout)


@pytest.fixture(scope="session")
def demo(tmp_path_factory, worker_id):
    """A desk on which the demo ran twice, and what it said; made once for all workers."""
    base = tmp_path_factory.getbasetemp()
    base = base if worker_id == "master" else base.parent
    desk, told = Desk(base / "demo"), base / "demo.json"
    try:
        desk.folder.mkdir()
    except FileExistsError:
        return desk, *_told_by_the_other_worker(told)
    try:
        first = desk.json("demo", "--budget", "25s", "--rows", "1200")
        second = desk.json("demo", "--budget", "6s", "--rows", "1200")
    except AssertionError as error:
        write(told, {"error": str(error)})
        raise
    write(told, {"both": [first, second]})
    return desk, first, second


def write(path, told):
    """Put a whole document in its place."""
    part = path.with_suffix(".part")
    part.write_text(json.dumps(told))
    part.replace(path)


def _told_by_the_other_worker(path):
    deadline = time.monotonic() + 1800
    while not path.exists():
        assert time.monotonic() < deadline, "the other worker does not finish the demo"
        time.sleep(0.5)
    return json.loads(path.read_text())["both"]


@pytest.fixture
def desk(tmp_path):
    return Desk(tmp_path)
