"""What a run keeps beside its model: the rows it was judged on, and rows that are usual."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pandas as pd

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from mlops.workspace import Workspace

FOLDER = "evidence"
BACKGROUND_ROWS = 1000
HOLDOUT_ROWS = 20_000
RETRAINS = "retrains.json"


@dataclass(frozen=True, slots=True)
class Kept:
    """Held-out rows with their target, and a sample of the features it learned from."""

    holdout: pd.DataFrame
    background: pd.DataFrame


def keep(folder: Path, *, train: pd.DataFrame, holdout: pd.DataFrame, target: str | None) -> Kept:
    """Write the rows that explanations and comparisons will need, and return them."""
    features = train if target is None else train.drop(columns=target)
    kept = Kept(_sample(holdout, HOLDOUT_ROWS), _sample(features, BACKGROUND_ROWS))
    folder.mkdir(parents=True, exist_ok=True)
    kept.holdout.to_parquet(folder / "holdout.parquet")
    kept.background.to_parquet(folder / "background.parquet")
    return kept


def fetch(ws: Workspace, run_id: str, into: Path) -> Kept:
    """Bring back what a run kept.

    Raises:
        TrackingDown: MLflow is not there, or the run has no such files.
    """
    folder = ws.fetch(f"runs:/{run_id}/{FOLDER}", into)
    return Kept(
        pd.read_parquet(folder / "holdout.parquet"), pd.read_parquet(folder / "background.parquet")
    )


def retrains(ws: Workspace, run_id: str, into: Path) -> list[Mapping[str, float]]:
    """Return how explanations moved when a run's winner was retrained; nothing if it was not.

    Raises:
        TrackingDown: MLflow is not there.
    """
    folder = ws.fetch(f"runs:/{run_id}/{FOLDER}", into)
    path = folder / RETRAINS
    found: list[Mapping[str, float]] = json.loads(path.read_text()) if path.exists() else []
    return found


def _sample(frame: pd.DataFrame, most: int) -> pd.DataFrame:
    return frame if len(frame) <= most else frame.sample(most, random_state=0)
