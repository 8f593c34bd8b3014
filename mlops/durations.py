"""Lengths of time, moments and sizes, as people write them."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from pipelines.errors import BadSetting

_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_SIZES = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9}
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


def bytes_of(text: str | float, option: str) -> int:
    """Return a size in bytes; a bare number is bytes.

    Raises:
        BadSetting: The text is no size, or not a positive one.

    >>> bytes_of("2GB", "--trial-memory"), bytes_of("1.5 kb", "--trial-memory")
    (2000000000, 1500)
    """
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([kmg]?)b?", str(text).strip().lower())
    size = int(float(found[1]) * _SIZES[found[2]]) if found else 0
    if size <= 0:
        raise BadSetting(option, text, "Write a size like 500MB or 2GB.")
    return size


def moment_of(text: str, option: str, *, ahead: bool = False) -> datetime:
    """Return a moment: a date, a time (UTC unless it says otherwise), or how long ago or ahead.

    Raises:
        BadSetting: The text is none of these.

    >>> moment_of("2026-11-21T10:30", "--since").isoformat()
    '2026-11-21T10:30:00+00:00'
    """
    try:
        told = datetime.fromisoformat(text.strip())
    except ValueError:
        way = "from now" if ahead else "ago"
        wanted = f"Write a time like 2026-11-21, 2026-11-21T10:30, or how long {way}: 7d, 12h."
        try:
            away = timedelta(seconds=seconds_of(text, option))
            return datetime.now(UTC) + (away if ahead else -away)
        except (BadSetting, OverflowError) as error:
            raise BadSetting(option, text, wanted) from error
    return told.replace(tzinfo=UTC) if told.tzinfo is None else told.astimezone(UTC)
