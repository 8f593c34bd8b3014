"""What stands around every detector, so that any table gets finite scores or one clear sentence.

Before: columns that never vary or repeat another one are not looked at, cells are kept within a
million spreads of the training rows, repeated rows and dependent columns are taken out where a
detector fails on them, neighbours are never more than there are rows, and a detector whose cost
grows fast learns from a sample. After: a score that is no number becomes that of the nearest
training row. Nothing here looks at the batch a row comes in.
"""

from __future__ import annotations

import importlib
import inspect
import io
import warnings
from contextlib import ExitStack, contextmanager, redirect_stderr, redirect_stdout
from typing import TYPE_CHECKING, Any, Self, TypeAlias

import numpy as np
import sklearn

from pipelines.errors import CannotDetect

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

Array: TypeAlias = np.ndarray[Any, Any]

FAR = 1e6
"""No cell is further than so many spreads from the training rows: distances stay finite."""
FEWEST = 3
"""So many different rows are needed to say what is usual."""
COUNTS = ("n_neighbors", "ref_set", "n_clusters", "n_components", "subset_size", "max_samples",
          "min_cluster_size", "local_region_size")  # fmt: skip
"""Arguments that count rows, and may not be more than there are."""
BLOCK = 64
"""Matrix products round by their shape: who cannot bear that is asked in whole blocks."""
LOUD = frozenset({"SUOD", "Net"})
"""They print as they go."""
CALM = frozenset({"pipelines.anomaly.tails:ECOD", "pipelines.anomaly.tails:COPOD"})
"""They neither warn nor print, and one row is answered in less than it takes to see to that."""
MANY_COLUMNS = frozenset({"FeatureBagging"})
"""They fail on one column, in words about their own arguments."""
INDIFFERENT = frozenset({"MCD", "EllipticEnvelope"})
"""Their distances are the same in columns turned and stretched."""
EASIER: Mapping[str, tuple[Mapping[str, Any], ...]] = {
    "CBLOF": (
        {"n_clusters": 4},
        {"n_clusters": 2, "alpha": 0.6, "beta": 1.5},
        {"n_clusters": 2, "alpha": 0.51, "beta": 1.01},
        {"n_clusters": 3, "alpha": 0.51, "beta": 1.01},
    ),
    "MCD": ({"support_fraction": 0.9}, {"support_fraction": 1.0}),
    "EllipticEnvelope": ({"support_fraction": 0.9}, {"support_fraction": 1.0}),
    "GMM": ({"reg_covar": 1e-3}, {"reg_covar": 1e-1}),
    "HDBSCAN": ({"min_cluster_size": 3},),
    "PCA": ({"n_components": 0.9999}, {"n_components": 0.99}),
}
"""What is tried, in this order, where a detector fails as it is configured."""


