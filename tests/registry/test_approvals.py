from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from registry import approvals, audit, outbox, requests
from registry.errors import (
    AwaitingApproval,
    Forbidden,
    Frozen,
    GatesFailed,
    ReasonMissing,
    RequestVoid,
    UnknownRequest,
)
from registry.gates.asked import AtMost, Bounds, Thresholds
from registry.permissions import Actor, Role
from registry.policy import DEFAULT_STAGES, Approvals, BreakGlass, Freeze, Policy, Rule
from registry.promotion import Grounds
from registry.refs import parse
from registry.stages import Stage

USUAL = DEFAULT_STAGES[Stage.PRODUCTION]
REVIEWERS = [Actor(name, Role.REVIEWER, "api") for name in ("ruth", "rolf")]
NOW = datetime.now(UTC)


def policy(**changes):
    rules = replace(USUAL, **changes)
    return Policy(rules=(Rule(models="risk", stages={Stage.PRODUCTION: rules}),))


TWO = Grounds(policy=policy(approvals=Approvals(count=2, role=Role.REVIEWER)))


@pytest.fixture
def staged(record):
    record.register()
    record.promote("risk/1", "staging")
    return record


def ask(record, on=TWO, by=None):
    return approvals.request(
        record.session, parse("risk/1"), to=Stage.PRODUCTION, by=by or record.releaser,
        reason="ready", on=on,
    )  # fmt: skip


def decide(record, by, decision="approved", on=TWO):
    return approvals.decide(
        record.session, parse("risk/1"), decision, to=None, by=by, reason="looked at it", on=on
    )


def test_a_promotion_waits_for_as_many_as_the_policy_wants(staged, session):
    with pytest.raises(AwaitingApproval, match=r"0 of 2 given.*mlops request risk/1"):
        staged.promote("risk/1", "production", on=TWO)
    ask(staged)
    assert not decide(staged, REVIEWERS[0]).complete
    with pytest.raises(AwaitingApproval, match="1 of 2 given"):
        staged.promote("risk/1", "production", on=TWO)
    assert decide(staged, REVIEWERS[0]).given == 1
    assert decide(staged, REVIEWERS[1]).complete
    done = staged.promote("risk/1", "production", on=TWO)
    entry = audit.log(session, limit=1)[0]
    assert entry.digest == done.audit_digest
    assert entry.detail["approved by"] == ["ruth", "rolf"]
    assert entry.detail["policy"] == TWO.policy.digest
    assert [one.outcome for one in requests.of(session, done.version)] == ["promoted"]
    verbs = [one.action for one in audit.log(session, subject="risk/1")]
    assert verbs[:5] == ["promote", "approve", "approve", "approve", "request"]
    assert {m.kind for m in outbox.pending(session)} >= {"request", "approve", "moved"}


def test_what_waits_for_an_answer_is_listed_newest_first_until_it_is_closed(record, session):
    for number in (1, 2, 3):
        record.register(number)
        record.promote(f"risk/{number}", "staging")
        approvals.request(
            session, parse(f"risk/{number}"), to=Stage.PRODUCTION, by=record.releaser,
            reason="ready", on=TWO,
        )  # fmt: skip
    decide(record, REVIEWERS[0])
    assert [one.ref for one in requests.page(session)] == ["risk/3", "risk/2", "risk/1"]
    assert [one.ref for one in requests.page(session, limit=1, before=3)] == ["risk/2"]
    assert [a.approver for a in requests.page(session)[-1].approvals] == ["ruth"]
    decide(record, REVIEWERS[1], "rejected")
    assert [one.ref for one in requests.page(session)] == ["risk/3", "risk/2"]


@pytest.mark.parametrize(
    ("by", "told"),
    [
        (Actor("rita", Role.RELEASER, "cli"), "asked for themselves|may not approve this"),
        (Actor("sam", Role.REVIEWER, "cli"), "a version of their own"),
        (Actor("rob", Role.RELEASER, "cli"), "may not approve this. Roles that may: reviewer"),
        (Actor("stan", Role.SCIENTIST, "cli"), "may not approve promotions"),
    ],
)
def test_some_people_never_count(staged, by, told):
    ask(staged)
    with pytest.raises(Forbidden, match=told):
        decide(staged, by)


def test_who_asked_does_not_count_whatever_their_role(staged):
    on = Grounds(policy=policy(approvals=Approvals(count=1)))
    ask(staged, on, by=staged.admin)
    with pytest.raises(Forbidden, match="asked for themselves"):
        decide(staged, staged.admin, on=on)


def test_the_author_counts_only_where_the_policy_says_so(staged):
    on = Grounds(policy=policy(approvals=Approvals(count=1, author_counts=True)))
    ask(staged, on)
    assert decide(staged, Actor("sam", Role.REVIEWER, "cli"), on=on).complete


def test_only_named_people_count_where_people_are_named(staged):
    on = Grounds(policy=policy(approvals=Approvals(count=1, people=("rolf",))))
    ask(staged, on)
    with pytest.raises(Forbidden, match="Roles that may: rolf"):
        decide(staged, REVIEWERS[0], on=on)
    with pytest.raises(AwaitingApproval, match="rolf approves with"):
        staged.promote("risk/1", "production", on=on)
    assert decide(staged, REVIEWERS[1], on=on).complete


