"""How a version's explanations moved against the version in production, on the same rows.

What is usual comes from retrains of the new recipe, made by the run while the training rows are at
hand and kept beside its evidence, so that a later ``mlops explain`` can judge by them too.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from mlops import evidence, files
from mlops.predictions import load_version
from pipelines.errors import PipelineError
from pipelines.explain.compare import compare
from pipelines.explain.facts import Status
from pipelines.explain.outline import outline
from pipelines.explain.question import OutOfTime
from pipelines.explain.retrains import usual_shares
from registry import versions
from registry.errors import RegistryError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    import pandas as pd

    from mlops.workspace import Workspace
    from pipelines.automl import Found
    from pipelines.explain.report import Report
    from pipelines.serving import Predictor
    from registry.versions import ModelVersion

    Shares = Mapping[str, float]

SECONDS = 20.0
"""Time that the retrains of one run may take."""


@dataclass(frozen=True, slots=True)
class Rows:
    """What both versions are explained on."""

    frame: pd.DataFrame
    background: pd.DataFrame
    seed: int = 0


def in_production(ws: Workspace, name: str) -> ModelVersion | None:
    """Return the version that a new one would replace."""
    with ws.reading() as session:
        return versions.champion(session, name)


def usual(found: Found, rows: Rows, folder: Path) -> list[Shares]:
    """Retrain a run's winner a few times and write down how its explanations move by that."""
    target = found.dataset.target
    features = found.train if target is None else found.train.drop(columns=target)
    labels = None if target is None else found.train[target]
    shares = usual_shares(
        found.model, features, labels, rows.frame, rows.background, seconds=SECONDS
    )
    folder.mkdir(parents=True, exist_ok=True)
    (folder / evidence.RETRAINS).write_text(json.dumps(shares), encoding="utf-8")
    return shares


def set_beside(
    ws: Workspace,
    other: ModelVersion | None,
    new: tuple[Predictor, Report],
    rows: Rows,
    null: Sequence[Shares],
) -> Report:
    """Return the report with its comparison, or with the reason why there is none."""
    predictor, report = new
    if other is None:
        return _without(report, "no other version is in production")
    try:
        theirs = load_version(ws, other)
        before, after = (
            outline(one, rows.frame, rows.background, seed=rows.seed)
            for one in (theirs, predictor)
        )
        found = compare(
            before, after, null=[after.shares, *null] if null else [], against=str(other)
        )
    except OutOfTime:
        return _without(report, f"there was no time to explain {other} on these rows")
    except (PipelineError, RegistryError, OSError) as error:
        return _without(report, f"{other} could not be asked about these rows: {error}")
    why = f"against {other}; {found.words}"
    return replace(
        report, comparison=found, comparison_status=Status.sampled(found.rows, None, why)
    )


def kept(ws: Workspace, *these: ModelVersion | None) -> list[Shares]:
    """Return the retrains of the first of some versions whose run kept them."""
    for version in filter(None, these):
        with files.scratch(ws.settings.home) as folder:
            found: list[Shares] = evidence.retrains(ws, version.run_id, folder)
        if found:
            return found
    return []


def told(report: Report) -> dict[str, Any] | None:
    """Say in short what a gate asks for."""
    found = report.comparison
    if found is None:
        return None
    return {
        "verdict": found.verdict,
        "against": found.against,
        "p": found.p_value,
        "distance": found.distance,
        "words": found.words,
    }


def _without(report: Report, why: str) -> Report:
    return replace(report, comparison_status=Status.skipped(why))
