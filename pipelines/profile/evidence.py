"""Evidence: everything a check may look at, gathered in one pass over the columns."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from pipelines.dataset import Kind
from pipelines.profile import alone, association, columns, drift, kinds, values, whole
from pipelines.profile.association import Aim, View
from pipelines.task import Task

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy.typing as npt

    from pipelines.dataset import Dataset
    from pipelines.profile.alone import Alone
    from pipelines.profile.facts import Column
    from pipelines.profile.values import Values

    Array = npt.NDArray[Any]

SAMPLE = 10_000
SORTED = 0.98
LEAST = 30
"""Rows with a known target below which a single-column model says nothing."""


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """What is known about a table before it is judged."""

    dataset: Dataset
    frame: pd.DataFrame
    """The rows that were looked at: all, or a sample in the table's order."""
    places: Array
    """Where those rows stand in the whole table."""
    columns: Mapping[str, Column]
    views: Mapping[str, View]
    """Every column on the sampled rows that pairwise statistics use."""
    picked: Array
    """Those rows' places in ``frame``."""
    aim: Aim | None
    """The target, where known, on the picked rows; None without one."""
    aimed: Array
    """Which picked rows have a known target."""
    alone: Mapping[str, Alone]
    table: Mapping[str, Any]
    kept: tuple[str, ...] = ()
    left_out: frozenset[str] = frozenset()
    """Features that an earlier check leaves out."""

    @property
    def features(self) -> list[Column]:
        """The columns a model may use, after what earlier checks left out."""
        target = self.dataset.target
        return [c for n, c in self.columns.items() if n != target and n not in self.left_out]

    @property
    def target(self) -> Column | None:
        """The target's column."""
        return None if self.dataset.target is None else self.columns[self.dataset.target]


def gather(dataset: Dataset, places: Array, seed: int, kept: tuple[str, ...] = ()) -> Evidence:
    """Measure every column, then the pairs, on a sample where a statistic allows it."""
    whole_table = len(places) == len(dataset.frame)
    frame = dataset.frame if whole_table else dataset.frame.iloc[places]
    picked = sampled(len(frame), SAMPLE, seed)
    rows = whole.Rows(len(frame))
    described: dict[str, Column] = {}
    views: dict[str, View] = {}
    goal: Values | None = None
    for name in frame.columns:
        found = values.of(frame[name])
        asked = dataset.kinds.get(name)
        described[name] = columns.describe(found, asked or kinds.kind_of(found))
        views[name] = association.view(found, picked)
        rows.add(found)
        if name == dataset.target:
            goal = found
    if not whole_table:
        described = {n: _counted_in_full(c, dataset.frame[n]) for n, c in described.items()}
    aim, aimed = _aim(dataset, goal, picked)
    evidence = Evidence(
        dataset=dataset,
        frame=frame,
        places=places,
        columns=described,
        views=views,
        picked=picked,
        aim=aim,
        aimed=aimed,
        alone={},
        table={"duplicates": rows.duplicates()},
        kept=kept,
    )
    return _with_table(_with_target(evidence, seed))


def sampled(rows: int, most: int, seed: int) -> Array:
    """Return at most so many row places, at random and in order.

    >>> sampled(3, 10, 0).tolist()
    [0, 1, 2]
    """
    if rows <= most:
        return np.arange(rows)
    return np.sort(np.random.default_rng(seed).choice(rows, most, replace=False))


def _counted_in_full(column: Column, series: pd.Series) -> Column:
    """Missing and infinite values are counted on every row, also when the rest is a sample."""
    numbers = dict(column.numbers)
    if series.dtype == np.float64:
        numbers["infinite"] = int(np.count_nonzero(np.isinf(series.to_numpy())))
    return replace(column, missing=int(series.isna().sum()), numbers=numbers)


