import importlib.util
from datetime import UTC, datetime
from pathlib import Path

import pytest

from registry import audit, checkpoints, exports
from registry.audit import Head
from registry.errors import BadExport, BadKey, BadSeal, BrokenChain

_spec = importlib.util.spec_from_file_location(
    "audit_attacks", Path(__file__).parents[2] / "benchmarks" / "audit.py"
)
attacks = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(attacks)

PRIVATE = checkpoints.make_key()
PUBLIC = checkpoints.public_of(PRIVATE)
NOW = datetime(2026, 11, 21, tzinfo=UTC)


def sign(end, database="sqlite:///risk.db", private=PRIVATE):
    return checkpoints.sign(end, private=private, at=NOW, database=database)


@pytest.fixture
def export(record, session):
    """The lines of an export of five entries."""
    record.champion()
    return [f"{line}\n".encode() for line in exports.lines(session, "sqlite:///risk.db", sign)]


def test_an_export_proves_itself(export, session):
    sealed = exports.verify(export, PUBLIC)
    assert sealed.head == audit.head(session)
    assert len(export) == 1 + 5 + 1


def test_no_random_change_of_an_export_goes_unseen():
    found, missed = attacks.attack(600)
    assert missed == []
    assert len(found) == len(attacks.ATTACKS)


def test_an_export_of_nothing_is_sealed_too(session):
    lines = [f"{line}\n".encode() for line in exports.lines(session, "sqlite:///risk.db", sign)]
    assert exports.verify(lines, PUBLIC).number == 0


def test_an_export_must_contain_what_was_noted_elsewhere(export, session):
    later = sign(Head(9, "f" * 64))
    with pytest.raises(BrokenChain, match="entry 6 is missing: the log went up to 9"):
        exports.verify(export, PUBLIC, [later])
    assert exports.verify(export, PUBLIC, [sign(Head(9, "f" * 64), "sqlite:///other.db")])


def test_an_export_signed_with_another_key_names_the_one_it_was_held_against(export):
    other = checkpoints.public_of(checkpoints.make_key())
    with pytest.raises(BadSeal, match=rf"entry 5 .* key {checkpoints.fingerprint(other)}"):
        exports.verify(export, other)


@pytest.mark.parametrize(
    ("lines", "told"),
    [
        ([], "Line 1 .* is missing"),
        ([b"name,age\n"], "Line 1 .* cannot be read"),
        ([b"[1]\n"], "Line 1 .* not written as it was"),
        ([b'{"a":1}\n'], "Line 1 .* does not say 'mlops-audit/1'"),
        ([b"\xff\xfe\n"], "Line 1 .* cannot be read"),
        ([b"[" * 100_000], "Line 1 .* cannot be read"),
    ],
)
def test_a_file_that_is_no_export_is_told_by_its_line(lines, told):
    with pytest.raises(BadExport, match=told):
        exports.verify(lines, PUBLIC)


def test_a_checkpoint_is_read_back_as_it_was_written():
    made = sign(Head(3, "a" * 64))
    assert checkpoints.read(made.to_line()) == made
    for line in ("", "{}", '{"checkpoint":{}}', made.to_line().replace("3", "4") + " "):
        with pytest.raises(BadSeal):
            checkpoints.read(line)


@pytest.mark.parametrize("text", [b"", b"no key", PUBLIC])
def test_what_is_no_private_key_is_refused(text):
    with pytest.raises(BadKey, match="private"):
        checkpoints.public_of(text, "key.pem")
