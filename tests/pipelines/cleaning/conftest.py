"""A table with every kind of column, and the plan proposed for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest

from pipelines.cleaning.plan import Plan, plan
from pipelines.dataset import Dataset, Kind
from pipelines.profile.facts import Column, Finding, Profile, Severity
from pipelines.task import Task

if TYPE_CHECKING:
    from collections.abc import Callable

KINDS = {
    "age": Kind.NUMBER,
    "income": Kind.NUMBER,
    "rooms": Kind.NUMBER,
    "owner": Kind.BOOLEAN,
    "since": Kind.DATE,
    "city": Kind.CATEGORY,
    "street": Kind.CATEGORY,
    "zip": Kind.CATEGORY,
    "note": Kind.TEXT,
    "number": Kind.ID,
}


def make_table(rows: int = 300, seed: int = 0) -> pd.DataFrame:
    """Return features of every kind and a target ``y`` that depends on some of them."""
    draw = np.random.default_rng(seed)
    age = draw.normal(45, 12, rows)
    income = np.exp(draw.normal(8, 1.5, rows))
    words = np.array(["late payment", "good client", "moved house", "called twice", "no answer"])
    frame = pd.DataFrame(
        {
            "age": np.where(draw.random(rows) < 0.1, np.nan, age),
            "income": income,
            "rooms": draw.integers(1, 6, rows),
            "owner": pd.array(draw.random(rows) < 0.4, dtype="boolean"),
            "since": pd.Series(
                pd.Timestamp("2019-01-01") + pd.to_timedelta(draw.integers(0, 900, rows), "D")
            ).astype("datetime64[us]"),
            "city": pd.Series(draw.choice(["Bonn", "Ulm", "Jena"], rows), dtype="str"),
            "street": pd.Series([f"s{i}" for i in draw.integers(0, 50, rows)], dtype="str"),
            "zip": draw.integers(10, 20, rows),
            "note": pd.Series([" ".join(draw.choice(words, 3)) for _ in range(rows)], dtype="str"),
            "number": pd.Series([f"id{i}" for i in range(rows)], dtype="str"),
        }
    )
    frame.loc[::11, "city"] = None
    frame.loc[::13, "owner"] = pd.NA
    frame.loc[::17, "since"] = pd.NaT
    frame["y"] = (age + 3 * draw.normal(size=rows) > 45).astype(int)
    return frame


def make_dataset(frame: pd.DataFrame, task: Task = Task.CLASSIFICATION) -> Dataset:
    """Wrap a table."""
    return Dataset("clients", frame, task, None if task is Task.ANOMALY else "y")


def make_plan(
    frame: pd.DataFrame, task: Task = Task.CLASSIFICATION, keep: tuple[str, ...] = ()
) -> Plan:
    """Propose a plan from a profile that finds the id column useless."""
    columns = [name for name in frame.columns if name in KINDS]
    found = Finding(
        code="D004", title="id-like", severity=Severity.CHANGE, columns=("number",),
        reason="Every value is different.", remedy="It is left out.", drops=("number",),
    )  # fmt: skip
    profile = Profile(
        name="clients",
        task=task,
        target="y",
        rows=len(frame),
        digest="",
        kept=keep,
        findings=(found,) if "number" in columns else (),
        columns=tuple(
            Column(name=name, kind=KINDS[name], dtype=str(values.dtype), missing=0, distinct=0)
            for name, values in frame[columns].items()
        ),
    )
    return plan(profile, make_dataset(frame, task))


@pytest.fixture
def table() -> pd.DataFrame:
    """300 rows."""
    return make_table()


@pytest.fixture
def tables() -> Callable[..., pd.DataFrame]:
    """Make more of them."""
    return make_table


@pytest.fixture
def kinds() -> dict[str, Kind]:
    """The kind of each column."""
    return KINDS


@pytest.fixture
def planned() -> Callable[..., Plan]:
    """Propose plans for them."""
    return make_plan
