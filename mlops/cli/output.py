"""What a command prints, and how it ends: the only file that prints.

With ``--json`` stdout is exactly one JSON document; everything else goes to stderr. An error that
was foreseen is one sentence and the exit code of its row in ``mlops/failures.py``.
"""

from __future__ import annotations

import json as jsonlib
import logging
import math
import os
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mlops.errors import Interrupted
from mlops.failures import EXPECTED, failure_of
from mlops.plain import plain

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    import pandas as pd
    from rich.console import Console

    from mlops.workspace import Workspace

Json = Annotated[bool, typer.Option("--json", help="Print one JSON document, nothing else.")]
Debug = Annotated[bool, typer.Option("--debug", help="Show tracebacks and detailed logs.")]

_NOBODY_READS = 141
"""The exit code of a command whose reader went away, as of any program that ``head`` cuts off."""
_WIDTH_OF_A_LOG = 120
"""Where no terminal says how wide it is: the log of a workflow, a file."""
_KEPT_WHOLE = 24
"""A column of texts this short is never broken."""


class Terminal:
    """Where one command's answer goes."""

    def __init__(self, *, json: bool, debug: bool) -> None:
        self.json, self.debug = json, debug

    @property
    def console(self) -> Console:
        """The console for people: stdout, or stderr when stdout belongs to the JSON document."""
        from rich.console import Console

        found = Console(stderr=self.json, highlight=False)
        if not found.is_terminal:
            found.width = max(found.width, _WIDTH_OF_A_LOG)
        return found

    def answer(self, data: Any, human: Callable[[Console], None]) -> None:
        """Print the command's answer, once, at its end."""
        if self.json:
            _out(jsonlib.dumps(plain(data), indent=2, ensure_ascii=False) + "\n")
        else:
            human(self.console)

    def write(self, text: str, aside: Sequence[str] = ()) -> None:
        """Print a text that another program reads, and lines beside it on stderr."""
        _out(f"{text}\n")
        for line in aside:
            sys.stderr.write(f"{line}\n")

    def table(self, answers: pd.DataFrame) -> None:
        """Print a table that another program reads: CSV, or one JSON document."""
        if self.json:
            self.answer(answers.to_dict(orient="records"), lambda _: None)
        else:
            _out(answers.to_csv(index=False))

    def refuse(self, error: BaseException) -> int:
        """Say in one sentence what went wrong; return the exit code."""
        failure = failure_of(error)
        if self.json:
            told = {"error": failure.slug, "message": str(error), "exit_code": failure.exit_code}
            sys.stdout.write(jsonlib.dumps(told, indent=2, ensure_ascii=False) + "\n")
        sys.stderr.write(f"Error: {error}\n")
        return failure.exit_code


@contextmanager
def terminal(*, json: bool, debug: bool) -> Iterator[Terminal]:
    """Run a command's body: foreseen errors end it with a sentence, others with a hint."""
    term = Terminal(json=json, debug=debug)
    _log(logging.DEBUG if debug else None)
    try:
        yield term
    except EXPECTED as error:
        if debug:
            raise
        raise typer.Exit(term.refuse(error)) from error
    except KeyboardInterrupt as error:
        if debug:
            raise
        raise typer.Exit(term.refuse(Interrupted("Interrupted; nothing was changed."))) from error
    except Exception as error:
        if debug or isinstance(error, typer.Exit):
            raise
        sys.stderr.write(
            f"Error: something unforeseen happened ({type(error).__name__}: {error}). "
            "Run it again with --debug for the whole story; it is a bug worth reporting.\n"
        )
        raise typer.Exit(1) from error


def _out(text: str) -> None:
    """Write to stdout; where its reader went away, end quietly."""
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except BrokenPipeError as error:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # the end flushes once more
        raise typer.Exit(_NOBODY_READS) from error


def workspace() -> Workspace:
    """Open the workspace that the settings describe; what it changes came by the command line."""
    from mlops.workspace import Workspace

    return Workspace.open(source="cli")


def table(title: str, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> Any:
    """Build a Rich table: numbers to the right, only long texts wrapped, no column of nothing."""
    from rich import box
    from rich.table import Table

    cells = [[text_of(cell) for cell in row] for row in rows]
    drawn = Table(
        title=title, box=box.SIMPLE_HEAD, title_justify="left", title_style="bold",
        show_header=any(columns),
    )  # fmt: skip
    kept = [
        place for place, column in enumerate(columns)
        if not (cells and column) or any(row[place] for row in cells)
    ]  # fmt: skip
    for place, column in [(place, columns[place]) for place in kept]:
        numeric = cells and all(_is_number(row[place]) for row in cells)
        longest = max([len(column), *(len(row[place]) for row in cells)])
        side: Any = "right" if numeric else "left"
        drawn.add_column(column, justify=side, overflow="fold", no_wrap=longest <= _KEPT_WHOLE)
    for row in cells:
        drawn.add_row(*(row[place] for place in kept))
    return drawn


def tabulate(console: Console, title: str, columns: Sequence[str], rows: Any) -> None:
    """Print a table; where it finds no room it runs over the edge, and no word is lost."""
    rows = list(rows)
    if not rows and not title:
        console.print("Nothing to list.")
        return
    drawn = table(title, columns, rows)
    whole = _least_width(drawn)
    given, console.width = console.width, max(console.width, whole)
    console.print(drawn)
    console.width = given


def _least_width(drawn: Any) -> int:
    """Return the width at which no short cell and no word of a long one is broken."""
    least = 1
    for column in drawn.columns:
        cells = [str(column.header), *map(str, column.cells)]
        parts = cells if column.no_wrap else [word for cell in cells for word in cell.split()]
        least += 3 + max(map(len, parts), default=0)
    return least


def text_of(cell: object) -> str:
    """Return a cell as people read it.

    >>> text_of(0.8312345), text_of(None), text_of(12)
    ('0.8312', '-', '12')
    """
    if cell is None or (isinstance(cell, float) and math.isnan(cell)):
        return "-"
    return f"{cell:.4g}" if isinstance(cell, float) else str(cell)


def _is_number(text: str) -> bool:
    return text == "-" or text.replace(".", "", 1).replace("-", "").replace("e", "").isdigit()


def _log(level: int | None) -> None:
    """Send our own logs to stderr; a command never mixes them with its answer."""
    logging.basicConfig(
        level=logging.WARNING, stream=sys.stderr, format="%(levelname)s %(name)s: %(message)s"
    )
    for ours in ("mlops", "pipelines", "registry"):
        logging.getLogger(ours).setLevel(level or logging.WARNING)
