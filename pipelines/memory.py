"""How much memory a trial may take. What wants more gets an error, and its worker lives on.

On Linux the system itself refuses (``RLIMIT_DATA``), whatever library asks. Elsewhere there is no
limit; a process that the system ends is an outcome all the same.
"""

from __future__ import annotations

import ctypes
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

SHARE = 0.9
"""How much of the memory that is free the workers may take together."""
LEAST = 256 * 2**20
STATUS, FREE = Path("/proc/self/status"), Path("/proc/meminfo")
GROUP = Path("/sys/fs/cgroup")


def usual(workers: int) -> int | None:
    """Return the bytes that each of so many workers may take, or None where nobody can say."""
    free = _free()
    return None if free is None else max(LEAST, int(SHARE * free / workers))


@contextmanager
def limited(most: int | None) -> Iterator[None]:
    """Let this process take no more than so many bytes beyond what it has."""
    held = _lines(STATUS).get("VmData") if most is not None else None
    if most is None or held is None:
        yield
        return
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_DATA)
    wanted = held + most
    known = [each for each in (soft, hard) if each != resource.RLIM_INFINITY]
    resource.setrlimit(resource.RLIMIT_DATA, (min([wanted, *known]), hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_DATA, (soft, hard))


def give_back() -> None:
    """Give the system back what a trial no longer holds; libraries would keep it for the next."""
    with suppress(AttributeError, OSError):  # only Linux's usual library offers it
        ctypes.CDLL(None).malloc_trim(0)


def held() -> int:
    """Return the bytes that this process has of its own or from before it was forked, 0 elsewhere.

    What is read from files, such as libraries, does not count.
    """
    return _lines(STATUS).get("RssAnon", 0)


def ran_out(error: BaseException) -> bool:
    """Say whether an error means that there was no more memory.

    >>> ran_out(MemoryError()), ran_out(ValueError("std::bad_alloc")), ran_out(ValueError("no"))
    (True, True, False)
    """
    told = str(error).lower()
    return isinstance(error, MemoryError) or "bad_alloc" in told or "bad allocation" in told


def told(most: int) -> str:
    """Say that a trial wanted more than it may have.

    >>> told(512 * 2**20)
    'it needed more memory than the 512 MB a trial may take'
    """
    return f"it needed more memory than the {most / 2**20:.0f} MB a trial may take"


def _free() -> int | None:
    """Return the bytes that are free here: of the machine, and of the group this process is in."""
    found = [_lines(FREE).get("MemAvailable")]
    try:
        most = (GROUP / "memory.max").read_text().strip()
        if most.isdigit():
            found.append(int(most) - int((GROUP / "memory.current").read_text()))
    except (OSError, ValueError):
        pass
    return min((each for each in found if each is not None), default=None)


def _lines(path: Path) -> dict[str, int]:
    """Return what Linux tells in kB, as bytes; nothing elsewhere."""
    try:
        parts = [line.split() for line in path.read_text().splitlines()]
    except OSError:
        return {}
    return {each[0].rstrip(":"): 1024 * int(each[1]) for each in parts if each[-1:] == ["kB"]}
