"""Commands on webhooks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from mlops.cli.output import Debug, Json, tabulate, terminal, workspace

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console

    from mlops.webhooks import Added, Told
    from registry.deliveries import Delivery
    from registry.webhooks import Webhook

Number = Annotated[int, typer.Argument(help="Its number in the list.")]
Limit = Annotated[int, typer.Option(min=1, max=1000, help="How many to list.")]
app = typer.Typer(
    no_args_is_help=True, rich_markup_mode=None, help="Who is told when something happens."
)


@app.command()
def add(
    url: Annotated[str, typer.Argument(help="Where events are posted: https://host/path.")],
    models: Annotated[str, typer.Option(help="Which models: credit-*.")] = "*",
    event: Annotated[
        list[str] | None, typer.Option(help="Which events: moved, registered ... Repeat it.")
    ] = None,
    json: Json = False,
    debug: Debug = False,
) -> None:
    """Add a receiver of events and show its secret this once.

    Example: mlops webhooks add https://ci.example.org/hook --models "credit-*" --event moved
    """
    with terminal(json=json, debug=debug) as term:
        from mlops import webhooks

        added = webhooks.add(url, models=models, kinds=event or (), workspace=workspace())
        term.answer(added, lambda console: _added(console, added))


@app.command("list")
def list_webhooks(
    limit: Limit = 50,
    before: Annotated[int | None, typer.Option(help="Only those with a lower number.")] = None,
    json: Json = False,
    debug: Debug = False,
) -> None:
    """List receivers, newest first; whole addresses are shown to admins.

    Example: mlops webhooks list
    """
    with terminal(json=json, debug=debug) as term:
        from mlops import webhooks

        found = webhooks.page(limit=limit, before=before, workspace=workspace())
        term.answer(found, lambda console: _list(console, found))


@app.command()
def remove(
    number: Number,
    reason: Annotated[str, typer.Option(help="Kept in the audit log.")] = "",
    json: Json = False,
    debug: Debug = False,
) -> None:
    """Tell a receiver nothing more, not even what still waits for it.

    Example: mlops webhooks remove 2
    """
    with terminal(json=json, debug=debug) as term:
        from mlops import webhooks

        found = webhooks.remove(number, reason=reason, workspace=workspace())
        term.answer(found, lambda console: console.print(f"Webhook {number} is told no more."))


@app.command("test")
def try_out(number: Number, json: Json = False, debug: Debug = False) -> None:
    """Send a receiver an event of the type test; exit code 61 when it does not take it.

    Example: mlops webhooks test 2
    """
    with terminal(json=json, debug=debug) as term:
        from mlops import webhooks

        status = webhooks.try_out(number, workspace=workspace())
        told = {"webhook": number, "status": status}
        term.answer(told, lambda console: console.print(f"It took the event: {status}."))


@app.command()
def deliveries(
    webhook: Annotated[int | None, typer.Argument(help="Only to this one.")] = None,
    state: Annotated[str | None, typer.Option(help="waiting, delivered or 'given up'.")] = None,
    limit: Limit = 50,
    before: Annotated[int | None, typer.Option(help="Only those with a lower number.")] = None,
    json: Json = False,
    debug: Debug = False,
) -> None:
    """List what was sent and what came of it, newest first.

    Example: mlops webhooks deliveries 2 --state waiting
    """
    with terminal(json=json, debug=debug) as term:
        from mlops import webhooks

        found = webhooks.history(
            webhook=webhook, state=_state(state), limit=limit, before=before, workspace=workspace()
        )
        term.answer(found, lambda console: _history(console, found))


@app.command()
def deliver(
    follow: Annotated[bool, typer.Option("--follow", help="Go on until Ctrl-C.")] = False,
    again: Annotated[
        int | None, typer.Option(help="First put this delivery, given up, back on its way.")
    ] = None,
    timeout: Annotated[str, typer.Option(help="How long a receiver has to answer.")] = "10s",
    json: Json = False,
    debug: Debug = False,
) -> None:
    """Send what waits, now; with --follow go on with what is due, as a process of its own.

    Example: mlops webhooks deliver --follow
    """
    with terminal(json=json, debug=debug) as term:
        from mlops import webhooks
        from mlops.durations import seconds_of

        ws, patience = workspace(), seconds_of(timeout, "--timeout")
        if again is not None:
            webhooks.again(again, workspace=ws)
        told = webhooks.deliver(follow=follow, patience=patience, workspace=ws)
        term.answer(told, lambda console: _told(console, told))


@app.command()
def key(json: Json = False, debug: Debug = False) -> None:
    """Make a key that seals the secrets of webhooks; nothing is kept.

    Example: mlops webhooks key
    """
    with terminal(json=json, debug=debug) as term:
        from registry import sealing

        made = sealing.make_key()
        told = {"key": made, "fingerprint": sealing.fingerprint(made)}
        term.answer(told, lambda console: console.print(made, markup=False, soft_wrap=True))


@app.command()
def seal(
    undo: Annotated[bool, typer.Option("--undo", help="Open them all instead.")] = False,
    json: Json = False,
    debug: Debug = False,
) -> None:
    """Seal every secret in the database with the first key of MLOPS_SECRET_KEY.

    To change the key: put the new one first, seal, then drop the old one.

    Example: mlops webhooks seal
    """
    with terminal(json=json, debug=debug) as term:
        from mlops import webhooks

        changed = webhooks.seal(undo=undo, workspace=workspace())
        term.answer(changed, lambda console: _sealed(console, changed, undo=undo))


def _sealed(console: Console, changed: Sequence[Webhook], *, undo: bool) -> None:
    secrets = f"{len(changed)} secret" + ("s" if len(changed) != 1 else "")
    end = "opened" if undo else f"sealed with the key {changed[0].sealed_by}" if changed else ""
    console.print(f"{secrets} {end}." if changed else "Nothing was left to do.")


def _state(word: str | None) -> Any:
    from pipelines.errors import BadSetting
    from registry.deliveries import State

    try:
        return None if word is None else State(word)
    except ValueError as error:
        raise BadSetting("--state", word, f"It is one of {', '.join(State)}.") from error


def _added(console: Console, added: Added) -> None:
    console.print(f"Webhook {added.webhook.id}. Its events are signed with:")
    console.print(added.secret, markup=False, soft_wrap=True)
    console.print("It is shown this once; the receiver checks signatures with it.")


def _list(console: Console, found: Sequence[dict[str, Any]]) -> None:
    rows = [
        (
            f"{one['id']}",
            one["url"],
            one["models"],
            ", ".join(one["kinds"]) or "all",
            one["author"],
            one["sealed_by"] or "in clear",
        )
        for one in found
    ]
    tabulate(console, "", ["number", "address", "models", "events", "added by", "secret"], rows)


def _history(console: Console, found: Sequence[Delivery]) -> None:
    rows = [
        (f"{one.id}", f"{one.created_at:%Y-%m-%d %H:%M:%S}", *_what(one), *_outcome(one))
        for one in found
    ]
    columns = [
        "number",
        "when",
        "webhook",
        "model",
        "event",
        "state",
        "attempts",
        "status",
        "error",
    ]
    tabulate(console, "", columns, rows)


def _what(one: Delivery) -> tuple[object, ...]:
    return one.webhook, one.model, one.kind


def _outcome(one: Delivery) -> tuple[object, ...]:
    return one.state.value, one.attempts, one.status, one.error


def _told(console: Console, told: Told) -> None:
    rest = "some wait" if told.waiting else "nothing waits"
    console.print(f"{told.delivered} delivered, {told.failed} not taken, {rest}.")
