"""A registered model is made again from its record."""

import json
import os
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import mlops
from mlops.errors import DataChanged, NoRecipe, NotReproduced

pytestmark = pytest.mark.filterwarnings("ignore")
ROOT = Path(__file__).parents[2]


def flats(rows=260):
    draw = np.random.default_rng(0)
    frame = pd.DataFrame(draw.normal(size=(rows, 3)), columns=["size", "age", "noise"])
    frame["part"] = pd.Series(draw.choice(["east", "west", "north"], rows), dtype="str")
    bend = frame["size"] ** 2 + (frame["part"] == "east") * frame["age"]
    frame["rent"] = 20 * bend + draw.normal(scale=3, size=rows)
    dear = bend + draw.normal(scale=0.7, size=rows) > 1.6
    return frame.assign(dear=pd.Series(np.where(dear, "dear", "cheap"), dtype="str"))


@pytest.fixture(scope="module")
def desk(tmp_path_factory):
    """Three versions: one model with a threshold, an ensemble, and one made from memory."""
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("desk")
        patch.chdir(folder)
        flats().to_csv("flats.csv", index=False)
        how = {"engine": "serial", "workers": 1}
        mlops.run("flats.csv", "dear", name="one", metric="balanced_accuracy", simple=True,
                  trials=3, algorithms=["lightgbm"], seed=3, **how)  # fmt: skip
        several = mlops.run("flats.csv", "rent", name="several", trials=6, keep=["noise"],
                            algorithms=["lightgbm", "extra_trees", "ridge"], **how)  # fmt: skip
        mlops.run(flats().drop(columns="dear"), "rent", name="memory", trials=2, simple=True,
                  algorithms=["ridge"], **how)  # fmt: skip
        yield folder, several


def typed(folder, *words):
    return subprocess.run(
        [sys.executable, "-m", "mlops", "reproduce", *words],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("name", ["one/1", "several/1"])
def test_the_same_model_comes_out_again(desk, name):
    found = mlops.reproduce(name)
    assert found.agrees, found.sentence
    assert found.now == found.recorded
    assert found.answers == 0.0
    assert found.notes == ()
    found.require()


def test_an_ensemble_of_folds_models_has_its_parts_on_record(desk):
    _, several = desk
    card = mlops.load("several/1").about["about"]["recipe"]
    assert sum(part["weight"] for part in card["parts"]) == pytest.approx(1)
    assert any(part["folds"] for part in card["parts"])
    assert several.version.number == 1


def test_the_same_rows_may_lie_elsewhere_and_others_are_refused(desk, tmp_path):
    folder, _ = desk
    moved = shutil.copy(folder / "flats.csv", tmp_path / "moved.csv")
    assert mlops.reproduce("one/1", data=str(moved)).agrees
    flats().iloc[1:].to_csv(tmp_path / "other.csv", index=False)
    done = typed(folder, "one/1", "--data", str(tmp_path / "other.csv"))
    assert done.returncode == 72
    [line] = [each for each in done.stderr.splitlines() if each.startswith("Error: ")]
    assert "is not the data that one/1 learned from" in line
    with pytest.raises(DataChanged):
        mlops.reproduce("one/1", data=flats().iloc[1:])


def test_rows_that_were_in_memory_must_be_given(desk):
    with pytest.raises(NoRecipe, match="in memory"):
        mlops.reproduce("memory/1")
    assert mlops.reproduce("memory/1", data=flats().drop(columns="dear")).agrees


@pytest.fixture
def forged(desk):
    """The record of a version says another number than was measured, for one test."""
    folder, _ = desk
    put = "UPDATE mlops_versions SET metrics = ? WHERE name = 'memory'"
    with sqlite3.connect(folder / "mlflow.db") as store:
        [[text]] = store.execute("SELECT metrics FROM mlops_versions WHERE name = 'memory'")
        told = json.loads(text)
        store.execute(put, [json.dumps({**told, "rmse": told["rmse"] * 1.01})])
    yield folder
    with sqlite3.connect(folder / "mlflow.db") as store:
        store.execute(put, [text])


def test_a_difference_is_told_with_an_exit_code_of_its_own(forged):
    folder = forged
    flats().drop(columns="dear").to_csv(folder / "memory.csv", index=False)
    done = typed(folder, "memory/1", "--data", "memory.csv", "--json")
    assert done.returncode == 71
    answer = json.loads(done.stdout)
    assert answer["differing"] == ["rmse"]
    found = mlops.reproduce("memory/1", data="memory.csv")
    assert not found.agrees
    with pytest.raises(NotReproduced, match=r"rmse .* then"):
        found.require()
    assert mlops.reproduce("memory/1", data="memory.csv", tolerance=0.02).agrees
