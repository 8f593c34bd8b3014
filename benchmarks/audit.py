"""The audit log under attack, and how fast it is verified.

``python benchmarks/audit.py`` changes an export at random 10,000 times (edit, drop, swap, add,
truncate, forge) and counts what ``verify`` lets through; then it verifies a long log in the
database, streamed, and its export (``--entries 1000000 --url postgresql://...`` for the figures
in docs/benchmarks.md). CPU seconds of this process.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import random
import tempfile
import time
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from registry import audit, checkpoints, db, exports
from registry.audit import COLUMNS, Head, text_of
from registry.errors import BadExport, BadSeal, BrokenChain

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sqlalchemy import Engine

_PARTS = 10_000
_BEGAN = datetime(2026, 1, 1, tzinfo=UTC)
_WHO = (("sam", "scientist", "cli"), ("rita", "releaser", "ci"), ("ada", "admin", "api"))
_WHAT = ("register", "attach report", "promote", "archive")


def chain(count: int) -> Iterator[dict[str, Any]]:
    """Yield entries as the registry would have written them."""
    previous = audit.EMPTY.digest
    for number in range(1, count + 1):
        at = _BEGAN + timedelta(seconds=number)
        model, action = f"model-{number % 997}", _WHAT[number % 4]
        ref = f"{model}/{number // 997 + 1}"
        detail = {
            "from": "staging",
            "metrics": {"auc": 1 / number},
            "ref": ref,
            "to": "production",
        }
        who = _WHO[number % 3]
        values = [number, at.isoformat(), *who, action, model, ref, "größer ✓", detail, previous]
        previous = hashlib.sha256(text_of(values).encode()).hexdigest()
        yield dict(zip(COLUMNS, [*values, previous], strict=True))


def load(engine: Engine, count: int) -> None:
    """Write a long chain by plain SQL; the triggers on INSERT would look at every row."""
    names = ", ".join(COLUMNS)
    marks = ", ".join(f":{name}" for name in COLUMNS)
    told = text(f"insert into mlops_audit ({names}) values ({marks})")  # noqa: S608
    sqlite = engine.dialect.name == "sqlite"
    rows: list[dict[str, Any]] = []
    with engine.begin() as connection:
        for entry in chain(count):
            at = datetime.fromisoformat(entry["at"])
            shown = at.strftime("%Y-%m-%d %H:%M:%S.%f") if sqlite else at
            rows.append({**entry, "at": shown, "detail": json.dumps(entry["detail"])})
            if len(rows) == _PARTS or entry["number"] == count:
                connection.execute(told, rows)
                rows.clear()


def exported(count: int, private: bytes) -> list[bytes]:
    """Return the lines of an export."""
    entries = list(chain(count))
    end = Head(count, entries[-1]["digest"])
    sealed = checkpoints.sign(end, private=private, at=_BEGAN, database="sqlite:///risk.db")
    first = text_of({"format": "mlops-audit/1", "database": "sqlite:///risk.db"})
    written = [first, *map(text_of, entries), sealed.to_line()]
    return [f"{line}\n".encode() for line in written]


def edit_a_byte(lines: list[bytes], rng: random.Random) -> None:
    at = rng.randrange(len(lines))
    line = bytearray(lines[at])
    place = rng.randrange(len(line))
    line[place] = rng.choice([byte for byte in range(256) if byte != line[place]])
    lines[at] = bytes(line)


def edit_a_field(lines: list[bytes], rng: random.Random) -> None:
    at = rng.randrange(1, len(lines) - 1)
    entry = json.loads(lines[at])
    name = rng.choice(COLUMNS)
    entry[name] = {"forged": True} if name == "detail" else f"{entry[name]}x"
    lines[at] = f"{text_of(entry)}\n".encode()


def edit_and_hash_anew(lines: list[bytes], rng: random.Random) -> None:
    at = rng.randrange(1, len(lines) - 1)
    entry = {**json.loads(lines[at]), "actor": "mallory"}
    values = [entry[name] for name in COLUMNS[:-1]]
    entry["digest"] = hashlib.sha256(text_of(values).encode()).hexdigest()
    lines[at] = f"{text_of(entry)}\n".encode()


def forge_the_rest(lines: list[bytes], rng: random.Random) -> None:
    """Rewrite everything from some entry on, correctly, and sign it with a key of one's own."""
    at, private = rng.randrange(1, len(lines) - 1), checkpoints.make_key()
    previous, end = "", audit.EMPTY
    for place in range(at, len(lines) - 1):
        entry = json.loads(lines[place])
        entry = {**entry, "actor": "mallory", "previous": previous or entry["previous"]}
        values = [entry[name] for name in COLUMNS[:-1]]
        previous = entry["digest"] = hashlib.sha256(text_of(values).encode()).hexdigest()
        end = Head(entry["number"], previous)
        lines[place] = f"{text_of(entry)}\n".encode()
    sealed = checkpoints.sign(end, private=private, at=_BEGAN, database="sqlite:///risk.db")
    lines[-1] = f"{sealed.to_line()}\n".encode()


