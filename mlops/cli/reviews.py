"""The command that asks a person about strange rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from mlops.cli.output import Debug, Json, terminal, text_of, workspace
from mlops.cli.parsing import pairs
from mlops.cli.versions import Ref

if TYPE_CHECKING:
    from rich.console import Console

    from mlops.reviews import Review

_WORDS = {"yes": True, "y": True, "1": True, "no": False, "n": False, "0": False}
_OTHERS = {"skip", "s", "quit", "q"}


def review(
    ref: Ref,
    data: Annotated[str, typer.Argument(help="The table to find anomalies in.")],
    rows: Annotated[int, typer.Option(help="How many rows to look at.")] = 10,
    answer: Annotated[
        list[str] | None, typer.Option(help="row=yes or row=no, instead of being asked.")
    ] = None,
    budget: Annotated[str, typer.Option(help="Time to learn from the answers.")] = "60s",
    learn: Annotated[bool, typer.Option(help="Find anomalies again with the answers.")] = True,
    json: Json = False,
    debug: Debug = False,
) -> None:
    """Label the rows that would teach most, and find anomalies again with the answers.

    Example: mlops review payments@latest payments.csv
    """
    with terminal(json=json, debug=debug) as term:
        from mlops import reviews

        found = reviews.review(ref, data, rows=rows, workspace=workspace())
        if term.json and not answer:
            term.answer(found, lambda _: None)
            return
        said = _given(answer) if answer else _asked(term.console, found)
        many = found.answer(said) if said else found.known
        odd = found.anomalies
        result = found.retrain(budget=budget) if learn and said and odd else None
        version = None if result is None else str(result.version)
        counts = {"kept": len(said), "known": many, "anomalies": odd}
        told: dict[str, object] = {**counts, "version": version}
        term.answer(told, lambda console: _show(console, told))


def _given(answers: list[str]) -> dict[int, bool]:
    from pipelines.errors import BadSetting

    found = {}
    for place, word in pairs("--answer", answers).items():
        if not place.isdigit() or word.lower() not in _WORDS:
            raise BadSetting("--answer", f"{place}={word}", "Write it like 17=yes or 17=no.")
        found[int(place)] = _WORDS[word.lower()]
    return found


def _asked(console: Console, found: Review) -> dict[int, bool]:
    """Ask row by row; where the input ends, what was said until then counts."""
    said: dict[int, bool] = {}
    for place, cells in found.rows.to_dict("index").items():
        console.print(f"Row {place}", style="bold")
        for name, value in cells.items():
            cell = text_of(value) if name in {"score", "p_value"} else value
            console.print(f"  {name}: {cell}", markup=False)
        word = _word(console)
        if word in {"quit", "q"}:
            break
        if word in _WORDS:
            said[int(str(place))] = _WORDS[word]
    return said


def _word(console: Console) -> str:
    """Return a word that is understood."""
    while True:
        try:
            word = str(typer.prompt("An anomaly? (yes, no, skip, quit)", default="skip")).lower()
        except typer.Abort:
            console.print()  # what follows has a line of its own
            return "quit"
        if word in {*_WORDS, *_OTHERS}:
            return word
        console.print(f"{word!r} is none of the words: say yes, no, skip or quit.", markup=False)


def _show(console: Console, told: dict[str, object]) -> None:
    kept = "1 answer" if told["kept"] == 1 else f"{told['kept']} answers"
    console.print(
        f"Kept {kept}; {told['known']} rows of the table have one, "
        f"{told['anomalies']} of them say yes."
    )
    if told["kept"] and not told["anomalies"]:
        console.print("Learning needs one yes: mlops review asks for other rows now.")
    if told["version"]:
        console.print(f"Learned from them: [bold]{told['version']}[/]")
