"""Reads the small texts that options carry."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


def words(*texts: str) -> list[str]:
    """Split a comma-separated option, given once or again and again.

    >>> words("lightgbm, logistic", "knn")
    ['lightgbm', 'logistic', 'knn']
    """
    return [word.strip() for text in texts for word in text.split(",") if word.strip()]


def pairs(option: str, texts: Sequence[str]) -> dict[str, str]:
    """Read ``column=value`` texts.

    Raises:
        BadSetting: One of them has no equals sign.

    >>> pairs("--type", ["zip=category"])
    {'zip': 'category'}
    """
    found = {}
    for text in texts:
        column, sign, value = text.rpartition("=")
        if not sign or not column:
            from pipelines.errors import BadSetting

            raise BadSetting(option, text, "Write it as column=value, like zip=category.")
        found[column] = value
    return found


def positions(option: str, text: str) -> list[int]:
    """Read row numbers with commas, or a text file that holds them, also one on each line.

    Raises:
        BadSetting: One of them is not a whole number.

    >>> positions("--rows", "17,42")
    [17, 42]
    """
    from pipelines.errors import BadSetting

    try:
        given = Path(text).read_text(encoding="utf-8") if text and Path(text).is_file() else text
        return [int(word) for word in words(given.replace("\n", ","))]
    except (ValueError, OSError) as error:
        raise BadSetting(
            option, text, "Give row numbers with commas, like 17,42, or a file of them."
        ) from error
