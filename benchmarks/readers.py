"""CPU of reading a CSV file, types recognised, against pandas with its pyarrow engine.

Run ``python benchmarks/readers.py [rows]``. CPU seconds of the whole process, the best of five
rounds, both readers in turn; a ratio below 1 means that ours is cheaper.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd

from pipelines import readers


def write(path: Path, rows: int) -> None:
    random = np.random.default_rng(0)
    table = {f"number{i}": random.normal(size=rows) for i in range(6)}
    table |= {f"count{i}": random.integers(0, 10 ** (i + 2), rows) for i in range(4)}
    days = pd.Timestamp("2020-01-01") + pd.to_timedelta(random.integers(0, 1500, rows), unit="D")
    table |= {
        "gappy": np.where(random.random(rows) < 0.2, np.nan, random.normal(size=rows)),
        "city": random.choice(["Berlin", "Paris", "London", "Wien", "Rome"], rows),
        "active": random.choice(["yes", "no"], rows),
        "customer": [f"customer {n}" for n in random.integers(0, rows, rows)],
        "joined": days.strftime("%Y-%m-%d"),
        "left": days.strftime("%d/%m/%Y"),
    }
    pd.DataFrame(table).to_csv(path, index=False)


def cpu(work: Callable[[], object]) -> float:
    start = time.process_time()
    work()
    return time.process_time() - start


def main() -> None:
    rows = int(sys.argv[1]) if len(sys.argv) > 1 else 300_000
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "table.csv")
        write(path, rows)
        peers: dict[str, Callable[[], object]] = {
            "pandas": lambda: pd.read_csv(path, engine="pyarrow"),
            "pandas, the same types by hand": lambda: by_hand(path),
            "ours": lambda: readers.read(path),
            "ours, --rows 10000": lambda: readers.read(path, rows=10_000),
        }
        seconds = {name: [] for name in peers}
        for _ in range(6):
            for name, work in peers.items():
                seconds[name].append(cpu(work))
        best = {name: min(spent[1:]) for name, spent in seconds.items()}
        print(f"{rows:,} rows, {path.stat().st_size / 1e6:.0f} MB of CSV, CPU seconds")
        for name, spent in best.items():
            print(f"{name:32} {spent:7.3f}   x {spent / best['pandas']:.2f} of pandas")


def by_hand(path: Path) -> pd.DataFrame:
    frame = pd.read_csv(path, engine="pyarrow")
    frame["left"] = pd.to_datetime(frame["left"], format="%d/%m/%Y")
    frame["active"] = frame["active"].map({"yes": True, "no": False})
    return frame


if __name__ == "__main__":
    main()
