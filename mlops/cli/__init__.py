"""The Typer app, assembled. Nothing heavy is imported before a command runs."""

from __future__ import annotations

import atexit
import gc

import typer

from mlops.cli import (
    admin,
    audits,
    catalogue,
    data,
    experiments,
    lifecycle,
    people,
    policies,
    predictions,
    reports,
    reviews,
    versions,
    webhooks,
)

_AT_ONCE = 20_000
"""How many new objects Python waits for before it looks for garbage among them; 700 by itself."""

app = typer.Typer(
    name="mlops",
    no_args_is_help=True,
    rich_markup_mode=None,  # plain help costs half the CPU of the decorated one
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 120},
    help="From a table to a tuned, explained, gated model. Start with: mlops demo",
)
app.command("run", cls=experiments.Resumable)(experiments.run)
app.command("demo")(experiments.demo)
app.command("profile")(data.profile)
app.command("reproduce")(experiments.reproduce)
app.command("algorithms")(catalogue.algorithms)
app.command("versions")(versions.versions)
app.command("show")(versions.show)
app.command("check")(lifecycle.check)
app.command("promote")(lifecycle.promote)
app.command("demote")(lifecycle.demote)
app.command("archive")(lifecycle.archive)
app.command("rollback")(lifecycle.rollback)
app.command("history")(lifecycle.history)
app.command("request")(lifecycle.request)
app.command("requests")(lifecycle.requests)
app.command("approve")(lifecycle.approve)
app.command("reject")(lifecycle.reject)
app.command("explain")(reports.explain)
app.command("predict")(predictions.predict)
app.command("review")(reviews.review)
app.command("ui")(admin.ui)
app.command("doctor")(admin.doctor)
database = typer.Typer(
    no_args_is_help=True, rich_markup_mode=None, help="The registry's database."
)
database.command("upgrade")(admin.db_upgrade)
database.command("status")(admin.db_status)
app.add_typer(database, name="db")
app.add_typer(audits.app, name="audit")
app.add_typer(people.users, name="users")
app.add_typer(people.tokens, name="tokens")
app.add_typer(webhooks.app, name="webhooks")
app.add_typer(policies.app, name="policy")


def _tell_version(asked: bool) -> None:
    if asked:
        from importlib.metadata import version as installed

        typer.echo(f"mlops {installed('mlops-platform')}")
        raise typer.Exit


@app.callback()
def _main(
    _version: bool = typer.Option(
        False, "--version", callback=_tell_version, is_eager=True, help="Print the version."
    ),
) -> None:
    return


def main() -> None:
    """Run the command line.

    Importing makes a million objects of which none is garbage. Looking for it as often as Python
    does, and once more at the end, is a third of a short command.
    """
    gc.set_threshold(_AT_ONCE)
    atexit.register(gc.freeze)
    app()
