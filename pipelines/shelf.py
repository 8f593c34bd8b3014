"""Fitted models of folds wait here until it is known who wins.

They were fitted anyway, and their mean is mostly better than one more fit. None is opened unless
its bytes still have the digest that its outcome names.
"""

from __future__ import annotations

import hashlib
import shutil
import tempfile
import weakref
from pathlib import Path
from typing import TYPE_CHECKING, cast

import cloudpickle

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from pipelines.adapters import Model

HEAVIEST = 64 * 2**20
"""Bytes; what weighs more is fitted once more on all rows instead."""
ENDING = ".models"


def pack(models: Sequence[Model]) -> bytes | None:
    """Return models as bytes, or None where they cannot travel or are too heavy."""
    try:
        packed: bytes = cloudpickle.dumps(list(models))
    except Exception:  # noqa: BLE001 - a library's model may refuse in any way; it is fitted anew
        return None
    return packed if len(packed) <= HEAVIEST else None


def digest(packed: bytes) -> str:
    """Return the name of packed models.

    >>> digest(b"")[:8]
    'e3b0c442'
    """
    return hashlib.sha256(packed).hexdigest()


class Shelf:
    """A folder of packed models: a journal's, which a resumed search finds again, or its own."""

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder or Path(tempfile.mkdtemp(prefix="models-"))
        if folder is None:
            weakref.finalize(self, shutil.rmtree, self._folder, ignore_errors=True)

    def put(self, packed: bytes) -> None:
        """Lay models down."""
        self._folder.mkdir(parents=True, exist_ok=True)
        (self._folder / f"{digest(packed)}{ENDING}").write_bytes(packed)

    def models(self, name: str | None) -> list[Model] | None:
        """Return the models of that digest, or None where they are not there, or not whole."""
        if name is None:
            return None
        try:
            packed = (self._folder / f"{name}{ENDING}").read_bytes()
        except OSError:
            return None
        return cast("list[Model]", cloudpickle.loads(packed)) if digest(packed) == name else None

    def keep(self, names: Collection[str | None]) -> None:
        """Throw away what is not among these."""
        for path in self._folder.glob(f"*{ENDING}"):
            if path.stem not in names:
                path.unlink(missing_ok=True)
