"""Users and tokens, on both databases."""

import re
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text

from registry import audit, tokens, users, versions
from registry.errors import (
    BadToken,
    BadUser,
    Forbidden,
    OutOfScope,
    TokenExpired,
    UnknownId,
    UnknownUser,
    UserInactive,
)
from registry.permissions import Action, Actor, Role, require


@pytest.fixture
def team(record, session):
    """Ada the admin, Sam the scientist, Rita who releases."""
    users.add(session, "sam", role=Role.SCIENTIST, by=record.admin)
    users.add(session, "rita", role=Role.RELEASER, by=record.admin)
    return session


def who(session, name, role=Role.ADMIN):
    return users.caller(session, name, role=role, source="cli")[0]


def made(session, by, **options):
    return tokens.create(session, "nightly", user=options.pop("user", by.name), by=by, **options)


def came(session, word):
    return tokens.caller(session, word, source="api")[0]


def test_while_nobody_was_added_everybody_is_who_their_computer_says(session):
    assert who(session, "eve") == Actor("eve", Role.ADMIN, "cli")
    assert who(session, "eve", Role.SCIENTIST) == Actor("eve", Role.SCIENTIST, "cli")


def test_the_first_user_brings_in_who_adds_them_as_an_admin(team):
    assert [(u.name, u.role) for u in users.page(team)] == [
        ("ada", Role.ADMIN), ("rita", Role.RELEASER), ("sam", Role.SCIENTIST),
    ]  # fmt: skip


def test_once_there_are_users_the_record_says_the_role_and_strangers_only_look(team):
    assert who(team, "sam").role is Role.SCIENTIST
    assert who(team, "eve").role is Role.VIEWER
    with pytest.raises(Forbidden, match="'eve' may not promote"):
        require(who(team, "eve"), Action.PROMOTE)


def test_the_setting_narrows_a_role_and_never_widens_it(team):
    sam = who(team, "sam", Role.RELEASER)
    require(sam, Action.REPORT)
    with pytest.raises(Forbidden):
        require(sam, Action.PROMOTE)
    with pytest.raises(OutOfScope, match="MLOPS_ROLE allows"):
        require(sam, Action.REGISTER)


@pytest.mark.parametrize("name", ["", " ada", "a\nb", "x" * 201])
def test_a_name_that_nobody_can_have_is_refused(record, session, name):
    with pytest.raises(BadUser, match="cannot be called"):
        users.add(session, name, role=Role.VIEWER, by=record.admin)


def test_nobody_is_added_twice(team, record):
    with pytest.raises(BadUser, match="already"):
        users.add(team, "sam", role=Role.VIEWER, by=record.admin)


CHANGES = [
    lambda s, by: users.add(s, "new", role=Role.VIEWER, by=by),
    lambda s, by: users.set_role(s, "sam", Role.ADMIN, by=by),
    lambda s, by: users.deactivate(s, "sam", by=by),
    lambda s, by: users.reactivate(s, "sam", by=by),
    lambda s, by: made(s, by, user="sam"),
]


@pytest.mark.parametrize("change", CHANGES)
def test_only_who_manages_users_changes_them(team, record, change):
    with pytest.raises(Forbidden, match="'rita' may not manage users"):
        change(team, record.releaser)


def test_a_deactivated_user_comes_in_neither_by_name_nor_by_token(team, record):
    _, word = made(team, record.scientist)
    users.deactivate(team, "sam", by=record.admin, reason="left")
    for come in (lambda: who(team, "sam"), lambda: came(team, word)):
        with pytest.raises(UserInactive, match="'sam' was deactivated"):
            come()
    users.reactivate(team, "sam", by=record.admin)
    assert came(team, word).name == "sam"


@pytest.mark.parametrize(
    "change",
    [
        lambda s, by: users.deactivate(s, "ada", by=by),
        lambda s, by: users.set_role(s, "ada", Role.VIEWER, by=by),
    ],
)
def test_the_last_admin_stays(team, record, change):
    with pytest.raises(BadUser, match="Without 'ada'"):
        change(team, record.admin)


def test_every_change_of_people_is_in_the_audit_log(team, record):
    users.set_role(team, "sam", Role.REVIEWER, by=record.admin, reason="asked to")
    users.set_role(team, "sam", Role.REVIEWER, by=record.admin)  # changes nothing
    token, word = made(team, record.releaser, scopes={Action.PROMOTE})
    tokens.revoke(team, token.id, by=record.admin, reason="leaked")
    entries = audit.log(team)[::-1]
    assert [(e.actor, e.action, e.subject) for e in entries] == [
        ("ada", "add user", "@users/ada"),
        ("ada", "add user", "@users/sam"),
        ("ada", "add user", "@users/rita"),
        ("ada", "change role", "@users/sam"),
        ("rita", "create token", "@users/rita"),
        ("ada", "revoke token", "@users/rita"),
    ]
    assert word not in str(entries)
    assert {entry.model for entry in entries} == {None}


