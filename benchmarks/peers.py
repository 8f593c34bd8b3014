"""One peer on one split, in the peer's own virtual environment: nothing of ours is imported.

PEER_PYTHON benchmarks/peers.py SYSTEM FOLDER SECONDS CORES

FOLDER holds train.csv, test.csv and question.json (target, metric, seed). Written there:
answers.csv, a column per class (or one of values). Printed: one line of JSON with the measures.
"""

from __future__ import annotations

import json
import resource
import sys
import tempfile
import threading
import time
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import psutil

AUTOGLUON = {"autogluon": "medium_quality", "autogluon-best": "best_quality"}


class Watch(threading.Thread):
    """Looks once a second at the memory of this process and its children, and at their CPU."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.peak = 0

    def run(self) -> None:
        """Look until the process ends."""
        me = psutil.Process()
        while True:
            held = 0
            for each in (me, *me.children(recursive=True)):
                try:
                    told = each.memory_full_info()
                    held += int(getattr(told, "pss", told.rss))
                except psutil.Error:
                    continue
            self.peak = max(self.peak, held)
            time.sleep(1)


def cpu_seconds() -> float:
    """Return the CPU of this process and of the children that have ended."""
    both = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(each.ru_utime + each.ru_stime for each in both)


def fit_flaml(train: pd.DataFrame, asked: dict[str, Any], seconds: float, cores: int) -> Any:
    """Fit FLAML as its own pages show it."""
    from flaml import AutoML

    metric = {"roc_auc": "roc_auc", "log_loss": "log_loss", "rmse": "rmse"}[asked["metric"]]
    model = AutoML()
    model.fit(
        train.drop(columns=asked["target"]),
        train[asked["target"]],
        task="regression" if metric == "rmse" else "classification",
        metric=metric,
        time_budget=seconds,
        n_jobs=cores,
        seed=asked["seed"] + 1,
        verbose=0,
    )
    return model


def fit_autogluon(
    preset: str, train: pd.DataFrame, asked: dict[str, Any], seconds: float, cores: int
) -> Any:
    """Fit AutoGluon with one of its presets."""
    from autogluon.tabular import TabularPredictor

    metric = {"rmse": "root_mean_squared_error"}.get(asked["metric"], asked["metric"])
    predictor = TabularPredictor(
        asked["target"], eval_metric=metric, path=tempfile.mkdtemp(), verbosity=0
    )
    return predictor.fit(train, time_limit=seconds, presets=preset, num_cpus=cores, num_gpus=0)


def median_ms(answer: Any) -> float:
    """Return the median time of one answer, in milliseconds."""
    took = []
    for _ in range(9):
        started = time.perf_counter()
        answer()
        took.append(time.perf_counter() - started)
    return 1000 * float(np.median(took[2:]))


def main() -> None:
    system, folder, seconds, cores = (
        sys.argv[1], Path(sys.argv[2]), float(sys.argv[3]), int(sys.argv[4])
    )  # fmt: skip
    watch = Watch()
    watch.start()
    asked = json.loads((folder / "question.json").read_text())
    train, test = pd.read_csv(folder / "train.csv"), pd.read_csv(folder / "test.csv")
    import warnings

    warnings.filterwarnings("ignore")
    began, cpu = time.monotonic(), cpu_seconds()
    told: dict[str, Any] = {}
    if system == "flaml":
        model = fit_flaml(train, asked, seconds, cores)
        told["winner"] = str(model.best_estimator)
    else:
        model = fit_autogluon(AUTOGLUON[system], train, asked, seconds, cores)
        told["winner"] = str(model.model_best)
    told["seconds"], told["cpu"] = time.monotonic() - began, cpu_seconds() - cpu
    features = test.drop(columns=asked["target"])
    if asked["metric"] == "rmse":
        answer, names = model.predict, [asked["target"]]
    else:
        answer = model.predict_proba
        names = [
            str(each) for each in getattr(model, "class_labels", getattr(model, "classes_", ()))
        ]
    answers = np.asarray(answer(features))
    pd.DataFrame(answers.reshape(len(test), -1), columns=names).to_csv(
        folder / "answers.csv", index=False
    )
    told["row_ms"] = median_ms(lambda: answer(features.iloc[[0]]))
    if system in AUTOGLUON:
        model.persist()
        told["row_ms_held_in_memory"] = median_ms(lambda: answer(features.iloc[[0]]))
    told["peak_mb"] = watch.peak / 2**20
    package = "flaml" if system == "flaml" else "autogluon.tabular"
    told["version"] = metadata.version(package)
    print(json.dumps(told, default=float))


if __name__ == "__main__":
    main()
