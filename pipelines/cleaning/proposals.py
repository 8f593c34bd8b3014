"""Which steps a column usually gets, and why: the plan before anybody edits it.

Only shape is looked at (share missing, number of levels, skew, span of the dates), never the
target, so that a proposal made on all training rows leaks nothing into the folds.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from pipelines.cleaning.operations import Step
from pipelines.dataset import Kind
from pipelines.task import Task

if TYPE_CHECKING:
    from collections.abc import Sequence

FEW_LEVELS = 4
MANY_LEVELS = 30
SKEWED = 2.0
FEWEST_ALIKE = 8
"""Fewer columns than this begin and end at the same numbers by chance."""
ROWS_COUNTED = 5_000
RULES = ("iqr", "z", "modified_z", "quantile")
PARTS = ("year", "month", "day", "day_of_week", "hour", "days")


def used_as(kind: Kind, values: pd.Series) -> Kind:
    """Return what a column is used as: an id that somebody keeps is a number or a category."""
    if kind is not Kind.ID:
        return kind
    return Kind.NUMBER if pd.api.types.is_numeric_dtype(values.dtype) else Kind.CATEGORY


def steps_for(kind: Kind, values: pd.Series, task: Task) -> tuple[Step, ...]:
    """Return the usual steps for a column of this kind that looks like this."""
    makers = {
        Kind.NUMBER: lambda: _number(values, task),
        Kind.BOOLEAN: _boolean,
        Kind.DATE: lambda: _date(values),
        Kind.CATEGORY: lambda: _category(values, task),
        Kind.TEXT: _text,
    }
    return tuple(makers[kind]())


def alike(numbers: pd.DataFrame, task: Task) -> frozenset[str]:
    """Return the columns that measure one thing in one unit, such as pixels, marks or votes.

    Most of them begin and end at the very same numbers, and the others lie in between.

    >>> marks = pd.DataFrame({f"m{at}": [1, 2, 5] for at in range(8)} | {"age": [20, 40, 30]})
    >>> "m3" in alike(marks, Task.REGRESSION), "age" in alike(marks, Task.REGRESSION)
    (True, False)
    """
    plain = numbers.select_dtypes("number")
    if task is Task.ANOMALY or plain.shape[1] < FEWEST_ALIKE:
        return frozenset()
    ends = pd.DataFrame({"low": plain.min(), "high": plain.max()}).astype(float)
    several = ends[plain.iloc[:: 1 + len(plain) // ROWS_COUNTED].nunique() > 2]
    pairs = several.value_counts()
    if not len(pairs) or pairs.iloc[0] * 2 <= len(ends) or pairs.iloc[0] < FEWEST_ALIKE:
        return frozenset()
    low, high = pairs.index[0]
    return frozenset(map(str, several[several["low"].ge(low) & several["high"].le(high)].index))


def of_one_size(steps: Sequence[Step]) -> tuple[Step, ...]:
    """Return a column's steps with one size for all columns of its unit."""
    reason = "It shares its unit with others: a column that hardly varies must not be blown up."
    shared = Step("scale", "one_size", reason, "scaled")
    return tuple(shared if step.do == "scale" else step for step in steps)


def table_steps(rows: int, columns: int) -> tuple[Step, ...]:
    """Return the steps for the whole table: few rows with many columns lose the empty ones."""
    if rows >= columns:
        return ()
    reason = f"{columns} columns for {rows} rows: constant ones only add noise."
    return (Step("select", "variance", reason),)


def why_wrong(name: str, value: Any, usual: Any) -> str | None:
    """Return why an option cannot have this value, or nothing.

    >>> why_wrong("rule", "sigma", "iqr")
    "cannot be 'sigma': write one of iqr, z, modified_z, quantile"
    """
    if name == "rule":
        good = value in RULES
        return None if good else f"cannot be {value!r}: write one of {', '.join(RULES)}"
    if name == "parts":
        good = _is_parts(value)
        return None if good else f"cannot be {value!r}: write a list of {', '.join(PARTS)}"
    if name in {"value", "order"}:
        return None
    number = isinstance(value, int | float) and not isinstance(value, bool)
    whole = not isinstance(usual, int) or isinstance(value, int)
    if number and whole and value >= (1 if isinstance(usual, int) else 0):
        return None
    return f"cannot be {value!r}: write a {'whole ' * isinstance(usual, int)}number above 0"


