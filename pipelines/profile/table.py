"""The profile of a table: gathered evidence, judged by the coded checks.

A table above ``MAX_ROWS`` is looked at through a seeded sample in its own order, and the profile
says so; missing and infinite values, the classes and the digest are always those of all rows.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

import numpy as np

from pipelines.errors import UnknownColumn, UnreadableData, UnsoundData, listed
from pipelines.profile import checks
from pipelines.profile.evidence import gather, sampled
from pipelines.profile.facts import Profile

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pipelines.dataset import Dataset

MAX_ROWS = 200_000
MOST_CLASSES = 200


def profile(
    dataset: Dataset,
    *,
    keep: Iterable[str] = (),
    seed: int = 0,
    max_rows: int | None = None,
) -> Profile:
    """Say what a table is and what is wrong with it, before a single trial is spent.

    Args:
        dataset: The table.
        keep: Columns that are used although a finding would leave them out.
        seed: Chooses the sampled rows.
        max_rows: Rows to look at; a larger table is sampled. 200,000 unless told.

    Raises:
        UnknownColumn: A column to keep, or the target, is not in the table.
        UnreadableData: Two columns have the same name.

    >>> import pandas as pd
    >>> from pipelines.dataset import Dataset
    >>> from pipelines.task import Task
    >>> frame = pd.DataFrame({"a": [1.0, 2.5, 0.5, 4.0] * 9, "b": [7] * 36, "y": [0, 1, 1] * 12})
    >>> found = profile(Dataset("tiny", frame, Task.CLASSIFICATION, "y"))
    >>> list(found.drops)
    ['b']
    """
    kept = tuple(dict.fromkeys(keep))
    _check_names(dataset, kept)
    rows = len(dataset.frame)
    places = sampled(rows, max_rows or MAX_ROWS, seed)
    with np.errstate(all="ignore"):  # values near the end of the floats may overflow
        evidence = gather(dataset, places, seed, kept)
        findings = checks.examine(evidence)
    table = dict(evidence.table)
    table["balance"] = dict(list(evidence.table["balance"].items())[:MOST_CLASSES])
    if dataset.drawn is not None:
        table["drawn"] = {**asdict(dataset.drawn), "said": str(dataset.drawn)}
    if len(places) < rows:
        table["sampled"] = {"rows": len(places), "of": rows, "seed": seed}
    if len(evidence.picked) < len(places):
        table["compared"] = {"rows": len(evidence.picked), "of": rows, "seed": seed}
    return Profile(
        name=dataset.name,
        task=dataset.task,
        target=dataset.target,
        rows=rows,
        digest=dataset.digest,
        columns=tuple(evidence.columns.values()),
        findings=findings,
        conversions=dataset.conversions,
        table=table,
        kept=kept,
    )


def require_sound(profile: Profile) -> None:
    """Do nothing if a run may start.

    Raises:
        UnsoundData: A finding forbids it; the sentence says what to do.
    """
    if profile.stops:
        raise UnsoundData(profile.name, [f"{f.reason} {f.remedy}" for f in profile.stops])


def _check_names(dataset: Dataset, kept: tuple[str, ...]) -> None:
    names = list(dataset.frame.columns)
    twice = [name for place, name in enumerate(names) if name in names[:place]]
    if twice:
        raise UnreadableData(
            dataset.name,
            f"two columns have the same name: {listed(map(repr, dict.fromkeys(twice)))}",
            "Rename one of them.",
        )
    wanted = kept if dataset.target is None else (dataset.target, *kept)
    for name in wanted:
        if name not in names:
            raise UnknownColumn(name, [str(known) for known in names])
