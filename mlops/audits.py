"""Journeys: read the audit log, prove it, and keep proofs of it outside the database."""

from __future__ import annotations

import logging
import os
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar
from uuid import uuid4

from mlops import settings as environment
from mlops.errors import UnwritableFolder
from mlops.files import write_whole
from mlops.workspace import Workspace
from registry import audit, checkpoints, db, exports, versions
from registry.errors import BadKey, BrokenChain
from registry.refs import parse

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy.orm import Session

    from mlops.settings import Settings
    from registry.audit import Entry, Head
    from registry.checkpoints import Checkpoint

_KEY, _PUBLIC, _KEPT = "key.pem", "public.pem", "checkpoints.jsonl"

T = TypeVar("T")

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Key:
    """The key that signs checkpoints; only its public half is shown."""

    fingerprint: str
    public: str
    path: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Verified:
    """What was recomputed, and what it was held against."""

    entries: int
    checkpoints: int
    """How many checkpoints that were kept outside the database it was compared with."""
    others: int
    """How many of another database lay beside them."""
    sealed_at: str | None = None
    key: str | None = None


def log(workspace: Workspace | None = None, **asked: Any) -> list[Entry]:
    """Return one page of the audit log, newest first.

    Args:
        workspace: Where to look; by default as the settings say.
        asked: The fields of ``registry.audit.Asked``: model, actor, action, since, until ...

    Raises:
        BadRef: The subject is no reference to a version.
        UnknownVersion: No version stands in the stage that it names.
    """
    ws = workspace or Workspace.open()
    with ws.reading() as session:
        if asked.get("subject") and not asked["subject"].startswith("@"):
            ref = parse(asked["subject"])
            asked["subject"] = str(ref if ref.number else versions.get(session, ref))
        return list(audit.log(session, **asked))


def verify(key: Path | None = None, *, workspace: Workspace | None = None) -> Verified:
    """Recompute the database's whole log, and compare it with every checkpoint kept outside.

    Raises:
        BrokenChain: An entry was edited, dropped, added, swapped or cut off.
        BadSeal: A checkpoint was changed.
        BadKey: There are checkpoints, and no key to check them with.
    """
    ws = workspace or Workspace.open()
    ours, others = _kept(ws.settings, key, db.shown(ws.engine))
    with ws.reading() as session:
        entries = audit.verify(session, noted=[kept.head for kept in ours])
    return Verified(entries=entries, checkpoints=len(ours), others=others)


def verify_export(
    path: Path, key: Path | None = None, *, settings: Settings | None = None
) -> Verified:
    """Recompute an export and check its signature. Needs no database.

    Raises:
        BadExport: The file is none, or not whole.
        BrokenChain: An entry was edited, dropped, added or swapped.
        BadSeal: The checkpoint at its end was made up or changed.
        BadKey: There is no public key to check it with.
    """
    chosen = settings or environment.load()
    public = _public(chosen, key)
    try:
        with path.open("rb") as lines:
            kept, _ = _kept(chosen, key)
            sealed = exports.verify(lines, public, kept)
    except OSError as error:
        from pipelines.errors import FileMissing

        raise FileMissing(str(path)) from error
    ours = [one for one in kept if one.database == sealed.database]
    return Verified(
        entries=sealed.number,
        checkpoints=len(ours),
        others=len(kept) - len(ours),
        sealed_at=sealed.at,
        key=sealed.key,
    )


def export(path: Path, *, workspace: Workspace | None = None) -> Checkpoint:
    """Write the whole log to a file that proves itself, and keep the checkpoint at its end.

    Raises:
        UnwritableFolder: The file or the checkpoint cannot be written.
    """
    ws = workspace or Workspace.open()
    where = db.shown(ws.engine)
    made: list[Checkpoint] = []

    def seal(end: Head) -> Checkpoint:
        made.append(_seal(ws, end))
        return made[0]

    def write(part: Path) -> None:
        with ws.reading() as session, part.open("w", encoding="utf-8") as file:
            file.writelines(f"{line}\n" for line in exports.lines(session, where, seal))

    write_whole(path, write)
    _keep(ws, made[0])
    return made[0]


