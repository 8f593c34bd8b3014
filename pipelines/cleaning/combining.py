"""Steps for the whole table: products of columns, and columns that are not worth keeping."""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING, Self

import numpy as np
from sklearn.feature_selection import (
    f_classif,
    f_regression,
    mutual_info_classif,
    mutual_info_regression,
)

from pipelines.cleaning.stages import LARGEST, Head
from pipelines.task import Task

if TYPE_CHECKING:
    from collections.abc import Callable

    from pipelines.cleaning.operations import Step

FEWEST_ROWS = 6
"""With fewer rows no score against the labels means anything, and every column stays."""

SCORED_ROWS = 10_000
"""Mutual information is measured on this many training rows, spread evenly."""


class Products:
    """Products of pairs of number columns, those that vary most among the first."""

    def __init__(self, most: int) -> None:
        self.most = most

    def fit(self, block: np.ndarray, _labels: np.ndarray | None, whole: list[int]) -> Self:
        """Choose the columns; ``whole`` are those that hold codes, which have no product."""
        varied = np.nanstd(_filled(block), axis=0) > 0
        free = [at for at in range(block.shape[1]) if at not in whole and varied[at]]
        self.pairs_ = np.array(list(combinations(free[: self.most], 2)), dtype=int).reshape(-1, 2)
        return self

    def apply(self, block: np.ndarray) -> np.ndarray:
        """Append the products."""
        with np.errstate(over="ignore", invalid="ignore"):
            made = block[:, self.pairs_[:, 0]] * block[:, self.pairs_[:, 1]]
        return np.hstack([block, np.clip(made, -LARGEST, LARGEST)])

    def heads(self, heads: list[Head]) -> list[Head]:
        """Append the products' names."""
        pairs = [(heads[left], heads[right]) for left, right in self.pairs_]
        return heads + [
            (f"{one[0]} * {two[0]}", one[1] if one[1] == two[1] else f"{one[1]} * {two[1]}")
            for one, two in pairs
        ]


class Chosen:
    """The columns worth keeping, chosen on training rows."""

    def __init__(self, how: str, bound: float, task: str) -> None:
        self.how = how
        self.bound = bound
        self.task = task

    def fit(self, block: np.ndarray, labels: np.ndarray | None, _whole: list[int]) -> Self:
        """Choose; at least one column stays."""
        filled = _filled(block)
        if self.how == "variance":
            keep = _scaled_variance(filled) > self.bound
        elif self.how == "correlation":
            keep = _unlike(filled, self.bound)
        else:
            keep = self._best(filled, labels)
        if not keep.any():
            keep[0] = True
        self.kept_ = np.flatnonzero(keep)
        return self

    def apply(self, block: np.ndarray) -> np.ndarray:
        """Return the kept columns."""
        return block[:, self.kept_]

    def heads(self, heads: list[Head]) -> list[Head]:
        """Return the kept columns' names."""
        return [heads[at] for at in self.kept_]

    def _best(self, filled: np.ndarray, labels: np.ndarray | None) -> np.ndarray:
        """Keep the columns with the best scores against the labels."""
        count = int(self.bound)
        keep = np.ones(filled.shape[1], dtype=bool)
        if labels is None or count >= len(keep) or len(filled) < FEWEST_ROWS:
            return keep
        varied = np.flatnonzero(_scaled_variance(filled) > 0)
        scores = np.full(filled.shape[1], -1.0)
        if len(varied):
            with np.errstate(all="ignore"):
                made = SCORES[self.how, self.task == Task.REGRESSION](filled[:, varied], labels)
            scores[varied] = np.nan_to_num(made, nan=-1.0, posinf=LARGEST)
        keep[np.argsort(-scores, kind="stable")[count:]] = False
        return keep


def _filled(block: np.ndarray) -> np.ndarray:
    """Return the block without gaps, for measuring alone."""
    if not np.isnan(block).any():
        return block
    empty = np.isnan(block).all(axis=0)
    middle = np.zeros(block.shape[1])
    middle[~empty] = np.nanmedian(block[:, ~empty], axis=0)
    return np.where(np.isnan(block), middle, block)


def _scaled_variance(filled: np.ndarray) -> np.ndarray:
    """Return each column's variance, 0 where all values are equal despite rounding."""
    equal = filled.max(axis=0) == filled.min(axis=0)
    return np.where(equal, 0.0, np.minimum(filled.var(axis=0), LARGEST))


def _unlike(filled: np.ndarray, bound: float) -> np.ndarray:
    """Keep the first of each group of columns that move together."""
    varied = _scaled_variance(filled) > 0
    keep = np.ones(filled.shape[1], dtype=bool)
    if len(filled) < 2:
        return keep
    with np.errstate(all="ignore"):
        likeness = np.abs(np.nan_to_num(np.corrcoef(filled, rowvar=False).reshape(len(keep), -1)))
    for at in range(1, len(keep)):
        earlier = keep[:at] & varied[:at]
        keep[at] = not (varied[at] and (likeness[at, :at][earlier] > bound).any())
    return keep


def _f_classes(filled: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """The F-test against classes."""
    return np.asarray(f_classif(filled, labels)[0])


def _f_values(filled: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """The F-test against values."""
    return np.asarray(f_regression(filled, labels)[0])


def _mutual_classes(filled: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Mutual information with classes."""
    rows = _spread(len(filled))
    return np.asarray(mutual_info_classif(filled[rows], labels[rows], random_state=0))


def _mutual_values(filled: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Mutual information with values."""
    rows = _spread(len(filled))
    return np.asarray(mutual_info_regression(filled[rows], labels[rows], random_state=0))


def _spread(rows: int) -> np.ndarray:
    """Return places of rows, spread evenly."""
    return np.unique(np.linspace(0, rows - 1, min(rows, SCORED_ROWS)).astype(int))


SCORES: dict[tuple[str, bool], Callable[[np.ndarray, np.ndarray], np.ndarray]] = {
    ("f_test", False): _f_classes,
    ("f_test", True): _f_values,
    ("mutual_information", False): _mutual_classes,
    ("mutual_information", True): _mutual_values,
}


def combiner_for(step: Step, task: str) -> Products | Chosen:
    """Return the unfitted work of a step for the whole table."""
    if step.do == "interact":
        return Products(step.option("most"))
    bounds = {"variance": "above", "correlation": "below"}
    return Chosen(step.how, step.option(bounds.get(step.how, "keep")), task)
