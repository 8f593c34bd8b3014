"""The transformer a plan builds: raw frames in, one block of floats out.

It learns only in ``fit`` and ``fit_transform``, which a pipeline calls with the rows of the
training fold, so nothing about other rows can reach a model through it. What it learned is plain
data and scikit-learn estimators: it pickles, and skops loads it with ``TRUSTED_TYPES``.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.exceptions import NotFittedError
from sklearn.utils.validation import check_is_fitted

from pipelines.cleaning.combining import combiner_for
from pipelines.cleaning.encoding import Levels, levels_for
from pipelines.cleaning.few import MOST, FewRows
from pipelines.cleaning.operations import Step
from pipelines.cleaning.plan import ColumnPlan, Plan
from pipelines.cleaning.reading import Moments, Numbers, Reader, as_floats
from pipelines.cleaning.stages import (
    Along,
    Fill,
    Head,
    Indicate,
    Nearest,
    Stage,
    stage_for,
    within,
)
from pipelines.cleaning.texts import Words
from pipelines.dataset import Kind
from pipelines.errors import SchemaMismatch

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike

TRUSTED_TYPES = (
    "pipelines.cleaning.combining.Chosen",
    "pipelines.cleaning.combining.Products",
    "pipelines.cleaning.encoding.Levels",
    "pipelines.cleaning.reading.Moments",
    "pipelines.cleaning.reading.Numbers",
    "pipelines.cleaning.stages.Along",
    "pipelines.cleaning.stages.Bend",
    "pipelines.cleaning.stages.Fences",
    "pipelines.cleaning.stages.Fill",
    "pipelines.cleaning.stages.Indicate",
    "pipelines.cleaning.stages.Nearest",
    "pipelines.cleaning.stages.Shift",
    "pipelines.cleaning.texts.Words",
    "pipelines.cleaning.transformer.Group",
    "pipelines.cleaning.transformer.Preparation",
)
"""Our own classes in a fitted transformer, for ``skops.io.load(trusted=…)``."""

WORD_WAYS = frozenset({"tfidf", "hashed_words", "gap", "minhash"})


def transformer(plan: Plan, needs: frozenset[str] = frozenset()) -> Preparation:
    """Return the unfitted transformer of a plan for an algorithm with these needs."""
    return Preparation(plan=plan.to_dict(), needs=sorted(needs))


class Group:
    """Columns that get the same steps, so that each step works on all of them at once."""

    def __init__(self, readers: list[Any], stages: list[Stage]) -> None:
        self.readers = readers
        self.stages = stages

    def fit_read(self, frame: pd.DataFrame, labels: np.ndarray | None) -> np.ndarray:
        """Learn from training rows and return them."""
        parts = [reader.fit_read(frame[reader.column], labels) for reader in self.readers]
        self.heads_: list[Head] = [
            (f"{reader.column}{name}", reader.column)
            for reader in self.readers
            for name in reader.names_
        ]
        block = np.hstack(parts)
        for stage in self.stages:
            block = _timed(block, frame, stage)
            block = stage.fit(block).apply(block)
            self.heads_ = stage.heads(self.heads_)
        return block

    def read(self, rows: pd.DataFrame | FewRows) -> np.ndarray:
        """Return any rows."""
        if isinstance(rows, FewRows):
            frame, parts = rows.frame, self._few(rows)
        else:
            frame, parts = rows, [each.read(rows[each.column]) for each in self.readers]
        block = parts[0] if len(parts) == 1 else np.hstack(parts)
        for stage in self.stages:
            block = stage.apply(_timed(block, frame, stage))
        return block

    def _few(self, rows: FewRows) -> list[np.ndarray]:
        """Return a few rows: numbers all at once, levels cell by cell."""
        first = self.readers[0]
        if isinstance(first, Numbers):
            return [rows.numbers(self.readers)]
        if isinstance(first, Levels):
            found = [(each.table_, each.places(rows[each.column].items)) for each in self.readers]
            if all(table.shape[1] == 1 for table, _ in found):
                cells = [[table[place, 0] for place in places] for table, places in found]
                return [np.array(cells).T]
            return [table[places] for table, places in found]
        return [reader.read(rows[reader.column].series) for reader in self.readers]

    @property
    def codes(self) -> list[bool]:
        """Say for each column whether it holds codes that the algorithm splits itself."""
        native = {r.column for r in self.readers if getattr(r, "native_", False)}
        return [raw in native for _, raw in self.heads_]


class Preparation(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Makes raw rows ready for one algorithm, as a plan says."""

    def __init__(self, plan: dict[str, Any], needs: Sequence[str] = ()) -> None:
        self.plan = plan
        self.needs = needs

    def fit(self, features: pd.DataFrame, labels: ArrayLike | None = None) -> Self:
        """Learn from training rows."""
        self.fit_transform(features, labels)
        return self

    def fit_transform(self, features: pd.DataFrame, labels: ArrayLike | None = None) -> np.ndarray:
        """Learn from training rows and return them, cross-fitted where labels are used."""
        plan, needs = Plan.from_dict(self.plan), frozenset(self.needs)
        self.feature_names_in_ = np.array(plan.used, dtype=object)
        self.n_features_in_ = len(plan.used)
        frame = self._frame(features)
        known = None if labels is None else np.asarray(labels)
        self.groups_ = _groups(plan, needs)
        block = np.hstack([group.fit_read(frame, known) for group in self.groups_])
        heads = [head for group in self.groups_ for head in group.heads_]
        self.combiners_ = []
        native = _named(self.groups_)
        for step in plan.table:
            if step.applies(needs):
                combiner = combiner_for(step, str(plan.task))
                whole = [at for at, (name, _) in enumerate(heads) if name in native]
                block = combiner.fit(block, known, whole).apply(block)
                heads = combiner.heads(heads)
                self.combiners_.append(combiner)
        self.names_ = _unique([name for name, _ in heads])
        self.raw_columns_ = [raw for _, raw in heads]
        self.categorical_columns_ = [at for at, (name, _) in enumerate(heads) if name in native]
        self.mixes_columns_ = any(raw not in plan.used for raw in self.raw_columns_) or any(
            isinstance(stage, Along | Nearest) for group in self.groups_ for stage in group.stages
        )
        return within(block)

    def transform(self, features: pd.DataFrame | FewRows) -> np.ndarray:
        """Return rows as floats, the way the training rows were.

        Raises:
            SchemaMismatch: A column is missing, or the rows are no DataFrame.
        """
        if not hasattr(self, "groups_"):  # check_is_fitted costs more than half of one row
            raise NotFittedError("This preparation has learned nothing yet: call fit first.")
        frame = self._frame(features)
        if not len(frame):
            return np.empty((0, len(self.names_)))
        if isinstance(frame, FewRows):
            return frame.prepared(self, self._prepared)
        return self._prepared(FewRows(frame) if len(frame) <= MOST else frame)

    def _prepared(self, rows: pd.DataFrame | FewRows) -> np.ndarray:
        block = np.concatenate([group.read(rows) for group in self.groups_], axis=1)
        for combiner in self.combiners_:
            block = combiner.apply(block)
        return within(block)

    def get_feature_names_out(self, input_features: object = None) -> np.ndarray:  # noqa: ARG002
        """Return the encoded columns' names."""
        check_is_fitted(self, "names_")
        return np.array(self.names_, dtype=object)

    def _frame(self, features: Any) -> Any:
        """See that the columns the plan uses are there."""
        if not isinstance(features, pd.DataFrame | FewRows):
            raise SchemaMismatch(
                f"Rows come as a pandas DataFrame with the columns "
                f"{', '.join(map(repr, self.feature_names_in_))}, not as "
                f"{type(features).__name__}."
            )
        if isinstance(features, FewRows) and features.holds(self.feature_names_in_):
            return features
        for name in self.feature_names_in_:
            if name not in features:
                raise SchemaMismatch(f"The rows lack the column {name!r}, which the model uses.")
        return features