def test_a_change_of_the_policy_voids_what_was_approved(staged):
    ask(staged)
    for one in REVIEWERS:
        decide(staged, one)
    bounds = Thresholds(metrics={"roc_auc": Bounds(min=0.1)})
    changed = policy(approvals=Approvals(count=2), gates={**USUAL.gates, "thresholds": bounds})
    with pytest.raises(RequestVoid, match="what the gates say and the policy changed"):
        staged.promote("risk/1", "production", on=Grounds(policy=changed))


def test_a_change_of_what_the_gates_see_voids_what_was_approved(staged):
    ask(staged)
    decide(staged, REVIEWERS[0])
    staged.attach(staged.get("risk/1"), "shap", sections={**staged.sections, "local": "sampled"},
                  digest="sha256:new")  # fmt: skip
    with pytest.raises(RequestVoid, match="what the gates say changed"):
        decide(staged, REVIEWERS[1])
    again = ask(staged)
    assert (again.given, again.request.outcome) == (0, None)
    outcomes = [one.outcome for one in requests.of(staged.session, staged.get("risk/1"))]
    assert outcomes == [None, "void"]


def test_other_bytes_void_what_was_approved():
    one = requests.Bond("sha256:1", "v", "p")
    assert one.changed(requests.Bond("sha256:2", "v", "p")) == "the model's files"
    assert one.changed(one) == ""


def test_a_rejection_closes_the_request_and_is_told(staged):
    ask(staged)
    decide(staged, REVIEWERS[0], "rejected")
    with pytest.raises(AwaitingApproval, match="ruth rejected it: looked at it"):
        staged.promote("risk/1", "production", on=TWO)
    with pytest.raises(UnknownRequest, match="No request that 'risk/1' may move is open"):
        decide(staged, REVIEWERS[1])


def test_asking_twice_for_the_same_changes_nothing(staged, session):
    first = ask(staged)
    head = audit.head(session)
    assert ask(staged).request == first.request
    assert audit.head(session) == head


def test_nobody_is_asked_to_approve_what_the_gates_refuse(record):
    record.register(signature=False)
    with pytest.raises(GatesFailed, match="G002"):
        approvals.request(
            record.session, parse("risk/1"), to=Stage.STAGING, by=record.scientist, reason="",
            on=TWO,
        )  # fmt: skip


@pytest.mark.parametrize(
    "freeze",
    [
        Freeze(why="holidays", start=NOW - timedelta(days=1), end=NOW + timedelta(days=1)),
        Freeze(why="every day", days=("mon", "tue", "wed", "thu", "fri", "sat", "sun")),
    ],
)
def test_nothing_enters_a_frozen_stage_but_everything_may_leave(staged, freeze):
    on = Grounds(policy=policy(freezes=(freeze,)))
    with pytest.raises(Frozen, match=f"Nothing enters 'production' now: {freeze.why}"):
        staged.promote("risk/1", "production", on=on)
    assert staged.promote("risk/1", "archived", on=on).version.stage is Stage.ARCHIVED


STRICT = policy(
    gates={**USUAL.gates, "calibration": AtMost(max=0.1)},
    approvals=Approvals(count=1),
    break_glass=BreakGlass(roles=(Role.ADMIN,), people=("olga",)),
)


@pytest.mark.parametrize("by", [Actor("ada", Role.ADMIN), Actor("olga", Role.RELEASER)])
def test_breaking_the_glass_is_loud(staged, session, by):
    on = Grounds(policy=STRICT, emergency=True)
    done = staged.promote("risk/1", "production", on=on, by=by, reason="checkout is down")
    assert done.version.stage is Stage.PRODUCTION
    last, loud = audit.log(session, limit=2)
    assert (loud.action, loud.actor, loud.reason) == ("break glass", by.name, "checkout is down")
    assert [one["code"] for one in loud.detail["failed"]] == ["G016"]
    assert "1 gate failed" in last.detail["against"]
    [told] = [m.payload for m in outbox.pending(session) if m.kind == "break-glass"]
    assert told["by"] == by.name


@pytest.mark.parametrize(
    ("by", "reason", "error", "told"),
    [
        ("releaser", "checkout is down", Forbidden, "'rita' may not break the glass.*admin, olga"),
        ("admin", "pager", ReasonMissing, "a reason of at least 10 characters"),
    ],
)
def test_the_glass_holds_against_others(staged, by, reason, error, told):
    on = Grounds(policy=STRICT, emergency=True)
    with pytest.raises(error, match=told):
        staged.promote("risk/1", "production", on=on, by=getattr(staged, by), reason=reason)
    assert staged.get("risk/1").stage is Stage.STAGING


def test_without_a_rule_nobody_breaks_the_glass(staged):
    on = Grounds(policy=policy(approvals=Approvals(count=1)), emergency=True)
    with pytest.raises(Forbidden, match="none in this policy"):
        staged.promote("risk/1", "production", on=on, by=staged.admin, reason="checkout is down")


def test_no_emergency_asks_for_other_bytes_than_those_on_record(staged):
    measured = {"files": {"digest": "sha256:other"}}
    on = Grounds(policy=STRICT, emergency=True, measured=measured)
    with pytest.raises(GatesFailed, match="not those on record"):
        staged.promote("risk/1", "production", on=on, by=staged.admin, reason="checkout is down")
