"""Ensembles, CatBoost and models that only add up: exact where they are, else steadied."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from lightgbm import LGBMClassifier, LGBMRegressor
from sklearn import ensemble, linear_model, naive_bayes
from sklearn.base import BaseEstimator
from sklearn.neighbors import KNeighborsRegressor

from pipelines.adapters.combined import Calibrated, Ensemble
from pipelines.adapters.stacked import Stack
from pipelines.explain import router
from pipelines.explain.attribution import spread
from pipelines.explain.question import Question
from pipelines.explain.report import report
from pipelines.explain.sampling import Effort, draw
from pipelines.serving import Predictor
from pipelines.task import Task


def model_of(made, estimator, task, frame, labels, **how):
    found = made.fitted(estimator, task, frame, labels, **how).model
    found.algorithm = type(estimator).__name__
    found.explain_with = "own"
    return found


@pytest.mark.parametrize("classes", [2, 3])
def test_catboost_is_explained_as_the_definition_says(made, classes):
    catboost = pytest.importorskip("catboost")
    frame = made.table(300)
    for missing in ("Min", "Max"):
        labels = made.labels(frame, Task.CLASSIFICATION, classes).to_numpy(str)
        estimator = catboost.CatBoostClassifier(
            iterations=12, depth=4, verbose=0, nan_mode=missing, allow_writing_files=False,
            thread_count=1,
        )  # fmt: skip
        predictor = made.fitted(estimator, Task.CLASSIFICATION, frame, labels)
        made.check_against_the_definition(Question(predictor), frame)


def test_catboosts_values_are_explained_as_the_definition_says(made):
    catboost = pytest.importorskip("catboost")
    frame = made.table(300)
    labels = np.abs(made.labels(frame, Task.REGRESSION))
    for loss in ("RMSE", "Poisson"):
        estimator = catboost.CatBoostRegressor(
            iterations=9, depth=3, verbose=0, loss_function=loss, allow_writing_files=False,
            thread_count=1,
        )  # fmt: skip
        predictor = made.fitted(estimator, Task.REGRESSION, frame, labels)
        made.check_against_the_definition(Question(predictor), frame)


def test_an_ensemble_of_values_is_exact_by_linearity(made):
    frame = made.table(300)
    labels = made.labels(frame, Task.REGRESSION)
    members = [
        model_of(made, LGBMRegressor(n_estimators=9, verbose=-1), Task.REGRESSION, frame, labels),
        model_of(made, linear_model.Ridge(), Task.REGRESSION, frame, labels, fill=0.0),
    ]  # fmt: skip
    predictor = made.Predictor(Ensemble(members, [3, 1]))
    exact = made.check_against_the_definition(Question(predictor), frame)
    assert "weighted mean of 2 members" in exact.method
    found = report(predictor, frame[200:], labels=labels[200:], background=frame[:200])
    assert {str(status.extent) for status in found.lime_sections.values()} == {"exact"}


def test_an_ensemble_of_forests_is_exact_in_probabilities(made):
    frame = made.table(300)
    labels = made.labels(frame, Task.CLASSIFICATION, 3).to_numpy(str)
    members = [
        model_of(made, kind(6, max_depth=5, random_state=0), Task.CLASSIFICATION, frame, labels)
        for kind in (ensemble.RandomForestClassifier, ensemble.ExtraTreesClassifier)
    ]
    predictor = made.Predictor(Ensemble(members, [1, 2]))
    assert made.check_against_the_definition(Question(predictor), frame).link.name == "identity"


def boosted(made, frame):
    labels = made.labels(frame, Task.CLASSIFICATION).to_numpy(str)
    return [
        model_of(
            made, LGBMClassifier(n_estimators=9, verbose=-1, num_leaves=leaves),
            Task.CLASSIFICATION, frame, labels,
        )
        for leaves in (4, 15)
    ]  # fmt: skip


@pytest.mark.parametrize("classes", [2, 3])
def test_a_stack_is_exact_in_log_odds_where_its_members_are(made, classes):
    frame = made.table(300)
    labels = made.labels(frame, Task.CLASSIFICATION, classes).to_numpy(str)
    members = [
        model_of(
            made, LGBMClassifier(n_estimators=9, verbose=-1, num_leaves=leaves),
            Task.CLASSIFICATION, frame, labels,
        )
        for leaves in (4, 15)
    ]  # fmt: skip
    slopes = np.random.default_rng(0).normal(size=(2, classes, classes))
    stack = Stack(members, slopes, np.linspace(-0.3, 0.4, classes))
    exact = made.check_against_the_definition(Question(made.Predictor(stack)), frame)
    assert exact.link.name == ("logit" if classes == 2 else "clr")
    assert "stack of 2 members' log-odds" in exact.method
    found = report(made.Predictor(stack), frame[200:], labels=labels[200:], background=frame[:200])
    assert str(found.to_dict()["statuses"]["local"]).startswith("exact")


def test_a_stack_of_forests_is_sampled_and_says_why(made):
    frame = made.table(300)
    labels = made.labels(frame, Task.CLASSIFICATION, 2).to_numpy(str)
    forest = ensemble.RandomForestClassifier(6, max_depth=5, random_state=0)
    members = [*boosted(made, frame), model_of(made, forest, Task.CLASSIFICATION, frame, labels)]
    stack = Stack(members, [np.eye(2)] * 3, [0.0, 0.1])
    question = Question(made.Predictor(stack))
    exact, refused = router.exact(question, frame[:200], frame[200:])
    assert exact is None
    assert "its member RandomForestClassifier adds up in answer" in refused[0]
    assert len(router.known_parts(question, frame[:200], frame[200:])) == 3


def kinds(made, frame):
    members = boosted(made, frame)
    chances = [[0.0, 0.2, 0.6, 1.0], [0.0, 0.3, 0.5, 1.0]]
    return {
        "mean": Ensemble(members, [1, 1]),
        "bent": Calibrated(members[1], "isotonic", [chances]),
        "bent mean": Calibrated(Ensemble(members, [1, 1]), "isotonic", [chances]),
    }


@pytest.mark.parametrize("name", ["mean", "bent", "bent mean"])
def test_a_mean_of_probabilities_is_sampled_and_steadied_by_its_members(made, name):
    frame = made.table(300)
    question = Question(made.Predictor(kinds(made, frame)[name]))
    background, rows = frame[:200], frame.iloc[200:206].reset_index(drop=True)
    exact, refused = router.exact(question, background, rows)
    assert exact is None
    assert "log-odds" in refused[0] or "bends" in refused[0]
    plain = draw(question, rows, background, Effort(12))
    helped = draw(question, rows, background, Effort(12), router.known_parts)
    assert "steadied" in helped.method
    assert helped.error is not None
    assert plain.error is not None
    assert helped.error.mean() < 0.75 * plain.error.mean()
    answers = question.ask(rows)
    assert np.abs(helped.answers - answers).max() < 1e-6
    # the draws' background is fixed by the seed: the definition against the same rows
    identity = SimpleNamespace(link=SimpleNamespace(name="identity"), shift=0.0)
    chosen = background.iloc[spread(question.ask(background)[:, 0], 12)]
    expected = made.exhaustive(question, identity, rows, chosen)
    assert np.abs(helped.values - expected).mean() < 0.75 * np.abs(plain.values - expected).mean()


def test_a_member_without_an_exact_method_is_named(made):
    frame = made.table(300)
    labels = made.labels(frame, Task.REGRESSION)
    members = [
        model_of(made, linear_model.Ridge(), Task.REGRESSION, frame, labels, fill=0.0),
        model_of(made, KNeighborsRegressor(), Task.REGRESSION, frame, labels, fill=0.0),
    ]
    question = Question(made.Predictor(Ensemble(members, [1, 1])))
    exact, refused = router.exact(question, frame[:100], frame[100:])
    assert exact is None
    assert "KNeighborsRegressor has no exact method" in refused[0]


def test_naive_bayes_is_a_sum_in_log_odds(made):
    frame = made.table(300).drop(columns=["constant"])
    labels = made.labels(frame, Task.CLASSIFICATION).to_numpy(str)
    predictor = made.fitted(
        naive_bayes.GaussianNB(var_smoothing=0.5), Task.CLASSIFICATION, frame, labels, fill=0.0
    )
    exact = made.check_against_the_definition(Question(predictor), frame)
    assert exact.link.name == "logit"
    assert "own sum" in exact.method


def test_histograms_of_a_detector_are_explained_by_their_own_sum(fitted):
    made = fitted("hbos", Task.ANOMALY)
    predictor = Predictor(made.model, made.schema, {})
    question = Question(predictor)
    rows = question.conform(made.dataset.features)
    exact, refused = router.exact(question, rows[:150], rows[150:])
    assert exact is not None, refused
    found = exact(rows[150:], question.ask(rows[150:]))
    assert "own sum" in found.method
    strangest = int(question.ask(rows[150:])[:, 0].argmax())
    assert found.values[strangest].sum() > 0


def test_ecod_with_frozen_tails_would_be_exact_too(made):
    class Tails(BaseEstimator):
        """Minus the log of the smaller tail, column by column, as ECOD counts."""

        def fit(self, rows, labels=None):
            self.sorted_ = np.sort(rows, axis=0)
            return self

        def score_samples(self, rows):
            many = len(self.sorted_)
            below = np.stack(
                [np.searchsorted(s, c) for s, c in zip(self.sorted_.T, rows.T, strict=True)]
            )
            tail = np.minimum(below + 1, many - below + 1) / (many + 2)
            return np.log(tail).sum(axis=0)

    rng = np.random.default_rng(0)
    frame = pd.DataFrame(rng.normal(size=(200, 4)), columns=list("abcd"))
    predictor = made.fitted(Tails(), Task.ANOMALY, frame, None)
    exact = made.check_against_the_definition(Question(predictor), frame)
    assert "own sum" in exact.method
