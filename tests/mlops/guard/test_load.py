"""The benchmark in its short form keeps every promise that the long one counts."""

from __future__ import annotations

import json
import subprocess
import sys

from tests.journeys.conftest import ROOT


def measured(*words):
    done = subprocess.run(
        [sys.executable, ROOT / "benchmarks" / "guard.py", *words],
        capture_output=True, text=True, check=False, timeout=900,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout)


def test_racing_promotions_through_a_server_leave_one_in_production():
    size = ("--racers", "6", "--rounds", "2", "--workers", "2")
    told = measured("--part", "races", "--kind", "sqlite", "--no-stock", *size)
    found = told["races on sqlite"]["guarded"]
    assert found["rounds"] == {"1 in production": 2}
    assert found["losers told who won"] == found["losers"]
    assert set(found["answers"]) <= {"200", "403"}


def test_a_promotion_that_was_acknowledged_survives_a_kill():
    told = measured("--part", "kills", "--kind", "sqlite", "--kills", "4")["kills on sqlite"]
    assert told["acknowledged"] >= 4
    assert told["lost"] == 0
    assert told["record = MLflow after it"] is True
