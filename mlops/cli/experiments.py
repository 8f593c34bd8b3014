"""Commands that make models."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperCommand

from mlops.cli import verdicts
from mlops.cli.output import Debug, Json, tabulate, terminal, workspace
from mlops.cli.parsing import pairs, words

if TYPE_CHECKING:
    from rich.console import Console

    from mlops.cli.output import Terminal
    from mlops.cli.progress import Lines
    from mlops.reproductions import Reproduced
    from mlops.results import Result


class Resumable(TyperCommand):
    """Takes --resume without a run as well: the last one that was cut off."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Say "last" after a --resume that stands alone."""
        words = list(args)
        for place in [place for place, word in enumerate(words) if word == "--resume"][::-1]:
            after = words[place + 1 : place + 2]
            if not after or after[0].startswith("-") or Path(after[0]).exists():
                words.insert(place + 1, "last")
        return super().parse_args(ctx, words)


def run(
    data: Annotated[str, typer.Argument(help="A file, folder, or database URL.")],
    target: Annotated[str | None, typer.Option(help="The column to predict.")] = None,
    task: Annotated[str, typer.Option(help="auto, classification, regression, anomaly.")] = "auto",
    name: Annotated[
        str | None, typer.Option(help="The model's name; default: the file's.")
    ] = None,
    budget: Annotated[str | None, typer.Option(help="Time to search: 30s, 10m, 1h.")] = None,
    trials: Annotated[int | None, typer.Option(help="At most this many trials.")] = None,
    metric: Annotated[str | None, typer.Option(help="What to optimise: roc_auc, rmse ...")] = None,
    seed: Annotated[int, typer.Option(help="Makes a run repeatable.")] = 0,
    workers: Annotated[int | None, typer.Option(help="Trials at a time; default: cores.")] = None,
    algorithms: Annotated[
        list[str] | None, typer.Option(help="Only these, comma-separated.")
    ] = None,
    exclude: Annotated[
        list[str] | None, typer.Option(help="All but these, comma-separated.")
    ] = None,
    keep: Annotated[list[str] | None, typer.Option(help="Keep a column a check drops.")] = None,
    types: Annotated[list[str] | None, typer.Option("--type", help="column=category ...")] = None,
    rows: Annotated[int | None, typer.Option(help="Sample this many rows.")] = None,
    plan: Annotated[Path | None, typer.Option(help="An edited cleaning plan.")] = None,
    group: Annotated[str | None, typer.Option(help="Rows of one value stay together.")] = None,
    time: Annotated[str | None, typer.Option(help="Hold out the last rows by this.")] = None,
    split: Annotated[str | None, typer.Option(help="Its marks say what is held out.")] = None,
    simple: Annotated[bool, typer.Option("--simple", help="One model, no ensemble.")] = False,
    max_latency: Annotated[str | None, typer.Option(help="Time for one row, like 5ms.")] = None,
    trial_time: Annotated[str | None, typer.Option(help="The most one trial may take.")] = None,
    trial_memory: Annotated[str | None, typer.Option(help="Its memory, like 2GB.")] = None,
    sensitive: Annotated[
        list[str] | None, typer.Option(help="The report compares the groups of this column.")
    ] = None,
    max_size: Annotated[str | None, typer.Option(help="The model's size, like 50MB.")] = None,
    nested: Annotated[
        str | None, typer.Option(help="Judge the procedure: 3x2 means 6 more searches.")
    ] = None,
    engine: Annotated[
        str, typer.Option(help="processes, serial or dask://host:port.")
    ] = "processes",
    resume: Annotated[
        str | None, typer.Option(help="Go on with this run; alone: the last cut off.")
    ] = None,
    labels: Annotated[str | None, typer.Option(help="The column that marks anomalies.")] = None,
    contamination: Annotated[
        str | None, typer.Option(help="Share of anomalies: auto or 0.01.")
    ] = None,
    review: Annotated[int | None, typer.Option(help="Call the N strangest anomalies.")] = None,
    json: Json = False,
    debug: Debug = False,
) -> None:
    """Search the best model for a table and register it with its evidence.

    Example: mlops run churn.csv --target Exited --budget 10m
    """
    with terminal(json=json, debug=debug) as term:
        from mlops import experiments

        experiments.get_ready(engine)
        with _watch(term) as watcher:
            result = experiments.run(
                data,
                target,
                task=task,
                name=name,
                budget=budget,
                trials=trials,
                metric=metric,
                seed=seed,
                workers=workers,
                algorithms=words(*algorithms or ()),
                exclude=words(*exclude or ()),
                keep=keep or (),
                types=pairs("--type", types or ()),
                rows=rows,
                plan=plan,
                group=group,
                time=time,
                split=split,
                simple=simple,
                max_latency=max_latency,
                trial_time=trial_time,
                trial_memory=trial_memory,
                sensitive=sensitive or (),
                max_size=max_size,
                nested=nested,
                engine=engine,
                resume=resume,
                labels=labels,
                contamination=contamination,
                review=review,
                watchers=[watcher],
                workspace=workspace(),
            )
        term.answer(result, lambda console: _show(console, result))


