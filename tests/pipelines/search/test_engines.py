"""Workers: processes that crash, hang, are interrupted or lose their parent."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import textwrap
import time
from concurrent.futures import BrokenExecutor, ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from pipelines import algorithms, executors
from pipelines import trial as trials
from pipelines.automl import find_best, prepare
from pipelines.errors import EngineDown
from pipelines.goal import Goal, header
from pipelines.journal import Journal
from pipelines.search import Budget, Question, search
from pipelines.search.clock import Clock
from pipelines.task import Task
from pipelines.testing import example
from pipelines.trial import Trial

ROOT = Path(__file__).parents[3]
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT)}
QUICK = ("logistic", "naive_bayes", "decision_tree")

SCRIPT = """
    import sys
    from pathlib import Path
    from pipelines.automl import find_best
    from pipelines.goal import Goal, header
    from pipelines.journal import Journal
    from pipelines.search import Budget
    from pipelines.task import Task
    from pipelines.testing import example

    dataset, goal = example(Task.CLASSIFICATION, rows=120), Goal(algorithms=("logistic", "knn"))
    journal = Journal.create(Path(sys.argv[1]), header(dataset, goal))

    class Aloud:
        def doing(self, what): pass
        def profiled(self, profile, plan): pass
        def searching(self, keys, budget): pass
        def chosen(self, trial, outcome): pass
        def tried(self, trial, outcome, board): print(trial.number, flush=True)

    try:
        budget = Budget(seconds=60, workers=2)
        print(find_best(dataset, goal, budget, journal=journal, watchers=[Aloud()]).note)
        print("ended with", len(journal.replay()), flush=True)
    except KeyboardInterrupt:
        print("interrupted", len(journal.replay()), flush=True)
