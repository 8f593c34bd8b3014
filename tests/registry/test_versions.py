import json
from datetime import UTC, datetime, timedelta

import pytest

from registry import audit, outbox, reports, versions
from registry.errors import BadEvidence, BadName, Forbidden, UnknownVersion
from registry.permissions import Actor, Role

VIEWER = Actor("vic", Role.VIEWER)


def test_a_version_keeps_all_that_its_run_showed(record, session):
    made = record.register()
    session.commit()
    session.expire_all()
    found = record.get("risk/1")
    assert found == made
    assert found.score == 0.9
    assert found.created_at.tzinfo is UTC
    assert abs(datetime.now(UTC) - found.created_at) < timedelta(minutes=1)
    told = json.loads(json.dumps(found.to_dict()))
    assert told["ref"] == "risk/1"
    assert told["stage"] == "candidate"
    assert told["created_at"].endswith("+00:00")
    assert told["evidence"]["more"]["trials"] == 12


def test_numbers_count_up_per_name_and_past_those_of_mlflow(record, session):
    refs = [record.register(1).ref, record.register(2).ref, record.register(3, name="fraud").ref]
    shown = record.evidence(4)
    refs.append(
        versions.register(session, "risk", evidence=shown, by=record.scientist, after=6).ref
    )
    refs.append(record.register(5).ref)
    assert refs == ["risk/1", "risk/2", "fraud/1", "risk/7", "risk/8"]


def test_registering_the_same_model_again_changes_nothing(record, session):
    first = record.register(explained=False)
    assert record.register(explained=False) == first
    assert audit.verify(session) == 1
    assert len(outbox.pending(session)) == 1


def test_a_metric_without_a_value_is_named_not_stored(record, session):
    version = record.register(metrics={"roc_auc": 0.9, "r2": float("nan"), "x": float("inf")})
    session.commit()
    assert version.metrics == {"roc_auc": 0.9}
    assert version.evidence["undefined_metrics"] == ["r2", "x"]


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"metric": "f1"}, "'f1', which is not among its metrics. It has log_loss, roc_auc"),
        ({"run_id": ""}, "run_id is empty"),
        ({"model_id": ""}, "model_id is empty"),
    ],
)
def test_evidence_that_contradicts_itself_is_refused(record, changes, told):
    with pytest.raises(BadEvidence, match=told):
        record.register(**changes)


def test_a_viewer_records_nothing(record, session):
    with pytest.raises(Forbidden, match=r"'vic' may not register versions\. Roles that"):
        versions.register(session, "risk", evidence=record.evidence(), by=VIEWER)
    version = record.register()
    with pytest.raises(Forbidden, match="may not attach reports"):
        record.attach(version, by=VIEWER, digest="sha256:other")


def test_a_bad_name_is_refused_before_anything_is_written(record, session):
    with pytest.raises(BadName):
        record.register(name="a/b")
    assert versions.names(session) == ()


def test_references_find_by_number_stage_model_and_latest(record):
    record.champion(1)
    record.register(2)
    record.register(3)
    record.promote("risk/2", "staging")
    found = ["risk/3", "risk@latest", "risk@staging", "risk@production", f"models:/m-{2:032x}"]
    assert [record.get(text).number for text in found] == [3, 3, 2, 1, 2]


@pytest.mark.parametrize(
    ("ref", "told"),
    [
        ("risk/9", r"'risk' has risk/2 \(candidate\), risk/1 \(production\)"),
        ("risk@staging", r"'risk' has risk/2"),
        ("rusk/1", "Did you mean 'risk'"),
        ("zzz/1", "Registered models: fraud, risk"),
        ("models:/m-" + "f" * 32, "Registered models: fraud, risk"),
    ],
)
def test_an_unknown_version_says_what_exists(record, ref, told):
    record.champion(1)
    record.register(2)
    record.register(3, name="fraud")
    with pytest.raises(UnknownVersion, match=told):
        record.get(ref)


def test_an_empty_record_says_how_to_begin(record):
    with pytest.raises(UnknownVersion, match="'mlops run' registers a first version"):
        record.get("risk@latest")


def test_pages_follow_each_other_without_gap_or_repetition(record, session):
    for number in range(1, 8):
        record.register(number, name=f"model {number % 2}", explained=False)
    seen, last = [], None
    while part := versions.page(session, limit=3, before=last):
        seen.extend(version.id for version in part)
        last = part[-1].id
    assert seen == sorted(seen, reverse=True)
    assert len(seen) == 7
    assert [v.number for v in versions.page(session, "model 1")] == [4, 3, 2, 1]
    assert versions.names(session) == ("model 0", "model 1")


def test_the_version_before_the_champion_is_the_one_that_was_there_not_number_minus_one(record):
    record.champion(1)
    record.register(2)
    record.champion(3)
    assert versions.previous_champion(record.session, "risk").number == 1
    record.promote("risk/3", "archived")
    assert versions.previous_champion(record.session, "risk").number == 3
    assert versions.champion(record.session, "risk") is None
    assert versions.previous_champion(record.session, "nothing") is None


def test_a_snapshot_does_not_change_when_the_record_does(record):
    before = record.register()
    record.promote("risk/1", "staging")
    assert before.stage == "candidate"


def test_attaching_the_same_report_again_changes_nothing(record, session):
    version = record.register(explained=False)
    first = record.attach(version)
    assert record.attach(version) == first
    assert record.attach(version, digest="sha256:new") != first
    assert [report.kind for report in reports.of(session, version)] == ["shap", "shap"]
    assert audit.verify(session) == 3
    assert first.to_dict()["at"].endswith("+00:00")


def test_messages_leave_the_outbox_when_told_and_count_what_failed(record, session):
    record.register(explained=False)
    record.register(2, name="fraud", explained=False)
    (mine,) = outbox.pending(session, "risk")
    outbox.failed(session, [mine.id], "connection refused")
    (again,) = outbox.pending(session, "risk")
    assert (again.attempts, again.last_error) == (1, "connection refused")
    outbox.delivered(session, [mine.id])
    assert outbox.pending(session, "risk") == ()
    assert [message.name for message in outbox.pending(session)] == ["fraud"]


def test_what_is_rolled_back_leaves_no_trace(record, session):
    record.register()
    session.rollback()
    assert versions.names(session) == ()
    assert audit.verify(session) == 0
    assert outbox.pending(session) == ()
