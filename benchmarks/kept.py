"""Figures of a long run, kept in a JSON file, so that its slices add up."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class Kept:
    """Sums by name; without a file they last as long as the process."""

    def __init__(self, path: Path | None = None) -> None:
        self.path = path
        there = path is not None and path.exists()
        self.found: dict[str, Any] = json.loads(path.read_text()) if there else {}

    def add(self, name: str, told: dict[str, Any]) -> None:
        """Add numbers to those of a name; what is true stays so only while all of it is."""
        self.found[name] = _sum(self.found.get(name, {}), told)
        if self.path is not None:
            self.path.write_text(json.dumps(self.found, indent=2))

    def done(self, name: str) -> int:
        """Return how often a name was added to."""
        return int(self.found.get(name, {}).get("rounds", 0))

    def left(self, name: str, wanted: int, until: float) -> Iterator[int]:
        """Count on to what is wanted, until the clock says so."""
        while (number := self.done(name)) < wanted and time.monotonic() < until:
            yield number


def _sum(first: dict[str, Any], second: dict[str, Any]) -> dict[str, Any]:
    both = dict(first)
    for key, value in second.items():
        if isinstance(value, dict):
            both[key] = _sum(first.get(key, {}), value)
        elif isinstance(value, bool):
            both[key] = first.get(key, True) and value
        else:
            both[key] = first.get(key, 0) + value
    return both
