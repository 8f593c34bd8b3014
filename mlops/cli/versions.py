"""Commands on versions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from mlops.cli.output import Debug, Json, table, terminal, workspace
from registry.stages import Stage

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console

    from mlops.records import Shown
    from registry.gates import Verdict
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
    """Show a version: its stage, metrics, evidence, reports and history.

    Example: mlops show credit-risk@production
    """
    with terminal(json=json, debug=debug) as term:
        from mlops import records

        found = records.show(ref, workspace=workspace())
        term.answer(found, lambda console: _card(console, found))


def check(
    ref: Ref,
    to: Annotated[Stage, typer.Option(help="The stage it would enter.")],
    json: Json = False,
    debug: Debug = False,
) -> None:
    """Ask every gate without moving anything; exit code 8 when one says no.

    Example: mlops check credit-risk/7 --to production
    """
    with terminal(json=json, debug=debug) as term:
        from mlops import promotions

        found = promotions.check(ref, to=to, workspace=workspace())
        term.answer(found, lambda console: _verdicts(console, str(found.version), found.verdicts))
        if not found.passed:
            raise typer.Exit(8)


def promote(
    ref: Ref,
    to: Annotated[Stage, typer.Option(help="The stage to enter.")],
    reason: Annotated[str, typer.Option(help="Kept in the audit log.")] = "",
    json: Json = False,
    debug: Debug = False,
) -> None:
    """Move a version to a stage if every gate agrees.

    Example: mlops promote credit-risk/7 --to staging --reason "beats last month"
    """
    with terminal(json=json, debug=debug) as term:
        from mlops import promotions

        done = promotions.promote(ref, to=to, reason=reason, workspace=workspace())
        term.answer(done, lambda console: _promoted(console, done))


def _list(console: Console, found: Sequence[ModelVersion]) -> None:
    if not found:
        console.print("Nothing is registered yet. Start with: mlops run DATA --target COLUMN")
        return
    rows = [
        (
            str(version),
            version.stage.value,
            version.task,
            ", ".join(f"{key} {value:.4g}" for key, value in _headline(version)),
            version.author,
            f"{version.created_at:%Y-%m-%d %H:%M}",
        )
        for version in found
    ]
    console.print(table("", ["version", "stage", "task", "metrics", "author", "created"], rows))


def _headline(version: ModelVersion) -> list[tuple[str, float]]:
    first = (
        [(version.metric, version.metrics[version.metric])]
        if version.metric in version.metrics
        else []
    )
    return first + [pair for pair in version.metrics.items() if pair[0] != version.metric][:2]


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
        ("model digest", version.model_digest),
        ("data digest", version.data_digest),
    ]
    console.print(table("", ["", ""], facts))
    console.print(table("Metrics", ["metric", "value", "95 %"], _metrics(version)))
    reports = [(r.kind, r.uri, r.digest[:12]) for r in shown.reports]
    console.print(table("Reports", ["kind", "where", "digest"], reports))
    history = [
        (f"{e.at:%Y-%m-%d %H:%M}", e.action, e.actor, e.source, e.reason) for e in shown.history
    ]
    console.print(table("History", ["when", "what", "who", "from", "reason"], history))


def _metrics(version: ModelVersion) -> list[tuple[object, ...]]:
    """Return the metrics with the interval of the one it was chosen by."""
    interval = version.evidence.get("more", {}).get("interval")
    sure = "{:.4g} to {:.4g}".format(*interval) if interval else ""
    return [
        (key, value, sure if key == version.metric else "")
        for key, value in version.metrics.items()
    ]


def _verdicts(console: Console, title: str, verdicts: Sequence[Verdict]) -> None:
    rows = [(v.outcome, v.code, v.title, v.observed, v.needed, v.reason) for v in verdicts]
    columns = ["", "gate", "asks", "observed", "needed", "reason"]
    console.print(table(title, columns, rows))


def _promoted(console: Console, done: Any) -> None:
    _verdicts(console, str(done.version), done.verdicts)
    console.print(f"{done.version} is now in [bold]{done.version.stage.value}[/].")
    if not done.mirrored:
        console.print(f"MLflow does not show it yet: {done.mirror_failure}", markup=False)
