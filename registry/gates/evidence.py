"""Complete evidence: what a version shows before anybody judges how good it is."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from registry.cases import Gate, NotApplicable
from registry.gates.asked import Commit
from registry.reports import SECTIONS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from registry.cases import Case
    from registry.reports import Report

_EXACT_PINS = ("==", " @ ")
_COMPLETE = "local, global and cohort sections, or why one cannot be made"


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
    late = [name for name in SECTIONS if _is_late(report, name)]
    if late:
        return (
            f"The {kind.upper()} report ran out of time before its {' and '.join(late)} section: "
            f"mlops explain {case.challenger} --budget 2m gives it more."
        )
    return None


def _is_late(report: Report, name: str) -> bool:
    """Whether a section is skipped for no other reason than the report's budget."""
    section: Any = report.summary.get("sections", {}).get(name)
    return isinstance(section, dict) and bool(section.get("late"))


def _model_seen(case: Case) -> str:
    recorded = case.challenger.model_digest or "none"
    files = case.measured.get("files", {})
    if files.get("missing"):
        return f"{recorded}, but no files"
    found = files.get("digest")
    return recorded if found in {None, recorded} else f"{recorded}, but the files have {found}"


def _model_unchanged(case: Case) -> str | None:
    recorded = case.challenger.model_digest
    files = case.measured.get("files", {})
    found = files.get("digest")
    if "why" in files and recorded:
        raise NotApplicable(f"The model's files were not looked at: {files['why']}.")
    if files.get("missing"):
        return f"The model's files cannot be fetched: {files['missing']}."
    if found is not None and recorded and found != recorded:
        return f"The model's files are not those on record: their digest is {found[:12]}…."
    return _has_digest(case, "model_digest", "the model's files")


def _git(case: Case) -> dict[str, Any]:
    return dict(case.challenger.evidence.get("more", {}).get("git", {}))


def _commit_seen(case: Case, given: Commit) -> str:
    del given
    found = _git(case)
    changed = ", with changes that were not committed" if found.get("dirty") else ""
    return f"{found.get('commit', 'none')}{changed}"


def _has_commit(case: Case, given: Commit) -> str | None:
    found = _git(case)
    if "commit" not in found:
        why = str(found.get("why", "it was not written down"))
        if not given.required:
            raise NotApplicable(f"No git commit: {why}.")
        return f"The commit of the code that made it is unknown: {why}."
    if given.clean and found.get("dirty"):
        return f"It was made from changes on top of {found['commit'][:12]} that nobody committed."
    return None


def _commit_needed(given: Commit) -> str:
    clean = ", without uncommitted changes" if given.clean else ""
    return f"the git commit it was made at{clean}{'' if given.required else ', if there is one'}"


ROWS: Sequence[Gate] = (
    Gate(
        code="G001",
        key="metrics_recorded",
        title="metrics recorded",
        asks="Was a value recorded of the metric that the version was chosen by?",
        needed="a value of the metric it was chosen by",
        observed=_metrics_seen,
        check=_has_metrics,
    ),
    Gate(
        code="G002",
        key="signature",
        title="signature",
        asks="Was the model logged with a signature?",
        needed="the model's inputs and outputs",
        observed=partial(_flag_seen, key="signature"),
        check=partial(_has_flag, key="signature", what="a signature"),
    ),
    Gate(
        code="G003",
        key="input_example",
        title="input example",
        asks="Was the model logged with a few rows to try it with?",
        needed="a few rows to try the model with",
        observed=partial(_flag_seen, key="input_example"),
        check=partial(_has_flag, key="input_example", what="an input example"),
    ),
    Gate(
        code="G004",
        key="data_digest",
        title="data digest",
        asks="Is the digest of the data it learned from on record?",
        needed="the digest of the data it learned from",
        observed=partial(_digest_seen, key="data_digest"),
        check=partial(_has_digest, key="data_digest", what="the data"),
    ),
    Gate(
        code="G005",
        key="environment",
        title="pinned environment",
        asks="Is every requirement pinned to one version?",
        needed="every requirement pinned to one version",
        observed=_environment_seen,
        check=_has_environment,
    ),
    Gate(
        code="G006",
        key="model_digest",
        title="model digest",
        asks="Is the digest of the model's files on record, and do the files still have it? "
        "Where MLflow is away nothing is judged; breaking the glass and `rollback` go on without "
        "it and say so.",
        needed="the digest of the model's files",
        observed=_model_seen,
        check=_model_unchanged,
        needs=frozenset({"files"}),
    ),
    Gate(
        code="G007",
        key="shap_report",
        title="SHAP report",
        asks="Is a SHAP report attached, with all its sections or why one cannot be made?",
        needed=_COMPLETE,
        observed=partial(_report_seen, kind="shap"),
        check=partial(_has_report, kind="shap"),
    ),
    Gate(
        code="G008",
        key="lime_report",
        title="LIME report",
        asks="Is a LIME report attached, with all its sections or why one cannot be made?",
        needed=_COMPLETE,
        observed=partial(_report_seen, kind="lime"),
        check=partial(_has_report, kind="lime"),
    ),
    Gate(
        code="G010",
        key="git_commit",
        title="git commit",
        asks="Is the commit on record that the version was made at? `required` turns back what "
        "was made outside of a repository, `clean` what was made from uncommitted changes.",
        settings=Commit,
        needed=_commit_needed,
        observed=_commit_seen,
        check=_has_commit,
    ),
)
