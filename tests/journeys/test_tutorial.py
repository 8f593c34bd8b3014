"""Every shell command of the tutorial works, in its order."""

import os
import re
import subprocess
import sys
from pathlib import Path

from tests.journeys.conftest import ROOT

TUTORIAL = (ROOT / "docs" / "tutorial.md").read_text()
COMMANDS = [
    line for block in re.findall(r"```sh\n(.*?)```", TUTORIAL, re.S) for line in block.splitlines()
]
PYTHON = re.findall(r"```python\n(.*?)```", TUTORIAL, re.S)


def test_the_tutorial_can_be_followed(tmp_path):
    tools = tmp_path / "bin"
    tools.mkdir()
    for name, words in {"python": "", "mlops": " -m mlops"}.items():
        (tools / name).write_text(f'#!/bin/sh\nexec "{sys.executable}"{words} "$@"\n')
        (tools / name).chmod(0o755)
    env = {**os.environ, "PATH": f"{tools}:{os.environ['PATH']}", "PYTHONPATH": str(ROOT)}
    desk = tmp_path / "desk"
    desk.mkdir()
    assert len(COMMANDS) > 8
    for command in COMMANDS:
        done = subprocess.run(
            ["/bin/sh", "-c", command],
            cwd=desk,
            env=env,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    for code in PYTHON:
        subprocess.run([sys.executable, "-c", code], cwd=desk, env=env, check=True)
    assert Path(desk / "why" / "report.html").exists()
    assert len((desk / "answers.csv").read_text().splitlines()) == 3001
