"""What is done to a block of number columns, learned by scikit-learn and applied by NumPy.

scikit-learn's own ``transform`` checks its input anew at every call, which costs more than the
arithmetic when one row is asked for. So a stage keeps what the estimator learned (the statistics,
the centre and the scale) and applies it directly; where the arithmetic is not a line, it calls the
estimator. Only fences and fills along time are written here: scikit-learn has neither.
"""

from __future__ import annotations

import warnings
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from scipy.special import ndtri
from sklearn.impute import KNNImputer, SimpleImputer
from sklearn.preprocessing import (
    MinMaxScaler,
    PowerTransformer,
    QuantileTransformer,
    RobustScaler,
    StandardScaler,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from pipelines.cleaning.operations import Step

LARGEST = 1e30
"""No encoded value is larger: it still fits into the 32 bits that many models use inside."""

EDGE = 1e-7
"""scikit-learn's own: ranks nearer to 0 or 1 count as the ends."""

KNN_ROWS = 5_000
"""Nearest rows are looked for among this many training rows, spread evenly."""

Head = tuple[str, str]
"""An encoded column's name and the raw column it comes from."""


def within(block: np.ndarray) -> np.ndarray:
    """Return numbers of which none is too large; for a few of them faster than ``np.clip``."""
    return np.asarray(np.minimum(np.maximum(block, -LARGEST), LARGEST))


class Stage(ABC):
    """One fitted step for a block: learns from training rows, then changes any rows."""

    order: str | None = None
    """The column that says when a row happened. A stage with one gets it as its last column."""

    @abstractmethod
    def fit(self, block: np.ndarray) -> Self:
        """Learn from training rows."""

    @abstractmethod
    def apply(self, block: np.ndarray) -> np.ndarray:
        """Return the rows, changed."""

    def heads(self, heads: list[Head]) -> list[Head]:
        """Return the columns' names and origins after this stage."""
        return heads


class Indicate(Stage):
    """Columns that say what was missing, for each column with gaps in training."""

    def fit(self, block: np.ndarray) -> Self:
        """Remember which columns have gaps."""
        self.columns_ = np.flatnonzero(np.isnan(block).any(axis=0))
        return self

    def apply(self, block: np.ndarray) -> np.ndarray:
        """Append the indicators."""
        return np.hstack([block, np.isnan(block[:, self.columns_])])

    def heads(self, heads: list[Head]) -> list[Head]:
        """Append the indicators' names."""
        chosen = [heads[i] for i in self.columns_]
        return heads + [(f"{name} (missing)", raw) for name, raw in chosen]


class Fill(Stage):
    """Missing values become one statistic of the training rows."""

    def __init__(self, how: str, value: float = 0.0) -> None:
        self.how = how
        self.value = value

    def fit(self, block: np.ndarray) -> Self:
        """Learn the statistic of each column; a column without any value gives 0."""
        words = {"mode": "most_frequent"}
        imputer = SimpleImputer(
            strategy=words.get(self.how, self.how),
            fill_value=float(self.value) if self.how == "constant" else None,
            keep_empty_features=True,
        )
        self.values_ = np.asarray(imputer.fit(block).statistics_, dtype=float)
        return self

    def apply(self, block: np.ndarray) -> np.ndarray:
        """Fill the gaps."""
        return np.where(np.isnan(block), self.values_, block)


class Nearest(Stage):
    """Missing values become the mean of the nearest training rows, on columns of one size."""

    def __init__(self, neighbours: int) -> None:
        self.neighbours = neighbours

    def fit(self, block: np.ndarray) -> Self:
        """Keep training rows to look among."""
        self.size_ = Shift(StandardScaler()).fit(block)
        rows = np.unique(np.linspace(0, len(block) - 1, min(len(block), KNN_ROWS)).astype(int))
        self.imputer_ = KNNImputer(n_neighbors=self.neighbours, keep_empty_features=True)
        self.imputer_.fit(self.size_.apply(block[rows]))
        return self

    def apply(self, block: np.ndarray) -> np.ndarray:
        """Fill the gaps."""
        gaps = np.isnan(block)
        if not gaps.any():
            return block
        filled = self.imputer_.transform(self.size_.apply(block))
        return np.where(gaps, self.size_.undo(filled), block)


class Along(Stage):
    """Missing values become what was known at the time: before, after or in between.

    What is known are the training rows, looked up by time. So a row's answer does not depend on
    which other rows are asked for with it, and nothing is taken from rows outside the fold.
    """

    def __init__(self, how: str, order: str) -> None:
        self.how = how
        self.order = order

    def fit(self, block: np.ndarray) -> Self:
        """Keep each column's known values, by time."""
        when = _when(block)
        rows = np.argsort(when, kind="stable")
        self.known_ = []
        for column in block[rows, :-1].T:
            there = ~np.isnan(column)
            self.known_.append((when[rows][there], column[there]))
        return self

    def apply(self, block: np.ndarray) -> np.ndarray:
        """Fill the gaps."""
        when, filled = _when(block), block[:, :-1].copy()
        for at, (moments, values) in enumerate(self.known_):
            gaps = np.isnan(block[:, at])
            if gaps.any():
                filled[gaps, at] = self._look_up(when[gaps], moments, values)
        return filled

    def _look_up(self, when: np.ndarray, moments: np.ndarray, values: np.ndarray) -> np.ndarray:
        """Return the values at these times."""
        if not len(values):
            return np.zeros(len(when))
        if self.how == "interpolate":
            return np.asarray(np.interp(when, moments, values))
        if self.how == "forward":
            place = np.searchsorted(moments, when, side="right") - 1
        else:
            place = np.searchsorted(moments, when, side="left")
        return np.asarray(values[np.clip(place, 0, len(values) - 1)])


def _when(block: np.ndarray) -> np.ndarray:
    """Return when each row happened; a row without a time comes last."""
    times = block[:, -1]
    return np.where(np.isnan(times), np.finfo(float).max, times)


class Fences(Stage):
    """Values beyond the fences, learned from training rows, come back inside or go missing."""

    def __init__(self, how: str, rule: str, factor: float | None) -> None:
        self.how = how
        self.rule = rule
        self.factor = factor

    def fit(self, block: np.ndarray) -> Self:
        """Learn the fences of each column."""
        pairs = [self._fence(column[~np.isnan(column)]) for column in block.T]
        self.low_, self.high_ = (np.array(side, dtype=float) for side in zip(*pairs, strict=True))
        return self

    def apply(self, block: np.ndarray) -> np.ndarray:
        """Bring values inside, or take them away."""
        if self.how == "missing":
            return np.where(self.beyond(block), np.nan, block)
        return np.asarray(np.clip(block, self.low_, self.high_))

    def beyond(self, block: np.ndarray) -> np.ndarray:
        """Say which values lie beyond the fences."""
        return np.asarray((block < self.low_) | (block > self.high_))

    def _fence(self, known: np.ndarray) -> tuple[float, float]:
        """Return one column's fences."""
        if not len(known):
            return -LARGEST, LARGEST
        low, high = FENCES[self.rule](known, self.factor)
        if self.how == "winsorise":
            inside = known[(known >= low) & (known <= high)]
            low, high = (inside.min(), inside.max()) if len(inside) else (low, high)
        return low, high


def _quartiles(known: np.ndarray, factor: float | None) -> tuple[float, float]:
    """Tukey's fences: so many interquartile ranges beyond the quartiles."""
    first, third = np.percentile(known, [25, 75])
    reach = (1.5 if factor is None else factor) * (third - first)
    return first - reach, third + reach


def _deviations(known: np.ndarray, factor: float | None) -> tuple[float, float]:
    """So many standard deviations around the mean."""
    reach = (3.0 if factor is None else factor) * known.std()
    return known.mean() - reach, known.mean() + reach


def _median_deviations(known: np.ndarray, factor: float | None) -> tuple[float, float]:
    """So many median deviations around the median; none where half the values are equal."""
    middle = np.median(known)
    spread = np.median(np.abs(known - middle)) / 0.6745
    if spread == 0:
        return known.min(), known.max()
    reach = (3.5 if factor is None else factor) * spread
    return middle - reach, middle + reach


def _shares(known: np.ndarray, factor: float | None) -> tuple[float, float]:
    """Quantiles: the given share is cut at each end."""
    share = 0.01 if factor is None else min(factor, 0.5)
    low, high = np.quantile(known, [share, 1 - share])
    return low, high


FENCES: dict[str, Callable[[np.ndarray, float | None], tuple[float, float]]] = {
    "iqr": _quartiles,
    "z": _deviations,
    "modified_z": _median_deviations,
    "quantile": _shares,
}


class Shift(Stage):
    """A centre is taken away and a scale divided out, as a scikit-learn scaler learned them."""

    def __init__(self, scaler: Any, *, one_size: bool = False) -> None:
        self.scaler = scaler
        self.one_size = one_size

    def fit(self, block: np.ndarray) -> Self:
        """Learn centre and scale of each column."""
        empty = np.isnan(block).all(axis=0)
        with np.errstate(all="ignore"):
            scaler = self.scaler.fit(np.where(empty, 0.0, block))
        width = block.shape[1]
        if isinstance(scaler, MinMaxScaler):
            centre, scale = scaler.data_min_, 1 / np.where(scaler.scale_ == 0, 1, scaler.scale_)
        else:
            centre = getattr(scaler, "mean_", getattr(scaler, "center_", np.zeros(width)))
            scale = scaler.scale_
        self.centre_ = np.nan_to_num(np.asarray(centre, dtype=float))
        self.scale_ = np.nan_to_num(np.asarray(scale, dtype=float), nan=1.0)
        if self.one_size:
            varied = np.nanmax(block, axis=0, initial=-np.inf) > np.nanmin(
                block, axis=0, initial=np.inf
            )
            size = np.sqrt(np.mean(np.square(self.scale_[varied]))) if varied.any() else 1.0
            self.scale_ = np.full(width, size)
        return self

    def apply(self, block: np.ndarray) -> np.ndarray:
        """Shift and shrink."""
        with np.errstate(over="ignore"):
            shifted = (block - self.centre_) / self.scale_
        return np.asarray(np.clip(shifted, -LARGEST, LARGEST))

    def undo(self, block: np.ndarray) -> np.ndarray:
        """Return to the size before."""
        return np.asarray(block * self.scale_ + self.centre_)


class Bend(Stage):
    """Ranks or powers that make values look normal, by a scikit-learn transformer."""

    def __init__(self, how: str, quantiles: int = 256) -> None:
        self.how = how
        self.quantiles = quantiles

    def fit(self, block: np.ndarray) -> Self:
        """Learn the bend of each column; one that does not vary becomes 0."""
        self.floor_ = _lowest_positive(block)
        inside = self._inside(block)
        self.varied_ = np.flatnonzero(
            [len(np.unique(column[~np.isnan(column)])) > 1 for column in inside.T]
        )
        if self.how == "quantile":
            self.bend_ = QuantileTransformer(
                n_quantiles=max(1, min(self.quantiles, len(block))),
                output_distribution="normal",
                random_state=0,
            )
        else:
            self.bend_ = PowerTransformer(method=self.how.replace("_", "-"), standardize=False)
        if len(self.varied_):
            with np.errstate(all="ignore"), warnings.catch_warnings():
                warnings.simplefilter("ignore")  # a power was bounded: apply() bounds the values
                self.bend_.fit(inside[:, self.varied_])
                self.size_ = Shift(StandardScaler()).fit(self._bent(inside[:, self.varied_]))
        return self

    def apply(self, block: np.ndarray) -> np.ndarray:
        """Bend; what overflows ends at the largest value."""
        bent = np.zeros(block.shape)
        if len(self.varied_):
            made = self._bent(self._inside(block)[:, self.varied_])
            bent[:, self.varied_] = made if self.how == "quantile" else self.size_.apply(made)
        return np.where(np.isnan(block), np.nan, np.nan_to_num(bent))

    def _bent(self, inside: np.ndarray) -> np.ndarray:
        """Bend the columns that vary; a gap stays a gap."""
        with np.errstate(all="ignore"):
            made = self._ranks(inside) if self.how == "quantile" else self.bend_.transform(inside)
        return np.asarray(np.clip(made, -LARGEST, LARGEST))

    def _ranks(self, block: np.ndarray) -> np.ndarray:
        """Do what ``QuantileTransformer.transform`` does, without its checks."""
        shares, found = self.bend_.references_, np.empty(block.shape)
        for at, (column, known) in enumerate(zip(block.T, self.bend_.quantiles_.T, strict=True)):
            rising = np.interp(column, known, shares)
            falling = np.interp(-column, -known[::-1], -shares[::-1])
            ranks = 0.5 * (rising - falling)
            ranks[column + EDGE > known[-1]] = 1.0
            ranks[column - EDGE < known[0]] = 0.0
            found[:, at] = ranks
        return np.asarray(np.clip(ndtri(found), ndtri(EDGE), -ndtri(EDGE)))

    def _inside(self, block: np.ndarray) -> np.ndarray:
        """Bring values to where the bend is defined."""
        return np.maximum(block, self.floor_) if self.how == "box_cox" else block


def _lowest_positive(block: np.ndarray) -> np.ndarray:
    """Return each column's lowest positive value, 1 where there is none."""
    positive = np.where(block > 0, block, np.inf)
    lowest = positive.min(axis=0, initial=np.inf)
    return np.where(np.isfinite(lowest), lowest, 1.0)


SCALERS: dict[str, Callable[[], Any]] = {
    "standard": StandardScaler,
    "one_size": StandardScaler,
    "min_max": MinMaxScaler,
    "robust": RobustScaler,
}


def stage_for(step: Step) -> Stage | None:
    """Return the unfitted stage for a step, or nothing where rows or readers do the work."""
    if step.do == "indicate":
        return Indicate()
    if step.do == "impute":
        return _impute(step)
    if step.do == "outliers" and step.how != "drop":
        return Fences(step.how, step.option("rule"), step.option("factor"))
    if step.do == "scale":
        if step.how in SCALERS:
            return Shift(SCALERS[step.how](), one_size=step.how == "one_size")
        return Bend(step.how, step.option("quantiles") if step.how == "quantile" else 256)
    return None


def _impute(step: Step) -> Stage:
    """Return the stage that fills gaps; rows left out of training are filled when asked for."""
    if step.how == "knn":
        return Nearest(step.option("neighbours"))
    if step.how in {"forward", "backward", "interpolate"}:
        return Along(step.how, step.option("order"))
    if step.how == "constant":
        return Fill("constant", step.option("value"))
    return Fill("median" if step.how == "drop" else step.how)
