"""What is asked of the model, over and over: rows in raw columns in, numbers out.

Explaining means asking about rows that never were: some cells from one row, some from another.
Such rows are made from row numbers, column by column, so that text, dates, booleans and missing
values stay what they are and the model prepares them as always.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import pandas as pd

from pipelines.errors import EmptyTable
from pipelines.task import Task

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    Matrix = NDArray[np.float64]

MOST_ROWS_A_CALL = 50_000
"""Made-up rows are asked in parts of this size, which bounds the memory they need."""


class Explainable(Protocol):
    """What a predictor must have: a ``Predictor`` does."""

    @property
    def model(self) -> Any:
        """The fitted model."""

    @property
    def schema(self) -> Any:
        """What its rows look like."""

    @property
    def task(self) -> Task:
        """What it was made for."""

    @property
    def classes(self) -> Sequence[Any]:
        """The labels it knows, in order."""


class OutOfTime(Exception):
    """The budget ended inside a section; the section says so instead of its numbers."""


@dataclass
class Clock:
    """The budget: how much of it is left."""

    budget: float
    now: Callable[[], float] = time.perf_counter
    began: float = field(init=False)

    def __post_init__(self) -> None:
        self.began = self.now()

    @property
    def spent(self) -> float:
        """Seconds since the report began."""
        return self.now() - self.began

    @property
    def left(self) -> float:
        """Seconds of the budget that remain, never below zero."""
        return max(0.0, self.budget - self.spent)

    def require(self, seconds: float = 0.0) -> None:
        """Go on only if so many seconds are left.

        Raises:
            OutOfTime: they are not.
        """
        if self.left <= seconds:
            raise OutOfTime


@dataclass(frozen=True)
class Question:
    """One model and the numbers that are asked of it: one for each output."""

    predictor: Explainable

    @property
    def task(self) -> Task:
        """What the model was made for."""
        return Task(self.predictor.task)

    @property
    def classes(self) -> tuple[str, ...]:
        """The labels, as text."""
        return tuple(map(str, self.predictor.classes or ()))

    @property
    def outputs(self) -> tuple[str, ...]:
        """A name for each explained number: classes, or one word."""
        if self.task is Task.CLASSIFICATION:
            return self.classes if len(self.classes) > 2 else self.classes[-1:]
        return ("strangeness",) if self.task is Task.ANOMALY else ("prediction",)

    def conform(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Return the rows as the model knows them, numbered from 0."""
        if not len(frame):
            raise EmptyTable("the rows to explain")
        schema = self.predictor.schema
        return (frame if schema is None else schema.conform(frame)).reset_index(drop=True)

    def ask(self, frame: pd.DataFrame) -> Matrix:
        """Return the model's numbers for conformed rows: (rows, outputs)."""
        return np.concatenate(
            [
                self._ask_part(frame.iloc[start : start + MOST_ROWS_A_CALL])
                for start in range(0, len(frame), MOST_ROWS_A_CALL)
            ]
        )

    def _ask_part(self, frame: pd.DataFrame) -> Matrix:
        if self.task is Task.CLASSIFICATION:
            answers = np.asarray(self.predictor.model.probabilities(frame), dtype=float)
            return answers if len(self.classes) > 2 else answers[:, -1:]
        model = self.predictor.model
        answer = model.score if self.task is Task.ANOMALY else model.predict
        return np.asarray(answer(frame), dtype=float).reshape(len(frame), 1)

    def predictions(self, frame: pd.DataFrame) -> list[str]:
        """Return what the model answers in words: labels, numbers, or normal and anomaly."""
        answers = np.asarray(self.predictor.model.predict(frame))
        if self.task is Task.ANOMALY:
            return ["anomaly" if answer else "normal" for answer in answers]
        return [worded(answer) for answer in answers]


@dataclass(frozen=True)
class Mixer:
    """Makes rows out of the cells of a pool of rows."""

    pool: pd.DataFrame

    @classmethod
    def of(cls, *frames: pd.DataFrame) -> Mixer:
        """Pool rows; those of the first frame keep their numbers, the others follow."""
        return cls(frames[0] if len(frames) == 1 else pd.concat(frames, ignore_index=True))

    def rows(self, which: NDArray[np.int64]) -> pd.DataFrame:
        """Return the frame whose cell (i, j) is column j of the pool's row ``which[i, j]``."""
        cells = {
            name: self.pool[name].array.take(which[:, position])
            for position, name in enumerate(self.pool.columns)
        }
        return pd.DataFrame(cells, copy=False)


def worded(value: Any, digits: int = 6) -> str:
    """Return a cell as short text.

    >>> worded(3.0), worded(0.123456789), worded(38_991.4, 4), worded(None)
    ('3', '0.123457', '38,990', 'missing')
    """
    if value is None or value is pd.NaT or value is pd.NA or value != value:
        return "missing"
    if isinstance(value, float | np.floating):
        told = f"{value:.{digits}g}"
        large = 10.0**digits <= abs(float(value)) < 1e12
        return f"{float(told):,.0f}" if large else told
    if isinstance(value, pd.Timestamp):
        return value.isoformat(sep=" ").removesuffix(" 00:00:00")
    return str(value)[:80]
