"""What journeys return, as JSON knows it."""

from __future__ import annotations

import math
from dataclasses import asdict, is_dataclass
from datetime import date, datetime
from enum import Enum
from pathlib import Path
from typing import Any


def plain(value: Any) -> Any:
    """Change anything a journey returns into what JSON knows; NaN and infinity become null.

    >>> plain({"score": float("nan"), "path": Path("a.csv")})
    {'score': None, 'path': 'a.csv'}
    """
    if isinstance(value, Enum):
        return plain(value.value)
    if value is None or isinstance(value, (bool, str, int)):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, (datetime, date)):
        return value.isoformat()
    if isinstance(value, Path):
        return str(value)
    return _plain_structure(value)


def _plain_structure(value: Any) -> Any:
    if hasattr(value, "to_dict"):
        return plain(value.to_dict())
    if is_dataclass(value) and not isinstance(value, type):
        return plain(asdict(value))
    if hasattr(value, "items"):
        return {str(plain(key)): plain(item) for key, item in value.items()}
    if hasattr(value, "tolist"):  # NumPy scalars and arrays, without importing NumPy here
        return plain(value.tolist())
    if hasattr(value, "__iter__"):
        return [plain(item) for item in value]
    return str(value)
