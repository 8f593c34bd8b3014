"""The global section: which columns move the answers, and which the model relies on."""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np

from pipelines.explain import statistics
from pipelines.explain.binning import as_numbers
from pipelines.explain.curves import curves
from pipelines.explain.facts import Interaction, Overall, Reliance, Status, Weight
from pipelines.explain.question import Mixer, OutOfTime
from pipelines.explain.rows import extent
from pipelines.explain.work import judge

if TYPE_CHECKING:
    import pandas as pd

    from pipelines.explain.surrogates import Surrogate
    from pipelines.explain.work import Work

MOST_CURVES = 8
PAIRED_COLUMNS = 10
PAIRED_ROWS = 48
PAIRED_BACKGROUND = 20
MOST_PAIRS = 8
RELIANCE_ROWS = 1_000
RELIANCE_DRAWS = 4


def section(work: Work, lime: Surrogate | None, lime_status: Status) -> Overall:
    """Return what holds over all rows."""
    copied = () if lime is None else lime_weights(work, lime)
    if work.attribution is None:
        status = Status.skipped("the budget did not suffice for attributions")
        return Overall(status=status, lime_status=lime_status, lime=copied)
    found = weights(work)
    try:
        relied, status = reliance(work)
    except OutOfTime:
        relied, status = (), Status.skipped("the budget ended before it")
    try:
        together, paired = interactions(work, found)
    except OutOfTime:
        together, paired = (), Status.skipped("the budget ended before it")
    return Overall(
        status=extent(work, len(work.drawn)),
        weights=found,
        lime_status=lime_status,
        lime=copied,
        reliance=relied,
        reliance_status=status,
        interactions=together,
        interactions_status=paired,
        curves=curves(work, [weight.column for weight in found[:MOST_CURVES]]),
    )


def weights(work: Work) -> tuple[Weight, ...]:
    """Return every column's mean |contribution| with its bootstrap interval, strongest first."""
    return (
        ()
        if work.attribution is None
        else _weights(work, work.drawn, work.shap_of(work.drawn).values)
    )


def lime_weights(work: Work, lime: Surrogate) -> tuple[Weight, ...]:
    """Return every column's mean |LIME coefficient| over the rows drawn for it."""
    return _weights(work, lime.sample, lime.values[lime.places(lime.sample)])


def _weights(work: Work, rows: np.ndarray, values: np.ndarray) -> tuple[Weight, ...]:
    sizes = np.abs(values)
    by_output = sizes.mean(axis=0)
    strength = by_output.mean(axis=1)
    low, high = statistics.bootstrap_means(sizes.mean(axis=2), work.seed)
    total = strength.sum() or 1.0
    return tuple(
        Weight(
            column=work.columns[j],
            strength=float(strength[j]),
            low=float(low[j]),
            high=float(high[j]),
            share=float(strength[j] / total),
            by_output=tuple(by_output[j].tolist()),
            direction=_direction(work, rows, values[:, int(j)], int(j)),
        )
        for j in np.argsort(-strength, kind="stable")
    )


def _direction(work: Work, rows: np.ndarray, values: np.ndarray, column: int) -> float:
    numbers = as_numbers(work.frame.iloc[rows, column])
    if numbers is None or values.shape[1] > 1:
        return 0.0
    known = np.isfinite(numbers)
    moved = values[known, 0]
    if known.sum() < 3 or np.ptp(numbers[known]) == 0 or np.ptp(moved) == 0:
        return 0.0
    return float(statistics.rank_agreement(numbers[known][None], moved[None])[0])


def reliance(work: Work) -> tuple[tuple[Reliance, ...], Status]:
    """Return permutation importance: how the loss rises when rows swap a column's cells.

    Swapping keeps the column's cells as they are, so that nothing but their place is tested: cells
    drawn from a background would bring its own chance deviations along.
    """
    if work.losses is None:
        return (), Status.skipped("there are no labels")
    rng = np.random.default_rng(work.seed + 2)
    rows = rng.permutation(work.judged)[:RELIANCE_ROWS]
    if len(rows) < 3:
        return (), Status.skipped("fewer than 3 labelled rows")
    mixer = Mixer.of(work.frame.iloc[rows])
    many, columns = len(rows), len(work.columns)
    changes = np.zeros((many, columns))
    own = np.repeat(np.arange(many)[:, None], columns, axis=1)
    for column in range(columns):
        work.clock.require()
        for _ in range(RELIANCE_DRAWS):
            which = own.copy()
            which[:, column] = rng.permutation(many)
            changes[:, column] += _loss(work, mixer.rows(which), rows) - work.losses[rows]
    changes /= RELIANCE_DRAWS
    p_values = statistics.rises(changes)
    corrected = statistics.holm(p_values)
    found = []
    for column, name in enumerate(work.columns):
        rise, low, high = statistics.mean_interval(changes[:, column])
        found.append(
            Reliance(
                column=name,
                rise=rise,
                low=low,
                high=high,
                p_value=float(p_values[column]),
                p_holm=float(corrected[column]),
            )
        )
    found.sort(key=lambda one: -one.rise)
    why = f"{RELIANCE_DRAWS} permutations, in {work.loss}"
    return tuple(found), Status.sampled(many, None, why)


