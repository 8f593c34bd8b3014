"""The process that workers are forked from: a copy of this one, where copying is safe.

A copy shares its pages with the original, so that what is imported here is neither imported nor
held twice. A process with threads of its own is not copied: one of them could hold a lock that
nobody in the copy would ever give back. There, the standard library's server imports everything
anew, in a process of its own.

The younger the copy, the more it shares: the table too, where it is made when that is there.
"""

from __future__ import annotations

import atexit
import gc
import importlib
import os
import signal
import socket
import sys
import threading
import warnings
from contextlib import suppress
from multiprocessing import forkserver, resource_tracker, util
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipelines import memory

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

REMEMBERED = ("_forkserver_address", "_forkserver_alive_fd", "_forkserver_pid", "_lock")
"""How the standard library remembers its server; a library that does otherwise is left alone."""
RUNTIMES = ("jax", "tensorflow")
"""Libraries that work in threads of their own, which Python does not count."""
STANDARD = frozenset({0, 1, 2})


_ours: dict[int, bool] = {}
"""The processes that were copied here and not ended, and whether our objects are frozen for it."""


def copy(modules: Sequence[str]) -> bool:
    """Have workers forked from a copy of this process, with these modules; say whether they are.

    They are not where a server runs already, and where a copy would not be safe.
    """
    server = _known()
    if server is None or server._forkserver_pid is not None or not alone():
        return False
    for name in modules:
        with suppress(ImportError):
            importlib.import_module(name)
    if not alone():  # an import began a thread
        return False
    with server._lock:
        resource_tracker.ensure_running()
        memory.give_back()
        freezes = gc.get_freeze_count() == 0
        if freezes:
            gc.freeze()  # a collection here would write to every page that is shared
        _ours[_fork(server)] = freezes
    return True


def renew(modules: Sequence[str]) -> bool:
    """Put a copy of this process as it is by now in the place of an older one, where safe."""
    end()
    return copy(modules)


def end() -> None:
    """End the copy, where another could be made as soon as one is needed."""
    if alone():
        _end()


def _end() -> None:
    server = _known()
    if server is None or server._forkserver_pid not in _ours:
        return
    with server._lock:
        pid, address = server._forkserver_pid, server._forkserver_address
        server._forkserver_pid = server._forkserver_address = None
        with suppress(OSError):  # somebody else may have seen it end
            os.close(server._forkserver_alive_fd)
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
        server._forkserver_alive_fd = None
        Path(address).unlink(missing_ok=True)
    atexit.unregister(_at_exit)
    if _ours.pop(pid):
        gc.unfreeze()


def _known() -> Any:
    """Return the standard library's memory of its server, where it is as we know it."""
    server: Any = getattr(forkserver, "_forkserver", None)
    return server if all(hasattr(server, name) for name in REMEMBERED) else None


def alone() -> bool:
    """Say whether this process may be copied: on Linux, where nobody else is at work in it.

    Idle threads of OpenMP and BLAS do no harm: a worker computes in one thread and asks for none.
    """
    here = threading.current_thread() is threading.main_thread()
    busy = threading.active_count() > 1 or any(name in sys.modules for name in RUNTIMES)
    return sys.platform == "linux" and here and not busy and not _on_a_gpu()


def _on_a_gpu() -> bool:
    """Say whether PyTorch holds a GPU: its handle is of no use in a copy."""
    torch = sys.modules.get("torch")
    return torch is not None and bool(torch.cuda.is_initialized())


def _fork(server: Any) -> int:
    address = str(Path(util.get_temp_dir()) / f"workers-{os.getpid()}")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(address)
        Path(address).chmod(0o600)
        listener.listen()
        alive, ours = os.pipe()
        for stream in (sys.stdout, sys.stderr):  # or the copy would say it again
            with suppress(AttributeError, OSError, ValueError):
                stream.flush()
        with warnings.catch_warnings():
            # Python minds the idle threads of libraries too: NumPy's end before a fork.
            warnings.simplefilter("ignore", DeprecationWarning)
            pid = os.fork()
        if pid == 0:
            _serve(listener.fileno(), alive)
        os.close(alive)
    server._forkserver_address = address
    server._forkserver_alive_fd, server._forkserver_pid = ours, pid
    atexit.register(_at_exit, os.getpid())
    return pid


def _at_exit(pid: int) -> None:
    """End the copy first: this process writes to all its pages when it takes itself apart."""
    if os.getpid() == pid:
        _end()


def _serve(listener: int, alive: int) -> None:
    """Be the server until nobody is left who could ask; never return."""
    try:
        for number in (signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_DFL)
        _let_go({*STANDARD, listener, alive})
        warnings.simplefilter("ignore")  # as errors, or printed, they are of no use to a worker
        gc.freeze()
        forkserver.main(listener, alive, [])
    finally:
        os._exit(0)


def _let_go(kept: Collection[int]) -> None:
    """Put nothing in the place of every open file: its number must not come to mean another."""
    nothing = os.open(os.devnull, os.O_RDWR)
    for number in [int(each.name) for each in Path("/proc/self/fd").iterdir()]:
        if number not in {*kept, nothing}:
            with suppress(OSError):
                os.dup2(nothing, number, inheritable=False)
    os.close(nothing)
