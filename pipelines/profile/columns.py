"""Columns: the numbers and the picture of one column."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow.compute as pc

from pipelines.dataset import Kind
from pipelines.profile.facts import Column
from pipelines.profile.values import distinct, level_texts, runs

if TYPE_CHECKING:
    import numpy.typing as npt

    from pipelines.profile.values import Values

    Array = npt.NDArray[Any]

BINS = 24
TOP = 12
FENCE = 1.5
EXAMPLES = 5


def describe(values: Values, kind: Kind) -> Column:
    """Return one column's facts; its association with the target comes later.

    >>> import pandas as pd
    >>> from pipelines.profile.values import of
    >>> column = describe(of(pd.Series([1, 2, 2, 3], name="x")), Kind.NUMBER)
    >>> column.distinct, column.numbers["median"]
    (3, 2.0)
    """
    numbers = _of_text(values, kind) if values.is_text else _of_numbers(values, kind)
    return Column(
        name=values.name,
        kind=kind,
        dtype=values.dtype,
        missing=len(values.missing) - values.known,
        distinct=distinct(values),
        examples=examples(values, kind),
        numbers=_plain(numbers),
    )


def _plain(facts: Any) -> Any:
    """What overflowed (values near 1e308) is unknown, and JSON has no word for infinity."""
    if isinstance(facts, dict):
        return {name: _plain(fact) for name, fact in facts.items()}
    if isinstance(facts, list):
        return [_plain(fact) for fact in facts]
    return None if isinstance(facts, float) and not np.isfinite(facts) else facts


def told(number: float, kind: Kind) -> str | float:
    """Return a number as JSON shows it: dates as ISO text, booleans as words.

    >>> told(0.0, Kind.DATE), told(1.0, Kind.BOOLEAN), told(2.5, Kind.NUMBER)
    ('1970-01-01', 'True', 2.5)
    """
    if kind is Kind.DATE:
        text = str(np.datetime64(round(number), "s"))
        return text.removesuffix("T00:00:00").replace("T", " ")
    if kind is Kind.BOOLEAN:
        return str(bool(number))
    return float(number)


def _of_numbers(values: Values, kind: Kind) -> dict[str, Any]:
    ordered = values.ordered
    if not len(ordered):
        return {"infinite": _infinite(values)}
    low, q25, median, q75, high = quantiles(ordered, (0, 0.25, 0.5, 0.75, 1))
    facts: dict[str, Any] = {
        "min": told(low, kind),
        "q25": told(q25, kind),
        "median": told(median, kind),
        "q75": told(q75, kind),
        "max": told(high, kind),
    }
    levels = _few(ordered)
    if kind is Kind.BOOLEAN or levels is not None:
        facts["top"] = _top(*runs(ordered), kind)
    if kind is Kind.BOOLEAN:
        return facts
    facts["histogram"] = histogram(ordered, kind)
    if kind is Kind.DATE:
        return facts
    return facts | _moments(values, ordered, q25, q75)


def _moments(values: Values, ordered: Array, q25: float, q75: float) -> dict[str, Any]:
    mean, std = float(ordered.mean()), float(ordered.std())
    reach = FENCE * (q75 - q25)
    below = int(np.searchsorted(ordered, q25 - reach, side="left"))
    above = len(ordered) - int(np.searchsorted(ordered, q75 + reach, side="right"))
    return {
        "mean": mean,
        "std": std,
        "zeros": _zeros(ordered),
        "negative": int(np.searchsorted(ordered, 0, side="left")),
        "outliers": (below + above) if reach > 0 else 0,
        "fences": [q25 - reach, q75 + reach],
        "infinite": _infinite(values),
        "whole": bool(ordered.dtype == np.int64),
    }


def _zeros(ordered: Array) -> int:
    first, last = np.searchsorted(ordered, 0, "left"), np.searchsorted(ordered, 0, "right")
    return int(last - first)


def _infinite(values: Values) -> int:
    return values.known - len(values.ordered)


def quantiles(ordered: Array, at: tuple[float, ...]) -> list[float]:
    """Return quantiles of a sorted array, linear between neighbours as pandas does.

    >>> quantiles(np.array([0, 10]), (0.0, 0.25))
    [0.0, 2.5]
    """
    place = np.asarray(at) * (len(ordered) - 1)
    left = np.floor(place).astype(int)
    right = np.minimum(left + 1, len(ordered) - 1)
    share = place - left
    low = ordered[left].astype(float)
    return [float(x) for x in low + share * (ordered[right].astype(float) - low)]


def histogram(ordered: Array, kind: Kind) -> dict[str, Any]:
    """Return bin edges and counts of a sorted array, every value in one of the bins."""
    low, high = float(ordered[0]), float(ordered[-1])
    if low == high:
        return {"edges": [told(low, kind), told(high, kind)], "counts": [len(ordered)]}
    bins = BINS
    if ordered.dtype == np.int64 and high - low < BINS:
        bins = int(high - low) + 1
        edges = np.linspace(low - 0.5, high + 0.5, bins + 1)
    else:
        edges = np.linspace(low, high, bins + 1)
    places = np.searchsorted(ordered, edges[1:-1], side="left")
    counts = np.diff(np.r_[0, places, len(ordered)])
    return {"edges": [told(edge, kind) for edge in edges], "counts": counts.tolist()}


def _few(ordered: Array) -> int | None:
    """Return the number of distinct values when a sorted array has only a handful."""
    found = int(np.count_nonzero(ordered[1:] != ordered[:-1])) + 1
    return found if found <= TOP else None


def _top(levels: Array, counts: Array, kind: Kind) -> list[list[Any]]:
    best = np.argsort(-counts, kind="stable")[:TOP]
    return [[_short(told(levels[i], kind)), int(counts[i])] for i in best]


def _short(value: str | float) -> str:
    return value if isinstance(value, str) else f"{value:.6g}"


def _of_text(values: Values, kind: Kind) -> dict[str, Any]:
    if not len(values.counts):
        return {}
    facts: dict[str, Any] = {"top": [[cut(text), rows] for text, rows in level_texts(values, TOP)]}
    facts["other"] = values.known - sum(rows for _, rows in facts["top"])
    if kind in {Kind.TEXT, Kind.ID}:
        some = values.levels.slice(0, 5000)
        facts["mean_length"] = round(float(pc.mean(pc.utf8_length(some)).as_py()), 1)
        words = pc.add(pc.count_substring(some, " "), 1)
        facts["mean_words"] = round(float(pc.mean(words).as_py()), 1)
    return facts


def examples(values: Values, kind: Kind) -> tuple[str, ...]:
    """Return the first few different values as text."""
    found: dict[str, None] = {}
    rows = np.flatnonzero(~values.missing[:200])
    for row in rows[:100]:
        found.setdefault(cut(cell(values, int(row), kind)))
        if len(found) == EXAMPLES:
            break
    return tuple(found)


def cell(values: Values, row: int, kind: Kind) -> str:
    """Return one cell as text."""
    if values.is_text:
        code = int(values.codes[row])
        return "" if code < 0 else str(values.levels[code].as_py())
    number = values.numbers[row]
    if kind in {Kind.DATE, Kind.BOOLEAN} and np.isfinite(number):
        return str(told(float(number), kind))
    return str(int(number)) if values.numbers.dtype == np.int64 else f"{number:.6g}"


def cut(text: str, most: int = 60) -> str:
    """Return a text shortened to what fits in a line.

    >>> cut("abcdef", 4)
    'abc…'
    """
    return text if len(text) <= most else text[: most - 1] + "…"
