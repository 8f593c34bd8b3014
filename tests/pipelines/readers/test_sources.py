"""What happens at the edges: broken files, odd headers, near misses, more data than memory."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines import errors, readers
from pipelines.task import Task

FRAME = pd.DataFrame({"a": [1, 2, 3], "b": ["x", "y", "x"]})


def file(folder: Path, text: str | bytes, name: str = "t.csv") -> Path:
    path = folder / name
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


@pytest.mark.parametrize(
    ("text", "error", "says"),
    [
        ("", errors.EmptyTable, "nothing in it"),
        ("\n\n", errors.EmptyTable, "nothing in it"),
        ("a,b\n", errors.EmptyTable, "no rows"),
        ("a,b", errors.EmptyTable, "no rows"),
        ("a,b,a\n1,2,3\n", errors.UnreadableData, "'a'"),
        ("a, a\n1,2\n", errors.UnreadableData, "'a'"),
        ("a,b\n1,2\n3\n", errors.UnreadableData, "Expected 2 columns, got 1"),
        (b"a,b\n\0\0,\0\n", errors.UnreadableData, "binary"),
    ],
)
def test_a_csv_file_that_is_no_table_is_refused_in_one_sentence(
    text: str | bytes, error: type[Exception], says: str, tmp_path: Path
) -> None:
    for rows in (None, 2):
        with pytest.raises(error, match=says) as caught:
            readers.read(file(tmp_path, text), rows=rows)
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("t.parquet", b"PAR1 no PAR1"),
        ("t.xlsx", b"PK no"),
        ("t.h5", b"no"),
        ("t.feather", b"ARROW1 no"),
        ("t.json", b"{no"),
        ("t.jsonl", b"{no\n[]"),
        ("t.csv.gz", b"no"),
        ("t.csv.zst", b"no"),
        ("t.csv.xz", b"no"),
    ],
)
def test_a_file_that_is_not_what_its_ending_says_is_unreadable(
    name: str, content: bytes, tmp_path: Path
) -> None:
    with pytest.raises(errors.UnreadableData, match=name):
        readers.read(file(tmp_path, content, name))


def test_a_missing_file_names_its_neighbours(tmp_path: Path) -> None:
    file(tmp_path, "a\n1\n", "churn.csv")
    with pytest.raises(errors.FileMissing, match=r"Did you mean 'churn\.csv'"):
        readers.read(tmp_path / "chrun.csv")


@pytest.mark.parametrize("source", ["t.docx", "https://example.org/t.csv", 5, object()])
def test_an_unknown_source_lists_what_is_readable(source: Any, tmp_path: Path) -> None:
    if source == "t.docx":
        source = file(tmp_path, "x", "t.docx")
    with pytest.raises(errors.UnknownFormat, match=r"Readable: .*(csv|pandas)"):
        readers.read(source)


def test_a_folder_of_mixed_files_is_refused_naming_the_odd_ones(tmp_path: Path) -> None:
    FRAME.to_parquet(tmp_path / "a.parquet")
    file(tmp_path, "x", "b.csv")
    with pytest.raises(errors.UnreadableData, match=r"also holds \.csv"):
        readers.read(tmp_path)


def test_parts_that_do_not_fit_together_are_refused(tmp_path: Path) -> None:
    FRAME.to_parquet(tmp_path / "a.parquet")
    FRAME.assign(a="text").to_parquet(tmp_path / "b.parquet")
    with pytest.raises(errors.UnreadableData, match="parts do not fit together"):
        readers.read(tmp_path)


def test_folders_named_for_a_value_give_a_column(tmp_path: Path) -> None:
    for year in (2023, 2024):
        (tmp_path / f"year={year}").mkdir()
        FRAME.to_parquet(tmp_path / f"year={year}" / "part.parquet")
    made = readers.read(tmp_path).frame
    assert made["year"].tolist() == [2023] * 3 + [2024] * 3


@pytest.mark.parametrize(
    ("source", "target", "says"),
    [
        (FRAME, "c", "no column 'c'"),
        ((FRAME, [1, 2]), None, "3 rows, but there are 2 labels"),
        ((FRAME, pd.Series([1, 2, 3], name="a")), None, "'a' already"),
        ({"a": [1, 2], "b": [1]}, None, "differ in length: a has 2, b has 1"),
        (pd.DataFrame([[1, 2]], columns=["a", "a"]), None, "more than once: 'a'"),
        (np.zeros((2, 2, 2)), None, "3 dimensions"),
        (pd.DataFrame(), None, "no columns"),
        (FRAME[:0], None, "no rows"),
    ],
)
def test_a_table_in_memory_that_does_not_fit_is_refused(
    source: Any, target: Any, says: str
) -> None:
    with pytest.raises(errors.PipelineError, match=says):
        readers.read(source, target=target)


def test_labels_may_come_apart_from_their_table() -> None:
    labels = pd.Series([1.5, 2.5, 3.5], index=[7, 8, 9], name="price")
    for data in (readers.read((FRAME, labels)), readers.read(FRAME, target=labels)):
        assert data.target == "price"
        assert data.task is Task.REGRESSION
        assert data.frame["price"].tolist() == [1.5, 2.5, 3.5]


@pytest.mark.parametrize(
    ("labels", "task"),
    [
        (["a", "b"] * 20, Task.CLASSIFICATION),
        ([True, False] * 20, Task.CLASSIFICATION),
        (range(40), Task.REGRESSION),
        ([1, 2, 3, 4, 5] * 8, Task.CLASSIFICATION),
        ([0.0, 1.0] * 20, Task.CLASSIFICATION),
        (np.linspace(0, 1, 40), Task.REGRESSION),
    ],
)
def test_the_task_is_guessed_from_the_target(labels: Any, task: Task) -> None:
    table = {"x": range(40), "y": labels}
    assert readers.read(table, target="y").task is task
    assert readers.read(table).task is Task.ANOMALY
    assert readers.read(table, target="y", task="regression").task is Task.REGRESSION


def test_odd_headers_are_stripped_named_and_told(tmp_path: Path) -> None:
    data = readers.read(file(tmp_path, " a , b,\n1,2,3\n"))
    assert list(data.frame) == ["a", "b", "unnamed_3"]
    assert sum("renamed" in change.reason for change in data.conversions) == 3


@pytest.mark.parametrize(
    ("text", "frame"),
    [
        ("a;b\n1,5;x\n2,5;y\n", {"a": [1.5, 2.5], "b": ["x", "y"]}),
        ("a;b\n1.234;1,5\n5.678;2,5\n", {"a": [1234, 5678], "b": [1.5, 2.5]}),
        ("a|b\n1|x\n2|y\n", {"a": [1, 2], "b": ["x", "y"]}),
        ("a\tb\n1\tx, y\n2\tz\n", {"a": [1, 2], "b": ["x, y", "z"]}),
        ('a,b\n1,"x\ny"\n2,z\n', {"a": [1, 2], "b": ["x\ny", "z"]}),
        ("a\nx\ny\n", {"a": ["x", "y"]}),
        ("a,b\r\n1,x\r\n2,y\r\n", {"a": [1, 2], "b": ["x", "y"]}),
        ("a,b\n\n1,x\n\n2,y\n", {"a": [1, 2], "b": ["x", "y"]}),
        ("zip,b\n01234,x\n1234,y\n", {"zip": ["01234", "1234"], "b": ["x", "y"]}),
        ("a,b\n1,naïve\n2,é\n".encode("latin-1"), {"a": [1, 2], "b": ["naïve", "é"]}),
    ],
)
def test_a_csv_file_is_read_as_it_was_written(
    text: str | bytes, frame: dict[str, Any], tmp_path: Path
) -> None:
    path = file(tmp_path, text)
    for rows in (None, 100):
        pd.testing.assert_frame_equal(readers.read(path, rows=rows).frame, pd.DataFrame(frame))


def test_excel_sheets_and_hdf5_keys_are_chosen_behind_the_path(tmp_path: Path) -> None:
    pytest.importorskip("openpyxl")
    with pd.ExcelWriter(tmp_path / "t.xlsx") as book:
        FRAME.to_excel(book, sheet_name="May", index=False)
        FRAME.assign(a=9).to_excel(book, sheet_name="June", index=False)
    assert readers.read(f"{tmp_path}/t.xlsx?sheet=June").frame["a"].tolist() == [9, 9, 9]
    assert readers.read(tmp_path / "t.xlsx").frame["a"].tolist() == [1, 2, 3]
    with pytest.raises(errors.UnreadableData, match="Did you mean 'June'"):
        readers.read(f"{tmp_path}/t.xlsx?sheet=Jun")


def test_hdf5_with_several_tables_asks_for_a_key(tmp_path: Path) -> None:
    pytest.importorskip("tables")
    FRAME.to_hdf(tmp_path / "t.h5", key="one", format="table")
    FRAME.assign(a=9).to_hdf(tmp_path / "t.h5", key="two", format="table")
    assert readers.read(f"{tmp_path}/t.h5?key=two").frame["a"].tolist() == [9, 9, 9]
    with pytest.raises(errors.UnreadableData, match=r"t\.h5\?key=one"):
        readers.read(tmp_path / "t.h5")


@pytest.fixture
def shop(tmp_path: Path) -> str:
    engine = sa.create_engine(f"sqlite:///{tmp_path}/shop.db")
    FRAME.to_sql("orders", engine, index=False)
    engine.dispose()
    return f"sqlite:///{tmp_path}/shop.db"


def test_a_query_with_every_sign_in_it_is_run_as_written(shop: str) -> None:
    query = "query=SELECT a, b||'::?' AS b FROM orders WHERE a >= 2 AND b='y'"
    data = readers.read(f"{shop}?{query}")
    assert data.frame.to_numpy().tolist() == [[2, "y::?"]]


@pytest.mark.parametrize(
    ("what", "says"),
    [
        ("", r"\?table="),
        ("?table=order", "Did you mean 'orders'"),
        ("?query=SELECT nope FROM orders", "no such column"),
        ("?query=SELEC", "the database says"),
        ("?query=DELETE FROM orders", "returns no rows"),
    ],
)
def test_a_database_that_refuses_is_quoted_and_nothing_is_committed(
    shop: str, what: str, says: str
) -> None:
    with pytest.raises(errors.UnreadableData, match=says):
        readers.read(shop + what)
    assert len(readers.read(f"{shop}?table=orders").frame) == 3


def test_a_password_is_never_repeated() -> None:
    with pytest.raises(errors.PipelineError) as caught:
        readers.read("postgresql+psycopg://me:s3cret@127.0.0.1:1/shop?table=t")
    assert "s3cret" not in str(caught.value)


def test_rows_are_drawn_at_random_and_stay_in_order() -> None:
    sampled = readers.read({"a": range(1000)}, rows=100).frame["a"]
    assert sampled.is_monotonic_increasing
    assert 350 < sampled.mean() < 650
    assert not sampled.equals(readers.read({"a": range(1000)}, rows=100, seed=1).frame["a"])


_PROGRAM = """
import resource, sys
from pipelines import readers
readers.read(sys.argv[1], rows=1)
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
data = readers.read(sys.argv[2], rows=1000)
after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print(len(data.frame), (after - before) * 1024)
"""


def write_csv(path: Path, times: int) -> None:
    lines = pd.DataFrame(np.random.default_rng(0).normal(size=(5000, 10))).to_csv(index=False)
    header, _, body = lines.partition("\n")
    with path.open("w") as out:
        out.write(f"{header}\n")
        for _ in range(times):
            out.write(body)


def write_parquet(path: Path, times: int) -> None:
    table = pa.table({f"c{i}": np.random.default_rng(i).normal(size=20_000) for i in range(10)})
    with pq.ParquetWriter(path, table.schema, compression="none", use_dictionary=False) as out:
        for _ in range(times):
            out.write_table(table)


def write_jsonl(path: Path, times: int) -> None:
    frame = pd.DataFrame(np.random.default_rng(0).normal(size=(5000, 10)))
    with path.open("w") as out:
        for _ in range(times):
            out.write(frame.to_json(orient="records", lines=True))


def write_json(path: Path, times: int) -> None:
    records = pd.DataFrame(np.random.default_rng(0).normal(size=(1000, 10))).to_json(
        orient="records"
    )
    path.write_text(f"[{','.join([records[1:-1]] * times)}]")


def write_h5(path: Path, times: int) -> None:
    frame = pd.DataFrame(np.random.default_rng(0).normal(size=(50_000, 20))).add_prefix("c")
    with pd.HDFStore(path, "w") as store:
        for _ in range(times):
            store.append("t", frame, index=False)


@pytest.mark.parametrize(
    ("write", "times"),
    [
        (write_csv, 320),
        (write_parquet, 160),
        (write_jsonl, 100),
        (write_json, 120),
        (write_h5, 20),
    ],
)
def test_a_file_four_times_the_memory_it_may_use_is_sampled(
    write: Any, times: int, tmp_path: Path
) -> None:
    ending = write.__name__.removeprefix("write_")
    big, tiny = tmp_path / f"big.{ending}", tmp_path / f"tiny.{ending}"
    write(big, times)
    write(tiny, 1)
    done = subprocess.run(
        [sys.executable, "-c", _PROGRAM, str(tiny), str(big)],
        capture_output=True, text=True, check=True, cwd=Path(readers.__file__).parents[2],
    )  # fmt: skip
    rows, grown = map(int, done.stdout.split())
    assert rows == 1000
    assert grown * 4 < big.stat().st_size


WORDS = st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs")), max_size=8)
TABLES = st.integers(1, 12).flatmap(
    lambda rows: st.fixed_dictionaries(
        {
            "n": st.lists(st.integers(-(2**62), 2**62), min_size=rows, max_size=rows),
            "f": st.lists(st.floats(allow_nan=False), min_size=rows, max_size=rows),
            "b": st.lists(st.booleans(), min_size=rows, max_size=rows),
            "s": st.lists(WORDS, min_size=rows, max_size=rows),
            "d": st.lists(
                st.datetimes(pd.Timestamp("1700-01-01"), pd.Timestamp("2200-01-01")),
                min_size=rows, max_size=rows,
            ),
        }
    )
)  # fmt: skip


@settings(deadline=None, max_examples=60)
@given(TABLES)
def test_any_table_survives_csv_and_parquet(table: dict[str, Any]) -> None:
    frame = pd.DataFrame(table).astype({"s": "str", "d": "datetime64[us]"})
    memory = readers.read(frame).frame
    with tempfile.TemporaryDirectory() as folder:
        frame.to_csv(f"{folder}/t.csv", index=False)
        frame.to_parquet(f"{folder}/t.parquet")
        pd.testing.assert_frame_equal(readers.read(f"{folder}/t.parquet").frame, memory)
        read = readers.read(f"{folder}/t.csv", types={"f": "number"}).frame
        pd.testing.assert_frame_equal(read.drop(columns="f"), memory.drop(columns="f"))
        np.testing.assert_array_equal(read["f"].astype(float), memory["f"].astype(float))


ENDINGS = sorted({ending for reader in readers.READERS for ending in reader.endings})


@settings(deadline=None, max_examples=250)
@given(st.binary(max_size=300), st.sampled_from(ENDINGS), st.sampled_from([None, 3]))
def test_no_bytes_at_all_raise_anything_but_a_sentence(
    content: bytes, ending: str, rows: int | None
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, f"t{ending}")
        path.write_bytes(content)
        try:
            readers.read(path, rows=rows)
        except errors.PipelineError as error:
            assert "\n" not in str(error).strip()  # noqa: PT017


@settings(deadline=None, max_examples=150)
@given(st.text(st.sampled_from("ab,;\t\"\n01.-/: €%'"), max_size=120), st.sampled_from([None, 3]))
def test_no_text_that_looks_like_a_table_raises_anything_but_a_sentence(
    text: str, rows: int | None
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "t.csv")
        path.write_bytes(text.encode())
        try:
            readers.read(path, rows=rows)
        except errors.PipelineError as error:
            assert str(error)  # noqa: PT017
