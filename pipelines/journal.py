"""The journal: every finished trial is on disk before anybody hears of it.

One JSON line per trial under a header that names the data and the question. Predictions lie
beside it as small NumPy files, written first, so that a line on disk always has its predictions.
A line cut off by a kill is dropped when the journal is opened again. One process at a time has it
open: the system's own lock says so, and forgets whoever was killed.
"""

from __future__ import annotations

import json
import os
import weakref
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from pipelines.errors import BadJournal, JournalInUse
from pipelines.trial import Outcome, Trial

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

LAYOUT = 1
_MUST_AGREE = ("digest", "task", "target", "metric", "seed", "split")


class Hold:
    """This process's hold on a journal, for as long as somebody in it has the journal open."""

    def __init__(self, path: Path) -> None:
        beside = path.with_suffix(".lock")
        try:
            number = os.open(beside, os.O_RDWR | os.O_CREAT, 0o666)
        except OSError as error:
            raise BadJournal(
                f"The journal {str(path)!r} cannot be gone on with: {error.strerror}. "
                "Choose a folder that you may write to."
            ) from error
        weakref.finalize(self, os.close, number)
        if not _locked(number):
            told = os.read(number, 32).decode(errors="replace").strip()
            raise JournalInUse(str(path), told)
        os.ftruncate(number, 0)
        os.pwrite(number, str(os.getpid()).encode(), 0)

    @classmethod
    def on(cls, path: Path) -> Hold:
        """Return this process's hold on a journal.

        Raises:
            JournalInUse: Another process has it.
        """
        place = path.resolve()
        held = _held.get(place)
        if held is None:
            held = _held[place] = cls(path)
        return held


_held: weakref.WeakValueDictionary[Path, Hold] = weakref.WeakValueDictionary()


def _locked(number: int) -> bool:
    """Lock an open file for this process, unless another has it."""
    try:
        import fcntl
    except ModuleNotFoundError:  # on Windows nobody says who else is there
        return True
    try:
        fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


class Journal:
    """An open journal. Make one with ``create`` or ``open``."""

    def __init__(self, path: Path, header: Mapping[str, Any], lines: list[dict[str, Any]]) -> None:
        self._hold = Hold.on(path)
        self.path = path
        self.header = dict(header)
        self._lines = lines

    @classmethod
    def create(cls, path: Path, header: Mapping[str, Any]) -> Self:
        """Start a journal; the header says what the search is about.

        Raises:
            BadJournal: There is one already, or it cannot be written.
        """
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("x", encoding="utf-8") as file:
                _write_line(file, {"layout": LAYOUT, **header})
        except OSError as error:
            if path.exists():
                raise BadJournal(
                    f"There is already a journal {str(path)!r}. Resume that run, or start another."
                ) from error
            raise BadJournal(
                f"The journal {str(path)!r} cannot be written: {error.strerror}. "
                "Choose a folder that you may write to."
            ) from error
        return cls(path, header, [])

    @classmethod
    def open(cls, path: Path, header: Mapping[str, Any]) -> Self:
        """Go on with a journal.

        Raises:
            BadJournal: There is none, it is broken, or it is about other data.
            JournalInUse: Another process goes on with it right now.
        """
        hold = Hold.on(path) if path.exists() else None
        try:
            text = path.read_bytes()
        except OSError as error:
            raise BadJournal(
                f"There is no journal {str(path)!r} to go on with. Check the run, or start anew."
            ) from error
        whole = text[: text.rfind(b"\n") + 1]
        if len(whole) < len(text):
            with path.open("r+b") as file:
                file.truncate(len(whole))
        try:
            first, *rest = [json.loads(line) for line in whole.splitlines()]
        except ValueError as error:
            raise BadJournal(
                f"The journal {str(path)!r} is broken: {error}. Start the run anew."
            ) from error
        _compare(path, first, header)
        journal = cls(path, first, rest)
        del hold
        return journal

    @staticmethod
    def is_about(path: Path, header: Mapping[str, Any]) -> bool:
        """Say whether a journal is about the same data and question; nothing is opened for it."""
        try:
            with path.open("rb") as file:
                _compare(path, json.loads(file.readline()), header)
        except (OSError, ValueError, BadJournal):
            return False
        return True

    @property
    def folder(self) -> Path:
        """Where predictions and models lie."""
        return self.path.with_suffix("")

    @property
    def spent(self) -> float:
        """Return the seconds of searching that went into what is written."""
        return float(self._lines[-1]["spent"]) if self._lines else 0.0

    def append(self, trial: Trial, outcome: Outcome, *, spent: float = 0.0) -> None:
        """Write one finished trial; when this returns, it is on disk."""
        if outcome.out_of_fold is not None:
            self._predictions(trial.number).parent.mkdir(exist_ok=True)
            with self._predictions(trial.number).open("wb") as file:
                np.save(file, outcome.out_of_fold, allow_pickle=False)
                file.flush()
                os.fsync(file.fileno())
        line = {"trial": _trial_data(trial), "outcome": _outcome_data(outcome), "spent": spent}
        with self.path.open("a", encoding="utf-8") as file:
            _write_line(file, line)
        self._lines.append(line)

    def replay(self) -> list[tuple[Trial, Outcome]]:
        """Return what was written, in order."""
        return [self._read(line) for line in self._lines]

    def _read(self, line: Mapping[str, Any]) -> tuple[Trial, Outcome]:
        trial = Trial(**line["trial"])
        data = dict(line["outcome"])
        data["folds"] = tuple(data["folds"])
        path = self._predictions(trial.number)
        if data.pop("predicted") and path.exists():
            data["out_of_fold"] = np.load(path, allow_pickle=False)
        return trial, Outcome(**data)

    def _predictions(self, number: int) -> Path:
        return self.folder / f"{number}.npy"


def _compare(path: Path, found: Mapping[str, Any], wanted: Mapping[str, Any]) -> None:
    if found.get("layout") != LAYOUT:
        raise BadJournal(
            f"The journal {str(path)!r} has layout {found.get('layout')!r}, this version reads "
            f"{LAYOUT}. Start the run anew."
        )
    for name in _MUST_AGREE:
        if name in wanted and found.get(name) != wanted[name]:
            raise BadJournal(
                f"The journal {str(path)!r} belongs to another search: its {name} is "
                f"{_short(found.get(name))}, here it is {_short(wanted[name])}. "
                "Give the data and options of that run, or start a new one."
            )


def _short(value: object) -> str:
    text = str(value)
    return f"{text[:12]}…" if len(text) > 24 else text


def _trial_data(trial: Trial) -> dict[str, Any]:
    names = ("number", "algorithm_key", "params", "seed", "origin", "bar")
    return {name: getattr(trial, name) for name in names}


def _outcome_data(outcome: Outcome) -> dict[str, Any]:
    names = ("score", "metrics", "folds", "seconds", "failure", "learned", "complete", "bag")
    return {
        **{name: getattr(outcome, name) for name in names},
        "predicted": outcome.out_of_fold is not None,
    }


def _write_line(file: Any, data: Mapping[str, Any]) -> None:
    file.write(json.dumps(data, default=_plain) + "\n")
    file.flush()
    os.fsync(file.fileno())


def _plain(value: Any) -> Any:
    """Return NumPy numbers and mappings as JSON knows them; anything else as text."""
    if isinstance(value, np.generic):
        return value.item()
    return dict(value) if hasattr(value, "keys") else str(value)