def checkpoint(*, workspace: Workspace | None = None) -> Checkpoint:
    """Sign where the log ends now, and keep that outside the database.

    Raises:
        BrokenChain: The log no longer contains the checkpoint before.
        UnwritableFolder: The checkpoint cannot be written.
    """
    ws = workspace or Workspace.open()
    before = _last(ws)
    with ws.reading() as session:
        end = audit.head(session)
        if before is not None and audit.at(session, before.number) != before.head:
            gone = "is missing: a checkpoint of it was kept"
            changed = "is another one than was noted before"
            raise BrokenChain(before.number, gone if end.number < before.number else changed)
    if before is not None and before.head == end:
        return before
    made = _seal(ws, end)
    _keep(ws, made)
    return made


def change(ws: Workspace, work: Callable[[Session], T]) -> T:
    """Do something in one transaction, then keep a checkpoint where somebody made a key for that.

    Raises:
        Conflict: It was somebody else's turn every time.
    """
    done = ws.change(work)
    note(ws)
    return done


def note(ws: Workspace) -> None:
    """Keep a checkpoint after a change, where somebody made a key for that.

    Never fails what was done before: it is committed.
    """
    if not (_folder(ws.settings) / _KEY).exists():
        return
    try:
        checkpoint(workspace=ws)
    except Exception as error:  # noqa: BLE001 - the change itself is committed
        logger.warning("No checkpoint of the audit log was kept: %s", error)


def key(*, settings: Settings | None = None) -> Key:
    """Return the key that signs checkpoints; make it when there is none.

    Raises:
        UnwritableFolder: There is none, and it cannot be made.
        BadKey: The file holds no key.
    """
    folder = _folder(settings or environment.load())
    public = checkpoints.public_of(_private(folder), folder / _KEY)
    if not (folder / _PUBLIC).exists():
        write_whole(folder / _PUBLIC, lambda part: part.write_bytes(public))
    return Key(checkpoints.fingerprint(public), public.decode(), folder / _KEY)


def _folder(settings: Settings) -> Path:
    return settings.audit_folder or settings.home / "audit"


def _private(folder: Path) -> bytes:
    """Read the private key; whoever makes the first one wins."""
    path = folder / _KEY
    try:
        if not path.exists():
            folder.mkdir(parents=True, exist_ok=True)
            part = path.with_name(f".{uuid4().hex[:8]}")
            with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as to:
                to.write(checkpoints.make_key())
            try:
                path.hardlink_to(part)
            except FileExistsError:
                logger.info("another process made the key first")
            finally:
                part.unlink()
        return path.read_bytes()
    except OSError as error:
        raise UnwritableFolder(folder, error.strerror or str(error)) from error


def _public(settings: Settings, given: Path | None) -> bytes:
    path = given or _folder(settings) / _PUBLIC
    try:
        return path.read_bytes()
    except OSError as error:
        raise BadKey(path, "the file cannot be read") from error


def _seal(ws: Workspace, end: Head) -> Checkpoint:
    key(settings=ws.settings)
    private = _private(_folder(ws.settings))
    where = db.shown(ws.engine)
    return checkpoints.sign(end, private=private, at=datetime.now(UTC), database=where)


def _keep(ws: Workspace, made: Checkpoint) -> None:
    folder = _folder(ws.settings)
    try:
        with (folder / _KEPT).open("a", encoding="utf-8") as file:
            file.write(made.to_line() + "\n")
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise UnwritableFolder(folder, error.strerror or str(error)) from error


def _last(ws: Workspace) -> Checkpoint | None:
    """Return the checkpoint that was kept last of this database; only that one is checked."""
    path, where = _folder(ws.settings) / _KEPT, db.shown(ws.engine)
    if not path.exists():
        return None
    public = _public(ws.settings, None)
    for line in reversed(path.read_text("utf-8").splitlines()):
        one = checkpoints.read(line, checkpoints.fingerprint(public))
        if one.database == where:
            checkpoints.check(one, public)
            return one
    return None


def _kept(
    settings: Settings, given: Path | None, database: str | None = None
) -> tuple[list[Checkpoint], int]:
    """Read the checkpoints of a database (or of all), each checked; count those of others."""
    path = _folder(settings) / _KEPT
    if not path.exists():
        return [], 0
    public = _public(settings, given)
    name = checkpoints.fingerprint(public, given or "")
    found = [checkpoints.read(line, name) for line in path.read_text("utf-8").splitlines()]
    for one in found:
        checkpoints.check(one, public)
    ours = [one for one in found if database in {None, one.database}]
    return ours, len(found) - len(ours)
