"""What can go wrong in the workshop: one class for each thing a caller may want to catch.

PipelineError
├── FileMissing          nothing is at that path
├── UnknownFormat        no reader knows that kind of source
├── UnreadableData       a reader knows the kind, the content is broken
├── EmptyTable           there are no rows, or no columns to learn from
├── UnknownColumn        a column was named that the table does not have
├── UnsoundData          findings that stop a run: they say what to do
├── SchemaMismatch       rows that do not look like what the model learned from
├── BadSetting           an option has a value that makes no sense
├── BadPlan              a cleaning plan that names unknown columns or steps
├── UnknownAlgorithm     no row of the catalogue has that key
├── UnknownMetric        no metric has that name
├── MissingExtra         a library that is not installed is needed
├── CannotDetect         a detector has no use for the rows it was given
├── AllTrialsFailed      not one trial ended with a score
├── EngineDown           the place where trials should run does not answer
├── BadJournal           a journal that belongs to other data, or is missing
├── JournalInUse         a journal that another process writes to
├── BadModel             a model folder that does not match its digest, or is broken
├── UnfaithfulExplanation  contributions that do not add up to the model's answers
└── TrackingDown         MLflow cannot be reached or written
"""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence


def close_matches(word: str, known: Iterable[str]) -> str:
    """Return " Did you mean 'a' or 'b'?" for the nearest known words, or nothing.

    >>> close_matches("iforst", ["iforest", "knn"])
    " Did you mean 'iforest'?"
    """
    near = difflib.get_close_matches(word, list(known), n=3, cutoff=0.55)
    return f" Did you mean {' or '.join(map(repr, near))}?" if near else ""


def listed(words: Iterable[object], most: int = 12) -> str:
    """Return words as one comma-separated text, cut after the first dozen.

    >>> listed(["a", "b", "c"], most=2)
    'a, b and 1 more'
    """
    all_words = [str(word) for word in words]
    rest = len(all_words) - most
    text = ", ".join(all_words[:most])
    return f"{text} and {rest} more" if rest > 0 else text


class PipelineError(Exception):
    """Base of every error the pipelines raise on purpose."""


class FileMissing(PipelineError):
    """Nothing is at that path."""

    def __init__(self, path: object, near: Iterable[str] = ()) -> None:
        name = str(path).rsplit("/", maxsplit=1)[-1]
        super().__init__(
            f"There is no file or folder {str(path)!r}.{close_matches(name, near)} "
            "Check the path; relative ones start at the current folder."
        )


class UnknownFormat(PipelineError):
    """No reader knows that kind of source."""

    def __init__(self, source: object, known: Iterable[str]) -> None:
        super().__init__(f"No reader knows {str(source)!r}. Readable: {listed(known, 30)}.")


class UnreadableData(PipelineError):
    """The content is not what the file's ending promises."""

    def __init__(self, source: object, reason: str, remedy: str) -> None:
        super().__init__(f"{str(source)!r} could not be read: {reason}. {remedy}")


class EmptyTable(PipelineError):
    """There is nothing to learn from."""

    def __init__(self, source: object, what: str = "no rows") -> None:
        super().__init__(
            f"{str(source)!r} has {what}. Give a table with a header line and at least one row."
        )


class UnknownColumn(PipelineError):
    """A column was named that the table does not have."""

    def __init__(self, column: str, known: Sequence[str]) -> None:
        super().__init__(
            f"There is no column {column!r}.{close_matches(column, known)} "
            f"The table has: {listed(known)}."
        )


class UnsoundData(PipelineError):
    """Findings that stop a run before the first trial."""

    def __init__(self, name: str, reasons: Sequence[str]) -> None:
        self.reasons = tuple(reasons)
        super().__init__(f"{name!r} cannot be learned from: {' '.join(reasons)}")


class SchemaMismatch(PipelineError):
    """Rows that do not look like what the model learned from."""


class BadSetting(PipelineError):
    """An option has a value that makes no sense."""

    def __init__(self, option: str, value: object, wanted: str) -> None:
        super().__init__(f"{option} cannot be {value!r}. {wanted}")


class BadPlan(PipelineError):
    """A cleaning plan that cannot be followed: the sentence says where and what would work."""


class UnknownAlgorithm(PipelineError):
    """No row of the catalogue has that key."""

    def __init__(self, key: str, known: Iterable[str]) -> None:
        names = list(known)
        super().__init__(
            f"No algorithm {key!r} in the catalogue.{close_matches(key, names)} "
            f"There are: {listed(names, 60)}."
        )


class UnknownMetric(PipelineError):
    """No metric has that name, or not for this task."""

    def __init__(self, key: str, task: str, known: Iterable[str]) -> None:
        names = list(known)
        super().__init__(
            f"No metric {key!r} for {task}.{close_matches(key, names)} "
            f"There are: {listed(names, 60)}."
        )


class MissingExtra(PipelineError):
    """A library that is not installed is needed."""

    def __init__(self, what: str, extra: str) -> None:
        super().__init__(
            f"{what} needs the extra {extra!r}. "
            f"Install it with: pip install 'mlops-platform[{extra}]'"
        )


class CannotDetect(PipelineError):
    """A detector has no use for the rows it was given."""

    def __init__(self, detector: str, reason: str, remedy: str) -> None:
        super().__init__(f"{detector} cannot score this table: {reason.rstrip('.')}. {remedy}")


class AllTrialsFailed(PipelineError):
    """Not one trial ended with a score."""

    def __init__(self, reasons: Mapping[str, int]) -> None:
        self.reasons = dict(reasons)
        total = sum(self.reasons.values())
        told = "; ".join(
            f"{count}x {reason.rstrip('.')}" for reason, count in self.reasons.items()
        )
        super().__init__(
            f"All {total} trials failed: {told or 'none was started'}. "
            "Mend the data or choose other --algorithms; --debug shows more."
        )


class EngineDown(PipelineError):
    """The place where trials should run does not answer."""

    def __init__(self, engine: str, reason: str) -> None:
        super().__init__(
            f"The engine {engine!r} cannot be used: {reason}. "
            "Start it, check the address, or use --engine processes."
        )


class JournalInUse(PipelineError):
    """Somebody else goes on with this search right now."""

    def __init__(self, path: str, process: str) -> None:
        super().__init__(
            f"The journal {path!r} is in use: process {process or 'unknown'} goes on with that "
            "run. Wait for it, or end it first."
        )


class BadJournal(PipelineError):
    """A journal that is missing or belongs to another search."""


class BadModel(PipelineError):
    """A model folder that does not match its digest, or cannot be loaded."""


class UnfaithfulExplanation(PipelineError):
    """Contributions that do not add up to the model's answers; no such report is published."""

    def __init__(self, method: str, gap: float) -> None:
        super().__init__(
            f"{method} does not add up to the model's answers (off by {gap:.1e} of their spread). "
            "Another method is used instead."
        )


class TrackingDown(PipelineError):
    """MLflow cannot be reached or written."""

    def __init__(self, uri: str, reason: str) -> None:
        super().__init__(
            f"MLflow at {uri!r} cannot be used: {reason}. "
            "Check MLFLOW_TRACKING_URI and the server."
        )
