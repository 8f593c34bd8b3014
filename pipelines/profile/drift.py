"""Drift: how a column goes along an order of the rows, and how it differs in another table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from scipy import stats

from pipelines.dataset import Kind
from pipelines.profile import values
from pipelines.profile.columns import told
from pipelines.profile.kinds import kind_of

if TYPE_CHECKING:
    import numpy.typing as npt

    from pipelines.profile.values import Values

    Array = npt.NDArray[Any]

PARTS, BINS, LEVELS = 20, 24, 6
NOTABLE, SURE = 0.15, 0.001
SAMPLE = 10_000


def moved(columns: dict[str, Any]) -> list[str]:
    """Return the columns that change along an order by more than chance, the strongest first.

    >>> moved({"a": {"value": 0.4, "p_value": 1e-9}, "b": {"value": 0.01, "p_value": 0.4}})
    ['a']
    """
    limit = SURE / max(len(columns), 1)
    found = [
        name
        for name, drift in columns.items()
        if drift["p_value"] < limit and abs(drift["value"]) >= NOTABLE
    ]
    return sorted(found, key=lambda name: -abs(columns[name]["value"]))


def course(found: Values, kind: Kind, order: Array) -> dict[str, Any]:
    """Return a column's course along rows in some order: a value for each of 20 equal parts.

    Of numbers it is the median, of all else the share of the most frequent level.

    >>> course(values.of(pd.Series(range(40), name="x")), Kind.NUMBER, np.arange(40))["at"][:2]
    [0.5, 2.5]
    """
    parts = np.array_split(order, min(PARTS, max(len(order), 1)))
    if not found.is_text and kind is not Kind.BOOLEAN:
        middles = [_median(found.numbers[part]) for part in parts]
        ends = [told(x, kind) for x in middles if x is not None]
        return {"what": "median", "at": middles, "first": ends[:1], "last": ends[-1:]}
    if found.is_text:
        best = int(np.argmax(found.counts)) if len(found.counts) else -1
        hits, level = found.codes == best, found.levels[best].as_py() if best >= 0 else ""
    else:
        hits, level = found.numbers == 1, "True"
    shares = [float(hits[part].mean()) for part in parts]
    return {"what": f"share of {level!r}", "at": shares, "first": shares[:1], "last": shares[-1:]}


def _median(numbers: Array) -> float | None:
    known = numbers[np.isfinite(numbers.astype(np.float64))]
    return float(np.median(known)) if len(known) else None


def differences(left: pd.DataFrame, right: pd.DataFrame, seed: int = 0) -> dict[str, Any]:
    """Return how each shared column differs between two tables, the strongest first.

    ``value`` is the greatest difference of probability: Kolmogorov and Smirnov's statistic of
    numbers, the total variation of levels; or the difference in missing values if that is more.
    """
    shared = [name for name in left.columns if name in set(right.columns)]
    drawn = [_some(frame[shared], seed) for frame in (left, right)]
    split = len(drawn[0])
    found = {}
    for name in shared:
        both = values.of(pd.concat([frame[name] for frame in drawn], ignore_index=True))
        kind = kind_of(both)
        if kind not in {Kind.ID, Kind.TEXT}:
            found[name] = {"kind": str(kind), **_difference(both, kind, split)}
    return dict(sorted(found.items(), key=lambda pair: -pair[1]["value"]))


def _some(frame: pd.DataFrame, seed: int) -> pd.DataFrame:
    return frame if len(frame) <= SAMPLE else frame.sample(SAMPLE, random_state=seed)


def _difference(both: Values, kind: Kind, split: int) -> dict[str, Any]:
    gone = [float(part.mean()) if len(part) else 0.0 for part in _cut(both.missing, split)]
    table = [[round(share * size) for share, size in zip(gone, _sizes(both, split), strict=True)]]
    told = _of_levels(both, split) if both.is_text else _of_numbers(both, kind, split)
    more = abs(gone[0] - gone[1])
    p_value = told.pop("p_value")
    if more > told["value"]:
        table.append([size - n for size, n in zip(_sizes(both, split), table[0], strict=True)])
        p_value = _chance(np.array(table))
    return {**told, "value": max(told["value"], more), "p_value": p_value, "missing": gone}


def _cut(cells: Array, split: int) -> tuple[Array, Array]:
    return cells[:split], cells[split:]


def _sizes(both: Values, split: int) -> tuple[int, int]:
    return split, len(both.missing) - split


def _of_numbers(both: Values, kind: Kind, split: int) -> dict[str, Any]:
    sides = [part[np.isfinite(part)] for part in _cut(both.numbers.astype(np.float64), split)]
    if not len(sides[0]) or not len(sides[1]):
        return {"value": 0.0, "p_value": 1.0}
    tested = stats.ks_2samp(*sides, method="asymp")
    low, high = np.quantile(np.concatenate(sides), [0.005, 0.995])
    edges = np.linspace(low, high if high > low else low + 1, BINS + 1)
    shares = [
        (np.histogram(np.clip(side, edges[0], edges[-1]), edges)[0] / len(side)).tolist()
        for side in sides
    ]
    return {
        "value": float(tested.statistic),
        "p_value": float(tested.pvalue),
        "middle": [told(float(np.median(side)), kind) for side in sides],
        "ends": [told(float(edges[0]), kind), told(float(edges[-1]), kind)],
        "shares": shares,
    }


def _of_levels(both: Values, split: int) -> dict[str, Any]:
    count = len(both.counts)
    sides = [np.bincount(part[part >= 0], minlength=count) for part in _cut(both.codes, split)]
    if not sides[0].sum() or not sides[1].sum():
        return {"value": 0.0, "p_value": 1.0}
    left, right = (side / side.sum() for side in sides)
    best = np.argsort(-np.abs(left - right), kind="stable")[:LEVELS]
    return {
        "value": float(np.abs(left - right).sum() / 2),
        "p_value": _chance(np.array(sides)),
        "levels": [str(both.levels[int(i)].as_py()) for i in best],
        "shares": [left[best].tolist(), right[best].tolist()],
    }


def _chance(table: Array) -> float:
    """Return the p-value of a table of counts."""
    kept = table[:, table.sum(axis=0) > 0]
    kept = kept[kept.sum(axis=1) > 0]
    if min(kept.shape) < 2:
        return 1.0
    return float(stats.chi2_contingency(kept).pvalue)
