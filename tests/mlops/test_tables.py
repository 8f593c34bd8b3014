"""What commands print, on terminals of every width."""

import io

import pytest
from rich.console import Console

from mlops.cli import output, verdicts
from registry.cases import Verdict

ROWS = [
    ("loans/12", "production", "2026-11-21 18:10:27", "beats the version of last month by far")
]
COLUMNS = ["version", "stage", "since", "reason"]


@pytest.mark.parametrize("width", [40, 80, 200])
def test_no_word_of_a_table_is_lost_and_no_short_one_is_broken(width):
    into = io.StringIO()
    output.tabulate(Console(file=into, width=width), "", COLUMNS, ROWS)
    shown = into.getvalue()
    for cell in ROWS[0][:3]:
        assert cell in shown
    for word in ROWS[0][3].split():
        assert word in shown


def test_a_column_that_says_nothing_is_left_out():
    into = io.StringIO()
    rows = [("loans", "", None, 1), ("cards", "", None, 2)]
    output.tabulate(Console(file=into, width=80), "", ["name", "note", "score", ""], rows)
    shown = into.getvalue()
    assert "note" not in shown
    assert [line.split() for line in shown.strip().splitlines()[-2:]] == [
        ["loans", "-", "1"],
        ["cards", "-", "2"],
    ]


def test_a_gate_that_agrees_takes_one_line_and_one_that_refuses_tells_everything():
    long = "a reason that is longer than a line of this terminal, told to its very last word"
    found = [
        Verdict(code="G001", title="metrics", outcome="passed", reason="",
                observed="x" * 200, needed=""),
        Verdict(code="G009", title="not worse", outcome="failed", reason=long,
                observed="0.7", needed="0.8"),
    ]  # fmt: skip
    into = io.StringIO()
    verdicts.show(Console(file=into, width=60), found)
    lines = into.getvalue().splitlines()
    assert lines[0].startswith("+ G001 metrics")
    assert max(map(len, lines)) <= 60
    assert lines[1].startswith("x G009 not worse")
    assert " ".join(" ".join(lines[2:]).split()).startswith(f"because: {long} observed: 0.7")
