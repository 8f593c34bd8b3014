import sqlite3
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from registry import audit, db, migrations, outbox, reports, tenures
from registry.db import Limits, State
from registry.errors import Conflict, DatabaseDown, DatabaseTooNew, SchemaOutdated
from registry.versions import page


@pytest.fixture
def empty(databases):
    """An engine on a database without tables."""
    engine = db.open_engine(databases.empty())
    yield engine
    engine.dispose()


def test_an_empty_database_gets_its_tables_and_a_second_look_changes_nothing(empty):
    assert db.state(empty) is State.EMPTY
    db.ensure(empty)
    db.ensure(empty)
    assert db.state(empty) is State.CURRENT


def test_the_tables_stand_beside_those_of_others(empty):
    with empty.begin() as connection:
        connection.execute(text("create table alembic_version (version_num varchar(32))"))
        connection.execute(text("insert into alembic_version values ('mlflows-own')"))
    db.ensure(empty)
    with empty.connect() as connection:
        assert connection.scalar(text("select version_num from alembic_version")) == "mlflows-own"
        assert migrations.differences(connection) == []


def test_tables_and_migrations_agree(engine):
    with engine.connect() as connection:
        assert migrations.differences(connection) == []


def test_the_revisions_in_the_code_are_those_of_the_migrations():
    known = [script.revision for script in migrations.scripts().walk_revisions()]
    assert list(db.REVISIONS) == known[::-1]
    assert migrations.VERSION_TABLE == db._VERSION_TABLE


def test_down_and_up_again_leaves_nothing_behind(engine):
    with engine.begin() as connection:
        migrations.downgrade(connection)
    assert db.state(engine) is State.EMPTY
    db.ensure(engine)
    with engine.connect() as connection:
        assert migrations.differences(connection) == []


def test_upgrading_keeps_what_is_there(engine, record, session):
    record.champion()
    session.commit()
    assert db.upgrade(engine) == db.REVISIONS[-1]
    assert record.get("risk@production").number == 1
    assert audit.verify(session) == 5
    assert len(reports.of(session, record.get("risk/1"))) == 2
    assert outbox.pending(session)


def test_a_newer_database_is_left_alone(engine):
    with engine.begin() as connection:
        connection.execute(text("update mlops_alembic_version set version_num = '9999'"))
    assert db.state(engine) is State.NEWER
    for use in (db.ensure, db.upgrade):
        with pytest.raises(DatabaseTooNew, match=rf"schema 9999.* up to {db.REVISIONS[-1]}"):
            use(engine)


def test_an_older_database_waits_for_a_person(engine, monkeypatch):
    monkeypatch.setattr(db, "REVISIONS", (*db.REVISIONS, "9999"))
    assert db.state(engine) is State.OLDER
    with pytest.raises(SchemaOutdated, match="mlops db upgrade"):
        db.ensure(engine)


def test_many_may_start_on_an_empty_database_at_once(databases):
    url = databases.empty()

    def start(_):
        engine = db.open_engine(url)
        db.ensure(engine)
        engine.dispose()
        return "started"

    with ThreadPoolExecutor(6) as pool:
        assert list(pool.map(start, range(6))) == ["started"] * 6


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("postgresql://ada:secret@127.0.0.1:1/mlops", r"ada:\*\*\*@127.0.0.1.*refused"),
        ("postgresql://127.0.0.1:1/mlops?user=ada&password=secret", r"password=\*\*\*"),
        ("sqlite:////nowhere/at/all/mlops.db", "unable to open database file"),
        ("mysql://ada:secret@host/mlops", "only SQLite and PostgreSQL"),
        ("no url", "no database URL"),
        ("http://ada:secret@host", "database"),
    ],
)
def test_an_unusable_database_is_one_sentence_without_the_password(url, told):
    with pytest.raises(DatabaseDown, match=told) as caught:
        db.state(db.open_engine(url))
    assert "secret" not in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_file_that_is_no_database_is_named(tmp_path):
    path = tmp_path / "notes.txt"
    path.write_text("not a database at all, but long enough to look at " * 20)
    with pytest.raises(DatabaseDown, match=r"notes\.txt.*not a database"):
        db.state(db.open_engine(f"sqlite:///{path}"))


def test_a_database_that_may_only_be_read_can_be_looked_at(tmp_path):
    url = f"sqlite:///{tmp_path / 'mlops.db'}"
    db.ensure(db.open_engine(url))
    # Not by permissions: the tests may run as root.
    engine = db.open_engine(f"sqlite:///file:{tmp_path / 'mlops.db'}?mode=ro&uri=true")
    assert db.state(engine) is State.CURRENT
    with Session(db.readers(engine)) as session:
        assert page(session) == ()
    with pytest.raises(DatabaseDown, match="readonly"), engine.begin() as connection:
        connection.execute(text("delete from mlops_outbox"))
    with pytest.raises(DatabaseDown, match="readonly"):
        db.check_writable(engine)
    engine.dispose()


def test_who_works_for_minutes_is_told_before_that_nothing_can_be_written(databases):
    engine = db.open_engine(databases.migrated(), Limits(wait=0.05))
    db.check_writable(engine)
    with engine.connect() as other:
        if databases.kind == "postgresql":
            asked, told = (
                "alter database {0} set default_transaction_read_only = on",
                "read-only",
            )
            other.execution_options(isolation_level="AUTOCOMMIT")
            other.execute(text(asked.format(engine.url.database)))
            other.close()
            engine.dispose()  # it holds for new connections
        else:
            other.execute(text("delete from mlops_outbox"))
            told = "locked by somebody else"
        with pytest.raises(DatabaseDown, match=told):
            db.check_writable(engine)
    engine.dispose()


