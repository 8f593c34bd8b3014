"""Racing promotions: who is in production afterwards, and what the losers are told.

Run it with ``python benchmarks/races.py`` (SQLite) or ``--database postgresql://…``. Each racer
is a process that looks, decides and promotes its own version by the journey that the command line
takes; all begin at one moment, round after round. Stock MLflow's transition with
``archive_existing_versions=True`` runs the same race in the same run.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import tempfile
from collections import Counter
from pathlib import Path

from mlops import promotions
from mlops.settings import Settings
from mlops.workspace import Workspace
from registry import audit, reports, versions
from registry.errors import Conflict
from registry.permissions import Actor, Role
from registry.stages import Stage
from registry.versions import Evidence

SAM = Actor("sam", Role.SCIENTIST, "sdk")
SECTIONS = {name: {"state": "exact"} for name in ("local", "global", "cohort")}


def evidence(name: str, number: int) -> Evidence:
    key = f"{number:016x}{abs(hash(name)) % 16**16:016x}"
    return Evidence(
        run_id=key, experiment_id="1", model_id=f"m-{key}", model_uri=f"models:/m-{key}",
        task="classification", metric="roc_auc", metrics={"roc_auc": 0.9},
        greater_is_better=True, model_digest="sha256:1", data_digest="sha256:2", signature=True,
        input_example=True, requirements=("numpy==2.4.0",),
    )  # fmt: skip


def stage(ws: Workspace, name: str, racers: int) -> None:
    """Register as many versions as there are racers and bring them to staging."""
    with ws.session() as session, session.begin():
        for number in range(1, racers + 1):
            made = versions.register(session, name, evidence=evidence(name, number), by=SAM)
            for kind in ("shap", "lime"):
                reports.attach(
                    session, made, kind=kind, digest=f"{kind}{number}", uri="x", schema="1",
                    summary={"sections": SECTIONS}, by=SAM,
                )  # fmt: skip
            versions.move(session, made, Stage.STAGING)


def race(place: int, rounds: int, settings: Settings, gate, told) -> None:
    """Promote one's own version in every round, when all are ready."""
    from mlops import mirroring

    mirroring.show = lambda *_: ""  # the record alone is raced for; MLflow holds no models
    ws = Workspace.open(settings)
    for turn in range(rounds):
        gate.wait()
        try:
            promotions.promote(f"race-{turn}/{place}", to="production", workspace=ws)
            told.put((turn, "won", ""))
        except Conflict as error:
            told.put((turn, "lost", str(error)))
        except Exception as error:  # noqa: BLE001 - whatever else it is is counted
            told.put((turn, type(error).__name__, str(error)))
    ws.engine.dispose()


def stock(place: int, rounds: int, uri: str, gate) -> None:
    """Do the same with MLflow's own registry."""
    from mlflow.store.model_registry.sqlalchemy_store import SqlAlchemyStore

    store = SqlAlchemyStore(uri)
    for turn in range(rounds):
        gate.wait()
        for _ in range(5):
            try:
                store.transition_model_version_stage(
                    f"race-{turn}", str(place), "Production", archive_existing_versions=True
                )
                break
            except Exception:  # noqa: BLE001, S112 - as its users do: again
                continue


def together(target, racers, *args):
    """Run as many processes as there are racers."""
    context = multiprocessing.get_context("spawn")
    gate = context.Barrier(racers)
    queue = context.Queue()
    more = (gate, queue) if target is race else (gate,)
    crew = [
        context.Process(target=target, args=(place, *args, *more))
        for place in range(1, racers + 1)
    ]
    for one in crew:
        one.start()
    told = [queue.get(timeout=600) for _ in range(racers * args[0])] if target is race else []
    for one in crew:
        one.join()
    return told


def ours(settings: Settings, racers: int, rounds: int) -> None:
    """Race through our journeys and look at every round."""
    ws = Workspace.open(settings)
    for turn in range(rounds):
        stage(ws, f"race-{turn}", racers)
    told = together(race, racers, rounds, settings)
    standing = Counter()
    with ws.reading() as session:
        for turn in range(rounds):
            found = versions.page(session, f"race-{turn}", limit=racers + 1)
            standing[sum(v.stage is Stage.PRODUCTION for v in found)] += 1
        entries = audit.verify(session)
    answers = Counter(kind for _, kind, _ in told)
    named = sum("meanwhile, moved there by" in words for _, kind, words in told if kind == "lost")
    print(
        json.dumps(
            {
                "ours": "rounds by versions in production", **standing, "answers": dict(answers),
                "losers told who won": f"{named} of {answers['lost']}", "audit entries": entries,
            }
        )
    )  # fmt: skip
    assert set(standing) == {1}
    assert set(answers) <= {"won", "lost"}
    assert named == answers["lost"]


def theirs(uri: str, racers: int, rounds: int) -> None:
    """Race through stock MLflow."""
    from mlflow.store.model_registry.sqlalchemy_store import SqlAlchemyStore

    store = SqlAlchemyStore(uri)
    for turn in range(rounds):
        store.create_registered_model(f"race-{turn}")
        for _ in range(racers):
            store.create_model_version(f"race-{turn}", "x")
    together(stock, racers, rounds, uri)
    standing = Counter()
    for turn in range(rounds):
        found = store.search_model_versions(f"name='race-{turn}'", max_results=1000)
        standing[sum(v.current_stage == "Production" for v in found)] += 1
    print(json.dumps({"stock MLflow": "rounds by versions in production", **standing}))


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--racers", type=int, default=32)
    parser.add_argument("--rounds", type=int, default=100)
    parser.add_argument("--database", default="")
    parser.add_argument("--stock", default="", help="another empty database, for stock MLflow")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="mlops-races-") as folder:
        url = asked.database or f"sqlite:///{Path(folder) / 'ours.db'}"
        policy = Path(folder) / "promotion.toml"
        policy.write_text("[[rules]]\n[rules.production.gates]\nmodel_digest = false\n")
        settings = Settings(
            policy=policy,
            tracking_uri=f"sqlite:///{Path(folder) / 'mlflow.db'}", database=url,
            home=Path(folder) / "home", user="ada",
        )  # fmt: skip
        ours(settings, asked.racers, asked.rounds)
        theirs(asked.stock or f"sqlite:///{Path(folder) / 'stock.db'}", asked.racers, asked.rounds)


if __name__ == "__main__":
    main()