def _aim(dataset: Dataset, goal: Values | None, picked: Array) -> tuple[Aim | None, Array]:
    """Return the target on the picked rows. Infinite numbers are missing ones."""
    nothing = np.zeros(len(picked), dtype=bool)
    if goal is None:
        return None, nothing
    known = ~goal.missing[picked]
    if not goal.is_text:
        known &= np.isfinite(goal.numbers[picked])
    if dataset.task is Task.REGRESSION:
        if goal.is_text:
            return None, nothing
        return Aim(None, goal.numbers[picked][known].astype(np.float64)), known
    part = goal.codes if goal.is_text else goal.numbers
    classes, codes = np.unique(part[picked][known], return_inverse=True)
    return Aim(codes, n_classes=len(classes)), known


def _with_target(evidence: Evidence, seed: int) -> Evidence:
    aim = evidence.aim
    if aim is None or aim.rows < 3:
        return evidence
    kept = np.flatnonzero(evidence.aimed)
    halves = np.random.default_rng(seed).permutation(aim.rows) % 2 == 0
    told: dict[str, Column] = dict(evidence.columns)
    models: dict[str, Alone] = {}
    many = aim.codes is not None and aim.n_classes > max(50, aim.rows // 5)
    for column in evidence.features:
        if column.kind in {Kind.TEXT, Kind.ID} or many:
            continue
        view = evidence.views[column.name].take(kept)
        found = association.associate(view, aim)
        if found:
            found["information"] = association.information(view, aim)
        told[column.name] = replace(column, association=found)
        if aim.rows >= LEAST:
            models[column.name] = alone.alone(view, aim, halves)
    return replace(evidence, columns=told, alone=models)


def _with_table(evidence: Evidence) -> Evidence:
    features = {column.name: evidence.views[column.name] for column in evidence.features}
    table = dict(evidence.table)
    table["correlations"] = whole.correlations(
        {n: v for n, v in features.items() if evidence.columns[n].kind in {Kind.NUMBER, Kind.DATE}}
    )
    table["missing"] = whole.missing_patterns(features)
    table["balance"] = _balance(evidence)
    table["drift"] = _drift(evidence)
    return replace(evidence, table=table)


def _balance(evidence: Evidence) -> dict[str, int]:
    """Rows of each class over the whole table, the most frequent first."""
    labels = evidence.dataset.labels
    if evidence.dataset.task is not Task.CLASSIFICATION or labels is None:
        return {}
    return {str(value): int(n) for value, n in labels.value_counts().items()}


def _drift(evidence: Evidence) -> list[dict[str, Any]]:
    """Drift along the row order, and along each complete date column that is not that order."""
    if len(evidence.picked) < LEAST:
        return []
    compared = {
        name: view
        for name, view in evidence.views.items()
        if evidence.columns[name].kind not in {Kind.TEXT, Kind.ID}
    }
    found = [_along(evidence, compared, np.arange(len(evidence.picked)), "row order")]
    for name, column in evidence.columns.items():
        view = evidence.views[name]
        if column.kind is not Kind.DATE or view.missing.any() or column.distinct < LEAST:
            continue
        if abs(np.corrcoef(view.place, np.arange(len(view.place)))[0, 1]) >= SORTED:
            continue  # It is the order of the rows.
        others = {n: v for n, v in compared.items() if n != name}
        found.append(_along(evidence, others, view.place, name))
        if len(found) == 3:
            break
    return found


def _along(
    evidence: Evidence, compared: Mapping[str, View], places: Array, along: str
) -> dict[str, Any]:
    """Test every column along an order of the rows; show the course of those that change."""
    found = whole.drift(compared, places, along)
    rows = evidence.picked[np.argsort(places, kind="stable")]
    for name in drift.moved(found["columns"]):
        cells = values.of(evidence.frame[name].iloc[rows])
        kind = evidence.columns[name].kind
        found["columns"][name]["course"] = drift.course(cells, kind, np.arange(len(rows)))
    return found
