"""Files are written whole or not at all."""

from __future__ import annotations

import shutil
from contextlib import contextmanager
from typing import TYPE_CHECKING
from uuid import uuid4

from mlops.errors import UnwritableFolder

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


def write_whole(path: Path, write: Callable[[Path], object]) -> None:
    """Let ``write`` fill a file beside ``path``, then put it in its place.

    Raises:
        UnwritableFolder: The folder cannot be written; nothing half-written stays behind.
    """
    part = path.with_name(f".{path.name}.{uuid4().hex[:8]}{path.suffix}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write(part)
        part.replace(path)
    except OSError as error:
        raise UnwritableFolder(path.parent, error.strerror or str(error)) from error
    finally:
        part.unlink(missing_ok=True)


@contextmanager
def scratch(home: Path) -> Iterator[Path]:
    """Give a folder that is gone afterwards.

    Raises:
        UnwritableFolder: It cannot be made.
    """
    folder = home / "scratch" / uuid4().hex[:12]
    try:
        folder.mkdir(parents=True)
    except OSError as error:
        raise UnwritableFolder(home, error.strerror or str(error)) from error
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def check_writable(folder: Path) -> None:
    """Do nothing if files can be made there: asked before a long search, not after it.

    Raises:
        UnwritableFolder: They cannot.
    """
    probe = folder / f".probe-{uuid4().hex[:8]}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise UnwritableFolder(folder, error.strerror or str(error)) from error
