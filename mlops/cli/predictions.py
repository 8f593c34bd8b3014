"""Commands that answer for new rows."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mlops.cli.output import Debug, Json, terminal, workspace
from mlops.cli.versions import Ref


def predict(
    ref: Ref,
    data: Annotated[str, typer.Argument(help="Rows to answer for.")],
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="A .csv, .parquet or .jsonl file; default: print."),
    ] = None,
    fdr: Annotated[
        float | None, typer.Option(help="Anomalies: the share of false alarms to allow.")
    ] = None,
    json: Json = False,
    debug: Debug = False,
) -> None:
    """Write a version's answer for every row: prediction, and a probability per class.

    Example: mlops predict credit-risk@production march.csv -o answers.parquet
    """
    with terminal(json=json, debug=debug) as term:
        from mlops import predictions

        if output is None:
            _, answers = predictions.answer(ref, data, fdr=fdr, workspace=workspace())
            term.table(predictions.numbered(answers))
            return
        done = predictions.predict(ref, data, output, fdr=fdr, workspace=workspace())
        term.answer(done, lambda console: console.print(done.sentence, markup=False))
