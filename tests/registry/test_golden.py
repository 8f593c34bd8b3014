"""A database of each released schema, as it was written then, still opens and still verifies."""

import sqlite3
from pathlib import Path

import pytest
from sqlalchemy.orm import Session

from registry import audit, db, deliveries, outbox, reports, tokens, users, versions, webhooks
from registry.refs import parse
from tests.registry.conftest import ADMIN

GOLDEN = Path(__file__).parents[1] / "golden"
KEY = "Z29sZGVuIGdvbGRlbiBnb2xkZW4gZ29sZGVuIGdvbGQ="
"""Of the one webhook, since secrets can be sealed."""
SCHEMAS = sorted(GOLDEN.glob("registry_*.sql"))


@pytest.fixture(params=SCHEMAS, ids=lambda path: path.stem)
def old(request, tmp_path):
    """An engine on a database that an older release wrote."""
    path = tmp_path / "old.db"
    with sqlite3.connect(path) as connection:
        connection.executescript(request.param.read_text(encoding="utf-8"))
    connection.close()
    engine = db.open_engine(f"sqlite:///{path}")
    db.upgrade(engine)
    yield engine
    engine.dispose()


def test_every_revision_has_its_frozen_database():
    assert [path.stem.removeprefix("registry_") for path in SCHEMAS] == list(db.REVISIONS)


def test_an_old_database_opens_with_all_it_held(old):
    assert db.state(old) is db.State.CURRENT
    with Session(old) as session:
        assert [v.ref for v in versions.page(session)] == ["fraud/1", "risk/2", "risk/1"]
        first = versions.get(session, parse("risk/1"))
        assert first.stage == "archived"
        assert versions.champion(session, "risk").ref == "risk/2"
        assert [report.kind for report in reports.of(session, first)] == ["shap", "lime"]
        assert outbox.pending(session)


def test_the_digests_of_an_old_audit_log_are_computed_as_then(old):
    with Session(old) as session:
        assert audit.verify(session) == 14


@pytest.mark.parametrize("old", SCHEMAS[2:], indirect=True, ids=lambda path: path.stem)
def test_people_and_webhooks_of_an_old_database_are_still_those(old):
    with Session(old) as session:
        assert [(u.name, u.active) for u in users.page(session)] == [
            ("ada", True), ("olaf", False), ("rita", True),
        ]  # fmt: skip
        assert [(t.user, t.state) for t in tokens.page(session)] == [
            ("olaf", "revoked"), ("rita", "active"),
        ]  # fmt: skip
        assert tokens.caller(session, "mlops_golden", source="api")[0].name == "rita"
        assert [webhook.models for webhook in webhooks.page(session)] == ["risk*"]
        [number] = [webhook.id for webhook in webhooks.page(session)]
        secret = webhooks.secret_of(session, number, by=ADMIN, keys=[KEY])
        assert secret == "whsec_Z29sZGVuLWdvbGRlbi1nb2xkZW4tZ29sZGVu"  # noqa: S105 - golden
        states = [one.state.value for one in deliveries.page(session)]
        assert states[0] == "waiting"
        assert set(states[1:]) == {"delivered"}
