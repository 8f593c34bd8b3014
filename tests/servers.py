"""Ports for the real servers that tests start."""

from __future__ import annotations

import random
import socket


def free_port() -> int:
    """Return a port that is free, and that no connection of another test takes meanwhile.

    The system draws the near end of every connection from 32768 on: a port from there may be gone
    by the time that a server has loaded its libraries.
    """
    for port in random.Random().sample(range(10_000, 32_000), 100):  # noqa: S311
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise AssertionError("a hundred ports are taken")
