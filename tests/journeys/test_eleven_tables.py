"""Eleven bad tables that no AutoML handles all of: each is caught before the first trial."""

import numpy as np
import pandas as pd
import pytest

import mlops
from pipelines.errors import EmptyTable, UnreadableData, UnsoundData

pytestmark = pytest.mark.filterwarnings("ignore")
ROWS = 200


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def table():
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(rng.normal(size=(ROWS, 4)), columns=list("abcd"))
    frame["y"] = (frame["a"] + rng.normal(size=ROWS) * 0.5 > 0).map({True: "yes!", False: "no!"})
    return frame


def one_class():
    return table().assign(y="yes!")


def a_class_with_one_row():
    frame = table()
    frame.loc[0, "y"] = "rare"
    return frame


def all_constant():
    return table().assign(a=1.0, b=2.0, c=3.0, d=4.0)


def twice_the_same_name():
    frame = table()
    frame.columns = ["a", "b", "c", "c", "y"]
    return frame


def of_different_length():
    frame = table()
    return frame.drop(columns="y"), frame["y"].iloc[:-5]


STOPPED = [
    (one_class, UnsoundData, r"'y'.*200"),
    (a_class_with_one_row, UnsoundData, "rare"),
    (all_constant, UnsoundData, "'?a'?|column"),
    (twice_the_same_name, UnreadableData, "'c'"),
    (of_different_length, UnreadableData, "200.*195|195.*200"),
    (lambda: table().head(0), EmptyTable, "no rows"),
    (lambda: table().head(6), UnsoundData, "6 rows"),
]


@pytest.mark.parametrize(
    ("make", "error", "words"), STOPPED, ids=lambda value: getattr(value, "__name__", "")
)
def test_a_table_that_cannot_be_learned_from_is_refused_with_the_reason(
    folder, make, error, words
):
    data = make()
    with pytest.raises(error, match=words):
        mlops.run(data, None if isinstance(data, tuple) else "y", trials=1, engine="serial")
    assert not (folder / "mlruns").exists()
    assert mlops.versions() == []


def holes_in_the_target():
    frame = table()
    frame.loc[:9, "y"] = None
    return frame


def an_infinity():
    frame = table()
    frame.loc[3, "b"] = np.inf
    return frame


def an_id_and_a_copy():
    frame = table()
    return frame.assign(id=np.arange(ROWS), leak=frame["y"])


def text_date_and_a_mixture():
    frame = table()
    about = frame["y"].map({"yes!": "cats", "no!": "dogs"})
    return frame.assign(
        t=[f"text number {i} about {word}" for i, word in enumerate(about)],
        d=pd.date_range("2024-01-01", periods=ROWS).astype(str),
        mix=[1 if i % 2 else "x" for i in range(ROWS)],
    )


SAID = [
    (holes_in_the_target, "y", "10"),
    (an_infinity, "b", "1"),
    (an_id_and_a_copy, "leak", "y"),
    (text_date_and_a_mixture, "mix", "100"),
]


@pytest.mark.parametrize(
    ("make", "column", "words"), SAID, ids=lambda value: getattr(value, "__name__", "")
)
def test_a_table_that_can_be_mended_is_and_it_is_said_how(make, column, words):
    frame = make()
    result = mlops.run(
        frame, "y", name="bad", trials=1, algorithms=["lightgbm"], workers=1, engine="serial"
    )
    told = [f for f in result.profile.findings if column in f.columns]
    assert told
    assert any(words in finding.reason for finding in told)
    assert str(result.version) == "bad/1"
    if make is an_id_and_a_copy:
        assert set(result.profile.drops) == {"id", "leak"}