def test_users_come_in_pages_and_are_found_by_a_part_of_their_name(team, record):
    users.add(team, "Sam_100%", role=Role.VIEWER, by=record.admin)
    assert {u.name for u in users.page(team, "SAM")} == {"sam", "Sam_100%"}
    assert [u.name for u in users.page(team, "_100%")] == ["Sam_100%"]
    first = users.page(team, limit=2)
    rest = users.page(team, after=first[-1].name)
    assert len(first) == len(rest) == 2
    with pytest.raises(UnknownUser, match="It knows"):
        users.get(team, "olaf")


def test_last_seen_is_written_once_in_five_minutes(team):
    assert users.is_due(users.get(team, "sam").last_seen_at)
    users.seen(team, "sam")
    first = users.get(team, "sam").last_seen_at
    users.seen(team, "sam")
    assert users.get(team, "sam").last_seen_at == first
    assert not users.is_due(first)


def test_a_token_is_kept_as_a_digest_only(team, record):
    token, word = made(team, record.scientist)
    kept = team.execute(text("select * from mlops_tokens")).mappings().one()
    assert word.startswith(token.hint)
    assert not [value for value in kept.values() if value == word]
    assert re.fullmatch("[0-9a-f]{64}", kept["digest"])


def test_a_token_may_what_its_user_may_within_its_scopes(team, record):
    _, whole = made(team, record.releaser)
    _, narrow = made(team, record.releaser, scopes={Action.REPORT})
    _, looking = made(team, record.releaser, scopes=set())
    require(came(team, whole), Action.PROMOTE)
    for word in (narrow, looking):
        with pytest.raises(OutOfScope, match="allows"):
            require(came(team, word), Action.PROMOTE)
    _, beyond = made(team, record.scientist, scopes={Action.PROMOTE})
    with pytest.raises(Forbidden, match="Roles that may"):
        require(came(team, beyond), Action.PROMOTE)


def test_a_narrow_token_makes_no_wider_one(team, record):
    _, word = made(team, record.admin, scopes={Action.PEOPLE, Action.REPORT})
    narrow = came(team, word)
    assert made(team, narrow, scopes={Action.REPORT})
    for scopes in (None, {Action.PROMOTE}):
        with pytest.raises(OutOfScope, match="may more"):
            made(team, narrow, scopes=scopes)


def test_a_token_that_is_over_says_so(team, record):
    end = datetime.now(UTC) + timedelta(hours=1)
    token, word = made(team, record.scientist, expires_at=end)
    assert came(team, word).source == "api"
    team.execute(
        text("update mlops_tokens set expires_at = :then"),
        {"then": "2026-01-01 00:00:00.000000+00"[: 26 if is_sqlite(team) else None]},
    )
    with pytest.raises(TokenExpired, match=r"'nightly'.* expired on 2026-01-01"):
        came(team, word)
    tokens.revoke(team, token.id, by=record.scientist)
    with pytest.raises(BadToken, match=r"'nightly'.* was revoked"):
        came(team, word)
    assert [t.state for t in tokens.page(team)] == ["revoked"]


def is_sqlite(session):
    return session.get_bind().dialect.name == "sqlite"


@pytest.mark.parametrize("word", ["", "mlops_", "mlops_guess", "'; drop table mlops_users"])
def test_a_token_that_is_nobodys_opens_nothing(team, word):
    with pytest.raises(BadToken, match="is nobody's"):
        came(team, word)


@pytest.mark.parametrize(
    ("label", "options", "error", "told"),
    [
        ("", {}, BadUser, "label"),
        ("x" * 101, {}, BadUser, "label"),
        ("old", {"expires_at": datetime(2020, 1, 1, tzinfo=UTC)}, BadUser, "has passed"),
        ("x", {"user": "olaf"}, UnknownUser, "olaf"),
    ],
)
def test_a_token_that_makes_no_sense_is_refused(team, record, label, options, error, told):
    with pytest.raises(error, match=told):
        tokens.create(team, label, **{"user": "ada", "by": record.admin, **options})


def test_tokens_come_in_pages_and_only_their_owner_or_an_admin_ends_them(team, record):
    made_now = [made(team, record.releaser)[0].id for _ in range(3)]
    assert [t.id for t in tokens.page(team, "rita", limit=2)] == made_now[:0:-1]
    assert [t.id for t in tokens.page(team, before=made_now[1])] == made_now[:1]
    with pytest.raises(Forbidden):
        tokens.revoke(team, made_now[0], by=record.scientist)
    with pytest.raises(UnknownId, match="no token 99"):
        tokens.revoke(team, 99, by=record.admin)
    tokens.revoke(team, made_now[0], by=record.releaser)


def test_whoever_works_alone_makes_a_token_without_adding_users_first(session, record):
    _, word = made(session, record.admin)
    assert came(session, word).role is Role.ADMIN


def test_a_scoped_token_is_asked_where_the_record_changes(team, record):
    _, word = made(team, record.scientist, scopes={Action.REPORT})
    with pytest.raises(OutOfScope, match="register"):
        versions.register(team, "risk", evidence=record.evidence(), by=came(team, word))
