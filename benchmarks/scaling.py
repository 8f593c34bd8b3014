"""Two Dask workers against one: how many more trials a minute, in one run.

python benchmarks/scaling.py                    a made table, 30 s of searching each
python benchmarks/scaling.py --seconds 60 --rounds 3

Both search the same table with the same seed and one thread per worker, in turns. Two workers hear
of other outcomes first and ask for other trials, which take longer or less long; so the seconds
spent inside trials are compared as well: what is lost there is lost to waiting and talking. A busy
machine gives two workers less than two cores: the first ratio needs an idle one. At the end a
whole run loses one of two workers in the middle, and says which of its finished trials are lost.
"""

from __future__ import annotations

import argparse
import os
import signal
import tempfile
import threading
import time
from pathlib import Path

for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[_name] = "1"

import numpy as np  # noqa: E402 - after the caps on threads
import psutil  # noqa: E402

from pipelines.automl import find_best, prepare  # noqa: E402
from pipelines.dataset import Dataset  # noqa: E402
from pipelines.goal import Goal, header  # noqa: E402
from pipelines.journal import Journal  # noqa: E402
from pipelines.search import Budget  # noqa: E402
from pipelines.search.clock import Clock  # noqa: E402
from pipelines.task import Task  # noqa: E402
from pipelines.trial import Outcome, Trial  # noqa: E402

KEYS = ("lightgbm", "hist_gradient_boosting")
ROWS = 4_000
WARM = 6
"""Trials after which every worker has imported what it needs."""


def table() -> Dataset:
    """Return a table that keeps a booster busy for about a second."""
    import pandas as pd

    draw = np.random.default_rng(0)
    cells = draw.normal(size=(ROWS, 12))
    frame = pd.DataFrame(cells, columns=[f"x{at}" for at in range(12)])
    frame["y"] = cells[:, 0] * cells[:, 1] + np.abs(cells[:, 2]) + draw.normal(size=ROWS)
    return Dataset("made", frame, Task.REGRESSION, "y")


class Meter:
    """A watcher that counts trials and the CPU of the workers, once those are warm."""

    def __init__(self) -> None:
        self.began: tuple[float, float] | None = None
        self.ended = (0.0, 0.0)
        self.trials = -WARM
        self.busy = 0.0
        self.handed_out = 0
        self.running: dict[int, float] = {}

    def tried(self, trial: Trial, outcome: Outcome, _: object) -> None:
        """Count, and look at the clocks."""
        now = time.monotonic(), worker_cpu()
        self.trials += 1
        self.running.pop(trial.number, None)
        if self.trials == 0:
            self.began = now
        if self.trials > 0 and self.began is not None:
            self.busy += min(outcome.seconds, now[0] - self.began[0])
        self.ended = now

    def doing(self, what: str) -> None:
        """Remember when a trial was handed out; they are numbered in that order."""
        if what.startswith("trying"):
            self.running[self.handed_out] = time.monotonic()
            self.handed_out += 1

    def profiled(self, *_: object) -> None:
        """Nothing to measure."""

    searching = chosen = profiled

    @property
    def per_minute(self) -> float:
        """Trials per minute on the wall."""
        began = self.began or (0.0, 0.0)
        return 60 * self.trials / max(1e-9, self.ended[0] - began[0])

    @property
    def at_work(self) -> float:
        """How many workers were inside a trial, on average; those at its end count too."""
        began, end = (self.began or (0.0, 0.0))[0], self.ended[0]
        unended = sum(max(0.0, end - max(at, began)) for at in self.running.values())
        return (self.busy + unended) / max(1e-9, end - began)

    @property
    def per_cpu_minute(self) -> float:
        """Trials per minute of CPU that the workers had."""
        began = self.began or (0.0, 0.0)
        return 60 * self.trials / max(1e-9, self.ended[1] - began[1])


def worker_cpu() -> float:
    """Return the CPU seconds of all processes below this one."""
    total = 0.0
    for each in psutil.Process().children(recursive=True):
        try:
            used = each.cpu_times()
        except psutil.Error:
            continue
        total += used.user + used.system
    return total


def measure(dataset: Dataset, workers: int, seconds: float) -> Meter:
    """Search on so many Dask workers."""
    meter = Meter()
    goal = Goal(algorithms=KEYS)
    prepared = prepare(dataset, goal, watchers=[meter], engine="dask")
    budget = Budget(seconds=seconds, workers=workers)
    prepared.search(Clock(seconds), budget, None, "dask")
    return meter


class Killer(Meter):
    """A meter that kills a worker of two half way through."""

    def __init__(self, at: float) -> None:
        super().__init__()
        self.finished: list[int] = []
        self.killed = 0
        threading.Timer(at, self.kill).start()

    def kill(self) -> None:
        """End the busiest worker at once."""
        workers = [
            each
            for each in psutil.Process().children(recursive=True)
            if "spawn_main" in " ".join(each.cmdline())
        ]
        os.kill(max(workers, key=lambda each: each.cpu_times().user).pid, signal.SIGKILL)
        self.killed = len(self.finished)

    def tried(self, trial: Trial, outcome: Outcome, board: object) -> None:
        """Remember what ended."""
        super().tried(trial, outcome, board)
        self.finished.append(trial.number)


def lose_one(dataset: Dataset, seconds: float) -> str:
    """Kill a worker in the middle of a whole run; return what became of trials and budget."""
    killer, goal = Killer(seconds / 2), Goal(algorithms=KEYS)
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        journal = Journal.create(Path(folder) / "run.jsonl", header(dataset, goal))
        budget = Budget(seconds=seconds, workers=2)
        found = find_best(dataset, goal, budget, journal=journal, watchers=[killer], engine="dask")
        took = time.monotonic() - began
        kept = {trial.number for trial, _ in journal.replay()}
    board = {trial.number for trial, _ in found.leaderboard.rows}
    lost = [number for number in killer.finished if number not in kept & board]
    return (
        f"a worker killed after {killer.killed} trials: {len(killer.finished)} ended, "
        f"{len(lost)} lost; {took:.1f} s of {seconds:g}"
    )


def main() -> None:
    """Measure in turns and print both rates with their ratio."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--seconds", type=float, default=30)
    parser.add_argument("--rounds", type=int, default=1)
    args = parser.parse_args()
    dataset = table()
    found: dict[int, list[Meter]] = {1: [], 2: []}
    for _ in range(args.rounds):
        for workers in found:
            found[workers].append(measure(dataset, workers, args.seconds))
    if not all(each.trials > 0 for meters in found.values() for each in meters):
        raise SystemExit(f"No trial ended beyond the first {WARM}: give more --seconds.")
    rates = {
        workers: [
            float(np.mean([getattr(each, name) for each in meters]))
            for name in ("per_minute", "per_cpu_minute", "at_work")
        ]
        for workers, meters in found.items()
    }
    for workers, (wall, cpu, busy) in rates.items():
        print(f"{workers} worker(s): {wall:6.1f} trials a minute, {cpu:6.1f} a CPU minute, "
              f"{busy:.2f} inside a trial")  # fmt: skip
    print(f"two against one: {rates[2][0] / rates[1][0]:.2f}x the trials a minute, "
          f"{rates[2][2] / rates[1][2]:.2f}x the time inside trials")  # fmt: skip
    print(lose_one(dataset, args.seconds))


if __name__ == "__main__":
    main()
