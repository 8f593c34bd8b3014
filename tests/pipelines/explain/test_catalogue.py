"""Models as the house makes them: rows of the catalogue behind a real predictor."""

from __future__ import annotations

import pytest

from pipelines.explain.report import report
from pipelines.serving import Predictor
from pipelines.task import Task

METHODS = {
    ("lightgbm", Task.CLASSIFICATION): "TreeSHAP",
    ("random_forest", Task.REGRESSION): "TreeSHAP",
    ("hist_gradient_boosting", Task.CLASSIFICATION): "TreeSHAP",
    ("logistic", Task.CLASSIFICATION): "closed form",
    ("linear_svm", Task.CLASSIFICATION): "closed form",
    ("elastic_net", Task.REGRESSION): "closed form",
    ("knn", Task.CLASSIFICATION): "permutation SHAP",
    ("iforest", Task.ANOMALY): "TreeSHAP",
    ("lof", Task.ANOMALY): "permutation SHAP",
}


@pytest.mark.parametrize(("key", "task"), METHODS)
def test_each_kind_of_model_gets_the_best_method_there_is(fitted, key, task):
    made = fitted(key, task)
    rows, labels = made.dataset.features, made.dataset.labels
    found = report(
        Predictor(made.model, made.schema, {}),
        rows[150:],
        labels=None if labels is None else labels[150:],
        background=rows[:150],
    )
    assert METHODS[key, task] in found.about.method
    assert found.about.columns == made.schema.names
    assert found.trust.checks[0].name == "Local accuracy"
    assert found.trust.checks[0].fine
    assert found.local.cases
