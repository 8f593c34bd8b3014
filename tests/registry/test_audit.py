import re
from datetime import timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from registry import audit
from registry.audit import Head
from registry.errors import BrokenChain


@pytest.fixture
def chain(record, session):
    """Five committed entries."""
    record.champion()
    session.commit()
    return session


def tamper(session, *statements):
    """Do what the triggers forbid, as somebody who owns the database can."""
    if session.get_bind().dialect.name == "sqlite":
        for name in ("update", "delete", "replace"):
            session.execute(text(f"drop trigger mlops_audit_no_{name}"))
    else:
        session.execute(text("alter table mlops_audit disable trigger all"))
    for statement in statements:
        session.execute(text(statement))


def test_an_untouched_chain_verifies(chain):
    assert audit.verify(chain) == 5
    assert audit.head(chain).number == 5


def test_an_entry_says_who_what_why_and_through_which_door(record, session):
    record.register(explained=False)
    record.promote("risk/1", "archived", by=record.releaser, reason="leaks the target")
    entry = audit.log(session, model="risk", limit=1)[0]
    assert (entry.actor, entry.role, entry.source) == ("rita", "releaser", "ci")
    assert (entry.action, entry.subject, entry.reason) == ("archive", "risk/1", "leaks the target")
    assert entry.detail["from"] == "candidate"
    assert entry.to_dict()["at"].endswith("+00:00")


@pytest.mark.parametrize(
    "statement",
    [
        "update mlops_audit set actor = 'mallory' where number = 1",
        "delete from mlops_audit where number = 5",
        "insert or replace into mlops_audit select number, at, 'mallory', role, source, action, "
        "model, subject, reason, detail, previous, digest from mlops_audit where number = 1",
        "truncate mlops_audit",
    ],
)
def test_the_database_itself_refuses_to_change_an_entry(chain, statement):
    sqlite = chain.get_bind().dialect.name == "sqlite"
    if statement.startswith("truncate" if sqlite else "insert or replace"):
        pytest.skip("not in this dialect")
    with pytest.raises(DBAPIError, match="append-only"):
        chain.execute(text(statement))
    chain.rollback()
    assert audit.verify(chain) == 5


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("actor", "'mallory'"),
        ("role", "'admin'"),
        ("source", "'api'"),
        ("action", "'other'"),
        ("model", "'other'"),
        ("subject", "'risk/2'"),
        ("reason", "'because'"),
        ("detail", "'{}'"),
        ("at", "'2020-01-01 00:00:00.000000'"),
        ("digest", "'" + "0" * 64 + "'"),
    ],
)
def test_an_edited_entry_shows(chain, column, value):
    statement = "update mlops_audit set COLUMN = VALUE where number = 3"
    tamper(chain, statement.replace("COLUMN", column).replace("VALUE", value))
    with pytest.raises(BrokenChain, match="entry 3"):
        audit.verify(chain)


@pytest.mark.parametrize("number", [1, 3])
def test_a_dropped_entry_shows(chain, number):
    tamper(chain, "delete from mlops_audit where number = N".replace("N", str(number)))
    with pytest.raises(BrokenChain, match=f"entry {number} is missing"):
        audit.verify(chain)


def test_swapped_entries_show(chain):
    swap = "update mlops_audit set number = {} where number = {}"
    tamper(chain, swap.format(99, 2), swap.format(2, 3), swap.format(3, 99))
    with pytest.raises(BrokenChain, match="entry 2"):
        audit.verify(chain)


def test_a_cut_off_end_shows_against_a_head_noted_before(chain):
    noted = audit.head(chain)
    tamper(chain, "delete from mlops_audit where number > 3")
    assert audit.verify(chain) == 3  # nothing in the database could tell
    with pytest.raises(BrokenChain, match="went up to 5"):
        audit.verify(chain, since=noted)


def test_a_chain_forged_anew_shows_against_a_head_noted_before(chain):
    with pytest.raises(BrokenChain, match="another one"):
        audit.verify(chain, since=Head(5, "f" * 64))


def test_the_log_comes_in_pages_newest_first(chain, record):
    record.register(7, name="other", explained=False)
    assert [entry.number for entry in audit.log(chain, limit=2)] == [6, 5]
    assert [entry.number for entry in audit.log(chain, limit=2, before=5)] == [4, 3]
    assert {entry.model for entry in audit.log(chain, model="risk")} == {"risk"}
    assert [entry.number for entry in audit.log(chain, subject="other/1")] == [6]


def test_text_of_any_language_survives_the_chain(record, session):
    record.register(explained=False)
    record.promote("risk/1", "archived", reason="größer als 5 €, 'quoted' \"twice\" \n ✓")
    session.commit()
    session.expire_all()
    assert audit.verify(session) == 2
    assert re.search("✓", audit.log(session)[0].reason)


@pytest.mark.parametrize(
    ("asked", "numbers"),
    [
        ({"actor": "rita"}, [5, 4]),
        ({"action": "attach report"}, [3, 2]),
        ({"actor": "sam", "action": "register"}, [1]),
        ({"actor": "nobody"}, []),
        ({"actor": "rita", "before": 5}, [4]),
        ({"model": "other"}, []),
    ],
)
def test_the_log_answers_who_did_what(chain, asked, numbers):
    assert [entry.number for entry in audit.log(chain, **asked)] == numbers


def test_the_log_answers_when(chain):
    times = {entry.number: entry.at for entry in audit.log(chain)}
    assert [e.number for e in audit.log(chain, since=times[4])] == [5, 4]
    assert [e.number for e in audit.log(chain, until=times[2])] == [1]
    assert [e.number for e in audit.log(chain, since=times[2], until=times[5])] == [4, 3, 2]
    assert audit.log(chain, since=times[5] + timedelta(days=1)) == ()
    assert audit.log(chain, until=times[1]) == ()
