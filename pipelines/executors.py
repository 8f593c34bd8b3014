"""Where trials run. Every engine is reached through ``concurrent.futures.Executor``.

Workers hold the data: it is sent to each of them once, and a trial is a few hundred bytes. A
worker process ignores Ctrl-C (the parent decides what that means) and dies with its parent.
"""

from __future__ import annotations

import importlib.util
import logging
import math
import multiprocessing
import os
import signal
import threading
from concurrent.futures import BrokenExecutor, Executor, Future, InvalidStateError
from concurrent.futures import TimeoutError as FutureTimeout
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from multiprocessing.connection import wait as wait_for
from typing import TYPE_CHECKING, Any

import cloudpickle
from threadpoolctl import threadpool_limits

from pipelines import memory, processes
from pipelines import trial as trials
from pipelines.errors import BadSetting, EngineDown, MissingExtra

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator

    from pipelines.trial import Outcome, Trial, Work

log = logging.getLogger(__name__)

PATIENCE = 10.0
"""Seconds in which a scheduler must answer."""


LATE = "opening an engine"
"""The thread that does so, which may come too late."""


class TooLate(Exception):
    """An engine was not open in time."""


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


_work: Work | None = None
"""What this worker process was sent."""


class _Parcel:
    """Work on its way to a worker, packed when it is sent: packed ahead, it would be there twice.

    A worker that is forked from a copy of this process, made with the work there, has it already.
    """

    def __init__(self, work: Work | None) -> None:
        self._work = work

    def __reduce__(self) -> tuple[Callable[[bytes], Any], tuple[bytes]]:
        return cloudpickle.loads, (cloudpickle.dumps(self._work),)


@contextmanager
def _handed_on(work: Work) -> Iterator[_Parcel]:
    """Leave the work where workers find it; where they don't, the parcel has it."""
    global _work
    _work = work
    try:
        yield _Parcel(None if processes.renew() else work)
    finally:
        _work = None
        processes.let_go()


def _begin(work: Work | None) -> None:
    """Settle a worker process in: its data, one thread, no Ctrl-C, no life without a parent."""
    global _work
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_die_with_parent, daemon=True).start()
    threadpool_limits(1)
    _work = work or _work


def _die_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        wait_for([parent.sentinel])
        os._exit(1)


def _run_here(trial: Trial, seconds: float | None) -> Outcome:
    if _work is None:
        raise RuntimeError("This worker was sent no data.")
    try:
        return trials.run(trial, _work, seconds)
    finally:
        memory.give_back()


def serial() -> Serial:
    """Run in this thread."""
    return Serial()


@contextmanager
def dask(address: str, workers: int, seconds: float = math.inf) -> Iterator[Any]:
    """Use a Dask cluster: one on this machine for "dask", else the one at ``dask://host:port``.

    Raises:
        MissingExtra: Dask is not installed.
        EngineDown: There is no scheduler at that address.
        TooLate: It is not open after so many seconds; it is closed as soon as it is.
    """
    if not importlib.util.find_spec("distributed"):
        raise MissingExtra("The Dask engine", "dask")
    client = _in_time(lambda: _client(address, workers, seconds), _close, seconds)
    try:
        yield client
    finally:
        _close(client)


def _client(address: str, workers: int, seconds: float) -> Any:
    """Open a cluster here, or find the one there."""
    import distributed

    library: Any = distributed  # it is only half typed
    place: Any = address.replace("dask://", "tcp://", 1)
    if address == "dask":

        class Nanny(library.Nanny):  # type: ignore[misc] # Dask is only half typed
            """Starts a worker, and another where that was killed, without the caller's script."""

            async def instantiate(self) -> Any:
                with processes.without_main():
                    return await super().instantiate()

        place = library.LocalCluster(
            n_workers=workers,
            threads_per_worker=1,
            dashboard_address=None,
            silence_logs=logging.CRITICAL,
            worker_class=Nanny,
        )
    try:
        return library.Client(place, timeout=max(1.0, min(PATIENCE, seconds)))
    except OSError as error:
        raise EngineDown(address, "no scheduler answered") from error


def _close(client: Any) -> None:
    """Close a client, and the cluster where it is ours."""
    cluster = client.cluster
    if cluster is not None:
        _end(cluster, set(cluster.workers), again=False)
    client.close()
    if cluster is not None:
        cluster.close()


def _in_time(make: Callable[[], Any], close: Callable[[Any], None], seconds: float) -> Any:
    """Return what ``make`` makes, if that takes no longer; what comes later is closed.

    Raises:
        TooLate: The seconds are over.
    """
    made: Future[Any] = Future()

    def run() -> None:
        try:
            made.set_result(make())
        except BaseException as error:  # noqa: BLE001 - whoever waits is told, come what may
            made.set_exception(error)

    threading.Thread(target=run, daemon=True, name=LATE).start()
    try:
        return made.result(None if seconds == math.inf else max(0.0, seconds))
    except FutureTimeout:
        if made.done():  # what was made ran into a timeout of its own
            raise
        made.add_done_callback(lambda late: None if late.exception() else close(late.result()))
        log.warning("The engine was not open in time: %.3g s.", seconds)
        raise TooLate from None


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


def _nobody(trial: Trial, seconds: float | None) -> Future[Outcome]:
    raise RuntimeError(f"Nobody is there to run trial {trial.number} for {seconds} s.")


_NOBODY = Crew(0, _nobody)


def _dask_crew(client: Any, work: Work, *, ours: bool) -> Crew:
    there = _There(client, work, ours=ours)
    return Crew(max(1, len(client.scheduler_info()["workers"])), there.ask, there.kill)


@contextmanager
def crew(engine: str, workers: int, work: Work, seconds: float = math.inf) -> Iterator[Crew]:
    """Open an engine (serial, processes, dask, dask://host:port) and send it the work once.

    One that is not open after so many seconds has nobody in its crew.

    Raises:
        BadSetting: No engine has that name.
        MissingExtra: Dask is not installed.
        EngineDown: There is no Dask scheduler at that address.
    """
    if engine == "serial":
        here = serial()
        yield Crew(1, lambda trial, seconds: here.submit(trials.run, trial, work, seconds))
    elif engine == "processes":
        with _handed_on(work) as parcel:
            pool = processes.Processes(workers, _begin, parcel)
            try:
                ask = partial(pool.submit, _run_here)
                yield Crew(workers, ask, pool.kill, pool.settled)
            finally:
                pool.shutdown(cancel_futures=True)
    elif engine == "dask" or engine.startswith("dask://"):
        with ExitStack() as stack:
            try:
                client = stack.enter_context(dask(engine, workers, seconds))
            except TooLate:
                client = None
            yield _NOBODY if client is None else _dask_crew(client, work, ours=engine == "dask")
    else:
        raise BadSetting("engine", engine, "Choose processes, serial, dask or dask://host:port.")
