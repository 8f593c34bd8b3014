"""A report on one model: its sections, in which order they are made, what they cost."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, TypedDict

import numpy as np

from pipelines.errors import UnknownColumn
from pipelines.explain import cohorts, overall, rows, trust, work
from pipelines.explain.facts import About, Cohorts, Local, Overall, Status, Trust
from pipelines.explain.lime import SAMPLES, Lime
from pipelines.explain.question import Clock, OutOfTime, Question

if TYPE_CHECKING:
    from typing import Unpack

    import pandas as pd

    from pipelines.explain.question import Explainable

SCHEMA = "1"


class Asked(TypedDict, total=False):
    """What may be asked for: cohort columns, rows by position, seconds, a seed."""

    by: Sequence[str]
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
    schema: str = SCHEMA

    @property
    def statuses(self) -> dict[str, Status]:
        """How each section came about."""
        return {
            "global": self.overall.status,
            "permutation importance": self.overall.reliance_status,
            "interactions": self.overall.interactions_status,
            "local": self.local.status,
            "lime": self.local.lime_status,
            "cohorts": self.cohorts.status,
            "slices": self.cohorts.slices_status,
            "trust": self.trust.status,
        }

    def to_dict(self) -> dict[str, Any]:
        """Return everything as JSON-ready data; what is not a finite number is null."""
        told = asdict(self)
        told["global"] = told.pop("overall")
        told["cohort"] = told.pop("cohorts")
        told["statuses"] = {name: str(status) for name, status in self.statuses.items()}
        clean: dict[str, Any] = _plain({"schema": told.pop("schema"), **told})
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
        **asked: ``by`` columns to group by, ``rows`` by position, ``budget`` seconds, ``seed``.

    Raises:
        UnknownColumn: a column to group by is not there.
        BadSetting: a row was asked for that is not there.
        SchemaMismatch: the rows do not look like what the model learned from.
    """
    seed, budget = asked.get("seed", 0), asked.get("budget", 30.0)
    clock, seconds = Clock(budget), {}
    question = Question(predictor)
    job = work.begin(question, data, labels, background, clock, seed)
    for name in asked.get("by", ()):
        if name not in job.columns:
            raise UnknownColumn(name, job.columns)
    reasons = work.choose(job, asked.get("rows", ()))
    chosen = np.array(list(reasons), dtype=int)
    seconds["answers"] = clock.spent
    job = work.attribute(job, chosen)
    seconds["shap"] = clock.spent - sum(seconds.values())
    lime, fit, lime_status = _lime(job, chosen)
    seconds["lime"] = clock.spent - sum(seconds.values())
    first = None if lime is None else (lime[0] + lime[1]) / 2
    local = rows.section(job, reasons, first, fit, lime_status)
    seconds["local"] = clock.spent - sum(seconds.values())
    whole = overall.section(job)
    seconds["global"] = clock.spent - sum(seconds.values())
    strongest = [weight.column for weight in whole.weights]
    groups = cohorts.section(job, asked.get("by", ()), strongest)
    seconds["cohort"] = clock.spent - sum(seconds.values())
    checks = trust.section(job, chosen, lime)
    seconds["trust"] = clock.spent - sum(seconds.values())
    return Report(
        about=_about(job, seconds, budget),
        overall=whole,
        local=local,
        cohorts=groups,
        trust=checks,
    )


def _lime(
    job: work.Work, chosen: np.ndarray
) -> tuple[tuple[np.ndarray, np.ndarray] | None, np.ndarray | None, Status]:
    """Return LIME's coefficients of two seeds, on the scale of the SHAP values."""

    def ask(frame: pd.DataFrame) -> np.ndarray:
        return job.on_scale(job.question.ask(frame))

    try:
        job.clock.require(job.clock.budget * 0.1)
        frame, answers = job.frame.iloc[chosen], job.on_scale(job.answers[chosen])
        pair = []
        for seed in (job.seed, job.seed + 1):
            job.clock.require()
            lime = Lime.of(ask, job.background, seed=seed)
            pair.append(lime.explain(frame, answers))
    except OutOfTime:
        return None, None, Status.skipped("the budget ended before it")
    why = f"{SAMPLES:,} shared perturbations, two seeds"
    noise = float(np.abs(pair[0][0] - pair[1][0]).mean() / 2)
    status = Status.sampled(len(chosen), noise, why)
    return (pair[0][0], pair[1][0]), pair[0][1], status


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
