"""Compile before the clock starts: some ten seconds of CPU, once after every installation."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pandas as pd

ROWS, SAMPLES = 64, 256


@cache
def ready() -> None:
    """Explain a tiny forest both ways, so that the budget of a report is spent on the report."""
    from sklearn.ensemble import HistGradientBoostingRegressor

    from pipelines.explain.lime import Draws, limit
    from pipelines.explain.trees import TreeExplainer

    rows = np.random.default_rng(0).normal(size=(ROWS, 2))
    frame = pd.DataFrame(rows, columns=["a", "b"])
    forest = HistGradientBoostingRegressor(max_iter=2, max_leaf_nodes=4, min_samples_leaf=4)
    explainer: Any = TreeExplainer.of(forest.fit(rows, rows.sum(axis=1)), np.arange(2), 2, rows)
    explainer.contributions(rows)
    limit(explainer, frame, frame)
    sums = frame.to_numpy().sum(axis=1, keepdims=True)
    drawn = Draws(lambda made: made.to_numpy(dtype=float).sum(axis=1, keepdims=True), frame)
    drawn.lime(SAMPLES).explain(frame, sums)
