"""Fitted models of folds wait here until it is known who wins.

They were fitted anyway, and their mean is mostly better than one more fit. None is opened unless
its bytes still have the digest that its outcome names.
"""

from __future__ import annotations

import hashlib
import io
import os
import shutil
import tempfile
import weakref
from contextlib import suppress
from pathlib import Path
from typing import IO, TYPE_CHECKING, Self, cast

import cloudpickle

if TYPE_CHECKING:
    from collections.abc import Collection

    from pipelines.adapters import Model

HEAVIEST = 64 * 2**20
"""Bytes; what weighs more is fitted once more on all rows instead."""
ENDING, NEW, PART = ".models", ".new", ".part"
"""Models that wait; those that nobody has taken over yet; those that are still being written."""


class Bag:
    """The models of a trial's folds on their way to a shelf: what was put in need not be held.

    They go to a file in the folder, for a shelf to take over, or stay packed where there is none,
    to travel. A bag that is not closed is thrown away.
    """

    def __init__(self, folder: Path | None) -> None:
        self._folder, self._whole = folder, True
        self._file: IO[bytes] | None = None
        self._weight, self._sum = 0, hashlib.sha256()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._drop()

    def put(self, model: Model) -> None:
        """Write a model down as it is; without it, or too heavy with it, the bag is of no use."""
        if not self._whole:
            return
        try:
            self._file = self._file or self._open()
            cloudpickle.dump(model, self)
        except Exception:  # noqa: BLE001 - a library's model may refuse in any way; it is fitted anew
            self._drop()

    def write(self, piece: bytes) -> int:
        """Take a piece of what is packed: a whole model would be there twice.

        Raises:
            OverflowError: It is too heavy to be kept.
        """
        self._weight += memoryview(piece).nbytes
        if self._file is None or self._weight > HEAVIEST:
            raise OverflowError("too heavy to be kept")
        self._sum.update(piece)
        return self._file.write(piece)

    def close(self) -> tuple[str | None, bytes | None]:
        """Return the models' digest, if they are kept, and their bytes where they travel."""
        if self._file is None:
            return None, None
        name, file = self._sum.hexdigest(), self._file
        self._file, self._whole = None, False
        if isinstance(file, io.BytesIO):
            return name, file.getvalue()
        file.close()
        written = Path(file.name)
        written.rename(written.with_name(f"{name}{NEW}"))
        return name, None

    def _open(self) -> IO[bytes]:
        if self._folder is None:
            return io.BytesIO()
        self._folder.mkdir(parents=True, exist_ok=True)
        number, name = tempfile.mkstemp(suffix=PART, dir=self._folder)
        os.close(number)
        return Path(name).open("wb")

    def _drop(self) -> None:
        file, self._file, self._whole = self._file, None, False
        if file is not None:
            file.close()
        if file is not None and not isinstance(file, io.BytesIO):
            Path(file.name).unlink(missing_ok=True)


def unpacked(packed: bytes) -> list[Model]:
    """Return models that were packed one by one, or all at once as in journals of before."""
    file, found = io.BytesIO(packed), cast("list[Model]", [])
    while file.tell() < len(packed):
        each = cloudpickle.load(file)
        found += each if isinstance(each, list) else [each]
    return found


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
        return unpacked(packed) if digest(packed) == name else None

    def keep(self, names: Collection[str | None]) -> None:
        """Throw away what is not among these."""
        for path in self.folder.glob(f"*{ENDING}"):
            if path.stem not in names:
                path.unlink(missing_ok=True)
