"""Takes tables that are in memory already, whoever made them, without importing who did."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from pipelines.errors import UnknownFormat, UnreadableData
from pipelines.readers.sampling import sample
from pipelines.readers.source import Ask, Raw, raw_of


def from_pandas(frame: Any, _: Ask) -> Raw:
    """Take a pandas frame or series; an index with a name, or of dates, becomes a column."""
    return raw_of(_framed(frame))


def _framed(frame: Any) -> pd.DataFrame:
    """Return a pandas frame whose index, where it says something, is a column."""
    frame = frame.to_frame() if isinstance(frame, pd.Series) else frame
    dated = isinstance(frame.index, (pd.DatetimeIndex, pd.PeriodIndex))
    named = any(name is not None and name not in frame.columns for name in frame.index.names)
    if named or (dated and "index" not in frame.columns):
        frame = frame.reset_index()
    return pd.DataFrame(frame)


def from_polars(frame: Any, ask: Ask) -> Raw:
    """Take a Polars frame, lazy frame or series."""
    if hasattr(frame, "collect_schema") and hasattr(frame, "collect"):
        names = frame.collect_schema().names()
        wanted = [names[place] for place in ask.pick("LazyFrame", names)]
        frame = frame.select(wanted).collect()
    frame = frame.to_frame() if hasattr(frame, "to_frame") else frame
    return raw_of(frame.to_arrow())


def from_arrow(table: Any, _: Ask) -> Raw:
    """Take a table, record batch or reader of Arrow."""
    if isinstance(table, pa.RecordBatch):
        table = pa.Table.from_batches([table])
    return raw_of(table.read_all() if hasattr(table, "read_all") else pa.table(table))


def from_numpy(array: Any, _: Ask) -> Raw:
    """Take a NumPy array of one or two dimensions, or with named fields.

    Raises:
        UnreadableData: it has more dimensions.
    """
    if array.dtype.names:
        return Raw(array.dtype.names, [_column(n, array[n]) for n in array.dtype.names])
    if array.ndim not in {1, 2}:
        reason = f"it has {array.ndim} dimensions"
        raise UnreadableData("NumPy array", reason, "Give rows and columns: two dimensions.")
    square = array.reshape(-1, 1) if array.ndim == 1 else array
    names = [f"x{place}" for place in range(square.shape[1])]
    return Raw(names, [_column(name, square[:, i]) for i, name in enumerate(names)])


def from_spark(frame: Any, ask: Ask) -> Raw:
    """Take a Spark frame; only the wanted columns and rows leave the cluster."""
    names = list(frame.columns)
    wanted = [f"`{names[place].replace('`', '``')}`" for place in ask.pick("Spark frame", names)]
    frame, of = frame.select(*wanted), None
    if ask.rows is not None:
        from pyspark.sql.functions import rand

        of = frame.count()
        frame = frame.orderBy(rand(ask.seed)).limit(ask.rows)
    return raw_of(frame.toArrow() if hasattr(frame, "toArrow") else frame.toPandas(), drawn_of=of)


def from_dask(frame: Any, ask: Ask) -> Raw:
    """Take a Dask frame or series; a sample is drawn from one partition after the other."""
    if ask.rows is None:
        return from_pandas(frame.compute(), ask)
    parts = (frame.get_partition(place).compute() for place in range(frame.npartitions))
    tables = (pa.Table.from_pandas(_framed(part), preserve_index=False) for part in parts)
    table, of = sample(tables, ask.rows, ask.seed)
    return raw_of(table, drawn_of=of)


def from_mlflow(dataset: Any, ask: Ask) -> Raw:
    """Take a dataset object of MLflow that holds a frame or arrays."""
    return from_anything(dataset.df if hasattr(dataset, "df") else dataset.features, ask)


def from_python(source: Any, _: Ask) -> Raw:
    """Take a dict of columns, or a list of records.

    Raises:
        UnreadableData: columns differ in length, or the list holds no records.
    """
    if not isinstance(source, Mapping):
        if not source or not all(isinstance(record, Mapping) for record in source):
            remedy = "Give a dict of columns, or a list of dicts with one dict for each row."
            raise UnreadableData("list", "it does not hold one dict for each row", remedy)
        names = list(dict.fromkeys(name for record in source for name in record))
        source = {name: [record.get(name) for record in source] for name in names}
    lengths = {str(name): len(values) for name, values in source.items()}
    if len(set(lengths.values())) > 1:
        told = ", ".join(f"{name} has {count}" for name, count in lengths.items())
        raise UnreadableData("dict", f"its columns differ in length: {told}", "Make them equal.")
    return Raw(list(source), [_column(str(name), values) for name, values in source.items()])


def _column(name: str, values: Any) -> Any:
    if isinstance(values, pd.Series):
        return values
    if isinstance(values, np.ndarray) and values.dtype != object:
        return pd.Series(values)
    return pd.Series(list(values), dtype=object, name=name)


FAMILIES = {
    "pandas": from_pandas,
    "polars": from_polars,
    "pyarrow": from_arrow,
    "numpy": from_numpy,
    "pyspark": from_spark,
    "dask": from_dask,
    "mlflow": from_mlflow,
}
"""Whose object it is, by the first name of its class's module."""


def from_anything(source: Any, ask: Ask) -> Raw:
    """Take a table of any library that is known, or that speaks Arrow's C interface.

    Raises:
        UnknownFormat: it is no table.
    """
    for kind in type(source).__mro__:
        take = FAMILIES.get(kind.__module__.partition(".")[0])
        if take is not None:
            return take(source, ask)
    if hasattr(source, "__arrow_c_stream__"):
        return from_arrow(source, ask)
    if isinstance(source, Mapping) or (
        isinstance(source, Sequence) and not isinstance(source, str)
    ):
        return from_python(source, ask)
    raise UnknownFormat(type(source).__name__, [*FAMILIES, "dict of columns", "list of dicts"])


def values_of(source: Any, fallback: str) -> tuple[str, Any]:
    """Return the name and the values of labels that came apart from their table.

    Raises:
        UnreadableData: they are not one column.
    """
    if isinstance(source, (list, tuple)):
        return fallback, _column(fallback, source)
    raw = from_anything(source, Ask())
    if len(raw.columns) != 1:
        reason = f"it has {len(raw.columns)} columns"
        raise UnreadableData("target", reason, "Give the labels as one column.")
    named = getattr(source, "name", None)
    name = str(named) if named not in {None, "", 0} else fallback
    return name, raw.columns[0]
