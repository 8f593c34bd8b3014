"""Commands that keep the house: the server and the database."""

from __future__ import annotations

from typing import Annotated

import typer

from mlops.cli.output import Debug, Json, terminal, workspace


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


def db_upgrade(json: Json = False, debug: Debug = False) -> None:
    """Bring the registry's tables to this release's form; data is kept.

    Example: mlops db upgrade
    """
    with terminal(json=json, debug=debug) as term:
        from mlops import settings
        from registry import db

        engine = db.open_engine(settings.load().database_url)
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
        from registry import db

        engine = db.open_engine(settings.load().database_url)
        told = {"database": db.shown(engine), "state": db.state(engine).value}
        term.answer(
            told,
            lambda console: console.print(f"{told['database']}: {told['state']}", markup=False),
        )