def _loss(work: Work, frame: pd.DataFrame, rows: np.ndarray) -> np.ndarray:
    labels = None if work.labels is None else work.labels.iloc[rows].reset_index(drop=True)
    losses, _ = judge(work.question, frame, work.question.ask(frame), labels)
    return np.zeros(len(rows)) if losses is None else losses


def interactions(work: Work, found: tuple[Weight, ...]) -> tuple[tuple[Interaction, ...], Status]:
    """Return how far pairs of the strongest columns do more than each alone.

    For a row x and a background row b that is f(b with x's i and j) - f(b with x's i) - f(b with
    x's j) + f(b), averaged over b: zero for every pair that the model only adds up. The strength
    is its root mean square over the rows; the share is of how far the answer moves for the two
    alone and for both, added up: 1 where each alone moves nothing.
    """
    places = [work.columns.index(weight.column) for weight in found[:PAIRED_COLUMNS]]
    if len(places) < 2 or work.attribution is None:
        return (), Status.skipped("it takes two columns")
    work.clock.require(work.clock.budget * 0.1)
    rows = np.sort(work.drawn[:PAIRED_ROWS])
    order = np.random.default_rng(work.seed + 8).permutation(len(work.background))
    pairs = list(combinations(places, 2))
    sets = [(), *((place,) for place in places), *pairs]
    worth = _worth(work, rows, np.sort(order[:PAIRED_BACKGROUND]), sets)
    made, errors = [], []
    for one, two in pairs:
        extra = worth[one, two] - worth[one,] - worth[two,] + worth[()]
        size, squares = _size(extra)
        errors.append(squares.std() / np.sqrt(len(squares)) / (2 * size or 1.0))
        moved = sum(_size(worth[some] - worth[()])[0] for some in ((one,), (two,), (one, two)))
        share = min(1.0, size / moved) if moved > 0 else 0.0
        first, second = work.columns[one], work.columns[two]
        made.append(Interaction(first=first, second=second, strength=size, share=share))
    made.sort(key=lambda pair: -pair.strength)
    why = f"{len(pairs)} pairs of the strongest columns, {min(PAIRED_BACKGROUND, len(order))} "
    status = Status.sampled(len(rows), float(np.mean(errors)), why + "background rows each")
    floor = 1e-6 * max((weight.strength for weight in found), default=0.0)
    return tuple(pair for pair in made if pair.strength > floor)[:MOST_PAIRS], status


def _size(moves: np.ndarray) -> tuple[float, np.ndarray]:
    """Return a root mean square over rows, and the squares, from two halves of the background.

    Noise of either half does not survive their product.
    """
    squares = (moves[0] * moves[1]).mean(axis=1)
    return float(np.sqrt(max(0.0, squares.mean()))), squares


def _worth(
    work: Work, rows: np.ndarray, others: np.ndarray, sets: list[tuple[int, ...]]
) -> dict[tuple[int, ...], np.ndarray]:
    """Return mean answers with a row's cells in each set of columns: (halves, rows, outputs)."""
    mixer = Mixer.of(work.frame.iloc[rows], work.background.iloc[others])
    many, columns = len(rows), len(work.columns)
    own = np.arange(many)[:, None, None]
    there = many + np.arange(len(others))[None, :, None]
    which = []
    for members in sets:
        taken = np.isin(np.arange(columns), members)
        which.append(np.where(taken, own, there).reshape(-1, columns))
    answers = work.on_scale(work.question.ask(mixer.rows(np.concatenate(which))))
    shaped = answers.reshape(len(sets), many, len(others), -1)
    half = (len(others) + 1) // 2
    first, second = shaped[:, :, :half].mean(axis=2), shaped[:, :, -half:].mean(axis=2)
    return dict(zip(sets, np.stack([first, second], axis=1), strict=True))
