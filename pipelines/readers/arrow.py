"""Reads Arrow and Feather files with pyarrow."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.feather as pf

from pipelines.readers.sampling import sample
from pipelines.readers.source import Ask, Raw, raw_of

if TYPE_CHECKING:
    from pathlib import Path

_FILE, _FEATHER_1 = b"ARROW1", b"FEA1"


def read(path: Path, ask: Ask) -> Raw:
    """Read the Arrow file format, its stream format, or Feather of either version."""
    with path.open("rb") as file:
        mark = file.read(6)
    if mark.startswith(_FEATHER_1):
        return raw_of(pf.read_table(path))
    with pa.memory_map(str(path)) as source:
        if mark == _FILE:
            return _from_file(path, pa.ipc.open_file(source), ask)
        stream = pa.ipc.open_stream(source)
        return _from_batches(path, stream.schema, iter(stream), ask)


def _from_file(path: Path, file: Any, ask: Ask) -> Raw:
    batches = (file.get_batch(place) for place in range(file.num_record_batches))
    return _from_batches(path, file.schema, batches, ask)


def _from_batches(path: Path, schema: Any, batches: Any, ask: Ask) -> Raw:
    names = [name for name in schema.names if not name.startswith("__index_level_")]
    wanted = [names[place] for place in ask.pick(path, names)]
    chosen = (batch.select(wanted) for batch in batches)
    picked = pa.schema([schema.field(name) for name in wanted])
    if ask.rows is None:
        return raw_of(pa.Table.from_batches(chosen, picked))
    table, of = sample(chosen, ask.rows, ask.seed)
    return raw_of(picked.empty_table() if table is None else table, drawn_of=of)
