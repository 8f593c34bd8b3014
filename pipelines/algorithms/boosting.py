"""Gradient boosting. The rounds are never tuned: a fit stops early, by rows it did not learn from.

A configuration that names its rounds (``n_estimators``, ``max_iter``) is fitted as it stands.
"""

from __future__ import annotations

from typing import Any

from optuna.distributions import CategoricalDistribution as Choice
from optuna.distributions import FloatDistribution as Float
from optuna.distributions import IntDistribution as Int

from pipelines.algorithms import NO_NEEDS, Algorithm, Entry, Limits
from pipelines.task import Task

LIGHTGBM = {
    "learning_rate": Float(0.01, 0.2, log=True),
    "num_leaves": Int(4, 200, log=True),
    "colsample_bytree": Float(0.3, 1.0),
    "subsample": Float(0.5, 1.0),
    "min_child_samples": Int(2, 80, log=True),
    "reg_lambda": Float(1e-3, 30.0, log=True),
    "extra_trees": Choice([False, True]),
}
LIGHTGBM_FIXED = {
    "subsample_freq": 1,
    "verbose": -1,
    "deterministic": True,
    "force_col_wise": True,
}
_XGBOOST = {
    "learning_rate": Float(0.01, 0.2, log=True),
    "max_depth": Int(3, 10),
    "subsample": Float(0.5, 1.0),
    "colsample_bytree": Float(0.3, 1.0),
    "min_child_weight": Float(0.1, 30.0, log=True),
    "reg_lambda": Float(1e-2, 30.0, log=True),
}
_CATBOOST = {
    "learning_rate": Float(0.02, 0.2, log=True),
    "depth": Int(3, 9),
    "l2_leaf_reg": Float(1.0, 20.0, log=True),
    "random_strength": Float(0.1, 5.0, log=True),
}
_HISTOGRAMS = {
    "learning_rate": Float(0.02, 0.3, log=True),
    "max_leaf_nodes": Int(7, 127, log=True),
    "min_samples_leaf": Int(5, 60, log=True),
    "l2_regularization": Float(1e-3, 30.0, log=True),
}


def lightgbm(rate: float, leaves: int, columns: float, leaf: int, ridge: float) -> dict[str, Any]:
    """Return one configuration of LightGBM."""
    return {
        "learning_rate": rate,
        "num_leaves": leaves,
        "colsample_bytree": columns,
        "subsample": 0.9,
        "min_child_samples": leaf,
        "reg_lambda": ridge,
        "extra_trees": False,
    }


def _xgboost(rate: float, depth: int, columns: float, weight: float) -> dict[str, Any]:
    return {
        "learning_rate": rate,
        "max_depth": depth,
        "subsample": 0.8,
        "colsample_bytree": columns,
        "min_child_weight": weight,
        "reg_lambda": 2.0,
    }


def _catboost(rate: float, depth: int, ridge: float) -> dict[str, Any]:
    return {"learning_rate": rate, "depth": depth, "l2_leaf_reg": ridge, "random_strength": 1.0}


def _family(task: Task) -> tuple[Algorithm, ...]:
    end = "Classifier" if task is Task.CLASSIFICATION else "Regressor"
    return (
        Algorithm(
            key="lightgbm",
            title="LightGBM",
            target=f"lightgbm:LGBM{end}",
            task=task,
            adapter="boosters",
            space=LIGHTGBM,
            fixed=LIGHTGBM_FIXED,
            portfolio=(
                Entry(0, {"n_estimators": 100}),
                Entry(3, lightgbm(0.06, 31, 0.8, 20, 1.0)),
                Entry(20, {**lightgbm(0.05, 63, 0.7, 8, 3.0), "extra_trees": True}),
                Entry(28, lightgbm(0.05, 7, 0.6, 30, 1.0)),
                Entry(14, lightgbm(0.03, 96, 0.7, 5, 5.0)),
            ),
            needs=NO_NEEDS,
            explain_with="tree",
        ),
        Algorithm(
            key="hist_gradient_boosting",
            title="Histogram gradient boosting",
            target=f"sklearn.ensemble:HistGradientBoosting{end}",
            task=task,
            adapter="boosters",
            space=_HISTOGRAMS,
            portfolio=(
                Entry(
                    24,
                    {
                        "learning_rate": 0.08,
                        "max_leaf_nodes": 31,
                        "min_samples_leaf": 20,
                        "l2_regularization": 1.0,
                    },
                ),
            ),
            fixed={"early_stopping": False},
            needs=NO_NEEDS,
            limits=Limits(classes=30),
            explain_with="tree",
        ),
        Algorithm(
            key="xgboost",
            title="XGBoost",
            target=f"xgboost:XGB{end}",
            task=task,
            adapter="boosters",
            space=_XGBOOST,
            fixed={"verbosity": 0, "tree_method": "hist"},
            portfolio=(
                Entry(11, _xgboost(0.08, 6, 0.7, 2.0)),
                Entry(36, _xgboost(0.03, 9, 0.6, 10.0)),
            ),
            needs=NO_NEEDS,
            explain_with="tree",
            extra="xgboost",
        ),
        Algorithm(
            key="catboost",
            title="CatBoost",
            target=f"catboost:CatBoost{end}",
            task=task,
            adapter="boosters",
            space=_CATBOOST,
            fixed={"verbose": False, "thread_count": 1, "allow_writing_files": False},
            portfolio=(
                Entry(7, _catboost(0.1, 6, 3.0)),
                Entry(30, _catboost(0.05, 4, 3.0)),
                Entry(44, _catboost(0.05, 8, 5.0)),
            ),
            needs=NO_NEEDS,
            limits=Limits(classes=50),
            explain_with="tree",
            extra="catboost",
        ),
    )


ROWS = (*_family(Task.CLASSIFICATION), *_family(Task.REGRESSION))
