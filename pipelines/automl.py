"""From a table to its best model: profile, plan, split, search, fit once more, judge.

A fifth of the rows is kept apart before the search and never used for choosing; what is said of
the winner was measured there. The seconds of a budget count from the first line to the last.
"""

from __future__ import annotations

import time
import warnings
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from pipelines import algorithms, executors, metrics, splits
from pipelines import search as searching
from pipelines.adapters import build
from pipelines.cleaning.plan import Dropped
from pipelines.cleaning.plan import plan as propose
from pipelines.errors import BadSetting, UnknownMetric
from pipelines.profile.table import profile as look_at
from pipelines.profile.table import require_sound
from pipelines.search.clock import Clock
from pipelines.task import Task
from pipelines.trial import Outcome, Trial, Work, answer_of, as_truth
from pipelines.winner import Choice

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pipelines.adapters import Model
    from pipelines.cleaning.plan import Plan
    from pipelines.dataset import Dataset
    from pipelines.journal import Journal
    from pipelines.leaderboard import Leaderboard
    from pipelines.metrics import Array, Metric
    from pipelines.profile.facts import Profile
    from pipelines.search import Budget, Watcher
    from pipelines.winner import Chosen

FOLDS = ((500, 5, 3), (2_000, 5, 2), (25_000, 5, 1), (100_000, 3, 1))
"""Up to so many rows: so many folds, so often. Small tables are judged over and over."""


@dataclass(frozen=True, slots=True)
class Goal:
    """What is wanted of a search."""

    metric: str | None = None
    algorithms: Sequence[str] = ()
    exclude: Sequence[str] = ()
    keep: Sequence[str] = ()
    """Columns that are used although a finding would leave them out."""
    seed: int = 0
    plan: Plan | None = None
    """What happens to the columns, where somebody edited the proposal."""
    group: str | None = None
    """All rows with one value of this column stay on one side of every split."""
    time: str | None = None
    """The last rows by this column are kept apart; every fold is judged on later rows."""
    split: str | None = None
    """This column says which rows are kept apart (test), and may name the folds."""

    simple: bool = False
    """The single best model is wanted, not an ensemble."""
    max_latency: float | None = None
    """Seconds that answering one row may take."""

    @property
    def split_by(self) -> dict[str, str]:
        """The column that says how to split, by what it is."""
        asked = {"group": self.group, "time": self.time, "split": self.split}
        return {kind: name for kind, name in asked.items() if name is not None}


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What a run found."""

    dataset: Dataset
    profile: Profile
    plan: Plan
    leaderboard: Leaderboard
    trial: Trial
    outcome: Outcome
    """The winner's cross-validation, by which it was chosen."""
    single: tuple[Trial, Outcome]
    """The best that is one model, beside the ensemble; the winner itself where it is one."""
    model: Model
    """Fitted on all of ``train``."""
    metric: Metric
    score: float
    """The metric on the rows kept apart; for anomalies without labels, the agreement."""
    metrics: Mapping[str, float]
    """All the usual metrics on the rows kept apart."""
    baseline: float | None
    """The dummy's metric on the rows kept apart."""
    train: pd.DataFrame
    holdout: pd.DataFrame
    seconds: float
    note: str = ""
    """What a reader must know of how it was found; empty when there is nothing unusual."""


def header(dataset: Dataset, goal: Goal) -> dict[str, Any]:
    """Return what a journal must say for a search to go on with it."""
    return {
        "digest": dataset.digest,
        "task": str(dataset.task),
        "target": dataset.target,
        "metric": goal.metric,
        "seed": goal.seed,
        "split": goal.split_by or None,
    }


def find_best(
    dataset: Dataset,
    goal: Goal,
    budget: Budget,
    *,
    journal: Journal | None = None,
    watchers: Sequence[Watcher] = (),
    engine: str = "processes",
) -> Found:
    """Find the best model for a table within a budget.

    Args:
        dataset: The table.
        goal: The metric, the algorithms, the seed.
        budget: Seconds, trials, workers.
        journal: Finished trials are written to it; those it holds are not repeated.
        watchers: Who is told how it goes.
        engine: processes, serial, dask (on this machine) or dask://host:port.

    Raises:
        UnsoundData: A finding forbids the run.
        UnknownMetric: No such metric for this task.
        UnknownAlgorithm: No such algorithm for this task.
        AllTrialsFailed: Not one algorithm could be fitted; their reasons are grouped.
    """
    prepared = prepare(dataset, goal, watchers=watchers, engine=engine)
    return prepared.find_best(budget, journal=journal, engine=engine)


def prepare(
    dataset: Dataset,
    goal: Goal,
    *,
    watchers: Sequence[Watcher] = (),
    engine: str = "processes",
) -> Prepared:
    """Profile, plan and split a table, so that a search can begin. Its seconds count.

    Raises:
        UnsoundData: A finding forbids the run.
        UnknownMetric: No such metric for this task.
        UnknownAlgorithm: No such algorithm for this task.
    """
    if engine == "processes":
        executors.warm_up()
    return Prepared(dataset, goal, watchers)


