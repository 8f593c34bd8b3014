"""Single trees and forests."""

from __future__ import annotations

from typing import Any

from optuna.distributions import FloatDistribution as Float
from optuna.distributions import IntDistribution as Int

from pipelines.algorithms import TREES, Algorithm, Entry
from pipelines.task import Task

_TREE = {
    "max_depth": Int(2, 20),
    "min_samples_leaf": Int(1, 100, log=True),
    "ccp_alpha": Float(1e-6, 1e-2, log=True),
}
_TREE_DEFAULT = {"max_depth": 6, "min_samples_leaf": 10, "ccp_alpha": 1e-6}
_FOREST = {
    "n_estimators": Int(60, 400, log=True),
    "max_features": Float(0.1, 1.0),
    "min_samples_leaf": Int(1, 20, log=True),
}

_ON_MANY_ROWS = {"n_estimators": Int(40, 100, log=True)}


def _forest(max_features: float, leaf: int) -> dict[str, Any]:
    return {"n_estimators": 200, "max_features": max_features, "min_samples_leaf": leaf}


def _family(task: Task) -> tuple[Algorithm, ...]:
    end = "Classifier" if task is Task.CLASSIFICATION else "Regressor"
    # Regression splits gain from seeing half the columns, classification from seeing few.
    share = 0.3 if task is Task.CLASSIFICATION else 0.5
    return (
        Algorithm(
            key="decision_tree",
            title="Decision tree",
            target=f"sklearn.tree:DecisionTree{end}",
            task=task,
            space=_TREE,
            portfolio=(Entry(66, _TREE_DEFAULT),),
            needs=TREES,
            explain_with="tree",
        ),
        Algorithm(
            key="random_forest",
            title="Random forest",
            steady=True,
            target=f"sklearn.ensemble:RandomForest{end}",
            task=task,
            space=_FOREST,
            at_scale=_ON_MANY_ROWS,
            portfolio=(Entry(17, _forest(share, 2)), Entry(50, _forest(share, 8))),
            needs=TREES,
            explain_with="tree",
        ),
        Algorithm(
            key="extra_trees",
            title="Extremely randomised trees",
            steady=True,
            target=f"sklearn.ensemble:ExtraTrees{end}",
            task=task,
            space=_FOREST,
            at_scale=_ON_MANY_ROWS,
            portfolio=(Entry(13, _forest(0.5, 2)), Entry(51, _forest(1.0, 5))),
            needs=TREES,
            explain_with="tree",
        ),
    )


ROWS = (*_family(Task.CLASSIFICATION), *_family(Task.REGRESSION))