def drop(lines: list[bytes], rng: random.Random) -> None:
    del lines[rng.randrange(len(lines))]


def swap(lines: list[bytes], rng: random.Random) -> None:
    one, other = rng.sample(range(len(lines)), 2)
    lines[one], lines[other] = lines[other], lines[one]


def add(lines: list[bytes], rng: random.Random) -> None:
    lines.insert(rng.randrange(len(lines) + 1), rng.choice(lines))


def cut_off(lines: list[bytes], rng: random.Random) -> None:
    del lines[rng.randrange(len(lines)) :]


def cut_off_before_the_seal(lines: list[bytes], rng: random.Random) -> None:
    del lines[rng.randrange(1, len(lines) - 1) : -1]


def cut_within_a_line(lines: list[bytes], rng: random.Random) -> None:
    at = rng.randrange(len(lines))
    lines[at] = lines[at][: rng.randrange(len(lines[at]))]
    del lines[at + 1 :]


ATTACKS: tuple[Callable[[list[bytes], random.Random], None], ...] = (
    edit_a_byte, edit_a_field, edit_and_hash_anew, forge_the_rest, drop, swap, add,
    cut_off, cut_off_before_the_seal, cut_within_a_line,
)  # fmt: skip


def attack(rounds: int, entries: int = 40, seed: int = 0) -> tuple[Counter[str], list[str]]:
    """Return how often each kind of change was found, and those that were not."""
    rng, private = random.Random(seed), checkpoints.make_key()  # noqa: S311 - a seed is wanted
    public = checkpoints.public_of(private)
    whole = exported(entries, private)
    assert exports.verify(whole, public).number == entries
    found: Counter[str] = Counter()
    missed: list[str] = []
    for number in range(rounds):
        change, lines = ATTACKS[number % len(ATTACKS)], list(whole)
        change(lines, rng)
        try:
            exports.verify(lines, public)
        except (BadExport, BadSeal, BrokenChain):
            found[change.__name__] += 1
        else:
            missed.append(change.__name__)
    return found, missed


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--rounds", type=int, default=10_000)
    asked.add_argument("--entries", type=int, default=100_000)
    asked.add_argument("--url", help="an empty PostgreSQL database; default: a SQLite file")
    given = asked.parse_args()
    found, missed = attack(given.rounds)
    print(f"{given.rounds} changes of an export: {found.total()} found, {len(missed)} missed")
    for name, count in sorted(found.items()):
        print(f"  {count:6d} {name.replace('_', ' ')}")
    with tempfile.TemporaryDirectory() as folder:
        engine = db.open_engine(given.url or f"sqlite:///{folder}/audit.db")
        db.ensure(engine)
        load(engine, given.entries)
        began = time.process_time()
        with Session(db.readers(engine)) as session:
            count = audit.verify(session)
        print(f"{count} entries verified in {engine.dialect.name}: "
              f"{time.process_time() - began:.1f} CPU-s")  # fmt: skip
        engine.dispose()
        private, path = checkpoints.make_key(), Path(folder, "audit.jsonl")
        path.write_bytes(b"".join(exported(given.entries, private)))
        began = time.process_time()
        with path.open("rb") as lines:
            exports.verify(lines, checkpoints.public_of(private))
        print(f"{count} exported entries verified: {time.process_time() - began:.1f} CPU-s, "
              f"{path.stat().st_size / 1e6:.0f} MB")  # fmt: skip
    assert not missed, missed


if __name__ == "__main__":
    main()
