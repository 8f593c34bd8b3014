"""Where trials run. Every engine is reached through ``concurrent.futures.Executor``.

Workers hold the data: it is sent to each of them once, and a trial is a few hundred bytes. A
worker process ignores Ctrl-C (the parent decides what that means) and dies with its parent.
"""

from __future__ import annotations

import logging
import multiprocessing
import os
import signal
import threading
from concurrent.futures import Executor, Future
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.connection import wait as wait_for
from typing import TYPE_CHECKING, Any

import cloudpickle
from threadpoolctl import threadpool_limits

from pipelines import trial as trials
from pipelines.errors import BadSetting, EngineDown, MissingExtra
from pipelines.processes import Processes, without_main

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pipelines.trial import Outcome, Trial, Work

log = logging.getLogger(__name__)

KILLED_AFTER = 0.3
"""Seconds that a Dask worker of ours has to end by itself."""


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
        with without_main():
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
        client.close()
        if address == "dask":
            _close(place)


def _close(cluster: Any) -> None:
    """Close a cluster of this machine; whoever is still at work there is not waited for."""
    for nanny in cluster.workers.values():
        nanny.auto_restart = False
        cluster.sync(nanny.kill, timeout=KILLED_AFTER)
    cluster.close()


class _Held:
    """The work, held by a cluster's workers; sent anew where all that held it are gone."""

    def __init__(self, client: Any, work: Work) -> None:
        self._client, self._work = client, work
        self._future = client.scatter(work, broadcast=True)

    @property
    def there(self) -> Any:
        """What stands for the work in a task."""
        if self._future.status in {"lost", "cancelled", "error"}:
            self._future = self._client.scatter(self._work, broadcast=True)
        return self._future


@dataclass(frozen=True, slots=True)
class Crew:
    """Workers that hold the work: ask them a trial, get a future outcome."""

    size: int
    ask: Callable[[Trial, float | None], Future[Outcome]]
    kill: Callable[[Future[Outcome]], None] | None = None
    """Ends what a future works on, where the engine can."""


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
        pool = Processes(workers, _begin, cloudpickle.dumps(work))
        try:
            yield Crew(workers, lambda *ask: pool.submit(_run_here, *ask), pool.kill)
        finally:
            pool.shutdown(cancel_futures=True)
    elif engine == "dask" or engine.startswith("dask://"):
        with dask(engine, workers) as client:
            held = _Held(client, work)
            executor = client.get_executor(pure=False)
            yield Crew(
                max(1, len(client.scheduler_info()["workers"])),
                lambda trial, seconds: executor.submit(trials.run, trial, held.there, seconds),
            )
    else:
        raise BadSetting("engine", engine, "Choose processes, serial, dask or dask://host:port.")
