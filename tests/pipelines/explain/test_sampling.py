"""Sampled SHAP values and their budget, by a clock that is turned by hand."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from pipelines.adapters.combined import Ensemble
from pipelines.explain import router, work
from pipelines.explain.question import Clock, Question
from pipelines.explain.sampling import FEWEST_PAIRS, Effort, draw
from pipelines.task import Task
from tests.pipelines.explain.test_mixtures import boosted


class Hand:
    """A clock by hand: every thousand rows that a model answers take a second, or later more."""

    def __init__(self, slower: float = 1.0, after: int = 0) -> None:
        self.time, self.rows, self.slower, self.after = 0.0, 0, slower, after

    def __call__(self) -> float:
        return self.time

    def answered(self, rows: int) -> None:
        """Turn on by what so many rows take."""
        self.rows += rows
        self.time += rows / 1000 * (self.slower if self.rows > self.after else 1.0)


class Timed:
    """A model no method knows, whose answers turn a clock."""

    task, classes, schema = Task.REGRESSION, (), None

    def __init__(self, hand: Hand, weights: np.ndarray) -> None:
        self.hand, self.weights, self.model = hand, weights, self

    def predict(self, frame):
        self.hand.answered(len(frame))
        cells = frame.to_numpy(float)
        return cells @ self.weights + cells[:, 0] * cells[:, 1]


@pytest.mark.parametrize(
    ("slower", "least", "most"),
    [(1.0, 24, 24), (2.0, 12, 18), (20.0, FEWEST_PAIRS, FEWEST_PAIRS)],
)
def test_a_machine_that_slows_down_gives_fewer_pairs_not_a_longer_report(slower, least, most):
    cells = np.random.default_rng(0).normal(size=(500, 2))
    frame = pd.DataFrame(cells, columns=["depth", "width"])
    hand = Hand(slower, after=3_000)
    question = Question(Timed(hand, np.array([2.0, -1.0])))
    begun = work.begin(question, frame, None, frame[:100], Clock(130.0, now=hand), 0)
    before = hand.time
    done = work.attribute(begun, np.arange(10))
    took = hand.time - before
    found = done.attribution
    assert least <= found.background <= most
    assert found.error is not None
    assert np.abs(found.answers - question.ask(frame.iloc[done.explained])).max() < 1e-9
    assert took < 130 / 3 + 2 or found.background == FEWEST_PAIRS


def test_pairs_that_were_cut_short_still_add_up_and_are_steadied_by_what_is_known(made):
    frame = made.table(300)
    hand = Hand()
    question = Question(made.Predictor(Ensemble(boosted(made, frame), [1, 1])))
    background, rows = frame[:200], frame.iloc[200:206].reset_index(drop=True)
    clock = Clock(0.9, now=hand)
    effort = Effort(12, clock=clock)

    class Counted(Question):
        def ask(self, frame):
            hand.answered(len(frame))
            return super().ask(frame)

    found = draw(Counted(question.predictor), rows, background, effort, router.known_parts)
    assert FEWEST_PAIRS <= found.background < 12
    assert "steadied" in found.method
    assert np.abs(found.answers - question.ask(rows)).max() < 1e-6
