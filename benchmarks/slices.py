"""Slices where a model errs: is a planted one found, and is none found where there is none?

A section of ``benchmarks/explain.py``. Tables of ten columns of many kinds; the slice is two
random conditions whose edges are not those of any bin, so that the search cannot name it exactly.
A slice counts as found if its overlap with the planted one (intersection over union) is at least
.9 of the best that any two conditions of the search reach. Losses are skewed, as losses are.
"""

from __future__ import annotations

from itertools import product

import numpy as np
import pandas as pd

from pipelines.explain import slices
from pipelines.explain.question import Clock, Question
from pipelines.explain.work import Work
from pipelines.task import Task

ROWS = 6_000
SHARES = 0.03, 0.25
"""The planted slice holds at least and at most so much of the table."""


class Nobody:
    """A predictor that is never asked: the losses are given."""

    task, classes, schema, model = Task.REGRESSION, (), None, None


def table(rng) -> pd.DataFrame:
    """Six numbers of different kinds, one with holes; a date; three columns of words."""
    frame = pd.DataFrame({
        "normal": rng.normal(size=ROWS),
        "skewed": rng.lognormal(0, 1, ROWS),
        "even": rng.uniform(size=ROWS),
        "heavy": rng.standard_t(3, ROWS),
        "few": rng.integers(0, 6, ROWS),
        "holes": np.where(rng.random(ROWS) < 0.1, np.nan, rng.normal(size=ROWS)),
        "day": np.datetime64("2024-01-01") + rng.integers(0, 700, ROWS).astype("timedelta64[D]"),
    })  # fmt: skip
    for name, words in (("three", 3), ("five", 5), ("nine", 9)):
        chances = rng.dirichlet(np.full(words, 5.0))
        frame[name] = pd.array(np.array(list("abcdefghi"))[rng.choice(words, ROWS, p=chances)],
                               dtype="str")  # fmt: skip
    return frame


def condition(column: pd.Series, rng) -> np.ndarray:
    """Return the rows of one random condition: a level, or a range of quantiles."""
    if column.dtype == "str":
        return (column == rng.choice(column.unique())).to_numpy()
    width = rng.uniform(0.2, 0.5)
    start = rng.choice([0.0, 1 - width, rng.uniform(0, 1 - width)])
    places = column.rank(pct=True, method="dense" if column.name == "few" else "average")
    return ((places > start) & (places <= start + width)).to_numpy()


def plant(frame: pd.DataFrame, rng) -> tuple[np.ndarray, list[int]]:
    """Draw two conditions on two columns until they hold neither too little nor too much."""
    while True:
        columns = rng.choice(frame.shape[1], 2, replace=False).tolist()
        one, two = (condition(frame.iloc[:, column], rng) for column in columns)
        inside = one & two
        if SHARES[0] <= inside.mean() <= SHARES[1] and inside.mean() < 0.8 * min(
            one.mean(), two.mean()
        ):
            return inside, columns


def searched(frame: pd.DataFrame, losses: np.ndarray, seed: int) -> list[np.ndarray]:
    """Return the slices that a report would show, as rows, the strongest first."""
    job = Work(Question(Nobody()), frame, tuple(map(str, frame.index)), frame[:100], None,
               losses[:, None], losses, "absolute error", Clock(600), seed)  # fmt: skip
    return [mask for _, _, mask, _ in slices.search(job)[0]]


def overlap(one: np.ndarray, two: np.ndarray) -> float:
    return float((one & two).sum() / (one | two).sum())


def expressible(frame: pd.DataFrame, columns: list[int], inside: np.ndarray) -> float:
    """Return the best overlap of any two conditions of the search with the planted slice."""
    cuts = [slices.cut_of(frame, column) for column in columns]
    masks = [[(one.codes >= a) & (one.codes <= b) for a, b in one.runs] for one in cuts]
    return max(overlap(a & b, inside) for a, b in product(*masks))


def found(seeds: int, times: float) -> None:
    """Plant one slice in each table, whose losses are so many times the others'."""
    shares, bests = [], []
    for seed in range(seeds):
        rng = np.random.default_rng(seed)
        frame = table(rng)
        inside, columns = plant(frame, rng)
        losses = np.abs(rng.normal(size=ROWS)) * np.where(inside, times, 1.0)
        best = expressible(frame, columns, inside)
        said = searched(frame, losses, seed)
        shares.append(max((overlap(mask, inside) for mask in said), default=0.0) / best)
        bests.append(best)
    held = int(np.sum(np.array(shares) >= 0.9))
    print(f"planted slices, {times:g} times the loss, {ROWS:,} rows: {held} of {seeds} at .9 of "
          f"the best expressible overlap (that best: median {np.median(bests):.2f}; reached of "
          f"it: median {np.median(shares):.2f}, lowest {np.min(shares):.2f})")  # fmt: skip


def false_alarms(tables: int) -> None:
    """Search tables whose losses have nothing to do with any column."""
    kinds = {
        "absolute errors": lambda rng: np.abs(rng.normal(size=ROWS)),
        "log losses": lambda rng: -np.log(rng.beta(4, 1, ROWS)),
        "wrong or right": lambda rng: (rng.random(ROWS) < 0.1) * 1.0,
    }
    for name, draw in kinds.items():
        alarms = 0
        for seed in range(tables):
            rng = np.random.default_rng(10_000 + seed)
            alarms += bool(searched(table(rng), draw(rng), seed))
        print(f"{tables} tables without a slice, {name}: any found in {alarms / tables:.1%}")