class Guard:
    """One detector with everything that keeps it safe. Learns and answers with plain arrays."""

    most_columns: int | None = None
    """Where its cost or memory grows fast with the columns: it looks at no more."""

    def __init__(
        self,
        target: str,
        arguments: Mapping[str, Any],
        *,
        needs: frozenset[str] = frozenset(),
        sample: int | None = None,
        seed: int = 0,
    ) -> None:
        self.target, self.arguments = target, dict(arguments)
        self.needs, self.sample, self.seed = sorted(needs), sample, seed
        self.notes: list[str] = []

    @property
    def name(self) -> str:
        """The detector's own name."""
        return self.target.rpartition(":")[2]

    @property
    def spoken(self) -> str:
        """What sentences call it: a network goes by its own name, not by that of its stand-in."""
        return str(self.arguments.get("kind", self.target)).rpartition(":")[2]

    def fit(self, rows: Array, labels: Array | None = None) -> Self:
        """Learn what is usual.

        Raises:
            CannotDetect: The table has too few different rows or columns for this detector.
        """
        rows = np.asarray(rows, dtype=float)
        self.low_, self.high_ = _bounds(rows)
        self.floor_of_all_, self.roof_of_all_ = float(self.low_.max()), float(self.high_.min())
        self.columns_ = informative(rows)
        self.every_ = bool(self.columns_.all())
        taken, known = self._taken(self._cells(rows), labels)
        self.turning_ = None
        if "full_rank" in self.needs:
            self.turning_ = _turn(taken, even=self.name not in INDIFFERENT)
        taken = self._turned(taken)
        if self.most_columns is not None and taken.shape[1] > self.most_columns:
            raise CannotDetect(
                self.spoken,
                f"it would look at {taken.shape[1]} columns and grows too slow beyond "
                f"{self.most_columns}",
                "Choose another detector, or leave columns out.",
            )
        if self.name in MANY_COLUMNS and taken.shape[1] < 2:
            raise CannotDetect(self.spoken, "it draws some of the columns, and only one varies",
                               "Choose another detector.")  # fmt: skip
        self.detector = self._fitted(taken, known)
        self.usual_, self.floor_, self.roof_ = self._remembered(taken)
        return self

    def score(self, rows: Array) -> Array:
        """Return how strange each row is: always finite, whatever rows it comes with."""
        if not len(rows):
            return np.empty(0)
        cells = self._turned(self._cells(np.asarray(rows, dtype=float)))
        found = self._raw(cells)
        return found if np.isfinite(found).all() else self._mended(found, cells)

    def _cells(self, rows: Array) -> Array:
        if not (self.floor_of_all_ <= rows.min() and rows.max() <= self.roof_of_all_):
            rows = np.clip(rows, self.low_, self.high_)
        return rows if self.every_ else rows[:, self.columns_]

    def _turned(self, cells: Array) -> Array:
        if self.turning_ is None:
            return cells
        turned: Array = cells @ self.turning_
        return turned

    def _taken(self, cells: Array, labels: Array | None) -> tuple[Array, Array | None]:
        """Return the rows to learn from: different ones or a sample, where that is needed."""
        _, first = np.unique(cells, axis=0, return_index=True)
        if len(first) < FEWEST:
            raise CannotDetect(self.spoken, f"only {len(first)} of its rows differ",
                               f"Give at least {FEWEST} different rows.")  # fmt: skip
        place = np.sort(first) if "distinct" in self.needs else np.arange(len(cells))
        if self.sample is not None and len(place) > self.sample:
            rng = np.random.default_rng(self.seed)
            self.notes.append(f"{self.spoken} learned from {self.sample} of {len(place)} rows.")
            place = np.sort(rng.permutation(place)[: self.sample])
        return cells[place], None if labels is None else np.asarray(labels)[place]

    def _fitted(self, cells: Array, labels: Array | None) -> Any:
        reason = ""
        for easier in ({}, *EASIER.get(self.name, ())):
            try:
                with self._alone(), _own_numbers(self.seed):
                    detector = self._made({**self.arguments, **easier}, cells)
                    detector.fit(*((cells,) if labels is None else (cells, labels)))
                    self.detector = detector
                    some = self._raw(cells[: min(len(cells), 64)])
            except MemoryError:
                reason = "it needs more memory than there is"
            except Exception as error:  # noqa: BLE001 - any detector may fail in its own way
                reason = " ".join(str(error).split())[:160] or type(error).__name__
            else:
                if np.isfinite(some).any():
                    return detector
                reason = "not one of its scores is a number"
        raise CannotDetect(self.spoken, reason, "Choose another detector.")

    def _made(self, arguments: Mapping[str, Any], cells: Array) -> Any:
        """Make the detector; its seed and its counts of rows are seen to."""
        module, _, name = self.target.partition(":")
        make = getattr(importlib.import_module(module), name)
        accepted = inspect.signature(make).parameters
        usual = {"random_state": self.seed, "n_jobs": 1, "contamination": 0.1}
        given = {name: value for name, value in usual.items() if name in accepted}
        most = max(1, len(cells) - 1)
        for name in COUNTS:
            default = accepted[name].default if name in accepted else None
            value = arguments.get(name, default)
            roof = cells.shape[1] if name == "n_components" and self.name in _AXES else most
            if isinstance(value, int) and not isinstance(value, bool) and value > roof:
                given[name] = roof
        return make(**{**arguments, **given})

    def _raw(self, cells: Array) -> Array:
        if "steady" not in self.needs or len(cells) % BLOCK == 0:
            return self._asked(cells)
        padding = np.repeat(cells[:1], BLOCK - len(cells) % BLOCK, axis=0)
        return self._asked(np.concatenate([cells, padding]))[: len(cells)]

    def _asked(self, cells: Array) -> Array:
        detector = self.detector
        if self.target in CALM:
            calm: Array = detector.decision_function(cells)
            return calm
        with self._alone():
            if isinstance(getattr(detector, "random_state", None), np.random.RandomState):
                detector.random_state = np.random.RandomState(self.seed)  # LSCP draws as it scores
            found = np.asarray(detector.decision_function(cells), dtype=float).ravel()
        turned = type(detector).__module__.startswith("sklearn.")  # small means strange there
        return -found if turned else found

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Keep the detector to itself: no warnings, no printing, no look for what is not there."""
        with ExitStack() as kept:
            kept.enter_context(warnings.catch_warnings())
            kept.enter_context(np.errstate(all="ignore"))
            kept.enter_context(sklearn.config_context(assume_finite=True))
            warnings.simplefilter("ignore")
            if self.name in LOUD:
                kept.enter_context(redirect_stdout(io.StringIO()))
                kept.enter_context(redirect_stderr(io.StringIO()))
            yield

    def _remembered(self, cells: Array) -> tuple[tuple[Array, Array], float, float]:
        """Keep some training rows with their scores, for rows whose own score is no number."""
        some = cells[np.linspace(0, len(cells) - 1, min(len(cells), 256)).astype(int)]
        scores = self._raw(some)
        known = np.isfinite(scores)
        good = scores[known]
        spread = float(np.ptp(good)) or 1.0
        return (some[known], good), float(good.min() - spread), float(good.max() + spread)

    def _mended(self, found: Array, cells: Array) -> Array:
        rows, scores = self.usual_
        lost = np.isnan(found)
        mended = np.where(np.isposinf(found), self.roof_, np.where(lost, 0.0, found))
        mended = np.where(np.isneginf(mended), self.floor_, mended)
        for place in np.flatnonzero(lost):
            mended[place] = scores[np.abs(rows - cells[place]).sum(axis=1).argmin()]
        return mended


_AXES = frozenset({"PCA"})
"""Detectors whose ``n_components`` counts columns."""


@contextmanager
def _own_numbers(seed: int) -> Iterator[None]:
    """Leave the process's random numbers as they were: some detectors draw from them."""
    before = np.random.get_state()
    np.random.seed(seed)
    try:
        yield
    finally:
        np.random.set_state(before)


