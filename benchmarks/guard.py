"""Promotions that are killed, and what the guard costs. MLflow's own store in the same run.

``python benchmarks/guard.py [--part kills|cost] [--kind sqlite|postgresql] [--kills 100]
[--rounds 100] [--keep FILE] [--minutes 9]`` prints one JSON document. Kills: a process that
promotes gets SIGKILL at a random moment; on PostgreSQL the server gets it every other time. Cost:
CPU milliseconds of a transition in one process, guarded and not, in turns. With ``--keep`` kills
go on where the last run stopped, so that slices add up. Races have a file of their own.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import random
import signal
import statistics
import sys
import tempfile
import time
import warnings
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")
sys.path.insert(0, str(Path(__file__).parents[1]))

from mlflow.store.model_registry.sqlalchemy_store import SqlAlchemyStore

from benchmarks.kept import Kept
from benchmarks.postgres import Postgres
from mlops import doctor, promotions
from mlops.failures import EXPECTED
from mlops.guard import stores
from registry import audit
from registry.stages import Stage
from tests.mlops.guard.conftest import House


def kills(house: House, kept: Kept, key: str, asked: argparse.Namespace, server=None) -> None:
    """End a process that promotes at a random moment, again and again; then look what is left."""
    for score in (0.8, 0.8, 0.8):
        house.register(name="kill", score=score)
    house.close()
    acknowledged, before, until = [], kept.done(key), time.monotonic() + asked.minutes * 60
    number = before
    while number < asked.kills and time.monotonic() < until:
        number += 1
        after = random.uniform(0, 0.5)  # noqa: S311
        acknowledged += _killed_while_promoting(
            house, after, server if number % 2 else None, number
        )
    with house.ws.reading() as session:
        entries = audit.verify(session)
        written = {entry.digest for entry in audit.log(session, limit=1_000_000)}
    found = doctor.examine(workspace=house.ws)
    mended = doctor.examine(workspace=house.ws, repair=True)
    told = {
        "rounds": number - before,
        "of them with the server": sum(n % 2 for n in range(before + 1, number + 1))
        * bool(server),
        "acknowledged": len(acknowledged),
        "lost": len(set(acknowledged) - written),
        "audit entries verified": entries,
        "parted before the doctor": len(found.found),
        "record = MLflow after it": mended.healthy,
    }
    kept.add(key, told)


def cost(house: House, *, rounds: int) -> dict:
    """Measure a transition in CPU milliseconds: MLflow's own store and ours, in turns."""
    plain, ours = SqlAlchemyStore(house.uri), stores.registry(house.uri)
    plain.create_registered_model("plain")
    plain.create_model_version("plain", "/x")
    house.promote(house.register(name="kept").ref, "staging")
    spent: dict[str, list[float]] = {}
    for number in range(rounds):
        stage = ("Staging", "None")[number % 2]
        for kind, store in (("mlflow", plain), ("guarded", ours)):
            for name, goal in (("plain", stage), ("kept", "Staging")):
                key = f"{kind}: {'not ours' if name == 'plain' else 'as recorded'}"
                spent.setdefault(key, []).append(_cpu(store, name, goal))
        spent.setdefault("guarded: a promotion", []).append(
            _cpu(ours, "kept", "None") + _cpu(ours, "kept", "Staging")
        )
    told = {key: round(statistics.median(each), 2) for key, each in spent.items()}
    told["guarded: a promotion"] = round(told["guarded: a promotion"] / 2, 2)
    for what in ("not ours", "as recorded"):
        told[f"added: {what}"] = round(told[f"guarded: {what}"] - told[f"mlflow: {what}"], 2)
    for store in (plain, ours, ours.witness):
        store.engine.dispose()
    return {"CPU ms, median": told}


def _cpu(store, name: str, stage: str) -> float:
    start = time.process_time()
    store.transition_model_version_stage(name, 1, stage, archive_existing_versions=False)
    return (time.process_time() - start) * 1000


def _killed_while_promoting(house: House, after: float, server, number: int) -> list[str]:
    """Promote in a child until it is killed; return what it had been told is done."""
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        with contextlib.suppress(BaseException):
            _promote_for_ever(house, writing, number)
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as told:
        lines = [told.readline()]  # by then it is in full swing
        time.sleep(after)
        if server is not None:
            server.kill_and_restart()
            time.sleep(after)
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        return [line.strip() for line in (*lines, *told) if line.endswith("\n")]


def _promote_for_ever(house: House, writing: int, seed: int) -> None:
    house.disown()
    chance = random.Random(seed)  # noqa: S311
    while True:
        ref = f"kill/{chance.randint(1, 3)}"
        try:
            done = promotions.promote(ref, to=chance.choice(list(Stage)), workspace=house.ws)
        except EXPECTED:
            continue
        os.write(writing, f"{done.audit_digest}\n".encode())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--part", choices=["kills", "cost"], action="append")
    parser.add_argument("--kind", choices=["sqlite", "postgresql"], action="append")
    parser.add_argument("--rounds", type=int, default=100)
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--minutes", type=float, default=60, help="for the kills on one database")
    parser.add_argument("--keep", type=Path, help="add to what this file holds")
    asked = parser.parse_args()
    warnings.filterwarnings("ignore")
    kept = Kept(asked.keep)
    for kind in asked.kind or ["sqlite", "postgresql"]:
        server = Postgres() if kind == "postgresql" else None
        for part in asked.part or ["kills", "cost"]:
            with tempfile.TemporaryDirectory(prefix="guard-") as folder:
                house = _house(Path(folder, "ours"), server)
                if part == "cost":
                    print(json.dumps({f"cost on {kind}": cost(house, rounds=asked.rounds)}))
                else:
                    kills(house, kept, f"kills on {kind}", asked, server)
        if server is not None:
            server.running.cleanup()
    print(json.dumps(kept.found, indent=2))


def _house(folder: Path, server: Postgres | None) -> House:
    folder.mkdir(parents=True)
    uri = server.database() if server else f"sqlite:///{folder / 'mlflow.db'}"
    return House(uri, folder)


if __name__ == "__main__":
    main()
