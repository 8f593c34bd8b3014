"""What a model may cost whoever uses it: the time of one answer, and its size.

Both are measured on the first fold of every trial, where somebody set a ceiling; a fold has fewer
rows than the whole, so a size is taken to grow with them.
"""

from __future__ import annotations

import pickle
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from threadpoolctl import threadpool_limits

from pipelines.errors import BadSetting

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd

    from pipelines.adapters import Model

ROWS_TIMED = 5
ROW_SECONDS, MODEL_BYTES = "row_seconds", "model_bytes"
"""Among an outcome's metrics, where somebody set a ceiling."""


@dataclass(frozen=True, slots=True)
class Ceilings:
    """The most that a model may take; None where nobody minds.

    >>> Ceilings(size=1000).kept({"model_bytes": 900.0})
    True
    """

    latency: float | None = None
    """Seconds to answer one row."""
    size: float | None = None
    """Bytes, as a file."""

    def __post_init__(self) -> None:
        """Refuse what makes no sense.

        Raises:
            BadSetting: A ceiling is not positive.
        """
        for name, what in (("latency", "seconds"), ("size", "bytes")):
            value = getattr(self, name)
            if value is not None and not value > 0:
                raise BadSetting(f"max_{name}", value, f"Give {what}, more than 0.")

    @property
    def limits(self) -> dict[str, float]:
        """The ceilings that somebody set, by the metric they hold down."""
        both = {ROW_SECONDS: self.latency, MODEL_BYTES: self.size}
        return {key: most for key, most in both.items() if most is not None}

    def measured(
        self, model: Model, features: pd.DataFrame, growth: float = 1.0
    ) -> dict[str, float]:
        """Return what a fitted model takes, as far as somebody minds."""
        found = {}
        if self.latency is not None:
            found[ROW_SECONDS] = row_seconds(model, features)
        if self.size is not None:
            found[MODEL_BYTES] = growth * model_bytes(model)
        return found

    def kept(self, metrics: Mapping[str, float]) -> bool:
        """Say whether what was measured stays below every ceiling."""
        return self.excess(metrics) <= 1

    def excess(self, metrics: Mapping[str, float]) -> float:
        """Return how many times the ceiling that is hit hardest."""
        return max(
            (metrics.get(key, 0.0) / most for key, most in self.limits.items()), default=0.0
        )

    def told(self, model: Model, features: pd.DataFrame) -> list[str]:
        """Return a sentence for each ceiling that a model breaks."""
        found, told = self.measured(model, features), []
        if self.latency is not None and found[ROW_SECONDS] > self.latency:
            told.append(
                f"It answers one row in {found[ROW_SECONDS] * 1000:.3g} ms, more than the "
                f"{self.latency * 1000:.3g} ms asked for; nothing faster was found."
            )
        if self.size is not None and found[MODEL_BYTES] > self.size:
            told.append(
                f"It takes {found[MODEL_BYTES] / 1e6:.3g} MB, more than the "
                f"{self.size / 1e6:.3g} MB asked for; nothing smaller was found."
            )
        return told


NONE = Ceilings()


def row_seconds(model: Model, features: pd.DataFrame) -> float:
    """Return how long a fitted model takes to answer one row, the median of a few."""
    took = []
    with threadpool_limits(1):
        for place in range(ROWS_TIMED + 1):
            row = features.iloc[[place % len(features)]]
            started = time.perf_counter()
            model.predict(row)
            took.append(time.perf_counter() - started)
    return float(np.median(took[1:]))  # the first one warms up


def model_bytes(model: Model) -> int:
    """Return how many bytes a fitted model takes as a file, before it is compressed."""
    return len(pickle.dumps(model, protocol=pickle.HIGHEST_PROTOCOL))
