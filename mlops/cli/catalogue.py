"""The command that lists what a search can choose from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from mlops.cli.output import Debug, Json, tabulate, terminal

if TYPE_CHECKING:
    from mlops.catalogue import Entry


def algorithms(
    task: Annotated[
        str | None, typer.Option(help="classification, regression, anomaly; default: all.")
    ] = None,
    json: Json = False,
    debug: Debug = False,
) -> None:
    """List the algorithms with what they need, their limits and their extras.

    Example: mlops algorithms --task regression
    """
    with terminal(json=json, debug=debug) as term:
        from mlops import catalogue

        found = catalogue.algorithms(task)
        columns = ["task", "key", "algorithm", "library", "at most", "tunes", "only for"]
        columns += ["cost", "explained by"]
        rows = [_line(entry) for entry in found]
        term.answer(found, lambda console: tabulate(console, "", columns, rows))


def _line(entry: Entry) -> tuple[str, ...]:
    there = entry.library if entry.installed else f"{entry.library} (extra {entry.extra})"
    return (
        entry.task, entry.key, entry.title, there, _limits(entry),
        _tuned(len(entry.tunes)),
        _conditions(entry),
        entry.complexity, entry.explained,
    )  # fmt: skip


def _conditions(entry: Entry) -> str:
    told = [entry.only_for, "tables with labels" if "labels" in entry.needs else ""]
    told.append("when it is named" if entry.standby and not entry.only_for else "")
    return ", ".join(filter(None, told))


def _tuned(many: int) -> str:
    return "1 setting" if many == 1 else f"{many} settings" if many else "nothing"


def _limits(entry: Entry) -> str:
    classes = entry.most_classes if entry.task == "classification" else None
    learns = [f"learns from {entry.sample:,} rows"] if entry.sample else []
    sizes = {"rows": entry.most_rows, "columns": entry.most_columns, "classes": classes}
    most = [f"{most:,} {what}" for what, most in sizes.items() if most is not None]
    return ", ".join([*most, *learns])