def reproduce(
    ref: Annotated[str, typer.Argument(help="name/7, name@latest, name@production ...")],
    data: Annotated[str | None, typer.Option(help="Where its rows are now.")] = None,
    tolerance: Annotated[
        float, typer.Option(min=0, help="How far, as a share, a metric may lie off.")
    ] = 1e-6,
    json: Json = False,
    debug: Debug = False,
) -> None:
    """Train a version again from its record and compare; exit code 71 when metrics differ.

    Example: mlops reproduce churn/3
    """
    with terminal(json=json, debug=debug) as term:
        from mlops import reproductions
        from mlops.errors import NotReproduced
        from mlops.failures import FAILURES

        found = reproductions.reproduce(ref, data=data, tolerance=tolerance, workspace=workspace())
        term.answer(found, lambda console: _show_again(console, found))
        if not found.agrees:
            raise typer.Exit(FAILURES[NotReproduced].exit_code)


def _show_again(console: Console, found: Reproduced) -> None:
    rows = [(key, found.recorded[key], value, "" if key not in found.differing else "differs")
            for key, value in found.now.items()]  # fmt: skip
    tabulate(console, "", ["metric", "then", "now", ""], rows)
    for line in (found.sentence, *found.notes):
        console.print(line, markup=False)


def demo(
    budget: Annotated[str, typer.Option(help="Time to search.")] = "30s",
    rows: Annotated[int, typer.Option(min=500, help="Rows of the table.")] = 5000,
    seed: Annotated[int, typer.Option(help="Makes it repeatable.")] = 0,
    workers: Annotated[int | None, typer.Option(help="Trials at a time; default: cores.")] = None,
    json: Json = False,
    debug: Debug = False,
) -> None:
    """Make a table of loans, find a model for it, explain it, bring it to staging.

    Example: mlops demo
    """
    with terminal(json=json, debug=debug) as term:
        from mlops import demo as journey
        from mlops.experiments import get_ready

        get_ready("processes")
        with _watch(term) as watcher:
            done = journey.demo(
                workspace(), budget=budget, rows=rows, seed=seed, workers=workers, watcher=watcher
            )
        term.answer(done, lambda console: _show_demo(console, done))


def _watch(term: Terminal) -> Lines:
    from mlops.cli.progress import watch

    return watch(term.console, live=not term.json)


def _show(console: Console, result: Result, *, next_steps: bool = True) -> None:
    from mlops.cli.progress import board_table

    console.print(board_table(result.board, 12))
    console.print(result.sentence, markup=False)
    for line in result.notes:
        console.print(line, markup=False)
    if result.comparison:
        console.print(result.comparison.sentence, markup=False)
    if next_steps:
        for command in result.commands:
            console.print(f"  {command}", markup=False, soft_wrap=True)


def _show_demo(console: Console, done: Any) -> None:
    if not console.is_terminal:  # the live view told it already
        _show_profile(console, done.result)
    _show(console, done.result, next_steps=False)
    console.print(f"Promoted: {done.result.version} is now in [bold]{done.stage}[/].")
    verdicts.show(console, done.verdicts)
    console.print("Look further:")
    for command in done.commands:
        console.print(f"  {command}", markup=False, soft_wrap=True)


def _show_profile(console: Console, result: Result) -> None:
    from mlops.cli.progress import told

    for line in told(result.profile):
        console.print(line, markup=False)
