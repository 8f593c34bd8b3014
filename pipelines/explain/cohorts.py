"""The cohort section: groups somebody named, and slices where the model errs most."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from pipelines.errors import UnknownColumn
from pipelines.explain import slices, statistics
from pipelines.explain.binning import conditions
from pipelines.explain.facts import Cohorts, Driver, Group, Status
from pipelines.explain.work import spelled
from pipelines.task import Task

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pipelines.explain.work import Work

MOST_DRIVERS = 3
COLUMNS_WHEN_NONE_NAMED = 3


def section(work: Work, by: Sequence[str], strongest: Sequence[str]) -> Cohorts:
    """Return groups of the named columns (else of the strongest ones) and the worst slices.

    Raises:
        UnknownColumn: a column was named that the rows do not have.
    """
    for name in by:
        if name not in work.columns:
            raise UnknownColumn(name, work.columns)
    measured, word = target(work)
    named = list(by) or list(strongest[:COLUMNS_WHEN_NONE_NAMED])
    groups = [group for name in named for group in _column_groups(work, name, measured)]
    status = Status.exact(
        int(np.isfinite(measured).sum()),
        f"mean {word} with 95 % intervals; gaps by Welch's test, Holm-corrected",
    )
    found, candidates, slice_status = slices.search(work)
    sliced = [group_of(work, text, column, mask, measured) for text, column, mask, _ in found]
    sliced = [_with_p(group, p) for group, (_, _, _, p) in zip(sliced, found, strict=True)]
    return Cohorts(
        status=status,
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


def _column_groups(work: Work, name: str, measured: np.ndarray) -> list[Group]:
    return [
        group_of(work, text, name, mask, measured) for text, mask in conditions(work.frame[name])
    ]


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
        drivers=_drivers(work, mask),
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


def _drivers(work: Work, mask: np.ndarray) -> tuple[Driver, ...]:
    """Return the columns whose weight differs most between the group and the rest."""
    if work.attribution is None:
        return ()
    inside = mask[work.explained]
    if not inside.any() or inside.all():
        return ()
    sizes = np.abs(work.attribution.values).mean(axis=2)
    here, there = sizes[inside].mean(axis=0), sizes[~inside].mean(axis=0)
    order = np.argsort(-np.abs(here - there), kind="stable")[:MOST_DRIVERS]
    return tuple(
        Driver(column=work.columns[j], here=float(here[j]), elsewhere=float(there[j]))
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
