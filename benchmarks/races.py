"""Racing promotions: who is in production afterwards, and what the losers are told.

``python benchmarks/races.py [--part journeys|server|cli] [--kind sqlite|postgresql]
[--rounds 100] [--racers 32] [--keep FILE] [--minutes 9]`` prints one JSON document. All racers
begin at one moment, each with a version of its own: processes that take the journey of the command
line (record, files, gates, audit, MLflow); requests to MLflow's server with four workers, by
MLflow's own call; and the command line itself, 8 x 5. MLflow's own registry runs the same race in
the same run. With ``--keep`` a run goes on where the last one stopped, so that slices add up.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib.util
import json
import multiprocessing
import os
import random
import re
import subprocess
import sys
import tempfile
import threading
import time
import warnings
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

os.environ.setdefault("OMP_NUM_THREADS", "1")
sys.path.insert(0, str(Path(__file__).parents[1]))

import requests
from mlflow.store.model_registry.sqlalchemy_store import SqlAlchemyStore
from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore as TrackingStore

from benchmarks.kept import Kept
from benchmarks.postgres import Postgres
from mlops import promotions
from mlops.settings import Settings
from mlops.workspace import Workspace
from registry import audit, lookups
from registry.errors import Conflict, GatesFailed
from registry.stages import Stage
from tests.mlops.guard.conftest import House, unguarded

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

Answer = tuple[int, str, str]
"""Which racer, how it ended (won, lost, or what else), and the sentence."""
_LOST = {8, 34, 409, 403}


def ours(house: House, ask: Callable[[], list[Answer]]) -> dict[str, Any]:
    """Run one round and look at the record, MLflow and what everybody was told."""
    answers = ask()
    stages, aliases = house.shown("race")
    champion = house.champion("race")
    shown = [number for number, stage in stages.items() if stage == "Production"]
    if not house.ws.settings.mlflow_stages:
        shown = [number for alias, number in aliases.items() if alias == "production"]
    same = [f"race/{number}" for number in shown] == [champion]
    same &= f"race/{aliases.get('production')}" == champion
    with house.ws.reading() as session:
        standing = sum(v.stage is Stage.PRODUCTION for v in _all(session))
    losers = [(place, text) for place, how, text in answers if how == "lost"]
    told = [set(re.findall(r"race/(\d+)", text)) - {str(place)} for place, text in losers]
    _line_up(house)
    return {
        "rounds": 1,
        "in production, recorded": {str(standing): 1},
        "in production, shown": {str(len(shown)): 1},
        "MLflow shows the record": {str(same): 1},
        "answers": dict(Counter(how for _, how, _ in answers)),
        "losers told who won": sum(map(bool, told)),
        "losers not told": len(losers) - sum(map(bool, told)),
    }


def _all(session) -> list:
    return list(lookups.numbered(session, "race", range(1, 100)))


def _line_up(house: House) -> None:
    """Bring everybody back to staging."""
    back = {
        Stage.STAGING: [],
        Stage.PRODUCTION: [Stage.STAGING],
        Stage.ARCHIVED: [Stage.CANDIDATE, Stage.STAGING],
        Stage.CANDIDATE: [Stage.STAGING],
    }
    with house.ws.reading() as session:
        found = _all(session)
    for version in found:
        for goal in back[version.stage]:
            house.promote(version.ref, goal)


def _racers(house: House, racers: int) -> None:
    for _ in range(racers):
        version = house.register(name="race", score=round(random.uniform(0.6, 0.9), 6))  # noqa: S311
        house.promote(version.ref, "staging")


def theirs(store: SqlAlchemyStore, racers: int, name: str, ask: Callable) -> dict[str, Any]:
    """Run one round in a registry of MLflow's own."""
    store.create_registered_model(name)
    for _ in range(racers):
        store.create_model_version(name, "/x")
    answers = ask()
    found = store.search_model_versions(f"name='{name}'", racers + 1)
    standing = sum(version.current_stage == "Production" for version in found)
    told = Counter(how for _, how, _ in answers)
    return {"rounds": 1, "in production": {str(standing): 1}, "answers": dict(told)}


