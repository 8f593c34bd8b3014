"""What a profile costs, against what pandas takes to describe the same frame.

python benchmarks/profiling.py           100k x 50 and 1M x 20: CPU ratio, seconds, memory
python benchmarks/profiling.py--quick    20k x 20 only
"""

from __future__ import annotations

import argparse
import resource
import time
import tracemalloc

import numpy as np
import pandas as pd

from pipelines.dataset import Dataset
from pipelines.profile.page import render
from pipelines.profile.table import profile
from pipelines.task import Task


def table(rows: int, columns: int, seed: int = 0) -> Dataset:
    """Make a table of numbers, whole numbers, categories, dates and booleans."""
    rng = np.random.default_rng(seed)
    frame: dict[str, object] = {}
    for place in range(columns - 1):
        name = f"c{place:02d}"
        if place % 5 in {0, 1}:
            cells = rng.normal(size=rows)
            cells[rng.random(rows) < 0.05] = np.nan
            frame[name] = cells
        elif place % 5 == 2:
            frame[name] = rng.integers(0, 10 ** (1 + place % 5), rows)
        elif place % 5 == 3:
            levels = np.array([f"level {i}" for i in range(3 + 7 * place)])
            frame[name] = pd.array(levels[rng.integers(0, len(levels), rows)], dtype="str")
        elif place % 10 == 4:
            days = rng.integers(0, 3000, rows).astype("timedelta64[D]")
            frame[name] = (np.datetime64("2015-01-01") + days).astype("datetime64[us]")
        else:
            frame[name] = rng.random(rows) < 0.3
    frame["y"] = (rng.random(rows) < 0.3).astype(int)
    return Dataset("bench", pd.DataFrame(frame), Task.CLASSIFICATION, "y")


def cpu(work: object, times: int = 3) -> float:
    """Return the least CPU seconds of a few runs."""
    taken = []
    for _ in range(times):
        start = time.process_time()
        work()  # type: ignore[operator]
        taken.append(time.process_time() - start)
    return min(taken)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    rows, columns = (20_000, 20) if parser.parse_args().quick else (100_000, 50)
    data = table(rows, columns)
    theirs = cpu(lambda: (data.frame.describe(include="all"), data.frame.corr(numeric_only=True)))
    digest = cpu(lambda: Dataset("b", data.frame, data.task, "y").digest)
    ours = cpu(lambda: profile(data))
    print(f"{rows:,} x {columns}: profile {ours:.2f} CPU-s, describe + corr {theirs:.2f}, ")
    print(
        f"  ratio {ours / theirs:.2f} (at most 1.5); the digest, made once per run: {digest:.2f}"
    )
    tracemalloc.start()
    found = profile(data)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    size = int(data.frame.memory_usage(deep=True).sum())
    print(f"  memory above the frame: {peak / size:.2f} frames (with it at most 3)")
    page = cpu(lambda: render(found), times=1)
    print(
        f"  page: {len(render(found).encode()) / 1e3:.0f} kB in {page:.2f} CPU-s (at most 300 kB)"
    )
    if rows == 100_000:
        big = table(1_000_000, 20)
        cold = cpu(lambda: profile(big), times=1)
        print(f"1,000,000 x 20 by sampling: {cold:.2f} CPU-s, {profile(big).table['sampled']}")
    print(
        f"peak of the process: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3:.0f} MB"
    )


if __name__ == "__main__":
    main()
