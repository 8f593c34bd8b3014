"""CPU of reading CSV files with their types recognised, against pandas with its pyarrow engine.

Run ``python benchmarks/readers.py [megabytes] [rounds]``. Three kinds of files, on one thread and
on all; the readers take turns in random order, and the median of the CPU seconds of the whole
process, threads included, is printed. A ratio below 1 means that ours is cheaper. ``bare`` is
``pandas.read_csv(engine="pyarrow")``, which leaves "yes" and "31/12/2024" text; ``typed`` is the
same with the types that ours finds given to it by hand.
"""

from __future__ import annotations

import gc
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import pandas as pd
import pyarrow as pa

from pipelines import readers

_HEADS = ("file", "threads", "bare", "typed", "ours", "ours/bare", "ours/typed", "--rows 10000")


def numbers(random: np.random.Generator, rows: int) -> pd.DataFrame:
    measures = {f"number{i}": random.normal(size=rows) for i in range(6)}
    counts = {f"count{i}": random.integers(0, 10 ** (i + 2), rows) for i in range(6)}
    return pd.DataFrame({**measures, **counts})


def mixed(random: np.random.Generator, rows: int) -> pd.DataFrame:
    days = pd.Timestamp("2020-01-01") + pd.to_timedelta(random.integers(0, 1500, rows), unit="D")
    gaps = random.random(rows) < 0.2
    city = random.choice(["Berlin", "Paris", "London", "Wien", "Rome"], rows)
    table = {
        "customer": [f"customer {n}" for n in random.integers(0, rows, rows)],
        "city": city,
        "segment": pd.Series(random.choice(["gold", "silver", "bronze"], rows)).mask(gaps),
        "active": random.choice(["yes", "no"], rows),
        "flag": random.random(rows) < 0.3,
        "joined": days.strftime("%Y-%m-%d"),
        "left": days.strftime("%d/%m/%Y"),
        "age": random.integers(18, 99, rows),
        "visits": np.where(gaps, np.nan, random.integers(0, 1000, rows)),
        "income": np.where(gaps, np.nan, random.normal(size=rows)),
        "balance": random.normal(size=rows) * 1e4,
        "score": random.random(rows).round(4),
    }
    return pd.DataFrame(table)


def wide(random: np.random.Generator, rows: int) -> pd.DataFrame:
    table = {f"measure{i}": random.normal(size=rows) for i in range(120)}
    table |= {f"count{i}": random.integers(0, 10 ** (i % 6 + 1), rows) for i in range(60)}
    table |= {f"level{i}": random.choice(["low", "middle", "high"], rows) for i in range(20)}
    return pd.DataFrame(table)


FILES = (numbers, mixed, wide)


def write(path: Path, kind: Callable[..., pd.DataFrame], megabytes: int) -> int:
    """Write a file of about that size, and return its number of rows."""
    sample = len(kind(np.random.default_rng(0), 1000).to_csv(index=False))
    rows = int(megabytes * 1e6 / sample * 1000)
    kind(np.random.default_rng(0), rows).to_csv(path, index=False)
    return rows


def bare(path: Path) -> pd.DataFrame:
    return pd.read_csv(path, engine="pyarrow")


def typed(path: Path) -> pd.DataFrame:
    frame = pd.read_csv(path, engine="pyarrow")
    if "left" in frame:
        frame["joined"] = pd.to_datetime(frame["joined"])
        frame["left"] = pd.to_datetime(frame["left"], format="%d/%m/%Y")
        frame["active"] = frame["active"].map({"yes": True, "no": False})
    return frame


def ours(path: Path) -> pd.DataFrame:
    return readers.read(path).frame


def sampled(path: Path) -> pd.DataFrame:
    return readers.read(path, rows=10_000).frame


READERS = (bare, typed, ours, sampled)


def cpu(work: Callable[[Path], object], path: Path) -> float:
    gc.collect()
    start = time.process_time()
    work(path)
    return time.process_time() - start


def medians(path: Path, rounds: int) -> list[float]:
    """Return the median CPU seconds of each reader; the first round only warms up."""
    spent: list[list[float]] = [[] for _ in READERS]
    turns = np.random.default_rng(0)
    for _ in range(rounds + 1):
        for place in turns.permutation(len(READERS)):
            spent[place].append(cpu(READERS[place], path))
    return [statistics.median(seconds[1:]) for seconds in spent]


def main() -> None:
    megabytes = int(sys.argv[1]) if len(sys.argv) > 1 else 60
    rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 15
    print(" ".join(f"{head:>12}" for head in _HEADS))
    threads = pa.cpu_count()
    with tempfile.TemporaryDirectory() as folder:
        for kind in FILES:
            path = Path(folder, f"{kind.__name__}.csv")
            write(path, kind, megabytes)
            pd.testing.assert_frame_equal(
                typed(path), ours(path), check_dtype=False, check_exact=True
            )
            for count in (1, os.cpu_count() or threads):
                pa.set_cpu_count(count)
                a, b, own, few = medians(path, rounds)
                told = (*(f"{s:.3f}" for s in (a, b, own)), f"{own / a:.2f}", f"{own / b:.2f}")
                row = (kind.__name__, str(count), *told, f"{few:.3f}")
                print(" ".join(f"{cell:>12}" for cell in row), flush=True)


if __name__ == "__main__":
    main()
