"""docs/reference/findings.md says what the rows of checks say."""

import re
from pathlib import Path

import pytest

from pipelines.profile.checks import CHECKS
from pipelines.profile.pair_checks import PAIR_CHECKS

PAGE = (Path(__file__).parents[3] / "docs" / "reference" / "findings.md").read_text()
ROWS = [*CHECKS, *PAIR_CHECKS]


def test_codes_are_stable_words_and_never_given_twice():
    codes = [check.code for check in ROWS]
    assert len(set(codes)) == len(codes)
    assert all(re.fullmatch(r"D\d{3}", code) for code in codes)


@pytest.mark.parametrize("check", ROWS, ids=lambda check: check.code)
def test_each_check_is_documented_with_what_it_does_to_a_run(check):
    line = f"| [{check.code}](#{check.code.lower()}) | {check.title} | {check.severity} | "
    assert f"{line}{check.does} |" in PAGE
    assert re.search(rf"^## {check.code}\n\n\*\*{check.title}\.\*\* \S+", PAGE, re.MULTILINE)


def test_the_page_speaks_of_no_other_code():
    assert set(re.findall(r"D\d{3}", PAGE)) == {check.code for check in ROWS}
