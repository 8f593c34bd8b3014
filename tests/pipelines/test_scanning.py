import io
import os
import pickle
import pickletools

import cloudpickle
import pytest

from pipelines import scanning
from pipelines.errors import BadModel


class Bomb:
    def __reduce__(self):
        return os.system, ("echo boom",)


def dump(value, protocol):
    return pickle.dumps(value, protocol=protocol)


@pytest.mark.parametrize("protocol", range(6))
def test_what_a_pickle_would_call_is_named_and_not_called(protocol, capfd):
    assert "posix.system" in scanning.names_in(dump([1, Bomb(), "text"], protocol))
    assert "boom" not in capfd.readouterr().out


@pytest.mark.parametrize("protocol", range(6))
def test_the_names_of_an_honest_pickle_are_its_types(protocol):
    from collections import OrderedDict

    found = scanning.names_in(dump({"a": OrderedDict(x=1), "b": OrderedDict(y=2)}, protocol))
    assert "collections.OrderedDict" in found
    assert not [name for name in found if name == scanning.COMPUTED]


def test_a_name_fetched_from_memory_is_followed():
    raw = b"\x80\x04\x8c\x05posix\x94\x8c\x06system\x94" + b"00" + b"h\x00h\x01\x93\x94."
    assert scanning.names_in(raw) == ["posix.system"]


def test_a_name_that_is_computed_while_it_runs_is_not_believed():
    # posix, system, and a trick: DUP and POP between the texts and their use.
    raw = b"\x80\x04\x8c\x05posix\x8c\x06system20\x93."
    pickletools.dis(raw, out=io.StringIO())
    assert scanning.names_in(raw) == [scanning.COMPUTED]


def test_a_function_by_value_names_what_builds_it():
    found = scanning.names_in(cloudpickle.dumps(lambda value: value + 1))
    assert any("cloudpickle" in name for name in found)


@pytest.mark.parametrize("data", [b"", b"no pickle", pickle.dumps(list(range(99)))[:-1]])
def test_what_is_no_whole_pickle_is_refused(data):
    with pytest.raises(BadModel, match="no whole pickle"):
        scanning.names_in(data)


def test_pickles_are_found_by_their_bytes_whatever_they_are_called(tmp_path):
    (tmp_path / "weights.bin").write_bytes(pickle.dumps([1], protocol=4))
    (tmp_path / "model.pkl").write_bytes(pickle.dumps([1], protocol=0))
    (tmp_path / "notes.txt").write_text("words")
    found = [path.name for path in scanning._files(tmp_path) if scanning._is_pickle(path)]
    assert found == ["model.pkl", "weights.bin"]
