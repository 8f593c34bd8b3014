"""Dataset: a pandas frame that knows its target and its fingerprint.

Every reader ends here, so that the same table gives the same frame and the same digest whatever
it came from. Inside a ``Dataset`` there are five dtypes only: ``int64`` and ``float64`` for
numbers, ``bool`` (``boolean`` where values are missing), ``datetime64[us]`` without a zone (UTC),
and pandas' ``str`` for every kind of text. The index is 0..n-1.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from typing import TYPE_CHECKING

import pandas as pd

from pipelines.task import Task

if TYPE_CHECKING:
    from collections.abc import Mapping


class Kind(StrEnum):
    """What a column holds, for whoever prepares or explains it."""

    NUMBER = "number"
    BOOLEAN = "boolean"
    DATE = "date"
    CATEGORY = "category"
    TEXT = "text"
    ID = "id"


@dataclass(frozen=True, slots=True)
class Conversion:
    """One change a reader made to a column, told in the profile."""

    column: str
    before: str
    after: str
    reason: str
    form: str = ""
    """How a date or number was written (``%d.%m.%Y``, ``,``), to read new rows the same way."""


@dataclass(frozen=True, slots=True)
class Draw:
    """That only a random sample of a source was taken, and how."""

    rows: int
    of: int
    """How many rows the source has; 0 where nobody counted them."""
    seed: int
    streamed: bool = True
    """Whether the rest was never held in memory."""

    def __str__(self) -> str:
        """Return it as a sentence."""
        of = f" of {self.of:,}" if self.of else ""
        held = "" if self.streamed else "; the whole source was read for it"
        return f"A random sample of {self.rows:,}{of} rows was taken (seed {self.seed}){held}."


@dataclass(frozen=True)
class Dataset:
    """The one currency inside the pipelines. Other frames are changed into it by ``readers``."""

    name: str
    frame: pd.DataFrame
    task: Task
    target: str | None = None
    source: str = "memory"
    kinds: Mapping[str, Kind] = field(default_factory=dict)
    """Kinds that somebody asked for; every other column's kind is the profile's to say."""
    conversions: tuple[Conversion, ...] = ()
    drawn: Draw | None = None
    """How the rows were sampled when the table was read; None if all are here."""

    @property
    def features(self) -> pd.DataFrame:
        """All columns but the target."""
        return self.frame if self.target is None else self.frame.drop(columns=self.target)

    @property
    def labels(self) -> pd.Series | None:
        """The target column, if there is one."""
        return None if self.target is None else self.frame[self.target]

    @cached_property
    def digest(self) -> str:
        """A fingerprint of the cells and the column names, stable across machines."""
        cells = pd.util.hash_pandas_object(self.frame, index=False).to_numpy()
        heads = "\x1f".join(map(str, self.frame.columns))
        return hashlib.sha256(heads.encode() + cells.tobytes()).hexdigest()
