import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.errors import BadName, BadRef
from registry.refs import Ref, check_name, parse
from registry.stages import MOVES, Stage, check_move, verb_of

NAMES = st.from_regex(r"[A-Za-z0-9]([A-Za-z0-9_. -]{0,30}[A-Za-z0-9_.-])?", fullmatch=True)


@given(NAMES, st.integers(0, 999_999_999))
def test_what_is_written_reads_back(name, number):
    for ref in (Ref(name, number=number), Ref(name), *(Ref(name, stage=stage) for stage in Stage)):
        assert parse(str(ref)) == ref
        assert parse(f"models:/{ref}") == ref


@given(st.text())
def test_any_text_is_a_reference_or_a_bad_one(text):
    with contextlib.suppress(BadRef):
        assert parse(str(parse(text))) == parse(text)


@pytest.mark.parametrize(
    "text", ["", "risk", "risk/", "risk/x", "risk/7/8", "../7", "risk@", "@latest"]
)
def test_a_text_without_version_says_what_to_write(text):
    with pytest.raises(BadRef, match=r"Write '.*/7', '.*@latest' or '.*@production'"):
        parse(text)


def test_an_unknown_stage_names_the_known_ones():
    with pytest.raises(BadRef, match="candidate, staging, production, archived, latest"):
        parse("risk@champion")


def test_a_number_too_large_for_a_database_is_no_reference():
    with pytest.raises(BadRef):
        parse("risk/99999999999999999999")


@pytest.mark.parametrize(
    "name", ["a/b", "a:b", "a@b", " a", "a ", "'a'", "é", "", "a" * 201, ".."]
)
def test_names_that_a_reference_or_mlflow_cannot_hold_are_refused(name):
    with pytest.raises(BadName, match="Use letters, digits"):
        check_name(name)


def test_every_step_has_a_verb_and_no_stage_is_a_trap():
    for start, goals in MOVES.items():
        assert goals
        for goal in goals:
            check_move(start, goal)
            assert verb_of(start, goal) in {"promote", "demote", "archive", "restore"}
