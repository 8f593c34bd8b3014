"""A search on real Dask workers: in time, repeatable, and through the death of one."""

from __future__ import annotations

import os
import signal
import threading
import time
from dataclasses import replace

import pytest

from pipelines.automl import find_best
from pipelines.executors import LATE
from pipelines.goal import Goal, header
from pipelines.journal import Journal
from pipelines.search import Budget
from pipelines.task import Task
from pipelines.testing import example

distributed = pytest.importorskip("distributed")
psutil = pytest.importorskip("psutil")

pytestmark = pytest.mark.filterwarnings("ignore")


class Diary:
    """A watcher that remembers, and does something after the third trial."""

    def __init__(self, then=lambda: None):
        self.numbers, self._then = [], then

    def doing(self, what):
        """Nothing to remember."""

    profiled = searching = chosen = lambda *_: None

    def tried(self, trial, outcome, board):
        self.numbers.append(trial.number)
        if len(self.numbers) == 3:
            threading.Thread(target=self._then).start()


def workers():
    """The processes that Dask runs trials in."""
    children = psutil.Process().children(recursive=True)
    return [each for each in children if "spawn_main" in " ".join(each.cmdline())]


def wait_until_closed():
    """Wait for the end of a cluster; one that came too late is closed as soon as it is there."""
    deadline = time.monotonic() + 240
    while any(each.name == LATE for each in threading.enumerate()) or workers():
        assert time.monotonic() < deadline, "the cluster is still there"
        time.sleep(0.1)


def test_a_worker_that_is_killed_loses_no_trial_and_the_run_goes_on(tmp_path):
    dataset = example(Task.CLASSIFICATION, rows=300)
    goal = Goal(algorithms=("logistic", "decision_tree", "knn"))
    journal = Journal.create(tmp_path / "run.jsonl", header(dataset, goal))
    killed = []

    def kill():
        killed.append(max(workers(), key=lambda each: each.cpu_times().user).pid)
        os.kill(killed[0], signal.SIGKILL)

    diary = Diary(kill)
    budget = Budget(trials=14, workers=2)
    found = find_best(dataset, goal, budget, journal=journal, watchers=[diary], engine="dask")
    assert killed
    assert not psutil.pid_exists(killed[0])
    kept = {trial.number: outcome for trial, outcome in journal.replay()}
    assert sorted(kept) == sorted(diary.numbers) == list(range(14))
    assert not [outcome for outcome in kept.values() if outcome.failure]
    assert found.score < found.baseline
    assert not workers()


def sleeps(params):
    """A stand-in for a library that never looks at the clock."""
    time.sleep(600)
    return params


def test_the_seconds_are_kept_with_a_trial_that_hangs(monkeypatch):
    from pipelines.algorithms import linear

    rows = tuple(
        replace(row, prepare=sleeps) if row.key == "naive_bayes" else row for row in linear.ROWS
    )
    monkeypatch.setattr(linear, "ROWS", rows)
    goal = Goal(algorithms=("logistic", "naive_bayes"))
    started = time.monotonic()
    budget = Budget(seconds=12, workers=2)
    found = find_best(example(Task.CLASSIFICATION, rows=120), goal, budget, engine="dask")
    assert found.trial.algorithm_key != "naive_bayes"
    assert time.monotonic() - started < 12 + 240, "it does not wait for the one that hangs"
    wait_until_closed()


def test_a_worker_that_hangs_is_started_anew_and_goes_on(monkeypatch):
    from pipelines.algorithms import linear

    rows = tuple(
        replace(row, prepare=sleeps) if row.key == "naive_bayes" else row for row in linear.ROWS
    )
    monkeypatch.setattr(linear, "ROWS", rows)
    goal = Goal(algorithms=("logistic", "naive_bayes"), simple=True)
    budget = Budget(trials=5, workers=1, trial_seconds=20)  # a new worker imports first
    found = find_best(example(Task.CLASSIFICATION, rows=120), goal, budget, engine="dask")
    assert len(found.leaderboard) == 5
    assert any("seconds a trial may take" in reason for reason in found.leaderboard.failures)
    assert found.trial.algorithm_key == "logistic"
    assert not workers()


def test_one_worker_of_an_existing_cluster_tries_what_serial_tries():
    dataset = example(Task.CLASSIFICATION, rows=120)
    goal, budget = Goal(algorithms=("logistic", "naive_bayes")), Budget(trials=6, workers=1)
    with distributed.LocalCluster(
        n_workers=1, threads_per_worker=1, dashboard_address=None, silence_logs=50
    ) as cluster:
        there = cluster.scheduler_address.replace("tcp://", "dask://")
        spread = find_best(dataset, goal, budget, engine=there)
        assert len(workers()) == 1, "a cluster of somebody else is left alone"
    alone = find_best(dataset, goal, budget, engine="serial")

    def told(found):
        return [(t.number, t.algorithm_key, dict(t.params)) for t, _ in found.leaderboard.rows]

    assert told(spread) == told(alone)
    assert spread.trial == alone.trial
    assert spread.outcome.score == pytest.approx(alone.outcome.score, abs=1e-9)


def test_a_cluster_that_is_not_open_in_time_leaves_the_default_model_and_is_closed():
    dataset = example(Task.CLASSIFICATION, rows=200)
    goal = Goal(algorithms=("logistic",))
    found = find_best(dataset, goal, Budget(seconds=0.05, workers=1), engine="dask")
    assert "too short for one trial" in found.note
    assert found.trial.algorithm_key == "logistic"
    wait_until_closed()
