"""The policy file: read, checked at the door, and handed on as plain data.

A file starts from the default: it names the gates it adds, changes or (with ``false``) leaves out.
What can never pass is refused here, so that nobody finds out on the day of a release.
"""

from __future__ import annotations

import difflib
import tomllib
from dataclasses import fields
from datetime import datetime, time, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from mlops import files
from mlops.errors import BadPolicy, PolicyExists
from pipelines.errors import FileMissing
from registry.cases import Gate
from registry.gates import BY_KEY, EVIDENCE
from registry.gates.asked import Bounds, Thresholds
from registry.permissions import GRANTS, Action, Role
from registry.policy import (
    DEFAULT,
    DEFAULT_STAGES,
    GUARDED,
    Approvals,
    BreakGlass,
    Freeze,
    Policy,
    Rule,
    Rules,
    always,
)
from registry.stages import Stage

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mlops.settings import Settings

NAME = "promotion.toml"
GROUP = "mlops.gates"
TEMPLATE = Path(__file__).with_name("promotion.toml")
_LONGEST = timedelta(days=5 * 366)
_AT_MOST_ONE = frozenset(
    {
        "roc_auc", "average_precision", "accuracy", "balanced_accuracy", "f1", "f1_micro",
        "f1_macro", "f1_weighted", "precision", "recall", "specificity", "jaccard", "mcc",
        "kappa", "gini", "ks", "r2", "explained_variance", "top_2_accuracy", "g_mean",
    }
)  # fmt: skip
Day = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]


class _Part(BaseModel):
    """A part of the file: unknown keys are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class _Approvals(_Part):
    count: Annotated[int, Field(ge=0)] = 0
    role: Role | None = None
    people: tuple[str, ...] = ()
    author_counts: bool = False


class _Freeze(_Part):
    why: str
    start: Annotated[datetime | None, Field(alias="from")] = None
    end: Annotated[datetime | None, Field(alias="until")] = None
    days: tuple[Day, ...] = ()
    after: time = time(0)
    before: time = time.max


class _BreakGlass(_Part):
    roles: tuple[Role, ...] = ()
    people: tuple[str, ...] = ()


class _Stage(_Part):
    gates: dict[str, bool | dict[str, Any]] = {}
    approvals: _Approvals = _Approvals()
    freezes: tuple[_Freeze, ...] = ()
    break_glass: _BreakGlass | None = None


class _Rule(_Part):
    models: Annotated[str, Field(min_length=1)] = "*"
    staging: _Stage | None = None
    production: _Stage | None = None


class _File(_Part):
    protected_aliases: tuple[str, ...] = ()
    rules: tuple[_Rule, ...] = ()


def load(settings: Settings) -> Policy:
    """Return the policy that applies: the file that was set, the one in this folder, the default.

    Raises:
        FileMissing: A file was set that is not there.
        BadPolicy: The file makes no sense, or nothing could ever pass it.
    """
    if settings.policy is not None:
        return read(settings.policy)
    here = Path(NAME)
    return read(here) if here.exists() else DEFAULT


def read(path: Path) -> Policy:
    """Read a policy file.

    Raises:
        FileMissing: There is none.
        BadPolicy: It makes no sense, or nothing could ever pass it.
    """
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise FileMissing(path) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BadPolicy(path, "", f"it is no TOML: {error}") from error
    try:
        told = _File.model_validate(data)
    except ValidationError as error:
        raise _refusal(path, error) from error
    own: dict[str, Gate] = {}
    rules = tuple(_rule(path, place, rule, own) for place, rule in enumerate(told.rules))
    _require_reachable(path, rules)
    return Policy(rules=rules, protected_aliases=told.protected_aliases, source=str(path), own=own)


def write(path: Path) -> None:
    """Write a first policy file, which says in comments what it can say.

    Raises:
        PolicyExists: There is one already.
        UnwritableFolder: The folder cannot be written.
    """
    if path.exists():
        raise PolicyExists(path)
    files.write_whole(
        path, lambda part: part.write_text(TEMPLATE.read_text("utf-8"), encoding="utf-8")
    )


def notes(policy: Policy) -> list[str]:
    """Return what is odd about a policy without being wrong: metrics that we don't know."""
    from pipelines import metrics

    known = {row.key for row in metrics.ROWS}
    named = {
        name
        for rule in policy.rules
        for rules in rule.stages.values()
        if "thresholds" in rules.gates
        for name in rules.gates["thresholds"].metrics
    }
    return [
        f"No metric of ours is called {name!r}{_meant(name, sorted(known))}"
        for name in sorted(named - known)
    ]


