"""From a table to its best model: profile, plan, split, search, fit once more, judge.

A fifth of the rows is kept apart before the search and never used for choosing; what is said of
the winner was measured there. The seconds of a budget count from the first line to the last.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from pipelines import alarms, algorithms, executors, judging, memory, parts, processes, splits
from pipelines import search as searching
from pipelines.adapters import build
from pipelines.cleaning.plan import plan as propose
from pipelines.errors import BadSetting
from pipelines.judging import Judgement
from pipelines.profile.table import profile as look_at
from pipelines.profile.table import require_sound
from pipelines.search.clock import Clock
from pipelines.shelf import Shelf
from pipelines.task import Task
from pipelines.trial import Outcome, Trial, Work, answer_of, run, usual_first
from pipelines.winner import Choice

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pipelines.adapters import Model
    from pipelines.cleaning.plan import Plan
    from pipelines.dataset import Dataset
    from pipelines.decisions import Decision
    from pipelines.goal import Goal
    from pipelines.journal import Journal
    from pipelines.judging import Apart
    from pipelines.leaderboard import Leaderboard
    from pipelines.metrics import Array, Metric
    from pipelines.profile.facts import Profile
    from pipelines.recipe import Recipe
    from pipelines.search import Budget, Watcher
    from pipelines.winner import Chosen


OPENING = 0.9
"""How much of the seconds an engine may take to open; then the default is fitted without it."""


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
    interval: tuple[float, float] | None = None
    """Of ``score``, 95 %, over draws of the rows kept apart; None where those are too few."""
    answer: Array | None = None
    """What the model says of the rows kept apart; the columns are the ``classes``."""
    classes: tuple[Any, ...] = ()
    decision: Decision | None = None
    """How it names a class, where that is not the likeliest one."""
    nested: Mapping[str, Any] | None = None
    """What nested evaluation told of the whole procedure, where it was asked for."""
    recipe: Recipe
    """How the model can be made again."""
    baseline: float | None
    """The dummy's metric on the rows kept apart."""
    train: pd.DataFrame
    holdout: pd.DataFrame
    seconds: float
    note: str = ""
    """What a reader must know of how it was found; empty when there is nothing unusual."""


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
        processes.warm_up()
    return Prepared(dataset, goal, watchers)