class Prepared:
    """A table that was looked at, planned for and split; ``watchers`` may be added to."""

    def __init__(self, dataset: Dataset, goal: Goal, watchers: Sequence[Watcher]) -> None:
        self.started = time.monotonic()
        self.dataset, self.goal, self.watchers = dataset, goal, watchers
        if goal.max_latency is not None and not goal.max_latency > 0:
            raise BadSetting("max_latency", goal.max_latency, "Give seconds, more than 0.")
        splits.check(dataset, list(goal.split_by.values()))
        self.classes = _classes(dataset)
        self.metric = _metric(dataset, goal, len(self.classes))
        self._doing("profiling the table")
        self.profile = look_at(dataset, keep=goal.keep, seed=goal.seed)
        require_sound(self.profile)
        self.plan = _spared(goal.plan or propose(self.profile, dataset), goal)
        for watcher in watchers:
            watcher.profiled(self.profile, self.plan)
        self.train, self.holdout = _split(dataset, goal)
        self.work = self._work()

    def find_best(
        self, budget: Budget, *, journal: Journal | None = None, engine: str = "processes"
    ) -> Found:
        """Search, fit the winner once more and judge it on the rows kept apart.

        Raises:
            AllTrialsFailed: Not one algorithm could be fitted; their reasons are grouped.
        """
        spent = journal.spent if journal else 0.0
        clock = Clock(budget.seconds, budget.trials, spent, self.started)
        return self.found(self.choose(self.search(clock, budget, journal, engine), clock))

    def search(
        self, clock: Clock, budget: Budget, journal: Journal | None, engine: str
    ) -> Leaderboard:
        """Open the engine, send it the table once, and try until the clock says stop."""
        for watcher in self.watchers:
            watcher.searching(tuple(self.work.rows), budget)
        mixing = not self.goal.simple and self.dataset.task is not Task.ANOMALY
        question = searching.Question(
            seed=self.goal.seed, journal=journal, watchers=self.watchers, ensemble=mixing
        )
        with executors.crew(engine, budget.workers, self.work) as crew:
            return searching.search(self.work, clock, crew, question)

    def choose(self, board: Leaderboard, clock: Clock) -> Chosen:
        """Fit what won on all training rows: an ensemble, or the single best.

        Raises:
            AllTrialsFailed: Nothing could be fitted.
        """
        choice = Choice(
            board=board, work=self.work, clock=clock, seed=self.goal.seed,
            simple=self.goal.simple, max_latency=self.goal.max_latency, watchers=self.watchers,
        )  # fmt: skip
        return choice.make()

    def found(self, chosen: Chosen) -> Found:
        """Judge the winner on the rows kept apart."""
        judged = self._judge(chosen.model, chosen.outcome)
        baseline = self._baseline()
        notes = list(chosen.notes)
        if chosen.trial.algorithm_key == "dummy":
            notes.append("No algorithm was better than the baseline.")
        if self.work.labels is None:
            notes.append(
                "Without labels the winner is the documented default; agreement with the other "
                "detectors is a diagnostic, not a quality."
            )
        outcome, board = chosen.outcome, chosen.board
        if outcome.score is None:
            outcome = Outcome(judged[self.metric.key], judged, complete=False)
            board = board.with_row(chosen.trial, outcome)
        return Found(
            dataset=self.dataset,
            profile=self.profile,
            plan=self.plan,
            leaderboard=board,
            trial=chosen.trial,
            outcome=outcome,
            single=chosen.single,
            model=chosen.model,
            metric=self.metric,
            score=judged[self.metric.key],
            metrics=judged,
            baseline=baseline,
            train=self.train,
            holdout=self.holdout,
            seconds=time.monotonic() - self.started,
            note=" ".join(notes),
        )

    def _work(self) -> Work:
        labels = None if self.dataset.target is None else self.train[self.dataset.target]
        size = (len(self.train), len(self.plan.used), len(self.classes))
        goal = self.goal
        rows = algorithms.choose(
            self.dataset.task, size, only=goal.algorithms, without=goal.exclude
        )
        if not [row for row in rows if row.key != "dummy"]:
            raise BadSetting("exclude", ", ".join(goal.exclude), "Leave at least one algorithm.")
        return Work(
            features=self._features(self.train),
            labels=labels,
            task=self.dataset.task,
            classes=self.classes,
            plan=self.plan,
            rows={row.key: row for row in rows},
            metrics=_judged_by(self.metric, self.dataset, len(self.classes)),
            timed=goal.max_latency is not None,
            folds=[] if labels is None else _folds(self.train, labels, self.dataset.task, goal),
        )

    def _features(self, frame: pd.DataFrame) -> pd.DataFrame:
        return frame if self.dataset.target is None else frame.drop(columns=self.dataset.target)

    def _judge(self, model: Model, outcome: Outcome) -> dict[str, float]:
        self._doing("judging it on the rows kept apart")
        if self.dataset.target is None or not len(self.holdout):
            return {self.metric.key: outcome.score if outcome.score is not None else 0.0}
        truth = self._truth()
        answer = answer_of(model, self._features(self.holdout), self.classes)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            values = {each.key: each.of(truth, answer) for each in self.work.metrics}
        known = {key: value for key, value in values.items() if np.isfinite(value)}
        fallback = outcome.score if outcome.score is not None else 0.0
        return {self.metric.key: fallback, **known}

    def _truth(self) -> Array:
        return as_truth(self.holdout[self.dataset.target], self.dataset.task, self.classes)

    def _baseline(self) -> float | None:
        if "dummy" not in self.work.rows or not len(self.holdout):
            return None
        trial = Trial(-1, "dummy", {}, self.goal.seed, "default")
        row = self.work.rows["dummy"]
        model = build(row, {}, trial.seed, plan=self.plan, task=self.dataset.task)
        model.fit(self.work.features, self.work.labels)
        answer = answer_of(model, self._features(self.holdout), self.classes)
        value = self.metric.of(self._truth(), answer)
        return value if np.isfinite(value) else None

    def _doing(self, what: str) -> None:
        for watcher in self.watchers:
            watcher.doing(what)


