"""Worker processes, each at the end of a wire of its own.

A wire is broken by the death of the worker at its other end, wherever that was in its work: even
half way through an answer. So whoever waits for it hears of it at once, no other worker is
touched, and the next task finds a new process. (The standard library's pool holds the workers' end
of its wire open, and waits for ever for the second half of an answer.)
"""

from __future__ import annotations

import gc
import multiprocessing
import sys
import threading
from concurrent.futures import BrokenExecutor, Executor, Future
from contextlib import contextmanager, suppress
from queue import SimpleQueue
from types import ModuleType
from typing import TYPE_CHECKING, Any, TypeAlias

from pipelines import ancestor, memory

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from multiprocessing.connection import Connection

Task: TypeAlias = "tuple[Future[Any], tuple[Any, ...]]"

PRELOADED = ("pipelines.trial", "pipelines.adapters.boosters", "lightgbm", "sklearn.ensemble")
PATIENCE = 5.0
"""Seconds that an idle worker has to end by itself."""
MOST_GROWN = 24 * 2**20
"""Bytes; a worker that a task leaves larger by more makes room for a new one."""


class Processes(Executor):
    """So many worker processes: what ends one takes no other down, and it is replaced.

    Libraries keep what they once took, and a worker in pieces takes ever more; a new one costs
    less than a tenth of a second. What workers begin with goes through their wires, and is not
    kept at either end.
    """

    def __init__(self, workers: int, begin: Callable[..., None], *args: Any) -> None:
        self._workers = [_Worker(begin, args) for _ in range(workers)]
        self._running: dict[Future[Any], _Worker] = {}

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Hand the task to the least busy worker."""
        self._running = {each: at for each, at in self._running.items() if not each.done()}
        busy = list(self._running.values())
        worker = min(self._workers, key=busy.count)
        future = worker.give((fn, args, kwargs))
        self._running[future] = worker
        return future

    def kill(self, future: Future[Any]) -> None:
        """End the process that works on this, at once; the future gets a BrokenExecutor."""
        self._running[future].kill()

    def pid(self, future: Future[Any]) -> int | None:
        """Return the process that works on this, or None when none does."""
        worker = self._running.get(future)
        return None if worker is None or future.done() else worker.pid

    def settled(self, future: Future[Any]) -> bool:
        """Say whether the worker that has this is up, with its data."""
        return self._running[future].settled

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:  # noqa: FBT001, FBT002 - the signature is Executor's
        """Stop the workers; those still at work are killed if futures are to be cancelled."""
        for worker in self._workers:
            worker.stop(now=cancel_futures)
        for worker in self._workers if wait else ():
            worker.join()


class _Worker:
    """A process, the wire to it, and the thread that waits at this end."""

    def __init__(self, begin: Callable[..., None], args: tuple[Any, ...]) -> None:
        self._begin, self._args = begin, args
        self._tasks: SimpleQueue[Task | None] = SimpleQueue()
        self._stopped, self._lock = False, threading.Lock()
        self._start()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process.is_alive() else None

    def give(self, task: tuple[Any, ...]) -> Future[Any]:
        future: Future[Any] = Future()
        self._tasks.put((future, task))
        return future

    def kill(self) -> None:
        with self._lock:
            self._process.kill()

    def stop(self, *, now: bool) -> None:
        with self._lock:
            self._stopped = self._stopped or now
        self._tasks.put(None)
        if now:
            self.kill()

    def join(self) -> None:
        self._thread.join()

    def _start(self) -> None:
        here, there = multiprocessing.Pipe()
        self._wire: Connection[Any, Any] = here
        self.settled = self._grown = False
        self._process = context().Process(target=_work, args=(there, self._begin), daemon=True)
        with without_main():
            self._process.start()
        there.close()  # or the death of the process would not break the wire
        with suppress(OSError):  # it has died; whoever gives it a task is told
            here.send(self._args)

    def _serve(self) -> None:
        while (given := self._tasks.get()) is not None:
            future, task = given
            if self._stopped or not future.set_running_or_notify_cancel():
                future.cancel()
                continue
            try:
                self._answer(future, task)
            except BaseException as error:  # noqa: BLE001 - whoever waits is told, come what may
                future.set_exception(error)
        self._end()

    def _answer(self, future: Future[Any], task: tuple[Any, ...]) -> None:
        if self._grown or not self._process.is_alive():
            self._replace()
        try:
            if not self.settled:
                self._wire.recv()
                self.settled = True
            self._wire.send(task)
            good, told, self._grown = self._wire.recv()
        except (EOFError, OSError):
            self._process.join(PATIENCE)
            code = self._process.exitcode
            raise BrokenExecutor(f"The worker process ended with code {code}.") from None
        if good:
            future.set_result(told)
        else:
            future.set_exception(told)

    def _replace(self) -> None:
        with self._lock:  # so that who stops the worker ends the process that is there by then
            if self._stopped:
                raise BrokenExecutor("The workers were stopped.")
            self._wire.close()
            self._process.kill()
            self._process.join(PATIENCE)
            self._start()

    def _end(self) -> None:
        self._wire.close()  # an idle worker goes home when its wire is cut
        self._process.join(PATIENCE)
        if self._process.is_alive():
            self._process.kill()
            self._process.join()


def _work(wire: Connection[Any, Any], begin: Callable[..., None]) -> None:
    """Live as a worker: settle in, then answer task by task until the wire is cut."""
    gc.freeze()  # a collection would write to every object that is shared with other workers
    with suppress(EOFError, OSError):
        begin(*wire.recv())
        small = memory.held()
        wire.send(None)  # it has settled in
        while True:
            good, told = _told(*wire.recv())
            grown = memory.held() - small > MOST_GROWN
            try:
                wire.send((good, told, grown))
            except (BrokenPipeError, ConnectionError):
                raise
            except Exception as error:  # noqa: BLE001 - an answer that cannot travel
                reason = f"{type(error).__name__}: {error}"
                wire.send((False, RuntimeError(f"the answer cannot be sent: {reason}"), grown))


def _told(fn: Callable[..., Any], given: tuple[Any, ...], named: dict[str, Any]) -> Any:
    """Return whether a task went well, and its answer or its error."""
    try:
        return True, fn(*given, **named)
    except Exception as error:  # noqa: BLE001 - it is handed to whoever asked
        return False, error


def context() -> Any:
    """Return a way to start processes that is safe in a program with threads."""
    if "forkserver" not in multiprocessing.get_all_start_methods():
        return multiprocessing.get_context("spawn")
    ways = multiprocessing.get_context("forkserver")
    ways.set_forkserver_preload(list(PRELOADED))
    return ways


def warm_up() -> None:
    """Get the process that workers are forked from: a copy of this one, or one that imports anew.

    The earlier it is asked for, the fewer threads there are that would forbid a copy.
    """
    if context().get_start_method() == "forkserver":
        from multiprocessing import forkserver

        with without_main():
            if not ancestor.copy(PRELOADED):
                forkserver.ensure_running()


def renew() -> bool:
    """Have workers forked from a copy of this process as it is by now; say whether they are."""
    with without_main():
        return context().get_start_method() == "forkserver" and ancestor.renew(PRELOADED)


def let_go() -> None:
    """End the process that workers are forked from, where another one is as easily had."""
    ancestor.end()


class _Hidden:
    """The caller's script, while somebody hides it, and how many do."""

    def __init__(self) -> None:
        self._lock, self._many = threading.Lock(), 0
        self._main: ModuleType | None = None

    def hide(self) -> None:
        with self._lock:
            if self._many == 0:
                self._main = sys.modules["__main__"]
                sys.modules["__main__"] = ModuleType("__main__")
            self._many += 1

    def show(self) -> None:
        with self._lock:
            self._many -= 1
            if self._many == 0 and self._main is not None:
                sys.modules["__main__"] = self._main


_hidden = _Hidden()


@contextmanager
def without_main() -> Iterator[None]:
    """Keep new processes from importing the caller's script, which would search once more."""
    _hidden.hide()
    try:
        yield
    finally:
        _hidden.show()
