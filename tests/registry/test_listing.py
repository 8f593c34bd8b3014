"""Every list is answered from an index, whatever was asked; a page costs what it shows."""

import importlib.util
import random
import sys
from pathlib import Path

import pytest
from sqlalchemy import event
from sqlalchemy.orm import Session

from registry import db, deliveries, tenures, tokens, users, versions, webhooks
from registry.deliveries import State
from registry.refs import parse

_path = Path(__file__).parents[2] / "benchmarks" / "listing.py"
_spec = importlib.util.spec_from_file_location("listing", _path)
listing = importlib.util.module_from_spec(_spec)
sys.modules["listing"] = listing
_spec.loader.exec_module(listing)

QUESTIONS = [
    *listing.questions(1000, 1000),
    ("users", lambda s, _: users.page(s, after="m")),
    ("tokens", lambda s, _: tokens.page(s, before=9)),
    ("tokens of a user", lambda s, _: tokens.page(s, "rita")),
    ("webhooks", lambda s, _: webhooks.page(s, before=9)),
    ("deliveries", lambda s, _: deliveries.page(s, before=9)),
    ("deliveries to one", lambda s, _: deliveries.page(s, webhook=1)),
    ("deliveries in a state", lambda s, _: deliveries.page(s, state=State.WAITING)),
    ("tenures", lambda s, _: tenures.page(s, "risk", before=9)),
    ("a version", lambda s, _: versions.get(s, parse("risk/1"))),
    ("a champion", lambda s, _: versions.champion(s, "risk")),
]


@pytest.fixture(scope="module")
def asked(tmp_path_factory):
    """A SQLite database with a version, and every statement that it was asked."""
    engine = db.open_engine(f"sqlite:///{tmp_path_factory.mktemp('listing')}/mlops.db")
    db.ensure(engine)
    listing.load(engine, 3000, 3000)
    with engine.begin() as connection:
        changed = "name = 'risk', number = 1, stage = 'production'"
        connection.exec_driver_sql(f"update mlops_versions set {changed} where id = 1")  # noqa: S608
    heard = []
    event.listen(
        engine, "before_cursor_execute", lambda *words: heard.append((words[2], words[3]))
    )
    yield engine, heard
    engine.dispose()


@pytest.mark.parametrize(("name", "ask"), QUESTIONS, ids=[name for name, _ in QUESTIONS])
def test_a_list_is_read_along_an_index(asked, name, ask):
    engine, heard = asked
    heard.clear()
    with Session(db.readers(engine)) as session:
        ask(session, random.Random(0))  # noqa: S311 - a seed is wanted
    statements = [words for words in heard if words[0].startswith(("SELECT", "WITH"))]
    assert statements
    with engine.connect() as connection:
        for statement, values in statements:
            plan = connection.exec_driver_sql(f"explain query plan {statement}", values).all()
            for step in (row[-1] for row in plan):
                assert "TEMP B-TREE" not in step, step
                whole = step.startswith("SCAN mlops_") and "USING" not in step
                # Along the primary key from one end, until the page is full, is no scan of all.
                assert not whole or "ORDER BY" in statement, step
