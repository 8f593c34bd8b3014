"""What lies in a model's folder, found out without opening the model.

A pickle is a program. Its opcodes are read one by one and never run; every name it would import
is listed. A name that the pickle computes while it runs cannot be known, and is listed as such.
"""

from __future__ import annotations

import pickletools
from typing import TYPE_CHECKING, Any

from pipelines import packaging
from pipelines.errors import BadModel

if TYPE_CHECKING:
    from pathlib import Path

COMPUTED = "(computed while it runs)"
_ENDINGS = frozenset({".pkl", ".pickle", ".cloudpickle", ".joblib", ".dill"})
_CODE = "code"  # MLflow's folder for the code beside a model
_NAMED = frozenset({"GLOBAL", "INST"})
_KEPT = frozenset({"PUT", "BINPUT", "LONG_BINPUT"})
_FETCHED = frozenset({"GET", "BINGET", "LONG_BINGET"})
_OUTSIDE = frozenset({"EXT1", "EXT2", "EXT4", "PERSID", "BINPERSID"})


def look(folder: Path) -> dict[str, Any]:
    """Return the digest, weight and format of a model, and what its pickles name.

    Raises:
        BadModel: There is no such folder.
    """
    try:
        card = packaging.read_card(folder)
    except BadModel:  # somebody else's model: its bytes and pickles can be looked at all the same
        card = {"format": "unknown"}
    pickles = [path for path in _files(folder) if _is_pickle(path)]
    named: set[str] = set()
    unreadable = ""
    for path in pickles:
        try:
            named.update(names_in(path.read_bytes()))
        except BadModel as error:
            unreadable = unreadable or f"{path.name}: {error}"
    return {
        "digest": packaging.digest_of(folder),
        "bytes": sum(path.stat().st_size for path in _files(folder)),
        "format": card["format"],
        "reason": card.get("why", ""),
        "pickles": len(pickles),
        "pickled": sorted(named),
        "unreadable": unreadable,
    }


def types(folder: Path) -> list[str]:
    """Return the types in skops files that are not known to run nothing when they are built."""
    found = (packaging.strange_types(path) for path in _files(folder) if path.suffix == ".skops")
    return sorted({name for names in found for name in names})


def names_in(data: bytes) -> list[str]:
    """Return every name that a pickle would import, without running it.

    Raises:
        BadModel: It is no pickle, or breaks off.

    >>> import pickle
    >>> names_in(pickle.dumps({1, 2}, protocol=2))
    ['builtins.set']
    """
    reading = _Reading()
    try:
        for opcode, argument, _ in pickletools.genops(data):
            reading.take(opcode.name, argument)
    except Exception as error:  # pickletools raises whatever the bytes bring about
        raise BadModel(f"it is no whole pickle ({error})") from error
    return sorted(set(reading.names))


class _Reading:
    """The part of a pickle's stack and memory that names come from: the texts just pushed."""

    def __init__(self) -> None:
        self.names: list[str] = []
        self.texts: list[str] = []
        self.memory: dict[int, str | None] = {}

    def take(self, name: str, argument: Any) -> None:
        """Follow one opcode."""
        if name in _NAMED:
            self.names.append(_spelled(*str(argument).split(" ", 1)))
        elif name == "STACK_GLOBAL":
            known = len(self.texts) >= 2
            self.names.append(_spelled(*self.texts[-2:]) if known else COMPUTED)
        elif name in _OUTSIDE:
            self.names.append(COMPUTED)
        if name in {"MEMOIZE", *_KEPT}:
            place = len(self.memory) if name == "MEMOIZE" else int(argument)
            self.memory[place] = self.texts[-1] if self.texts else None
        elif name in _FETCHED:
            self._push(self.memory.get(int(argument)))
        elif "UNICODE" in name or "STRING" in name:
            self._push(argument if isinstance(argument, str) else None)
        elif name not in {"PROTO", "FRAME"}:
            self.texts.clear()

    def _push(self, text: str | None) -> None:
        if text is None:
            self.texts.clear()
        else:
            self.texts.append(text)


def _spelled(module: str, name: str = "") -> str:
    module = {"__builtin__": "builtins", "copy_reg": "copyreg"}.get(module, module)
    return f"{module}.{name}"


def _files(folder: Path) -> list[Path]:
    inside = (path for path in sorted(folder.rglob("*")) if path.is_file())
    skipped = {_CODE, packaging.ATTACHED}
    return [p for p in inside if p.relative_to(folder).parts[0] not in skipped]


def _is_pickle(path: Path) -> bool:
    if path.suffix in _ENDINGS:
        return True
    with path.open("rb") as file:
        start = file.read(2)
    return len(start) == 2 and start[0] == 0x80 and start[1] <= 5
