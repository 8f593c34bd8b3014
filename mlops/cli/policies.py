"""Commands on the policy file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mlops.cli.output import Debug, Json, tabulate, terminal

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console

    from registry.policy import Policy, Rules

app = typer.Typer(
    no_args_is_help=True, rich_markup_mode=None, help="What it takes to enter a stage."
)
File = Annotated[
    Path | None, typer.Argument(help="A policy file; default: MLOPS_POLICY or promotion.toml.")
]


@app.command("check")
def check(path: File = None, json: Json = False, debug: Debug = False) -> None:
    """Read a policy file and say whether it makes sense.

    Example: mlops policy check promotion.toml
    """
    with terminal(json=json, debug=debug) as term:
        from mlops import policies, settings

        found = policies.load(settings.load()) if path is None else policies.read(path)
        odd = policies.notes(found)
        told = {"policy": found.source, "digest": found.digest, "notes": odd}
        term.answer(told, lambda console: _checked(console, found, odd))


@app.command("show")
def show(
    name: Annotated[str, typer.Argument(help="A model's name.")] = "any model",
    json: Json = False,
    debug: Debug = False,
) -> None:
    """Show what holds for a model: gates with their numbers, approvals, freezes, emergencies.

    Example: mlops policy show credit-risk
    """
    with terminal(json=json, debug=debug) as term:
        from mlops import policies, settings
        from registry.policy import GUARDED

        found = policies.load(settings.load())
        told = {stage.value: _plain(found, found.rules_of(name, stage)) for stage in GUARDED}
        head = {"policy": found.source, "digest": found.digest, "model": name}
        aliases = {"protected_aliases": found.protected_aliases}
        term.answer({**head, **aliases, **told}, lambda console: _shown(console, head, told))


@app.command("init")
def init(
    path: Annotated[Path, typer.Argument(help="Where to write it.")] = Path("promotion.toml"),
    json: Json = False,
    debug: Debug = False,
) -> None:
    """Write a first policy file that says what the default says, with the rest in comments.

    Example: mlops policy init
    """
    with terminal(json=json, debug=debug) as term:
        from mlops import policies

        policies.write(path)
        told = {"policy": str(path), "digest": policies.read(path).digest}
        term.answer(told, lambda console: console.print(f"{path} is written.", markup=False))


def _checked(console: Console, found: Policy, odd: Sequence[str]) -> None:
    console.print(f"{found.source} makes sense; its digest is {found.digest[:12]}.", markup=False)
    for note in odd:
        console.print(f"Note: {note}", markup=False)


def _plain(policy: Policy, rules: Rules) -> dict[str, Any]:
    glass = rules.break_glass
    return {
        "gates": [
            {"code": gate.code, "key": gate.key, "needed": gate.wants(given)}
            for gate, given in policy.asked(rules)
        ],
        "approvals": rules.approvals,
        "freezes": rules.freezes,
        "break_glass": [] if glass is None else [*glass.roles, *glass.people],
    }


def _shown(console: Console, head: dict[str, str], told: dict[str, Any]) -> None:
    console.print(f"{head['model']}, by {head['policy']} ({head['digest'][:12]})", markup=False)
    for stage, rules in told.items():
        rows = [(one["code"], one["key"], one["needed"]) for one in rules["gates"]]
        tabulate(console, f"To enter {stage}", ["gate", "key", "needed"], rows)
        wanted = rules["approvals"]
        if wanted.count:
            who = wanted.role or "anybody who may approve"
            console.print(f"Approvals: {wanted.count} by {who}", markup=False)
        for freeze in rules["freezes"]:
            console.print(f"Frozen: {freeze.why}", markup=False)
        if rules["break_glass"]:
            console.print(f"In an emergency: {', '.join(rules['break_glass'])}", markup=False)
