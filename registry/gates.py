"""Gates: what a version must show before it enters a stage. One row each.

A check returns ``None`` when it is content and one sentence when it is not; it raises
``NotApplicable`` when the question makes no sense for this version. This is the documented default
policy: staging wants complete evidence; production wants that too, and a version that is not worse
than the champion. That production is entered from staging only is in ``stages.MOVES``.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Literal

from registry.reports import SECTIONS
from registry.stages import Stage

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from registry.reports import Report
    from registry.versions import ModelVersion

MARGIN = 0.001
"""How much worse than the champion still counts as not worse: a thousandth of its value.

Small enough that a real loss is turned back, large enough that the last digits of a retrained
model don't decide.
"""

_EXACT_PINS = ("==", " @ ")


class NotApplicable(Exception):
    """The gate has nothing to say about this version."""


@dataclass(frozen=True, slots=True)
class Case:
    """Everything a gate may look at."""

    challenger: ModelVersion
    champion: ModelVersion | None
    reports: tuple[Report, ...] = ()
    approver: str = ""

    def report(self, kind: str) -> Report | None:
        """Return the challenger's latest report of a kind."""
        return next((report for report in reversed(self.reports) if report.kind == kind), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Gate:
    """One row: a stable code, what it asks, which stages it guards."""

    code: str
    title: str
    guards: frozenset[Stage]
    needed: str
    observed: Callable[[Case], str]
    check: Callable[[Case], str | None]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What one gate said, what it saw and what it wanted to see."""

    code: str
    title: str
    outcome: Literal["passed", "failed", "not applicable"]
    reason: str
    observed: str
    needed: str

    def __str__(self) -> str:
        """Return the verdict as one line."""
        return f"{self.code} {self.title}: {self.reason or self.observed}"

    def to_dict(self) -> dict[str, str]:
        """Return everything as plain JSON-ready data."""
        return asdict(self)


def judge(case: Case, goal: Stage, gates: Sequence[Gate] | None = None) -> tuple[Verdict, ...]:
    """Ask every gate that guards the goal stage; all of them, even after a failure."""
    chosen = GATES if gates is None else gates
    return tuple(_ask(gate, case) for gate in chosen if goal in gate.guards)


def _ask(gate: Gate, case: Case) -> Verdict:
    try:
        reason = gate.check(case)
    except NotApplicable as why:
        return Verdict(gate.code, gate.title, "not applicable", str(why), "", gate.needed)
    outcome: Literal["passed", "failed"] = "passed" if reason is None else "failed"
    seen = gate.observed(case)
    return Verdict(gate.code, gate.title, outcome, reason or "", seen, gate.needed)


def _metrics_seen(case: Case) -> str:
    shown = sorted(case.challenger.metrics.items())
    return ", ".join(f"{key} {value:.4g}" for key, value in shown) or "none"


def _has_metrics(case: Case) -> str | None:
    if case.challenger.score is not None:
        return None
    return f"No value of {case.challenger.metric}, the metric it was chosen by, was recorded."


def _flag_seen(case: Case, key: str) -> str:
    return "logged" if case.challenger.evidence.get(key) else "none"


def _has_flag(case: Case, key: str, what: str) -> str | None:
    if case.challenger.evidence.get(key):
        return None
    return f"The model was logged without {what}."


def _digest_seen(case: Case, key: str) -> str:
    return str(getattr(case.challenger, key)) or "none"


def _has_digest(case: Case, key: str, what: str) -> str | None:
    return None if getattr(case.challenger, key) else f"No digest of {what} was recorded."


def _requirements(case: Case) -> list[str]:
    return list(case.challenger.evidence.get("requirements", ()))


def _loose(case: Case) -> list[str]:
    lines = _requirements(case)
    return [line for line in lines if not any(pin in line for pin in _EXACT_PINS)]


def _environment_seen(case: Case) -> str:
    lines = _requirements(case)
    return f"{len(lines) - len(_loose(case))} of {len(lines)} requirements pinned"


def _has_environment(case: Case) -> str | None:
    if not _requirements(case):
        return "The model was logged without its requirements."
    loose = _loose(case)
    return f"Not pinned to one version: {', '.join(loose)}." if loose else None


def _section(report: Report, name: str) -> tuple[str, str]:
    """Return the state of a report's section and why it was skipped."""
    section: Any = report.summary.get("sections", {}).get(name)
    if section is None:
        return "missing", ""
    if isinstance(section, str):
        return section, ""
    state = str(section.get("state", "missing"))
    return state, str(section.get("why") or section.get("reason") or "")


def _report_seen(case: Case, kind: str) -> str:
    report = case.report(kind)
    if report is None:
        return "none"
    told = []
    for name in SECTIONS:
        state, why = _section(report, name)
        told.append(f"{name} {state}" + (f" ({why})" if why else ""))
    return ", ".join(told)


def _has_report(case: Case, kind: str) -> str | None:
    report = case.report(kind)
    if report is None:
        return f"No {kind.upper()} report is attached."
    states = {name: _section(report, name) for name in SECTIONS}
    missing = [name for name, (state, _) in states.items() if state == "missing"]
    if missing:
        return f"The {kind.upper()} report has no {' and no '.join(missing)} section."
    silent = [name for name, (state, why) in states.items() if state == "skipped" and not why]
    if silent:
        return f"The {kind.upper()} report skips {' and '.join(silent)} without saying why."
    return None


def _champion_seen(case: Case) -> str:
    champion = case.champion
    if champion is None or champion.score is None:
        return "no champion"
    metric = champion.metric
    ours = case.challenger.metrics.get(metric)
    text = f"{metric} {'none' if ours is None else f'{ours:.6g}'}"
    text += f" against {champion.score:.6g} of {champion}"
    same = case.challenger.data_digest == champion.data_digest
    return text if same else f"{text}, measured on other data"


def _not_worse(case: Case) -> str | None:
    champion, challenger = case.champion, case.challenger
    if champion is None or champion.id == challenger.id:
        raise NotApplicable("Nothing else is in production.")
    metric, theirs = champion.metric, champion.score
    if theirs is None:
        raise NotApplicable(f"No {metric} of the champion {champion} is on record.")
    ours = challenger.metrics.get(metric)
    if ours is None:
        return f"The champion {champion} is measured by {metric}; this version has no {metric}."
    upwards = champion.evidence.get("greater_is_better", True)
    loss = theirs - ours if upwards else ours - theirs
    if loss <= MARGIN * abs(theirs):
        return None
    return f"{metric} is {ours:.4f}; the champion {champion} has {theirs:.4f}."


_BOTH = frozenset({Stage.STAGING, Stage.PRODUCTION})
_COMPLETE = "local, global and cohort sections, or why one was skipped"

GATES: Sequence[Gate] = (
    Gate(
        code="G001",
        title="metrics recorded",
        guards=_BOTH,
        needed="a value of the metric it was chosen by",
        observed=_metrics_seen,
        check=_has_metrics,
    ),
    Gate(
        code="G002",
        title="signature",
        guards=_BOTH,
        needed="the model's inputs and outputs",
        observed=partial(_flag_seen, key="signature"),
        check=partial(_has_flag, key="signature", what="a signature"),
    ),
    Gate(
        code="G003",
        title="input example",
        guards=_BOTH,
        needed="a few rows to try the model with",
        observed=partial(_flag_seen, key="input_example"),
        check=partial(_has_flag, key="input_example", what="an input example"),
    ),
    Gate(
        code="G004",
        title="data digest",
        guards=_BOTH,
        needed="the digest of the data it learned from",
        observed=partial(_digest_seen, key="data_digest"),
        check=partial(_has_digest, key="data_digest", what="the data"),
    ),
    Gate(
        code="G005",
        title="pinned environment",
        guards=_BOTH,
        needed="every requirement pinned to one version",
        observed=_environment_seen,
        check=_has_environment,
    ),
    Gate(
        code="G006",
        title="model digest",
        guards=_BOTH,
        needed="the digest of the model's files",
        observed=partial(_digest_seen, key="model_digest"),
        check=partial(_has_digest, key="model_digest", what="the model's files"),
    ),
    Gate(
        code="G007",
        title="SHAP report",
        guards=_BOTH,
        needed=_COMPLETE,
        observed=partial(_report_seen, kind="shap"),
        check=partial(_has_report, kind="shap"),
    ),
    Gate(
        code="G008",
        title="LIME report",
        guards=_BOTH,
        needed=_COMPLETE,
        observed=partial(_report_seen, kind="lime"),
        check=partial(_has_report, kind="lime"),
    ),
    Gate(
        code="G009",
        title="not worse than the champion",
        guards=frozenset({Stage.PRODUCTION}),
        needed=f"the champion's metric, or worse by at most {MARGIN:.1%} of it",
        observed=_champion_seen,
        check=_not_worse,
    ),
)
