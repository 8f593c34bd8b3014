"""Where trials run. Every engine is reached through ``concurrent.futures.Executor``.

Workers hold the data: it is sent to each of them once, and a trial is a few hundred bytes. A
worker process ignores Ctrl-C (the parent decides what that means) and dies with its parent.
"""

from __future__ import annotations

import logging
import multiprocessing
import os
import signal
import sys
import threading
from concurrent.futures import (
    BrokenExecutor,
    Executor,
    Future,
    InvalidStateError,
    ProcessPoolExecutor,
)
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from multiprocessing.connection import wait as wait_for
from types import ModuleType
from typing import TYPE_CHECKING, Any

import cloudpickle
from threadpoolctl import threadpool_limits

from pipelines import trial as trials
from pipelines.errors import BadSetting, EngineDown, MissingExtra

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator

    from pipelines.trial import Outcome, Trial, Work

log = logging.getLogger(__name__)

PRELOADED = ("pipelines.trial", "pipelines.adapters.boosters", "lightgbm", "sklearn.ensemble")


class Serial(Executor):
    """Runs each task at once, in this thread: for tests and debuggers."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Run the task and return a finished future."""
        future: Future[Any] = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except Exception as error:  # noqa: BLE001 - an executor hands every error on
            future.set_exception(error)
        return future


class Processes(Executor):
    """One pool per worker process: what kills one takes no other down, and it is replaced."""

    def __init__(self, workers: int, begin: Callable[..., None], *args: Any) -> None:
        self._begin = (begin, args)
        self._context = _context()
        self._settled: dict[ProcessPoolExecutor, Future[Any]] = {}
        self._pools: list[ProcessPoolExecutor] = [self._pool() for _ in range(workers)]
        self._running: dict[Future[Any], int] = {}

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Hand the task to the least busy worker."""
        self._running = {each: slot for each, slot in self._running.items() if not each.done()}
        loads = [list(self._running.values()).count(slot) for slot in range(len(self._pools))]
        slot = loads.index(min(loads))
        with _without_main():
            try:
                future = self._pools[slot].submit(fn, *args, **kwargs)
            except BrokenExecutor:
                self._pools[slot].shutdown(wait=True)
                self._pools[slot] = self._pool()
                future = self._pools[slot].submit(fn, *args, **kwargs)
        self._running[future] = slot
        return future

    def settled(self, future: Future[Any]) -> bool:
        """Say whether the worker that has this is up, with its data."""
        return self._settled[self._pools[self._running[future]]].done()

    def kill(self, future: Future[Any]) -> None:
        """End the process that works on this, at once; the future gets a BrokenExecutor."""
        _kill(self._pools[self._running[future]])

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:  # noqa: FBT001, FBT002 - the signature is Executor's
        """Stop the workers; those still at work are killed if futures are to be cancelled."""
        for pool in self._pools:
            if cancel_futures:
                _kill(pool)
        for pool in self._pools:
            pool.shutdown(wait=wait, cancel_futures=cancel_futures)

    def _pool(self) -> ProcessPoolExecutor:
        begin, args = self._begin
        pool = ProcessPoolExecutor(1, self._context, begin, args)
        with _without_main():
            self._settled[pool] = pool.submit(_nothing)
        return pool


def _nothing() -> None:
    """What a worker does first, once it has settled in."""


def _kill(pool: ProcessPoolExecutor) -> None:
    # The pool offers no public way to end a process before Python 3.14.
    for process in list((pool._processes or {}).values()):
        process.kill()


def _context() -> Any:
    """Return a way to start processes that is safe in a program with threads."""
    if "forkserver" not in multiprocessing.get_all_start_methods():
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(list(PRELOADED))
    return context


def warm_up() -> None:
    """Start importing what workers need, in a process of its own, while the parent reads on."""
    if _context().get_start_method() == "forkserver":
        from multiprocessing import forkserver

        with _without_main():
            forkserver.ensure_running()


@contextmanager
def _without_main() -> Iterator[None]:
    """Keep new processes from importing the caller's script, which would search once more."""
    main = sys.modules["__main__"]
    sys.modules["__main__"] = ModuleType("__main__")
    try:
        yield
    finally:
        sys.modules["__main__"] = main


_work: Work | None = None
"""What this worker process was sent."""


def _begin(payload: bytes) -> None:
    """Settle a worker process in: its data, one thread, no Ctrl-C, no life without a parent."""
    global _work
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_die_with_parent, daemon=True).start()
    threadpool_limits(1)
    _work = cloudpickle.loads(payload)


def _die_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        wait_for([parent.sentinel])
        os._exit(1)


def _run_here(trial: Trial, seconds: float | None) -> Outcome:
    if _work is None:
        raise RuntimeError("This worker was sent no data.")
    return trials.run(trial, _work, seconds)


def serial() -> Serial:
    """Run in this thread."""
    return Serial()


def processes(workers: int, begin: Callable[..., None], *args: Any) -> Processes:
    """Use this machine's cores; each worker calls ``begin(*args)`` first."""
    return Processes(workers, begin, *args)


