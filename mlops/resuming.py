"""Which run to go on with: the one that was named, or the last one of this search."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipelines.errors import BadJournal
from pipelines.journal import Journal
from pipelines.tracking import finished

if TYPE_CHECKING:
    from collections.abc import Mapping

LAST = "last"
"""Says: the newest run of this search that did not come to its end."""


def run_to_go_on_with(
    asked: str, folder: Path, about: Mapping[str, Any], tracking_uri: str
) -> str:
    """Return the id of the run whose journal lies in a folder.

    Args:
        asked: A run's id, or ``LAST``.
        folder: Where journals lie.
        about: What the search is about; the last run of another search is not gone on with.
        tracking_uri: Where MLflow says which runs came to their end.

    Raises:
        BadJournal: There is no such journal.
        TrackingDown: MLflow cannot be asked.
    """
    newest = sorted(folder.glob("*.jsonl"), key=lambda path: path.stat().st_mtime, reverse=True)
    if asked == LAST:
        for path in newest:
            if Journal.is_about(path, about) and not finished(tracking_uri, path.stem):
                return path.stem
        raise BadJournal(
            "No run of this search was cut off: of the "
            f"{len(newest)} in {str(folder)!r} none has this data, target, metric, seed and "
            "split and is unfinished. Leave out --resume to begin one."
        )
    run_id = Path(asked).name
    if not (folder / f"{run_id}.jsonl").exists():
        known = [path.stem for path in newest[:5]]
        raise BadJournal(
            f"There is no journal of a run {asked!r} in {str(folder)!r}. "
            f"It has: {', '.join(known) or 'none'}."
        )
    return run_id
