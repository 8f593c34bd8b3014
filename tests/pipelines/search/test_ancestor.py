"""Workers are forked from a copy of this process where that is safe, else from a new one."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
SCRIPT = """
    import json, os, sys, threading, types
    from pathlib import Path

    if sys.argv[1] == "with a thread":
        threading.Thread(target=threading.Event().wait, daemon=True).start()
    if sys.argv[1] == "with JAX":
        sys.modules["jax"] = types.ModuleType("jax")
    sys.modules["only_here"] = types.ModuleType("only_here")
    kept = Path(sys.argv[2]).open("w")

    from pipelines import processes

    processes.warm_up()
    processes.warm_up()
    pool = processes.Processes(1, int)
    shared = pool.submit(eval, "'only_here' in __import__('sys').modules").result()
    where = pool.submit(os.readlink, f"/proc/self/fd/{kept.fileno()}").result() if shared else ""
    pool.kill(pool.submit(__import__("time").sleep, 600))
    again = pool.submit(eval, "'only_here' in __import__('sys').modules").result()
    pool.shutdown(cancel_futures=True)
    kept.write("whole")
    kept.close()
    print(json.dumps([shared, again, where]))
"""

AGAIN = """
    import gc, json, sys, threading, types
    from multiprocessing import forkserver

    from pipelines import executors, processes

    processes.warm_up()
    older = forkserver._forkserver._forkserver_pid
    sys.modules["only_later"] = types.ModuleType("only_later")
    if sys.argv[1] == "with a thread":
        threading.Thread(target=threading.Event().wait, daemon=True).start()
    with executors._handed_on("the table") as parcel:
        pool = processes.Processes(1, executors._begin, parcel)
        sent = parcel._work
        later = pool.submit(eval, "'only_later' in __import__('sys').modules").result()
        held = pool.submit(eval, "__import__('pipelines.executors').executors._work").result()
        pool.shutdown(cancel_futures=True)
    left = forkserver._forkserver._forkserver_pid
    frozen = gc.get_freeze_count() > 0
    print(json.dumps([later, sent, held, left == older if left else None, frozen]))
"""

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux's bear a copy")


@pytest.mark.parametrize(
    ("when", "shared"), [("alone", True), ("with a thread", False), ("with JAX", False)]
)
def test_workers_share_what_a_process_without_threads_has_imported(tmp_path, when, shared):
    file = tmp_path / "open.txt"
    told = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(SCRIPT), when, str(file)],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert told.returncode == 0, told.stderr
    first, again, where = json.loads(told.stdout)
    assert first is again is shared
    assert where == (os.devnull if shared else "")
    assert file.read_text() == "whole"


@pytest.mark.parametrize(
    ("when", "told"),
    [
        ("alone", [True, None, "the table", None, False]),
        ("with a thread", [False, "the table", "the table", True, True]),
    ],
)
def test_a_search_makes_a_younger_copy_that_has_the_table_and_ends_it(when, told):
    found = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(AGAIN), when],
        capture_output=True, text=True, check=False, env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert found.returncode == 0, found.stderr
    assert json.loads(found.stdout) == told
