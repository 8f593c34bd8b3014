"""Detectors for tables, from PyOD.

ECOD and COPOD are left out: PyOD scores a row by the batch it comes in. ABOD, CBLOF and PCA are
left out while nothing guards them against duplicates, plain data and constant columns.
"""

from __future__ import annotations

from typing import Any

from optuna.distributions import CategoricalDistribution as Choice
from optuna.distributions import FloatDistribution as Float
from optuna.distributions import IntDistribution as Int

from pipelines.algorithms import DISTANCES, Algorithm, Entry, Limits
from pipelines.task import Task


def _detector(key: str, title: str, target: str, turn: int, **row: Any) -> Algorithm:
    default = row.pop("default", {})
    return Algorithm(
        key=key,
        title=title,
        target=f"pyod.models.{target}",
        task=Task.ANOMALY,
        adapter="detectors",
        portfolio=(Entry(turn, default),),
        needs=DISTANCES,
        **row,
    )


ROWS = (
    _detector(
        "knn",
        "Mean distance to the nearest neighbours",
        "knn:KNN",
        0,
        default={"n_neighbors": 20, "method": "mean"},
        space={"n_neighbors": Int(3, 60), "method": Choice(["largest", "mean", "median"])},
        limits=Limits(rows=200_000),
    ),
    _detector(
        "iforest",
        "Isolation forest",
        "iforest:IForest",
        10,
        default={"n_estimators": 200, "max_features": 1.0},
        space={"n_estimators": Int(50, 400, log=True), "max_features": Float(0.3, 1.0)},
        explain_with="tree",
    ),
    _detector(
        "mcd",
        "Robust covariance",
        "mcd:MCD",
        20,
        limits=Limits(columns=100),
        tuned=False,
    ),
    _detector(
        "lof",
        "Local outlier factor",
        "lof:LOF",
        30,
        default={"n_neighbors": 20},
        space={"n_neighbors": Int(5, 60)},
        limits=Limits(rows=100_000),
    ),
    _detector(
        "hbos",
        "Histograms",
        "hbos:HBOS",
        40,
        default={"n_bins": 10, "alpha": 0.1},
        space={"n_bins": Int(5, 50), "alpha": Float(0.01, 0.5)},
        explain_with="own",
    ),
    _detector(
        "ocsvm",
        "One-class support vectors",
        "ocsvm:OCSVM",
        50,
        default={"nu": 0.5},
        space={"nu": Float(0.05, 0.9)},
        limits=Limits(rows=10_000),
    ),
    _detector(
        "inne",
        "Isolation by nearest neighbours",
        "inne:INNE",
        60,
        default={"n_estimators": 200},
        space={"n_estimators": Int(50, 400, log=True)},
        limits=Limits(rows=50_000),
    ),
)
