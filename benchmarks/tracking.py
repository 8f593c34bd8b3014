"""What it costs to record a search: one trial, and the model that won.

Run it with ``python benchmarks/tracking.py``. Both ways are measured in turn, in one process, as
CPU time of the whole process, the writer thread included; the ratio counts, not the seconds.
"""

from __future__ import annotations

import json
import statistics
import tempfile
import time
from pathlib import Path

from mlflow.entities import Metric, Param

from pipelines import metrics, packaging
from pipelines.adapters import build
from pipelines.algorithms import find
from pipelines.cleaning.plan import plan
from pipelines.dataset import Dataset
from pipelines.leaderboard import Leaderboard
from pipelines.profile.table import profile
from pipelines.samples import credit_risk
from pipelines.schema import Schema
from pipelines.task import Task
from pipelines.tracking import Tracker
from pipelines.trial import Outcome, Trial

ROUNDS, TRIALS, ALLOWED = 6, 50, 1.3
PARAMS = {f"parameter_{at}": 0.1 * at for at in range(10)}
METRICS = {"roc_auc": 0.9, "log_loss": 0.3, "accuracy": 0.8}


def bare(tracker: Tracker, first: int) -> float:
    """Write trials with three calls each, as somebody would by hand: 12 params, 5 metrics."""
    client = tracker._client
    started = time.process_time()
    for number in range(first, first + TRIALS):
        tags = {"mlops.trial": f"b{number}", "mlflow.parentRunId": tracker.run_id, "origin": "t"}
        run = client.create_run(tracker.experiment_id, tags=tags, run_name="lightgbm").info.run_id
        now = time.time_ns() // 1_000_000
        values = {"score": 0.9, "seconds": 1.0, **METRICS}
        client.log_batch(
            run,
            [Metric(key, value, now, 0) for key, value in values.items()],
            [Param(k, str(v)) for k, v in {"algorithm": "x", "seed": 0, **PARAMS}.items()],
        )
        client.set_terminated(run)
    return time.process_time() - started


def ours(tracker: Tracker, first: int, board: Leaderboard) -> tuple[float, float]:
    """Hand the same to the tracker; return the CPU of all of it and what the search waited."""
    started, waited = time.process_time(), 0.0
    for number in range(first, first + TRIALS):
        trial = Trial(number, "lightgbm", PARAMS, 0, "tuned")
        begun = time.perf_counter()
        tracker.tried(trial, Outcome(0.9, METRICS, (), 1.0), board)
        waited += time.perf_counter() - begun
    tracker._writer.flush()
    return time.process_time() - started, waited


def trials(folder: Path) -> dict[str, float]:
    tracker = Tracker(f"sqlite:///{folder}/mlflow.db", "bench")
    tracker.start("bench", {}, {})
    board = Leaderboard(metrics.find("roc_auc", Task.CLASSIFICATION))
    bare(tracker, 0), ours(tracker, 0, board)
    pairs = [
        (bare(tracker, TRIALS * each), ours(tracker, TRIALS * each, board))
        for each in range(1, ROUNDS + 1)
    ]
    tracker.finish()
    by_hand = statistics.median(hand for hand, _ in pairs)
    tracked = statistics.median(mine for _, (mine, _) in pairs)
    return {
        "bare_ms_per_trial": by_hand / TRIALS * 1000,
        "tracker_ms_per_trial": tracked / TRIALS * 1000,
        "ratio": statistics.median(mine / hand for hand, (mine, _) in pairs),
        "search_waits_ms_per_trial": max(wait for _, (_, wait) in pairs) / TRIALS * 1000,
    }


def model(folder: Path) -> dict[str, float]:
    frame = credit_risk(1000).astype({"application_date": "datetime64[us]"})
    dataset = Dataset("credit", frame, Task.CLASSIFICATION, "outcome")
    made = plan(profile(dataset), dataset)
    row = find("lightgbm", Task.CLASSIFICATION)
    fitted = build(row, row.default, 0, plan=made, task=dataset.task)
    fitted.fit(dataset.features, dataset.labels)
    schema = Schema.of(dataset.features, {each.name: each.kind for each in made.columns})
    rows = dataset.features.head(5)
    tracker = Tracker(f"sqlite:///{folder}/mlflow.db", "bench")
    tracker.start("model", {}, {})
    told = {}
    for name in ("first", "again"):
        saved = packaging.save(fitted, schema, folder / name, about={}, rows=rows)
        started = time.process_time()
        tracker.log_model(saved, example=rows)
        told[f"log_model_{name}_cpu_s"] = time.process_time() - started
    tracker.finish()
    return told


def main() -> int:
    with tempfile.TemporaryDirectory() as folder:
        told = trials(Path(folder)) | model(Path(folder))
    print(json.dumps({key: round(value, 3) for key, value in told.items()}, indent=2))
    print(f"one trial: {told['ratio']:.2f}x of bare MLflow calls (allowed {ALLOWED}x)")
    return int(told["ratio"] > ALLOWED)


if __name__ == "__main__":
    raise SystemExit(main())
