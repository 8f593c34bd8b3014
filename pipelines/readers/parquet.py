"""Reads Parquet with pyarrow: a file, or a folder of parts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq

from pipelines.errors import EmptyTable, UnreadableData
from pipelines.readers.sampling import drawn
from pipelines.readers.source import Ask, Raw, raw_of

if TYPE_CHECKING:
    from pathlib import Path

ENDINGS = (".parquet", ".pq", ".parq")
_INDEX = "__index_level_"


def read(path: Path, ask: Ask) -> Raw:
    """Read a Parquet file, or all parts in a folder, with only the columns that are wanted.

    Raises:
        EmptyTable: there is no part in the folder.
        UnreadableData: the parts do not fit together.
    """
    parts = _parts(path)
    table = _opened(path, parts)
    names = [name for name in table.schema.names if not name.startswith(_INDEX)]
    wanted = [names[place] for place in ask.pick(path, names)]
    if ask.rows is None:
        return raw_of(table.to_table(columns=wanted))
    return raw_of(_sampled(table, wanted, ask), drawn_of=table.count_rows())


def _parts(path: Path) -> list[Path]:
    if path.is_file():
        return [path]
    files = [p for p in sorted(path.rglob("*")) if p.is_file() and not _hidden(p, path)]
    if not files:
        raise EmptyTable(path, "no files in it")
    others = sorted({p.suffix or p.name for p in files if p.suffix.lower() not in ENDINGS})
    if others:
        reason = f"a folder must hold Parquet parts only, this one also holds {', '.join(others)}"
        raise UnreadableData(path, reason, "Name one file, or move the others away.")
    return files


def _hidden(path: Path, folder: Path) -> bool:
    return any(part.startswith(("_", ".")) for part in path.relative_to(folder).parts)


def _opened(path: Path, parts: list[Path]) -> Any:
    if path.is_file():
        return ds.dataset(path, format="parquet")
    try:
        schema = pa.unify_schemas([pq.read_schema(p) for p in parts], promote_options="permissive")
    except pa.ArrowTypeError as failure:
        reason = f"its parts do not fit together ({failure})"
        raise UnreadableData(path, reason, "Write all parts with the same types.") from failure
    keys = ds.dataset(
        [str(p) for p in parts],
        format="parquet",
        partitioning="hive",
        partition_base_dir=str(path),
    ).schema
    for name in keys.names:
        if name not in schema.names:
            schema = schema.append(keys.field(name))
    return ds.dataset(
        [str(p) for p in parts],
        schema=schema,
        format="parquet",
        partitioning="hive",
        partition_base_dir=str(path),
    )


def _sampled(table: Any, wanted: list[str], ask: Ask) -> Any:
    """Take the drawn rows from one row group after the other; never more than one is held."""
    places = drawn(table.count_rows(), ask.rows or 0, ask.seed)
    picked = pa.schema([table.schema.field(name) for name in wanted])
    taken, start = [picked.empty_table()], 0
    for part in table.get_fragments():
        for group in part.split_by_row_group():
            count = group.row_groups[0].num_rows
            low, high = places.searchsorted([start, start + count])
            if high > low:
                read = group.to_table(schema=table.schema, columns=wanted, use_threads=False)
                taken.append(read.take(places[low:high] - start))
            start += count
    return pa.concat_tables(taken, promote_options="permissive")
