"""The queue of events, on both databases."""

import base64
from datetime import timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from registry import audit, db, deliveries, migrations, outbox, sealing, webhooks
from registry.deliveries import State
from registry.errors import Conflict, Forbidden, SecretSealed, UnknownId

LEASE = timedelta(seconds=30)


def hook(session, by, **options):
    chosen = {"models": "*", "kinds": ["moved"], **options}
    return webhooks.add(session, "https://hooks.example.org/x", by=by, **chosen)[0]


def tell(session, count, name="risk", kind="moved"):
    for number in range(count):
        outbox.add(session, name, kind, {"ref": f"{name}/{number}"})


def claim(session, holder="me", *, due=True, but=()):
    return deliveries.claim(session, holder, lease=LEASE, due=due, but=but)


def lease_is_over(session):
    past = {"then": "2026-01-01 00:00:00.000000"}
    session.execute(text("update mlops_deliveries set claimed_until = :then"), past)


def test_an_event_is_queued_for_every_webhook_that_wants_it_under_one_id(session, record):
    hook(session, record.admin)
    hook(session, record.admin, models="ri*", kinds=[])
    hook(session, record.admin, models="other")
    hook(session, record.admin, kinds=["report"])
    tell(session, 1)
    queued = deliveries.page(session)
    assert [one.webhook for one in queued] == [2, 1]
    assert len({one.event for one in queued}) == 1


def test_what_was_rolled_back_is_told_to_nobody(session, record):
    hook(session, record.admin)
    session.commit()
    tell(session, 1)
    session.rollback()
    assert not deliveries.waiting(session)


def test_nobody_is_told_of_what_was_before_or_after_their_time(session, record):
    tell(session, 1)
    added = hook(session, record.admin)
    assert not deliveries.waiting(session)
    tell(session, 1)
    webhooks.remove(session, added.id, by=record.admin)
    assert not deliveries.waiting(session)
    assert claim(session) is None
    assert [one.state for one in deliveries.page(session)] == [State.WAITING]
    with pytest.raises(UnknownId, match="no webhook 1"):
        webhooks.get(session, added.id)


def test_the_events_of_a_model_are_claimed_one_by_one_in_order(session, record):
    hook(session, record.admin)
    tell(session, 3)
    tell(session, 1, "fraud")
    first, other = claim(session), claim(session, "you")
    assert (first.payload["ref"], other.payload["ref"]) == ("risk/0", "fraud/0")
    assert claim(session, "they") is None
    second = deliveries.delivered(session, first, 200, lease=LEASE)
    third = deliveries.delivered(session, second, 200, lease=LEASE)
    assert [second.payload["ref"], third.payload["ref"]] == ["risk/1", "risk/2"]
    assert deliveries.delivered(session, third, 204, lease=LEASE) is None


def test_a_claim_that_was_not_kept_runs_out_and_the_event_keeps_its_id(session, record):
    hook(session, record.admin)
    tell(session, 2)
    lost = claim(session)
    lease_is_over(session)
    taken = claim(session, "you")
    assert taken.delivery.event == lost.delivery.event
    assert deliveries.delivered(session, lost, 200, lease=LEASE) is None  # it comes too late
    assert deliveries.page(session)[1].state is State.WAITING
    assert deliveries.delivered(session, taken, 200, lease=LEASE).payload["ref"] == "risk/1"


def test_who_is_away_is_tried_again_later_and_later_and_holds_up_one_model(session, record):
    hook(session, record.admin)
    tell(session, 2)
    tell(session, 1, "fraud")
    tries = []
    for _ in range(4):
        task = claim(session, due=False)
        deliveries.failed(session, task, 503, "it answered 503")
        kept = deliveries.page(session, state=State.WAITING)[-1]
        tries.append(kept.next_at)
        assert (kept.status, kept.error) == (503, "it answered 503")
    assert kept.attempts == 4
    assert tries == sorted(tries)
    assert tries[-1] - tries[0] > timedelta(seconds=10)
    assert claim(session).payload["ref"] == "fraud/0"
    assert claim(session, "you") is None
    assert claim(session, "you", due=False).payload["ref"] == "risk/0"


def test_an_event_that_nobody_takes_is_given_up_in_the_end_and_can_be_sent_again(
    session, record, monkeypatch
):
    monkeypatch.setattr(deliveries, "MOST_ATTEMPTS", 2)
    hook(session, record.admin)
    tell(session, 2)
    states = [deliveries.failed(session, claim(session, due=False), None, "x") for _ in range(2)]
    assert states == [State.WAITING, State.GIVEN_UP]
    assert claim(session).payload["ref"] == "risk/1"
    [given_up] = deliveries.page(session, state=State.GIVEN_UP)
    with pytest.raises(Forbidden):
        deliveries.again(session, given_up.id, by=record.releaser)
    assert deliveries.again(session, given_up.id, by=record.admin).state is State.WAITING
    with pytest.raises(UnknownId, match="no delivery 99"):
        deliveries.again(session, 99, by=record.admin)


