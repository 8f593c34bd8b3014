"""What is wanted of a search, before any data is looked at."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from pipelines import own_metric
from pipelines.anomaly.thresholds import Cut
from pipelines.ceilings import Ceilings

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pipelines.cleaning.plan import Plan
    from pipelines.dataset import Dataset


@dataclass(frozen=True, slots=True)
class Goal:
    """What is wanted of a search."""

    metric: object = None
    """A metric's name, or a function of one's own (``own_metric``)."""
    algorithms: Sequence[str] = ()
    exclude: Sequence[str] = ()
    keep: Sequence[str] = ()
    """Columns that are used although a finding would leave them out."""
    seed: int = 0
    plan: Plan | None = None
    """What happens to the columns, where somebody edited the proposal."""
    group: str | None = None
    """All rows with one value of this column stay on one side of every split."""
    time: str | None = None
    """The last rows by this column are kept apart; every fold is judged on later rows."""
    split: str | None = None
    """This column says which rows are kept apart (test), and may name the folds."""

    simple: bool = False
    """The single best model is wanted, not an ensemble."""
    max_latency: float | None = None
    """Seconds that answering one row may take."""
    cut: Cut = field(default_factory=Cut)
    """How many rows are called anomalies."""
    max_size: float | None = None
    """Bytes that the model may take as a file."""

    @property
    def ceilings(self) -> Ceilings:
        """What a model may cost.

        Raises:
            BadSetting: A ceiling is not positive.
        """
        return Ceilings(self.max_latency, self.max_size)

    @property
    def split_by(self) -> dict[str, str]:
        """The column that says how to split, by what it is."""
        asked = {"group": self.group, "time": self.time, "split": self.split}
        return {kind: name for kind, name in asked.items() if name is not None}


def header(dataset: Dataset, goal: Goal) -> dict[str, Any]:
    """Return what a journal must say for a search to go on with it."""
    return {
        "digest": dataset.digest,
        "task": str(dataset.task),
        "target": dataset.target,
        "metric": _named(goal.metric),
        "seed": goal.seed,
        "split": goal.split_by or None,
    }


def _named(metric: object) -> str | None:
    """Return a metric's name; of a function, with a mark that it is somebody's own."""
    if metric is None or isinstance(metric, str):
        return metric
    return f"own: {own_metric.named(metric).name}"
