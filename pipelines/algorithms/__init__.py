"""The catalogue: every algorithm is one row.

A row says what the algorithm is called, where it lives, how to tune it, what it needs and how
much data it can carry. Its class is imported by ``Algorithm.load`` alone, so listing rows is
cheap. A key is unique within a task; the same key may answer two tasks with two classes.
"""

from __future__ import annotations

import importlib
import importlib.util
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Self

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
MANY_ROWS = 20_000
"""Beyond these a forest needs fewer trees, and each of them is large."""
DISTANCES: frozenset[str] = frozenset({"numbers", "scaled", "no_missing", "dense"})


@dataclass(frozen=True, slots=True)
class Limits:
    """How much data a row can carry in the time people have."""

    rows: int | None = None
    columns: int | None = None
    classes: int | None = None
    sample: int | None = None
    """Of more rows than these it learns from so many, drawn with the seed."""

    def allow(self, rows: int, columns: int, classes: int) -> bool:
        """Say whether a table of that size is within the limits.

        >>> Limits(rows=100).allow(101, 5, 2)
        False
        """
        sizes = ((rows, self.rows), (columns, self.columns), (classes, self.classes))
        return all(most is None or size <= most for size, most in sizes)


@dataclass(frozen=True, slots=True)
class Aim:
    """What the target looks like and which loss the metric asks for."""

    loss: str = ""
    """quantile 0.9, poisson, tweedie, gamma, or nothing in particular."""
    counts: bool = False
    """Whole numbers from zero or one on."""
    amounts: bool = False
    """Never negative, often zero, and no counts."""

    @classmethod
    def of(cls, labels: Iterable[float], loss: str = "") -> Self:
        """Return the aim of a numeric target.

        >>> Aim.of([0, 3, 1, 2]).counts, Aim.of([0, 0, 2.5, 3]).amounts, Aim.of([-1, 2]).counts
        (True, True, False)
        """
        values = [float(value) for value in labels if value == value]
        least = min(values, default=-1.0)
        whole = all(value.is_integer() for value in values)
        counts = whole and least in {0, 1} and len(set(values)) > 2
        often = values.count(0.0) >= 0.01 * len(values)
        return cls(loss, counts, not counts and least == 0 and often and len(set(values)) > 2)


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
    beside: tuple[str, ...] = ()
    """Libraries that it imports beside its own."""
    tuned: bool = True
    aim: Callable[[Aim], dict[str, Any] | None] | None = None
    """For a row that few targets ask for: the arguments that one sets, or None where it is not."""
    only_for: str = ""
    """The same in words."""
    steady: bool = False
    """Other rows hardly change its answers: one fit on all rows is as good as a mean of folds'."""
    complexity: str = ""
    """How its cost grows, in words like ``rows x log rows``."""
    standby: bool = False
    """Takes part only when somebody names it."""
    at_scale: Mapping[str, BaseDistribution] = field(default_factory=dict)
    """Distributions in place of the space's on many rows; no setting goes beyond them."""
    pickled: bool = False
    """Skops cannot write the fitted detector: cloudpickle does, and the version says so."""

    @property
    def default(self) -> Mapping[str, Any]:
        """The configuration to use when nobody searches."""
        return self.portfolio[0].params

    @property
    def installed(self) -> bool:
        """Whether the row's library can be imported, without importing it."""
        library = self.target.partition(":")[0].partition(".")[0]
        return all(importlib.util.find_spec(name) for name in (library, *self.beside))

    def load(self) -> type:
        """Import the class.

        Raises:
            MissingExtra: Its library is not installed.
        """
        module, _, name = self.target.partition(":")
        if not self.installed:
            raise MissingExtra(self.key, self.extra or module)
        try:
            loaded: type = getattr(importlib.import_module(module), name)
        except ModuleNotFoundError as error:
            raise MissingExtra(self.key, self.extra or module) from error
        return loaded

    def arguments(self, params: Mapping[str, Any]) -> dict[str, Any]:
        """Return the class's arguments for one point of the space."""
        given = dict(params)
        return {**self.fixed, **(self.prepare(given) if self.prepare else given)}

    def aimed(self, aim: Aim | None) -> Self | None:
        """Return the row as a target wants it, or None where it has no use for it."""
        if self.aim is None:
            return self
        given = None if aim is None else self.aim(aim)
        if given is None:
            return None
        space = {name: each for name, each in self.space.items() if name not in given}
        entries = tuple(
            replace(each, params={k: v for k, v in each.params.items() if k not in given})
            for each in self.portfolio
        )
        return replace(self, fixed={**self.fixed, **given}, space=space, portfolio=entries)

    def sized(self, rows: int) -> Self:
        """Return the row as so many rows of data want it."""
        if rows <= MANY_ROWS or not self.at_scale:
            return self
        most = {name: getattr(each, "high", None) for name, each in self.at_scale.items()}

        def kept(params: Mapping[str, Any]) -> dict[str, Any]:
            return {k: v if most.get(k) is None else min(v, most[k]) for k, v in params.items()}

        entries = tuple(replace(each, params=kept(each.params)) for each in self.portfolio)
        return replace(self, space={**self.space, **self.at_scale}, portfolio=entries)

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
    families = ("linear", "trees", "boosting", "neighbours", "losses", "anomaly")
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
    aim: Aim | None = None,
) -> list[Algorithm]:
    """Return the rows that answer the task, suit the target and can carry the data.

    The size is (rows, columns, classes). Rows named by ``only`` are taken whatever the size and
    the target: somebody asked for them. The baseline is always there.

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
    mine = [row for row in known if row.task is task]
    baseline = [row for row in mine if row.key == "dummy"]
    asked = [row.sized(size[0]) for row in asked]
    suited = [row.aimed(aim) or row for row in asked] or [
        found
        for row in mine
        if row.installed
        and not row.standby
        and row.limits.allow(*size)
        and (found := row.sized(size[0]).aimed(aim))
    ]
    return [*baseline, *(r for r in suited if r.key not in excluded and r.key != "dummy")]
