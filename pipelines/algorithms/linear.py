"""Baselines, linear models, naive Bayes and discriminant analysis."""

from __future__ import annotations

from typing import Any

from optuna.distributions import CategoricalDistribution as Choice
from optuna.distributions import FloatDistribution as Float

from pipelines.algorithms import DISTANCES, NO_NEEDS, Algorithm, Entry, Limits
from pipelines.task import Task

_CLASSES, _VALUES = Task.CLASSIFICATION, Task.REGRESSION


def _elastic(params: dict[str, Any]) -> dict[str, Any]:
    """Name the solver that knows the mixed penalty."""
    return {**params, "solver": "saga", "max_iter": 500, "tol": 1e-3}


ROWS = (
    Algorithm(
        key="dummy",
        title="Baseline: the classes' shares",
        steady=True,
        target="sklearn.dummy:DummyClassifier",
        task=_CLASSES,
        fixed={"strategy": "prior"},
        portfolio=(Entry(1),),
        needs=NO_NEEDS,
        tuned=False,
    ),
    Algorithm(
        key="dummy",
        title="Baseline: the mean",
        steady=True,
        target="sklearn.dummy:DummyRegressor",
        task=_VALUES,
        portfolio=(Entry(1),),
        needs=NO_NEEDS,
        tuned=False,
    ),
    Algorithm(
        key="logistic",
        title="Logistic regression",
        steady=True,
        target="sklearn.linear_model:LogisticRegression",
        task=_CLASSES,
        space={"C": Float(1e-4, 1e2, log=True), "class_weight": Choice([None, "balanced"])},
        fixed={"max_iter": 1000},
        portfolio=(
            Entry(9, {"C": 1.0, "class_weight": None}),
            Entry(40, {"C": 0.05, "class_weight": None}),
        ),
        needs=DISTANCES,
        explain_with="linear",
    ),
    Algorithm(
        key="elastic_logistic",
        title="Logistic regression with an elastic penalty",
        steady=True,
        target="sklearn.linear_model:LogisticRegression",
        task=_CLASSES,
        space={"C": Float(1e-3, 1e1, log=True), "l1_ratio": Float(0.0, 1.0)},
        portfolio=(Entry(65, {"C": 0.1, "l1_ratio": 0.5}),),
        prepare=_elastic,
        needs=DISTANCES,
        limits=Limits(rows=20_000, columns=500, classes=10),
        explain_with="linear",
    ),
    Algorithm(
        key="naive_bayes",
        title="Gaussian naive Bayes",
        steady=True,
        target="sklearn.naive_bayes:GaussianNB",
        task=_CLASSES,
        space={"var_smoothing": Float(1e-9, 1e-1, log=True)},
        portfolio=(Entry(60, {"var_smoothing": 1e-9}),),
        needs=DISTANCES,
    ),
    Algorithm(
        key="lda",
        title="Linear discriminant analysis",
        steady=True,
        target="sklearn.discriminant_analysis:LinearDiscriminantAnalysis",
        task=_CLASSES,
        space={"shrinkage": Float(0.0, 1.0)},
        fixed={"solver": "lsqr"},
        portfolio=(Entry(62, {"shrinkage": 0.05}),),
        needs=DISTANCES,
        limits=Limits(columns=1000),
        explain_with="linear",
    ),
    Algorithm(
        key="qda",
        title="Quadratic discriminant analysis",
        target="sklearn.discriminant_analysis:QuadraticDiscriminantAnalysis",
        task=_CLASSES,
        space={"reg_param": Float(1e-4, 1.0, log=True)},
        portfolio=(Entry(63, {"reg_param": 0.05}),),
        needs=DISTANCES,
        limits=Limits(columns=200),
    ),
    Algorithm(
        key="linear_svm",
        title="Linear support vector machine, calibrated",
        steady=True,
        target="sklearn.svm:LinearSVC",
        task=_CLASSES,
        space={"C": Float(1e-4, 1e1, log=True), "class_weight": Choice([None, "balanced"])},
        fixed={"dual": "auto", "max_iter": 5000},
        portfolio=(Entry(64, {"C": 0.1, "class_weight": None}),),
        wrap="calibrated",
        needs=DISTANCES,
        limits=Limits(rows=50_000, classes=20),
    ),
    Algorithm(
        key="ridge",
        title="Ridge regression",
        steady=True,
        target="sklearn.linear_model:Ridge",
        task=_VALUES,
        space={"alpha": Float(1e-3, 1e4, log=True)},
        portfolio=(Entry(9, {"alpha": 1.0}), Entry(40, {"alpha": 50.0})),
        needs=DISTANCES,
        explain_with="linear",
    ),
    Algorithm(
        key="elastic_net",
        title="Elastic net",
        steady=True,
        target="sklearn.linear_model:ElasticNet",
        task=_VALUES,
        space={"alpha": Float(1e-4, 1e1, log=True), "l1_ratio": Float(0.01, 1.0)},
        fixed={"max_iter": 3000},
        portfolio=(Entry(62, {"alpha": 0.05, "l1_ratio": 0.5}),),
        wrap="scaled_target",
        needs=DISTANCES,
        limits=Limits(rows=200_000),
    ),
    Algorithm(
        key="linear_svm",
        title="Linear support vector regression",
        steady=True,
        target="sklearn.svm:LinearSVR",
        task=_VALUES,
        space={"C": Float(1e-3, 1e1, log=True), "epsilon": Float(0.0, 0.5)},
        fixed={"dual": "auto", "loss": "squared_epsilon_insensitive", "max_iter": 5000},
        portfolio=(Entry(64, {"C": 0.1, "epsilon": 0.0}),),
        wrap="scaled_target",
        needs=DISTANCES,
        limits=Limits(rows=50_000),
    ),
)
