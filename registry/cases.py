"""What a gate is, what it may look at, and what it answers.

A check returns ``None`` when it is content and one sentence when it is not; it raises
``NotApplicable`` when the question makes no sense for this version. It does no I/O: whoever asks
brings along what was measured.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, Literal, TypeVar, dataclass_transform

if TYPE_CHECKING:
    from datetime import datetime

    from registry.reports import Report
    from registry.versions import ModelVersion

Outcome = Literal["passed", "failed", "not applicable"]
_Class = TypeVar("_Class")


class NotApplicable(Exception):
    """The gate has nothing to say about this version."""


@dataclass_transform(frozen_default=True, kw_only_default=True)
def settings(cls: type[_Class]) -> type[_Class]:
    """Make a class of plain frozen settings that refuses unknown keys where it is read."""
    setattr(cls, "__pydantic_config__", {"extra": "forbid"})  # noqa: B010 - pydantic's own name
    return dataclass(frozen=True, slots=True, kw_only=True)(cls)


@settings
class NoSettings:
    """There is nothing to set."""


@dataclass(frozen=True, slots=True)
class Case:
    """Everything a gate may look at."""

    challenger: ModelVersion
    champion: ModelVersion | None
    reports: tuple[Report, ...] = ()
    measured: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """By kind: what a journey measured on the model's files, rows and champion."""
    at: datetime | None = None

    def report(self, kind: str) -> Report | None:
        """Return the challenger's latest report of a kind."""
        return next((report for report in reversed(self.reports) if report.kind == kind), None)

    def rival(self) -> ModelVersion:
        """Return the champion to stand up to.

        Raises:
            NotApplicable: Nothing else is in production.
        """
        if self.champion is None or self.champion.id == self.challenger.id:
            raise NotApplicable("Nothing else is in production.")
        return self.champion

    def found(self, kind: str) -> Mapping[str, Any]:
        """Return what was measured of a kind; ``why`` says why not."""
        return self.measured.get(kind) or {
            "why": f"nobody has measured it yet; 'mlops check {self.challenger} --to STAGE' does"
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Gate:
    """One row: a stable code, the key it has in a policy, and what it asks."""

    code: str
    key: str
    title: str
    asks: str
    """What it asks, for the reference page."""
    needed: str | Callable[[Any], str]
    """What it wants to see: a text in which ``{max}`` is a setting, or a function of them."""
    observed: Callable[..., str]
    """Called with the case, and with the settings where there are any; so is ``check``."""
    check: Callable[..., str | None]
    settings: type = NoSettings
    needs: frozenset[str] = frozenset()
    """The kinds of measurements it looks at."""

    def wants(self, given: Any) -> str:
        """Say what it wants to see under some settings."""
        if callable(self.needed):
            return self.needed(given)
        return self.needed.format_map(asdict(given))


@dataclass(frozen=True, slots=True)
class Verdict:
    """What one gate said, what it saw and what it wanted to see."""

    code: str
    title: str
    outcome: Outcome
    reason: str
    observed: str
    needed: str

    def __str__(self) -> str:
        """Return the verdict as one line."""
        return f"{self.code} {self.title}: {self.reason or self.observed}"

    def to_dict(self) -> dict[str, str]:
        """Return everything as plain JSON-ready data."""
        return asdict(self)


def ask(gate: Gate, case: Case, given: Any) -> Verdict:
    """Ask one gate under some settings."""
    needed = gate.wants(given)
    about = (case,) if gate.settings is NoSettings else (case, given)
    try:
        reason = gate.check(*about)
    except NotApplicable as why:
        return Verdict(gate.code, gate.title, "not applicable", str(why), "", needed)
    outcome: Outcome = "passed" if reason is None else "failed"
    seen = gate.observed(*about)
    return Verdict(gate.code, gate.title, outcome, reason or "", seen, needed)
