"""What measures distances: nearest neighbours, kernel machines, small networks."""

from __future__ import annotations

from typing import Any

from optuna.distributions import CategoricalDistribution as Choice
from optuna.distributions import FloatDistribution as Float
from optuna.distributions import IntDistribution as Int

from pipelines.algorithms import DISTANCES, Algorithm, Entry, Limits
from pipelines.task import Task

_MLP = {
    # Text, because a journal and MLflow keep text as it is.
    "layers": Choice(["64", "128", "256", "128-64", "256-128"]),
    "alpha": Float(1e-5, 1.0, log=True),
    "learning_rate_init": Float(3e-4, 1e-2, log=True),
}
_SVM_GAMMA = {"C": Float(0.1, 100.0, log=True), "gamma": Float(1e-4, 1.0, log=True)}


def _network(params: dict[str, Any]) -> dict[str, Any]:
    layers = tuple(int(width) for width in params.pop("layers").split("-"))
    return {**params, "hidden_layer_sizes": layers}


def _family(task: Task) -> tuple[Algorithm, ...]:
    classifies = task is Task.CLASSIFICATION
    end = "Classifier" if classifies else "Regressor"
    wrap = None if classifies else "scaled_target"
    return (
        Algorithm(
            key="knn",
            title="Nearest neighbours",
            target=f"sklearn.neighbors:KNeighbors{end}",
            task=task,
            space={
                "n_neighbors": Int(2, 60, log=True),
                "weights": Choice(["uniform", "distance"]),
            },
            portfolio=(Entry(42, {"n_neighbors": 15, "weights": "distance"}),),
            needs=DISTANCES,
            limits=Limits(rows=30_000, columns=500),
        ),
        Algorithm(
            key="rbf_svm",
            title="RBF support vector machine, calibrated"
            if classifies
            else "RBF support vectors",
            target=f"sklearn.svm:SV{'C' if classifies else 'R'}",
            task=task,
            space=_SVM_GAMMA,
            portfolio=(
                Entry(22, {"C": 5.0, "gamma": "scale"}),
                Entry(58, {"C": 1.0, "gamma": 0.01}),
            ),
            wrap="calibrated" if classifies else wrap,
            needs=DISTANCES,
            limits=Limits(rows=5_000, columns=500, classes=20),
        ),
        Algorithm(
            key="mlp",
            title="Multi-layer perceptron",
            target=f"sklearn.neural_network:MLP{end}",
            task=task,
            space=_MLP,
            fixed={"max_iter": 80, "early_stopping": True, "n_iter_no_change": 8},
            portfolio=(
                Entry(18, {"layers": "128-64", "alpha": 1e-3, "learning_rate_init": 2e-3}),
                Entry(53, {"layers": "256", "alpha": 1e-2, "learning_rate_init": 1e-3}),
            ),
            prepare=_network,
            wrap=wrap,
            needs=DISTANCES,
            limits=Limits(rows=200_000, columns=2000),
        ),
    )


ROWS = (*_family(Task.CLASSIFICATION), *_family(Task.REGRESSION))
