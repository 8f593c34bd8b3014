"""The local section: single rows, what went in, what came out, and what moved it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from pipelines.explain.binning import Bins, as_numbers
from pipelines.explain.facts import Case, Local, Status
from pipelines.explain.question import worded
from pipelines.task import Task

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd

    from pipelines.explain.surrogates import Surrogate
    from pipelines.explain.work import Work

NEAREST = 3
MOST_CANDIDATES = 5_000


def section(
    work: Work,
    reasons: Mapping[int, tuple[str, ...]],
    lime: Surrogate | None,
    lime_status: Status,
) -> Local:
    """Return the cases that were explained, in the order they were chosen."""
    found = work.attribution
    explained = set(work.explained.tolist())
    positions = np.array([row for row in reasons if row in explained], dtype=int)
    if found is None or not len(positions):
        why = "the budget did not suffice for one row"
        return Local(status=Status.skipped(why), lime_status=lime_status)
    near = nearest(work, positions)
    said = work.question.predictions(work.frame.iloc[positions])
    places = np.zeros(len(positions), int) if lime is None else lime.places(positions)
    cases = tuple(
        _case(work, row, reasons[row], answer, None if lime is None else lime.values[place])
        for row, answer, place in zip(positions.tolist(), said, places.tolist(), strict=True)
    )
    cases = tuple(_with_nearest(case, rows, work) for case, rows in zip(cases, near, strict=True))
    return Local(
        status=extent(work, len(positions)),
        lime_status=lime_status,
        cases=cases,
        lime_fit=None if lime is None else float(np.median(lime.fit[places])),
    )


def extent(work: Work, rows: int) -> Status:
    """Return how the attributions behind a section came about."""
    found = work.attribution
    if found is None:
        return Status.skipped("the budget did not suffice for attributions")
    if found.error is None:
        return Status.exact(rows, f"{found.method}, against {found.background:,} background rows")
    return Status.sampled(
        rows,
        float(found.error.mean()),
        f"{found.method}, {found.background} pairs of orders a row",
    )


def _case(
    work: Work, row: int, reasons: tuple[str, ...], said: str, lime: np.ndarray | None
) -> Case:
    shap = work.shap_of(np.array([row]))
    answer = work.answers[row]
    shown = int(answer.argmax()) if len(answer) > 1 else 0
    cells = work.frame.iloc[row]
    return Case(
        row=work.names[row],
        position=row,
        reasons=reasons,
        values=tuple(worded(cell) for cell in cells),
        prediction=said,
        answer=tuple(answer.tolist()),
        label=None if work.labels is None else worded(work.labels.iloc[row]),
        loss=None if work.losses is None else float(work.losses[row]),
        output=shown,
        shap=tuple(map(tuple, shap.values[0].T.tolist())),
        shap_error=None if shap.error is None else tuple(shap.error[0, :, shown].tolist()),
        lime=None if lime is None else tuple(map(tuple, lime.T.tolist())),
    )


def _with_nearest(case: Case, rows: np.ndarray, work: Work) -> Case:
    outcomes = work.labels if work.labels is not None else work.answers[:, 0].round(4)
    told = tuple((work.names[row], worded(outcomes[row])) for row in rows.tolist())
    return replace(case, nearest=told)


def nearest(work: Work, positions: np.ndarray) -> list[np.ndarray]:
    """Return, for each row, the most similar other rows (Gower's distance)."""
    rng = np.random.default_rng(work.seed)
    pool = np.sort(rng.permutation(len(work.frame))[:MOST_CANDIDATES])
    space = _coordinates(work.frame)
    found = []
    for row in positions:
        apart = np.abs(space[0][pool] - space[0][row]).clip(max=1).sum(axis=1)
        apart += (space[1][pool] != space[1][row]).sum(axis=1)
        apart[pool == row] = np.inf
        best = pool[np.argsort(apart, kind="stable")[: min(NEAREST, len(pool) - 1)]]
        found.append(best[best != row])
    return found


def _coordinates(frame: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """Return numbers scaled by their inner 90 %, and codes for everything else."""
    scaled, codes = [np.zeros(len(frame))], [np.zeros(len(frame), np.int16)]
    for name in frame.columns:
        numbers = as_numbers(frame[name])
        if numbers is None:
            codes.append(Bins.of(frame[name]).codes(frame[name]))
            continue
        known = numbers[np.isfinite(numbers)]
        low, high = np.quantile(known, [0.05, 0.95]) if len(known) else (0.0, 1.0)
        scaled.append(np.nan_to_num((numbers - low) / ((high - low) or 1.0), nan=-1.0))
    return np.stack(scaled, axis=1), np.stack(codes, axis=1)


def in_words(work: Work) -> str:
    """Return what the contributions are counted in."""
    unit = "answer" if work.attribution is None else work.attribution.unit
    if unit != "answer":
        return unit
    if work.question.task is Task.CLASSIFICATION:
        one = len(work.question.outputs) == 1
        return f"probability of {work.question.outputs[0]!r}" if one else "probability"
    if work.question.task is Task.ANOMALY:
        return "strangeness score"
    return "predicted value"
