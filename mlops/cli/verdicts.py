"""How verdicts are written: for people, for test dashboards, for a comment on a pull request."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console

    from registry.cases import Verdict
    from registry.promotion import Assessment

_SIGNS = {"passed": "✅", "failed": "❌", "not applicable": "⚪"}
_MARKS = {"passed": ("+", "green"), "failed": ("x", "bold red"), "not applicable": ("-", "dim")}


class Form(StrEnum):
    """In which form verdicts are written."""

    TEXT = "text"
    JSON = "json"
    JUNIT = "junit"
    GITHUB = "github"


def show(console: Console, verdicts: Sequence[Verdict]) -> None:
    """Print a line for each verdict, and all there is to know of those that say no."""
    from rich.text import Text

    wide = max(len(v.title) for v in verdicts)
    for verdict in verdicts:
        sign, style = _MARKS[verdict.outcome]
        head = Text.assemble((sign, style), f" {verdict.code} {verdict.title:{wide}}")
        if verdict.outcome == "failed":
            console.print(head)
            told = ("because", verdict.reason), ("observed", verdict.observed)
            for word, text in (*told, ("needed", verdict.needed)):
                if text:
                    console.print(_hanging(f"{word:>12}: ", text))
            continue
        head.append(f"  {verdict.observed or verdict.reason}", "dim")
        head.truncate(console.width, overflow="ellipsis")
        console.print(head, no_wrap=True)


def _hanging(head: str, text: str) -> Any:
    """Return a text whose further lines stand below its first."""
    from rich.table import Table
    from rich.text import Text

    drawn = Table.grid()
    drawn.add_column(no_wrap=True)
    drawn.add_column(overflow="fold")
    drawn.add_row(Text(head), Text(text))
    return drawn


def assess(console: Console, found: Assessment) -> None:
    """Print what would happen."""
    show(console, found.verdicts)
    for obstacle in found.obstacles:
        console.print(f"In the way: {obstacle}", markup=False)
    console.print(found.sentence, markup=False)


def junit(found: Assessment) -> str:
    """Write one test case for each gate and obstacle, as test dashboards read them."""
    skipped = sum(v.outcome == "not applicable" for v in found.verdicts)
    suite = ElementTree.Element(
        "testsuite",
        name=f"{found.version} to {found.to}",
        tests=str(len(found.verdicts) + len(found.obstacles)),
        failures=str(len(found.failed) + len(found.obstacles)),
        skipped=str(skipped),
    )
    for verdict in found.verdicts:
        case = ElementTree.SubElement(
            suite, "testcase", classname=found.version.name, name=f"{verdict.code} {verdict.title}"
        )
        if verdict.outcome == "failed":
            ElementTree.SubElement(case, "failure", message=verdict.reason)
        elif verdict.outcome == "not applicable":
            ElementTree.SubElement(case, "skipped", message=verdict.reason)
        told = ElementTree.SubElement(case, "system-out")
        told.text = f"observed: {verdict.observed}\nneeded: {verdict.needed}"
    for number, obstacle in enumerate(found.obstacles, 1):
        case = ElementTree.SubElement(
            suite, "testcase", classname=found.version.name, name=f"obstacle {number}"
        )
        ElementTree.SubElement(case, "failure", message=obstacle)
    ElementTree.indent(suite)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ElementTree.tostring(
        suite, encoding="unicode"
    )


def markdown(found: Assessment) -> str:
    """Write a comment for a pull request, or a job's summary."""
    sign = "✅" if found.passed else "❌"
    word = "may enter" if found.passed else "may not enter"
    champion = f" In production now: `{found.champion}`." if found.champion else ""
    lines = [
        f"### {sign} `{found.version}` {word} {found.to}",
        "",
        f"Judged by `{found.policy_source}` (`{found.policy_digest[:12]}`).{champion}",
        "",
        "| | gate | observed | needed |",
        "|---|---|---|---|",
    ]
    for verdict in found.verdicts:
        seen = verdict.observed or verdict.reason
        if verdict.outcome == "failed":
            seen = f"{seen}<br>**{_cell(verdict.reason)}**" if seen else verdict.reason
        cells = (f"{verdict.code} {verdict.title}", seen, verdict.needed)
        told = " | ".join(_cell(cell) for cell in cells)
        lines.append(f"| {_SIGNS[verdict.outcome]} | {told} |")
    lines += [f"\n⛔ {_cell(obstacle)}" for obstacle in found.obstacles]
    return "\n".join(lines)


def annotated(found: Assessment) -> list[str]:
    """Write what GitHub shows beside a job: one error for each gate that says no."""
    told = [f"::error title={v.code} {v.title}::{_escaped(v.reason)}" for v in found.failed]
    return told + [f"::error title=In the way::{_escaped(one)}" for one in found.obstacles]


def _cell(text: str) -> str:
    r"""Return a text that does not break a table.

    >>> _cell("a|b")
    'a\\|b'
    """
    return text.replace("|", "\\|").replace("\n", "<br>")


def _escaped(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")
