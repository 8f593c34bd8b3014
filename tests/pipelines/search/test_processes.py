"""Worker processes: whoever waits for one hears of its end, wherever that came."""

from __future__ import annotations

import os
import sys
import threading
import time
from concurrent.futures import BrokenExecutor

import numpy as np
import pytest

from pipelines.processes import MOST_GROWN, Processes, without_main


def nothing():
    """Begin with nothing."""


def squared(number):
    return number * number


def fails():
    raise ValueError("no")


def much():
    return np.zeros(2_000_000)


def secret():
    return threading.Lock()


grown = []


def grow(size):
    grown.append(bytearray(b"1") * size)
    return os.getpid()


def gone():
    os._exit(7)


def slow():
    time.sleep(600)


@pytest.fixture
def crew():
    pool = Processes(2, nothing)
    yield pool
    pool.shutdown(cancel_futures=True)


def test_tasks_are_shared_out_and_answered(crew):
    asked = [crew.submit(squared, number) for number in range(5)]
    assert [each.result(240) for each in asked] == [0, 1, 4, 9, 16]


def test_an_error_comes_back_and_the_worker_stays(crew):
    with pytest.raises(ValueError, match="no"):
        crew.submit(fails).result(240)
    assert crew.submit(squared, 3).result(240) == 9


def test_an_answer_that_cannot_travel_says_so(crew):
    with pytest.raises(RuntimeError, match="cannot be sent"):
        crew.submit(secret).result(240)
    assert crew.submit(squared, 3).result(240) == 9


def test_a_worker_that_ends_is_replaced_and_its_code_told(crew):
    with pytest.raises(BrokenExecutor, match="code 7"):
        crew.submit(gone).result(240)
    assert crew.submit(squared, 3).result(240) == 9


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux says what a process holds")
def test_a_worker_that_a_task_leaves_too_large_is_replaced_before_the_next():
    pool = Processes(1, nothing)
    first, again, other, last = (
        pool.submit(grow, size).result(240) for size in (1, 2 * MOST_GROWN, 1, 1)
    )
    pool.shutdown()
    assert first == again
    assert first != other
    assert last == other


def test_a_worker_killed_half_way_through_its_answer_is_noticed():
    pool = Processes(1, nothing)
    pool.submit(squared, 1).result(240)
    wire = pool._workers[0]._wire
    pool._workers[0]._wire = Slow(wire, pool)
    with pytest.raises(BrokenExecutor):
        pool.submit(much).result(240)
    assert pool.submit(squared, 3).result(240) == 9
    pool.shutdown(cancel_futures=True)


class Slow:
    """A wire at whose other end the worker is killed once its answer has begun to come."""

    def __init__(self, wire, pool):
        self._wire, self._pool = wire, pool
        self.send, self.close = wire.send, wire.close

    def recv(self):
        assert self._wire.poll(240)
        self._pool._workers[0].kill()
        return self._wire.recv()


def test_shutting_down_waits_for_nobody_who_is_at_work():
    pool = Processes(2, nothing)
    asked = [pool.submit(slow) for _ in range(3)]
    while not all(each.running() for each in asked[:2]):
        time.sleep(0.01)
    pool.shutdown(cancel_futures=True)
    assert all(each.done() for each in asked)
    assert not any(worker._process.is_alive() for worker in pool._workers)


def test_the_callers_script_comes_back_however_many_hid_it():
    mine = sys.modules["__main__"]
    first, second = without_main(), without_main()
    first.__enter__()
    second.__enter__()
    assert sys.modules["__main__"] is not mine
    first.__exit__(None, None, None)
    assert sys.modules["__main__"] is not mine
    second.__exit__(None, None, None)
    assert sys.modules["__main__"] is mine
