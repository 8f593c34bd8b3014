"""Models of folds on their way to a shelf, one by one."""

from __future__ import annotations

import threading

import cloudpickle
import pytest

from pipelines import shelf
from pipelines.shelf import HEAVIEST, NEW, Bag, Shelf


def test_models_are_written_one_by_one_and_found_by_their_digest(tmp_path):
    with Bag(tmp_path) as bag:
        for model in ("first", "second"):
            bag.put(model)
        name, packed = bag.close()
    assert packed is None
    assert [path.name for path in tmp_path.iterdir()] == [f"{name}{NEW}"]
    kept = Shelf(tmp_path)
    kept.take(name)
    assert kept.models(name) == ["first", "second"]


def test_models_that_travel_have_the_same_digest(tmp_path):
    names = []
    for folder in (tmp_path, None):
        with Bag(folder) as bag:
            bag.put("a model")
            name, packed = bag.close()
            names.append(name)
    assert names == [shelf.digest(packed)] * 2
    assert shelf.unpacked(packed) == ["a model"]


@pytest.mark.parametrize(
    "spoilt", [threading.Lock(), bytes(HEAVIEST)], ids=["no pickle", "too heavy"]
)
def test_a_bag_without_one_of_its_models_is_thrown_away(tmp_path, spoilt):
    with Bag(tmp_path) as bag:
        for model in ("first", spoilt, "third"):
            bag.put(model)
        assert bag.close() == (None, None)
    assert not list(tmp_path.iterdir())


def test_a_trial_that_is_broken_off_leaves_no_file(tmp_path):
    with Bag(tmp_path) as bag:
        bag.put("first")
        assert list(tmp_path.iterdir())
    assert not list(tmp_path.iterdir())


def test_models_that_were_packed_all_at_once_are_still_found():
    assert shelf.unpacked(cloudpickle.dumps(["first", "second"])) == ["first", "second"]
