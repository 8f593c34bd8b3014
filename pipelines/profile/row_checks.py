"""Checks of the rows: are they independent of each other and of their order?"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from pipelines.dataset import Kind
from pipelines.profile import values
from pipelines.profile.association import Aim, View, associate
from pipelines.profile.found import Found, percent, rows_told
from pipelines.profile.kinds import ID_WORDS, looks_numbered, named_like_id, words_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy.typing as npt

    from pipelines.profile.evidence import Evidence
    from pipelines.profile.facts import Column

    Array = npt.NDArray[Any]

SURE = 0.001
NOTABLE = 0.15
SORTED = 0.98
ALIKE = 0.5
TIME_WORDS = frozenset(
    {"time", "timestamp", "date", "day", "week", "month", "quarter", "year", "epoch", "period"}
)


def duplicate_rows(evidence: Evidence) -> Found | None:
    """Say how many rows repeat an earlier one more often than chance would have it."""
    told = evidence.table["duplicates"]
    count, chance = told["rows"], told["by_chance"]
    if not count or count <= chance + 4 * np.sqrt(chance) or count < 0.5 * chance:
        return None
    first, later = (int(evidence.places[place]) for place in told["first"])
    rows = len(evidence.frame)
    return Found(
        (),
        f"{rows_told(count)} of {rows:,} ({percent(count / rows)}) repeat an earlier one in every "
        f"column, first row {later}, which is row {first} again.",
        "If they are copies, remove them at the source: a row that is in both the learning and "
        "the checking part flatters the score.",
    )


def time_order(evidence: Evidence) -> Found | None:
    """Say that the rows follow a date, or the target changes along it; propose a time split."""
    if evidence.dataset.target is None:
        return None
    for column in evidence.features:
        view = evidence.views[column.name]
        if not _is_time(column) or view.ranks is None or view.missing.mean() > 0.05:
            continue
        told = _follows(column, evidence) or _target_moves(column, evidence)
        if told:
            return Found(
                (column.name,),
                told,
                f"Check on the latest rows: a split in time by {column.name!r} is what tomorrow "
                "will look like; a random one lets the model see the future.",
            )
    return None


def _is_time(column: Column) -> bool:
    if column.kind is Kind.DATE:
        return column.distinct >= 5
    named = bool(TIME_WORDS & set(words_of(column.name)))
    return column.kind is Kind.NUMBER and named and column.distinct >= 5


def _follows(column: Column, evidence: Evidence) -> str:
    ranks = evidence.views[column.name].place
    rows = np.flatnonzero(~np.isnan(ranks))
    rho = _correlation(ranks[rows], rows)
    if abs(rho) < SORTED or len(rows) < 10:
        return ""
    how = "in order of" if rho > 0 else "in reverse order of"
    return f"The rows stand {how} {column.name!r} (rank correlation {rho:.3f})."


def _correlation(left: Array, right: Array) -> float:
    if len(left) < 3 or not left.std() or not right.std():
        return 0.0
    return float(np.corrcoef(left, right)[0, 1])


def _target_moves(column: Column, evidence: Evidence) -> str:
    if column.kind is not Kind.DATE:
        return ""
    goal = evidence.dataset.target
    for drift in evidence.table["drift"]:
        told = drift["columns"].get(goal)
        if drift["along"] != column.name or told is None:
            continue
        if told["p_value"] < SURE and abs(told["value"]) >= NOTABLE:
            return (
                f"{goal!r} changes along {column.name!r} "
                f"({abs(told['value']):.2f}, p {told['p_value']:.1g})."
            )
    return ""


def drift_along_rows(evidence: Evidence) -> Found | None:
    """Say which columns change from the first rows to the last, where the order means nothing."""
    told = next((d for d in evidence.table["drift"] if d["along"] == "row order"), None)
    if told is None:
        return None
    goal = evidence.dataset.target
    columns: Mapping[str, Any] = told["columns"]
    if goal is not None and goal in columns and abs(columns[goal]["value"]) >= 0.9:
        return _sorted_by_target(goal)
    limit = SURE / max(len(columns), 1)
    moved = [
        name
        for name, drift in columns.items()
        if drift["p_value"] < limit
        and abs(drift["value"]) >= NOTABLE
        and not _is_time(evidence.columns[name])
        and name not in evidence.left_out
    ]
    if not moved:
        return None
    moved.sort(key=lambda name: -abs(columns[name]["value"]))
    listed = ", ".join(f"{name!r} ({abs(columns[name]['value']):.2f})" for name in moved[:8])
    return Found(
        tuple(moved),
        f"From the first rows to the last, {listed} changes more than chance allows.",
        "Find out what the order is (time? source?). If it is time, check on the latest rows.",
    )


def _sorted_by_target(goal: str) -> Found:
    return Found(
        (goal,),
        f"The rows are sorted by the target {goal!r}.",
        "Nothing to do: rows are shuffled before they are split. Never split them by position.",
    )


def groups(evidence: Evidence) -> Found | None:
    """Say which column names an entity that comes back in many rows; propose a group split."""
    if evidence.dataset.target is None:
        return None
    best: tuple[str, int, int, str] | None = None
    for column in evidence.features:
        told = _repeats(column, evidence)
        if told and (best is None or told[1] > best[1]):
            best = told
    if best is None:
        return None
    name, entities, rows, why = best
    return Found(
        (name,),
        f"{name!r} names {entities:,} entities in {rows:,} rows, {rows / entities:.2g} rows each, "
        f"and {why}.",
        f"Keep each one on one side: split in groups by {name!r}, or the score flatters, for the "
        "model has seen its neighbours.",
    )


def _repeats(column: Column, evidence: Evidence) -> tuple[str, int, int, str] | None:
    if column.kind not in {Kind.CATEGORY, Kind.NUMBER, Kind.ID} or column.distinct < 20:
        return None
    named = _named_like_entity(column.name)
    if not named and column.dtype == "float64":
        return None
    entities, known = _counted(column, evidence)
    if not 1.3 * entities <= known or entities < 0.01 * known:
        return None
    found = values.of(evidence.frame[column.name])
    if named or (not found.is_text and _coded_like_id(found)):
        return column.name, entities, known, "its name or its numbers are those of an id"
    alike = _most_alike(column.name, evidence) if found.is_text else None
    return None if alike is None else (column.name, entities, known, alike)


def _counted(column: Column, evidence: Evidence) -> tuple[int, int]:
    """Return how many entities in how many rows the whole table has.

    A sample tears the rows of an entity apart, so that they hardly repeat in it.
    """
    whole = evidence.dataset.frame[column.name]
    known = len(whole) - column.missing
    if len(evidence.frame) == len(whole):
        return column.distinct, known
    return int(whole.nunique()), known


def _together(name: str, evidence: Evidence) -> pd.DataFrame:
    """Return rows in which entities are whole: all, or those of some entities of a large table."""
    whole = evidence.dataset.frame
    if len(evidence.frame) == len(whole):
        return evidence.frame
    codes, levels = pd.factorize(whole[name])
    count = max(20, int(len(levels) * len(evidence.frame) / len(whole)))
    some = np.zeros(len(levels) + 1, dtype=bool)
    some[np.random.default_rng(0).choice(len(levels), min(count, len(levels)), replace=False)] = 1
    return whole.iloc[np.flatnonzero(some[codes])]


def _named_like_entity(name: str) -> bool:
    words = words_of(name)
    return named_like_id(name) and not (len(words) == 1 and words[0] in ID_WORDS - {"id"})


def _coded_like_id(found: values.Values) -> bool:
    """Long whole numbers, all of one length and evenly spread, are not a quantity."""
    if found.is_text or found.numbers.dtype != np.int64:
        return False
    levels = values.runs(found.ordered)[0]
    if len(levels) < 20 or int(levels[0]) < 10_000:
        return False
    once = replace(found, numbers=levels, ordered=levels)
    return len(str(int(levels[0]))) == len(str(int(levels[-1]))) and looks_numbered(once)


def _most_alike(name: str, evidence: Evidence) -> str | None:
    """Return how alike the rows of one entity are, if they are so in some other column."""
    frame = _together(name, evidence)
    found = values.of(frame[name])
    codes, n = found.codes, len(found.counts)
    if len(codes) / n > 50 or n < 20:
        return None
    for other, column in evidence.columns.items():
        if other == name or column.kind not in {Kind.NUMBER, Kind.DATE, Kind.BOOLEAN}:
            continue
        whole = values.of(frame[other])
        rows = np.flatnonzero(~whole.missing & ~found.missing)
        if whole.is_text or len(rows) < 30:
            continue
        view = View(codes[rows].astype(np.int64), n, np.zeros(len(rows), dtype=bool))
        told = associate(view, Aim(None, whole.numbers[rows].astype(np.float64)))
        if told and told["value"] ** 2 >= ALIKE and told["p_value"] < SURE:
            return f"rows of one are alike in {other!r} (correlation ratio {told['value']:.2f})"
    return None
