"""The cohort section: groups somebody named, and slices where the model errs most."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from pipelines.errors import UnknownColumn
from pipelines.explain import statistics
from pipelines.explain.binning import conditions
from pipelines.explain.facts import Cohorts, Driver, Group, Status
from pipelines.explain.rows import extent
from pipelines.explain.work import spelled
from pipelines.task import Task

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pipelines.explain.slices import Searched
    from pipelines.explain.surrogates import Surrogate
    from pipelines.explain.work import Work

MOST_DRIVERS = 3
MOST_LISTED = 8
COLUMNS_WHEN_NONE_NAMED = 3


def section(
    work: Work,
    by: Sequence[str],
    worst: Searched,
    lime: Surrogate | None,
    lime_status: Status,
) -> Cohorts:
    """Return groups of the named columns, and of the slices where the model errs most.

    Raises:
        UnknownColumn: a column was named that the rows do not have.
    """
    for name in by:
        if name not in work.columns:
            raise UnknownColumn(name, work.columns)
    measured, word = target(work)
    made = [
        (group_of(work, text, name, mask, measured), mask)
        for name in by
        for text, mask in conditions(work.frame[name])
    ]
    status = Status.exact(
        int(np.isfinite(measured).sum()),
        f"mean {word} with 95 % intervals; gaps by Welch's test, Holm-corrected",
    )
    found, candidates, slice_status = worst
    sliced = [
        _moved(_with_p(group_of(work, text, column, mask, measured), p), mask, work, lime)
        for text, column, mask, p in found
    ]
    groups = [_moved(group, mask, work, lime) for group, mask in made]
    return Cohorts(
        status=status,
        shap_status=extent(work, len(work.explained)),
        lime_status=lime_status,
        loss=word,
        groups=_holm(groups),
        slices_status=slice_status,
        slices=tuple(sliced),
        candidates=candidates,
    )


def target(work: Work) -> tuple[np.ndarray, str]:
    """Return what is compared between groups: the loss, or the answer when nothing is labelled."""
    if work.losses is not None:
        return work.losses, work.loss
    return work.answers[:, 0], "answer"


def group_of(work: Work, text: str, column: str, mask: np.ndarray, measured: np.ndarray) -> Group:
    """Return one group's numbers against all other rows."""
    known = np.isfinite(measured)
    here, there = measured[mask & known], measured[~mask & known]
    loss, low, high = statistics.mean_interval(here)
    gap, gap_low, gap_high, p_value = statistics.welch(here, there)
    return Group(
        condition=text,
        column=column,
        rows=int(mask.sum()),
        share=float(mask.mean()),
        loss=loss,
        low=low,
        high=high,
        gap=gap,
        gap_low=gap_low,
        gap_high=gap_high,
        p_value=p_value,
        p_holm=p_value,
        outcome=_outcome(work, mask),
        answer=float(work.answers[mask, -1].mean()),
    )


def _outcome(work: Work, mask: np.ndarray) -> float | None:
    if work.labels is None:
        return None
    here = work.labels[mask].dropna()
    if not len(here):
        return None
    if work.question.task is Task.REGRESSION:
        return float(here.astype(float).mean())
    if work.question.task is Task.CLASSIFICATION:
        last = spelled(work.question.predictor.classes[-1])
        return float(np.mean([spelled(label) == last for label in here]))
    return None


def _moved(group: Group, mask: np.ndarray, work: Work, lime: Surrogate | None) -> Group:
    """Add what moves the answers in the group, by SHAP and by LIME."""
    if work.attribution is not None:
        inside, values = mask[work.explained], work.attribution.values
        shap = _drivers(work.columns, values[inside], values[~inside])
        different = sorted(shap, key=lambda one: -abs(one.here - one.elsewhere))
        group = replace(group, drivers=tuple(different[:MOST_DRIVERS]), shap=shap[:MOST_LISTED])
    if lime is None:
        return group
    others = lime.values[~mask[lime.positions]]
    return replace(group, lime=_drivers(work.columns, lime.inside(mask), others)[:MOST_LISTED])


def _drivers(columns: Sequence[str], here: np.ndarray, there: np.ndarray) -> tuple[Driver, ...]:
    """Return each column's weight in the group and elsewhere, strongest in the group first."""
    if not len(here) or not len(there):
        return ()
    sizes, elsewhere = np.abs(here).mean(axis=2), np.abs(there).mean(axis=(0, 2))
    means = [statistics.mean_interval(size) for size in sizes.T]
    order = np.argsort(-sizes.mean(axis=0), kind="stable")
    return tuple(
        Driver(
            column=columns[j],
            here=means[j][0],
            low=max(0.0, means[j][1]),
            high=means[j][2],
            elsewhere=float(elsewhere[j]),
        )
        for j in order
    )


def _holm(groups: list[Group]) -> tuple[Group, ...]:
    if not groups:
        return ()
    corrected = statistics.holm(np.array([group.p_value for group in groups]))
    return tuple(
        _with_p(group, group.p_value, p) for group, p in zip(groups, corrected, strict=True)
    )


def _with_p(group: Group, p_value: float, corrected: float | None = None) -> Group:
    adjusted = p_value if corrected is None else float(corrected)
    return replace(group, p_value=p_value, p_holm=adjusted)