def _is_parts(value: object) -> bool:
    """Say whether these are names of calendar parts."""
    return isinstance(value, list | tuple) and bool(value) and set(value) <= set(PARTS)


def _number(values: pd.Series, task: Task) -> list[Step]:
    """Steps for a number."""
    known = pd.to_numeric(values, errors="coerce").to_numpy(dtype=float, na_value=np.nan)
    known = known[np.isfinite(known)]
    steps = [Step("infinities", "missing", "No model can use an infinite value.")]
    steps += _indicator(values)
    skewed = _is_skewed(known)
    reason = "The median is not moved by long tails."
    steps.append(Step("impute", "median", reason, "no_missing"))
    if task is Task.ANOMALY:
        reason = "One size for all columns; ranks would hide what is strange."
        steps.append(Step("scale", "standard", reason, "scaled"))
    elif skewed:
        reason = "Long tails: ranks keep a few large values from ruling the rest."
        steps.append(Step("scale", "quantile", reason, "scaled"))
    else:
        steps.append(Step("scale", "standard", "Columns of one size weigh the same.", "scaled"))
    return steps


def _is_skewed(known: np.ndarray) -> bool:
    """Say whether a few values are far larger than the rest."""
    if len(known) < 100:
        return False
    with np.errstate(all="ignore"):
        middle = (known - known.mean()) / (known.std() or 1.0)
        return bool(abs(np.mean(middle**3)) > SKEWED)


def _indicator(values: pd.Series) -> list[Step]:
    """A column that says what was missing, where enough is missing to learn from it."""
    share = float(values.isna().mean()) if len(values) else 0.0
    if not 0.01 <= share < 1:
        return []
    reason = f"{share:.0%} is missing, and that may mean something."
    return [Step("indicate", "missing", reason, "no_missing")]


def _boolean() -> list[Step]:
    """Steps for yes and no."""
    return [
        Step("impute", "mode", "The more frequent answer is the safer one.", "no_missing"),
        Step("scale", "standard", "Columns of one size weigh the same.", "scaled"),
    ]


def _date(values: pd.Series) -> list[Step]:
    """Steps for a date: the calendar parts that vary."""
    parts = _varying_parts(values)
    reason = "The calendar parts that vary; circles, as December is next to January."
    return [
        Step("dates", "parts", reason, options={"parts": parts}),
        Step("impute", "median", "The middle date.", "no_missing"),
        Step("scale", "standard", "Columns of one size weigh the same.", "scaled"),
    ]


def _varying_parts(values: pd.Series) -> Sequence[str]:
    """Return the calendar parts in which these dates differ."""
    known = pd.to_datetime(values, errors="coerce").dropna()
    if known.empty:
        return ["days"]
    span = (known.max().to_pydatetime() - known.min().to_pydatetime()).days
    found = ["days"]
    if span > 366:
        found.append("year")
    if span > 31:
        found.append("month")
    if known.dt.day_of_week.nunique() > 1:
        found.append("day_of_week")
    if known.dt.hour.nunique() > 1:
        found.append("hour")
    return found


def _category(values: pd.Series, task: Task) -> list[Step]:
    """Steps for a category: by its number of levels."""
    levels = int(values.nunique())
    steps = []
    means = "frequency" if task is Task.ANOMALY else "target"
    if levels > FEW_LEVELS:
        reason = f"{levels} levels in one column, for algorithms that slow down with many."
        steps.append(Step("encode", means, reason, "few_columns"))
    if levels > MANY_LEVELS:
        steps.append(Step("encode", means, f"{levels} levels are too many columns.", "numbers"))
    else:
        steps.append(Step("encode", "one_hot", f"{levels} levels, a column each.", "numbers"))
    if any(step.how in {"target", "frequency"} for step in steps):
        steps.append(Step("scale", "standard", "Columns of one size weigh the same.", "scaled"))
    return steps


def _text() -> list[Step]:
    """Steps for free text."""
    return [
        Step("encode", "tfidf", "Words that are frequent here and rare elsewhere tell most."),
        Step("scale", "standard", "Columns of one size weigh the same.", "scaled"),
    ]
