"""Exact methods: equal to the definition of a Shapley value, or refused."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from lightgbm import LGBMClassifier, LGBMRegressor
from sklearn import ensemble, linear_model, tree
from sklearn.neighbors import KNeighborsClassifier

from pipelines.errors import UnfaithfulExplanation
from pipelines.explain import router
from pipelines.explain.question import Question
from pipelines.task import Task

FORESTS = {
    "lightgbm": (LGBMClassifier(n_estimators=12, verbose=-1, n_jobs=1), {}),
    "lightgbm categories": (
        LGBMClassifier(n_estimators=12, verbose=-1, n_jobs=1, min_data_per_group=10),
        {"codes": "fit"},
    ),
    "histograms": (ensemble.HistGradientBoostingClassifier(max_iter=12), {"dummies": True}),
    "histograms categories": (
        ensemble.HistGradientBoostingClassifier(max_iter=12),
        {"codes": "set"},
    ),
    "gradient boosting": (ensemble.GradientBoostingClassifier(n_estimators=12), {"fill": -7.0}),
    "random forest": (ensemble.RandomForestClassifier(8, max_depth=6), {"dummies": True}),
    "extra trees": (ensemble.ExtraTreesClassifier(8, max_depth=6), {}),
    "one tree": (tree.DecisionTreeClassifier(max_depth=5), {}),
    "logistic": (
        linear_model.LogisticRegression(max_iter=200),
        {"dummies": True, "fill": 0.0, "scale": 1e4},
    ),
}
VALUES = {
    "lightgbm poisson": (LGBMRegressor(n_estimators=9, objective="poisson", verbose=-1), {}),
    "histograms poisson": (
        ensemble.HistGradientBoostingRegressor(max_iter=9, loss="poisson"),
        {"codes": "set"},
    ),
    "random forest": (ensemble.RandomForestRegressor(8, max_depth=6), {"dummies": True}),
    "ridge": (linear_model.Ridge(), {"dummies": True, "fill": 0.0}),
}


@pytest.mark.parametrize("classes", [2, 3])
@pytest.mark.parametrize("name", FORESTS)
def test_a_classifier_is_explained_as_the_definition_says(made, name, classes):
    estimator, how = FORESTS[name]
    frame = made.table(300)
    labels = made.labels(frame, Task.CLASSIFICATION, classes)
    predictor = made.fitted(estimator, Task.CLASSIFICATION, frame, labels.to_numpy(str), **how)
    made.check_against_the_definition(Question(predictor), frame)


@pytest.mark.parametrize("name", VALUES)
def test_a_regressor_is_explained_as_the_definition_says(made, name):
    estimator, how = VALUES[name]
    frame = made.table(300)
    labels = np.abs(made.labels(frame, Task.REGRESSION))
    predictor = made.fitted(estimator, Task.REGRESSION, frame, labels, **how)
    made.check_against_the_definition(Question(predictor), frame)


def test_xgboost_is_explained_as_the_definition_says(made):
    xgboost = pytest.importorskip("xgboost")
    frame = made.table(300)
    labels = made.labels(frame, Task.REGRESSION)
    for how in ({}, {"feature_types": ["q", "q", "c", "c", "q", "q"]}):
        estimator = xgboost.XGBRegressor(
            n_estimators=12, max_depth=4, enable_categorical=bool(how), **how
        )
        predictor = made.fitted(estimator, Task.REGRESSION, frame, labels)
        made.check_against_the_definition(Question(predictor), frame)


def test_what_makes_a_row_strange_counts_as_positive(made):
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(rng.normal(size=(400, 3)), columns=["height", "weight", "age"])
    estimator = ensemble.IsolationForest(n_estimators=60, random_state=0)
    predictor = made.fitted(estimator, Task.ANOMALY, frame, None)
    odd = pd.DataFrame({"height": [0.0], "weight": [0.1], "age": [9.0]})
    question = Question(predictor)
    exact, _ = router.exact(question, frame.iloc[:100], odd)
    assert exact is not None
    found = exact(odd, question.ask(odd))
    contributions = dict(zip(frame.columns, found.values[0, :, 0], strict=True))
    assert max(contributions, key=contributions.get) == "age"
    assert contributions["age"] > 0
    assert found.answers[0, 0] > found.base[0]


def test_an_isolation_forest_is_explained_as_the_definition_says(made):
    frame = made.table(300)
    estimator = ensemble.IsolationForest(n_estimators=12, max_features=0.7, random_state=0)
    predictor = made.fitted(estimator, Task.ANOMALY, frame, None)
    exact = made.check_against_the_definition(Question(predictor), frame)
    assert exact.link.name == "log2"


def test_a_preparation_that_mixes_columns_has_no_exact_method(made):
    class Mixing(made.Preparation):
        def transform(self, frame):
            cells = super().transform(frame)
            cells[:, 0] *= cells[:, 1]
            return cells

    frame = made.table(200)
    labels = made.labels(frame, Task.REGRESSION)
    predictor = made.fitted(linear_model.Ridge(), Task.REGRESSION, frame, labels, fill=0.0)
    mixing = Mixing(fill=0.0).fit(frame)
    predictor.model.pipeline.steps[0] = ("prepare", mixing)
    exact, refused = router.exact(Question(predictor), frame.iloc[:50], frame)
    assert exact is None
    assert "its preparation mixes columns" in refused[0]


def test_a_model_without_an_exact_method_says_why(made):
    frame = made.table(200)
    labels = made.labels(frame, Task.CLASSIFICATION)
    predictor = made.fitted(
        KNeighborsClassifier(), Task.CLASSIFICATION, frame, labels.to_numpy(str), fill=0.0
    )
    exact, refused = router.exact(Question(predictor), frame.iloc[:50], frame)
    assert exact is None
    assert refused == (
        "linear: KNeighborsClassifier has no coefficients",
        "trees: KNeighborsClassifier is no ensemble of trees that can be read",
        "additive: its answers are more than a sum over columns",
    )


def test_contributions_that_do_not_add_up_are_refused(made):
    frame = made.table(200)
    labels = made.labels(frame, Task.REGRESSION)
    predictor = made.fitted(linear_model.Ridge(), Task.REGRESSION, frame, labels, fill=0.0)
    question = Question(predictor)
    exact, _ = router.exact(question, frame.iloc[:50], frame)
    assert exact is not None
    with pytest.raises(UnfaithfulExplanation, match="does not add up"):
        exact(frame, question.ask(frame) * 1.01)


def test_answers_that_overflow_prove_nothing(made):
    frame = pd.DataFrame(np.random.default_rng(0).normal(size=(200, 2)), columns=["a", "b"])
    estimator = linear_model.PoissonRegressor()
    predictor = made.fitted(estimator, Task.REGRESSION, frame, frame["a"].abs())
    estimator.coef_ = np.array([0.0, -1500.0])  # half of its answers are 0, the others infinite
    with np.errstate(over="ignore"):
        exact, refused = router.exact(Question(predictor), frame.iloc[:50], frame)
    assert exact is None
    assert "on no scale that is known" in refused[0]
    assert "more than a sum" in refused[-1]


def test_sure_probabilities_are_still_proven(made):
    frame = pd.DataFrame(np.random.default_rng(0).normal(size=(200, 2)), columns=["a", "b"])
    estimator = linear_model.LogisticRegression()
    labels = (frame["a"] > 0).to_numpy().astype(str)
    predictor = made.fitted(estimator, Task.CLASSIFICATION, frame, labels)
    estimator.coef_ = np.array([[400.0, 1.0]])  # most answers are exactly 0 or 1
    question = Question(predictor)
    exact, refused = router.exact(question, frame.iloc[:50], frame)
    assert exact is not None, refused
    assert exact(frame, question.ask(frame)).link == "logit"
