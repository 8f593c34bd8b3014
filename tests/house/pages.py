"""Writes the reference pages that are made from the code: ``python tests/house/pages.py``."""

from __future__ import annotations

from pathlib import Path

import typer

from mlops.cli import app
from mlops.failures import FAILURES
from mlops.settings import Settings, variable

REFERENCE = Path(__file__).parents[2] / "docs" / "reference"


def commands() -> str:
    """Return every command with its help, as ``mlops COMMAND --help`` prints it."""
    from typer.testing import CliRunner

    shown = CliRunner(env={"COLUMNS": "100", "TERM": "dumb"})
    parts = ["# Commands\n", "Made from the code by `python tests/house/pages.py`.\n"]
    for words in [[], *_paths(typer.main.get_command(app), [])]:
        told = shown.invoke(app, [*words, "--help"], prog_name="mlops").output.rstrip()
        parts.append(f"## {' '.join(['mlops', *words])}\n\n```\n{told}\n```\n")
    return "\n".join(parts)


def _paths(command, words):
    for name, child in getattr(command, "commands", {}).items():
        yield [*words, name]
        yield from _paths(child, [*words, name])


def settings() -> str:
    """Return the table of settings."""
    rows = [
        f"| `{variable(name)}` | {_default(name)} | {field.description} |"
        for name, field in Settings.model_fields.items()
    ]
    return "\n".join(
        [
            "# Settings\n",
            "Nothing has to be set. Made from the code by `python tests/house/pages.py`.\n",
            "| environment variable | default | what it is |",
            "| --- | --- | --- |",
            *rows,
            "",
        ]
    )


def _default(name: str) -> str:
    value = Settings.model_fields[name].default
    return "" if value in (None, "") else f"`{getattr(value, 'value', value)}`"


def failures() -> str:
    """Return the table of errors."""
    rows = [
        f"| {row.exit_code} | {row.status} | `{row.slug}` | {str(cls.__doc__).splitlines()[0]} |"
        for cls, row in sorted(FAILURES.items(), key=lambda pair: pair[1].exit_code)
    ]
    return "\n".join(
        [
            "# Exit codes and HTTP statuses\n",
            "Made from the code by `python tests/house/pages.py`. With `--json` an error is one",
            "document: `error` (the name below), `message`, `exit_code`.\n",
            "| exit code | HTTP | error | meaning |",
            "| --- | --- | --- | --- |",
            "| 0 | 200 | | all went well |",
            "| 2 | | | the command line itself is wrong |",
            *rows,
            "",
        ]
    )


PAGES = {"commands.md": commands, "settings.md": settings, "errors.md": failures}

if __name__ == "__main__":
    for name, make in PAGES.items():
        (REFERENCE / name).write_text(make(), encoding="utf-8")
