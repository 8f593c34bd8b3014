"""Reads tables that pandas wrote to HDF5, with PyTables."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from pipelines.errors import EmptyTable, UnreadableData, close_matches, listed
from pipelines.readers.memory import from_pandas
from pipelines.readers.source import Ask, Raw

if TYPE_CHECKING:
    from pathlib import Path


def read(path: Path, ask: Ask) -> Raw:
    """Read the only table of a store, or the one that ``?key=`` names.

    Raises:
        EmptyTable: there is no table.
        UnreadableData: there are several, or none of that key.
    """
    with pd.HDFStore(path, mode="r") as store:
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
        return from_pandas(pd.DataFrame(store.get(wanted or keys[0])), ask)
