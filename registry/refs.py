"""References to versions, as MLflow users already type them.

A name may hold ASCII letters, digits, spaces and ``_ . -``. MLflow forbids only ``/`` and ``:``;
we also leave out ``@`` (it splits a reference), quotes and wildcards (names are typed in shells,
MLflow filters and URLs) and anything outside ASCII (two names that look alike must be alike).

>>> parse("models:/credit-risk/7")
Ref(name='credit-risk', number=7, stage=None, model_id=None)
>>> parse("credit-risk@production").stage
<Stage.PRODUCTION: 'production'>
>>> str(parse("Credit risk@latest"))
'Credit risk@latest'
>>> parse("models:/m-0f6a1c3e5b7d4f2a9c8e7d6b5a4f3c2d").model_id
'm-0f6a1c3e5b7d4f2a9c8e7d6b5a4f3c2d'
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from registry.errors import BadName, BadRef
from registry.stages import Stage

_LONGEST = 200
_NAME = r"[A-Za-z0-9](?:[A-Za-z0-9_. -]*[A-Za-z0-9_.-])?"
_MODEL_ID = re.compile(r"(?:models:/)?(?P<id>m-[0-9a-f]{32})")
# Nine digits fit a database integer.
_REF = re.compile(rf"(?:models:/)?(?P<name>{_NAME})(?:/(?P<number>\d{{1,9}})|@(?P<at>[A-Za-z]+))")


@dataclass(frozen=True, slots=True)
class Ref:
    """Points at one version: by number, stage, MLflow model id, or (none given) at the latest."""

    name: str
    number: int | None = None
    stage: Stage | None = None
    model_id: str | None = None

    def __str__(self) -> str:
        """Return the text that parses back to this reference."""
        if self.model_id is not None:
            return f"models:/{self.model_id}"
        if self.stage is not None:
            return f"{self.name}@{self.stage.value}"
        return f"{self.name}@latest" if self.number is None else f"{self.name}/{self.number}"


def parse(text: str) -> Ref:
    """Read a reference.

    Raises:
        BadRef: The text follows none of the forms, or names no stage.

    >>> parse("credit-risk")
    Traceback (most recent call last):
    registry.errors.BadRef: 'credit-risk' is not a version reference. Write 'credit-risk/7', ...
    """
    logged = _MODEL_ID.fullmatch(text)
    if logged is not None:
        return Ref("", model_id=logged["id"])
    match = _REF.fullmatch(text)
    if match is None or len(match["name"]) > _LONGEST:
        raise BadRef(text, _guessed_name(text))
    at = (match["at"] or "").lower()
    if at and at not in {*Stage, "latest"}:
        raise BadRef(text, match["name"], [*(stage.value for stage in Stage), "latest"])
    return Ref(
        name=match["name"],
        number=int(match["number"]) if match["number"] else None,
        stage=Stage(at) if at and at != "latest" else None,
    )


def check_name(name: str) -> str:
    """Return the name of a model if it can be one.

    Raises:
        BadName: It cannot.

    >>> check_name("Credit risk 2")
    'Credit risk 2'
    >>> check_name("credit/risk")
    Traceback (most recent call last):
    registry.errors.BadName: A model cannot be called 'credit/risk'. Use letters, ...
    """
    if len(name) > _LONGEST or re.fullmatch(_NAME, name) is None:
        raise BadName(name)
    return name


def _guessed_name(text: str) -> str:
    """Return the name somebody may have meant, for the examples in a message."""
    start = re.split(r"[/@]", text.removeprefix("models:/"), maxsplit=1)[0]
    return start if len(start) <= _LONGEST and re.fullmatch(_NAME, start) else "name"
