"""Found: what a check hands back when it has something to say."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pipelines.errors import listed

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pipelines.profile.facts import Severity


@dataclass(frozen=True, slots=True)
class Found:
    """The parts of a finding that only the data can tell."""

    columns: tuple[str, ...]
    reason: str
    remedy: str
    drops: tuple[str, ...] = ()
    severity: Severity | None = None
    """Only where it differs from the check's own."""


def quoted(names: Iterable[object], most: int = 8) -> str:
    """Return names in quotes, cut after the first few.

    >>> quoted(["a", "b"])
    "'a', 'b'"
    """
    return listed([repr(str(name)) for name in names], most)


def percent(share: float) -> str:
    """Return a share as a percentage that never rounds to a lie at either end.

    >>> percent(0.5), percent(0.99996), percent(0.00001)
    ('50 %', 'over 99.9 %', 'under 0.1 %')
    """
    if 0 < share < 0.001:
        return "under 0.1 %"
    if 0.999 < share < 1:
        return "over 99.9 %"
    return f"{100 * share:.3g} %"


def rows_told(n: int) -> str:
    """Return a count of rows in words.

    >>> rows_told(1), rows_told(1200)
    ('1 row', '1,200 rows')
    """
    return "1 row" if n == 1 else f"{n:,} rows"
