"""Weighted means of models: exact by linearity where all members are on the answer's scale."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from pipelines.adapters.combined import Calibrated, Decided, Ensemble
from pipelines.adapters.stacked import Stack
from pipelines.errors import UnfaithfulExplanation
from pipelines.explain.links import LINKS, TOLERANCE, on_scale, worst_gap
from pipelines.task import Task

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd

    from pipelines.explain.attribution import Attribution
    from pipelines.explain.copies import Bins
    from pipelines.explain.exact import Exact
    from pipelines.explain.links import Link
    from pipelines.explain.question import Matrix, Question


@dataclass(frozen=True)
class Member:
    """One model of an ensemble behind the predictor's face; its rows are conformed already."""

    model: Any
    schema: Any = None

    @property
    def task(self) -> Task:
        """The question that it answers."""
        return Task(self.model.task)

    @property
    def classes(self) -> Sequence[Any]:
        """The labels it knows."""
        return tuple(self.model.classes)


def members(model: Any) -> tuple[tuple[float, Any], ...]:
    """Return the models whose answers another one averages or bends, with their weights."""
    if isinstance(model, Ensemble):
        total = sum(model.weights)
        pairs = zip(model.weights, model.members, strict=True)
        return tuple((weight / total, member) for weight, member in pairs)
    if isinstance(model, Calibrated):
        return members(model.inner) or ((1.0, model.inner),)
    return members(model.inner) if isinstance(model, Decided) else ()


def averages(model: Any) -> bool:
    """Say whether a model's answer is the mean of its members' and nothing else."""
    if isinstance(model, Decided):
        return averages(model.inner)
    return isinstance(model, Ensemble) and not isinstance(model, Stack)


def is_one(model: Any) -> bool:
    """Say whether there is one model inside, bent or not: other methods may see through to it."""
    return len(members(model)) < 2


@dataclass(frozen=True)
class Mixture:
    """Exact members, each with its weight, all on the scale of the answer."""

    parts: tuple[tuple[float, Exact], ...]
    question: Question
    shift: float = 0.0

    @property
    def link(self) -> Link:
        """The scale of all members."""
        return LINKS["identity"]

    @property
    def method(self) -> str:
        """How the members are explained."""
        kinds = sorted({part.method for _, part in self.parts})
        return f"weighted mean of {len(self.parts)} members: {' and '.join(kinds)}"

    @property
    def questions_per_row(self) -> int:
        """How many answers of the model one row takes."""
        return max(part.questions_per_row for _, part in self.parts)

    def __call__(self, frame: pd.DataFrame, answers: Matrix) -> Attribution:
        """Return the contributions, checked against the ensemble's answers.

        Raises:
            UnfaithfulExplanation: they do not add up to them.
        """
        found = [part(frame, part.question.ask(frame)) for _, part in self.parts]
        values = self.together([one.values for one in found])
        base = self.together([one.base for one in found]) + self.start
        single = any(part.single for _, part in self.parts)
        gap = worst_gap(self.link, base + values.sum(axis=1), answers, single=single)
        if not gap <= TOLERANCE:
            raise UnfaithfulExplanation(self.method, gap)
        return replace(found[0], values=values, base=base, method=self.method, gap=gap)

    def copied(self, bins: Bins, mine: np.ndarray) -> np.ndarray:
        """Return what LIME converges to: the mean of what it does for the members."""
        return self.together([part.copied(bins, mine) for _, part in self.parts])

    def together(self, parts: list[np.ndarray]) -> np.ndarray:
        """Add up what the members' answers are made of, the outputs last."""
        return np.asarray(np.tensordot([weight for weight, _ in self.parts], parts, axes=1))

    @property
    def start(self) -> np.ndarray:
        """What is added whatever the members say."""
        return np.zeros(1)


def steadied(steps: np.ndarray, others: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Return sampled steps less what sampled steps of known sums are off by.

    ``steps`` is (rows, pairs, columns, outputs), ``others`` the same for sums whose contributions
    ``known`` (rows, columns, sums) are exact. For each row the steps are regressed on the others':
    what the regression explains is taken from the exact numbers, only the rest from the sample.
    """
    rows, pairs, columns, many = others.shape
    if many == 0 or pairs * columns < 8 * many:
        return steps
    x = (others - others.mean(axis=1, keepdims=True)).reshape(rows, pairs * columns, many)
    y = (steps - steps.mean(axis=1, keepdims=True)).reshape(rows, pairs * columns, -1)
    square = np.swapaxes(x, 1, 2) @ x
    ridge = 1e-9 * np.trace(square, axis1=1, axis2=2)[:, None, None] + 1e-300
    slopes = np.linalg.solve(square + ridge * np.eye(many), np.swapaxes(x, 1, 2) @ y)
    return np.asarray(steps - (others - known[:, None]) @ slopes[:, None])


def on_their_scales(parts: Sequence[Exact], frame: pd.DataFrame) -> Matrix:
    """Return the members' answers on the scales on which they add up, side by side."""
    answers = [on_scale(p.link.name, p.question.ask(frame), p.shift) for p in parts]
    return np.hstack(answers) if answers else np.empty((len(frame), 0))