class Crew:
    """Processes that stay alive over the rounds: forked before anything was opened."""

    def __init__(self, work: Callable[..., Callable[[Any], str]], racers: int, *told: Any) -> None:
        context = multiprocessing.get_context("fork")
        self.gate, self.queue = context.Barrier(racers + 1), context.Queue()
        self.says = context.Queue()
        self.racers = racers
        self.crew = [
            context.Process(target=self._run, args=(work, place, *told), daemon=True)
            for place in range(1, racers + 1)
        ]
        for one in self.crew:
            one.start()

    def _run(self, work, place: int, *told: Any) -> None:
        act = None
        while True:
            what = self.says.get()
            act = act or work(place, *told)
            self.gate.wait()
            try:
                answer = (place, "won", act(what))
            except (Conflict, GatesFailed) as error:
                answer = (place, "lost", str(error))
            except Exception as error:  # noqa: BLE001 - whatever else it is is counted
                answer = (place, type(error).__name__, str(error))
            self.queue.put(answer)

    def race(self, what: str) -> list[Answer]:
        """Let all of them act at once."""
        for _ in self.crew:
            self.says.put(what)
        self.gate.wait()
        return [self.queue.get(timeout=600) for _ in self.crew]

    def end(self) -> None:
        """Send them home."""
        for one in self.crew:
            one.kill()
            one.join()


def _by_journey(place: int, uri: str, folder: Path) -> Callable[[str], str]:
    settings = Settings(tracking_uri=uri, user=f"racer-{place}", home=folder / ".mlops")
    ws = Workspace.open(settings, source="cli")

    def promote(_: str) -> str:
        return promotions.promote(f"race/{place}", to="production", workspace=ws).audit_digest

    return promote


def _by_store(place: int, uri: str) -> Callable[[str], str]:
    store = SqlAlchemyStore(uri)

    def move(name: str) -> str:
        for _ in range(5):
            with contextlib.suppress(Exception):  # as its users do: again
                store.transition_model_version_stage(
                    name, place, "Production", archive_existing_versions=True
                )
                break
        return ""

    return move


