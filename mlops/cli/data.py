"""Commands on data."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mlops.cli.output import Debug, Json, tabulate, terminal
from mlops.cli.parsing import pairs

if TYPE_CHECKING:
    from rich.console import Console

    from pipelines.profile.facts import Column, Profile


def profile(
    data: Annotated[str, typer.Argument(help="A file, folder, or database URL.")],
    target: Annotated[str | None, typer.Option(help="The column to predict, if any.")] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Write an HTML (or .json) report here.")
    ] = None,
    against: Annotated[str | None, typer.Option(help="Compare with these rows too.")] = None,
    plan: Annotated[Path | None, typer.Option(help="Write the cleaning plan here.")] = None,
    keep: Annotated[list[str] | None, typer.Option(help="Keep a column a check drops.")] = None,
    types: Annotated[list[str] | None, typer.Option("--type", help="column=category ...")] = None,
    rows: Annotated[int | None, typer.Option(help="Sample this many rows.")] = None,
    seed: Annotated[int, typer.Option(help="Makes the sample repeatable.")] = 0,
    json: Json = False,
    debug: Debug = False,
) -> None:
    """Describe a table and say what is wrong with it, before a trial is spent.

    Example: mlops profile churn.csv --target Exited -o churn.html
    """
    with terminal(json=json, debug=debug) as term:
        from mlops import profiles

        found = profiles.profile(
            data,
            target,
            against=against,
            plan=plan,
            types=pairs("--type", types or ()),
            keep=keep or (),
            rows=rows,
            seed=seed,
        )
        if output is not None:
            profiles.write(found, output)
        term.answer(found, lambda console: _show(console, found, output))


CHANCE = 0.05
"""The p-value from which on a relation with the target is not told from chance."""


def _relation(column: Column) -> str:
    """Say how closely a column goes with the target."""
    told = column.association
    if not told:
        return ""
    if told["p_value"] is not None and told["p_value"] >= CHANCE:
        return "chance"
    return f"{told['value']:.2f}"


def _show(console: Console, found: Profile, output: Path | None) -> None:
    from mlops.cli.progress import told

    heads = ["column", "kind", "missing", "distinct", "examples"]
    rows = [
        [c.name, c.kind.value, c.missing, c.distinct, ", ".join(c.examples[:3])]
        for c in found.columns
    ]
    if found.target is not None:
        heads.append(f"with {found.target}")
        rows = [[*row, _relation(c)] for row, c in zip(rows, found.columns, strict=True)]
    tabulate(console, found.name, heads, rows)
    measures = dict.fromkeys(c.association["measure"] for c in found.columns if c.association)
    if measures:
        console.print(f"with {found.target}: {', '.join(measures)}", markup=False)
    for line in told(found):
        console.print(line, markup=False)
    if output is not None:
        console.print(f"Written: {output}", markup=False)
