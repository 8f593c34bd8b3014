"""A search in MLflow: one parent, one child per trial, nothing twice, nothing lost."""

from __future__ import annotations

import json
import logging
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest

from pipelines.errors import TrackingDown
from pipelines.task import Task
from pipelines.tracking import Tracker, trials
from pipelines.tracking import store as reaching
from pipelines.trial import Outcome, Trial

ROOT = Path(__file__).parents[3]


def search(tracker, pairs, board):
    for trial, outcome in pairs:
        board = board.with_row(trial, outcome)
        tracker.tried(trial, outcome, board)
    return board


def test_a_search_is_a_parent_run_with_a_child_for_each_trial(store, pairs, board):
    tracker = Tracker(store.uri, "credit-risk")
    run_id = tracker.start("credit-risk", {"mlops.task": "classification"}, {"seed": 7})
    search(tracker, pairs, board)
    assert tracker.finish(metrics={"holdout_roc_auc": 0.9}) == ()
    children = store.children(run_id)
    assert sorted(children) == list(range(6))
    assert store.status(run_id) == "FINISHED"
    assert store.tags(run_id)["mlops.task"] == "classification"
    params = dict(store.ask("select key, value from params where run_uuid = ?", children[3 - 1]))
    assert params == {
        "algorithm": "lightgbm", "seed": "7", "learning_rate": "0.2",
        "num_leaves": "31", "n_estimators": "120",
    }  # fmt: skip
    told = store.ask("select key, step, value from metrics where run_uuid = ?", children[2])
    assert ("roc_auc", 0, 0.82) in told
    assert {("fold_score", 0, 0.79), ("fold_score", 1, 0.81), ("seconds", 0, 1.5)} <= set(told)
    best = store.ask("select step from metrics where key = 'best_roc_auc' order by step")
    assert [step for (step,) in best] == [0, 1, 2, 4, 5]


def test_a_failed_trial_is_a_failed_run_that_says_why(store, pairs, board):
    tracker = Tracker(store.uri, "credit-risk")
    run_id = tracker.start("one", {}, {})
    search(tracker, pairs, board)
    tracker.finish()
    failed = store.children(run_id)[3]
    assert store.status(failed) == "FAILED"
    assert store.tags(failed)["mlops.failure"] == "ValueError: input has negative values"
    assert store.tags(failed)["mlops.state"] == "failed"


def test_the_parent_holds_profile_plan_data_leaderboard_and_environment(
    store, pairs, board, fitted
):
    one = fitted("logistic", Task.CLASSIFICATION)
    tracker = Tracker(store.uri, "credit-risk")
    run_id = tracker.start("one", {}, {"budget": 60})
    tracker.log_dataset(one.dataset)
    tracker.profiled(one.profile, one.plan)
    tracker.searching(["lightgbm"], None)
    search(tracker, pairs, board)
    tracker.chosen(*pairs[5])
    assert tracker.finish() == ()
    ((where,),) = store.ask("select artifact_uri from runs where run_uuid = ?", run_id)
    found = {p.relative_to(where).as_posix(): p for p in Path(where).rglob("*") if p.is_file()}
    assert set(found) == {
        "environment.txt", "leaderboard.csv", "leaderboard.html", "plan.json", "winner.json",
        "profile/profile.html", "profile/profile.json",
    }  # fmt: skip
    assert json.loads(found["winner.json"].read_text())["params"]["learning_rate"] == 0.5
    assert json.loads(found["plan.json"].read_text()) == json.loads(
        json.dumps(one.plan.to_dict(), default=str)
    )
    assert "scikit-learn==" in found["environment.txt"].read_text()
    ((digest, context),) = store.ask(
        "select d.digest, t.value from datasets d join inputs i on i.source_id = d.dataset_uuid "
        "join input_tags t on t.input_uuid = i.input_uuid where i.destination_id = ?",
        run_id,
    )
    assert one.dataset.digest.startswith(digest)
    assert context == "training"
    assert store.tags(run_id)["mlops.winner"] == "lightgbm (trial 5)"


def test_a_resumed_run_gets_only_the_trials_it_lacks(store, pairs, board):
    first = Tracker(store.uri, "credit-risk")
    run_id = first.start("one", {}, {"seed": 7})
    board = search(first, pairs[:3], board)
    first.finish("KILLED")
    assert store.status(run_id) == "KILLED"
    before = store.children(run_id)
    second = Tracker(store.uri, "credit-risk")
    assert second.start("one", {}, {"seed": 7, "budget": 30}, run_id=run_id) == run_id
    assert second.log_missing(pairs[:4]) == 1
    search(second, pairs, board)
    second.finish()
    after = store.children(run_id)
    assert sorted(after) == list(range(6))
    assert {number: after[number] for number in before} == before
    assert store.status(run_id) == "FINISHED"
    assert len(store.ask("select 1 from runs")) == 7


def test_an_ensemble_gets_a_child_run_that_is_no_trial_for_a_later_resume(store, pairs, board):
    tracker = Tracker(store.uri, "credit-risk")
    run_id = tracker.start("one", {}, {})
    search(tracker, pairs, board)
    params = {"002 lightgbm": 0.6, "005 logistic": 0.4}
    tracker.chosen(Trial(6, "ensemble", params, 7, "ensemble"), Outcome(0.9, {"roc_auc": 0.9}))
    tracker.finish()
    told = store.ask("select value from params where key = 'members'")
    assert [value for (value,) in told] == ["002 lightgbm 0.60, 005 logistic 0.40"]
    again = Tracker(store.uri, "credit-risk")
    again.start("one", {}, {}, run_id=run_id)
    assert again.log_missing([(Trial(6, "ridge", {}, 7, "tuned"), Outcome(0.5))]) == 1
    again.finish()


