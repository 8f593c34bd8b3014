"""Commands on versions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from mlops.cli.output import Debug, Json, tabulate, terminal, workspace

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console

    from mlops.records import Shown
    from registry.versions import ModelVersion

Ref = Annotated[str, typer.Argument(help="name/7, name@latest, name@production, models:/...")]


def versions(
    name: Annotated[str | None, typer.Argument(help="A model's name; default: all.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="How many to list.")] = 50,
    after: Annotated[str | None, typer.Option(help="Go on behind this version.")] = None,
    json: Json = False,
    debug: Debug = False,
) -> None:
    """List what is registered, newest first; the next page starts --after the last one.

    Example: mlops versions credit-risk
    """
    with terminal(json=json, debug=debug) as term:
        from mlops import records

        found = records.versions(name, limit=limit, after=after, workspace=workspace())
        term.answer(found, lambda console: _list(console, found))


def show(ref: Ref, json: Json = False, debug: Debug = False) -> None:
    """Show a version: stage, metrics, evidence, reports, validation results, requests, history.

    Example: mlops show credit-risk@production
    """
    with terminal(json=json, debug=debug) as term:
        from mlops import records

        found = records.show(ref, workspace=workspace())
        term.answer(found, lambda console: _card(console, found))


def _list(console: Console, found: Sequence[ModelVersion]) -> None:
    if not found:
        console.print("Nothing is registered yet. Start with: mlops run DATA --target COLUMN")
        return
    rows = [
        (
            str(version),
            version.stage.value,
            version.task,
            _headline(version),
            version.author,
            f"{version.created_at:%Y-%m-%d %H:%M}",
        )
        for version in found
    ]
    tabulate(console, "", ["version", "stage", "task", "chosen by", "author", "created"], rows)


def _headline(version: ModelVersion) -> str:
    """Return the metric it was chosen by."""
    value = version.metrics.get(version.metric)
    return version.metric if value is None else f"{version.metric} {value:.4g}"


def _card(console: Console, shown: Shown) -> None:
    version = shown.version
    console.print(
        f"[bold]{version}[/]  {version.stage.value}, by {version.author}, "
        f"{version.created_at:%Y-%m-%d %H:%M} UTC"
    )
    facts = [
        ("task", version.task),
        ("chosen by", version.metric),
        ("model", version.model_uri),
        ("run", version.run_id),
        ("model digest", version.model_digest[:12]),
        ("data digest", version.data_digest[:12]),
    ]
    tabulate(console, "", ["", ""], facts)
    tabulate(console, "Metrics", ["metric", "value", "95 %"], _metrics(version))
    reports = [(r.kind, r.uri, r.digest[:12]) for r in shown.reports]
    tabulate(console, "Reports", ["kind", "where", "digest"], reports)
    checked = [
        (f"{v.at:%Y-%m-%d %H:%M}", v.goal, "passed" if v.passed else "turned back",
         ", ".join(v.failed) or "; ".join(v.obstacles), v.author)
        for v in shown.validations
    ]  # fmt: skip
    if checked:
        columns = ["when", "to", "outcome", "because of", "who"]
        tabulate(console, "Validation results", columns, checked)
    asked = [
        (f"{r.at:%Y-%m-%d %H:%M}", r.goal, r.author, r.outcome or "open",
         ", ".join(f"{a.approver} {a.decision}" for a in r.approvals))
        for r in shown.requests
    ]  # fmt: skip
    if asked:
        tabulate(console, "Requests", ["when", "to", "asked by", "outcome", "answers"], asked)
    history = [
        (f"{e.at:%Y-%m-%d %H:%M}", e.action, e.actor, e.source, e.reason) for e in shown.history
    ]
    tabulate(console, "History", ["when", "what", "who", "from", "reason"], history)


def _metrics(version: ModelVersion) -> list[tuple[object, ...]]:
    """Return the metrics with the interval of the one it was chosen by."""
    interval = version.evidence.get("more", {}).get("interval")
    sure = "{:.4g} to {:.4g}".format(*interval) if interval else ""
    return [
        (key, value, sure if key == version.metric else "")
        for key, value in version.metrics.items()
    ]
