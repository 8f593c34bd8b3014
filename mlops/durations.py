"""Lengths of time as people write them."""

from __future__ import annotations

import re

from pipelines.errors import BadSetting

_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_PART = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d)")


def seconds_of(text: str | float, option: str = "--budget") -> float:
    """Return a length of time in seconds; a bare number is seconds.

    Raises:
        BadSetting: The text is no length of time, or not a positive one.

    >>> seconds_of("10m"), seconds_of("1h30m"), seconds_of(45)
    (600.0, 5400.0, 45.0)
    """
    wanted = "Write a length of time like 30s, 10m or 1h30m."
    word = str(text).strip().lower()
    try:
        total = float(word)
    except ValueError:
        if not re.fullmatch(f"(?:{_PART.pattern})+", word):
            raise BadSetting(option, text, wanted) from None
        total = sum(float(amount) * _UNITS[unit] for amount, unit in _PART.findall(word))
    if not 0 < total < float("inf"):
        raise BadSetting(option, text, wanted)
    return total
