"""Memory: a file far larger than an imposed cap, and what a profile takes beside its frame.

python benchmarks/memory.py              a CSV and JSON lines file four times the cap; peaks
python benchmarks/memory.py --cap 300    another cap, in MB

The cap is RLIMIT_DATA of a process of its own: the system refuses it more private memory. Arrow's
own allocator reserves a gigabyte that it does not use, so it is told to use the system's. What
pandas makes of the same file under the same cap is printed beside.
"""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import pandas as pd

MEGA = 1_000_000
TASKS = {
    "ours": "from mlops import profiles; "
    "p = profiles.profile(sys.argv[1], 'y', rows=100_000); print(p.table['drawn']['said'])",
    "pandas": "import pandas as pd; print(len(pd.read_csv(sys.argv[1])))",
    "pandas lines": "import pandas as pd; print(len(pd.read_json(sys.argv[1], lines=True)))",
}
PEAK = """
import ctypes, gc, resource, sys
import pandas as pd
sys.path.insert(0, "benchmarks")
from profiling import table
from pipelines.profile.table import profile
def peak(): return int(open("/proc/self/status").read().split("VmHWM:")[1].split()[0]) * 1024
def now(): return int(open("/proc/self/statm").read().split()[1]) * resource.getpagesize()
profile(table(2000, 10))
data = table(100_000, 50)
gc.collect()
ctypes.CDLL(None).malloc_trim(0)
before = now()
open("/proc/self/clear_refs", "w").write("5")
profile(data)
print(data.frame.memory_usage(deep=True).sum(), peak() - before)
"""


def write(path: Path, megabytes: int) -> int:
    """Write a file of that size from one block of rows, over and over; return its bytes."""
    random = np.random.default_rng(0)
    frame = pd.DataFrame(random.normal(size=(20_000, 8))).add_prefix("x")
    frame["city"] = random.choice(["Rome", "Oslo", "Wien"], len(frame))
    frame["y"] = random.integers(0, 2, len(frame))
    lines = path.suffix == ".jsonl"
    text = frame.to_json(orient="records", lines=True) if lines else frame.to_csv(index=False)
    head, body = ("", text) if lines else text.split("\n", 1)
    with path.open("w") as out:
        out.write(head + "\n" * (not lines))
        while out.tell() < megabytes * MEGA:
            out.write(body)
    return path.stat().st_size


def capped(task: str, path: Path, cap: int) -> tuple[str, float]:
    """Run a task in a process of its own that may hold ``cap`` MB; return its last line, CPU."""

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_DATA, (cap * MEGA, cap * MEGA))

    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(
        [sys.executable, "-c", f"import sys; {TASKS[task]}", str(path)],
        capture_output=True, text=True, preexec_fn=limit, check=False,
    )  # fmt: skip
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    lines = (done.stdout if done.returncode == 0 else done.stderr).strip().splitlines()
    spent = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return (lines[-1] if lines else f"ended by signal {-done.returncode}")[:90], spent


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cap", type=int, default=700, help="MB of private memory")
    cap = parser.parse_args().cap
    with tempfile.TemporaryDirectory() as folder:
        for ending, other in ((".csv", "pandas"), (".jsonl", "pandas lines")):
            path = Path(folder, f"big{ending}")
            size = write(path, 4 * cap)
            for task in ("ours", other):
                told, spent = capped(task, path, cap)
                print(f"{ending[1:]:6} {size / MEGA:,.0f} MB, cap {cap} MB, {task:13}", end=" ")
                print(f"{spent:5.1f} CPU-s: {told}", flush=True)
            path.unlink()
    done = subprocess.run([sys.executable, "-c", PEAK], capture_output=True, text=True, check=True)
    frame, grown = map(int, done.stdout.split())
    print(
        f"profile of 100,000 x 50: frame {frame / MEGA:.0f} MB, {grown / MEGA:.0f} MB more; ",
        end="",
    )
    print(f"{(frame + grown) / frame:.2f} frames in all (at most 3)")


if __name__ == "__main__":
    main()
