"""Which rows are learned from, which are kept apart, and how folds are dealt for a goal."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from pipelines import splits
from pipelines.cleaning.plan import Dropped
from pipelines.errors import BadSetting
from pipelines.task import Task

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd

    from pipelines.cleaning.plan import Plan
    from pipelines.dataset import Dataset
    from pipelines.goal import Goal
    from pipelines.metrics import Array

FOLDS = ((500, 5, 3), (2_000, 5, 2), (25_000, 5, 1), (100_000, 3, 1))
"""Up to so many rows: so many folds, so often. Small tables are judged over and over."""
USUAL_CLASSES = 4
"""With more classes every fit takes longer, and a row counts for more when folds are repeated."""


def spared(plan: Plan, goal: Goal) -> Plan:
    """Return the plan without the columns that say how to split: new rows will not have them.

    Raises:
        BadSetting: No column would be left.
    """
    reasons = {
        goal.group: "It says which rows belong together; the model must do with others.",
        goal.split: "It says which rows are kept apart.",
    }
    used = [each for each in plan.columns if each.name not in reasons or each.name in goal.keep]
    if plan.columns and not used:
        raise BadSetting("split", ", ".join(goal.split_by.values()), "It is the only column left.")
    left = set(plan.used) - {each.name for each in used}
    dropped = [Dropped(name, reason) for name, reason in reasons.items() if name in left and name]
    return replace(plan, columns=tuple(used), dropped=(*plan.dropped, *dropped))


def split(
    dataset: Dataset, goal: Goal, sides: tuple[Array, Array] | None = None
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the rows to learn from and those kept apart, without rows whose target is missing.

    ``sides`` are the positions of both among the others, where somebody says them.
    """
    frame = dataset.frame
    if dataset.target is not None and frame[dataset.target].isna().any():
        frame = frame[frame[dataset.target].notna()].reset_index(drop=True)
    train, apart = sides or splits.holdout(
        replace(dataset, frame=frame),
        seed=goal.seed, groups=goal.group, time=goal.time, column=goal.split,
    )  # fmt: skip
    return frame.iloc[train], frame.iloc[apart]


def folds(
    train: pd.DataFrame, labels: pd.Series, task: Task, goal: Goal
) -> Sequence[tuple[Array, Array]]:
    """Return the folds that every trial is judged on; small tables get more of them."""
    columns = {kind: train[name] for kind, name in goal.split_by.items()}
    by = {"groups": columns.get("group"), "time": columns.get("time")}
    many = [5, 1]
    found = next((rest for most, *rest in FOLDS if len(labels) <= most), many)
    if task is Task.CLASSIFICATION:
        counted = len(labels) * max(1.0, labels.nunique() / USUAL_CLASSES)
        found[1] = next((often for most, _, often in FOLDS if counted <= most), 1)
    parts = splits.folds(
        labels, task=task, n=found[0], seed=goal.seed, repeats=found[1],
        marks=columns.get("split"), **by,
    )  # fmt: skip
    # Of a huge table one fold is enough; in time, the one that learned from most.
    return parts if len(labels) <= FOLDS[-1][0] else parts[-1:]


def may_bag(task: Task, goal: Goal) -> bool:
    """Say whether the folds' models may answer together; in time, the early ones know little."""
    wanted = not goal.simple and not goal.ceilings.limits and goal.time is None
    return wanted and task is not Task.ANOMALY
