import json
import re

import pytest

from registry import audit, moves, outbox, versions
from registry.errors import Conflict, Forbidden, GatesFailed, IllegalMove, UnknownVersion
from registry.gates import BY_KEY, EVIDENCE
from registry.gates.asked import Margin
from registry.stages import Stage


def test_a_good_version_goes_all_the_way(record, session):
    record.register()
    staged = record.promote("risk/1", "staging")
    assert {verdict.outcome for verdict in staged.verdicts} == {"passed"}
    done = record.promote("risk@staging", "production", reason="release 12")
    assert done.version.stage is Stage.PRODUCTION
    assert done.came_from is Stage.STAGING
    assert done.verdicts[-1].outcome == "not applicable"
    session.commit()
    assert audit.verify(session) == 5
    entry = audit.log(session, limit=1)[0]
    assert entry.digest == done.audit_digest
    assert entry.reason == "release 12"
    assert [verdict["code"] for verdict in entry.detail["verdicts"]] == [
        *(BY_KEY[key].code for key in EVIDENCE),
        "G009",
    ]
    assert json.loads(json.dumps(done.to_dict()))["to"] == "production"


def test_entering_production_archives_the_one_before(record, session):
    record.champion(1)
    done_before = audit.head(session).number
    record.register(2, explained=True)
    record.promote("risk/2", "staging")
    done = record.promote("risk/2", "production")
    assert done.replaced.ref == "risk/1"
    assert record.get("risk/1").stage is Stage.ARCHIVED
    assert versions.champion(session, "risk").number == 2
    told = [message.payload for message in outbox.pending(session) if message.kind == "moved"]
    assert [(m["ref"], m["to"]) for m in told[-2:]] == [
        ("risk/1", "archived"),
        ("risk/2", "production"),
    ]
    assert audit.log(session, limit=2)[1].reason == "replaced by risk/2"
    assert audit.head(session).number == done_before + 6


def test_a_worse_version_is_turned_back_and_nothing_moves(record, session):
    record.champion(1)
    record.register(2, metrics={"roc_auc": 0.8})
    record.promote("risk/2", "staging")
    before = audit.head(session)
    with pytest.raises(GatesFailed, match=r"G009 .*: roc_auc is 0\.8000; the champion") as no:
        record.promote("risk/2", "production")
    assert no.value.verdicts[-1]["observed"] == "roc_auc 0.8 against 0.9 of risk/1"
    assert no.value.verdicts[-1]["needed"]
    assert audit.head(session) == before
    assert record.get("risk/2").stage is Stage.STAGING
    assert versions.champion(session, "risk").number == 1


@pytest.mark.parametrize(
    ("upwards", "theirs", "ours", "passes"),
    [
        (True, 0.9, 0.9, True),
        (True, 0.9, 0.9 * (1 - Margin().margin * 0.9), True),
        (True, 0.9, 0.9 * (1 - Margin().margin * 1.1), False),
        (False, 10.0, 9.0, True),
        (False, 10.0, 10.0 * (1 + Margin().margin * 0.9), True),
        (False, 10.0, 10.1, False),
        (True, -0.5, -0.6, False),
        (True, 0.0, 0.0, True),
    ],
)
def test_not_worse_is_meant_in_the_metrics_own_direction(record, upwards, theirs, ours, passes):
    same = {"metric": "m", "greater_is_better": upwards}
    record.champion(1, metrics={"m": theirs}, **same)
    record.register(2, metrics={"m": ours}, **same)
    record.promote("risk/2", "staging")
    assert record.check("risk/2", "production").passed is passes


def test_a_version_without_the_champions_metric_is_turned_back(record):
    record.champion(1)
    record.register(2, metric="f1", metrics={"f1": 0.99})
    record.promote("risk/2", "staging")
    (failed,) = record.check("risk/2", "production").failed
    assert "is measured by roc_auc; this version has no roc_auc" in failed.reason


def test_a_comparison_on_other_data_says_so(record):
    record.champion(1)
    record.register(2, data_digest="sha256:other")
    record.promote("risk/2", "staging")
    assert record.check("risk/2", "production").verdicts[-1].observed.endswith("on other data")


