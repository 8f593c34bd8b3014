"""The catalogue: every algorithm is one row.

A row says what the algorithm is called, where it lives, how to tune it, what it needs and how
much data it can carry. Its class is imported by ``Algorithm.load`` alone, so listing rows is
cheap. A key is unique within a task; the same key may answer two tasks with two classes.
"""

from __future__ import annotations

import importlib
import importlib.util
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)

from pipelines.errors import MissingExtra, UnknownAlgorithm

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from optuna.trial import BaseTrial

    from pipelines.task import Task

NO_NEEDS: frozenset[str] = frozenset()
"""Native missing values, ordinal codes for categories."""
TREES: frozenset[str] = frozenset({"no_missing"})
DISTANCES: frozenset[str] = frozenset({"numbers", "scaled", "no_missing", "dense"})


@dataclass(frozen=True, slots=True)
class Limits:
    """How much data a row can carry in the time people have."""

    rows: int | None = None
    columns: int | None = None
    classes: int | None = None

    def allow(self, rows: int, columns: int, classes: int) -> bool:
        """Say whether a table of that size is within the limits.

        >>> Limits(rows=100).allow(101, 5, 2)
        False
        """
        sizes = ((rows, self.rows), (columns, self.columns), (classes, self.classes))
        return all(most is None or size <= most for size, most in sizes)


@dataclass(frozen=True, slots=True)
class Entry:
    """A configuration known to be good. Entries of all rows are tried in the order of ``turn``."""

    turn: int
    params: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Algorithm:
    """One row."""

    key: str
    title: str
    target: str
    """``package.module:Class``."""
    task: Task
    adapter: str = "estimators"
    """A module of ``pipelines.adapters``."""
    space: Mapping[str, BaseDistribution] = field(default_factory=dict)
    fixed: Mapping[str, Any] = field(default_factory=dict)
    portfolio: tuple[Entry, ...] = (Entry(90),)
    """The first entry is the row's default configuration."""
    needs: frozenset[str] = NO_NEEDS
    """What the algorithm cannot do itself: numbers, scaled, no_missing, dense, few_columns."""
    limits: Limits = Limits()
    prepare: Callable[[dict[str, Any]], dict[str, Any]] | None = None
    """Turns a drawn point into arguments, where the two differ."""
    wrap: str | None = None
    """``calibrated`` or ``scaled_target``: what scikit-learn puts around the estimator."""
    explain_with: str = "kernel"
    """tree, linear, own or kernel."""
    extra: str | None = None
    tuned: bool = True

    @property
    def default(self) -> Mapping[str, Any]:
        """The configuration to use when nobody searches."""
        return self.portfolio[0].params

    @property
    def installed(self) -> bool:
        """Whether the row's library can be imported, without importing it."""
        library = self.target.partition(":")[0].partition(".")[0]
        return importlib.util.find_spec(library) is not None

    def load(self) -> type:
        """Import the class.

        Raises:
            MissingExtra: Its library is not installed.
        """
        module, _, name = self.target.partition(":")
        try:
            loaded: type = getattr(importlib.import_module(module), name)
        except ModuleNotFoundError as error:
            raise MissingExtra(self.key, self.extra or module) from error
        return loaded

    def arguments(self, params: Mapping[str, Any]) -> dict[str, Any]:
        """Return the class's arguments for one point of the space."""
        given = dict(params)
        return {**self.fixed, **(self.prepare(given) if self.prepare else given)}

    def suggest(self, trial: BaseTrial) -> dict[str, Any]:
        """Draw one point of the space."""
        return {name: _draw(trial, name, each) for name, each in self.space.items()}


def _draw(trial: BaseTrial, name: str, distribution: BaseDistribution) -> Any:
    match distribution:
        case IntDistribution(low=low, high=high, log=log, step=step):
            return trial.suggest_int(name, low, high, log=log, step=step)
        case FloatDistribution(low=low, high=high, log=log, step=step):
            return trial.suggest_float(name, low, high, log=log, step=step)
        case CategoricalDistribution(choices=choices):
            return trial.suggest_categorical(name, choices)
    raise TypeError(f"{name}: no way to draw from {distribution!r}.")


def catalogue() -> tuple[Algorithm, ...]:
    """Return every row, in the order of the family files."""
    families = ("linear", "trees", "boosting", "neighbours", "anomaly")
    modules = [importlib.import_module(f"pipelines.algorithms.{name}") for name in families]
    return tuple(row for module in modules for row in module.ROWS)


def find(key: str, task: Task | None = None, rows: Iterable[Algorithm] = ()) -> Algorithm:
    """Return the row with that key, for that task if one is given.

    Raises:
        UnknownAlgorithm: There is none; the message offers close matches.
    """
    known = [row for row in rows or catalogue() if task in (None, row.task)]
    for row in known:
        if row.key == key:
            return row
    raise UnknownAlgorithm(key, sorted({row.key for row in known}))


def choose(
    task: Task,
    size: tuple[int, int, int],
    *,
    only: Sequence[str] = (),
    without: Sequence[str] = (),
    rows: Iterable[Algorithm] = (),
) -> list[Algorithm]:
    """Return the rows that answer the task and can carry (rows, columns, classes) of data.

    Rows named by ``only`` are taken whatever the size: somebody asked for them. The baseline is
    always there.

    Raises:
        UnknownAlgorithm: A key that is not in the catalogue, for this task.
        MissingExtra: A row was asked for whose library is not installed.
    """
    known = list(rows or catalogue())
    excluded = {find(key, task, known).key for key in without}
    asked = [find(key, task, known) for key in only]
    for row in asked:
        if not row.installed:
            row.load()
    baseline = [row for row in known if row.task is task and row.key == "dummy"]
    suited = asked or [
        row for row in known if row.task is task and row.installed and row.limits.allow(*size)
    ]
    chosen = [row for row in suited if row.key not in excluded and row.key != "dummy"]
    return [*baseline, *chosen]
