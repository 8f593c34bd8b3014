"""Journey: describe a table, without making a model."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from mlops import files
from mlops.sources import read

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from pathlib import Path

    from pipelines.profile.facts import Profile


def profile(
    data: Any,
    target: str | None = None,
    *,
    types: Mapping[str, str] | None = None,
    keep: Collection[str] = (),
    rows: int | None = None,
    seed: int = 0,
) -> Profile:
    """Read a table and say what it is and what is wrong with it.

    Raises:
        PipelineError: The data cannot be read; the class and the message say why.
    """
    from pipelines.profile import table

    dataset = read(data, target, types=types, rows=rows, seed=seed)
    return table.profile(dataset, keep=keep, seed=seed)


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
