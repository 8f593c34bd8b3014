"""The root of every error of the record, and how names are listed in a sentence."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

_LISTED = 12


class RegistryError(Exception):
    """Base of every error the registry raises on purpose."""


def listed(words: Sequence[str]) -> str:
    """Return words as one comma-separated text, cut after the first dozen.

    >>> listed(["a", "b"])
    'a, b'
    """
    rest = len(words) - _LISTED
    text = ", ".join(words[:_LISTED])
    return f"{text} and {rest} more" if rest > 0 else text
