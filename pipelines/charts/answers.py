"""What a model answered for rows it never saw, beside what was true."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn import metrics as sk

from pipelines.charts.canvas import FAINT, HUES, INK, Sheet, mixed, reach, shortened
from pipelines.formulas import auc
from pipelines.metrics import decided

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pipelines.charts.canvas import Array

MOST_CLASSES, MOST_CELLS = 6, 12
MOST_DOTS = 600
BINS = 10


def of_classes(
    truth: Array, chances: Array, classes: Sequence[Any], decision: Array | None = None
) -> dict[str, str]:
    """Return the charts of a classifier: ROC, precision and recall, calibration, confusion."""
    drawn = {
        "roc.svg": _roc(truth, chances, classes),
        "precision_recall.svg": _precision_recall(truth, chances, classes),
        "calibration.svg": _calibration(truth, chances, classes),
        "confusion.svg": _confusion(truth, decided(chances, decision), classes),
    }
    return {name: chart for name, chart in drawn.items() if chart}


def of_scores(truth: Array, scores: Array, classes: Sequence[Any]) -> dict[str, str]:
    """Return the charts of a detector where labels are known: ROC, precision and recall."""
    both = np.column_stack([-scores, scores])
    return {
        "roc.svg": _roc(truth, both, classes),
        "precision_recall.svg": _precision_recall(truth, both, classes),
    }


def of_values(truth: Array, values: Array) -> dict[str, str]:
    """Return the charts of a regressor: predicted beside actual, and what is left over."""
    some = np.random.default_rng(0).permutation(len(truth))[:MOST_DOTS]
    truth, values = truth[some], values[some]
    low, high = reach([*truth, *values], edge=0.002)
    beside = Sheet("Predicted and actual", ("predicted", low, high), ("actual", low, high))
    beside.line(np.array([low, high]), np.array([low, high]), INK, "the same", dashed=True)
    beside.dots(values, truth, HUES[0])
    rest = truth - values
    far = max(map(abs, reach(rest, edge=0.002)))
    left = Sheet("Residuals", ("predicted", low, high), ("actual - predicted", -far, far))
    left.line(np.array([low, high]), np.zeros(2), INK, dashed=True)
    left.dots(values, rest, HUES[0])
    order = np.argsort(values)
    parts = [part for part in np.array_split(order, BINS) if len(part)]
    left.line(
        np.array([values[part].mean() for part in parts]),
        np.array([rest[part].mean() for part in parts]),
        HUES[1],
        "mean of a tenth",
    )
    return {"predicted.svg": beside.svg(), "residuals.svg": left.svg()}


def _each(
    truth: Array, chances: Array, classes: Sequence[Any]
) -> Iterator[tuple[str, str, Array, Array]]:
    """Yield hue, name, truth and chance of every class that is there, the first few of many."""
    codes = [1] if len(classes) == 2 else list(range(len(classes)))
    there = [code for code in codes if 0 < (truth == code).sum() < len(truth)]
    for hue, code in zip(HUES, there[:MOST_CLASSES], strict=False):
        yield hue, shortened(classes[code]), truth == code, chances[:, code]


def _roc(truth: Array, chances: Array, classes: Sequence[Any]) -> str:
    sheet = Sheet("ROC curve", ("false positive rate", 0, 1), ("true positive rate", 0, 1))
    sheet.line(np.array([0, 1]), np.array([0, 1]), FAINT, dashed=True)
    found = list(_each(truth, chances, classes))
    for hue, name, is_it, chance in found:
        false, true, _ = sk.roc_curve(is_it, chance)
        area = auc(is_it.astype(int), chance)
        sheet.line(false, true, hue, f"{name}, area {area:.3f}")
    return sheet.svg() if found else ""


def _precision_recall(truth: Array, chances: Array, classes: Sequence[Any]) -> str:
    sheet = Sheet("Precision and recall", ("recall", 0, 1), ("precision", 0, 1))
    found = list(_each(truth, chances, classes))
    for hue, name, is_it, chance in found:
        precision, recall, _ = sk.precision_recall_curve(is_it, chance)
        share = float(is_it.mean())
        sheet.line(np.array([0, 1]), np.array([share, share]), hue, dashed=True)
        sheet.line(recall, precision, hue, f"{name}, {share:.0%} of the rows")
    return sheet.svg() if found else ""


def _calibration(truth: Array, chances: Array, classes: Sequence[Any]) -> str:
    sheet = Sheet("Calibration", ("predicted chance", 0, 1), ("how often it was so", 0, 1))
    sheet.line(np.array([0, 1]), np.array([0, 1]), FAINT, dashed=True)
    found = list(_each(truth, chances, classes))
    for hue, name, is_it, chance in found:
        order = np.argsort(chance, kind="stable")
        parts = [part for part in np.array_split(order, BINS) if len(part)]
        said = np.array([chance[part].mean() for part in parts])
        was = np.array([is_it[part].mean() for part in parts])
        sheet.line(said, was, hue, name)
        sheet.dots(said, was, hue, size=3.5)
    return sheet.svg() if found else ""


def _confusion(truth: Array, named: Array, classes: Sequence[Any]) -> str:
    """Count truth against answer; the shares are of each true class."""
    count = len(classes)
    if count > MOST_CELLS:
        return ""
    table = np.zeros((count, count), dtype=int)
    np.add.at(table, (truth, named), 1)
    shares = table / np.maximum(table.sum(axis=1, keepdims=True), 1)
    side = 420 / max(3, count)
    size = int(130 + side * count)
    sheet = Sheet(
        "Confusion: rows are the truth", ("", 0, 1), ("", 0, 1),
        width=max(size, 330), height=size - 10,
    )  # fmt: skip
    for row in range(count):
        y = 62 + side * row
        sheet.write((104, y + side / 2 + 4), shortened(classes[row], 14), "end")
        sheet.write((110 + side * (row + 0.5), 54), shortened(classes[row], 10), "middle")
        for column in range(count):
            share = float(shares[row, column])
            sheet.cell((110 + side * column, y, side - 2), mixed(share))
            place = 110 + side * (column + 0.5) - 1, y + side / 2
            hue = "#ffffff" if share > 0.55 else INK
            sheet.write((place[0], place[1]), f"{table[row, column]:,}", "middle", hue)
            if count <= MOST_CLASSES:
                sheet.write((place[0], place[1] + 16), f"{share:.0%}", "middle", hue)
    return sheet.svg(ticks=False)
