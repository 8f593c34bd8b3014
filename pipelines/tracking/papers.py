"""What goes beside the numbers of a run: texts, pages and the record of its data."""

from __future__ import annotations

import json
import math
import platform
import shutil
import subprocess
import time
from html import escape
from importlib import metadata
from typing import TYPE_CHECKING, Any

from pipelines.errors import listed

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mlflow.entities import DatasetInput, Metric

    from pipelines.dataset import Dataset
    from pipelines.leaderboard import Leaderboard
    from pipelines.profile.facts import Profile
    from pipelines.tracking.models import Logged

GIT, GIT_DIRTY = "mlflow.source.git.commit", "mlflow.source.git.dirty"
GIT_SECONDS = 5.0
DIGEST_LENGTH = 36
"""MLflow keeps no more of a dataset's digest."""

PAGE = """<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>{title}</title>
<style>
:root {{ color-scheme: light dark; }}
body {{ font: 15px/1.5 system-ui, sans-serif; margin: 1.5rem; }}
div {{ overflow-x: auto; }}
table {{ border-collapse: collapse; font-variant-numeric: tabular-nums; }}
th, td {{ text-align: left; padding: .35rem .9rem .35rem 0; border-bottom: 1px solid #8884; }}
th {{ font-weight: 600; }}
tbody tr:first-child td {{ font-weight: 600; }}
tr.like td {{ background: #1d6fb818; }}
</style>
<h1>{title}</h1>
{told}
<div>{table}</div>
</html>
"""


def environment() -> str:
    """Return Python, the machine, and every installed distribution as pip freezes them."""
    about = f"# Python {platform.python_version()}, {platform.platform()}\n"
    found = {(dist.name, dist.version) for dist in metadata.distributions() if dist.name}
    lines = sorted((f"{name}=={version}" for name, version in found), key=str.lower)
    return about + "\n".join(lines) + "\n"


def git_tags() -> dict[str, str]:
    """Return the commit of the repository in the current folder, and whether files changed since.

    Outside of a repository there is nothing to say.
    """
    git = shutil.which("git")
    commit = "" if git is None else _told([git, "rev-parse", "HEAD"])
    if git is None or not commit:
        return {}
    changed = _told([git, "status", "--porcelain", "--untracked-files=no"])
    return {GIT: commit, GIT_DIRTY: "true" if changed else "false"}


def _told(command: Sequence[str]) -> str:
    try:
        asked = subprocess.run(  # noqa: S603 - fixed commands
            command, capture_output=True, text=True, check=False, timeout=GIT_SECONDS
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return asked.stdout.strip() if asked.returncode == 0 else ""


def as_json(data: Any) -> str:
    """Return data as readable JSON; NumPy's numbers become plain, strangers become text."""
    return json.dumps(data, indent=2, default=_plain) + "\n"


def leaderboard(board: Leaderboard, notes: Sequence[str] = ()) -> dict[str, str]:
    """Return the leaderboard as CSV and as one page."""
    table = board.to_frame()
    title = f"Leaderboard by {escape(board.metric.key)}"
    told = "".join(f"<p>{escape(note)}</p>" for note in (*notes, like_best(board)) if note)
    head = "".join(f"<th>{escape(name)}</th>" for name in table.columns)
    lines = "".join(_line(row) for row in table.to_dict(orient="records"))
    shown = f"<table><thead><tr>{head}</tr></thead><tbody>{lines}</tbody></table>"
    return {
        "leaderboard.csv": table.to_csv(index=False),
        "leaderboard.html": PAGE.format(title=title, told=told, table=shown),
    }


def like_best(board: Leaderboard) -> str:
    """Return which trials cannot be told from the best one, in one sentence."""
    numbers, compared = board.like_best, len(board.chances)
    if not compared:
        return ""
    test = "by their folds (corrected resampled t-test, p > 0.05)"
    if not numbers:
        return f"The best trial of one model stands out from the {compared} others {test}."
    kinds = {trial.number: trial.algorithm_key for trial, _ in board.rows}
    names = list(dict.fromkeys(kinds[number] for number in numbers))
    return (
        f"{len(numbers)} of {compared} trials cannot be told from the best one {test}: "
        f"{listed(names)}."
    )


def _line(row: Mapping[Any, Any]) -> str:
    kind = ' class="like"' if row["like_best"] else ""
    return f"<tr{kind}>{''.join(f'<td>{_cell(value)}</td>' for value in row.values())}</tr>"


def _cell(value: Any) -> str:
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    if isinstance(value, bool):
        return "indistinguishable" if value else ""
    if isinstance(value, dict):
        return escape(", ".join(f"{name} {_short(each)}" for name, each in value.items()))
    return escape(_short(value))


def _short(value: Any) -> str:
    return f"{value:.5g}" if isinstance(value, float) else str(value)


def profile(found: Profile) -> dict[str, str]:
    """Return the profile as JSON and as one offline page."""
    from pipelines.profile.page import render

    return {
        "profile/profile.json": as_json(found.to_dict()),
        "profile/profile.html": render(found),
    }


def dataset_input(dataset: Dataset) -> DatasetInput:
    """Return MLflow's record of a dataset: our digest, so that nothing is hashed twice."""
    from mlflow.entities import Dataset as Record
    from mlflow.entities import DatasetInput, InputTag

    rows, columns = dataset.frame.shape
    specs = [
        {"name": str(name), "type": str(dtype), "required": False}
        for name, dtype in dataset.frame.dtypes.items()
    ]
    record = Record(
        name=dataset.name,
        digest=dataset.digest[:DIGEST_LENGTH],
        source_type="local",
        source=json.dumps({"uri": dataset.source, "target": dataset.target}),
        schema=json.dumps({"mlflow_colspec": specs}),
        profile=json.dumps({"num_rows": rows, "num_elements": rows * columns}),
    )
    return DatasetInput(record, [InputTag("mlflow.data.context", "training")])


def metrics(values: Mapping[str, float], logged: Logged | None) -> list[Metric]:
    """Return finite numbers as MLflow keeps them, shown with the model when there is one."""
    from mlflow.entities import Metric

    now, model_id = time.time_ns() // 1_000_000, logged.model_id if logged else None
    return [
        Metric(key, float(value), now, 0, model_id=model_id)
        for key, value in values.items()
        if math.isfinite(value)
    ]


def _plain(value: Any) -> Any:
    return value.item() if hasattr(value, "item") else str(value)