def informative(rows: Array) -> Array:
    """Say which columns vary and do not repeat an earlier one.

    >>> informative(np.array([[1.0, 5.0, 1.0], [2.0, 5.0, 2.0]])).tolist()
    [True, False, False]
    """
    with np.errstate(over="ignore"):
        kept: Array = np.ptp(rows, axis=0) > 0
    seen: set[bytes] = set()
    for place in np.flatnonzero(kept):
        cells = rows[:, place].tobytes()
        kept[place] = cells not in seen
        seen.add(cells)
    return kept if kept.any() else np.ones(rows.shape[1], dtype=bool)


def _bounds(rows: Array) -> tuple[Array, Array]:
    low, high = rows.min(axis=0), rows.max(axis=0)
    with np.errstate(over="ignore"):
        reach = np.nan_to_num((high - low) * FAR, posinf=np.finfo(float).max / 4)
        reach = np.where(reach > 0, reach, 1.0)
        return np.nan_to_num(low - reach), np.nan_to_num(high + reach)


def _turn(cells: Array, *, even: bool) -> Array | None:
    """Return the directions in which the rows really vary, each sized to one.

    Where they vary in all, and that is enough (not ``even``), the columns do as they are.
    """
    _, sizes, axes = np.linalg.svd(cells - cells.mean(axis=0), full_matrices=False)
    if not even and len(sizes) == cells.shape[1] and sizes[-1] > sizes[0] * 1e-3:
        return None
    kept = sizes > sizes[0] * 1e-6
    turn: Array = axes[kept].T / (sizes[kept] / np.sqrt(len(cells)))
    return turn
