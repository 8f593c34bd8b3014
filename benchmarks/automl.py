"""Our search against LightGBM with its defaults and against peers: same rows, same splits.

python benchmarks/automl.py --data FOLDER                     every set, 60 s, 3 splits
python benchmarks/automl.py --sets digits,diabetes --seconds 30 --splits 1
python benchmarks/automl.py --data FOLDER --keep scores.json  goes on where it was stopped
python benchmarks/automl.py --data FOLDER --keep scores.json --systems lightgbm,ours,flaml \
    --peer flaml=PYTHON                                       peers, each in its own environment

FOLDER holds tables as gzipped CSV (the names below); scikit-learn's own sets need none. The
peers are flaml, autogluon (medium_quality) and autogluon-best; PYTHON is the interpreter of a
virtual environment that has the peer (`pip install "flaml[automl]"`, `pip install
"autogluon.tabular[all]"`) and psutil; benchmarks/peers.py runs there. Figures that are kept are
not measured again, so that a change of ours costs our part alone.

Every run has a process of its own, so that its peak memory is its own; it is looked at from
outside. Scores are taken on a
quarter of the rows that no system saw: "gain" is by how much of LightGBM's lead over the
baseline the search is ahead of it. "outside" is the parent's CPU during the search, as a share
of its seconds: asking, telling and journaling.
`--workers 1` with `taskset -c 0` gives every system one core.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import platform
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
for _name in THREADS:
    os.environ[_name] = "1"

import numpy as np  # noqa: E402 - after the caps on threads
import pandas as pd  # noqa: E402
import psutil  # noqa: E402
import standings  # noqa: E402

PART = "benchmark_part"


@dataclass(frozen=True)
class Table:
    """A table and the question asked of it."""

    target: str
    metric: str
    file: str | None = None
    """None: one of scikit-learn's."""


TABLES = {
    "adult": Table("income", "roc_auc", "adult.csv.gz"),
    "churn": Table("Exited", "roc_auc", "churn.csv.gz"),
    "credit_g": Table("class", "roc_auc", "credit_g.csv.gz"),
    "wine": Table("quality", "log_loss", "wine_quality.csv.gz"),
    "california": Table("median_house_value", "rmse", "california_housing.csv.gz"),
    "digits": Table("target", "log_loss"),
    "diabetes": Table("target", "rmse"),
    "breast_cancer": Table("target", "roc_auc"),
}


def read(name: str, folder: Path | None, seed: int) -> pd.DataFrame:
    """Return a table with a column that says which rows are for the test."""
    from sklearn import datasets
    from sklearn.model_selection import train_test_split

    table = TABLES[name]
    if table.file is None:
        frame = getattr(datasets, f"load_{name}")(as_frame=True).frame
    else:
        if folder is None:
            raise SystemExit(f"{name} is read from a folder: give --data FOLDER.")
        frame = pd.read_csv(folder / table.file)
    if name == "wine":  # the tails have a handful of rows
        frame["quality"] = frame["quality"].clip(4, 8)
    if table.metric != "rmse":
        frame[table.target] = frame[table.target].astype(str)
    classes = None if table.metric == "rmse" else frame[table.target]
    _, test = train_test_split(
        np.arange(len(frame)), test_size=0.25, random_state=seed, stratify=classes
    )
    frame[PART] = np.where(np.isin(np.arange(len(frame)), test), "test", "train")
    return frame


def run_lightgbm(name: str, frame: pd.DataFrame, seed: int) -> dict[str, Any]:
    """Fit LightGBM with its defaults; categories are told to it."""
    import lightgbm

    from pipelines import metrics
    from pipelines.task import Task

    table = TABLES[name]
    task = Task.REGRESSION if table.metric == "rmse" else Task.CLASSIFICATION
    features = frame.drop(columns=[table.target, PART])
    for column in features.select_dtypes(exclude=["number", "bool"]):
        features[column] = features[column].astype("category")
    learned = (frame[PART] == "train").to_numpy()
    labels = frame[table.target]
    truth = labels.to_numpy()
    if task is Task.CLASSIFICATION:
        truth, _ = pd.factorize(labels, sort=True)
    kind = lightgbm.LGBMRegressor if task is Task.REGRESSION else lightgbm.LGBMClassifier
    started = time.perf_counter()
    model = kind(n_jobs=1, verbose=-1, random_state=seed).fit(features[learned], truth[learned])
    seconds = time.perf_counter() - started
    answer = model.predict_proba if task is Task.CLASSIFICATION else model.predict
    metric = metrics.find(table.metric, task, len(np.unique(truth)))
    score = metric.of(truth[~learned], answer(features[~learned]))
    one = features[~learned].iloc[[0]]
    return {"score": score, "seconds": seconds, "row_ms": 1000 * row_seconds(lambda: answer(one))}