def _by_server(house: House, racers: int, name: str) -> list[Answer]:
    barrier, answers = threading.Barrier(racers), []

    def ask(place: int) -> None:
        body = {"name": name, "version": str(place), "stage": "Production",
                "archive_existing_versions": True}  # fmt: skip
        url = f"{house.url}/ajax-api/2.0/mlflow/model-versions/transition-stage"
        barrier.wait()
        try:
            answer = requests.post(url, json=body, timeout=600)
            answers.append((place, _ending(answer.status_code), answer.text))
        except requests.ConnectionError as error:
            answers.append((place, "dropped", str(error)))

    threads = [threading.Thread(target=ask, args=(n,)) for n in range(1, racers + 1)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return answers


def _by_command(house: House, racers: int) -> list[Answer]:
    env = {
        **os.environ,
        "MLOPS_TRACKING_URI": house.uri,
        "MLOPS_HOME": str(house.ws.settings.home),
    }
    line = [sys.executable, "-m", "mlops", "promote", "--to", "production"]
    crew = [
        subprocess.Popen(
            [*line, f"race/{place}"], env={**env, "MLOPS_USER": f"racer-{place}"}, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )
        for place in range(1, racers + 1)
    ]  # fmt: skip
    told = [one.communicate()[0] for one in crew]
    return [
        (place, _ending(one.returncode), " ".join(text.split()))
        for place, (one, text) in enumerate(zip(crew, told, strict=True), 1)
    ]


def _ending(code: int) -> str:
    return "won" if code in {0, 200} else "lost" if code in _LOST else str(code)


@contextlib.contextmanager
def _house(server: Postgres | None) -> Iterator[tuple[str, Path]]:
    """Give a database with MLflow's tables and a folder, gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="races-") as folder:
        path = Path(folder)
        uri = server.database() if server else f"sqlite:///{path / 'mlflow.db'}"
        yield uri, path


def _as_mlflow_likes_it(uri: str) -> str:
    """With psycopg 3 all of its transitions fail (mlflow#24592): take 2 where there is one."""
    old = importlib.util.find_spec("psycopg2") is not None
    return uri.replace("postgresql://", "postgresql+psycopg2://") if old else uri


def journeys(kept: Kept, key: str, asked: argparse.Namespace, server: Postgres | None) -> None:
    """Race in processes through the journeys, then in as many through MLflow's own store."""
    name, until = f"{key}, ours", time.monotonic() + asked.minutes * 40
    with _house(server) as (uri, folder):
        crew = Crew(_by_journey, asked.racers, uri, folder)
        house = House(uri, folder)
        _racers(house, asked.racers)
        for _ in kept.left(name, asked.rounds, until):
            kept.add(name, ours(house, lambda: crew.race("race")))
        crew.end()
        with house.ws.reading() as session:
            kept.add(name, {"audit entries verified": audit.verify(session)})
        house.close()
    name, until = f"{key}, MLflow", until + asked.minutes * 20
    with _house(server) as (uri, _):
        crew = Crew(_by_store, asked.racers, uri)
        TrackingStore(uri, uri).engine.dispose()
        store = SqlAlchemyStore(uri)
        for number in kept.left(name, asked.stock, until):
            model = f"stock-{number}"
            told = theirs(store, asked.racers, model, lambda model=model: crew.race(model))
            kept.add(name, told)
        crew.end()
        store.engine.dispose()


def through_server(
    kept: Kept, key: str, asked: argparse.Namespace, server: Postgres | None
) -> None:
    """Race by requests to MLflow's server with ours in it, then to MLflow's alone."""
    name, until = f"{key}, ours", time.monotonic() + asked.minutes * 40
    with _house(server) as (uri, folder):
        house = House(uri, folder)
        _racers(house, asked.racers)
        with house.served(workers=asked.workers):
            for _ in kept.left(name, asked.rounds, until):
                kept.add(name, ours(house, lambda: _by_server(house, asked.racers, "race")))
        with house.ws.reading() as session:
            kept.add(name, {"audit entries verified": audit.verify(session)})
        house.close()
    name, until = f"{key}, MLflow", until + asked.minutes * 20
    with _house(server) as (uri, folder), unguarded(folder) as env:
        house, store = House(_as_mlflow_likes_it(uri), folder), SqlAlchemyStore(uri)
        env["PYTHONPATH"] += os.pathsep + os.environ.get("PYTHONPATH", "")
        with house.served(app=None, workers=asked.workers, **env):
            for number in kept.left(name, asked.stock, until):
                model = f"stock-{number}"
                told = theirs(
                    store, asked.racers, model,
                    lambda model=model: _by_server(house, asked.racers, model),
                )  # fmt: skip
                kept.add(name, told)
        store.engine.dispose()
        house.close()


def commands(kept: Kept, key: str, asked: argparse.Namespace, server: Postgres | None) -> None:
    """Race through ``mlops promote``, 8 x 5."""
    name, until = f"{key}, ours", time.monotonic() + asked.minutes * 60
    with _house(server) as (uri, folder):
        house = House(uri, folder)
        _racers(house, 8)
        for _ in kept.left(name, 5, until):
            kept.add(name, ours(house, lambda: _by_command(house, 8)))
        house.close()


PARTS = {"journeys": journeys, "server": through_server, "cli": commands}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--part", choices=PARTS, action="append")
    parser.add_argument("--kind", choices=["sqlite", "postgresql"], action="append")
    parser.add_argument("--racers", type=int, default=32)
    parser.add_argument("--rounds", type=int, default=100)
    parser.add_argument("--stock", type=int, default=20, help="rounds of MLflow's own registry")
    parser.add_argument("--workers", type=int, default=4)
    parser.add_argument("--minutes", type=float, default=60, help="for one part and database")
    parser.add_argument("--keep", type=Path, help="add to what this file holds")
    asked = parser.parse_args()
    warnings.filterwarnings("ignore")
    kept = Kept(asked.keep)
    for kind in asked.kind or ["sqlite", "postgresql"]:
        server = Postgres() if kind == "postgresql" else None
        for part in asked.part or PARTS:
            PARTS[part](kept, f"{part} on {kind}", asked, server)
        if server is not None:
            server.running.cleanup()
    print(json.dumps(kept.found, indent=2))
    for name, found in kept.found.items():
        if name.endswith("ours"):
            assert set(found["in production, recorded"]) == {"1"}, name
            assert set(found["MLflow shows the record"]) == {"True"}, name
            assert not found["losers not told"], name


if __name__ == "__main__":
    main()
