"""What the head of a file does not show: codes, missing spellings and breaks further down."""

from __future__ import annotations

import gzip
import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines import readers
from pipelines.readers import buffers


def file(folder: Path, text: str | bytes, name: str = "t.csv") -> Path:
    path = folder / name
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


def test_what_the_head_of_a_file_hides_is_still_read(tmp_path: Path) -> None:
    lines = [f"{n},word{n}" for n in range(40_000)]
    text = "\n".join(["a,b", *lines, '7,"two\nlines"', "8,caf\xe9"]).encode("latin-1")
    made = readers.read(file(tmp_path, text)).frame
    assert made["b"].tolist()[-2:] == ["two\nlines", "café"]


LINES = [f"{n},{n % 7 + 1},word{n},{n}.5" for n in range(1, 20_000)]


@pytest.mark.parametrize("name", ["t.csv", "t.csv.gz"])
@pytest.mark.parametrize(
    ("last", "kinds"),
    [
        ("7,1,x,2.5", "int64 int64 str float64"),
        ("007,1,x,2.5", "str int64 str float64"),
        ('7,"01",x,2.5', "int64 str str float64"),
        ("7, 01 ,007,2.5", "int64 str str float64"),
        ("7,1,007,00", "int64 int64 str str"),
        ('7,1,"a,01,b",0', "int64 int64 str float64"),
    ],
)
def test_one_leading_zero_far_down_a_file_keeps_a_column_of_codes(
    name: str, last: str, kinds: str, tmp_path: Path
) -> None:
    text = "\n".join(["a,b,c,d", *LINES, last]).encode()
    path = file(tmp_path, gzip.compress(text) if name.endswith("gz") else text, name)
    assert " ".join(map(str, readers.read(path).frame.dtypes)) == kinds
    one = readers.read(path, columns=["d", "b"]).frame
    assert [str(one[c].dtype) for c in "bd"] == [kinds.split()[1], kinds.split()[3]]


def test_codes_in_the_middle_of_a_long_file_are_seen(tmp_path: Path) -> None:
    start, later = "12345,1.25\n" * 300_000, "01234,1.25\n" * 100_000
    data = readers.read(file(tmp_path, f"a,b\n{start}{later}{start}"))
    assert data.frame["a"].iloc[[0, 300_000]].tolist() == ["12345", "01234"]
    assert data.frame["b"].dtype == np.float64


@pytest.mark.parametrize("name", ["t.csv", "t.csv.gz"])
@pytest.mark.parametrize("quoted", ["word", '"a, b"', '"a\nb"'])
def test_a_single_code_anywhere_in_a_long_file_is_seen(
    name: str, quoted: str, tmp_path: Path
) -> None:
    rows = [f"{n % 900 + 100},word,1.25" for n in range(900_000)]
    rows[1], rows[712_345] = f"101,{quoted},1.25", "0712,word,1.25"
    text = "\n".join(["a,b,c", *rows]).encode()
    path = file(tmp_path, gzip.compress(text, 1) if name.endswith("gz") else text, name)
    data = readers.read(path).frame
    assert data["a"].iloc[712_345] == "0712"
    assert data["c"].dtype == np.float64


def test_a_column_of_codes_leaves_the_numbers_beside_it_numbers(tmp_path: Path) -> None:
    rows = [f"{n},{n:06d},{n}.5" for n in range(500_000)]
    data = readers.read(file(tmp_path, "\n".join(["a,zip,c", *rows, "1,000007,"]))).frame
    assert " ".join(map(str, data.dtypes)) == "int64 str float64"


def test_a_missing_spelling_far_down_a_file_is_told_with_its_count(tmp_path: Path) -> None:
    text = "\n".join(["a,b,c,d", *LINES, "7,n/a,x,2.5", "7,?,x,2.5"])
    data = readers.read(file(tmp_path, text))
    assert data.frame["b"].isna().sum() == 2
    assert "'?', 'n/a' read as missing (2 rows)" in [c.reason for c in data.conversions]


def test_a_missing_spelling_at_the_top_is_counted_to_the_end(tmp_path: Path) -> None:
    text = "\n".join(["a,b,c,d", "1,NA,x,2.5", *LINES, "7,,x,2.5", "7,NA,x,NA"])
    told = {c.column: c.reason for c in readers.read(file(tmp_path, text)).conversions}
    assert told["b"] == "empty, 'NA' read as missing (3 rows)"
    assert told["d"] == "empty, 'NA' read as missing (1 rows)"


@settings(deadline=None, max_examples=300)
@given(st.text(st.sampled_from('01 ,"\n.-/a'), max_size=60))
def test_every_leading_zero_in_the_bytes_of_a_file_is_found(text: str) -> None:
    words = [word.strip(" ") for line in text.split("\n") for word in line.split(",")]
    sure = any(re.fullmatch(r"0\d+|\"0\d+\"", word) for word in words)
    bytes_ = np.frombuffer(f"a\n{text}\n".encode(), np.uint8)
    assert bool(len(buffers.codes(bytes_, ","))) >= sure