def run_ours(
    name: str, frame: pd.DataFrame, seed: int, seconds: float, workers: int
) -> dict[str, Any]:
    """Search, with a journal; the rows kept apart are the benchmark's."""
    from pipelines.automl import find_best
    from pipelines.goal import Goal, header
    from pipelines.journal import Journal
    from pipelines.readers import read as take
    from pipelines.search import Budget

    table = TABLES[name]
    dataset = take(frame, target=table.target)
    goal = Goal(metric=table.metric, seed=seed, split=PART)
    watcher = Stopwatch()
    with tempfile.TemporaryDirectory() as folder:
        journal = Journal.create(Path(folder) / "run.jsonl", header(dataset, goal))
        budget = Budget(seconds=seconds, workers=workers)
        found = find_best(dataset, goal, budget, journal=journal, watchers=[watcher])
    one = found.holdout.drop(columns=table.target).iloc[[0]]
    single = found.single[0]
    return {
        "score": found.score,
        "baseline": found.baseline,
        "seconds": found.seconds,
        "row_ms": 1000 * row_seconds(lambda: found.model.score(one)),
        "outside": watcher.cpu / max(watcher.wall, 1e-9),
        "trials": len(found.leaderboard),
        "winner": found.trial.algorithm_key,
        "members": dict(found.trial.params) if found.trial.origin == "ensemble" else {},
        "single": single.algorithm_key,
        "validation": found.outcome.score,
    }


class Stopwatch:
    """A watcher that measures the parent's CPU during the search."""

    def __init__(self) -> None:
        self.cpu = self.wall = 0.0
        self._began: tuple[float, float] | None = None

    def doing(self, what: str) -> None:
        """Stop the watch when the last trial is over."""
        if self._began and not what.startswith("trying"):
            cpu, wall = self._began
            self.cpu, self.wall = time.process_time() - cpu, time.monotonic() - wall
            self._began = None

    def searching(self, *_: object) -> None:
        """Start the watch."""
        self._began = (time.process_time(), time.monotonic())

    def profiled(self, *_: object) -> None:
        """Nothing to measure."""

    tried = chosen = profiled


class Watch(threading.Thread):
    """Looks once a second at the memory and the CPU of a process and all its workers."""

    def __init__(self, process: int) -> None:
        super().__init__(daemon=True)
        self.peak = 0
        self._process = psutil.Process(process)
        self._cpu: dict[int, float] = {}

    @property
    def cpu(self) -> float:
        """The CPU seconds of all of them together, as last seen."""
        return sum(self._cpu.values())

    def run(self) -> None:
        """Look until the process ends."""
        with contextlib.suppress(psutil.NoSuchProcess):
            while True:
                held = 0
                for each in (self._process, *self._process.children(recursive=True)):
                    with contextlib.suppress(psutil.Error):
                        held += shared_fairly(each)
                        times = each.cpu_times()
                        self._cpu[each.pid] = times.user + times.system
                self.peak = max(self.peak, held)
                time.sleep(1)


def shared_fairly(process: psutil.Process) -> int:
    """Return what a process holds; pages that workers share are counted once over all of them."""
    told = process.memory_full_info()
    return int(getattr(told, "pss", told.rss))


def row_seconds(answer: Any) -> float:
    """Return the median time of one answer."""
    took = []
    for _ in range(9):
        started = time.perf_counter()
        answer()
        took.append(time.perf_counter() - started)
    return float(np.median(took[2:]))


def one(args: argparse.Namespace) -> None:
    """Run one system on one split, and print what was measured."""
    name, system, seed = args.one.split(",")
    frame = read(name, args.data, int(seed))
    if system == "lightgbm":
        told = run_lightgbm(name, frame, int(seed))
    else:
        told = run_ours(name, frame, int(seed), args.seconds, args.workers)
    print(json.dumps(told, default=float))


