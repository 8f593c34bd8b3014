"""What measures distances: neighbours, kernel machines, Gaussian processes, small networks."""

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
_NETWORK = {
    "layers": Choice(["64", "128", "128-64", "256-128", "256-128-64"]),
    "learning_rate": Float(5e-4, 1e-2, log=True),
    "dropout": Float(0.0, 0.5),
    "shrink": Float(1e-4, 1.0, log=True),
    "stretches": Int(0, 24),
}
_SVM_GAMMA = {"C": Float(0.1, 100.0, log=True), "gamma": Float(1e-4, 1.0, log=True)}


_GAUSSIAN = {
    "kernel": Choice(["rbf", "matern"]),
    "length": Float(0.3, 30.0, log=True),
    "noise": Float(1e-3, 3.0, log=True),
}


def _process(params: dict[str, Any]) -> dict[str, Any]:
    """Build the kernel; the search draws what the process would climb for, at a tenth the time."""
    from sklearn.gaussian_process import kernels

    length, noise = params.pop("length"), params.pop("noise", None)
    matern = params.pop("kernel") == "matern"
    near = kernels.Matern(length, nu=1.5) if matern else kernels.RBF(length)
    whole = near * 4.0 if noise is None else near + kernels.WhiteKernel(noise)
    return {**params, "kernel": whole, "optimizer": None}


def _network(params: dict[str, Any]) -> dict[str, Any]:
    layers = tuple(int(width) for width in params.pop("layers").split("-"))
    return {**params, "hidden_layer_sizes": layers}


def _small_network(layers: str, rate: float, dropout: float, stretches: int) -> dict[str, Any]:
    return {
        "layers": layers,
        "learning_rate": rate,
        "dropout": dropout,
        "shrink": 1e-2,
        "stretches": stretches,
    }


def _family(task: Task) -> tuple[Algorithm, ...]:
    classifies = task is Task.CLASSIFICATION
    end = "Classifier" if classifies else "Regressor"
    wrap = None if classifies else "scaled_target"
    return (
        Algorithm(
            key="knn",
            title="Nearest neighbours",
            steady=True,
            target=f"sklearn.neighbors:KNeighbors{end}",
            task=task,
            space={
                "n_neighbors": Int(2, 60, log=True),
                "weights": Choice(["uniform", "distance"]),
            },
            portfolio=(Entry(32, {"n_neighbors": 15, "weights": "distance"}),),
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
                Entry(18, {"C": 5.0, "gamma": "scale"}),
                Entry(58, {"C": 1.0, "gamma": 0.01}),
            ),
            wrap="calibrated" if classifies else wrap,
            needs=DISTANCES,
            limits=Limits(rows=5_000, columns=500, classes=20),
        ),
        Algorithm(
            key="network",
            title="Small network that reads numbers off rulers",
            target=f"pipelines.adapters.networks:Network{end}",
            task=task,
            adapter="boosters",
            space=_NETWORK,
            portfolio=(
                Entry(5, _small_network("256-128", 2e-3, 0.2, 12)),
                Entry(26, _small_network("128", 2e-3, 0.1, 0)),
                Entry(38, _small_network("256-128-64", 1e-3, 0.3, 24)),
            ),
            needs=DISTANCES,
            limits=Limits(rows=500_000, columns=2000),
        ),
        Algorithm(
            key="mlp",
            title="Multi-layer perceptron",
            target=f"sklearn.neural_network:MLP{end}",
            task=task,
            space=_MLP,
            fixed={"max_iter": 80, "early_stopping": True, "n_iter_no_change": 8},
            portfolio=(
                Entry(22, {"layers": "128-64", "alpha": 1e-3, "learning_rate_init": 2e-3}),
                Entry(53, {"layers": "256", "alpha": 1e-2, "learning_rate_init": 1e-3}),
            ),
            prepare=_network,
            wrap=wrap,
            needs=DISTANCES,
            limits=Limits(rows=200_000, columns=2000),
        ),
    )


def _gaussian(task: Task) -> Algorithm:
    classifies = task is Task.CLASSIFICATION
    space = {k: v for k, v in _GAUSSIAN.items() if not (classifies and k == "noise")}
    end = "Classifier" if classifies else "Regressor"
    default = {"kernel": "rbf", "length": 3.0, **({} if classifies else {"noise": 0.3})}
    return Algorithm(
        key="gaussian_process",
        title="Gaussian process",
        target=f"sklearn.gaussian_process:GaussianProcess{end}",
        task=task,
        space=space,
        portfolio=(Entry(57, default), Entry(67, {**default, "kernel": "matern"})),
        prepare=_process,
        wrap=None if classifies else "scaled_target",
        needs=DISTANCES,
        limits=Limits(rows=500, columns=100, classes=3)
        if classifies
        else Limits(rows=2_000, columns=100),
    )


ROWS = tuple(
    row
    for task in (Task.CLASSIFICATION, Task.REGRESSION)
    for row in (*_family(task), _gaussian(task))
)
