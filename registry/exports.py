"""The audit log as a file that proves itself, without the database it came from.

One JSON document per line: what it is, then every entry, then a signed checkpoint. Each line is
the one text that its data can have, so no byte can change and leave the file as good.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from registry import audit, checkpoints
from registry.audit import COLUMNS, Head, text_of
from registry.errors import BadExport

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from sqlalchemy.orm import Session

    from registry.audit import Link
    from registry.checkpoints import Checkpoint

_FORMAT = "mlops-audit/1"
_NAMES = frozenset(COLUMNS)
_DIGEST = COLUMNS.index("digest")


def lines(session: Session, database: str, seal: Callable[[Head], Checkpoint]) -> Iterator[str]:
    """Yield the lines of an export; the last one seals what came before."""
    yield text_of({"format": _FORMAT, "database": database})
    end = audit.EMPTY
    for link in audit.links(session):
        end = Head(link[0], link[_DIGEST])
        yield text_of(dict(zip(COLUMNS, link, strict=True)))
    yield seal(end).to_line()


def verify(
    written: Iterable[bytes], public: bytes, noted: Sequence[Checkpoint] = ()
) -> Checkpoint:
    """Recompute an export's chain, compare it with its seal, and return that.

    Args:
        written: The file's lines, each with its end.
        public: The key that the seal must be signed with.
        noted: Checkpoints that were kept elsewhere; those of the same database must fit too.

    Raises:
        BadExport: The file is none, or not whole.
        BrokenChain: An entry was edited, dropped, added or swapped; the message names the first.
        BadSeal: The checkpoint at its end was made up or changed.
    """
    file = _File(written)
    database = file.database()
    end = audit.follow(file.links(), [c.head for c in noted if c.database == database])
    sealed = checkpoints.read(file.seal, checkpoints.fingerprint(public))
    checkpoints.check(sealed, public)
    if sealed.head != end or sealed.database != database:
        raise BadExport(
            file.count, f"seals {sealed.number} entries of {sealed.database!r}, not these"
        )
    return sealed


class _File:
    """Reads an export from its first line to its seal."""

    def __init__(self, written: Iterable[bytes]) -> None:
        self._lines, self.count, self.seal = iter(written), 0, ""

    def database(self) -> str:
        """Read the first line."""
        _, told = self._next()
        if told.get("format") != _FORMAT or set(told) != {"format", "database"}:
            raise BadExport(1, f"does not say {_FORMAT!r}")
        return str(told["database"])

    def links(self) -> Iterator[Link]:
        """Yield the entries; then the seal is known."""
        text, told = self._next()
        while "checkpoint" not in told:
            if told.keys() != _NAMES:
                raise BadExport(self.count, "is no entry of an audit log")
            yield tuple(told[name] for name in COLUMNS)
            text, told = self._next()
        self.seal = text
        if next(self._lines, None) is not None:
            raise BadExport(self.count + 1, "comes after the signed checkpoint")

    def _next(self) -> tuple[str, dict[str, Any]]:
        self.count += 1
        raw = next(self._lines, None)
        if raw is None:
            raise BadExport(self.count, "is missing: the file ends before its signed checkpoint")
        try:
            text = raw.decode()
            told = json.loads(text)
            exact = isinstance(told, dict) and text_of(told) + "\n" == text
        except (ValueError, RecursionError) as error:
            raise BadExport(self.count, "cannot be read") from error
        if not exact:
            raise BadExport(self.count, "is not written as it was exported")
        return text[:-1], told