def ask(args: argparse.Namespace, name: str, system: str, seed: int) -> dict[str, Any]:
    """Have a process of its own run one system on one split."""
    command = [sys.executable, __file__, "--one", f"{name},{system},{seed}"]
    command += ["--seconds", str(args.seconds), "--workers", str(args.workers)]
    command += ["--data", str(args.data)] if args.data else []
    path = os.pathsep.join([str(Path(__file__).parents[1]), os.environ.get("PYTHONPATH", "")])
    process = subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": path},
    )
    watch = Watch(process.pid)
    watch.start()
    told, complaint = process.communicate()
    if process.returncode:
        return {"failure": complaint.strip().splitlines()[-1]}
    found: dict[str, Any] = json.loads(told.strip().splitlines()[-1])
    return {**found, "peak_mb": watch.peak / 2**20, "cpu": watch.cpu}


def ask_peer(args: argparse.Namespace, name: str, system: str, seed: int) -> dict[str, Any]:
    """Have a peer's own interpreter run it on one split, and score what it answered."""
    from pipelines import metrics
    from pipelines.task import Task

    table = TABLES[name]
    frame = read(name, args.data, seed)
    part = frame.pop(PART)
    with tempfile.TemporaryDirectory() as folder:
        for each in ("train", "test"):
            frame[part == each].to_csv(Path(folder) / f"{each}.csv", index=False)
        asked = {"target": table.target, "metric": table.metric, "seed": seed}
        (Path(folder) / "question.json").write_text(json.dumps(asked))
        python = args.peers[system.partition("-")[0]]
        script = Path(__file__).with_name("peers.py")
        told = subprocess.run(
            [python, str(script), system, folder, str(args.seconds), str(args.workers)],
            capture_output=True, text=True, check=False, cwd=folder,
        )  # fmt: skip
        if told.returncode:
            return {"failure": told.stderr.strip().splitlines()[-1]}
        answers = pd.read_csv(Path(folder) / "answers.csv")
    found: dict[str, Any] = json.loads(told.stdout.strip().splitlines()[-1])
    truth = frame.loc[part == "test", table.target]
    if table.metric == "rmse":
        metric = metrics.find("rmse", Task.REGRESSION, 0)
        return found | {"score": metric.of(truth.to_numpy(), answers.iloc[:, 0].to_numpy())}
    classes = sorted(frame[table.target].unique())
    metric = metrics.find(table.metric, Task.CLASSIFICATION, len(classes))
    codes = truth.map({label: code for code, label in enumerate(classes)}).to_numpy()
    return found | {"score": metric.of(codes, answers[classes].to_numpy())}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--data", type=Path, help="a folder of gzipped CSV files")
    parser.add_argument("--sets", default="", help="comma-separated; default: all that are there")
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--splits", type=int, default=3)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--systems", default="lightgbm,ours")
    parser.add_argument("--peer", action="append", default=[], help="NAME=PYTHON, repeatable")
    parser.add_argument("--keep", type=Path, help="a JSON file of scores to go on with")
    parser.add_argument("--one", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.one:
        one(args)
        return
    args.peers = dict(each.split("=", 1) for each in args.peer)
    there = [name for name, table in TABLES.items() if args.data or table.file is None]
    names = [name for name in args.sets.split(",") if name] or there
    kept = json.loads(args.keep.read_text()) if args.keep and args.keep.exists() else {}
    systems = args.systems.split(",")
    scores = kept.setdefault("scores", {})
    kept["machine"] = {"cpus": os.cpu_count(), "python": platform.python_version(),
                       "lightgbm": metadata.version("lightgbm"),
                       "scikit-learn": metadata.version("scikit-learn")}  # fmt: skip
    for name in names:
        for seed in range(args.splits):
            for system in systems:
                key = standings.key(name, system, args.seconds, seed)
                if key not in scores:
                    peer = system.partition("-")[0] in args.peers
                    scores[key] = (ask_peer if peer else ask)(args, name, system, seed)
                    if args.keep:
                        args.keep.write_text(json.dumps(kept, indent=1))
    better = {name: -1 if TABLES[name].metric != "roc_auc" else 1 for name in names}
    standings.show(scores, better, systems, args.seconds, args.splits)


if __name__ == "__main__":
    main()
