"""What retraining alone does to explanations: the same recipe, another seed, rows drawn anew.

Another seed by itself moves nothing in a model without chance, yet a training on fresh rows of
the same kind does. So each retrain also draws the training rows anew, with replacement, which
scatters explanations about as fresh rows would. How often a version of fresh rows or of the same
rows is then called changed for no reason: ``python benchmarks/explain.py --only compare-run``.
"""

from __future__ import annotations

import copy
import time
from typing import TYPE_CHECKING, Any

import numpy as np

from pipelines.errors import PipelineError
from pipelines.explain.mixtures import Member
from pipelines.explain.outline import outline
from pipelines.explain.question import OutOfTime

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd

MOST = 6
MOST_ROWS = 20_000


def usual_shares(
    model: Any,
    features: pd.DataFrame,
    labels: pd.Series | None,
    frame: pd.DataFrame,
    background: pd.DataFrame,
    *,
    seconds: float,
) -> list[Mapping[str, float]]:
    """Return the shares of movement of as many retrains as the time allows, at most six.

    A retrain that fails tells nothing and is left out.
    """
    found: list[Mapping[str, float]] = []
    deadline = time.monotonic() + seconds
    for seed in range(1, MOST + 1):
        began = time.monotonic()
        try:
            again = retrained(model, features, labels, seed)
            found.append(outline(Member(again), frame, background, seconds=seconds / 3).shares)
        except (ValueError, TypeError, PipelineError, OutOfTime):
            continue  # such as a draw without one of the classes
        finally:
            took = time.monotonic() - began
        if time.monotonic() + took > deadline:
            break
    return found


def retrained(model: Any, features: pd.DataFrame, labels: pd.Series | None, seed: int) -> Any:
    """Return a copy of a model that learned from rows drawn anew, with another seed."""
    rng = np.random.default_rng(seed)
    again = copy.deepcopy(model)
    _reseed(again, seed)
    rows = rng.integers(0, len(features), min(len(features), MOST_ROWS))
    drawn = None if labels is None else labels.iloc[rows].reset_index(drop=True)
    return again.fit(features.iloc[rows].reset_index(drop=True), drawn)


def _reseed(model: Any, seed: int) -> None:
    """Give every estimator inside another seed."""
    inside = [*getattr(model, "members", ()), *filter(None, [getattr(model, "inner", None)])]
    for one in inside:
        _reseed(one, seed)
    if inside:
        return
    estimator = model.pipeline.named_steps["model"]
    known = estimator.get_params() if hasattr(estimator, "get_params") else {}
    seeds = [name for name in known if name.endswith(("random_state", "random_seed"))]
    if seeds:
        estimator.set_params(**dict.fromkeys(seeds, seed))
