"""Every command in the how-to pages exists, with every option it shows."""

import re
import shlex
from pathlib import Path

import pytest
import typer

from mlops.cli import app

ROOT = Path(__file__).parents[2]
SHOWN = [
    (str(page.relative_to(ROOT)), line)
    for page in sorted((ROOT / "docs" / "how-to").glob("*.md"))
    for block in re.findall(r"```(?:bash|sh|console)\n(.*?)```", page.read_text(), re.DOTALL)
    for line in re.findall(r"^\s*(?:\$ )?(mlops .*)$", block.replace("\\\n", " "), re.MULTILINE)
]


@pytest.mark.parametrize(("page", "line"), SHOWN)
def test_a_command_on_a_how_to_page_can_be_typed(page, line):
    words = shlex.split(re.split(r" (?:[|>]|&&|2>) ?", line)[0], comments=True)[1:]
    command = typer.main.get_command(app)
    while words and words[0] in getattr(command, "commands", {}):
        command = command.commands[words.pop(0)]
    if not hasattr(command, "commands"):
        command.make_context(page, words)
