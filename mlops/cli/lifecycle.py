"""Commands that move versions, and that ask whether they may."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from mlops.cli import verdicts
from mlops.cli.output import Debug, Json, tabulate, terminal, workspace
from mlops.cli.verdicts import Form
from mlops.cli.versions import Ref
from mlops.failures import failure_of
from registry.stages import Stage

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console

    from registry.approvals import Standing
    from registry.promotion import Assessment
    from registry.tenures import Tenure

Reason = Annotated[str, typer.Option(help="Kept in the audit log.")]
MaybeTo = Annotated[
    Stage | None, typer.Option(help="Where several are open: the stage it is about.")
]
_GATES_FAILED = 8


def check(
    ref: Ref,
    to: Annotated[Stage, typer.Option(help="The stage it would enter.")],
    form: Annotated[
        Form, typer.Option("--format", help="github: a comment, and annotations on stderr.")
    ] = Form.TEXT,
    json: Json = False,
    debug: Debug = False,
) -> None:
    """Ask every gate without moving anything; exit code 8 when one says no.

    Example: mlops check credit-risk/7 --to production --format github
    """
    with terminal(json=json or form is Form.JSON, debug=debug) as term:
        from mlops import promotions

        found = promotions.check(ref, to=to, workspace=workspace())
        if form is Form.JUNIT:
            term.write(verdicts.junit(found))
        elif form is Form.GITHUB:
            term.write(verdicts.markdown(found), verdicts.annotated(found))
        else:
            term.answer(found, lambda console: verdicts.assess(console, found))
        if not found.passed:
            raise typer.Exit(_code(found))


def promote(
    ref: Ref,
    to: Annotated[Stage, typer.Option(help="The stage to enter.")],
    reason: Reason = "",
    break_glass: Annotated[
        bool, typer.Option("--break-glass", help="Against the policy; it says who may.")
    ] = False,
    json: Json = False,
    debug: Debug = False,
) -> None:
    """Move a version to a stage if the policy agrees.

    Example: mlops promote credit-risk/7 --to staging --reason "beats last month"
    """
    with terminal(json=json, debug=debug) as term:
        from mlops import promotions

        done = promotions.promote(
            ref, to=to, reason=reason, break_glass=break_glass, workspace=workspace()
        )
        term.answer(done, lambda console: _moved(console, done))


def demote(
    ref: Ref,
    to: Annotated[Stage | None, typer.Option(help="By default the stage below.")] = None,
    reason: Reason = "",
    json: Json = False,
    debug: Debug = False,
) -> None:
    """Move a version one stage down: production to staging, staging to candidate.

    Example: mlops demote credit-risk@production --reason "drift in region north"
    """
    with terminal(json=json, debug=debug) as term:
        from mlops import promotions

        done = promotions.demote(ref, to=to, reason=reason, workspace=workspace())
        term.answer(done, lambda console: _moved(console, done))


def archive(ref: Ref, reason: Reason = "", json: Json = False, debug: Debug = False) -> None:
    """Take a version out of use, wherever it stands.

    Example: mlops archive credit-risk/3
    """
    with terminal(json=json, debug=debug) as term:
        from mlops import promotions

        done = promotions.archive(ref, reason=reason, workspace=workspace())
        term.answer(done, lambda console: _moved(console, done))


def rollback(
    name: Annotated[str, typer.Argument(help="A model's name.")],
    to: Annotated[
        str | None, typer.Option(help="A version that was in production once: name/3.")
    ] = None,
    reason: Reason = "",
    json: Json = False,
    debug: Debug = False,
) -> None:
    """Bring back the version that was in production before; again goes further back.

    Example: mlops rollback credit-risk --reason "errors in checkout"
    """
    with terminal(json=json, debug=debug) as term:
        from mlops import promotions

        done = promotions.rollback(name, to=to, reason=reason, workspace=workspace())
        term.answer(done, lambda console: _moved(console, done))


def history(
    name: Annotated[str, typer.Argument(help="A model's name.")],
    at: Annotated[
        str | None, typer.Option(help="Only who was there then: 2026-11-21T14:30, UTC.")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="How many to list.")] = 50,
    before: Annotated[
        int | None, typer.Option(help="Only those with a lower id, for the next page.")
    ] = None,
    json: Json = False,
    debug: Debug = False,
) -> None:
    """Show which versions were in production from when to when, newest first.

    Example: mlops history credit-risk --at 2026-11-01
    """
    with terminal(json=json, debug=debug) as term:
        from mlops import promotions

        found = promotions.history(name, at=at, limit=limit, before=before, workspace=workspace())
        term.answer(found, lambda console: _tenures(console, found, at))


def request(
    ref: Ref,
    to: Annotated[Stage, typer.Option(help="The stage it shall enter.")],
    reason: Reason = "",
    json: Json = False,
    debug: Debug = False,
) -> None:
    """Ask others to approve a promotion; the gates must agree already.

    Example: mlops request credit-risk/7 --to production --reason "ready for May"
    """
    with terminal(json=json, debug=debug) as term:
        from mlops import approvals

        done = approvals.request(ref, to=to, reason=reason, workspace=workspace())
        term.answer(done, lambda console: _standing(console, done))


def requests(
    limit: Annotated[int, typer.Option(min=1, max=1000, help="How many to list.")] = 50,
    before: Annotated[int | None, typer.Option(help="Only those with a lower number.")] = None,
    json: Json = False,
    debug: Debug = False,
) -> None:
    """List the requests that wait for an answer, newest first.

    Example: mlops requests
    """
    with terminal(json=json, debug=debug) as term:
        from mlops import approvals

        found = approvals.waiting(limit=limit, before=before, workspace=workspace())
        term.answer(found, lambda console: _waiting(console, found))


def approve(
    ref: Ref, to: MaybeTo = None, reason: Reason = "", json: Json = False, debug: Debug = False
) -> None:
    """Agree to a promotion that somebody else asked for.

    Example: mlops approve credit-risk/7 --reason "numbers look right"
    """
    with terminal(json=json, debug=debug) as term:
        from mlops import approvals

        done = approvals.approve(ref, to=to, reason=reason, workspace=workspace())
        term.answer(done, lambda console: _standing(console, done))


def reject(
    ref: Ref, to: MaybeTo = None, reason: Reason = "", json: Json = False, debug: Debug = False
) -> None:
    """Refuse a promotion that somebody asked for.

    Example: mlops reject credit-risk/7 --reason "cohort north is worse"
    """
    with terminal(json=json, debug=debug) as term:
        from mlops import approvals

        done = approvals.reject(ref, to=to, reason=reason, workspace=workspace())
        term.answer(done, lambda console: _standing(console, done))


def _code(found: Assessment) -> int:
    """Return the exit code of what stands in the way: a gate before anything else."""
    return _GATES_FAILED if found.failed else failure_of(found.objections[0]).exit_code


def _moved(console: Console, done: Any) -> None:
    if done.verdicts:
        verdicts.show(console, done.verdicts)
    console.print(done.sentence, markup=False)


def _tenures(console: Console, found: Sequence[Tenure], at: str | None) -> None:
    if not found:
        when = f" at {at}" if at else ""
        console.print(f"No version was in production{when}.", markup=False)
        return
    rows = [
        (f"{t.id}", t.ref, f"{t.since:%Y-%m-%d %H:%M:%S}",
         f"{t.until:%Y-%m-%d %H:%M:%S}" if t.until else "",
         t.entered, t.left or "", t.author, t.reason)
        for t in found
    ]  # fmt: skip
    columns = ["id", "version", "since", "until", "came by", "left by", "who", "reason"]
    tabulate(console, "", columns, rows)


def _waiting(console: Console, found: Sequence[dict[str, Any]]) -> None:
    rows = [
        (f"{one['number']}", one["ref"], one["goal"].value, one["author"],
         f"{one['at']:%Y-%m-%d %H:%M}", one["reason"],
         ", ".join(f"{each['approver']} {each['decision']}" for each in one["approvals"]))
        for one in found
    ]  # fmt: skip
    columns = ["number", "version", "to", "asked by", "when", "reason", "answers"]
    tabulate(console, "", columns, rows)


def _standing(console: Console, done: Standing) -> None:
    asked = done.request
    console.print(
        f"{asked.ref} to {asked.goal}, asked by {asked.author}: {done.given} of {done.needed} "
        f"approvals{'' if asked.outcome is None else f', {asked.outcome}'}.",
        markup=False,
    )
    for one in asked.approvals:
        why = f": {one.reason}" if one.reason else ""
        console.print(f"  {one.approver} ({one.role}) {one.decision}{why}", markup=False)
    if done.complete:
        console.print(f"Next: mlops promote {asked.ref} --to {asked.goal}", markup=False)
