import subprocess
import sys
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy.orm import Session

from mlops.settings import Settings
from mlops.workspace import Workspace
from registry import audit, db, promotion, versions
from registry.errors import IllegalMove
from registry.refs import parse
from registry.stages import Stage

RACERS = 8

# Run by name of no module: a test file is not importable everywhere.
RACE = """
import sys, time
from sqlalchemy.orm import Session
from registry import db, promotion, refs
from registry.errors import IllegalMove
from registry.permissions import Actor, Role
from registry.stages import Stage

url, start, *chosen = sys.argv[1:]
engine = db.open_engine(url)
db.state(engine)
time.sleep(max(0, float(start) - time.time()))
for ref in chosen:
    with Session(engine) as session, session.begin():
        promotion.promote(
            session, refs.parse(ref), to=Stage.PRODUCTION, by=Actor("ci", Role.RELEASER, "ci")
        )
engine.dispose()
"""


def staged(record, count, name="risk"):
    for number in range(1, count + 1):
        record.register(number, name)
        record.promote(f"{name}/{number}", "staging")
    record.session.commit()
    record.session.close()


def stages(engine, name="risk"):
    with Session(engine) as session:
        audit.verify(session)
        return Counter(version.stage.value for version in versions.page(session, name))


def test_racing_promotions_of_many_versions_leave_one_in_production(record, engine):
    staged(record, RACERS)

    def promote(number):
        with Session(engine) as session, session.begin():
            ref = parse(f"risk/{number}")
            promotion.promote(session, ref, to=Stage.PRODUCTION, by=record.releaser)

    with ThreadPoolExecutor(RACERS) as pool:
        list(pool.map(promote, range(1, RACERS + 1)))
    assert stages(engine) == {"production": 1, "archived": RACERS - 1}


def test_racing_promotions_of_one_version_have_one_winner(record, engine):
    staged(record, 1)

    def promote(_):
        try:
            with Session(engine) as session, session.begin():
                promotion.promote(
                    session, parse("risk/1"), to=Stage.PRODUCTION, by=record.releaser
                )
        except IllegalMove:
            return "lost"
        return "won"

    with ThreadPoolExecutor(RACERS) as pool:
        outcomes = Counter(pool.map(promote, range(RACERS)))
    assert outcomes == {"won": 1, "lost": RACERS - 1}
    assert stages(engine) == {"production": 1}


def test_two_that_wait_for_each_other_both_get_through(engine, record, tmp_path):
    if engine.dialect.name == "sqlite":
        pytest.skip("SQLite queues whole transactions")
    ws = Workspace(Settings(home=tmp_path), engine, record.admin)
    both, tries = threading.Barrier(2), Counter()

    def work(names):
        def lock(session):
            tries[names] += 1
            db.lock(session, names[0])
            if tries[names] == 1:
                both.wait(240)
            db.lock(session, names[1])

        ws.change(lock)

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(work, [("one", "other"), ("other", "one")]))
    assert sorted(tries.values()) == [1, 2]


def test_racing_registrations_get_numbers_of_their_own(record, engine):
    def register(number):
        with Session(engine) as session, session.begin():
            shown = record.evidence(number)
            versions.register(session, "risk", evidence=shown, by=record.scientist)

    # Each is registered twice, as by somebody who tries again.
    with ThreadPoolExecutor(RACERS) as pool:
        list(pool.map(register, [*range(RACERS)] * 2))
    with Session(engine) as session:
        numbers = sorted(version.number for version in versions.page(session, "risk"))
        assert numbers == list(range(1, RACERS + 1))
        assert audit.verify(session) == RACERS


def test_racing_processes_leave_one_in_production(record, engine, url):
    staged(record, RACERS)
    start = str(time.time() + 2)
    racers = [
        subprocess.Popen([sys.executable, "-c", RACE, url, start, f"risk/{n}", f"risk/{n + 1}"])
        for n in range(1, RACERS, 2)
    ]
    assert [racer.wait(900) for racer in racers] == [0] * len(racers)
    assert stages(engine) == {"production": 1, "archived": RACERS - 1}


def test_a_promotion_that_is_killed_half_way_never_happened(record, engine, url):
    staged(record, 2)
    code = RACE.replace("engine.dispose()", "").replace(
        "        promotion.promote(", "        import os, signal\n        promotion.promote("
    )
    code = code.replace(
        "        )\n", "        )\n        os.kill(os.getpid(), signal.SIGKILL)\n", 1
    )
    killed = subprocess.run([sys.executable, "-c", code, url, "0", "risk/1"], check=False)
    assert killed.returncode == -9
    assert stages(engine) == {"staging": 2}
    with Session(engine) as session, session.begin():
        promotion.promote(session, parse("risk/2"), to=Stage.PRODUCTION, by=record.releaser)
    assert db.state(engine) is db.State.CURRENT
    assert stages(engine) == {"staging": 1, "production": 1}
