"""What MLflow shows of a search for anomalies: the ranked list, its clusters, the scores."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from pipelines.explain import clusters, reasons
from pipelines.explain.question import Question

if TYPE_CHECKING:
    from pathlib import Path

    from pipelines.serving import Predictor

FOLDER = "anomalies"
LISTED, EXPLAINED = 100, 60
MOST_ROWS = 20_000
BINS = 60
WIDE, HIGH = 720, 240


def write(predictor: Predictor, rows: pd.DataFrame, background: pd.DataFrame, into: Path) -> None:
    """Write ``top.csv``, ``clusters.json`` and ``scores.svg``.

    Args:
        predictor: What answers.
        rows: The table, learned from or not.
        background: Rows that are usual.
        into: A folder; made where it is missing.
    """
    into.mkdir(parents=True, exist_ok=True)
    drawn = rows if len(rows) <= MOST_ROWS else rows.sample(MOST_ROWS, random_state=0)
    answers = predictor.answers(drawn)
    ranked = answers.sort_values("score", ascending=False, kind="stable").index
    top = drawn.loc[ranked[:LISTED]].join(answers.drop(columns="prediction"))
    why = reasons.of(predictor, drawn.loc[ranked[:EXPLAINED]], background)
    told = [*why.told, *[""] * (len(top) - len(why.told))]
    top.assign(reasons=told).rename_axis("row").to_csv(into / "top.csv")
    called = answers.loc[ranked[:EXPLAINED], "prediction"].to_numpy() == 1
    alike = clusters.of(
        Question(predictor), why.rows[called], why.contributions[called], why.usual
    )
    places = top.index[: len(why.rows)][called]
    named = [asdict(each) | {"examples": places[[*each.examples]].tolist()} for each in alike]
    said = {"of": int(called.sum()), "method": why.method, "clusters": named}
    (into / "clusters.json").write_text(json.dumps(said, indent=2, default=str), encoding="utf-8")
    threshold = float(getattr(predictor.model, "threshold", np.inf))
    (into / "scores.svg").write_text(histogram(answers["score"], threshold), encoding="utf-8")


def histogram(scores: pd.Series, threshold: float) -> str:
    """Draw how many rows have which score, on a scale of logs, and where the threshold lies."""
    counts, edges = np.histogram(scores, bins=BINS)
    size = HIGH / max(1.0, float(np.log1p(counts.max())))
    step = WIDE / BINS
    bars = [
        f'<rect x="{place * step:.1f}" y="{HIGH - np.log1p(many) * size:.1f}" '
        f'width="{step - 1:.1f}" height="{np.log1p(many) * size:.1f}" '
        f'fill="{"#c0392b" if edges[place] >= threshold else "#7f8c8d"}">'
        f"<title>{many} rows from {edges[place]:.3g} to {edges[place + 1]:.3g}</title></rect>"
        for place, many in enumerate(counts)
    ]
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDE}" height="{HIGH + 30}">'
        f"{''.join(bars)}"
        f'<text x="4" y="{HIGH + 20}" font-family="sans-serif" font-size="12">score, from '
        f"{edges[0]:.3g} to {edges[-1]:.3g}; above {threshold:.3g} a row is called an anomaly; "
        "heights are logs of counts</text></svg>"
    )
