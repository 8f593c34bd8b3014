"""What travels between a reader and the door of this room: the question, and the raw columns."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from pipelines.dataset import Conversion, Kind
from pipelines.errors import BadSetting, UnknownColumn, UnreadableData, listed

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

TEXTUAL = frozenset({Kind.CATEGORY, Kind.TEXT, Kind.ID})
"""Kinds whose values must keep the characters they were written with."""


@dataclass(frozen=True, slots=True)
class Wish:
    """A kind that somebody asked for, and the form it is written in: ``date:%d/%m/%Y``."""

    kind: Kind
    form: str = ""

    @classmethod
    def parse(cls, column: str, text: str) -> Wish:
        """Return the wish that a text like ``category`` or ``number:,`` stands for.

        >>> Wish.parse("when", "date:%d/%m/%Y").form
        '%d/%m/%Y'

        Raises:
            BadSetting: no kind has that name.
        """
        word, _, form = str(text).partition(":")
        try:
            return cls(Kind(word.strip().lower()), form.strip())
        except ValueError:
            wanted = f"The kind of {column!r} can be: {', '.join(Kind)}."
            raise BadSetting("types", text, wanted) from None


@dataclass(frozen=True, slots=True)
class Ask:
    """What is wanted from a source: which columns, how many rows, which kinds."""

    columns: frozenset[str] | None = None
    wishes: Mapping[str, Wish] = field(default_factory=dict)
    rows: int | None = None
    seed: int = 0
    options: Mapping[str, str] = field(default_factory=dict)
    """What stood behind the ``?`` of the source: ``sheet``, ``key``, ``table``, ``query``."""
    wishes_may_miss: bool = False
    """Wishes for columns that are not there are passed over, not refused."""

    @property
    def verbatim(self) -> frozenset[str]:
        """The columns whose characters must be kept, leading zeros and all."""
        return frozenset(name for name, wish in self.wishes.items() if wish.kind in TEXTUAL)

    def pick(self, source: object, names: Sequence[object]) -> list[int]:
        """Return the places of the wanted columns, in the table's order.

        Raises:
            UnreadableData: two columns have the same name.
            UnknownColumn: a wanted column is not there.
        """
        known = clean_names(source, names)
        if self.columns is None:
            return list(range(len(known)))
        for name in sorted(self.columns - set(known)):
            raise UnknownColumn(name, known)
        return [place for place, name in enumerate(known) if name in self.columns]


@dataclass(frozen=True, slots=True)
class Raw:
    """A table as its library gave it: names, and one pandas or Arrow column for each."""

    names: Sequence[object]
    columns: Sequence[Any]
    decimal: str = "."
    """The decimal sign that text columns of this source are likely to use."""
    notes: tuple[Conversion, ...] = ()
    drawn_of: int | None = None
    """How many rows there were where ``rows`` is already obeyed; 0 if nobody counted them."""


class Change:
    """One column on its way: its name, what is asked of it, and what was done to it so far."""

    def __init__(self, name: str, wish: Wish | None = None, decimal: str = ".") -> None:
        self.name = name
        self.wish = wish
        self.decimal = decimal
        self.told: list[Conversion] = []

    def tell(self, before: object, after: object, reason: str, form: str = "") -> None:
        """Note one conversion; that types are mixed is said once."""
        if before == "mixed" and any(change.before == "mixed" for change in self.told):
            return
        self.told.append(Conversion(self.name, str(before), str(after), reason, form))


def raw_of(table: Any, **told: Any) -> Raw:
    """Return an Arrow table or a pandas frame as raw columns."""
    if hasattr(table, "column_names"):
        return Raw(table.column_names, table.columns, **told)
    places = range(table.shape[1])
    return Raw(list(table.columns), [table.iloc[:, place] for place in places], **told)


def clean_names(source: object, names: Sequence[object]) -> list[str]:
    """Return column names as stripped text, refusing those that occur twice.

    >>> clean_names("t.csv", [" age ", "", 3])
    ['age', 'unnamed_2', '3']

    Raises:
        UnreadableData: two columns have the same name.
    """
    clean = [spoken(name) or f"unnamed_{place}" for place, name in enumerate(names, start=1)]
    twice = [name for name, count in Counter(clean).items() if count > 1]
    if twice:
        reason = f"{len(twice)} column names occur more than once: {listed(map(repr, twice))}"
        raise UnreadableData(source, reason, "Give each column its own name, in the first line.")
    return clean


def spoken(name: object) -> str:
    """Return a column's name as text; the levels of a pandas MultiIndex are joined."""
    if isinstance(name, tuple):
        return "_".join(filter(None, map(spoken, name)))
    return "" if name is None else str(name).strip().lstrip("\ufeff")
