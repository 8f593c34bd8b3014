"""Categories become numbers by one table per column.

The table has a row for each level, one for an unseen level and one for a missing value;
scikit-learn's encoders learn it, and reading it is one look-up, however few rows are asked for.
Only binary digits and frequencies are written here: scikit-learn has neither.
"""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from sklearn.feature_extraction import FeatureHasher
from sklearn.model_selection import KFold
from sklearn.preprocessing import OneHotEncoder, TargetEncoder

from pipelines.cleaning.operations import operation
from pipelines.schema import as_text
from pipelines.task import Task

if TYPE_CHECKING:
    from collections.abc import Callable

    from pipelines.cleaning.operations import Step


class Levels:
    """Reads one column of categories through a learned table."""

    def __init__(self, column: str, how: str, options: dict[str, Any], task: str) -> None:
        self.column = column
        self.how = how
        self.options = options
        self.task = task

    def fit_read(self, values: pd.Series, labels: np.ndarray | None) -> np.ndarray:
        """Learn the table and return the training rows, cross-fitted where labels are used."""
        self.numeric_ = bool(pd.api.types.is_numeric_dtype(values.dtype))
        counts = pd.Series(
            [key for key in map(self._key, values.tolist()) if key is not None], dtype=object
        ).value_counts()
        levels = sorted(counts.index, key=lambda level: (-counts[level], level))
        self.levels_ = [float(level) if self.numeric_ else str(level) for level in levels]
        self.codes_ = {level: code for code, level in enumerate(self.levels_)}
        self.filled_ = self._filled()
        codes = self.codes(values)
        how = self.how
        if how == "target" and labels is None:
            how = "frequency"
        self.names_, self.table_, crossed = TABLES[how](self, codes, labels)
        self.native_ = how == "codes"
        return self.table_[codes] if crossed is None else crossed

    def read(self, values: pd.Series) -> np.ndarray:
        """Return the rows through the table."""
        return np.asarray(self.table_[self.codes(values)])

    def places(self, cells: list[Any]) -> list[int]:
        """Return where a few cells stand in the table."""
        known, texts = self.codes_, not self.numeric_
        return [
            known[cell] if texts and type(cell) is str and cell in known else self._code(cell)
            for cell in cells
        ]

    def codes(self, values: pd.Series) -> np.ndarray:
        """Return each row's place in the table."""
        places, uniques = pd.factorize(values)
        known = [self._code(value) for value in uniques.tolist()]
        return np.array([*known, self._code(None)], dtype=np.intp)[places]

    def _code(self, value: Any) -> int:
        """Return one value's place in the table."""
        key = self._key(value)
        if key is None:
            return self.filled_
        return self.codes_.get(key, len(self.levels_))

    def _key(self, value: Any) -> Any:
        """Return the level a value stands for, nothing where it is missing."""
        if type(value) is str and not self.numeric_:
            return value
        if value is None or value is pd.NA or value is pd.NaT or value != value:
            return None
        if not self.numeric_:
            return as_text(value)
        try:
            return float(value)
        except (TypeError, ValueError):
            return as_text(value)

    def _filled(self) -> int:
        """Return the place of a missing value: its own, or that of the level it becomes."""
        count = len(self.levels_)
        if self.options.get("fill") == "mode" and count:
            return 0
        if self.options.get("fill") == "constant":
            return int(self.codes_.get(self._key(self.options["fill_value"]), count))
        return count + 1


Made = tuple[list[str], np.ndarray, np.ndarray | None]
"""Names, table, and the training rows where they differ from the table."""


def _codes(of: Levels, _places: np.ndarray, _labels: np.ndarray | None) -> Made:
    """Codes by falling frequency; the rarest share the last, gaps stay gaps where they may."""
    count = len(of.levels_)
    most = of.options["most"]
    table = np.minimum(np.arange(count + 2, dtype=float), most - 1)
    gap = min(count, most - 1) if of.options["no_missing"] else np.nan
    table[count:] = gap
    return [""], table[:, None], None


def _ordinal(of: Levels, _codes: np.ndarray, _labels: np.ndarray | None) -> Made:
    """Places in sorted order; -1 for what was never seen, -2 for missing."""
    order = np.argsort(np.array(of.levels_, dtype=float if of.numeric_ else object))
    table = np.full((len(of.levels_) + 2, 1), -1.0)
    table[order, 0] = np.arange(len(order))
    table[-1] = -2.0
    return [""], table, None


