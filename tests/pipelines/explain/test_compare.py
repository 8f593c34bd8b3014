"""Two versions: a retrain is as usual, another model is changed."""

from __future__ import annotations

import json

import numpy as np
import pytest
from lightgbm import LGBMClassifier

from pipelines.errors import BadSetting
from pipelines.explain.compare import compare, exceeds
from pipelines.explain.report import report
from pipelines.task import Task


@pytest.fixture(scope="module")
def explained(made):
    frame = made.table(500)
    truth = made.labels(frame, Task.CLASSIFICATION)

    def explain(seed, labels=truth):
        estimator = LGBMClassifier(
            n_estimators=15,
            n_jobs=1,
            verbose=-1,
            random_state=seed,
            subsample=0.7,
            subsample_freq=1,
        )
        predictor = made.fitted(estimator, Task.CLASSIFICATION, frame, labels.to_numpy(str))
        return report(
            predictor, frame[440:], labels=truth[440:], background=frame[:100], rows=range(20)
        )

    old, null = explain(0), [explain(seed) for seed in range(1, 6)]
    leak = np.where(frame["since"] > frame["since"].median(), "bad", "good")
    return old, null, explain(7), explain(0, truth.where(frame.index % 3 == 0, leak))


def test_a_retrain_of_the_same_recipe_is_as_usual(explained):
    old, null, retrained, _ = explained
    found = compare(old, retrained, null=[old, *null])
    assert found.verdict == "as usual"
    assert found.rows >= 20


def test_a_model_that_looks_at_another_column_is_changed(explained):
    old, null, _, leaking = explained
    found = compare(old, leaking, null=[old, *null])
    assert found.verdict == "changed"
    since = next(shift for shift in found.shifts if shift.column == "since")
    assert since.change > 0.1
    assert since.rank_after == 1
    json.dumps(found.to_dict())


def test_without_retrains_nothing_is_claimed(explained):
    old, _, _, leaking = explained
    found = compare(old, leaking)
    assert found.verdict == "not calibrated"
    assert found.p_value is None


def test_a_report_is_as_itself(explained):
    old, null, _, _ = explained
    found = compare(old, old, null=[old, *null])
    assert found.distance == 0
    assert found.row_agreement == pytest.approx(1)
    assert found.p_value == 1


def test_two_trainings_of_one_recipe_are_called_changed_in_no_more_than_one_case_of_twenty():
    rng = np.random.default_rng(0)

    def training():
        drawn = rng.dirichlet([80, 40, 20, 5, 2, 1])
        return dict(zip("abcdef", drawn.tolist(), strict=True))

    p_values = np.array([exceeds(training(), training(), [training() for _ in range(7)])
                         for _ in range(1_000)])  # fmt: skip
    assert 0.002 < (p_values < 0.05).mean() <= 0.05
    other = dict(zip("abcdef", [0.3, 0.1, 0.1, 0.0, 0.0, 0.5], strict=True))
    assert exceeds(training(), other, [training() for _ in range(7)]) < 1e-3


def test_retrains_that_do_not_move_leave_nothing_to_chance():
    still, moved = {"a": 0.5, "b": 0.5}, {"a": 0.6, "b": 0.4}
    assert exceeds(still, still, [still] * 5) == 1
    assert exceeds(still, moved, [still] * 5) < 1e-6
    assert exceeds({"a": 1.0}, {"a": 1.0}, [{"a": 1.0}] * 5) == 1


def test_other_outputs_cannot_be_compared(made, explained):
    frame = made.table(300)
    labels = made.labels(frame, Task.CLASSIFICATION, 3)
    predictor = made.fitted(
        LGBMClassifier(n_estimators=3, verbose=-1), Task.CLASSIFICATION, frame,
        labels.to_numpy(str),
    )  # fmt: skip
    other = report(predictor, frame[250:], labels=None, background=frame[:250])
    with pytest.raises(BadSetting, match="same outputs"):
        compare(explained[0], other)
