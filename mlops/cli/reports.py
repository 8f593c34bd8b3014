"""Commands on explanations."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mlops.cli.output import Debug, Json, tabulate, terminal, workspace
from mlops.cli.parsing import positions
from mlops.cli.versions import Ref

if TYPE_CHECKING:
    from rich.console import Console

    from mlops.explanations import Explained


def explain(
    ref: Ref,
    data: Annotated[
        str | None, typer.Option(help="Rows to explain; default: the held-out.")
    ] = None,
    by: Annotated[list[str] | None, typer.Option(help="Also report by this column.")] = None,
    rows: Annotated[str, typer.Option(help="Also explain these rows: 17,42, or a file.")] = "",
    sensitive: Annotated[
        list[str] | None, typer.Option(help="Compare how the groups of this column fare.")
    ] = None,
    budget: Annotated[str, typer.Option(help="Time to spend.")] = "30s",
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Also write here.")] = None,
    seed: Annotated[int, typer.Option(help="Makes it repeatable.")] = 0,
    json: Json = False,
    debug: Debug = False,
) -> None:
    """Explain a version: SHAP and LIME, per row, overall and by cohort; attach the report to it.

    Example: mlops explain credit-risk@staging --data march.csv --by region -o march/
    """
    with terminal(json=json, debug=debug) as term:
        from mlops import explanations

        done = explanations.explain(
            ref,
            data,
            by=by or (),
            rows=positions("--rows", rows),
            sensitive=sensitive or (),
            budget=budget,
            output=output,
            seed=seed,
            workspace=workspace(),
        )
        term.answer(done, lambda console: _show(console, done))


def _show(console: Console, done: Explained) -> None:
    columns = ["column", "mean |contribution|", "low", "high"]
    tabulate(console, f"{done.version}: what drives it", columns, done.drivers)
    tabulate(console, "", ["section", "how it was made"], done.sections.items())
    console.print(f"Attached: {done.uri}", markup=False)
    if done.output is not None:
        console.print(f"Written: {done.output / 'report.html'}", markup=False)