def _one_hot(of: Levels, codes: np.ndarray, _labels: np.ndarray | None) -> Made:
    """A column per level; rare levels, and unseen ones with them, share one."""
    rare = of.options["rare"]
    encoder = OneHotEncoder(
        min_frequency=(rare if rare < 1 else int(rare)) or None,
        max_categories=of.options["most"],
        handle_unknown="infrequent_if_exist",
        sparse_output=False,
    ).fit(codes[:, None])
    count = len(of.levels_)
    table = encoder.transform(np.arange(count + 2)[:, None])
    words = [*map(as_text, of.levels_), "(unseen)", "(missing)"]
    names = [
        "=(rare)" if name.endswith("infrequent_sklearn") else f"={words[int(name[3:])]}"
        for name in encoder.get_feature_names_out()
    ]
    return names, table, None


def _target(of: Levels, codes: np.ndarray, labels: np.ndarray | None) -> Made:
    """The target's mean per level, each training row's learned from the other folds."""
    wanted = _target_type(of.task, labels)
    if wanted is None or len(codes) < 2:
        return _frequency(of, codes, None)
    folds = KFold(min(of.options["folds"], len(codes)), shuffle=True, random_state=0)
    encoder = TargetEncoder(target_type=wanted, cv=folds, smooth="auto")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", category=UserWarning)
        crossed = encoder.fit_transform(codes[:, None], labels)
    table = encoder.transform(np.arange(len(of.levels_) + 2)[:, None])
    classes = encoder.classes_ if wanted == "multiclass" else [""]
    names = [f" (target {word})" if word != "" else " (target)" for word in classes]
    return names, np.asarray(table, dtype=float), np.asarray(crossed, dtype=float)


def _target_type(task: str, labels: np.ndarray | None) -> str | None:
    """Return scikit-learn's word for the target; nothing where there is nothing to average."""
    if labels is None or task == Task.ANOMALY:
        return None
    if task == Task.REGRESSION:
        return "continuous"
    classes = len(pd.unique(pd.Series(labels)))
    return {1: None, 2: "binary"}.get(classes, "multiclass")


def _frequency(of: Levels, codes: np.ndarray, _labels: np.ndarray | None) -> Made:
    """The level's share of the training rows."""
    counts = np.bincount(codes, minlength=len(of.levels_) + 2)
    return [" (share)"], (counts / max(len(codes), 1))[:, None], None


def _binary(of: Levels, _codes: np.ndarray, _labels: np.ndarray | None) -> Made:
    """The level's number in binary digits; all 0 for an unseen one."""
    count = len(of.levels_)
    numbers = np.arange(1, count + 3)
    numbers[count] = 0
    digits = max(1, int(count + 2).bit_length())
    table = (numbers[:, None] >> np.arange(digits)) & 1
    return [f" (bit {at})" for at in range(digits)], table.astype(float), None


def _hashing(of: Levels, _codes: np.ndarray, _labels: np.ndarray | None) -> Made:
    """A fixed number of columns in which levels may collide; all 0 for an unseen one."""
    width = of.options["columns"]
    words = [[f"{of.column}={as_text(level)}"] for level in of.levels_]
    table = np.zeros((len(words) + 2, width))
    if words:
        table[: len(words)] = FeatureHasher(width, input_type="string").transform(words).toarray()
    return [f" (hash {at})" for at in range(width)], table, None


TABLES: dict[str, Callable[[Levels, np.ndarray, np.ndarray | None], Made]] = {
    "codes": _codes,
    "ordinal": _ordinal,
    "one_hot": _one_hot,
    "target": _target,
    "frequency": _frequency,
    "binary": _binary,
    "hashing": _hashing,
}


def levels_for(column: str, steps: tuple[Step, ...], task: str, needs: frozenset[str]) -> Levels:
    """Return the unfitted reader of a category column."""
    chosen = next(step for step in steps if step.do == "encode")
    fill = next((step for step in steps if step.do == "impute" and step.how != "drop"), None)
    usual = operation(chosen.do, chosen.how).options
    options = {**usual, **chosen.options} | {"no_missing": "no_missing" in needs}
    if fill is not None:
        options |= {"fill": fill.how}
        if fill.how == "constant":
            options["fill_value"] = fill.option("value")
    return Levels(column, chosen.how, options, task)
