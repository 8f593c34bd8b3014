"""Writes the reference pages that are made from the code: ``python tests/house/pages.py``."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import typer

from mlops.cli import app
from mlops.failures import FAILURES
from mlops.settings import Settings, variable
from registry.gates import EVIDENCE, GATES
from registry.policy import DEFAULT_STAGES

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


def gates() -> str:
    """Return the page on gates with its table made anew; the words around it are kept."""
    names = ["code", "key", "settings", "asks", "by default"]
    lines = [f"| {' | '.join(names)} |", "| --- " * len(names) + "|"]
    for gate in GATES:
        stages = [str(s) for s, rules in DEFAULT_STAGES.items() if gate.key in rules.gates]
        key = f"`{gate.key}`" + (", evidence" if gate.key in EVIDENCE else "")
        cells = (gate.code, key, _asked(gate.settings), gate.asks, ", ".join(stages) or "off")
        lines.append(f"| {' | '.join(cells)} |")
    return _around("gates.md", lines)


def _around(name: str, lines: list[str]) -> str:
    before, mark, rest = (REFERENCE / name).read_text().partition("<!-- table -->\n")
    _, end, after = rest.partition("<!-- end -->\n")
    return "".join([before, mark, "\n".join(lines), "\n", end, after])


def _asked(settings: type) -> str:
    rows = []
    for one in dataclasses.fields(settings):
        default = "" if one.default is dataclasses.MISSING else f" = {_toml(one.default)}"
        rows.append(f"`{one.name}{default}`")
    return ", ".join(rows)


def _toml(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return repr(list(value)) if isinstance(value, tuple) else repr(value)


def detectors() -> str:
    """Return the page on detectors with its table made anew; the words around it are kept."""
    from mlops.catalogue import algorithms

    names = ["key", "what it measures", "from", "cost", "learns from", "needs", "explained by"]
    lines = [f"| {' | '.join([*names, 'saved by', 'extra'])} |", "| --- " * 9 + "|"]
    for row in algorithms("anomaly"):
        needs = ", ".join(need for need in row.needs if need in GUARDED)
        cells = (f"`{row.key}`", row.title, row.library, row.complexity, row.sample or "", needs)
        saved = "cloudpickle" if row.pickled else "skops"
        more = [row.explained, saved, row.extra or ""]
        lines.append(f"| {' | '.join(map(str, [*cells, *more]))} |")
    return _around("detectors.md", lines)


def metrics() -> str:
    """Return the table of metrics."""
    from pipelines.metrics import ROWS

    rows = [
        f"| `{row.key}` | {row.title} | {', '.join(sorted(map(str, row.tasks)))} "
        f"| {row.wants} | {'more' if row.greater_is_better else 'less'} "
        f"| {'two classes only' if row.only_two_classes else ''} |"
        for row in ROWS
    ]
    return "\n".join(
        [
            "# Metrics\n",
            "What `--metric` takes. Made from the code by `python tests/house/pages.py`.\n",
            "| metric | what it is | for | computed from | better is | |",
            "| --- | --- | --- | --- | --- | --- |",
            *rows,
            "",
        ]
    )


GUARDED = ("distinct", "full_rank", "steady", "labels")
PAGES = {"commands.md": commands, "settings.md": settings, "errors.md": failures}
PAGES["detectors.md"] = detectors
PAGES["gates.md"] = gates
PAGES["metrics.md"] = metrics

if __name__ == "__main__":
    for name, make in PAGES.items():
        (REFERENCE / name).write_text(make(), encoding="utf-8")