def test_readers_do_not_wait_for_a_writer(engine, record, session):
    record.register()
    session.commit()
    record.register(2)  # holds the lock
    with Session(db.readers(engine)) as reader:
        assert [version.number for version in page(reader, "risk")] == [1]


def test_a_writer_that_waited_too_long_is_told_in_one_sentence(tmp_path):
    path = tmp_path / "mlops.db"
    engine = db.open_engine(f"sqlite:///{path}", Limits(wait=0.05))
    db.ensure(engine)
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("begin immediate")
    with pytest.raises(DatabaseDown, match="locked"), engine.begin():
        pass
    other.close()
    engine.dispose()


def test_connections_that_the_server_closed_are_replaced(engine):
    if engine.dialect.name == "sqlite":
        pytest.skip("there is no server")
    with engine.connect() as connection:
        own = connection.scalar(text("select pg_backend_pid()"))
    killer = db.open_engine(engine.url.render_as_string(hide_password=False))
    with killer.begin() as connection:
        connection.execute(text("select pg_terminate_backend(:own)"), {"own": own})
    killer.dispose()
    assert db.state(engine) is State.CURRENT


def test_sqlite_writes_ahead_and_knows_its_foreign_keys(tmp_path):
    engine = db.open_engine(f"sqlite:///{tmp_path / 'mlops.db'}")
    with engine.connect() as connection:
        assert connection.scalar(text("pragma journal_mode")) == "wal"
        assert connection.scalar(text("pragma foreign_keys")) == 1
    engine.dispose()


def test_a_promotion_pays_for_no_library_it_does_not_need(tmp_path):
    url = f"sqlite:///{tmp_path / 'mlops.db'}"
    db.ensure(db.open_engine(url))
    code = (
        "import sys\n"
        "from registry import db, gates, mirror, outbox, promotion, refs, reports, versions\n"
        f"db.ensure(db.open_engine({url!r}))\n"
        "heavy = {'alembic', 'mlflow', 'pandas', 'numpy', 'sklearn', 'optuna', 'shap'}\n"
        "print(sorted(heavy & set(sys.modules)))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_step_back_and_forth_finds_the_tenures_in_the_audit_log(engine, record, session):
    record.champion(1)
    record.champion(2)
    record.promote("risk@production", "archived")
    session.commit()
    known = tenures.page(session, "risk")
    session.rollback()
    with engine.begin() as connection:
        migrations.downgrade(connection, "0001")
    assert db.state(engine) is State.OLDER
    db.upgrade(engine)
    found = tenures.page(session, "risk")
    told = ["ref", "entered", "left", "author", "reason", "before_id"]
    assert [[getattr(t, key) for key in told] for t in found] == [
        [getattr(t, key) for key in told] for t in known
    ]
    assert [t.left for t in found] == ["archive", "replaced"]
    assert record.get("risk/2").stage == "archived"
    assert audit.verify(session) == 12


@pytest.mark.parametrize("revision", db.REVISIONS)
def test_down_to_any_revision_and_up_again_keeps_what_both_know(engine, record, session, revision):
    record.champion(1)
    record.champion(2)
    session.commit()
    entries, messages = audit.log(session), outbox.pending(session)
    session.rollback()
    with engine.begin() as connection:
        migrations.downgrade(connection, revision)
    db.upgrade(engine)
    with engine.connect() as connection:
        assert migrations.differences(connection) == []
    with Session(engine) as again:
        assert audit.log(again) == entries
        assert outbox.pending(again) == messages
        assert [version.ref for version in page(again)] == ["risk/2", "risk/1"]
        assert len(reports.of(again, page(again)[0])) == 2
        assert tenures.last(again, "risk").ref == "risk/2"
        assert audit.verify(again) == len(entries)


@pytest.fixture
def limited(databases):
    """Opens a PostgreSQL database with tight limits."""
    if databases.kind == "sqlite":
        pytest.skip("SQLite has a lock and nothing else to wait for")
    engine = db.open_engine(databases.migrated(), Limits(pool=1, wait=0.1, statement=0.2))
    yield engine
    engine.dispose()


def test_a_statement_that_takes_too_long_is_ended_in_one_sentence(limited):
    with pytest.raises(DatabaseDown, match="statement timeout"), limited.connect() as connection:
        connection.execute(text("select pg_sleep(5)"))


def test_who_waits_too_long_for_a_lock_is_told_so(limited):
    with Session(limited) as one, Session(limited) as other:
        db.lock(one, "risk")
        with pytest.raises(Conflict, match="changed the same thing"):
            db.lock(other, "risk")


def test_too_many_connections_are_told_in_one_sentence(limited):
    held = [limited.connect() for _ in range(3)]
    with pytest.raises(DatabaseDown, match="MLOPS_DATABASE_POOL"):
        db.state(limited)
    for connection in held:
        connection.close()


def test_a_stricter_server_changes_nothing_for_those_who_take_a_lock_first(databases, record):
    if databases.kind == "sqlite":
        pytest.skip("SQLite has one way only")
    engine = db.open_engine(databases.migrated())
    with engine.connect() as connection:
        name = connection.scalar(text("select current_database()"))
    engine.dispose()
    with engine.begin() as connection:
        strict = "alter database NAME set default_transaction_isolation to 'serializable'"
        connection.execute(text(strict.replace("NAME", name)))
    engine.dispose()
    with engine.connect() as connection:
        assert connection.scalar(text("show transaction_isolation")) == "read committed"
        assert connection.scalar(text("show statement_timeout")) == "1min"
    engine.dispose()
