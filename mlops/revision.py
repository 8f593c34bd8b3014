"""Which code made a model: the git commit of the folder that a command was typed in."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Any

_SECONDS = 10


def commit(folder: Path = Path()) -> dict[str, Any]:
    """Return the commit and whether tracked files were changed since, or ``why`` not."""
    git = shutil.which("git")
    if git is None:
        return {"why": "git is not installed"}
    try:
        found = _ask(git, folder, "rev-parse", "HEAD")
        changed = _ask(git, folder, "status", "--porcelain", "--untracked-files=no")
    except (OSError, subprocess.SubprocessError):
        return {"why": "it was made outside of a git repository"}
    return {"commit": found, "dirty": bool(changed)}


def _ask(git: str, folder: Path, *words: str) -> str:
    done = subprocess.run(  # noqa: S603 - our own words to the git that is installed
        [git, *words], cwd=folder, capture_output=True, text=True, check=True, timeout=_SECONDS
    )
    return done.stdout.strip()
