"""Slices: what was planted is found, what is not there is not."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from pipelines.explain import slices
from pipelines.explain.statistics import holm

ROWS = 4_000


def planted(seed: int, *, rise: float) -> tuple[pd.DataFrame, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(rng.normal(size=(ROWS, 5)), columns=list("abcde"))
    frame["word"] = pd.array(rng.choice(["x", "y", "z"], ROWS), dtype="str")
    inside = ((frame["word"] == "y") & (frame["b"] > frame["b"].quantile(0.5))).to_numpy()
    return frame, rng.exponential(1.0, ROWS) + rise * inside, inside


def searched(frame: pd.DataFrame, losses: np.ndarray, seed: int):
    """Choose on one half, test on the other, as the section does."""
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(frame))
    first, second = np.sort(order[: len(order) // 2]), np.sort(order[len(order) // 2 :])
    cuts = [slices.cut(frame, column) for column in range(frame.shape[1])]
    picked, _ = slices.choose(cuts, first, losses[first])
    masks = [slices._mask(cuts, pick, len(frame)) for pick in picked]
    p_values = holm(np.array([slices._p(losses, mask, second) for mask in masks] or [1.0]))
    return [(mask, p) for mask, p in zip(masks, p_values, strict=False) if p < 0.05]


@pytest.mark.parametrize("seed", range(8))
def test_a_planted_slice_of_two_conditions_is_found(seed):
    frame, losses, inside = planted(seed, rise=1.0)
    found = searched(frame, losses, seed)
    assert found
    mask = found[0][0]
    assert (mask & inside).sum() / (mask | inside).sum() >= 0.9


@pytest.mark.parametrize("seed", range(12, 16))
def test_scattered_losses_do_not_blur_the_edges_of_a_slice(seed):
    frame, losses, _ = planted(seed, rise=0.0)
    ranks = frame["b"].rank(pct=True)
    inside = ((frame["word"] == "y") & (ranks > 0.75)).to_numpy()
    mask = searched(frame, losses * np.where(inside, 2.0, 1.0), seed)[0][0]
    assert (mask & inside).sum() / (mask | inside).sum() >= 0.9


def test_without_a_slice_hardly_any_is_found():
    alarms = sum(bool(searched(*planted(seed, rise=0.0)[:2], seed)) for seed in range(30))
    assert alarms <= 4  # 5 % of 30 reports, with luck against it