def test_two_that_claim_at_once_never_hold_the_same_event(session, record, engine):
    hook(session, record.admin)
    tell(session, 1)
    session.commit()
    with Session(engine) as one:
        assert claim(one)
        one.commit()
    with Session(engine) as other:
        assert claim(other, "you") is None


def test_an_event_that_was_not_tried_is_let_go_for_others(session, record):
    hook(session, record.admin)
    tell(session, 1)
    deliveries.release(session, claim(session))
    assert claim(session, "you").delivery.attempts == 0


def test_a_webhook_can_be_left_out(session, record):
    for _ in range(2):
        hook(session, record.admin)
    tell(session, 1)
    assert claim(session, but=[1]).delivery.webhook == 2


def test_only_who_manages_webhooks_does_and_the_log_keeps_no_secret(session, record):
    with pytest.raises(Forbidden, match="manage webhooks"):
        hook(session, record.releaser)
    added, secret = webhooks.add(
        session, "https://h.example.org/T0/pw", models="*", kinds=[], by=record.admin
    )
    webhooks.remove(session, added.id, by=record.admin, reason="moved away")
    told = str(audit.log(session))
    assert "h.example.org" in told
    assert "T0/pw" not in told
    assert secret not in told
    with pytest.raises(Forbidden):
        webhooks.secret_of(session, added.id, by=record.releaser)
    assert len(base64.b64decode(secret.removeprefix("whsec_"))) == 32


def stored(session):
    return list(session.scalars(text("select secret from mlops_webhooks order by id")))


def test_a_secret_that_is_sealed_lies_nowhere_in_clear_and_opens_with_its_key_alone(
    session, record
):
    key, other = sealing.make_key(), sealing.make_key()
    address = "https://h.example.org/"
    added, secret = webhooks.add(
        session, address, models="*", kinds=[], by=record.admin, keys=[key, other]
    )
    assert secret.removeprefix("whsec_") not in str(stored(session))
    assert webhooks.get(session, added.id).sealed_by == sealing.fingerprint(key)
    assert webhooks.secret_of(session, added.id, by=record.admin, keys=[other, key]) == secret
    for keys, told in (((), "no key is set"), ([other], f"holds {sealing.fingerprint(other)}")):
        with pytest.raises(SecretSealed, match=told):
            webhooks.secret_of(session, added.id, by=record.admin, keys=keys)
    session.execute(text("update mlops_webhooks set secret = replace(secret, 'gAAAAA', 'gAAAAB')"))
    session.expire_all()
    with pytest.raises(SecretSealed, match="changed since"):
        webhooks.secret_of(session, added.id, by=record.admin, keys=[key])


def test_a_key_is_changed_with_every_secret_kept_or_nothing_is_changed(session, record):
    old, new = sealing.make_key(), sealing.make_key()
    plain = {"models": "*", "kinds": [], "by": record.admin}
    secrets = [
        webhooks.add(session, f"https://{n}.example.org/", keys=keys, **plain)[1]
        for n, keys in enumerate([(), [old], [new]])
    ]
    before = stored(session)
    with pytest.raises(SecretSealed), session.begin_nested():
        webhooks.seal(session, old=[new], new=[new], by=record.admin)
    session.expire_all()
    assert stored(session) == before
    changed = webhooks.seal(session, old=[new, old], new=[new, old], by=record.admin)
    assert [one.id for one in changed] == [1, 2]
    assert {one.sealed_by for one in changed} == {sealing.fingerprint(new)}
    found = [webhooks.secret_of(session, n, by=record.admin, keys=[new]) for n in (1, 2, 3)]
    assert found == secrets
    assert webhooks.seal(session, old=[new], new=[new], by=record.admin) == ()
    with pytest.raises(Forbidden):
        webhooks.seal(session, old=[new], new=[], by=record.releaser)
    assert len(webhooks.seal(session, old=[new], new=[], by=record.admin)) == 3
    assert stored(session) == secrets
    sealed = audit.log(session, action="seal webhook")
    assert [entry.subject for entry in sealed][-2:] == ["@webhooks/2", "@webhooks/1"]


def test_an_older_schema_is_gone_back_to_only_when_no_secret_is_sealed(session, record, engine):
    keys = [sealing.make_key()]
    webhooks.add(
        session, "https://h.example.org/", models="*", kinds=[], by=record.admin, keys=keys
    )
    session.commit()
    with pytest.raises(Conflict, match="1 webhook"), engine.begin() as connection:
        migrations.downgrade(connection, "0003")
    assert db.state(engine) is db.State.CURRENT
    webhooks.seal(session, old=keys, new=[], by=record.admin)
    session.commit()
    with engine.begin() as connection:
        migrations.downgrade(connection, "0003")
    assert db.upgrade(engine) == db.REVISIONS[-1]
    assert len(webhooks.page(session)) == 1


def test_the_history_comes_in_pages(session, record):
    for _ in range(2):
        hook(session, record.admin)
    tell(session, 2)
    assert [one.id for one in deliveries.page(session, limit=3)] == [4, 3, 2]
    assert [one.id for one in deliveries.page(session, before=3, webhook=1)] == [1]
    assert [one.id for one in webhooks.page(session, limit=1, before=2)] == [1]
