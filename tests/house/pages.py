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


DETECTORS = """\
# Detectors

The table is made from the code by `python tests/house/pages.py`; `mlops algorithms --task anomaly`
prints it too. Around each stands one guard: columns that never vary or repeat another one are not
looked at; gaps are filled and categories become numbers by the cleaning plan; cells are kept within
a million spreads of the training rows; counts of neighbours never exceed the rows; a score that is no
number becomes that of the nearest training row. A table that a detector has no use for gets one
sentence. A row's score never depends on the rows it comes with, and one seed gives one answer.

`needs` says what else the guard does: `distinct` learns from different rows only, `full_rank` turns
the columns into the directions in which the rows vary, `steady` asks in whole blocks so that rounding
is the same for one row and for many, `labels` has it learn from labels. *Learns from* is how many
rows are drawn (with the seed) where the cost grows with their square.

Scores of training rows: `together` scores a row that equals a training row as that row was scored in
training, without itself among its neighbours. `knn`, `lof`, `kpca`, `lscp` and `xgbod` do not: asked
again, a training row finds itself and looks a little less strange than a new one would.

Saved by skops all of them, except where `model.json` of a version says otherwise and why.
"""
LEFT_OUT = """
## Left out, or not taken as they are

`tests/pipelines/anomaly/test_guard.py` notices when these are mended.

| PyOD 3.6.7 | why | here |
| --- | --- | --- |
| ECOD, COPOD | a row is ranked among the rows of its batch | `ecod`, `copod`: among the training rows, the same scores on those |
| ROD, LMDD | medians or random orders of the batch enter the score | `rod`; `lmdd` is the exact smoothing factor of one row |
| COF, SOS, SOD, CD, LOCI | rows of one batch are compared with each other; one row alone fails or gets no number | `cof`, `sos`, `sod`, `cd`, `loci`: compared with training rows |
| LSCP | draws anew whenever it scores | `lscp`: its seed is set before every answer |
| MAD | one column only | `mad`: the strangest column counts |
| QMCD | its distance takes the two ends of a column for neighbours: rows planted far out in corners score low | as it is, on standby |
| HDBSCAN | a new row gets its neighbours' scores, so far-out rows are not told | as it is, on standby |
| SGDOneClassSVM (scikit-learn) | linear: parts the rows from the origin | in the space of a kernel |
| DevNet | the arguments of its loss are swapped: it learns the opposite | left out |
| MO_GAAL, LSTMAD | cannot be pickled | left out |
| RGraph, AnomalyTransformer, KShape, SAND | far too slow | left out |
"""


def detectors() -> str:
    """Return the table of detectors."""
    from mlops.catalogue import algorithms

    head = "| key | what it measures | from | cost | learns from | needs | explained by | extra |"
    lines = [
        f"| `{row.key}` | {row.title} | {row.library} | {row.complexity} | {row.sample or ''} | "
        f"{', '.join(n for n in row.needs if n in GUARDED)} | {row.explained} | "
        f"{row.extra or ''} |"
        for row in algorithms("anomaly")
    ]
    return "\n".join([DETECTORS, head, "| --- " * 8 + "|", *lines, LEFT_OUT])


GUARDED = ("distinct", "full_rank", "steady", "labels")
PAGES = {"commands.md": commands, "settings.md": settings, "errors.md": failures}
PAGES["detectors.md"] = detectors

if __name__ == "__main__":
    for name, make in PAGES.items():
        (REFERENCE / name).write_text(make(), encoding="utf-8")
