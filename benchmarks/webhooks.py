"""Promotions while the receiver of their events is down, and everybody is killed now and then.

``python benchmarks/webhooks.py`` makes 1,000 promotions of 10 models by processes that are killed
at random, with nobody listening; then a real HTTP receiver comes up and two deliverers, killed at
random too, tell it. It must get every event, each model's in order, with a signature that is
right. ``--url postgresql://...`` does so on an empty PostgreSQL database.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import random
import subprocess
import sys
import tempfile
import threading
import time
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from sqlalchemy.orm import Session

from mlops import webhooks as journeys
from mlops.settings import Settings
from mlops.workspace import Workspace
from registry import deliveries, webhooks
from registry.deliveries import State

ROOT = Path(__file__).parents[1]
_spec = importlib.util.spec_from_file_location("record", ROOT / "tests/registry/conftest.py")
record = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(record)


@dataclass
class Receiver:
    """A real HTTP server that remembers what it got; it can be away, and come back."""

    secret: str = ""
    status: int = 204
    got: list[dict] = field(default_factory=list)
    port: int = 0
    _server: ThreadingHTTPServer | None = None

    def up(self) -> str:
        """Listen, on the port it had before; return the address."""
        receiver = self

        class Answer(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                if receiver.status < 300:
                    receiver._keep(dict(self.headers), body)
                self.send_response(receiver.status)
                self.end_headers()

            def log_message(self, *words: object) -> None:
                del words

        self._server = ThreadingHTTPServer(("127.0.0.1", self.port), Answer)
        self.port = self._server.server_port
        threading.Thread(target=self._server.serve_forever, args=[0.05], daemon=True).start()
        return f"http://127.0.0.1:{self.port}/hook"

    def down(self) -> None:
        """Listen no more."""
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None

    def firsts(self) -> dict[str, list[dict]]:
        """Return each model's events in the order in which they first came."""
        seen, kept = set(), defaultdict(list)
        for event in self.got:
            if event["id"] not in seen:
                seen.add(event["id"])
                kept[event["model"]].append(event)
        return kept

    def _keep(self, headers: dict[str, str], body: bytes) -> None:
        at = datetime.fromtimestamp(int(headers["webhook-timestamp"]), UTC)
        wanted = webhooks.headers(self.secret, headers["webhook-id"], at, body)
        assert wanted["webhook-signature"] == headers["webhook-signature"], "a wrong signature"
        told = json.loads(body)
        assert told["id"] == headers["webhook-id"]
        self.got.append(told)


def promote(url: str, name: str, count: int) -> None:
    """Bring a model's versions to staging, one after the other, each once; go on where it was."""
    ws = Workspace.open(Settings(database=url, user="ada"))
    for number in range(1, count + 1):
        with ws.session() as session, session.begin():
            verbs = record.Record(session)
            version = verbs.register(number, name)
            if version.stage == "candidate":
                verbs.promote(version.ref, "staging")
        with journeys.telling(ws):
            pass


def deliver(url: str) -> None:
    """Tell what is due until killed."""
    ws = Workspace.open(Settings(database=url, user="ada"))
    journeys.deliver(follow=True, patience=1.0, workspace=ws)


@dataclass
class Crew:
    """Processes that are killed at random and start again."""

    url: str
    rng: random.Random
    kills: int
    running: dict[tuple[str, ...], subprocess.Popen] = field(default_factory=dict)

    def start(self, *words: str) -> None:
        """Start one."""
        command = [sys.executable, __file__, "--play", self.url, *words]
        self.running[words] = subprocess.Popen(command)

    def until(self, done) -> None:
        """Let them work, kill one now and then, until all ended or ``done`` says so."""
        while not done():
            time.sleep(self.rng.uniform(0.3, 1.0))
            for words, process in list(self.running.items()):
                if process.poll() is not None:
                    assert process.returncode == 0, words
                    del self.running[words]
            if self.kills and self.running:
                words = self.rng.choice(list(self.running))
                if self.rng.random() < 0.6 and self.running[words].poll() is None:
                    self.running[words].kill()
                    self.running[words].wait()
                    self.kills -= 1
                    self.start(*words)

    def end(self) -> None:
        """End those that are left."""
        for process in self.running.values():
            process.kill()
            process.wait()
        self.running.clear()


def storm(url: str, promotions: int, kills: int, models: int = 10, seed: int = 0) -> dict:
    """Do it all, check it, and say what was seen."""
    rng = random.Random(seed)  # noqa: S311 - a seed is wanted
    ws, receiver = Workspace.open(Settings(database=url, user="ada")), Receiver()
    address = receiver.up()
    receiver.down()
    added = journeys.add(address, kinds=["moved"], workspace=ws)
    receiver.secret = added.secret
    names = [f"model-{at}" for at in range(models)]
    crew = Crew(url, rng, kills - kills // 2)
    try:
        for at in range(0, models, 2):
            for name in names[at : at + 2]:
                crew.start("promote", name, str(promotions // models))
            crew.until(lambda: not crew.running)
        left = crew.kills
        receiver.up()
        crew = Crew(url, rng, kills // 2 + left)
        for number in range(2):
            crew.start("deliver", str(number))
        crew.until(lambda: not crew.kills and not _waiting(ws))
    finally:
        crew.end()
        receiver.down()
    return _seen(ws, receiver, promotions, added.webhook.id)


def _waiting(ws: Workspace) -> bool:
    with ws.reading() as session:
        return deliveries.waiting(session)


def _seen(ws: Workspace, receiver: Receiver, promotions: int, webhook: int) -> dict:
    kept: list = []
    with Session(ws.engine) as session:
        while part := deliveries.page(
            session, webhook=webhook, limit=500, before=kept[-1].id if kept else None
        ):
            kept.extend(part)
    ws.engine.dispose()
    kept.reverse()
    firsts = receiver.firsts()
    got = {event["id"] for events in firsts.values() for event in events}
    wanted = defaultdict(list)
    for one in kept:
        wanted[one.model].append(one.event)
    assert len(kept) == promotions, (len(kept), promotions)
    assert {one.state for one in kept} == {State.DELIVERED}
    assert got == {one.event for one in kept}
    assert {name: [event["id"] for event in events] for name, events in firsts.items()} == wanted
    for events in firsts.values():
        numbers = [int(event["data"]["ref"].rpartition("/")[2]) for event in events]
        assert numbers == sorted(numbers)
    return {"events": len(got), "posts": len(receiver.got), "models": len(firsts)}


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--promotions", type=int, default=1000)
    asked.add_argument("--kills", type=int, default=20)
    asked.add_argument("--url")
    asked.add_argument("--play", nargs="*", help=argparse.SUPPRESS)
    given = asked.parse_args()
    if given.play:
        url, part, *words = given.play
        if part == "promote":
            promote(url, words[0], int(words[1]))
        else:
            deliver(url)
        return
    with tempfile.TemporaryDirectory() as folder:
        url = given.url or f"sqlite:///{folder}/mlops.db"
        seen = storm(url, given.promotions, given.kills)
    print(f"{given.promotions} promotions with the receiver down, {given.kills} kills: "
          f"{seen['events']} distinct events taken in {seen['posts']} posts, "
          f"in order for each of {seen['models']} models")  # fmt: skip


if __name__ == "__main__":
    main()
