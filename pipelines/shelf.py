"""Fitted models of folds wait here until it is known who wins.

They were fitted anyway, and their mean is mostly better than one more fit. None is opened unless
its bytes still have the digest that its outcome names.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
import weakref
from contextlib import suppress
from pathlib import Path
from typing import IO, TYPE_CHECKING, cast

import cloudpickle

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from pipelines.adapters import Model

HEAVIEST = 64 * 2**20
"""Bytes; what weighs more is fitted once more on all rows instead."""
ENDING, NEW, PART = ".models", ".new", ".part"
"""Models that wait; those that nobody has taken over yet; those that are still being written."""


def pack(models: Sequence[Model]) -> bytes | None:
    """Return models as bytes, or None where they cannot travel or are too heavy."""
    try:
        packed: bytes = cloudpickle.dumps(list(models))
    except Exception:  # noqa: BLE001 - a library's model may refuse in any way; it is fitted anew
        return None
    return packed if len(packed) <= HEAVIEST else None


def lay(models: Sequence[Model], folder: Path) -> str | None:
    """Write models to a folder, for a shelf to take over; return their digest, or None as above.

    They are written bit by bit: packed in memory, they would be there twice.
    """
    folder.mkdir(parents=True, exist_ok=True)
    number, name = tempfile.mkstemp(suffix=PART, dir=folder)
    try:
        with os.fdopen(number, "wb") as file:
            scale = _Scale(file)
            cloudpickle.dump(list(models), scale)
        Path(name).rename(folder / f"{scale.digest}{NEW}")
    except Exception:  # noqa: BLE001 - a library's model may refuse in any way; it is fitted anew
        Path(name).unlink(missing_ok=True)
        return None
    return scale.digest


class _Scale:
    """A file that weighs and digests what is written to it."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file, self._weight, self._sum = file, 0, hashlib.sha256()

    @property
    def digest(self) -> str:
        return self._sum.hexdigest()

    def write(self, piece: bytes) -> int:
        self._weight += memoryview(piece).nbytes
        if self._weight > HEAVIEST:
            raise OverflowError("too heavy to be kept")
        self._sum.update(piece)
        return self._file.write(piece)


def digest(packed: bytes) -> str:
    """Return the name of packed models.

    >>> digest(b"")[:8]
    'e3b0c442'
    """
    return hashlib.sha256(packed).hexdigest()


class Shelf:
    """A folder of packed models: a journal's, which a resumed search finds again, or its own."""

    def __init__(self, folder: Path | None = None) -> None:
        self.folder = folder or Path(tempfile.mkdtemp(prefix="models-"))
        if folder is None:
            weakref.finalize(self, shutil.rmtree, self.folder, ignore_errors=True)

    def put(self, packed: bytes) -> None:
        """Lay models down."""
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / f"{digest(packed)}{ENDING}").write_bytes(packed)

    def take(self, name: str) -> None:
        """Take over what a worker wrote."""
        with suppress(OSError):  # then they are not there, and are fitted anew
            (self.folder / f"{name}{NEW}").rename(self.folder / f"{name}{ENDING}")

    def sweep(self) -> None:
        """Throw away what was written and never taken over: of trials that were given up."""
        for ending in (NEW, PART):
            for path in self.folder.glob(f"*{ending}"):
                path.unlink(missing_ok=True)

    def models(self, name: str | None) -> list[Model] | None:
        """Return the models of that digest, or None where they are not there, or not whole."""
        if name is None:
            return None
        try:
            packed = (self.folder / f"{name}{ENDING}").read_bytes()
        except OSError:
            return None
        return cast("list[Model]", cloudpickle.loads(packed)) if digest(packed) == name else None

    def keep(self, names: Collection[str | None]) -> None:
        """Throw away what is not among these."""
        for path in self.folder.glob(f"*{ENDING}"):
            if path.stem not in names:
                path.unlink(missing_ok=True)
