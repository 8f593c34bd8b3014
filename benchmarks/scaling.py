"""Two Dask workers against one: how many more trials a minute, in one run.

python benchmarks/scaling.py                    a made table, 30 s of searching each
python benchmarks/scaling.py --seconds 60 --rounds 3

Both search the same table with the same seed and one thread per worker, in turns. A busy machine
gives two workers less than two cores, so the trials are also counted per CPU second that workers
got: what is lost there is lost to waiting and talking, not to the neighbours.
"""

from __future__ import annotations

import argparse
import os
import time

for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[_name] = "1"

import numpy as np  # noqa: E402 - after the caps on threads
import psutil  # noqa: E402

from pipelines.automl import prepare  # noqa: E402
from pipelines.dataset import Dataset  # noqa: E402
from pipelines.goal import Goal  # noqa: E402
from pipelines.search import Budget  # noqa: E402
from pipelines.search.clock import Clock  # noqa: E402
from pipelines.task import Task  # noqa: E402

KEYS = ("lightgbm", "hist_gradient_boosting")
ROWS = 4_000


def table() -> Dataset:
    """Return a table that keeps a booster busy for about a second."""
    import pandas as pd

    draw = np.random.default_rng(0)
    cells = draw.normal(size=(ROWS, 12))
    frame = pd.DataFrame(cells, columns=[f"x{at}" for at in range(12)])
    frame["y"] = cells[:, 0] * cells[:, 1] + np.abs(cells[:, 2]) + draw.normal(size=ROWS)
    return Dataset("made", frame, Task.REGRESSION, "y")


class Meter:
    """A watcher that counts trials, and the CPU of the workers, from the first trial's end on."""

    def __init__(self) -> None:
        self.began: tuple[float, float] | None = None
        self.ended = (0.0, 0.0)
        self.trials = 0

    def tried(self, *_: object) -> None:
        """Count, and look at the clocks."""
        now = time.monotonic(), worker_cpu()
        if self.began is None:
            self.began = now
        else:
            self.trials += 1
        self.ended = now

    def doing(self, what: str) -> None:
        """Nothing to measure."""

    def profiled(self, *_: object) -> None:
        """Nothing to measure."""

    searching = chosen = profiled

    @property
    def per_minute(self) -> float:
        """Trials per minute on the wall."""
        began = self.began or (0.0, 0.0)
        return 60 * self.trials / max(1e-9, self.ended[0] - began[0])

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
    rates = {
        workers: (
            float(np.mean([each.per_minute for each in meters])),
            float(np.mean([each.per_cpu_minute for each in meters])),
        )
        for workers, meters in found.items()
    }
    for workers, (wall, cpu) in rates.items():
        print(f"{workers} worker(s): {wall:6.1f} trials a minute, {cpu:6.1f} a CPU minute")
    print(f"two against one: {rates[2][0] / rates[1][0]:.2f}x on the wall, "
          f"{2 * rates[2][1] / rates[1][1]:.2f}x if both have a core each")  # fmt: skip


if __name__ == "__main__":
    main()
