"""Moves: a stage or an alias that somebody sets in MLflow goes the way of every promotion.

The record says so already: then it is the mirror, or a click that changes nothing, and MLflow may
write. Otherwise the same journey runs that ``mlops promote`` takes, with whoever asks as actor; it
moves the version, writes the audit log and shows the result in MLflow, or it says why not.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlops.guard import people
from registry import lookups
from registry.mirror.speaking import LEGACY
from registry.stages import Stage

if TYPE_CHECKING:
    from mlops.guard.witness import Witness
    from registry.versions import ModelVersion

STAGE_OF = {shown: stage for stage, shown in LEGACY.items()}
"""Our stage for each of MLflow's legacy ones."""
_REASON = "asked for in MLflow"


class Refused(Exception):
    """The record says no; the message is what somebody in front of MLflow's page reads."""


def to_stage(witness: Witness, name: str, number: str, shown: str, *, clear: bool = False) -> bool:
    """Move a version because its MLflow stage is set; False when MLflow may just write.

    With stages switched off MLflow writes none, so that none can outlive the next move.

    Args:
        witness: The record.
        name: The model.
        number: MLflow's number of the version.
        shown: MLflow's name of the stage.
        clear: Archive others that stand in that stage, as MLflow's page offers.

    Raises:
        Refused: A gate, the role or the step says no; nothing was changed.
    """
    version, goal = _recorded(witness, name, number), STAGE_OF[shown]
    if version is None:
        if goal in lookups.HELD:
            raise Refused(_unseen(name, number))
        return False
    if goal is Stage.CANDIDATE and not witness.shows_stages and people.is_mirror():
        return False  # it clears what was shown before stages were switched off
    # Those that stood there before: who comes meanwhile is not the one that somebody saw. The
    # champion needs none of this, it is archived by the promotion itself.
    before = _others(witness, version) if clear and goal is Stage.STAGING else []
    if version.stage is not goal:
        _promote(witness, version, goal)
    for other in before:
        _promote(witness, other, Stage.ARCHIVED)
    return version.stage is not goal or bool(before) or not witness.shows_stages


def to_alias(witness: Witness, name: str, number: str, alias: str) -> bool:
    """Move a version because a protected alias is set; False when MLflow may just write.

    Raises:
        Refused: A gate, the role or the step says no; nothing was changed.
    """
    goal = Stage(alias.casefold())
    if alias != goal.value:
        raise Refused(f"The alias {alias!r} is written {goal.value!r}: nobody may mistake one.")
    version = _recorded(witness, name, number)
    if version is None:
        raise Refused(_unseen(name, number))
    with witness.session() as session:
        present = lookups.standing(session, name, goal) if session else None
    if present is not None and present.id == version.id:
        return False
    _promote(witness, version, goal)
    return True


def away_with_alias(witness: Witness, name: str, alias: str) -> None:
    """Let a protected alias go when nothing stands there.

    Raises:
        Refused: A version stands in that stage.
    """
    if alias != alias.casefold():
        return
    with witness.session() as session:
        present = lookups.standing(session, name, Stage(alias)) if session else None
    if present is not None:
        raise Refused(
            f"{present} is in {present.stage}, so the alias {alias!r} stays. "
            f"Move it: mlops promote {present} --to archived"
        )


def is_protected(alias: str) -> bool:
    """Say whether an alias, however written, speaks of a stage.

    >>> is_protected("Production"), is_protected("shadow")
    (True, False)
    """
    return alias.casefold() in lookups.HELD


def _promote(witness: Witness, version: ModelVersion, goal: Stage) -> None:
    if people.is_mirror():
        raise Refused(f"{version} is in {version.stage}, not in {goal}.")
    from mlops import promotions
    from mlops.failures import EXPECTED

    try:
        promotions.promote(version.ref, to=goal, reason=_REASON, workspace=witness.workspace())
    except EXPECTED as error:
        raise Refused(str(error)) from error


def _recorded(witness: Witness, name: str, number: str) -> ModelVersion | None:
    with witness.session() as session:
        return lookups.shown_as(session, name, number) if session else None


def _others(witness: Witness, version: ModelVersion) -> list[ModelVersion]:
    with witness.session() as session:
        held = lookups.held(session, version.name) if session else ()
    return [one for one in held if one.stage is Stage.STAGING and one.id != version.id]


def _unseen(name: str, number: str) -> str:
    return (
        f"Version {number} of {name!r} is not in the registry, so no gate has seen it. "
        "Register it with 'mlops run', then promote it."
    )
