"""Every gate by itself: content, not content, and with nothing to say. No database is needed."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from registry.cases import Case, NoSettings, ask
from registry.gates import BY_KEY, EVIDENCE, GATES, asked
from registry.gates.asked import Bounds
from registry.policy import DEFAULT, DEFAULT_STAGES, Policy
from registry.reports import Report
from registry.stages import Stage
from registry.versions import ModelVersion

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
CHAMPION = ModelVersion(
    id=1, name="risk", number=1, stage=Stage.PRODUCTION, task="classification", metric="roc_auc",
    metrics={"roc_auc": 0.9}, run_id="r", experiment_id="1", model_id="m", model_uri="u",
    model_digest="sha256:1", data_digest="sha256:d", author="sam", created_at=NOW,
    mlflow_version=None, evidence={"greater_is_better": True, "more": {}},
)  # fmt: skip
VERSION = replace(CHAMPION, id=2, number=2, stage=Stage.STAGING, model_digest="sha256:2")
TEST = {
    "metric": "roc_auc", "ours": 0.91, "theirs": 0.9, "p_value": 0.01, "method": "DeLong's test",
    "rows": 500, "difference": 0.01, "low": 0.002,
}  # fmt: skip
FILES = {"bytes": 2_000_000, "format": "skops", "reason": "", "pickles": 1, "pickled": ["a.b"]}
SAME = {
    "task": ["classification"] * 2, "classes": [["0", "1"]] * 2,
    "new": [], "gone": ["z"], "same": ["a"], "changed": [],
}  # fmt: skip
ANSWERS = {"metrics": {"roc_auc": 0.9}, "rows": 9, "held_out": 9, "calibration_error": 0.04}


def said(**summary):
    return Report(
        kind="shap", digest="d", uri="u", schema="1", summary=summary, author="sam", at=NOW
    )


def case(measured=None, more=None, champion=CHAMPION, reports=(), **changes):
    evidence = {**VERSION.evidence, "more": more or {}}
    version = replace(VERSION, **{"evidence": evidence, **changes})
    return Case(version, champion, tuple(reports), measured or {}, NOW)


def outcome(key, about, **given):
    gate = BY_KEY[key]
    return ask(gate, about, gate.settings(**given))


A_COMMIT = {"git": {"commit": "c" * 40, "dirty": True}}
OLD = {"data_until": (NOW - timedelta(days=40)).isoformat()}
WORSE = said(worst_cohort={"gap": 0.3, "loss": "log loss", "condition": "region = n"})
UNFAIR = said(fairness={"gap": 0.2, "measure": "selected", "condition": "sex = f"})
OTHER = said(comparison={"verdict": "as usual", "against": "a/9"})
MOVED = said(comparison={"verdict": "changed", "words": "The weights moved."})

ROWS = [
    ("git_commit", case(), {}, "not applicable", "No git commit"),
    ("git_commit", case(), {"required": True}, "failed", "it was not written down"),
    ("git_commit", case(more=A_COMMIT), {}, "passed", ""),
    ("git_commit", case(more=A_COMMIT), {"clean": True}, "failed", "nobody committed"),
    ("model_digest", case({"files": {"digest": "sha256:2"}}), {}, "passed", ""),
    ("model_digest", case({"files": {"digest": "sha256:x"}}), {}, "failed", "not those on record"),
    ("model_digest", case({"files": {"missing": "gone"}}), {}, "failed", "be fetched: gone"),
    ("model_digest", case({"files": {"why": "away"}}), {}, "not applicable", "at: away"),
    ("thresholds", case(), {"metrics": {"roc_auc": Bounds(min=0.8)}}, "passed", ""),
    ("thresholds", case(), {"metrics": {"roc_auc": Bounds(min=0.95)}}, "failed", "below 0.95"),
    ("thresholds", case(), {"metrics": {"roc_auc": Bounds(max=0.5)}}, "failed", "above 0.5"),
    ("thresholds", case(), {"metrics": {"f1": Bounds(min=0.1)}}, "failed", "there is roc_auc"),
    ("better_than_champion", case({"comparison": TEST}), {}, "passed", ""),
    ("better_than_champion", case({"comparison": {**TEST, "p_value": 0.2}}), {}, "failed",
     "may be chance"),
    ("better_than_champion", case({"comparison": TEST}, champion=None), {}, "not applicable", ""),
    ("better_than_champion", case(), {}, "failed", "nobody has measured it yet"),
    ("better_than_champion", case({"comparison": {"why": "other classes"}}), {}, "failed",
     "other classes"),
    ("cohort_gap", case(reports=[WORSE]), {"max": 0.5}, "passed", ""),
    ("cohort_gap", case(reports=[WORSE]), {"max": 0.2}, "failed", "region = n the loss is 0.3000"),
    ("cohort_gap", case(), {"max": 0.2}, "failed", "No report says"),
    ("cohort_gap", case(reports=[said(worst_cohort={"gap": None})]), {"max": 1},
     "not applicable", "too few rows"),
    ("fairness", case(reports=[UNFAIR]), {"max": 0.3}, "passed", ""),
    ("fairness", case(reports=[UNFAIR]), {"max": 0.1}, "failed", "sex = f selected differs"),
    ("fairness", case(), {"max": 0.1}, "failed", "--sensitive"),
    ("explanation_drift", case(reports=[MOVED]), {"allow": ("changed",)}, "passed", ""),
    ("explanation_drift", case(reports=[MOVED]), {}, "failed", "The weights moved."),
    ("explanation_drift", case(), {}, "failed", "No report compares"),
    ("explanation_drift", case(reports=[OTHER]), {}, "failed", "with a/9, not with risk/1"),
    ("explanation_drift", case(champion=None), {}, "not applicable", ""),
    ("calibration", case({"answers": ANSWERS}), {"max": 0.05}, "passed", ""),
    ("calibration", case({"answers": ANSWERS}), {"max": 0.01}, "failed", "0.0400, above 0.01"),
    ("calibration", case({"answers": {**ANSWERS, "calibration_error": None}}), {"max": 1},
     "not applicable", "no calibration error"),
    ("reproducible", case({"answers": ANSWERS}), {}, "passed", ""),
    ("reproducible", case({"answers": {**ANSWERS, "metrics": {"roc_auc": 0.8}}}), {}, "failed",
     "0.9 is recorded"),
    ("reproducible", case({"answers": {**ANSWERS, "held_out": 90}}), {}, "not applicable",
     "Only 9 of its 90"),
    ("latency", case({"latency": {"ms": 4.0}}), {"max_ms": 5}, "passed", ""),
    ("latency", case({"latency": {"ms": 6.0}}), {"max_ms": 5}, "failed", "takes 6 ms"),
    ("latency", case(), {"max_ms": 5}, "failed", "nobody has measured"),
    ("size", case({"files": FILES}), {"max_mb": 3}, "passed", ""),
    ("size", case({"files": FILES}), {"max_mb": 1}, "failed", "weighs 2.00 MB"),
    ("schema", case({"schema": SAME}), {}, "passed", ""),
    ("schema", case({"schema": {**SAME, "new": ["b"]}}), {}, "failed", "does not: b"),
    ("schema", case({"schema": {**SAME, "new": ["b"]}}), {"new_columns": True}, "passed", ""),
    ("schema", case({"schema": {**SAME, "changed": ["a (x to y)"]}}), {}, "failed", "a (x to y)"),
    ("schema", case({"schema": {**SAME, "classes": [["0"], ["1"]]}}), {}, "failed", "classes"),
    ("schema", case({"schema": {**SAME, "task": ["regression", "x"]}}), {}, "failed", "is a x"),
    ("freshness", case(), {"max_days": 1}, "passed", ""),
    ("freshness", case(more=OLD), {"max_days": 30}, "failed", "40.0 days old"),
    ("safe_format", case({"files": FILES, "types": {"types": []}}), {}, "passed", ""),
    ("safe_format", case({"files": FILES, "types": {"types": ["x.Y"]}}), {}, "failed", "x.Y"),
    ("safe_format", case({"files": FILES, "types": {"types": ["x.Y"]}}), {"types": ("x.*",)},
     "passed", ""),
    ("safe_format", case({"files": {**FILES, "format": "cloudpickle"}, "types": {"types": []}}),
     {}, "failed", "written with cloudpickle"),
    ("pickle_scan", case({"files": FILES}), {"also": ("a.*",)}, "passed", ""),
    ("pickle_scan", case({"files": FILES}), {}, "failed", "not on the list: a.b"),
    ("pickle_scan", case({"files": {**FILES, "unreadable": "torn"}}), {}, "failed", "torn"),
    ("pickle_scan", case({"files": {**FILES, "pickles": 0}}), {}, "not applicable", "no pickle"),
]  # fmt: skip


@pytest.mark.parametrize(("key", "about", "given", "wanted", "told"), ROWS)
def test_a_gate_says_what_it_saw_against_what_it_needs(key, about, given, wanted, told):
    verdict = outcome(key, about, **given)
    assert (verdict.outcome, verdict.code) == (wanted, BY_KEY[key].code)
    assert told in verdict.reason
    assert verdict.needed
    assert "\n" not in verdict.reason
    assert wanted == "not applicable" or verdict.observed


def test_every_gate_beyond_evidence_is_in_the_table_above():
    tried = {row[0] for row in ROWS} | {"not_worse"}
    assert {gate.key for gate in GATES} - set(EVIDENCE) <= tried


def test_codes_and_keys_are_stable_and_no_two_are_alike():
    assert [gate.code for gate in GATES] == [f"G{n:03d}" for n in range(1, len(GATES) + 1)]
    assert len(BY_KEY) == len(GATES)


def test_the_default_wants_evidence_and_for_production_the_champion_met():
    assert list(DEFAULT_STAGES[Stage.STAGING].gates) == list(EVIDENCE)
    assert list(DEFAULT_STAGES[Stage.PRODUCTION].gates) == [*EVIDENCE, "not_worse"]
    assert DEFAULT.rules_of("any", Stage.ARCHIVED).gates == {}


def test_settings_know_what_they_are_called():
    for gate in GATES:
        assert gate.settings is NoSettings or gate.settings.__doc__
    assert asked.Margin() == BY_KEY["not_worse"].settings()


def test_an_alias_is_protected_however_it_is_spelled():
    policy = Policy(protected_aliases=("Champion",))
    assert [policy.protects(a) for a in ("PRODUCTION", "champion", "blue")] == [True, True, False]
