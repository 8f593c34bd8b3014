"""Checks of single columns and of pairs of them: is there something to learn from each?"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pyarrow.compute as pc

from pipelines.dataset import Kind
from pipelines.profile import values, whole
from pipelines.profile.association import table_of
from pipelines.profile.found import Found, percent, quoted, rows_told
from pipelines.profile.kinds import NUMBER

if TYPE_CHECKING:
    import numpy.typing as npt

    from pipelines.profile.association import View
    from pipelines.profile.evidence import Evidence
    from pipelines.profile.facts import Column

    Array = npt.NDArray[np.generic]

KEEP = "Give --keep {} to use {} all the same."
MOSTLY = 0.95
MANY_LEVELS = 50
SAME = 0.999
DATE = r"^\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}([ T].*)?$"


def keep_hint(names: tuple[str, ...]) -> str:
    """Return the sentence that says how to keep columns.

    >>> keep_hint(("a",))
    'Give --keep a to use it all the same.'
    """
    first = names[0] if " " not in names[0] else repr(names[0])
    return KEEP.format(first, "it" if len(names) == 1 else "one of them")


def constant(evidence: Evidence) -> Found | None:
    """Say which columns hold one value, or nothing at all."""
    found = [column for column in evidence.features if _never_varies(column, evidence)]
    if not found:
        return None
    names = tuple(column.name for column in found)
    told = [
        f"{c.name!r} is empty in every row"
        if not c.distinct
        else f"{c.name!r} is always {_one(c)}"
        for c in found[:8]
    ]
    more = f", and {len(found) - 8} more are as constant" if len(found) > 8 else ""
    reason = f"{', '.join(told)}{more}: nothing can be learned from that."
    return Found(names, reason, keep_hint(names), drops=names)


def _one(column: Column) -> str:
    return repr(column.examples[0]) if column.examples else "the same"


def _never_varies(column: Column, evidence: Evidence) -> bool:
    if column.distinct > 1 or (column.distinct == 1 and column.missing):
        return False
    if len(evidence.frame) == len(evidence.dataset.frame):
        return True
    return evidence.dataset.frame[column.name].nunique(dropna=True) <= 1


def id_like(evidence: Evidence) -> Found | None:
    """Say which columns only number or name the rows."""
    found = [c for c in evidence.features if c.kind is Kind.ID and c.distinct > 1]
    if not found:
        return None
    names = tuple(column.name for column in found)
    told = []
    for column in found[:8]:
        known = len(evidence.frame) - _sampled_missing(column, evidence)
        example = column.examples[0] if column.examples else ""
        told.append(
            f"{column.name!r} has {column.distinct:,} values in {known:,} rows ({example}…)"
        )
    reason = f"{', '.join(told)}: an identifier says which row it is, not what it is like."
    return Found(names, reason, keep_hint(names), drops=names)


def _sampled_missing(column: Column, evidence: Evidence) -> int:
    if len(evidence.frame) == len(evidence.dataset.frame):
        return column.missing
    return int(evidence.frame[column.name].isna().sum())


def mostly_missing(evidence: Evidence) -> Found | None:
    """Say which columns are empty in nearly every row."""
    total = len(evidence.dataset.frame)
    found = [c for c in evidence.features if c.distinct and c.missing >= MOSTLY * total]
    if not found:
        return None
    told = [f"{c.name!r} ({percent(c.missing / total)})" for c in found[:8]]
    return Found(
        tuple(c.name for c in found),
        f"Hardly any row has a value in {', '.join(told)}.",
        "Fill them at the source, or leave them out; that a value is there is learned from too.",
    )


def high_cardinality(evidence: Evidence) -> Found | None:
    """Say which categories have so many levels that most are hardly ever seen."""
    found = []
    for column in evidence.features:
        known = len(evidence.frame) - _sampled_missing(column, evidence)
        wide = column.kind is Kind.CATEGORY and column.distinct >= MANY_LEVELS
        if wide and (known < 30 * column.distinct or column.distinct > 1000):
            found.append((column, known))
    if not found:
        return None
    told = [
        f"{c.name!r} has {c.distinct:,} levels, {known / c.distinct:.3g} rows each on average"
        for c, known in found[:8]
    ]
    return Found(
        tuple(c.name for c, _ in found),
        f"{', '.join(told)}.",
        "Group rare levels at the source, or let the plan encode it by target or frequency.",
    )


def mixed_types(evidence: Evidence) -> Found | None:
    """Say which text columns hold numbers and words, or dates and words, side by side."""
    found = []
    seen = {c.column: c.reason for c in evidence.dataset.conversions if c.before == "mixed"}
    for column in evidence.features:
        if column.name in seen and column.name not in evidence.dataset.kinds:
            found.append((column.name, seen[column.name]))
            continue
        told = _mixture(evidence.frame[column.name], column) if _is_text(evidence, column) else ""
        if told:
            found.append((column.name, told))
    if not found:
        return None
    return Found(
        tuple(name for name, _ in found),
        " ".join(f"{name!r} holds {told}." for name, told in found[:8]),
        "Mend the odd cells, or say what it is: --type column=number reads the rest as missing.",
    )


def _is_text(evidence: Evidence, column: Column) -> bool:
    asked = column.name in evidence.dataset.kinds
    series = evidence.frame[column.name]
    return not asked and (
        pd.api.types.is_object_dtype(series) or isinstance(series.dtype, pd.StringDtype)
    )


def _mixture(series: pd.Series, column: Column) -> str:
    if column.kind is Kind.TEXT:
        return ""
    found = values.of(series)
    levels, counts = found.levels, found.counts
    if not len(counts):
        return ""
    if found.mixed and found.mixed < found.known:
        return f"{found.mixed:,} cells that are not text among {found.known:,}"
    numbers = pc.match_substring_regex(levels, NUMBER).to_numpy(zero_copy_only=False)
    dates = ~numbers & pc.match_substring_regex(levels, DATE).to_numpy(zero_copy_only=False)
    for what, mask in (("numbers", numbers), ("dates", dates)):
        rows = int(counts[mask].sum())
        share, rest = rows / found.known, found.known - rows
        if rest and mask.sum() >= 2 and _is_mixture(share, int(mask.sum()), int((~mask).sum())):
            odd = levels.filter(~mask)[0].as_py()
            return f"{rows:,} {what} and {rest:,} other texts (as {str(odd)[:30]!r})"
    return ""


def _is_mixture(share: float, inside: int, outside: int) -> bool:
    """Numbers with some words among them, or a good part of numbers among words."""
    if share >= 0.5:
        return inside > outside or share < 0.95
    return share >= 0.05 and inside >= 3


def infinite(evidence: Evidence) -> Found | None:
    """Say which number columns hold an infinity, and in which row first."""
    found = [c for c in evidence.features if c.numbers.get("infinite")]
    if not found:
        return None
    told = []
    for column in found[:8]:
        cells = evidence.dataset.frame[column.name].to_numpy()
        row = int(np.flatnonzero(np.isinf(cells))[0])
        count = int(column.numbers["infinite"])
        told.append(
            f"{column.name!r} holds {cells[row]} in {rows_told(count)}, first in row {row}"
        )
    return Found(
        tuple(c.name for c in found),
        f"{', '.join(told)}.",
        "They are read as missing; mend the division or logarithm that made them.",
    )


def near_duplicates(evidence: Evidence) -> Found | None:
    """Say which columns repeat an earlier one, up to scale, order-keeping change or renaming."""
    usable = [c for c in evidence.features if c.distinct > 1 and c.kind is not Kind.TEXT]
    copies = _numeric_copies(usable, evidence) | _coded_copies(usable, evidence)
    if not copies:
        return None
    names = tuple(copies)
    told = [f"{name!r} repeats {first!r} ({how})" for name, (first, how) in copies.items()]
    return Found(
        names,
        f"{', '.join(told[:8])}.",
        f"The first of each is used. {keep_hint(names)}",
        drops=names,
    )


def _numeric_copies(usable: list[Column], evidence: Evidence) -> dict[str, tuple[str, str]]:
    names = [c.name for c in usable if evidence.views[c.name].ranks is not None]
    if len(names) < 2:
        return {}
    views = [evidence.views[name] for name in names]
    found: dict[str, tuple[str, str]] = {}
    for left, right, rank in zip(
        *whole.close_pairs([view.ranks for view in views], 0.95), strict=True
    ):
        first, later = names[left], names[right]
        same_gaps = np.mean(views[left].missing == views[right].missing) >= SAME
        if later in found or first in found or not same_gaps:
            continue
        with np.errstate(over="ignore", invalid="ignore"):
            line = abs(whole.matrix([views[left].numbers, views[right].numbers])[0, 1])
        rho = abs(rank)
        if line < SAME and rho < 1 - 1e-4:
            continue
        found[later] = (first, f"correlation {max(line, rho):.4f}")
    return found


def _coded_copies(usable: list[Column], evidence: Evidence) -> dict[str, tuple[str, str]]:
    """Columns of levels that stand for each other one to one."""
    coded = [c.name for c in usable if 1 < c.distinct <= 255 and c.kind is not Kind.DATE]
    found: dict[str, tuple[str, str]] = {}
    shapes = {name: _shape(evidence.views[name]) for name in coded}
    numeric = {name for name in coded if evidence.views[name].ranks is not None}
    words: list[str] = []
    for place, later in enumerate(coded):
        for first in words if later in numeric else coded[:place]:
            if first in found or not _alike(shapes[first], shapes[later]):
                continue
            if _one_to_one(evidence.views[first], evidence.views[later]):
                found[later] = (first, "its levels stand for each other one to one")
                break
        if later not in numeric:
            words.append(later)
    return found


def _shape(view: View) -> list[float]:
    counts = np.bincount(view.bins, minlength=view.n_bins) / max(len(view.bins), 1)
    return [float(share) for share in np.sort(counts[counts > 0])[::-1]]


def _alike(left: list[float], right: list[float]) -> bool:
    if abs(len(left) - len(right)) > 0.02 * len(left) or len(left) < 2:
        return False
    return sum(abs(a - b) for a, b in zip(left, right, strict=False)) < 0.01


def _one_to_one(left: View, right: View) -> bool:
    table = table_of(left.bins, right.bins, left.n_bins, right.n_bins)
    n = table.sum()
    return bool(min(table.max(1).sum(), table.max(0).sum()) >= SAME * n)


def nothing_left(evidence: Evidence) -> Found | None:
    """Say that no column is left to learn from."""
    if evidence.features:
        return None
    all_features = [name for name in evidence.columns if name != evidence.dataset.target]
    if not all_features:
        what = "The table has no column besides the target."
    else:
        what = f"Every column is left out by the findings above: {quoted(all_features)}."
    hint = keep_hint(tuple(all_features)) if all_features else ""
    return Found(tuple(all_features), what, f"Add columns that vary. {hint}".strip())
