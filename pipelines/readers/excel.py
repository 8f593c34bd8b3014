"""Reads Excel sheets with openpyxl."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from openpyxl import load_workbook

from pipelines.errors import EmptyTable, UnreadableData, close_matches, listed
from pipelines.readers.source import Ask, Raw

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def read(path: Path, ask: Ask) -> Raw:
    """Read the first sheet with something in it, or the one that ``?sheet=`` names.

    Raises:
        EmptyTable: there is no sheet with a header line.
        UnreadableData: there is no sheet of that name.
    """
    import pandas as pd

    book = load_workbook(path, read_only=True, data_only=True)
    try:
        names, rows = _sheet(path, book, ask.options.get("sheet"))
    finally:
        book.close()
    places = ask.pick(path, names)
    columns = [pd.Series([_at(row, place) for row in rows], dtype=object) for place in places]
    return Raw([names[place] for place in places], columns)


def _sheet(path: Path, book: Any, wanted: str | None) -> tuple[list[Any], list[tuple[Any, ...]]]:
    if wanted is not None and wanted not in book.sheetnames:
        reason = f"there is no sheet {wanted!r}.{close_matches(wanted, book.sheetnames)}"
        raise UnreadableData(path, reason, f"Sheets: {listed(book.sheetnames)}.")
    for title in [wanted] if wanted is not None else book.sheetnames:
        rows = list(_filled(book[title]))
        if rows:
            return _heads(rows[0]), rows[1:]
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
