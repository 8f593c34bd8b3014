import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from pipelines.errors import BadJournal, JournalInUse
from pipelines.journal import Journal
from pipelines.trial import Outcome, Trial

HEADER = {"digest": "abc", "task": "regression", "seed": 0}
FIRST = Trial(0, "ridge", {"alpha": 1.0, "weights": None}, 0, "default")
SECOND = Trial(3, "mlp", {"layers": "64"}, 0, "tuned", bar=2.5)


def scored(number=1.5):
    predictions = np.array([0.5, np.nan, 2.0], dtype=np.float32)
    return Outcome(
        np.float64(number), {"rmse": number}, (1.0, 2.0), 0.25, None, predictions, {"rounds": 7}
    )


def test_what_was_written_is_read_back(tmp_path):
    journal = Journal.create(tmp_path / "runs" / "a.jsonl", HEADER)
    journal.append(FIRST, scored(), spent=4.0)
    journal.append(SECOND, Outcome(None, failure="ValueError: no"), spent=5.5)
    again = Journal.open(tmp_path / "runs" / "a.jsonl", HEADER)
    assert again.spent == 5.5
    assert again.replay() == [(FIRST, scored()), (SECOND, Outcome(None, failure="ValueError: no"))]
    np.testing.assert_array_equal(again.replay()[0][1].out_of_fold, scored().out_of_fold)
    assert journal.replay() == again.replay()


def test_a_line_cut_off_by_a_kill_is_dropped_and_the_next_one_is_whole(tmp_path):
    path = tmp_path / "a.jsonl"
    journal = Journal.create(path, HEADER)
    journal.append(FIRST, scored())
    with path.open("a") as file:
        file.write('{"trial": {"number": 1, "algor')
    again = Journal.open(path, HEADER)
    assert [trial.number for trial, _ in again.replay()] == [0]
    again.append(SECOND, scored())
    assert [trial.number for trial, _ in Journal.open(path, HEADER).replay()] == [0, 3]


def test_a_journal_is_never_written_over(tmp_path):
    Journal.create(tmp_path / "a.jsonl", HEADER)
    with pytest.raises(BadJournal, match="already"):
        Journal.create(tmp_path / "a.jsonl", HEADER)


@pytest.mark.parametrize("name", ["digest", "task", "seed"])
def test_a_journal_about_something_else_is_refused_by_name(tmp_path, name):
    Journal.create(tmp_path / "a.jsonl", HEADER)
    with pytest.raises(BadJournal, match=f"its {name} is"):
        Journal.open(tmp_path / "a.jsonl", {**HEADER, name: "other"})


def test_a_missing_journal_is_one_sentence(tmp_path):
    with pytest.raises(BadJournal, match="no journal"):
        Journal.open(tmp_path / "none.jsonl", HEADER)


@pytest.mark.parametrize("text", ["", "not json\n", '{"layout": 99}\n'])
def test_a_broken_or_newer_journal_is_refused(tmp_path, text):
    (tmp_path / "a.jsonl").write_text(text)
    with pytest.raises(BadJournal):
        Journal.open(tmp_path / "a.jsonl", HEADER)


def test_a_folder_that_cannot_be_written_is_one_sentence(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(BadJournal, match="cannot be written"):
        Journal.create(tmp_path / "file" / "a.jsonl", HEADER)


HOLDER = """
import sys, time
from pathlib import Path
from pipelines.journal import Journal
journal = Journal.open(Path(sys.argv[1]), {})
print("open", flush=True)
time.sleep(600)
"""


def test_one_process_at_a_time_goes_on_with_a_journal_and_a_killed_one_is_forgotten(tmp_path):
    path = tmp_path / "run.jsonl"
    Journal.create(path, {"digest": "a"})
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(path)],
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[2],
    )
    try:
        assert holder.stdout.readline() == "open\n"
        with pytest.raises(JournalInUse, match=rf"process {holder.pid} goes on"):
            Journal.open(path, {})
    finally:
        holder.kill()
        holder.wait()
        holder.stdout.close()
    again = Journal.open(path, {"digest": "a"})
    assert Journal.open(path, {}).replay() == again.replay() == []