def _named(groups: Sequence[Group]) -> set[str]:
    """Return the names of the columns that hold codes."""
    return {
        name
        for group in groups
        for (name, _), code in zip(group.heads_, group.codes, strict=True)
        if code
    }


def _unique(names: list[str]) -> list[str]:
    """Return names of which no two are equal."""
    seen: dict[str, int] = {}
    found = []
    for name in names:
        seen[name] = seen.get(name, 0) + 1
        found.append(name if seen[name] == 1 else f"{name} #{seen[name]}")
    return found


def _timed(block: np.ndarray, frame: pd.DataFrame, stage: Stage) -> np.ndarray:
    """Append when each row happened, for a stage that follows time."""
    if stage.order is None:
        return block
    return np.column_stack([block, as_floats(frame[stage.order])])


def _groups(plan: Plan, needs: frozenset[str]) -> list[Group]:
    """Group the plan's columns by their steps for these needs."""
    found: dict[str, tuple[list[Reader], list[Step]]] = {}
    for column in plan.columns:
        steps = _steps(column, needs)
        reader = _reader(column, steps, plan, needs)
        numeric = _after(reader, steps)
        key = json.dumps([[s.to_dict() | {"reason": ""} for s in numeric], type(reader).__name__])
        found.setdefault(key, ([], numeric))[0].append(reader)
    return [Group(readers, _stages(readers[0], steps, needs)) for readers, steps in found.values()]


