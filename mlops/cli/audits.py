"""Commands on the audit log."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mlops.cli.output import Debug, Json, tabulate, terminal, workspace

if TYPE_CHECKING:
    from rich.console import Console

    from mlops.audits import Verified
    from registry.audit import Entry
    from registry.checkpoints import Checkpoint

PublicKey = Annotated[
    Path | None,
    typer.Option("--key", help="The public key of the checkpoints; default: the one kept here."),
]
app = typer.Typer(
    no_args_is_help=True, rich_markup_mode=None, help="Who did what, and proof of it."
)


@app.command()
def log(
    subject: Annotated[
        str | None, typer.Argument(help="One version, name/7, or a user: @users/ada.")
    ] = None,
    model: Annotated[str | None, typer.Option(help="Only this model.")] = None,
    actor: Annotated[str | None, typer.Option(help="Only what this person did.")] = None,
    action: Annotated[str | None, typer.Option(help="Only this: promote, register ...")] = None,
    since: Annotated[str | None, typer.Option(help="From then on: 2026-11-21 or 7d.")] = None,
    until: Annotated[str | None, typer.Option(help="Before then.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="How many to list.")] = 50,
    before: Annotated[int | None, typer.Option(help="Only entries with a lower number.")] = None,
    json: Json = False,
    debug: Debug = False,
) -> None:
    """List who did what, newest first; the next page starts --before the last number.

    Example: mlops audit log --model credit-risk --action promote --since 30d
    """
    with terminal(json=json, debug=debug) as term:
        from mlops import audits
        from mlops.durations import moment_of

        found = audits.log(
            workspace(),
            subject=subject,
            model=model,
            actor=actor,
            action=action,
            since=moment_of(since, "--since") if since else None,
            until=moment_of(until, "--until") if until else None,
            limit=limit,
            before=before,
        )
        columns = ["number", "when", "who", "role", "from", "what", "to", "reason"]
        rows = [(f"{e.number}", f"{e.at:%Y-%m-%d %H:%M:%S}", *_words_of(e)) for e in found]
        term.answer(found, lambda console: tabulate(console, "", columns, rows))


@app.command()
def verify(
    file: Annotated[
        Path | None, typer.Argument(help="An export; needs no database. Default: the database.")
    ] = None,
    key: PublicKey = None,
    json: Json = False,
    debug: Debug = False,
) -> None:
    """Recompute the whole log and compare it with the checkpoints kept outside the database.

    Example: mlops audit verify audit.jsonl --key public.pem
    """
    with terminal(json=json, debug=debug) as term:
        from mlops import audits

        found = (
            audits.verify_export(file, key) if file else audits.verify(key, workspace=workspace())
        )
        term.answer(found, lambda console: _verified(console, found))


@app.command()
def export(
    file: Annotated[Path, typer.Argument(help="Where to: JSON Lines.")],
    json: Json = False,
    debug: Debug = False,
) -> None:
    """Write the whole log to a file that proves itself, signed at its end.

    Example: mlops audit export audit.jsonl
    """
    with terminal(json=json, debug=debug) as term:
        from mlops import audits

        made = audits.export(file, workspace=workspace())
        term.answer(
            {**made.to_dict(), "file": file}, lambda console: _sealed(console, made, str(file))
        )


@app.command()
def checkpoint(json: Json = False, debug: Debug = False) -> None:
    """Sign where the log ends now and keep that outside the database.

    Example: mlops audit checkpoint
    """
    with terminal(json=json, debug=debug) as term:
        from mlops import audits

        made = audits.checkpoint(workspace=workspace())
        term.answer(made, lambda console: _sealed(console, made, "The log"))


@app.command()
def key(json: Json = False, debug: Debug = False) -> None:
    """Print the public key that proves checkpoints; makes the key when there is none.

    Example: mlops audit key > public.pem
    """
    with terminal(json=json, debug=debug) as term:
        from mlops import audits

        found = audits.key()
        term.answer(found, lambda console: console.print(found.public.rstrip(), markup=False))


def _words_of(entry: Entry) -> tuple[str, ...]:
    who = (entry.actor, entry.role, entry.source)
    return (*who, entry.action, entry.subject, entry.reason)


def _verified(console: Console, found: Verified) -> None:
    sealed = f", sealed {found.sealed_at} by key {found.key}" if found.key else ""
    console.print(f"{found.entries} entries, all as they were written{sealed}.", markup=False)
    if found.checkpoints:
        kept = (
            "the checkpoint" if found.checkpoints == 1 else f"all {found.checkpoints} checkpoints"
        )
        console.print(f"They contain {kept} kept outside.")
    elif not found.key:
        console.print("No checkpoint is kept for it: a cut-off end would not show.")
    if found.others:
        console.print(f"{found.others} checkpoints of other databases were left aside.")


def _sealed(console: Console, made: Checkpoint, what: str) -> None:
    console.print(
        f"{what}: {made.number} entries, signed with key {made.key}. "
        "Copy the checkpoint to where the database's owner cannot write.",
        markup=False,
    )
