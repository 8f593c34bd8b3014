"""How good a version is: by its own numbers, beside the champion, and for every group of rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from registry.cases import Gate, NotApplicable
from registry.gates.asked import AtMost, Drift, Margin, Paired, Thresholds, Tolerance

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from registry.cases import Case
    from registry.gates.asked import Bounds


def _champion_seen(case: Case, given: Margin) -> str:
    del given
    champion = case.rival()
    metric = champion.metric
    ours = case.challenger.metrics.get(metric)
    text = f"{metric} {'none' if ours is None else f'{ours:.6g}'}"
    text += f" against {champion.score:.6g} of {champion}"
    same = case.challenger.data_digest == champion.data_digest
    return text if same else f"{text}, measured on other data"


def _not_worse(case: Case, given: Margin) -> str | None:
    champion, challenger = case.rival(), case.challenger
    metric, theirs = champion.metric, champion.score
    if theirs is None:
        raise NotApplicable(f"No {metric} of the champion {champion} is on record.")
    ours = challenger.metrics.get(metric)
    if ours is None:
        return f"The champion {champion} is measured by {metric}; this version has no {metric}."
    upwards = champion.evidence.get("greater_is_better", True)
    loss = theirs - ours if upwards else ours - theirs
    if loss <= given.margin * abs(theirs):
        return None
    return f"{metric} is {ours:.4f}; the champion {champion} has {theirs:.4f}."


def _thresholds_needed(given: Thresholds) -> str:
    return ", ".join(f"{name} {_between(bounds)}" for name, bounds in given.metrics.items())


def _between(bounds: Bounds) -> str:
    told = []
    if bounds.min is not None:
        told.append(f"at least {bounds.min:g}")
    if bounds.max is not None:
        told.append(f"at most {bounds.max:g}")
    return " and ".join(told)


def _thresholds_seen(case: Case, given: Thresholds) -> str:
    found = case.challenger.metrics
    return ", ".join(f"{n} {found[n]:.6g}" if n in found else f"{n} none" for n in given.metrics)


def _within(case: Case, given: Thresholds) -> str | None:
    found, wrong = case.challenger.metrics, []
    for name, bounds in given.metrics.items():
        value = found.get(name)
        if value is None:
            known = ", ".join(sorted(found)) or "none"
            wrong.append(f"no {name} was recorded (there is {known})")
        elif bounds.min is not None and value < bounds.min:
            wrong.append(f"{name} is {value:.6g}, below {bounds.min:g}")
        elif bounds.max is not None and value > bounds.max:
            wrong.append(f"{name} is {value:.6g}, above {bounds.max:g}")
    return _sentence(wrong)


def _sentence(parts: Sequence[str]) -> str | None:
    text = "; ".join(parts)
    return f"{text[0].upper()}{text[1:]}." if text else None


def _paired_needed(given: Paired) -> str:
    if given.margin > 0:
        what = f"not worse than the champion by {given.margin:g} or more"
    else:
        ahead = f" by more than {-given.margin:g}" if given.margin else ""
        what = f"better than the champion{ahead}"
    metric = f" in {given.metric}" if given.metric else ""
    return f"{what}{metric} on the same rows, p below {given.alpha:g}"


def _paired_seen(case: Case, given: Paired) -> str:
    del given
    found = case.found("comparison")
    if "why" in found:
        return "no comparison"
    return (
        f"{found['metric']} {found['ours']:.6g} against {found['theirs']:.6g} of {case.rival()}, "
        f"p {found['p_value']:.4f} by {found['method']} on {found['rows']:,} rows"
    )


def _better(case: Case, given: Paired) -> str | None:
    champion, found = case.rival(), case.found("comparison")
    if "why" in found:
        return f"It was not compared with {champion}: {found['why']}."
    if found["p_value"] < given.alpha:
        return None
    return (
        f"That it is {_paired_needed(given).partition(' on the')[0]} may be chance: the "
        f"difference from {champion} is {found['difference']:+.4f} and may be as low as "
        f"{found['low']:+.4f} (p {found['p_value']:.3f})."
    )


def _answers(case: Case, key: str) -> Any:
    """Return what was measured on held-out rows.

    Raises:
        NotApplicable: It makes no sense for this kind of model.
    """
    found = case.found("answers")
    if found.get(key) is None and "why" not in found:
        raise NotApplicable(f"There is no {key.replace('_', ' ')} of a {case.challenger.task}.")
    return found.get(key)


def _at_most(case: Case, given: AtMost, key: str) -> str | None:
    value = _answers(case, key)
    if value is None:
        return f"It was not measured: {case.found('answers')['why']}."
    if value <= given.max:
        return None
    return f"The {key.replace('_', ' ')} is {value:.4f}, above {given.max:g}."


def _calibration_seen(case: Case, given: AtMost) -> str:
    del given
    value = _answers(case, "calibration_error")
    rows = case.found("answers").get("rows", 0)
    return "not measured" if value is None else f"{value:.4f} on {rows:,} held-out rows"


def _calibrated(case: Case, given: AtMost) -> str | None:
    return _at_most(case, given, "calibration_error")


def _again_seen(case: Case, given: Tolerance) -> str:
    del given
    again = _answers(case, "metrics")
    if again is None:
        return "not measured"
    metric = case.challenger.metric
    told = f"{again[metric]:.9g}" if metric in again else "none"
    return f"{metric} {told}, recorded {case.challenger.score:.9g}"


def _comes_out_again(case: Case, given: Tolerance) -> str | None:
    again = _answers(case, "metrics")
    kept, told = (case.found("answers").get(key, 0) for key in ("rows", "held_out"))
    if told > kept:
        raise NotApplicable(f"Only {kept:,} of its {told:,} held-out rows were kept.")
    if again is None:
        return f"It was not measured: {case.found('answers')['why']}."
    metric, recorded = case.challenger.metric, case.challenger.score
    if recorded is None or metric not in again:
        return f"No {metric} was recorded that could come out again."
    if abs(again[metric] - recorded) <= given.tolerance * max(abs(recorded), 1e-12):
        return None
    return f"The model gives {metric} {again[metric]:.6g} on its rows; {recorded:.6g} is recorded."


def _said(case: Case, key: str) -> Any:
    """Return what the SHAP report says in short; None when it says nothing of it."""
    report = case.report("shap")
    return None if report is None else report.summary.get(key)


def _cohort(case: Case) -> Mapping[str, Any] | None:
    found: Mapping[str, Any] | None = _said(case, "worst_cohort")
    return found


def _cohort_seen(case: Case, given: AtMost) -> str:
    del given
    found = _cohort(case)
    if found is None:
        return "not in the report"
    return f"{found['gap']:+.4f} of {found.get('loss', 'loss')} for {found.get('condition')}"


def _cohort_gap(case: Case, given: AtMost) -> str | None:
    found = _cohort(case)
    if found is None:
        return (
            "No report says how the worst group of rows fares; 'mlops explain' on labelled rows "
            "makes one."
        )
    if found.get("gap") is None:
        raise NotApplicable(f"No group of rows was compared: {found.get('why', 'too few rows')}.")
    if found["gap"] <= given.max:
        return None
    return f"For {found.get('condition')} the loss is {found['gap']:.4f} higher than elsewhere."


def _fairness_seen(case: Case, given: AtMost) -> str:
    del given
    found = _said(case, "fairness")
    if not found or found.get("gap") is None:
        return "not in the report"
    return f"{found['gap']:.4f} in {found.get('measure')} for {found.get('condition')}"


def _fair(case: Case, given: AtMost) -> str | None:
    found = _said(case, "fairness")
    if not found or found.get("gap") is None:
        return "No report compares groups; 'mlops explain --sensitive COLUMN' makes one."
    if found["gap"] <= given.max:
        return None
    return (
        f"For {found.get('condition')} {found.get('measure')} differs by {found['gap']:.4f} "
        "from all other rows."
    )


def _drift_seen(case: Case, given: Drift) -> str:
    del given
    found = _said(case, "comparison")
    return "not in the report" if not found else str(found.get("verdict"))


def _drift(case: Case, given: Drift) -> str | None:
    champion, found = case.rival(), _said(case, "comparison")
    if not found:
        return f"No report compares its explanations with those of {champion}."
    if found.get("against", champion.ref) != champion.ref:
        return f"Its explanations were compared with {found['against']}, not with {champion}."
    if found.get("verdict") in given.allow:
        return None
    return str(found.get("words") or f"Its explanations are {found.get('verdict')}.")


ROWS: Sequence[Gate] = (
    Gate(
        code="G009",
        key="not_worse",
        title="not worse than the champion",
        asks="Is the recorded value of the champion's metric not worse than the champion's own, "
        "but for `margin`, a share of it? Goes by the numbers on record; G012 by a test.",
        settings=Margin,
        needed=lambda given: (
            f"the champion's metric, or worse by at most {given.margin:.1%} of it"
        ),
        observed=_champion_seen,
        check=_not_worse,
    ),
    Gate(
        code="G011",
        key="thresholds",
        title="metric thresholds",
        asks="Does each named metric lie between its `min` and `max`?",
        settings=Thresholds,
        needed=_thresholds_needed,
        observed=_thresholds_seen,
        check=_within,
    ),
    Gate(
        code="G012",
        key="better_than_champion",
        title="better by a paired test",
        asks="Do both versions' answers to the same held-out rows show that this one is better? "
        "`margin` (in the metric's unit) allows it to be worse by less than that; `method` auto "
        "takes DeLong's test for roc_auc, McNemar's for accuracy, the bootstrap for the rest; "
        "folds is the corrected t test over the folds of the search. One-sided.",
        settings=Paired,
        needed=_paired_needed,
        observed=_paired_seen,
        check=_better,
        needs=frozenset({"comparison"}),
    ),
    Gate(
        code="G013",
        key="cohort_gap",
        title="worst cohort",
        asks="Is the loss of the worst group of rows above that of all others by at most `max`? "
        "Goes by the SHAP report.",
        settings=AtMost,
        needed="at most {max:g} above all other rows",
        observed=_cohort_seen,
        check=_cohort_gap,
    ),
    Gate(
        code="G014",
        key="fairness",
        title="fairness",
        asks="Does every group of the sensitive columns differ by at most `max` from all other "
        "rows, in selection, hits, false alarms and calibration? Goes by the SHAP report.",
        settings=AtMost,
        needed="a difference of at most {max:g}",
        observed=_fairness_seen,
        check=_fair,
    ),
    Gate(
        code="G015",
        key="explanation_drift",
        title="explanation drift",
        asks="Do the columns move its answers as they move the champion's, or not more otherwise "
        "than retraining brings about? `allow` lists the verdicts that pass.",
        settings=Drift,
        needed=lambda given: " or ".join(given.allow),
        observed=_drift_seen,
        check=_drift,
    ),
    Gate(
        code="G016",
        key="calibration",
        title="calibration",
        asks="Is the expected calibration error on the held-out rows at most `max`?",
        settings=AtMost,
        needed="a calibration error of at most {max:g}",
        observed=_calibration_seen,
        check=_calibrated,
        needs=frozenset({"answers"}),
    ),
    Gate(
        code="G023",
        key="reproducible",
        title="metrics come out again",
        asks="Does the logged model, asked about its held-out rows, give the recorded value of "
        "its metric again, but for `tolerance`, a share of it?",
        settings=Tolerance,
        needed="the recorded value, within {tolerance:g} of it",
        observed=_again_seen,
        check=_comes_out_again,
        needs=frozenset({"answers"}),
    ),
)
