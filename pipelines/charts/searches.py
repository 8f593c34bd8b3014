"""How a search went: the scores one after the other, which settings mattered, and how they met."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from pipelines.charts.canvas import FAINT, HUES, INK, Sheet, mixed, number, reach, shortened

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pipelines.leaderboard import Leaderboard
    from pipelines.trial import Outcome, Trial

FEWEST_TRIALS, MOST_LINES = 4, 120
MOST_SETTINGS = 10


def of_search(
    board: Leaderboard, importances: Mapping[str, Mapping[str, float]]
) -> dict[str, str]:
    """Return the charts that have something to show."""
    drawn = {
        "history.svg": _history(board),
        "importances.svg": _importances(importances),
        "parallel.svg": _parallel(board),
    }
    return {name: chart for name, chart in drawn.items() if chart}


def _history(board: Leaderboard) -> str:
    rows = [(t, o) for t, o in board.rows if _known(o) and t.origin != "ensemble"]
    if len(rows) < 2:
        return ""
    scores = [float(o.score or 0.0) for _, o in rows]
    low, high = reach(scores, edge=0.05 if len(rows) > 20 else 0.0)
    best_low, best_high = reach(scores)
    low, high = (low, best_high) if board.metric.greater_is_better else (best_low, high)
    last = max(t.number for t, _ in rows)
    title = f"{board.metric.title} of every trial"
    sheet = Sheet(
        title, ("trial", 0, max(1, last)), (board.metric.key, low, high), width=700, aside=170
    )
    alone = [t.algorithm_key for t, _ in board.ranked if t.origin != "ensemble"]
    shown = dict(zip(dict.fromkeys(alone), HUES, strict=False))
    for key in [*shown, None]:
        mine = [row for row in rows if shown.get(row[0].algorithm_key) == shown.get(key or "")]
        numbers = np.array([t.number for t, _ in mine])
        values = np.array([o.score for _, o in mine], dtype=float)
        if len(mine):
            hue = FAINT if key is None else shown[key]
            sheet.dots(numbers, values, hue, "others" if key is None else key, 3)
    steps = sorted((t.number, float(o.score or 0.0)) for t, o in rows if o.state == "complete")
    if steps:
        best = np.maximum.accumulate([board.metric.signed(score) for _, score in steps])
        line = np.array([board.metric.signed(value) for value in best])
        sheet.line(np.array([at for at, _ in steps]), line, INK)
    return sheet.svg()


def _importances(found: Mapping[str, Mapping[str, float]]) -> str:
    bars = [
        (f"{key}  {name}", share, hue)
        for (key, settings), hue in zip(found.items(), HUES, strict=False)
        for name, share in sorted(settings.items(), key=lambda pair: -pair[1])[:MOST_SETTINGS]
    ]
    if not bars:
        return ""
    height = 90 + 22 * len(bars)
    sheet = Sheet(
        "Which settings mattered, within each algorithm", ("", -0.75, 1.12), ("", 0, len(bars)),
        width=640, height=height,
    )  # fmt: skip
    for place, (name, share, hue) in enumerate(bars):
        top = len(bars) - place
        sheet.bar((top - 0.85, top - 0.15), (0.0, share), hue)
        sheet.text(-0.02, top - 0.5, shortened(name, 44), anchor="end")
        sheet.text(share + 0.01, top - 0.5, f"{share:.0%}")
    return sheet.svg(ticks=False)


def _parallel(board: Leaderboard) -> str:
    """Draw the trials of the best algorithm that was tuned, one line each through its settings."""
    rows, names = _tuned(board)
    if not rows:
        return ""
    shown = sorted(rows, key=lambda row: board.metric.signed(row[1].score or 0.0))[-MOST_LINES:]
    key = shown[-1][0].algorithm_key
    width = max(520, 130 * (len(names) + 1))
    sheet = Sheet(
        f"{key}: settings of {len(shown)} trials, dark is better", ("", 0, len(names)), ("", 0, 1),
        width=width,
    )  # fmt: skip
    places = [_Axis([t.params[name] for t, _ in shown]) for name in names]
    places.append(_Axis([o.score for _, o in shown]))
    for rank, _ in enumerate(shown):
        ys = np.array([axis.shares[rank] for axis in places])
        share = (rank + 1) / len(shown)
        sheet.line(np.arange(len(places)), ys, mixed(share, ("#e2e8f0", "#0f5c56")))
    for at, (name, axis) in enumerate(zip([*names, board.metric.key], places, strict=True)):
        middle = "start" if at == 0 else "end" if at == len(names) else "middle"
        sheet.line(np.array([at, at]), np.array([0, 1]), INK, dashed=True)
        sheet.write((sheet.x(at), sheet.height - 10), shortened(name, 18), middle)
        for value, share in axis.marks:
            sheet.text(at + 0.03, share, value) if at < len(names) else sheet.text(
                at - 0.03, share, value, anchor="end"
            )
    return sheet.svg(ticks=False)


class _Axis:
    """One setting's values, from the least to the greatest; words stand side by side."""

    def __init__(self, values: Sequence[Any]) -> None:
        known = [value for value in values if isinstance(value, int | float)]
        if len(known) == len(values) and not any(isinstance(value, bool) for value in values):
            self._numbers([float(value) for value in known])
        else:
            words = [str(value) for value in values]
            kinds = sorted(set(words))
            shares = {word: (at + 0.5) / len(kinds) for at, word in enumerate(kinds)}
            self.shares = [shares[word] for word in words]
            self.marks = [(shortened(word, 12), share) for word, share in shares.items()]

    def _numbers(self, values: list[float]) -> None:
        low, high = min(values), max(values)
        logarithmic = low > 0 and high / low > 30
        scale = math.log if logarithmic else float
        start, span = scale(low), (scale(high) - scale(low)) or 1.0
        self.shares = [(scale(value) - start) / span for value in values]
        middle = math.exp(start + span / 2) if logarithmic else (low + high) / 2
        self.marks = [(number(float(f"{value:.2g}")), share)
                      for value, share in ((low, 0.0), (middle, 0.5), (high, 1.0))]  # fmt: skip


def _tuned(board: Leaderboard) -> tuple[list[tuple[Trial, Outcome]], list[str]]:
    """Return the trials of the best algorithm with enough of one shape, and their settings."""
    for trial, _ in board.ranked:
        mine = [
            row
            for row in board.rows
            if row[0].algorithm_key == trial.algorithm_key
            and row[0].params.keys() == trial.params.keys()
            and _known(row[1])
        ]
        names = [
            name for name in trial.params if len({str(row[0].params[name]) for row in mine}) > 1
        ]
        if len(mine) >= FEWEST_TRIALS and names and trial.origin != "ensemble":
            return mine, names[:MOST_SETTINGS]
    return [], []


def _known(outcome: Outcome) -> bool:
    return outcome.score is not None and math.isfinite(outcome.score)
