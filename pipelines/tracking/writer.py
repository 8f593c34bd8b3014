"""One thread that writes, so that a search never waits for MLflow.

Jobs are done in order; one that fails is kept and tried again at the end, so it must be one that
can be done twice. When two fail in a row, MLflow is left alone for a while.
"""

from __future__ import annotations

import logging
import time
from queue import SimpleQueue
from threading import Event, Thread
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

Job: TypeAlias = "Callable[[], object]"

log = logging.getLogger(__name__)

PAUSE = 10.0
"""Seconds for which a store that fails is left alone."""
ENOUGH = 2
"""Failures in a row after which a store counts as down."""


class Writer:
    """Does what it is given in a thread of its own, and remembers what it could not do."""

    def __init__(self) -> None:
        self.left: list[Job] = []
        self.error: BaseException | None = None
        self._queue: SimpleQueue[Job | Event | None] = SimpleQueue()
        self._again_at, self._failures = 0.0, 0
        self._thread = Thread(target=self._work, name="mlflow-writer", daemon=True)
        self._thread.start()

    def put(self, job: Job) -> None:
        """Have a job done soon; never waits and never raises."""
        self._queue.put(job)

    def flush(self) -> bool:
        """Wait until all jobs are done or given up; say whether none is left."""
        if self._thread.is_alive():
            done = Event()
            self._queue.put(done)
            done.wait()
        return not self.left

    def close(self) -> None:
        """Do what is left and end the thread."""
        self.flush()
        self._queue.put(None)
        self._thread.join()

    def _work(self) -> None:
        while (job := self._queue.get()) is not None:
            if isinstance(job, Event):
                self._again_at, self._failures = 0.0, 0
                self._try_all(self.left)
                job.set()
                continue
            was_down = self._failures >= ENOUGH
            self._try_all([job], self.left)
            if was_down and not self._failures:
                self._try_all(self.left)

    def _try_all(self, jobs: list[Job], kept: Sequence[Job] = ()) -> None:
        """Do jobs; keep those that fail, and all of them while the store is down."""
        left = [job for job in jobs if not self._done(job)]
        self.left = [*kept, *left]

    def _done(self, job: Job) -> bool:
        if time.monotonic() < self._again_at:
            return False
        try:
            job()
        except Exception as error:  # noqa: BLE001 - kept, told by the tracker when it finishes
            log.debug("MLflow did not take it: %s", error)
            self.error, self._failures = error, self._failures + 1
            if self._failures >= ENOUGH:
                self._again_at = time.monotonic() + PAUSE
            return False
        self._failures = 0
        return True


def named(job: Job) -> str:
    """Return the name of a job, for a list of what is missing.

    >>> named(print)
    'print'
    """
    inner = getattr(job, "func", job)
    return str(getattr(inner, "__name__", type(inner).__name__))