def _classes(dataset: Dataset) -> tuple[Any, ...]:
    """Return the labels in order; for anomalies, the usual one first.

    Raises:
        BadSetting: Anomalies are labelled with more than two values.
    """
    if dataset.labels is None or dataset.task is Task.REGRESSION:
        return ()
    codes, values = pd.factorize(dataset.labels.dropna(), sort=True)
    classes = tuple(values.tolist())
    if dataset.task is Task.CLASSIFICATION:
        return classes
    if len(classes) > 2:
        raise BadSetting(
            f"the target {dataset.target!r}",
            f"a label of {len(classes)} values",
            "Anomalies are labelled with two values, such as 0 and 1.",
        )
    if set(classes) <= {0, 1}:
        return (False, True) if isinstance(classes[0], bool) else (0, 1)
    return classes if codes.mean() <= 0.5 else classes[::-1]


def _metric(dataset: Dataset, goal: Goal, classes: int) -> Metric:
    unlabelled = dataset.target is None
    if unlabelled and goal.metric not in (None, "agreement"):
        raise UnknownMetric(str(goal.metric), "anomalies without labels", ["agreement"])
    if goal.metric is not None:
        return metrics.find(goal.metric, dataset.task, max(2, classes))
    return metrics.default_for(dataset.task, classes, labelled=not unlabelled)


def _judged_by(metric: Metric, dataset: Dataset, classes: int) -> tuple[Metric, ...]:
    if dataset.target is None:
        return (metric,)
    usual = metrics.usual_for(dataset.task, classes)
    return (metric, *(each for each in usual if each.key != metric.key))


def _spared(plan: Plan, goal: Goal) -> Plan:
    """Return the plan without the columns that say how to split: new rows will not have them.

    Raises:
        BadSetting: No column would be left.
    """
    reasons = {
        goal.group: "It says which rows belong together; the model must do with others.",
        goal.split: "It says which rows are kept apart.",
    }
    used = [each for each in plan.columns if each.name not in reasons or each.name in goal.keep]
    if plan.columns and not used:
        raise BadSetting("split", ", ".join(goal.split_by.values()), "It is the only column left.")
    left = set(plan.used) - {each.name for each in used}
    dropped = [Dropped(name, reason) for name, reason in reasons.items() if name in left and name]
    return replace(plan, columns=tuple(used), dropped=(*plan.dropped, *dropped))


def _split(dataset: Dataset, goal: Goal) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the rows to learn from and those kept apart, without rows whose target is missing."""
    frame = dataset.frame
    if dataset.target is not None and frame[dataset.target].isna().any():
        frame = frame[frame[dataset.target].notna()].reset_index(drop=True)
    train, apart = splits.holdout(
        replace(dataset, frame=frame),
        seed=goal.seed, groups=goal.group, time=goal.time, column=goal.split,
    )  # fmt: skip
    return frame.iloc[train], frame.iloc[apart]


def _folds(
    train: pd.DataFrame, labels: pd.Series, task: Task, goal: Goal
) -> Sequence[tuple[Array, Array]]:
    columns = {kind: train[name] for kind, name in goal.split_by.items()}
    by = {"groups": columns.get("group"), "time": columns.get("time")}
    many = (5, 1)
    found = next((rest for most, *rest in FOLDS if len(labels) <= most), many)
    parts = splits.folds(
        labels, task=task, n=found[0], seed=goal.seed, repeats=found[1],
        marks=columns.get("split"), **by,
    )  # fmt: skip
    # Of a huge table one fold is enough; in time, the one that learned from most.
    return parts if len(labels) <= FOLDS[-1][0] else parts[-1:]
