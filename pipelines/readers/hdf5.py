"""Reads tables that pandas wrote to HDF5, with PyTables."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pandas as pd

from pipelines.errors import EmptyTable, UnreadableData, close_matches, listed
from pipelines.readers.memory import from_pandas
from pipelines.readers.sampling import drawn
from pipelines.readers.source import Ask, Raw

if TYPE_CHECKING:
    from pathlib import Path

CHUNK_ROWS = 1 << 16


def read(path: Path, ask: Ask) -> Raw:
    """Read the only table of a store, or the one that ``?key=`` names.

    A sample is read piece by piece from what was written with ``format="table"``; pandas' fixed
    format is held whole.

    Raises:
        EmptyTable: there is no table.
        UnreadableData: there are several, or none of that key.
    """
    with pd.HDFStore(path, mode="r") as opened:
        store: Any = opened  # The stubs take every attribute of a store for a table in it.
        keys = [key.lstrip("/") for key in store.keys()]  # noqa: SIM118 - a store is no dict
        wanted = (ask.options.get("key") or "").lstrip("/")
        if not keys:
            raise EmptyTable(path, "no table that pandas wrote")
        if wanted and wanted not in keys:
            reason = f"there is no table {wanted!r}.{close_matches(wanted, keys)}"
            raise UnreadableData(path, reason, f"Tables: {listed(keys)}.")
        if not wanted and len(keys) > 1:
            remedy = f"Name one behind the path: {path.name}?key={keys[0]}"
            raise UnreadableData(path, f"it holds {len(keys)} tables ({listed(keys)})", remedy)
        key = wanted or keys[0]
        if ask.rows is not None and store.get_storer(key).is_table:
            return _sampled(store, key, ask)
        return from_pandas(pd.DataFrame(store.get(key)), ask)


def _sampled(store: Any, key: str, ask: Ask) -> Raw:
    """Take the drawn rows from one piece after the other; never more than one is held."""
    count = int(store.get_storer(key).nrows)
    places = drawn(count, ask.rows or 0, ask.seed)
    taken: list[pd.DataFrame] = [pd.DataFrame(store.select(key, stop=0))]
    for start in range(0, count, CHUNK_ROWS):
        low, high = places.searchsorted([start, start + CHUNK_ROWS])
        if high > low:
            piece = store.select(key, start=start, stop=start + CHUNK_ROWS)
            taken.append(pd.DataFrame(piece).iloc[places[low:high] - start])
    return replace(from_pandas(pd.concat(taken[1:] or taken), ask), drawn_of=count)
