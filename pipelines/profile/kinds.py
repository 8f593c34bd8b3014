"""Kinds: what a column holds, decided from its values; its name only helps where values can't."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow.compute as pc

from pipelines.dataset import Kind
from pipelines.profile.values import Values, distinct

if TYPE_CHECKING:
    import numpy.typing as npt

    Array = npt.NDArray[Any]

ID_WORDS = frozenset({"id", "ids", "uuid", "guid", "key", "pk", "index", "idx", "identifier"})
NUMBERED = frozenset({"no", "nr", "num", "number", "ref", "reference", "code"})
ENTITIES = frozenset(
    # One entry a line would be a page; these are the things that tables have numbers for.
    """
    account application booking case client contract customer device document employee invoice
    loan member order patient person policy product record row session student subject ticket
    transaction user vehicle
    """.split()  # noqa: SIM905
)
FEW_ROWS = 20
UUID = r"^\{?[0-9a-fA-F]{8}-?([0-9a-fA-F]{4}-?){3}[0-9a-fA-F]{12}\}?$"


def words_of(name: str) -> list[str]:
    """Return the words of a column's name in lower case.

    >>> words_of("customerID"), words_of("loan_no"), words_of("PassengerId")
    (['customer', 'id'], ['loan', 'no'], ['passenger', 'id'])
    """
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", name)
    return [word.lower() for word in re.split(r"[^A-Za-z0-9]+", spaced) if word]


def named_like_id(name: str) -> bool:
    """Say whether a column's name promises an identifier.

    >>> named_like_id("customer_id"), named_like_id("loan_no"), named_like_id("paid")
    (True, True, False)
    """
    words = words_of(name)
    if not words:
        return False
    if words[-1] in ID_WORDS or words[0] in {"id", "uuid", "guid"}:
        return True
    return words[-1] in NUMBERED and bool(ENTITIES & set(words))


def kind_of(values: Values) -> Kind:
    """Decide what a column holds.

    >>> import pandas as pd
    >>> from pipelines.profile.values import of
    >>> kind_of(of(pd.Series([True, False], name="x"))), kind_of(of(pd.Series([1.5], name="x")))
    (<Kind.BOOLEAN: 'boolean'>, <Kind.NUMBER: 'number'>)
    """
    if values.dtype in {"bool", "boolean"}:
        return Kind.BOOLEAN
    if values.dtype.startswith("datetime"):
        return Kind.DATE
    if values.is_text:
        return _kind_of_text(values)
    return Kind.ID if _numbers_identify(values) else Kind.NUMBER


def _numbers_identify(values: Values) -> bool:
    ordered = values.ordered
    if len(ordered) < FEW_ROWS or len(ordered) < values.known:
        return False
    if distinct(values) < len(ordered):
        return False
    if ordered.dtype != np.int64 and not np.array_equal(ordered, np.floor(ordered)):
        return False
    return named_like_id(values.name) or looks_numbered(values)


def looks_numbered(values: Values) -> bool:
    """Say whether unique whole numbers are a numbering: dense, or all of one long length."""
    ordered, numbers = values.ordered, values.numbers
    low, high = float(ordered[0]), float(ordered[-1])
    span = high - low + 1
    if span <= 1.02 * len(ordered) + 2:
        return True
    rising = np.all(numbers[1:] > numbers[:-1]) if len(numbers) == len(ordered) else False
    if rising and span <= 3 * len(ordered):
        return True
    long_enough = low >= 1e5 and len(str(int(low))) == len(str(int(high)))
    return bool(long_enough and _evenly_spread(ordered))


def _evenly_spread(ordered: Array) -> bool:
    """Random identifiers fill their range evenly; quantities crowd somewhere."""
    place = (ordered - ordered[0]) / max(float(ordered[-1] - ordered[0]), 1.0)
    gap = np.abs(place - np.linspace(0, 1, len(place))).max()
    return bool(gap < 1.9 / np.sqrt(len(place)))


def _kind_of_text(values: Values) -> Kind:
    counts, levels = values.counts, values.levels
    if not len(counts):
        return Kind.CATEGORY
    known = values.known
    some = levels.slice(0, 2000)
    if known >= 5 and bool(pc.all(pc.match_substring_regex(some, UUID)).as_py()):
        return Kind.ID if len(counts) >= 0.95 * known else Kind.CATEGORY
    words = float(pc.mean(pc.add(pc.count_substring(some, " "), 1)).as_py())
    length = float(pc.mean(pc.utf8_length(some)).as_py())
    unique = len(counts) / known
    wordy = words >= 3.5 or (words >= 2.5 and length >= 20)
    if wordy and len(counts) >= FEW_ROWS and unique >= 0.2:
        return Kind.TEXT
    if known >= FEW_ROWS and unique >= 0.97 and not _mostly_numbers(values):
        return Kind.ID if words < 2.5 else Kind.TEXT
    return Kind.CATEGORY


NUMBER = r"^\s*[+-]?(\d+([.,]\d*)?|[.,]\d+)([eE][+-]?\d+)?\s*%?$"


def _mostly_numbers(values: Values) -> bool:
    """Unique because they are numbers that were read as text, which is another finding."""
    if named_like_id(values.name):
        return False
    some = values.levels.slice(0, 2000)
    share = float(pc.mean(pc.match_substring_regex(some, NUMBER).cast("int8")).as_py())
    return 0.05 < share < 1.0