def _rule(path: Path, place: int, rule: _Rule, own: dict[str, Gate]) -> Rule:
    stages = {}
    for stage in GUARDED:
        told: _Stage | None = getattr(rule, stage.value)
        if told is not None:
            where = f"rules[{place}].{stage.value}"
            stages[stage] = _rules(path, where, stage, told, own)
    return Rule(models=rule.models, stages=stages)


def _rules(path: Path, where: str, stage: Stage, told: _Stage, own: dict[str, Gate]) -> Rules:
    glass = told.break_glass
    if glass is not None and not (glass.roles or glass.people):
        raise BadPolicy(path, f"{where}.break_glass", "it names nobody, neither roles nor people")
    return Rules(
        gates=_gates(path, f"{where}.gates", DEFAULT_STAGES[stage].gates, told.gates, own),
        approvals=_approvals(path, f"{where}.approvals", told.approvals),
        freezes=_freezes(path, f"{where}.freezes", told.freezes),
        break_glass=None if glass is None else BreakGlass(**glass.model_dump()),
    )


def _gates(
    path: Path, where: str, usual: Mapping[str, Any],
    told: Mapping[str, bool | dict[str, Any]], own: dict[str, Gate],
) -> dict[str, Any]:  # fmt: skip
    chosen = dict(usual)
    if told.get("evidence") is False:
        # That the bytes are those on record is left out only by its own name.
        loose = set(EVIDENCE) - {"model_digest"}
        chosen = {key: given for key, given in chosen.items() if key not in loose}
    for key, value in told.items():
        if key == "evidence" and isinstance(value, bool):
            continue
        gate = _gate(path, where, key, own)
        if value is False:
            chosen.pop(key, None)
        else:
            chosen[key] = _settings(path, f"{where}.{key}", gate, {} if value is True else value)
    return chosen


def _gate(path: Path, where: str, key: str, own: dict[str, Gate]) -> Gate:
    """Find a gate by its key: ours, or one that is installed beside."""
    if key in BY_KEY:
        return BY_KEY[key]
    from importlib.metadata import entry_points

    installed = {point.name: point for point in entry_points(group=GROUP)}
    if key not in installed:
        known = [*BY_KEY, "evidence", *installed]
        raise BadPolicy(path, f"{where}.{key}", f"there is no such gate{_meant(key, known)}")
    gate = installed[key].load()
    if not isinstance(gate, Gate) or gate.code in {row.code for row in BY_KEY.values()}:
        what = f"{installed[key].value} is no registry.cases.Gate with a code of its own"
        raise BadPolicy(path, f"{where}.{key}", what)
    own[key] = gate
    return gate


def _settings(path: Path, where: str, gate: Gate, given: Mapping[str, Any]) -> Any:
    if gate.key == "thresholds":
        given = {"metrics": given}
    try:
        found: Any = TypeAdapter(gate.settings).validate_python(given)
    except ValidationError as error:
        raise _refusal(path, error, where, gate.settings) from error
    for name, bounds in getattr(found, "metrics", {}).items():
        if name in _AT_MOST_ONE and bounds.min is not None and bounds.min > 1:
            raise BadPolicy(path, f"{where}.{name}", f"nothing can pass: {name} is 1 at most")
    return found


