"""Slices: what was planted is found, what is not there is not."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from pipelines.explain import slices
from pipelines.explain.question import Clock, Question
from pipelines.explain.work import Work
from pipelines.task import Task

ROWS = 4_000


class Nobody:
    task, classes, schema, model = Task.REGRESSION, (), None, None


def planted(seed: int, *, rise: float) -> tuple[pd.DataFrame, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(rng.normal(size=(ROWS, 5)), columns=list("abcde"))
    frame["word"] = pd.array(rng.choice(["x", "y", "z"], ROWS), dtype="str")
    inside = ((frame["word"] == "y") & (frame["b"] > frame["b"].quantile(0.5))).to_numpy()
    return frame, rng.exponential(1.0, ROWS) + rise * inside, inside


def searched(frame: pd.DataFrame, losses: np.ndarray, seed: int):
    """Search as the section does."""
    job = Work(
        Question(Nobody()), frame, tuple(map(str, frame.index)), frame[:50], None,
        losses[:, None], losses, "absolute error", Clock(600), seed,
    )  # fmt: skip
    return [(words, mask) for words, _, mask, _ in slices.search(job)[0]]


@pytest.mark.parametrize("seed", range(8))
def test_a_planted_slice_of_two_conditions_is_found(seed):
    frame, losses, inside = planted(seed, rise=1.0)
    found = searched(frame, losses, seed)
    assert found
    mask = found[0][1]
    assert (mask & inside).sum() / (mask | inside).sum() >= 0.9


def test_scattered_losses_do_not_blur_the_edges_of_a_slice():
    overlaps = []
    for seed in range(12, 20):
        frame, losses, _ = planted(seed, rise=0.0)
        ranks = frame["b"].rank(pct=True)
        inside = ((frame["word"] == "y") & (ranks > 0.75)).to_numpy()
        mask = searched(frame, losses * np.where(inside, 2.0, 1.0), seed)[0][1]
        overlaps.append((mask & inside).sum() / (mask | inside).sum())
    assert np.median(overlaps) >= 0.95
    assert sum(overlap >= 0.9 for overlap in overlaps) >= 6


def test_without_a_slice_hardly_any_is_found():
    alarms = sum(bool(searched(*planted(seed, rise=0.0)[:2], seed)) for seed in range(30))
    assert alarms <= 4  # 5 % of 30 reports, with luck against it


def test_the_edges_of_a_slice_are_sharper_than_the_bins_it_was_found_in():
    rng = np.random.default_rng(3)
    frame = pd.DataFrame(rng.normal(size=(ROWS, 5)), columns=list("abcde"))
    frame.loc[rng.random(ROWS) < 0.1, "b"] = None
    ranks = frame[["a", "b"]].rank(pct=True)
    inside = ((ranks["a"] > 0.31) & (ranks["a"] < 0.69) & (ranks["b"] > 0.56)).to_numpy()
    words, mask = searched(frame, rng.exponential(1.0, ROWS) + 2 * inside, 3)[0]
    assert (mask & inside).sum() / (mask | inside).sum() >= 0.9
    assert words.startswith(("-0.4", "-0.5"))
    assert not mask[frame["b"].isna()].any()
