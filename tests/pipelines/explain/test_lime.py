"""Batched LIME says what lime's own class says, for many rows at the price of one call."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from lightgbm import LGBMClassifier
from scipy.stats import spearmanr
from sklearn.linear_model import LogisticRegression, Ridge

from pipelines.explain import router
from pipelines.explain.lime import Draws, limit
from pipelines.explain.links import on_scale
from pipelines.explain.question import Question
from pipelines.task import Task


@pytest.fixture(scope="module")
def rows():
    rng = np.random.default_rng(0)
    return pd.DataFrame(rng.normal(size=(2_000, 6)), columns=list("abcdef"))


def chance(cells: np.ndarray) -> np.ndarray:
    score = (
        2 * cells[:, 0] - cells[:, 1] + 0.7 * cells[:, 2] * (cells[:, 3] > 0) + 0.3 * cells[:, 4]
    )
    return 1 / (1 + np.exp(-score))


def lime_of(ask, background, samples=4_096, seed=0):
    return Draws(ask, background, seed).lime(samples)


def test_it_agrees_with_lime(rows):
    from lime.lime_tabular import LimeTabularExplainer

    reference = LimeTabularExplainer(rows.to_numpy(), mode="classification", random_state=0)
    ours, _ = lime_of(lambda frame: chance(frame.to_numpy())[:, None], rows).explain(
        rows.iloc[:8], chance(rows.iloc[:8].to_numpy())[:, None]
    )
    for row in range(8):
        told = reference.explain_instance(
            rows.iloc[row].to_numpy(),
            lambda cells: np.stack([1 - chance(cells), chance(cells)], axis=1),
            num_features=6, num_samples=20_000,
        )  # fmt: skip
        theirs = np.zeros(6)
        for column, weight in told.as_map()[1]:
            theirs[column] = weight
        assert spearmanr(ours[row, :, 0], theirs)[0] > 0.9
        assert np.abs(ours[row, :, 0] - theirs).max() < 0.05  # lime draws inside bins otherwise


@pytest.mark.parametrize("columns", [1, 2, 3, 6])
def test_it_is_the_weighted_ridge_regression(rows, columns):
    def ask(frame):
        cells = np.pad(frame.to_numpy(), [(0, 0), (0, 6 - columns)])
        return chance(cells)[:, None] + (cells[:, :3] > 0).all(axis=1)[:, None]

    few = rows.iloc[:3, :columns]
    lime = lime_of(ask, rows.iloc[:, :columns], samples=65_536)
    found, fit = lime.explain(few, ask(few))
    for row in range(3):
        mine = [
            1 + curve.coarse.codes(few.iloc[[row], j])[0] for j, curve in enumerate(lime.curves)
        ]
        same = (lime.codes == np.array(mine)[:, None]).T.astype(float)
        weight = np.exp(-(columns - same.sum(axis=1)) / (2 * 0.5625 * columns))
        ridge = Ridge(alpha=1.0).fit(same, lime.answers[:, 0], sample_weight=weight)
        assert np.abs(ridge.coef_ - found[row, :, 0]).max() < 0.003
        assert ridge.score(same, lime.answers[:, 0], weight) == pytest.approx(fit[row], abs=0.01)


@pytest.mark.parametrize("kind", ["trees", "linear"])
def test_what_lime_converges_to_is_computed_where_sums_are_known(made, kind):
    frame = made.table(500)
    labels = made.labels(frame, Task.CLASSIFICATION, 3).to_numpy(str)
    estimator, how = {
        "trees": (LGBMClassifier(n_estimators=12, verbose=-1, n_jobs=1), {}),
        "linear": (LogisticRegression(max_iter=200), {"dummies": True, "fill": 0.0, "scale": 1e4}),
    }[kind]
    predictor = made.fitted(estimator, Task.CLASSIFICATION, frame, labels, **how)
    question = Question(predictor)
    background, few = frame.iloc[:200].reset_index(drop=True), frame.iloc[200:206]
    exact, refused = router.exact(question, background, few)
    assert exact is not None, refused

    def ask(part):
        return on_scale(exact.link.name, question.ask(part), exact.shift)

    known = limit(exact, background, few)
    gaps = []
    for samples in (2_048, 65_536):
        drawn, _ = lime_of(ask, background, samples=samples).explain(few, ask(few))
        gaps.append(np.abs(drawn - known).max() / np.abs(known).max())
    assert gaps[1] < 0.02
    assert gaps[1] < gaps[0] or kind == "linear"


def test_two_seeds_agree(rows):
    def explain(seed):
        lime = lime_of(lambda frame: chance(frame.to_numpy())[:, None], rows, seed=seed)
        return lime.explain(rows.iloc[:20], chance(rows.iloc[:20].to_numpy())[:, None])[0]

    one, two = explain(0), explain(1)
    assert np.mean([spearmanr(a[:, 0], b[:, 0])[0] for a, b in zip(one, two, strict=True)]) > 0.95


def test_the_model_is_asked_no_more_for_all_rows_than_for_one(rows):
    calls = []

    def ask(frame):
        calls.append(len(frame))
        return chance(frame.to_numpy())[:, None]

    lime_of(ask, rows, samples=512).explain(rows, chance(rows.to_numpy())[:, None])
    assert calls[1:] == [512]  # after a few with one cell changed


def test_missing_cells_and_unknown_levels_are_bins_of_their_own():
    frame = pd.DataFrame({"word": ["a", "b", None] * 30, "number": [1.0, None, 3.0] * 30})
    answers = np.where(frame["word"].isna(), 1.0, 0.0)
    lime = lime_of(lambda made: made["word"].isna().to_numpy(float)[:, None], frame, samples=2_048)
    other = pd.DataFrame({"word": ["never seen", None], "number": [2.0, None]})
    found, _ = lime.explain(pd.concat([frame, other]), np.append(answers, [0.0, 1.0])[:, None])
    assert np.isfinite(found).all()
    assert found[2, 0, 0] > 0.8
    assert abs(found[2, 1, 0]) < 0.1