@pytest.mark.parametrize(
    ("changes", "code", "told"),
    [
        ({"metrics": {"roc_auc": float("nan")}}, "G001", "No value of roc_auc"),
        ({"signature": False}, "G002", "without a signature"),
        ({"input_example": False}, "G003", "without an input example"),
        ({"data_digest": ""}, "G004", "No digest of the data"),
        ({"requirements": ()}, "G005", "without its requirements"),
        ({"requirements": ("a==1", "pandas>=2", "b @ file:///b")}, "G005", "pandas>=2"),
        ({"model_digest": ""}, "G006", "No digest of the model"),
        ({"explained": False}, "G007", "No SHAP report"),
        ({"explained": False}, "G008", "No LIME report"),
    ],
)
def test_staging_wants_complete_evidence(record, changes, code, told):
    record.register(**changes)
    found = {verdict.code: verdict for verdict in record.check("risk/1", "staging").failed}
    assert told in found[code].reason
    with pytest.raises(GatesFailed, match=code):
        record.promote("risk/1", "staging")


@pytest.mark.parametrize(
    ("sections", "told"),
    [
        ({"local": {"state": "exact"}, "global": {"state": "exact"}}, "no cohort section"),
        ({}, "no local and no global and no cohort section"),
        ({"local": "exact", "global": "exact", "cohort": "skipped"}, "without saying why"),
        (
            {"local": "exact", "global": "exact", "cohort": {"state": "skipped", "why": "time"}},
            None,
        ),
        (
            {
                "local": {"state": "skipped", "why": "the budget ended before it", "late": True},
                "global": "exact",
                "cohort": "exact",
            },
            "mlops explain risk/1 --budget 2m",
        ),
    ],
)
def test_a_report_must_have_its_sections_or_say_why_not(record, sections, told):
    version = record.register(explained=False)
    record.attach(version, "shap", sections=sections)
    record.attach(version, "lime")
    verdicts = {verdict.code: verdict for verdict in record.check("risk/1", "staging").verdicts}
    assert (verdicts["G007"].outcome == "passed") is (told is None)
    assert told is None or told in verdicts["G007"].reason
    assert "cohort" in verdicts["G007"].observed
    assert told is not None or "(time)" in verdicts["G007"].observed


def test_the_latest_report_counts(record):
    version = record.register(explained=False)
    record.attach(version, "lime")
    record.attach(version, "shap", sections={})
    record.attach(version, "shap", digest="sha256:mended")
    assert record.check("risk/1", "staging").passed


def test_checking_moves_nothing_and_names_every_obstacle(record, session):
    record.register(signature=False)
    before = audit.head(session)
    found = record.check("risk/1", "production", by=record.scientist)
    assert not found.passed
    assert [verdict.code for verdict in found.failed] == ["G002"]
    assert re.search("may not promote", found.obstacles[0])
    assert re.search("cannot move to 'production'", found.obstacles[1])
    assert audit.head(session) == before
    assert json.loads(json.dumps(found.to_dict()))["passed"] is False


def test_no_step_skips_staging(record):
    record.register()
    with pytest.raises(IllegalMove, match="It can move to archived, staging"):
        record.promote("risk/1", "production")


def test_promoting_twice_says_it_is_there_already(record):
    record.champion()
    with pytest.raises(IllegalMove, match="is there already"):
        record.promote("risk/1", "production")


def test_versions_go_back_the_same_way(record, session):
    record.champion()
    record.promote("risk@production", "staging")
    record.promote("risk/1", "candidate")
    record.promote("risk/1", "archived")
    record.promote("risk/1", "candidate")
    verbs = [entry.action for entry in audit.log(session, model="risk")]
    assert verbs[:5] == ["restore", "archive", "demote", "demote", "promote"]
    assert versions.champion(session, "risk") is None


def test_a_scientist_may_not_promote_and_an_unknown_version_is_named(record):
    record.register()
    with pytest.raises(Forbidden, match="'sam' may not promote versions"):
        record.promote("risk/1", "staging", by=record.scientist)
    with pytest.raises(UnknownVersion, match="risk/2"):
        record.promote("risk/2", "staging")


def test_a_version_can_be_promoted_by_its_mlflow_model_id(record):
    record.register(3)
    assert record.promote(f"models:/m-{3:032x}", "staging").version.ref == "risk/1"


def test_the_database_allows_one_version_in_production_even_past_the_locks(record, session):
    record.champion(1)
    record.register(2)
    second = record.get("risk/2")
    with pytest.raises(Conflict, match="risk/2 could not become production"):
        moves._move(session, second, Stage.PRODUCTION)


def test_two_models_have_a_champion_each(record, session):
    record.champion(1)
    record.champion(2, name="fraud")
    assert versions.champion(session, "risk").ref == "risk/1"
    assert versions.champion(session, "fraud").ref == "fraud/1"
