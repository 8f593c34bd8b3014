"""Reads Excel sheets with openpyxl."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any

from openpyxl import load_workbook

from pipelines.errors import EmptyTable, UnreadableData, close_matches, listed
from pipelines.readers.sampling import picked
from pipelines.readers.source import Ask, Raw

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

BATCH_ROWS = 1000


def read(path: Path, ask: Ask) -> Raw:
    """Read the first sheet with something in it, or the one that ``?sheet=`` names.

    Rows pass by one after the other; the workbook's different texts are held all the same.

    Raises:
        EmptyTable: there is no sheet with a header line.
        UnreadableData: there is no sheet of that name.
    """
    import pandas as pd

    book = load_workbook(path, read_only=True, data_only=True)
    try:
        names, passing = _sheet(path, book, ask.options.get("sheet"))
        rows, of = _kept(passing, ask)
    finally:
        book.close()
    places = ask.pick(path, names)
    columns = [pd.Series([_at(row, place) for row in rows], dtype=object) for place in places]
    return Raw([names[place] for place in places], columns, drawn_of=of)


def _kept(rows: Iterator[tuple[Any, ...]], ask: Ask) -> tuple[list[Any], int | None]:
    """Return all rows, or those of a sample and how many there were."""
    if ask.rows is None:
        return list(rows), None
    batches = iter(lambda: list(islice(rows, BATCH_ROWS)), [])
    return picked(batches, ask.rows, ask.seed)


def _sheet(
    path: Path, book: Any, wanted: str | None
) -> tuple[list[Any], Iterator[tuple[Any, ...]]]:
    if wanted is not None and wanted not in book.sheetnames:
        reason = f"there is no sheet {wanted!r}.{close_matches(wanted, book.sheetnames)}"
        raise UnreadableData(path, reason, f"Sheets: {listed(book.sheetnames)}.")
    for title in [wanted] if wanted is not None else book.sheetnames:
        rows = _filled(book[title])
        first = next(rows, None)
        if first is not None:
            return _heads(first), rows
    raise EmptyTable(path, "no cells in it")


def _filled(sheet: Any) -> Iterator[tuple[Any, ...]]:
    if hasattr(sheet, "iter_rows"):
        for row in sheet.iter_rows(values_only=True):
            if any(cell is not None for cell in row):
                yield row


def _heads(row: tuple[Any, ...]) -> list[Any]:
    heads = list(row)
    while heads and heads[-1] is None:
        heads.pop()
    return heads


def _at(row: tuple[Any, ...], place: int) -> Any:
    return row[place] if place < len(row) else None
