"""How the model treats the groups of a sensitive column, against all other rows.

Such a column need not be one the model looks at: it only has to be among the rows that were given.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from pipelines.explain import statistics
from pipelines.explain.binning import conditions
from pipelines.explain.facts import Difference, Status, Treatment
from pipelines.explain.work import spelled
from pipelines.task import Task

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd

    from pipelines.explain.work import Work

MEASURES = ("selected", "hits", "alarms", "calibration")
TRUE_WORDS = ("1", "1.0", "true", "anomaly", "yes")


def treatments(
    work: Work, data: pd.DataFrame, sensitive: Sequence[str]
) -> tuple[tuple[Treatment, ...], Status]:
    """Return every group of the sensitive columns, p-values corrected by Holm over all of them."""
    if not sensitive:
        return (), Status.skipped("no column was marked sensitive")
    said, truth = outcomes(work)
    found = [
        _treatment(work, name, text, mask, (said, truth))
        for name in sensitive
        for text, mask in conditions(data[name].reset_index(drop=True))
    ]
    known = 0 if truth is None else int(np.isfinite(truth).sum())
    why = f"{known:,} rows with outcomes; gaps to all other rows by Welch's test, Holm-corrected"
    return _corrected(found), Status.exact(len(work.frame), why)


def outcomes(work: Work) -> tuple[np.ndarray, np.ndarray | None]:
    """Return what the model says and what was true, as numbers; the last class counts as one."""
    question, labels = work.question, work.labels
    if question.task is Task.REGRESSION:
        truth = None if labels is None else labels.to_numpy(dtype=float, na_value=np.nan)
        return work.answers[:, 0], truth
    said = question.predictions(work.frame)
    if question.task is Task.ANOMALY:
        flags = np.array([one == "anomaly" for one in said], dtype=float)
        if labels is None:
            return flags, None
        truly = labels.astype(str).str.lower().isin(TRUE_WORDS).to_numpy(float)
    else:
        last = spelled(question.predictor.classes[-1])
        flags = np.array([spelled(one) == last for one in _labels(work)], dtype=float)
        if labels is None:
            return flags, None
        truly = np.array([spelled(label) == last for label in labels], dtype=float)
    return flags, np.where(labels.isna().to_numpy(), np.nan, truly)


def _labels(work: Work) -> list[object]:
    return list(np.asarray(work.question.predictor.model.predict(work.frame)).tolist())


def _treatment(
    work: Work,
    column: str,
    condition: str,
    mask: np.ndarray,
    outcome: tuple[np.ndarray, np.ndarray | None],
) -> Treatment:
    said, truth = outcome
    anywhere = np.ones(len(said), bool)
    labelled = np.zeros(len(said)) if truth is None else truth
    classes = work.question.task is not Task.REGRESSION and truth is not None
    answer = said if work.question.task is Task.ANOMALY else work.answers[:, -1]
    excess = None if truth is None else _difference(answer - truth, mask, np.isfinite(truth))
    return Treatment(
        column=column,
        condition=condition,
        rows=int(mask.sum()),
        selected=_sure(_difference(said, mask, anywhere)),
        hits=_difference(said, mask, labelled == 1) if classes else None,
        alarms=_difference(said, mask, labelled == 0) if classes else None,
        calibration=excess,
    )


def _sure(found: Difference | None) -> Difference:
    nothing = Difference(value=0.0, gap=0.0, low=0.0, high=0.0, p_value=1.0, p_holm=1.0)
    return nothing if found is None else found


def _difference(values: np.ndarray, mask: np.ndarray, among: np.ndarray) -> Difference | None:
    """Compare a mean in the group with that elsewhere, among some rows; None without any."""
    here, there = values[mask & among], values[~mask & among]
    if not len(here):
        return None
    gap, low, high, p_value = statistics.welch(here, there)
    return Difference(
        value=float(here.mean()), gap=gap, low=low, high=high, p_value=p_value, p_holm=p_value
    )


def _corrected(found: list[Treatment]) -> tuple[Treatment, ...]:
    """Correct the p-values of all measures and groups together."""
    places = [
        (index, name)
        for index, one in enumerate(found)
        for name in MEASURES
        if getattr(one, name) is not None
    ]
    raw = np.array([getattr(found[index], name).p_value for index, name in places])
    for (index, name), p_value in zip(places, statistics.holm(raw), strict=True):
        changed = replace(getattr(found[index], name), p_holm=float(p_value))
        found[index] = replace(found[index], **{name: changed})
    return tuple(found)
