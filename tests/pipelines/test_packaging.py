"""A saved model opens as it was, or is refused before any of its code can run."""

from __future__ import annotations

import io
import json
import pickle
import shutil
import zipfile

import numpy as np
import pytest
from sklearn.dummy import DummyClassifier
from sklearn.pipeline import Pipeline

from pipelines import algorithms, packaging, serving
from pipelines.errors import BadModel, MissingExtra
from pipelines.task import Task

CATALOGUE = [pytest.param(row.key, row.task, id=f"{row.task}-{row.key}")
             for row in algorithms.catalogue()]  # fmt: skip


class Homemade:
    """A model of somebody's own, which skops cannot know."""

    task, algorithm, explain_with, classes = Task.CLASSIFICATION, "own", "own", ("no", "yes")

    def __init__(self) -> None:
        self.pipeline = Pipeline([("model", DummyClassifier())])

    def score(self, features):
        return np.zeros(len(features))


@pytest.fixture
def saved(fitted, tmp_path):
    one = fitted("logistic", Task.CLASSIFICATION)
    return packaging.save(one.model, one.schema, tmp_path / "model", about={"name": "credit"})


@pytest.mark.parametrize(("key", "task"), CATALOGUE)
def test_every_algorithm_is_written_without_pickle_and_answers_as_before(
    key, task, fitted, tmp_path
):
    try:
        one = fitted(key, task)
    except MissingExtra as missing:
        pytest.skip(str(missing))
    folder = packaging.save(one.model, one.schema, tmp_path, about={}, rows=one.rows)
    assert packaging.read_card(folder)["why"] == ""
    again = packaging.unpack(folder)
    assert again.model.task is task
    assert again.model.classes == one.model.classes
    np.testing.assert_array_equal(again.model.score(one.rows), one.model.score(one.rows))


def test_a_model_that_skops_cannot_know_is_pickled_and_the_card_says_why(fitted, tmp_path):
    schema = fitted("dummy", Task.CLASSIFICATION).schema
    folder = packaging.save(Homemade(), schema, tmp_path, about={})
    card = json.loads((folder / "model.json").read_text())
    assert card["format"] == "cloudpickle"
    assert "Homemade" in card["why"]
    assert not (folder / packaging.SKOPS).exists()
    assert type(packaging.unpack(folder).model).__name__ == "Homemade"


def test_the_card_tells_what_the_model_is_without_opening_it(saved):
    card = packaging.read_card(saved)
    assert card["task"] == "classification"
    assert card["classes"] == ["defaulted", "repaid"]
    assert card["about"] == {"name": "credit"}
    assert "scikit-learn" in card["versions"]
    assert any(line.startswith("skops==") for line in packaging.requirements(saved))


def test_bytes_that_are_not_on_record_are_refused_before_they_are_opened(saved, tmp_path):
    digest = packaging.digest_of(saved)

    class Bomb:
        def __reduce__(self):
            return (tmp_path.joinpath("went-off").touch, ())

    card = json.loads((saved / "model.json").read_text())
    (saved / "model.json").write_text(json.dumps({**card, "format": "cloudpickle"}))
    (saved / packaging.PICKLE).write_bytes(pickle.dumps(Bomb()))
    with pytest.raises(BadModel, match="'risk/1' is not the one on record"):
        serving.load(saved, digest=digest, called="risk/1")
    assert not (tmp_path / "went-off").exists()


def test_a_skops_file_that_names_a_stranger_is_refused(saved):
    path = saved / packaging.SKOPS
    source, strange = zipfile.ZipFile(io.BytesIO(path.read_bytes())), io.BytesIO()
    with zipfile.ZipFile(strange, "w") as target:
        for name in source.namelist():
            data = source.read(name)
            if name == "schema.json":
                data = data.replace(b"LogisticRegression", b"Surprise")
                data = data.replace(b"sklearn.linear_model._logistic", b"os")
            target.writestr(name, data)
    path.write_bytes(strange.getvalue())
    with pytest.raises(BadModel, match=r"not trusted: os\."):
        serving.load(saved)


@pytest.mark.parametrize(
    "damage", ["no card", "no json", "wrong layout", "no model", "cut", "none"]
)
def test_a_broken_folder_is_one_sentence(damage, saved):
    card, model = saved / "model.json", saved / packaging.SKOPS
    if damage == "no card":
        card.unlink()
    elif damage == "no json":
        card.write_text("{")
    elif damage == "wrong layout":
        card.write_text(json.dumps({**json.loads(card.read_text()), "layout": 99}))
    elif damage == "no model":
        model.unlink()
    elif damage == "cut":
        model.write_bytes(model.read_bytes()[:200])
    else:
        shutil.rmtree(saved)
    with pytest.raises(BadModel) as told:
        serving.load(saved)
    assert "\n" not in str(told.value)
    assert str(told.value).endswith(".")


def test_a_folder_that_is_gone_has_no_digest(tmp_path):
    with pytest.raises(BadModel, match="no model folder"):
        packaging.digest_of(tmp_path / "gone")


def test_the_digest_sees_every_change_but_not_what_is_added_later(saved, tmp_path):
    digest = packaging.digest_of(saved)
    assert packaging.digest_of(shutil.copytree(saved, tmp_path / "copy")) == digest
    for added in ("reports/shap/report.html", "__pycache__/x.pyc", "registered_model_meta"):
        path = saved / added
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("later")
    assert packaging.digest_of(saved) == digest
    (saved / "more.txt").write_text("")
    assert packaging.digest_of(saved) != digest
    (saved / "more.txt").rename(saved / "same.txt")
    renamed = packaging.digest_of(saved)
    (saved / "same.txt").write_text("x")
    assert len({digest, renamed, packaging.digest_of(saved)}) == 3
