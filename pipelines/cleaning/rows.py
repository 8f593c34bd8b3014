"""Rows that are left out of training. Nothing is ever left out when an answer is asked for.

A transformer cannot take rows away from the labels beside it, so whoever fits a model asks here
first, with the rows of the training fold: fences are learned from those alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from pipelines.cleaning.reading import as_floats
from pipelines.cleaning.stages import Fences
from pipelines.errors import BadPlan

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pipelines.cleaning.operations import Step
    from pipelines.cleaning.plan import Plan


def training_rows(
    plan: Plan,
    features: pd.DataFrame,
    labels: pd.Series | None,
    needs: frozenset[str] = frozenset(),
) -> np.ndarray:
    """Return the positions of the rows to learn from, as the plan's rules for rows say.

    Raises:
        BadPlan: No row is left.
    """
    kept = np.ones(len(features), dtype=bool)
    for rule in plan.rows:
        if rule.rule == "target_missing" and labels is not None:
            kept &= labels.notna().to_numpy()
        if rule.rule == "duplicates":
            kept &= ~_repeated(features[list(plan.used)], labels)
    for column, step in _row_steps(plan, needs):
        kept &= ~_left_out(features[column], step)
    if len(kept) and not kept.any():
        raise BadPlan(
            f"The plan leaves out all {len(kept)} rows of a training part. "
            "Take back one of its 'drop' steps or rules for rows."
        )
    return np.flatnonzero(kept)


def _row_steps(plan: Plan, needs: frozenset[str]) -> Iterator[tuple[str, Step]]:
    """Return the column steps that leave out rows."""
    for column in plan.columns:
        for step in column.steps:
            if step.how == "drop" and step.applies(needs):
                yield column.name, step


def _left_out(values: pd.Series, step: Step) -> np.ndarray:
    """Say which rows a step leaves out."""
    if step.do == "impute":
        return np.asarray(values.isna().to_numpy())
    block = as_floats(values)[:, None]
    block = np.where(np.isinf(block), np.nan, block)
    fences = Fences("drop", step.option("rule"), step.option("factor")).fit(block)
    return np.asarray(fences.beyond(block)[:, 0])


def _repeated(features: pd.DataFrame, labels: pd.Series | None) -> np.ndarray:
    """Say which rows are exact copies of an earlier one, label included."""
    frame = features if labels is None else features.assign(**{"\x00label": labels.to_numpy()})
    return np.asarray(frame.duplicated().to_numpy())
