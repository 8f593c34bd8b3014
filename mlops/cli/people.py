"""Commands on users and their tokens."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from mlops.cli.output import Debug, Json, tabulate, terminal, workspace
from registry.permissions import Role

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from rich.console import Console

    from mlops.people import Known, Made
    from registry.tokens import Token
    from registry.users import User

Name = Annotated[str, typer.Argument(help="Their name, as the audit log shows it.")]
Reason = Annotated[str, typer.Option(help="Kept in the audit log.")]
Limit = Annotated[int, typer.Option(min=1, max=1000, help="How many to list.")]
users = typer.Typer(
    no_args_is_help=True, rich_markup_mode=None, help="Who may come in, in which role."
)
tokens = typer.Typer(
    no_args_is_help=True, rich_markup_mode=None, help="API tokens: who you are, for machines."
)


@users.command("list")
def list_users(
    search: Annotated[str, typer.Argument(help="Only names that contain this.")] = "",
    limit: Limit = 50,
    after: Annotated[str | None, typer.Option(help="Only names behind this one.")] = None,
    json: Json = False,
    debug: Debug = False,
) -> None:
    """List users by name; the next page starts --after the last one.

    Example: mlops users list ada
    """
    with terminal(json=json, debug=debug) as term:
        from mlops import people

        found = people.page(search, limit=limit, after=after, workspace=workspace())
        term.answer(found, lambda console: _list_users(console, found))


@users.command("add")
def add_user(
    name: Name,
    role: Annotated[Role, typer.Option(help="What they may do.")] = Role.SCIENTIST,
    json: Json = False,
    debug: Debug = False,
) -> None:
    """Add a user. The first one brings you in too, as an admin; then unknown names may only look.

    Example: mlops users add rita --role releaser
    """
    with terminal(json=json, debug=debug) as term:
        from mlops import people

        found = people.add(name, role, workspace=workspace())
        term.answer(found, lambda console: _told(console, found))


@users.command("show")
def show_user(
    name: Annotated[str | None, typer.Argument(help="Default: who you are yourself.")] = None,
    json: Json = False,
    debug: Debug = False,
) -> None:
    """Show a user: role, what it allows, when they were last seen, their tokens.

    Example: mlops users show rita
    """
    with terminal(json=json, debug=debug) as term:
        from mlops import people

        found = people.show(name, workspace=workspace())
        term.answer(found, lambda console: _card(console, found))


@users.command("role")
def set_role(
    name: Name,
    role: Annotated[Role, typer.Argument(help="Their new role.")],
    reason: Reason = "",
    json: Json = False,
    debug: Debug = False,
) -> None:
    """Give a user another role.

    Example: mlops users role sam reviewer --reason "joined the review team"
    """
    with terminal(json=json, debug=debug) as term:
        from mlops import people

        found = people.set_role(name, role, reason=reason, workspace=workspace())
        term.answer(found, lambda console: _told(console, found))


@users.command("deactivate")
def deactivate_user(
    name: Name, reason: Reason = "", json: Json = False, debug: Debug = False
) -> None:
    """Let a user in no more, neither by name nor by token. What they did stays recorded.

    Example: mlops users deactivate olaf --reason "left the company"
    """
    with terminal(json=json, debug=debug) as term:
        from mlops import people

        found = people.deactivate(name, reason=reason, workspace=workspace())
        term.answer(found, lambda console: _told(console, found))


@users.command("reactivate")
def reactivate_user(
    name: Name, reason: Reason = "", json: Json = False, debug: Debug = False
) -> None:
    """Let a user in again, in the role they had.

    Example: mlops users reactivate olaf
    """
    with terminal(json=json, debug=debug) as term:
        from mlops import people

        found = people.reactivate(name, reason=reason, workspace=workspace())
        term.answer(found, lambda console: _told(console, found))


@tokens.command("create")
def create_token(
    label: Annotated[str, typer.Argument(help="What it is for.")],
    user: Annotated[str | None, typer.Option(help="Whose it is; default: yours.")] = None,
    scope: Annotated[
        list[str] | None,
        typer.Option(help="Narrow it: read, run, register, report, promote ... Repeat it."),
    ] = None,
    expires: Annotated[
        str | None, typer.Option(help="After 90d, 12h, or on 2027-01-31; default: never.")
    ] = None,
    json: Json = False,
    debug: Debug = False,
) -> None:
    """Make a token and show it this once; put it into MLOPS_TOKEN.

    Example: mlops tokens create nightly --user release-bot --scope promote --expires 90d
    """
    with terminal(json=json, debug=debug) as term:
        from mlops import people
        from mlops.durations import moment_of

        end = moment_of(expires, "--expires", ahead=True) if expires else None
        made = people.create_token(
            label, user=user, scopes=scope or (), expires_at=end, workspace=workspace()
        )
        term.answer(made, lambda console: _made(console, made))


@tokens.command("list")
def list_tokens(
    user: Annotated[str | None, typer.Argument(help="Whose; default: everybody's.")] = None,
    limit: Limit = 50,
    before: Annotated[int | None, typer.Option(help="Only tokens with a lower number.")] = None,
    json: Json = False,
    debug: Debug = False,
) -> None:
    """List tokens, newest first, with what they open and whether they still do.

    Example: mlops tokens list release-bot
    """
    with terminal(json=json, debug=debug) as term:
        from mlops import people

        found = people.tokens_of(user, limit=limit, before=before, workspace=workspace())
        term.answer(found, lambda console: _list_tokens(console, found))


@tokens.command("revoke")
def revoke_token(
    number: Annotated[int, typer.Argument(help="Its number in the list.")],
    reason: Reason = "",
    json: Json = False,
    debug: Debug = False,
) -> None:
    """End a token now.

    Example: mlops tokens revoke 3 --reason "was in a log"
    """
    with terminal(json=json, debug=debug) as term:
        from mlops import people

        found = people.revoke_token(number, reason=reason, workspace=workspace())
        term.answer(found, lambda console: _list_tokens(console, [found]))


def _list_users(console: Console, found: Sequence[User]) -> None:
    if not found:
        console.print("No user matches. Without users you are who your computer says you are.")
        return
    rows = [(u.name, u.role.value, _state(u), _day(u.last_seen_at), u.author) for u in found]
    tabulate(console, "", ["name", "role", "state", "last seen", "added by"], rows)


def _told(console: Console, user: User) -> None:
    console.print(f"{user.name}: {user.role.value}, {_state(user)}.", markup=False)


def _card(console: Console, found: Known) -> None:
    user = found.user
    state = _state(user) if user else "the registry knows no users" if found.may else "unknown"
    seen = f", last seen {_day(user.last_seen_at)}" if user else ""
    console.print(f"{found.name}: {found.role.value}, {state}{seen}.", markup=False)
    console.print(f"May {', '.join(found.may) or 'look'}.")
    if found.tokens:
        _list_tokens(console, found.tokens)


def _made(console: Console, made: Made) -> None:
    until = (
        f"until {_day(made.token.expires_at)} UTC" if made.token.expires_at else "until revoked"
    )
    console.print(f"Token {made.token.id} of {made.token.user}, {until}:", markup=False)
    console.print(made.text, markup=False, soft_wrap=True)
    console.print("It is shown this once. Put it into MLOPS_TOKEN.")


def _list_tokens(console: Console, found: Sequence[Token]) -> None:
    rows = [
        (f"{t.id}", t.user, t.label, f"{t.hint}...", _scopes(t), t.state, *_days(t)) for t in found
    ]
    columns = ["number", "user", "label", "begins", "opens", "state", "expires", "last used"]
    tabulate(console, "", columns, rows)


def _days(token: Token) -> tuple[str, str]:
    return _day(token.expires_at), _day(token.last_used_at)


def _scopes(token: Token) -> str:
    return "all of the role" if token.scopes is None else ", ".join(token.scopes) or "looking"


def _state(user: User) -> str:
    return "active" if user.active else f"deactivated {_day(user.deactivated_at)}"


def _day(at: datetime | None) -> str:
    return "-" if at is None else f"{at:%Y-%m-%d %H:%M}"
