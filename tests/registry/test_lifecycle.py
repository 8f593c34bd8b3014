import json
from datetime import UTC, datetime, timedelta

import pytest

from registry import audit, outbox, rollback, tenures, versions
from registry.errors import ClockBehind, Conflict, Forbidden, IllegalMove, NothingBefore
from registry.moves import Seen
from registry.promotion import Grounds
from registry.refs import Ref, parse
from registry.stages import Stage

LATER = datetime.now(UTC) + timedelta(days=1)


def back(record, session, name="risk", by=None, **more):
    by = by or record.releaser
    return rollback.rollback(session, name, by=by, reason="it burns", **more)


def in_production(session, name="risk"):
    found = versions.champion(session, name)
    return found.ref if found else None


def test_rolling_back_goes_to_the_one_before_and_then_further_back(record, session):
    for number in (1, 2, 3):
        record.champion(number)
    done = back(record, session)
    assert (done.version.ref, done.replaced.ref) == ("risk/2", "risk/3")
    assert done.came_from is Stage.ARCHIVED
    assert record.get("risk/3").stage is Stage.ARCHIVED
    back(record, session)
    assert in_production(session) == "risk/1"
    with pytest.raises(NothingBefore, match="'risk/1' is the first version of 'risk'"):
        back(record, session)
    entry = audit.log(session, limit=1)[0]
    assert (entry.action, entry.subject, entry.reason) == ("rollback", "risk/1", "it burns")
    assert entry.detail["gone back from"] == "risk/2"
    audit.verify(session)
    told = [message.payload["ref"] for message in outbox.pending(session)][-2:]
    assert told == ["risk/2", "risk/1"]


def test_a_rollback_is_not_to_the_number_before(record, session):
    record.champion(1)
    record.register(2)
    record.champion(3)
    assert back(record, session).version.ref == "risk/1"


def test_after_a_rollback_a_promotion_stands_on_what_is_there(record, session):
    for number in (1, 2, 3):
        record.champion(number)
    back(record, session)
    record.champion(4)
    assert back(record, session).version.ref == "risk/2"
    assert back(record, session).version.ref == "risk/1"


def test_a_rollback_with_nobody_in_production_brings_the_last_one_back(record, session):
    record.champion(1)
    record.champion(2)
    record.promote("risk/2", "archived")
    assert in_production(session) is None
    assert back(record, session).version.ref == "risk/2"
    assert back(record, session).version.ref == "risk/1"


def test_a_rollback_can_name_any_version_that_was_there(record, session):
    for number in (1, 2, 3):
        record.champion(number)
    record.register(4)
    assert back(record, session, to=parse("risk/1")).version.ref == "risk/1"
    with pytest.raises(NothingBefore, match="'risk/4' was never in production"):
        back(record, session, to=parse("risk/4"))
    with pytest.raises(IllegalMove, match="is there already"):
        back(record, session, to=parse("risk/1"))


@pytest.mark.parametrize("name", ["scientist"])
def test_who_may_not_promote_may_not_roll_back(record, session, name):
    record.champion(1)
    record.champion(2)
    with pytest.raises(Forbidden):
        back(record, session, by=getattr(record, name))
    assert in_production(session) == "risk/2"


def test_two_who_roll_back_at_once_go_one_step_back(record, session):
    for number in (1, 2, 3):
        record.champion(number)
    seen = Seen.now(record.get("risk/2"), versions.champion(session, "risk"))
    back(record, session, seen=seen)
    with pytest.raises(Conflict, match=r"risk/1 did not go .*: risk/2 did meanwhile"):
        back(record, session, seen=seen)
    assert in_production(session) == "risk/2"


def test_who_was_in_production_is_known_for_every_time(record, session):
    times = []
    for number in (1, 2):
        record.champion(number)
        times.append(datetime.now(UTC))
    record.promote("risk@production", "archived", reason="retired")
    assert tenures.at(session, "risk", times[0]).ref == "risk/1"
    assert tenures.at(session, "risk", times[1]).ref == "risk/2"
    assert tenures.at(session, "risk", LATER) is None
    assert tenures.at(session, "risk", times[0] - timedelta(hours=1)) is None
    page = tenures.page(session, "risk", limit=1)
    assert [t.left for t in page] == ["archive"]
    assert tenures.page(session, "risk", before=page[0].id)[0].left == "replaced"
    told = json.loads(json.dumps(page[0].to_dict()))
    assert (told["ref"], told["author"], told["entered"]) == ("risk/2", "rita", "promote")


def test_the_loser_of_a_race_is_told_who_won(record, session):
    for number in (1, 2):
        record.register(number)
        record.promote(f"risk/{number}", "staging")
    grounds = Grounds(seen=Seen(Stage.STAGING, None))
    record.promote("risk/1", "production", on=grounds)
    before = audit.head(session)
    with pytest.raises(Conflict, match=r"risk/2 did not .*: risk/1 did meanwhile, .* by 'rita'"):
        record.promote("risk/2", "production", on=grounds)
    with pytest.raises(Conflict, match="risk/1 was moved to production meanwhile, by 'rita'"):
        record.promote("risk/1", "production", on=grounds)
    assert audit.head(session) == before
    assert in_production(session) == "risk/1"


def test_a_clock_that_went_back_writes_nothing(record, session, monkeypatch):
    record.register()
    session.commit()
    monkeypatch.setattr(audit, "now", lambda: datetime.now(UTC) - timedelta(hours=1))
    with pytest.raises(ClockBehind, match="Set the clock right"):
        record.promote("risk/1", "staging")
    session.rollback()
    assert record.get("risk/1").stage is Stage.CANDIDATE


def test_clocks_that_differ_a_little_keep_the_log_in_order(record, session, monkeypatch):
    record.register()
    monkeypatch.setattr(audit, "now", lambda: datetime.now(UTC) - timedelta(seconds=3))
    record.promote("risk/1", "staging")
    first, second = audit.log(session, limit=2)
    assert first.at >= second.at
    audit.verify(session)


def test_a_model_that_never_was_in_production_has_nothing_to_go_back_to(record, session):
    record.register()
    with pytest.raises(NothingBefore, match="no version of 'risk' was ever in production"):
        back(record, session)
    assert tenures.last(session, "risk") is None
    assert versions.get(session, Ref("risk")).ref == "risk/1"
