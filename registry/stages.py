"""The life of a version: where it can be, and the steps between."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

from registry.errors import IllegalMove

if TYPE_CHECKING:
    from collections.abc import Mapping


class Stage(StrEnum):
    """Where a version stands."""

    CANDIDATE = "candidate"
    STAGING = "staging"
    PRODUCTION = "production"
    ARCHIVED = "archived"


MOVES: Mapping[Stage, frozenset[Stage]] = {
    Stage.CANDIDATE: frozenset({Stage.STAGING, Stage.ARCHIVED}),
    Stage.STAGING: frozenset({Stage.PRODUCTION, Stage.CANDIDATE, Stage.ARCHIVED}),
    Stage.PRODUCTION: frozenset({Stage.STAGING, Stage.ARCHIVED}),
    # Out of the archive a version starts again from the beginning, so that no gate is skipped.
    Stage.ARCHIVED: frozenset({Stage.CANDIDATE}),
}

_VERBS: Mapping[tuple[Stage, Stage], str] = {
    (Stage.CANDIDATE, Stage.STAGING): "promote",
    (Stage.STAGING, Stage.PRODUCTION): "promote",
    (Stage.STAGING, Stage.CANDIDATE): "demote",
    (Stage.PRODUCTION, Stage.STAGING): "demote",
    (Stage.ARCHIVED, Stage.CANDIDATE): "restore",
    (Stage.ARCHIVED, Stage.PRODUCTION): "rollback",
}


def check_move(start: Stage, goal: Stage) -> None:
    """Do nothing if the step exists.

    Raises:
        IllegalMove: It does not; the message lists the steps that do.

    >>> check_move(Stage.STAGING, Stage.PRODUCTION)
    >>> check_move(Stage.CANDIDATE, Stage.PRODUCTION)
    Traceback (most recent call last):
    registry.errors.IllegalMove: A version in 'candidate' cannot move to 'production'. It can ...
    """
    if goal not in MOVES[start]:
        raise IllegalMove(start, goal, MOVES[start])


def verb_of(start: Stage, goal: Stage) -> str:
    """Name a step as the audit log does.

    >>> verb_of(Stage.PRODUCTION, Stage.STAGING)
    'demote'
    >>> verb_of(Stage.PRODUCTION, Stage.ARCHIVED)
    'archive'
    """
    return _VERBS.get((start, goal), "archive")
