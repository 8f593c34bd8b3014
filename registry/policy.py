"""Policy: what it takes to enter a stage, as plain data. Without a file ``DEFAULT`` applies.

The default: staging wants complete evidence; production wants that too, and a version that is not
worse than the champion; nobody's approval. The digest of the policy that judged is written into
each audit entry.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, field
from datetime import datetime, time, timedelta
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

from registry.cases import NoSettings
from registry.gates import BY_KEY, EVIDENCE
from registry.gates.asked import Commit, Margin
from registry.stages import Stage

if TYPE_CHECKING:
    from collections.abc import Mapping

    from registry.cases import Gate
    from registry.permissions import Actor, Role

GUARDED = (Stage.STAGING, Stage.PRODUCTION)
"""The stages that gates guard; leaving one is never guarded."""
DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_WEEK = timedelta(days=7)


@dataclass(frozen=True, slots=True, kw_only=True)
class Approvals:
    """How many people must agree, and who counts."""

    count: int = 0
    role: Role | None = None
    """Only this role counts, and admin; by default every role that may approve."""
    people: tuple[str, ...] = ()
    """Only these people count; by default everybody."""
    author_counts: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Freeze:
    """When nothing enters the stage: from one moment to another, or every week on some days."""

    why: str
    start: datetime | None = None
    end: datetime | None = None
    days: tuple[str, ...] = ()
    after: time = time(0)
    """From when on such days, UTC."""
    before: time = time.max
    """Until when on such days, UTC."""

    def holds(self, moment: datetime) -> bool:
        """Whether it is frozen at a moment."""
        if self.start is not None and self.end is not None:
            return self.start <= moment < self.end
        clock = moment.time()
        return DAYS[moment.weekday()] in self.days and self.after <= clock <= self.before


@dataclass(frozen=True, slots=True, kw_only=True)
class BreakGlass:
    """Who may promote against the policy in an emergency; every such move is audited as one."""

    roles: tuple[Role, ...] = ()
    people: tuple[str, ...] = ()

    def lets(self, actor: Actor) -> bool:
        """Whether somebody is among them."""
        return actor.role in self.roles or actor.name in self.people


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """What it takes to enter one stage."""

    gates: Mapping[str, Any]
    """The settings of each gate, by its key."""
    approvals: Approvals = Approvals()
    freezes: tuple[Freeze, ...] = ()
    break_glass: BreakGlass | None = None

    def frozen(self, moment: datetime) -> Freeze | None:
        """Return what freezes the stage at a moment, if anything does."""
        return next((freeze for freeze in self.freezes if freeze.holds(moment)), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """The rules of all models whose name fits a pattern."""

    models: str
    stages: Mapping[Stage, Rules]


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """The rules of a registry; the first whose pattern fits a model's name decides."""

    rules: tuple[Rule, ...] = ()
    protected_aliases: tuple[str, ...] = ()
    """Aliases in MLflow that nobody sets by hand, beside staging and production."""
    source: str = field(default="built in", compare=False)
    own: Mapping[str, Gate] = field(default_factory=dict, compare=False)
    """Gates of the installation, by key."""

    def rules_of(self, name: str, stage: Stage) -> Rules:
        """Return what it takes for a model to enter a stage; nothing where none is guarded."""
        if stage not in GUARDED:
            return Rules(gates={})
        fitting = (rule for rule in self.rules if fnmatchcase(name, rule.models))
        found = next(fitting, None)
        stages = DEFAULT_STAGES if found is None else {**DEFAULT_STAGES, **found.stages}
        return stages[stage]

    def asked(self, rules: Rules) -> tuple[tuple[Gate, Any], ...]:
        """Return the gates of some rules with their settings, in the policy's order."""
        known = {**BY_KEY, **self.own}
        return tuple((known[key], given) for key, given in rules.gates.items())

    def protects(self, alias: str) -> bool:
        """Whether an alias follows the record, however it is spelled.

        >>> Policy().protects("Production")
        True
        """
        ours = {stage.value for stage in GUARDED} | set(self.protected_aliases)
        return alias.casefold() in {one.casefold() for one in ours}

    @property
    def digest(self) -> str:
        """The digest of what it says: the same for two files that say the same."""
        rules = [[rule.models, _told(rule.stages)] for rule in self.rules]
        codes = {key: gate.code for key, gate in self.own.items()}
        told = [rules, sorted(self.protected_aliases), codes, _told(DEFAULT_STAGES)]
        text = json.dumps(told, sort_keys=True, default=str)
        return hashlib.sha256(text.encode()).hexdigest()


def _evidence() -> dict[str, Any]:
    return {key: Commit() if key == "git_commit" else NoSettings() for key in EVIDENCE}


DEFAULT_STAGES: Mapping[Stage, Rules] = {
    Stage.STAGING: Rules(gates=_evidence()),
    Stage.PRODUCTION: Rules(gates={**_evidence(), "not_worse": Margin()}),
}
DEFAULT = Policy()


def _told(stages: Mapping[Stage, Rules]) -> dict[str, Any]:
    return {stage.value: asdict(rules) for stage, rules in stages.items()}


def always(freezes: tuple[Freeze, ...]) -> bool:
    """Whether weekly freezes leave no minute of the week open.

    >>> always((Freeze(why="never", days=DAYS),))
    True
    """
    weekly = [freeze for freeze in freezes if freeze.days]
    start = datetime(2024, 1, 1)  # noqa: DTZ001 - a Monday; only clock times are compared
    minutes = int(_WEEK.total_seconds() // 60)
    moments = (start + timedelta(minutes=minute) for minute in range(minutes))
    return bool(weekly) and all(any(f.holds(moment) for f in weekly) for moment in moments)
