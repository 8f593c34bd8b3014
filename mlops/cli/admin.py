"""Commands that keep the house: the server and the database."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from mlops.cli.output import Debug, Json, tabulate, terminal, workspace
from mlops.errors import Diverged
from mlops.failures import FAILURES
from registry.errors import BrokenChain

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console

    from mlops.doctor import Diagnosis
    from registry.mirror.drift import Drift


def ui(
    host: Annotated[
        str | None, typer.Option(help="Where to listen; default: this machine.")
    ] = None,
    port: Annotated[int | None, typer.Option(min=1, max=65535, help="Default: 5000.")] = None,
    json: Json = False,
    debug: Debug = False,
) -> None:
    """Start the MLflow server on this workspace's store and print its address; Ctrl-C ends it.

    Example: mlops ui --port 5001
    """
    with terminal(json=json, debug=debug) as term:
        from mlops import server

        server.serve(
            workspace(),
            host=host,
            port=port,
            on_ready=lambda url: term.answer({"url": url}, lambda console: console.print(url)),
        )


def doctor(
    name: Annotated[str | None, typer.Argument(help="A model's name; default: all.")] = None,
    repair: Annotated[bool, typer.Option("--repair", help="Set MLflow to the record.")] = False,
    every: Annotated[
        bool, typer.Option("--every", help="Hash every version's files, not only those in use.")
    ] = False,
    json: Json = False,
    debug: Debug = False,
) -> None:
    """Compare the record with MLflow (exit code 29 when they part) and verify the audit log (9).

    Example: mlops doctor --repair
    """
    with terminal(json=json, debug=debug) as term:
        from mlops import doctor

        found = doctor.examine(name, repair=repair, every=every, workspace=workspace())
        term.answer(found, lambda console: _diagnosis(console, found))
        if not found.healthy:
            kind = BrokenChain if found.broken_chain else Diverged
            raise typer.Exit(FAILURES[kind].exit_code)


def db_upgrade(json: Json = False, debug: Debug = False) -> None:
    """Bring the registry's tables to this release's form; data is kept.

    Example: mlops db upgrade
    """
    with terminal(json=json, debug=debug) as term:
        from mlops import settings
        from mlops.workspace import connect
        from registry import db

        engine = connect(settings.load())
        told = {"database": db.shown(engine), "revision": db.upgrade(engine)}
        term.answer(
            told,
            lambda console: console.print(
                f"{told['database']} is at {told['revision']}.", markup=False
            ),
        )


def db_status(json: Json = False, debug: Debug = False) -> None:
    """Say whether the registry's tables are empty, older, current or newer.

    Example: mlops db status
    """
    with terminal(json=json, debug=debug) as term:
        from mlops import settings
        from mlops.workspace import connect
        from registry import db

        engine = connect(settings.load())
        told = {"database": db.shown(engine), "state": db.state(engine).value}
        term.answer(
            told,
            lambda console: console.print(f"{told['database']}: {told['state']}", markup=False),
        )


def _diagnosis(console: Console, found: Diagnosis) -> None:
    mended = [each for each in found.found if each not in found.left]
    rows = [
        (
            "mended" if each in mended else "open",
            each.kind,
            each.subject,
            each.recorded,
            each.shown,
        )
        for each in (*mended, *found.left)
    ]
    if rows:
        tabulate(console, "", ["", "what", "where", "recorded", "in MLflow"], rows)
    if found.broken_chain:
        console.print(found.broken_chain, markup=False)
    models = f"{len(found.models)} model" + ("s" if len(found.models) != 1 else "")
    audit = f"{found.entries} audit entries verify"
    if found.broken_chain:
        audit = "the audit log does not verify, and no repair mends that"
    console.print(f"{models}: {_parted(found.left)}; {audit}.")


def _parted(left: Sequence[Drift]) -> str:
    """Say how far MLflow is from the record, and who can set it right."""
    if not left:
        return "MLflow shows the record"
    count = "1 divergence" if len(left) == 1 else f"{len(left)} divergences"
    people = sum(not each.repairable for each in left)
    if not people:
        return f"{count}, set right by: mlops doctor --repair"
    return f"{count}, {'which needs' if len(left) == 1 else f'{people} of which need'} a person"