def _approvals(path: Path, where: str, told: _Approvals) -> Approvals:
    able = [role for role in Role if Action.REVIEW in GRANTS[role]]
    if told.count and told.role is not None and told.role not in able:
        names = ", ".join(able)
        raise BadPolicy(
            path, where, f"nothing can pass: a {told.role} may not approve, only {names}"
        )
    if told.people and told.count > len(set(told.people)):
        raise BadPolicy(
            path, where,
            f"nothing can pass: {told.count} approvals by {len(set(told.people))} people",
        )  # fmt: skip
    return Approvals(**told.model_dump())


def _freezes(path: Path, where: str, told: Sequence[_Freeze]) -> tuple[Freeze, ...]:
    made = []
    for place, one in enumerate(told):
        here = f"{where}[{place}]"
        window = one.start is not None and one.end is not None
        if window == bool(one.days) or (one.start is None) != (one.end is None):
            raise BadPolicy(path, here, "give from and until, or days")
        if one.start is not None and one.end is not None:
            _check_window(path, here, one.start, one.end)
        made.append(Freeze(**one.model_dump()))
    if always(tuple(made)):
        raise BadPolicy(path, where, "nothing can pass: every day of the week is frozen")
    return tuple(made)


def _check_window(path: Path, where: str, start: datetime, end: datetime) -> None:
    if start.tzinfo is None or end.tzinfo is None:
        raise BadPolicy(path, where, "write times with their zone, like 2026-12-20T00:00:00Z")
    if start >= end:
        raise BadPolicy(path, where, "it ends before it begins")
    if end - start > _LONGEST:
        raise BadPolicy(path, where, f"nothing can pass from {start:%Y} to {end:%Y}")


def _require_reachable(path: Path, rules: Sequence[Rule]) -> None:
    seen: set[str] = set()
    for place, rule in enumerate(rules):
        first = next((one for one in ("*", rule.models) if one in seen), None)
        if first is not None:
            raise BadPolicy(
                path, f"rules[{place}]",
                f"it never applies: an earlier rule for {first!r} takes all its models",
            )  # fmt: skip
        seen.add(rule.models)


def _refusal(
    path: Path, error: ValidationError, where: str = "", settings: type | None = None
) -> BadPolicy:
    """Make one sentence of what pydantic found first."""
    first = error.errors()[0]
    spot = where
    for part in first["loc"][1 if settings is Thresholds else 0 :]:
        spot += f"[{part}]" if isinstance(part, int) else f".{part}" if spot else str(part)
    if first["type"] in {"extra_forbidden", "unexpected_keyword_argument"}:
        key = str(first["loc"][-1])
        known = _known(first["loc"][:-1], settings)
        return BadPolicy(path, spot, f"there is no such key{_meant(key, known)}")
    if first["type"] in {"missing", "missing_argument"}:
        return BadPolicy(path, spot, "it is missing")
    words = first["msg"].removeprefix("Value error, ")
    told = "" if isinstance(first["input"], dict) else f"{first['input']!r}: "
    return BadPolicy(path, spot, f"{told}{words}")


def _known(place: Sequence[int | str], settings: type | None) -> list[str]:
    """Return the keys that a part of the file may have."""
    if settings is not None:
        inner = Bounds if settings is Thresholds and place else settings
        return [field.name for field in fields(inner)]
    parts: dict[str, type[_Part]] = {
        "rules": _Rule, "staging": _Stage, "production": _Stage, "approvals": _Approvals,
        "freezes": _Freeze, "break_glass": _BreakGlass,
    }  # fmt: skip
    names = [str(one) for one in place if not isinstance(one, int)]
    known = parts[names[-1]].model_fields if names else _File.model_fields
    return [field.alias or name for name, field in known.items()]


def _meant(word: str, known: Sequence[str]) -> str:
    near = difflib.get_close_matches(word, known, n=1, cutoff=0.5)
    return f"; did you mean {near[0]!r}?" if near else f"; there are {', '.join(known)}"