"""


def exits(params):
    """A stand-in for a library that takes the whole process down."""
    os._exit(3)
    return params


def sleeps(params):
    """A stand-in for a library that never looks at the clock."""
    time.sleep(600)
    return params


@pytest.fixture
def work():
    return prepare(
        example(Task.CLASSIFICATION, rows=120), Goal(algorithms=QUICK), engine="serial"
    ).work


def swapped(work, key, prepare):
    return replace(work, rows={**work.rows, key: replace(work.rows[key], prepare=prepare)})


def ask(crew, number, key, work):
    return crew.ask(Trial(number, key, dict(work.rows[key].default), 0, "default"), None)


def test_processes_give_the_outcomes_of_serial(work):
    outcomes = {}
    for engine in ("serial", "processes"):
        with executors.crew(engine, 2, work) as crew:
            futures = [ask(crew, number, key, work) for number, key in enumerate(QUICK)]
            outcomes[engine] = [future.result() for future in futures]
    for first, second in zip(*outcomes.values(), strict=True):
        assert first.failure is None
        assert first.score == pytest.approx(second.score, abs=1e-9)


def test_a_worker_that_dies_takes_no_other_trial_with_it(work):
    broken = swapped(work, "naive_bayes", exits)
    with executors.crew("processes", 2, broken) as crew:
        futures = [ask(crew, number, key, broken) for number, key in enumerate(QUICK)]
        with pytest.raises(BrokenExecutor):
            futures[1].result(timeout=240)
        assert futures[0].result(timeout=240).score is not None
        again = ask(crew, 3, "logistic", broken)
        assert again.result(timeout=240).score is not None


def test_a_hanging_trial_can_be_ended(work):
    stuck = swapped(work, "naive_bayes", sleeps)
    with executors.crew("processes", 1, stuck) as crew:
        future = ask(crew, 0, "naive_bayes", stuck)
        time.sleep(0.2)
        crew.kill(future)
        with pytest.raises(BrokenExecutor):
            future.result(timeout=240)
        assert ask(crew, 1, "logistic", stuck).result(timeout=240).score is not None


def test_a_search_goes_on_after_a_crash(monkeypatch):
    from pipelines.algorithms import linear

    rows = tuple(
        replace(row, prepare=exits) if row.key == "naive_bayes" else row for row in linear.ROWS
    )
    monkeypatch.setattr(linear, "ROWS", rows)
    found = find_best(
        example(Task.CLASSIFICATION, rows=120),
        Goal(algorithms=("logistic", "naive_bayes")),
        Budget(trials=5, workers=2),
    )
    assert len(found.leaderboard) == 5
    assert any("the worker died" in reason for reason in found.leaderboard.failures)
    assert found.trial.algorithm_key == "logistic"


def test_seconds_are_kept_with_a_trial_that_hangs(monkeypatch):
    from pipelines.algorithms import linear

    rows = tuple(
        replace(row, prepare=sleeps) if row.key == "naive_bayes" else row for row in linear.ROWS
    )
    monkeypatch.setattr(linear, "ROWS", rows)
    found = find_best(
        example(Task.CLASSIFICATION, rows=120),
        Goal(algorithms=("logistic", "naive_bayes"), simple=True),
        Budget(seconds=12, workers=2),
    )
    assert found.trial.algorithm_key == "logistic"
    assert found.seconds < 12 + 240, "it does not wait for the one that hangs"


def test_a_script_without_a_main_guard_searches_once(tmp_path):
    script = tmp_path / "bare.py"
    script.write_text(
        "from pipelines.testing import example\n"
        "from pipelines.task import Task\n"
        "from pipelines.automl import find_best\n"
        "from pipelines.goal import Goal\n"
        "from pipelines.search import Budget\n"
        "print('begun', flush=True)\n"
        "goal = Goal(algorithms=['ridge'])\n"
        "found = find_best(example(Task.REGRESSION), goal, Budget(trials=3))\n"
        "print(found.trial.algorithm_key, flush=True)\n",
        encoding="utf-8",
    )
    told = subprocess.run(
        [sys.executable, script], capture_output=True, text=True, check=False, env=ENVIRONMENT
    )
    assert told.stdout.split() == ["begun", "ridge"], told.stderr


def started(path):
    return subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(SCRIPT), str(path)],
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
        env=ENVIRONMENT,
    )


def test_kill_9_loses_no_trial_that_was_told_and_leaves_no_worker(tmp_path):
    path = tmp_path / "run.jsonl"
    process = started(path)
    heard = {int(process.stdout.readline()) for _ in range(4)}
    group = os.getpgid(process.pid)
    process.kill()
    process.wait()
    process.stdout.close()
    dataset = example(Task.CLASSIFICATION, rows=120)
    goal = Goal(algorithms=("logistic", "knn"))
    kept = Journal.open(path, header(dataset, goal)).replay()
    assert heard <= {trial.number for trial, _ in kept}
    assert all(outcome.out_of_fold is not None for _, outcome in kept if outcome.score is not None)
    for _ in range(1200):
        try:
            os.killpg(group, 0)
        except ProcessLookupError:
            break
        time.sleep(0.1)
    else:
        pytest.fail("some worker outlived its parent by two minutes")


def test_ctrl_c_ends_early_with_the_best_so_far(tmp_path):
    path = tmp_path / "run.jsonl"
    process = started(path)
    for _ in range(3):
        process.stdout.readline()
    os.killpg(os.getpgid(process.pid), signal.SIGINT)
    told, _ = process.communicate(timeout=240)
    note, last = told.strip().splitlines()[-2:]
    lines = path.read_text(encoding="utf-8").splitlines()
    assert last == f"ended with {len(lines) - 1}"
    assert f"ended early: the best of {len(lines) - 1} trials" in note
    assert json.loads(lines[-1])["outcome"]["score"] is not None


def test_a_dask_scheduler_that_is_not_there_is_one_sentence(monkeypatch, work):
    distributed = pytest.importorskip("distributed")
    real = distributed.Client
    monkeypatch.setattr(distributed, "Client", lambda place, timeout: real(place, timeout="200ms"))
    with (
        pytest.raises(EngineDown, match=r"127\.0\.0\.1:9"),
        executors.crew("dask://127.0.0.1:9", 1, work),
    ):
        pass


def test_one_key_finds_a_row_per_task():
    assert algorithms.find("lightgbm", Task.REGRESSION).target == "lightgbm:LGBMRegressor"


def hogs(params):
    """A stand-in for a library that takes whatever memory there is."""
    taken = [bytearray(20 * 2**20) for _ in range(100)]
    return params if len(taken) == 100 else {}


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux limits what a process may take")
@pytest.mark.parametrize("engine", ["serial", "processes"])
def test_a_trial_that_takes_too_much_memory_is_ended_and_the_search_goes_on(
    monkeypatch, tmp_path, engine
):
    from pipelines.algorithms import linear

    rows = tuple(
        replace(row, prepare=hogs) if row.key == "naive_bayes" else row for row in linear.ROWS
    )
    monkeypatch.setattr(linear, "ROWS", rows)
    dataset, goal = example(Task.CLASSIFICATION, rows=120), Goal(algorithms=QUICK[:2])
    journal = Journal.create(tmp_path / "run.jsonl", header(dataset, goal))
    budget = Budget(trials=5, workers=1, memory=300 * 2**20)
    found = find_best(dataset, goal, budget, journal=journal, engine=engine)
    reason = "it needed more memory than the 300 MB a trial may take"
    assert found.leaderboard.failures == {f"naive_bayes: {reason}": 1}
    kept = {trial.algorithm_key: outcome.failure for trial, outcome in journal.replay()}
    assert kept["naive_bayes"] == reason
    assert kept["logistic"] is None
    assert "logistic" in {trial.algorithm_key for trial, _ in found.leaderboard.rows}


def test_a_trial_that_takes_longer_than_one_may_is_ended_and_says_so(monkeypatch):
    from pipelines.algorithms import linear

    rows = tuple(
        replace(row, prepare=sleeps) if row.key == "naive_bayes" else row for row in linear.ROWS
    )
    monkeypatch.setattr(linear, "ROWS", rows)
    found = find_best(
        example(Task.CLASSIFICATION, rows=120),
        Goal(algorithms=("logistic", "naive_bayes")),
        Budget(trials=4, workers=1, trial_seconds=3),
    )
    assert any("seconds a trial may take" in reason for reason in found.leaderboard.failures)
    assert found.trial.algorithm_key == "logistic"


class Order:
    """A watcher that remembers what was begun and what was told, in order."""

    def __init__(self):
        self.heard = []

    def doing(self, what):
        self.heard.append("begun")

    profiled = searching = chosen = lambda *_: None

    def tried(self, trial, outcome, board):
        self.heard.append("told")


@pytest.mark.parametrize(("workers", "begun"), [(1, 1), (2, 3), (4, 5)])
def test_who_ends_is_given_its_next_trial_before_what_it_found_is_told(work, workers, begun):
    order = Order()
    with ThreadPoolExecutor(workers) as pool:
        crew = executors.Crew(
            workers, lambda trial, seconds: pool.submit(trials.run, trial, work, seconds)
        )
        board = search(work, Clock(trials=8), crew, Question(watchers=[order]))
    assert order.heard.index("told") >= begun
    assert sorted(trial.number for trial, _ in board.rows) == list(range(8))