@contextmanager
def dask(address: str, workers: int) -> Iterator[Any]:
    """Use a Dask cluster: one on this machine for "dask", else the one at ``dask://host:port``.

    Raises:
        MissingExtra: Dask is not installed.
        EngineDown: There is no scheduler at that address.
    """
    try:
        import distributed
    except ModuleNotFoundError as error:
        raise MissingExtra("The Dask engine", "dask") from error
    library: Any = distributed  # it is only half typed
    place: Any = address.replace("dask://", "tcp://", 1)
    if address == "dask":
        with _without_main():
            place = library.LocalCluster(
                n_workers=workers,
                threads_per_worker=1,
                dashboard_address=None,
                silence_logs=logging.CRITICAL,
            )
    try:
        client = library.Client(place, timeout="10s")
    except OSError as error:
        raise EngineDown(address, "no scheduler answered") from error
    try:
        yield client
    finally:
        if address == "dask":
            _end(place, set(place.workers), again=False)
        client.close()
        if address == "dask":
            place.close()


def _end(cluster: Any, names: Collection[Any], *, again: bool) -> None:
    """End workers of this machine at once, whatever they do; their nannies start them anew or not.

    Asking them to end takes seconds on a busy machine, and a budget has none to spare.
    """
    for name in names:
        nanny = cluster.workers[name]
        nanny.auto_restart = again
        if nanny.pid is not None:
            with suppress(ProcessLookupError):
                os.kill(nanny.pid, signal.SIGTERM if os.name == "nt" else signal.SIGKILL)


class _There:
    """A cluster whose workers hold the work; it is sent anew where all that held it are gone."""

    def __init__(self, client: Any, work: Work, *, ours: bool) -> None:
        self._client, self._work, self._ours = client, work, ours
        self._held = client.scatter(work, broadcast=True)
        self._asked: dict[Future[Outcome], Any] = {}

    def ask(self, trial: Trial, seconds: float | None) -> Future[Outcome]:
        """Have a worker run a trial."""
        if self._held.status in {"lost", "cancelled", "error"}:
            self._held = self._client.scatter(self._work, broadcast=True)
        theirs = self._client.submit(trials.run, trial, self._held, seconds, pure=False)
        ours: Future[Outcome] = Future()
        self._asked = {mine: each for mine, each in self._asked.items() if not mine.done()}
        self._asked[ours] = theirs
        theirs.add_done_callback(lambda done: _settle(ours, done))
        return ours

    def kill(self, future: Future[Outcome]) -> None:
        """Give a trial up; a worker of ours is started anew, that of somebody else is left."""
        theirs = self._asked[future]
        busy = [name for name, keys in self._client.processing().items() if theirs.key in keys]
        with suppress(InvalidStateError):
            future.set_exception(BrokenExecutor("given up"))
        theirs.cancel(force=True)
        if self._ours:
            cluster = self._client.cluster
            known = cluster.workers.items()
            stuck = [name for name, nanny in known if nanny.worker_address in busy]
            _end(cluster, stuck, again=True)


def _settle(ours: Future[Outcome], theirs: Any) -> None:
    """Hand on what a worker answered, unless it was given up."""
    try:
        answer = theirs.result()
    except BaseException as error:  # noqa: BLE001 - a future hands every error on
        with suppress(InvalidStateError):
            ours.set_exception(error)
        return
    with suppress(InvalidStateError):
        ours.set_result(answer)


@dataclass(frozen=True, slots=True)
class Crew:
    """Workers that hold the work: ask them a trial, get a future outcome."""

    size: int
    ask: Callable[[Trial, float | None], Future[Outcome]]
    kill: Callable[[Future[Outcome]], None] | None = None
    """Ends what a future works on, where the engine can."""
    settled: Callable[[Future[Outcome]], bool] = lambda _: True
    """Whether the worker that has a trial is up: before that, no time counts against it."""


@contextmanager
def crew(engine: str, workers: int, work: Work) -> Iterator[Crew]:
    """Open an engine (serial, processes, dask, dask://host:port) and send it the work once.

    Raises:
        BadSetting: No engine has that name.
        MissingExtra: Dask is not installed.
        EngineDown: There is no Dask scheduler at that address.
    """
    if engine == "serial":
        here = serial()
        yield Crew(1, lambda trial, seconds: here.submit(trials.run, trial, work, seconds))
    elif engine == "processes":
        pool = processes(workers, _begin, cloudpickle.dumps(work))
        try:
            ask = partial(pool.submit, _run_here)
            yield Crew(workers, ask, pool.kill, pool.settled)
        finally:
            pool.shutdown(cancel_futures=True)
    elif engine == "dask" or engine.startswith("dask://"):
        with dask(engine, workers) as client:
            there = _There(client, work, ours=engine == "dask")
            size = max(1, len(client.scheduler_info()["workers"]))
            yield Crew(size, there.ask, there.kill)
    else:
        raise BadSetting("engine", engine, "Choose processes, serial, dask or dask://host:port.")
