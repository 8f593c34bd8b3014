"""Files and functions stay small enough to be read in one go; ruff counts the rest."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ROOMS = ("mlops", "pipelines", "registry")
FILES = sorted(path for room in ROOMS for path in (ROOT / room).rglob("*.py"))
BANNED = {"utils", "util", "helpers", "common", "core", "misc", "base", "manager", "service"}


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_file_has_a_rule_a_name_and_at_most_400_lines(path):
    text = path.read_text()
    assert len(text.splitlines()) <= 400
    assert path.stem not in BANNED
    assert len(path.relative_to(ROOT).parts) <= 4
    if "versions" not in path.parts:
        assert ast.get_docstring(ast.parse(text)), "a module says what rule it lives by"


def test_no_machine_path_stands_in_the_tree():
    suspicious = ["/" + "root/", "/" + "work/"]
    for path in FILES:
        assert not [word for word in suspicious if word in path.read_text()], path