class Prepared:
    """A table that was looked at, planned for and split; ``watchers`` may be added to.

    ``apart`` says which rows to learn from and which to keep, where the goal does not.
    """

    def __init__(
        self,
        dataset: Dataset,
        goal: Goal,
        watchers: Sequence[Watcher],
        apart: tuple[Array, Array] | None = None,
    ) -> None:
        self.started = time.monotonic()
        dataset, self.partial = alarms.completed(dataset)
        self.dataset = dataset
        self.goal, self.watchers = goal, watchers
        self.diagnosis: alarms.Diagnosis | None = None
        _ = goal.ceilings  # they must make sense
        splits.check(dataset, list(goal.split_by.values()))
        self.classes = _classes(dataset)
        self.metric = judging.metric_for(dataset, goal.metric, self.classes)
        self._doing("profiling the table")
        self.profile = look_at(dataset, keep=goal.keep, seed=goal.seed)
        require_sound(self.profile)
        self.plan = parts.spared(goal.plan or propose(self.profile, dataset), goal)
        for watcher in watchers:
            watcher.profiled(self.profile, self.plan)
        self.train, self.holdout = parts.split(dataset, goal, apart)
        self.work = self._work()
        self.apart = self._apart()
        self.shelf = Shelf()

    def find_best(
        self, budget: Budget, *, journal: Journal | None = None, engine: str = "processes"
    ) -> Found:
        """Search, fit the winner once more and judge it on the rows kept apart.

        Raises:
            AllTrialsFailed: Not one algorithm could be fitted; their reasons are grouped.
        """
        spent = journal.spent if journal else 0.0
        clock = Clock(budget.seconds, budget.trials, spent, self.started, budget.trial_seconds)
        return self.found(self.choose(self.search(clock, budget, journal, engine), clock))

    def search(
        self, clock: Clock, budget: Budget, journal: Journal | None, engine: str
    ) -> Leaderboard:
        """Open the engine, send it the table once, and try until the clock says stop."""
        for watcher in self.watchers:
            watcher.searching(tuple(self.work.rows), budget)
        mixing = not self.goal.simple and self.dataset.task is not Task.ANOMALY
        self.shelf = Shelf(journal.folder if journal else None)
        question = searching.Question(
            seed=self.goal.seed, journal=journal, watchers=self.watchers, ensemble=mixing,
            shelf=self.shelf,
        )  # fmt: skip
        here = not engine.startswith("dask://")
        most = budget.memory or (memory.usual(budget.workers) if here else None)
        work = replace(self.work, memory=most, shelf=self.shelf.folder if here else None)
        self.shelf.sweep()
        try:
            with executors.crew(engine, budget.workers, work, OPENING * clock.left) as crew:
                return searching.search(work, clock, crew, question)
        finally:
            self.shelf.sweep()

    def choose(self, board: Leaderboard, clock: Clock) -> Chosen:
        """Fit what won on all training rows: an ensemble, or the single best.

        Raises:
            AllTrialsFailed: Nothing could be fitted.
        """
        choice = Choice(
            board=board, work=self.work, clock=clock, seed=self.goal.seed,
            simple=self.goal.simple, watchers=self.watchers,
            shelf=self.shelf,
        )  # fmt: skip
        chosen = choice.make()
        if self.dataset.task is Task.ANOMALY:
            self._doing("finding where to cut")
            truth = None if self.apart is None else self.apart.truth
            held = alarms.Held(self._features(self.holdout), truth)
            told = alarms.arm(chosen, self.work, self.goal.cut, held, partial=self.partial)
            self.diagnosis = told
            chosen.notes.append(told.told())
        return chosen

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
            score = judged.metrics[self.metric.key]
            outcome = Outcome(score, judged.metrics, complete=False)
            board = board.with_row(chosen.trial, outcome)
        board = self._with_baseline(board, baseline if chosen.outcome.score is None else None)
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
            score=judged.metrics[self.metric.key],
            metrics=judged.metrics,
            interval=judged.interval,
            answer=judged.answer,
            classes=self.classes,
            decision=chosen.decision,
            recipe=chosen.recipe,
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
        aim = None
        if labels is not None and self.dataset.task is Task.REGRESSION:
            aim = algorithms.Aim.of(labels, self.metric.loss)
        rows = algorithms.choose(
            self.dataset.task, size, only=goal.algorithms, without=goal.exclude, aim=aim
        )
        if labels is None and not goal.algorithms:
            rows = [row for row in rows if "labels" not in row.needs]
        if not [row for row in rows if row.key != "dummy"]:
            raise BadSetting("exclude", ", ".join(goal.exclude), "Leave at least one algorithm.")
        return Work(
            features=self._features(self.train),
            labels=labels,
            task=self.dataset.task,
            classes=self.classes,
            plan=self.plan,
            rows={row.key: row for row in rows},
            metrics=judging.judged_by(self.metric, self.dataset, len(self.classes)),
            ceilings=goal.ceilings,
            bagged=parts.may_bag(self.dataset.task, goal),
            folds=[]
            if labels is None
            else parts.folds(self.train, labels, self.dataset.task, goal),
        )

    def _apart(self) -> Apart | None:
        rows = judging.apart(self.holdout, self.dataset, self.classes, self.work.metrics)
        if rows is None or self.goal.group is None:
            return rows
        codes = pd.factorize(self.holdout[self.goal.group], use_na_sentinel=False)[0]
        return replace(rows, groups=codes)

    def _features(self, frame: pd.DataFrame) -> pd.DataFrame:
        return frame if self.dataset.target is None else frame.drop(columns=self.dataset.target)

    def _judge(self, model: Model, outcome: Outcome) -> Judgement:
        self._doing("judging it on the rows kept apart")
        fallback = {self.metric.key: outcome.score if outcome.score is not None else 0.0}
        if self.apart is None:
            return Judgement(fallback)
        judged = judging.judge(model, self.apart, seed=self.goal.seed)
        return replace(judged, metrics={**fallback, **judged.metrics})

    def _baseline(self) -> float | None:
        if "dummy" not in self.work.rows or self.apart is None:
            return None
        row = self.work.rows["dummy"]
        model = build(row, {}, self.goal.seed, plan=self.plan, task=self.dataset.task)
        model.fit(self.work.features, self.work.labels)
        answer = answer_of(model, self.apart.features, self.classes)
        value = self.metric.of(self.apart.truth, answer)
        return value if np.isfinite(value) else None

    def _with_baseline(self, board: Leaderboard, held_out: float | None) -> Leaderboard:
        """Return the board with the baseline on it, also where the search had no time for it."""
        keys = {trial.algorithm_key for trial, _ in board.rows}
        if "dummy" in keys or "dummy" not in self.work.rows or self.work.labels is None:
            return board
        number = 1 + max((trial.number for trial, _ in board.rows), default=-1)
        trial = Trial(number, "dummy", {}, self.goal.seed, "default")
        if held_out is None:
            return board.with_row(trial, run(trial, self.work))
        return board.with_row(
            trial, Outcome(held_out, {self.metric.key: held_out}, complete=False)
        )

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
    classes = tuple(pd.factorize(dataset.labels.dropna(), sort=True)[1].tolist())
    if dataset.task is Task.CLASSIFICATION:
        return classes
    if len(classes) > 2:
        raise BadSetting(
            f"the target {dataset.target!r}",
            f"a label of {len(classes)} values",
            "Anomalies are labelled with two values, such as 0 and 1.",
        )
    return usual_first(dataset.labels)