def test_a_child_run_that_was_cut_short_is_completed_not_doubled(store, pairs, board):
    first = Tracker(store.uri, "credit-risk")
    run_id = first.start("one", {}, {})
    tags = trials.tags_of(*pairs[0]) | {trials.PARENT: run_id}
    half = first._client.create_run(first.experiment_id, tags=tags).info.run_id
    first.finish("KILLED")
    second = Tracker(store.uri, "credit-risk")
    second.start("one", {}, {}, run_id=run_id)
    assert second.log_missing(pairs) == 6
    second.finish()
    assert store.children(run_id)[0] == half
    assert store.status(half) == "FINISHED"


def test_the_search_does_not_wait_while_the_store_is_locked(store, pairs, board):
    tracker = Tracker(store.uri, "credit-risk")
    run_id = tracker.start("one", {}, {})
    other = sqlite3.connect(store.path, isolation_level=None)
    other.execute("begin immediate")
    search(tracker, pairs, board)
    assert store.children(run_id) == {}, "it ended before anything could be written"
    other.execute("rollback")
    other.close()
    assert tracker.finish() == ()
    assert sorted(store.children(run_id)) == list(range(6))


def test_a_database_that_may_only_be_read_is_looked_at_and_no_other_file_is_made(store, tmp_path):
    with reaching.calm():
        client = reaching.connect(f"sqlite:///file:{store.path}?mode=ro&uri=true")
        assert [each.name for each in client.search_experiments()] == ["Default"]
    assert [path.name for path in tmp_path.rglob("*.db*") if path != store.path] == []


def test_a_store_that_breaks_costs_one_warning_and_what_is_missing_is_written_later(
    store, pairs, board, caplog
):
    tracker = Tracker(store.uri, "credit-risk")
    run_id = tracker.start("one", {}, {})
    board = search(tracker, pairs[:2], board)
    tracker._writer.flush()
    store.ask("alter table params rename to params_away")
    store.ask("alter table runs rename to runs_away")
    board = search(tracker, pairs[2:], board)
    with caplog.at_level(logging.WARNING):
        missing = tracker.finish()
    assert len(missing) >= 4
    (warning,) = [record for record in caplog.records if record.name.startswith("pipelines")]
    assert f"--resume {run_id}" in warning.getMessage()
    store.ask("alter table params_away rename to params")
    store.ask("alter table runs_away rename to runs")
    later = Tracker(store.uri, "credit-risk")
    later.start("one", {}, {}, run_id=run_id)
    later.log_missing(pairs)
    assert later.finish() == ()
    children = store.children(run_id)
    assert sorted(children) == list(range(6))
    assert {store.status(run) for run in children.values()} == {"FINISHED", "FAILED"}
    assert store.status(run_id) == "FINISHED"


def test_one_record_that_is_refused_does_not_hold_up_the_others(store, pairs, board):
    tracker = Tracker(store.uri, "credit-risk")
    run_id = tracker.start("one", {}, {})
    tracker.log_texts({"../outside.txt": "refused"})
    search(tracker, pairs, board)
    assert tracker.finish() == ("log_text",)
    assert sorted(store.children(run_id)) == list(range(6))
    assert store.status(run_id) == "FINISHED"


def test_finishing_twice_or_before_the_start_does_nothing(store):
    tracker = Tracker(store.uri, "credit-risk")
    assert tracker.finish("FAILED") == ()
    run_id = tracker.start("one", {}, {})
    tracker.finish("KILLED")
    tracker.finish("FINISHED")
    assert store.status(run_id) == "KILLED"


def test_stdout_belongs_to_the_caller_and_stderr_stays_silent(tmp_path):
    script = (
        "from pipelines.tracking import Tracker; import json; t = Tracker('sqlite:///a.db', 'e');"
        "run = t.start('one', {}, {'a': 1}); t.finish(); print(json.dumps({'run_id': run}))"
    )
    ran = subprocess.run(
        [sys.executable, "-c", script],
        cwd=tmp_path, env={"PYTHONPATH": str(ROOT)}, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert len(json.loads(ran.stdout)["run_id"]) == 32
    assert ran.stderr == ""


@pytest.mark.parametrize(
    ("uri", "reason"),
    [
        ("http://127.0.0.1:9", "nobody answers"),
        ("postgresql://ada:secret@127.0.0.1:9/mlflow", "nobody answers"),
        ("sqlite:///{here}/text.txt/mlflow.db", "text.txt"),
        ("sqlite:////proc/none/mlflow.db", "proc"),
        ("sqlite:///{here}/text.txt", "file is not a database"),
        ("gopher://somewhere", "unsupported URI"),
    ],
)
def test_a_store_that_cannot_be_used_is_one_sentence_within_seconds(uri, reason, tmp_path):
    (tmp_path / "text.txt").write_text("not a database, whatever its name says " * 40)
    started = time.monotonic()
    with pytest.raises(TrackingDown, match=reason) as told:
        Tracker(uri.format(here=tmp_path), "e").start("one", {}, {})
    assert time.monotonic() - started < 200, "left alone, MLflow tries for four minutes"
    assert "\n" not in str(told.value)
    assert "secret" not in str(told.value)


def test_an_experiment_in_the_trash_is_named_with_the_way_back(store):
    tracker = Tracker(store.uri, "old")
    tracker.start("one", {}, {})
    tracker.finish()
    tracker._client.delete_experiment(tracker.experiment_id)
    with pytest.raises(TrackingDown, match=f"experiments restore -x {tracker.experiment_id}"):
        Tracker(store.uri, "old").start("two", {}, {})
