"""A report on one model: its sections, in which order they are made, what they cost."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any, TypedDict

import numpy as np
import pandas as pd

from pipelines.errors import UnknownColumn
from pipelines.explain import (
    clusters,
    cohorts,
    compiling,
    fairness,
    overall,
    rows,
    slices,
    surrogates,
    trust,
    values,
    work,
)
from pipelines.explain.facts import About, Cohorts, Comparison, Local, Overall, Status, Trust
from pipelines.explain.question import Clock, OutOfTime, Question

if TYPE_CHECKING:
    from typing import Unpack

    from pipelines.explain.question import Explainable

SCHEMA = "1"


class Asked(TypedDict, total=False):
    """What may be asked for: columns to group by and to be fair in, rows, seconds, a seed."""

    by: Sequence[str]
    sensitive: Sequence[str]
    rows: Sequence[int]
    budget: float
    seed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """Why a model answers as it does, as plain data."""

    about: About
    overall: Overall
    local: Local
    cohorts: Cohorts
    trust: Trust
    values: pd.DataFrame = field(compare=False, repr=False)
    """Every explained cell: row, column, output, value, shap, lime."""
    comparison: Comparison | None = None
    """How it differs from another version, where it was compared with one."""
    comparison_status: Status = field(
        default_factory=lambda: Status.skipped("it was compared with no other version")
    )
    calibration_error: float | None = None
    """Mean gap between confidence and accuracy, for classifiers on labelled rows."""
    schema: str = SCHEMA

    @property
    def statuses(self) -> dict[str, Status]:
        """How each section came about."""
        return {
            "global": self.overall.status,
            "permutation importance": self.overall.reliance_status,
            "interactions": self.overall.interactions_status,
            "local": self.local.status,
            "lime local": self.local.lime_status,
            "lime global": self.overall.lime_status,
            "lime cohort": self.cohorts.lime_status,
            "cohorts": self.cohorts.status,
            "slices": self.cohorts.slices_status,
            "fairness": self.cohorts.fairness_status,
            "clusters": self.cohorts.clusters_status,
            "trust": self.trust.status,
            "comparison": self.comparison_status,
        }

    @property
    def shap_sections(self) -> dict[str, Status]:
        """How SHAP's three sections came about."""
        return {
            "local": self.local.status,
            "global": self.overall.status,
            "cohort": self.cohorts.shap_status,
        }

    @property
    def lime_sections(self) -> dict[str, Status]:
        """How LIME's three sections came about."""
        return {
            "local": self.local.lime_status,
            "global": self.overall.lime_status,
            "cohort": self.cohorts.lime_status,
        }

    def to_dict(self) -> dict[str, Any]:
        """Return everything as JSON-ready data; what is not a finite number is null."""
        told = {
            "schema": self.schema,
            "about": asdict(self.about),
            "global": asdict(self.overall),
            "local": asdict(self.local),
            "cohort": asdict(self.cohorts),
            "trust": asdict(self.trust),
            "comparison": None if self.comparison is None else self.comparison.to_dict(),
            "calibration_error": self.calibration_error,
            "statuses": {name: str(status) for name, status in self.statuses.items()},
        }
        clean: dict[str, Any] = _plain(told)
        return clean


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _plain(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float):
        return float(f"{value:.8g}") if math.isfinite(value) else None
    return value


def report(
    predictor: Explainable,
    data: pd.DataFrame,
    *,
    labels: pd.Series | None,
    background: pd.DataFrame,
    **asked: Unpack[Asked],
) -> Report:
    """Explain a model on rows in raw columns, within a budget of seconds.

    Args:
        predictor: the model with its schema, task and classes.
        data: the rows to explain.
        labels: what really happened, row by row, if it is known.
        background: rows that say what is usual; contributions are measured against them.
        **asked: ``by`` columns to group by, ``sensitive`` columns to compare treatment in (the
            model need not look at them), ``rows`` by position, ``budget`` seconds, ``seed``.

    Raises:
        UnknownColumn: a column to group by is not there.
        BadSetting: a row was asked for that is not there.
        SchemaMismatch: the rows do not look like what the model learned from.
    """
    seed, budget = asked.get("seed", 0), asked.get("budget", 30.0)
    compiling.ready()
    clock = Clock(budget)
    question = Question(predictor)
    job = work.begin(question, data, labels, background, clock, seed)
    for name in asked.get("by", ()):
        if name not in job.columns:
            raise UnknownColumn(name, job.columns)
    for name in asked.get("sensitive", ()):
        if name not in data.columns:
            raise UnknownColumn(name, tuple(map(str, data.columns)))
    reasons = work.choose(job, asked.get("rows", ()))
    chosen = np.array(list(reasons), dtype=int)
    lap = Laps(clock, {"answers": clock.spent})
    worst = slices.search(job)  # it asks the model nothing
    lap("slices")
    job = work.attribute(job, chosen)
    lap("shap")
    lime, lime_status = _lime(job, chosen)
    lap("lime")
    local = rows.section(job, reasons, lime, _of(lime, lime_status, len(chosen)))
    lap("local")
    whole = overall.section(
        job, lime, _of(lime, lime_status, 0 if lime is None else len(lime.sample))
    )
    lap("global")
    strongest = [weight.column for weight in whole.weights]
    named = asked.get("by", ()) or strongest[: cohorts.COLUMNS_WHEN_NONE_NAMED]
    groups = cohorts.section(job, named, worst, lime, lime_status)
    fair, fairness_status = fairness.treatments(job, data, asked.get("sensitive", ()))
    groups = replace(groups, fairness=fair, fairness_status=fairness_status)
    groups = clusters.added(groups, job)
    lap("cohort")
    checks = trust.section(job, lime)
    lap("trust")
    return Report(
        about=_about(job, lap.seconds, budget),
        overall=whole,
        local=local,
        cohorts=groups,
        trust=checks,
        values=values.table(job, lime),
        calibration_error=work.calibration_error(job),
    )


@dataclass
class Laps:
    """What each section took."""

    clock: Clock
    seconds: dict[str, float]

    def __call__(self, name: str) -> None:
        """Write down what passed since the last call."""
        self.seconds[name] = self.clock.spent - sum(self.seconds.values())


def _lime(job: work.Work, chosen: np.ndarray) -> tuple[surrogates.Surrogate | None, Status]:
    try:
        found = surrogates.explain(job, chosen)
    except OutOfTime:
        return None, Status.skipped("the budget ended before it")
    return found, found.status(len(found.positions))


def _of(lime: surrogates.Surrogate | None, status: Status, rows: int) -> Status:
    """Return LIME's status for a section that rests on so many rows."""
    return status if lime is None else lime.status(rows)


def _about(job: work.Work, seconds: Mapping[str, float], budget: float) -> About:
    found = job.attribution
    return About(
        task=str(job.question.task),
        columns=job.columns,
        outputs=job.question.outputs,
        unit=rows.in_words(job),
        method="none" if found is None else found.method,
        refused=job.refused,
        base=() if found is None else tuple(np.atleast_1d(found.base).tolist()),
        rows=len(job.frame),
        background=len(job.background),
        labelled=job.losses is not None,
        seed=job.seed,
        budget=budget,
        seconds={name: round(value, 3) for name, value in seconds.items()},
    )