def _steps(column: ColumnPlan, needs: frozenset[str]) -> tuple[Step, ...]:
    """Return a column's steps for these needs; the first of several encodings is taken."""
    steps = [step for step in column.steps if step.applies(needs)]
    ways = [step for step in steps if step.do == "encode"]
    steps = [step for step in steps if step.do != "encode" or step is ways[0]]
    if not ways and column.kind in {Kind.CATEGORY, Kind.ID}:
        steps.insert(0, Step("encode", "one_hot" if "numbers" in needs else "codes"))
    if not ways and column.kind is Kind.TEXT:
        steps.insert(0, Step("encode", "tfidf"))
    return tuple(steps)


def _reader(column: ColumnPlan, steps: tuple[Step, ...], plan: Plan, needs: frozenset[str]) -> Any:
    """Return what reads a column before its other steps."""
    way = next((step for step in steps if step.do == "encode"), None)
    if way is not None and way.how in WORD_WAYS:
        return Words(column.name, way.how, way.option("columns"))
    if way is not None:
        return levels_for(column.name, steps, str(plan.task), needs)
    if column.kind is Kind.DATE:
        parts = next((s.option("parts") for s in steps if s.do == "dates"), ("days",))
        return Moments(column.name, parts)
    infinite = next((step.how for step in steps if step.do == "infinities"), "clip")
    return Numbers(column.name, infinite=infinite)


def _after(reader: Any, steps: tuple[Step, ...]) -> list[Step]:
    """Return the steps that work on the column once it is read as numbers."""
    read = {"encode", "dates", "infinities"} | (
        {"impute"} if isinstance(reader, Levels) else set()
    )
    if getattr(reader, "how", None) == "codes":
        return []
    return [step for step in steps if step.do not in read]


def _stages(reader: Reader, steps: list[Step], needs: frozenset[str]) -> list[Stage]:
    """Return the unfitted stages, and a last fill where gaps could be left."""
    stages = [stage for stage in map(stage_for, steps) if stage is not None]
    gaps = not isinstance(reader, Levels | Words)
    for stage in stages:
        if isinstance(stage, Indicate):
            continue
        gaps = not isinstance(stage, Fill | Along) and (gaps or _makes_gaps(stage))
    if "no_missing" in needs and gaps:
        stages.append(Fill("median"))
    return stages


def _makes_gaps(stage: Stage) -> bool:
    """Say whether a stage takes values away."""
    return getattr(stage, "how", "") == "missing"
