"""Batched LIME says what lime's own class says, for many rows at the price of one call."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.stats import spearmanr

from pipelines.explain.lime import Lime


@pytest.fixture(scope="module")
def rows():
    rng = np.random.default_rng(0)
    return pd.DataFrame(rng.normal(size=(2_000, 6)), columns=list("abcdef"))


def chance(cells: np.ndarray) -> np.ndarray:
    score = (
        2 * cells[:, 0] - cells[:, 1] + 0.7 * cells[:, 2] * (cells[:, 3] > 0) + 0.3 * cells[:, 4]
    )
    return 1 / (1 + np.exp(-score))


def test_it_agrees_with_lime(rows):
    from lime.lime_tabular import LimeTabularExplainer

    reference = LimeTabularExplainer(rows.to_numpy(), mode="classification", random_state=0)
    ours, _ = Lime.of(lambda frame: chance(frame.to_numpy())[:, None], rows).explain(
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
        assert np.abs(ours[row, :, 0] - theirs).max() < 0.03


def test_two_seeds_agree(rows):
    def explain(seed):
        lime = Lime.of(lambda frame: chance(frame.to_numpy())[:, None], rows, seed=seed)
        return lime.explain(rows.iloc[:20], chance(rows.iloc[:20].to_numpy())[:, None])[0]

    one, two = explain(0), explain(1)
    assert np.mean([spearmanr(a[:, 0], b[:, 0])[0] for a, b in zip(one, two, strict=True)]) > 0.95


def test_the_model_is_asked_once_for_all_rows(rows):
    calls = []

    def ask(frame):
        calls.append(len(frame))
        return chance(frame.to_numpy())[:, None]

    Lime.of(ask, rows, samples=500).explain(rows, chance(rows.to_numpy())[:, None])
    assert calls == [500]


def test_missing_cells_and_unknown_levels_are_bins_of_their_own():
    frame = pd.DataFrame({"word": ["a", "b", None] * 30, "number": [1.0, None, 3.0] * 30})
    answers = np.where(frame["word"].isna(), 1.0, 0.0)
    lime = Lime.of(lambda made: made["word"].isna().to_numpy(float)[:, None], frame, samples=2_000)
    other = pd.DataFrame({"word": ["never seen", None], "number": [2.0, None]})
    found, _ = lime.explain(pd.concat([frame, other]), np.append(answers, [0.0, 1.0])[:, None])
    assert np.isfinite(found).all()
    assert found[2, 0, 0] > 0.8
    assert abs(found[2, 1, 0]) < 0.1
