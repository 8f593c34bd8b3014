"""Journey: describe a table, without making a model."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlops import files
from mlops.sources import read, read_features

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from pipelines.dataset import Dataset
    from pipelines.profile.facts import Profile


def profile(  # noqa: PLR0913 - the options of the public verb
    data: Any,
    target: str | None = None,
    *,
    against: Any = None,
    plan: str | Path | None = None,
    types: Mapping[str, str] | None = None,
    keep: Collection[str] = (),
    rows: int | None = None,
    seed: int = 0,
) -> Profile:
    """Read a table and say what it is and what is wrong with it.

    Args:
        data: A file, folder, URL, or a frame.
        target: The column to predict, if there is one.
        against: Other rows, such as a test set: is it the same world, are rows in both?
        plan: Where to write the proposed cleaning plan (YAML), to be edited.
        types: Kinds of columns, where the guess is wrong.
        keep: Columns that are used although a check would leave them out.
        rows: Sample this many rows.
        seed: Makes the sample repeatable.

    Raises:
        PipelineError: The data cannot be read; the class and the message say why.
    """
    from pipelines.profile import table

    dataset = read(data, target, types=types, rows=rows, seed=seed)
    found = table.profile(dataset, keep=keep, seed=seed)
    if against is not None:
        found = _compared(found, dataset, against, seed)
    if plan is not None:
        from mlops import plans

        plans.write(found, dataset, Path(plan))
    return found


def _compared(found: Profile, dataset: Dataset, against: Any, seed: int) -> Profile:
    from pipelines.profile import drift, pair_checks
    from pipelines.readers import readings

    other = read_features(against, types=readings(dataset))
    more = pair_checks.compare(dataset, other, seed=seed)
    table = dict(found.table)
    columns = drift.differences(dataset.frame, other.frame, seed)
    table["against"] = {"name": other.name, "rows": len(other.frame), "columns": columns}
    return replace(found, findings=(*found.findings, *more), table=table)


def write(found: Profile, path: Path) -> None:
    """Write a profile as one HTML page, or as JSON where the name ends so.

    Raises:
        UnwritableFolder: The file cannot be written.
    """
    if path.suffix == ".json":
        from mlops.plain import plain

        text = json.dumps(plain(found), indent=2, ensure_ascii=False)
    else:
        from pipelines.profile import page

        text = page.render(found)
    files.write_whole(path, lambda part: part.write_text(text, encoding="utf-8"))
