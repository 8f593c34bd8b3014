"""Small pictures as inline SVG and HTML: no library, no script, colours from the page."""

from __future__ import annotations

import math
from html import escape
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pipelines.explain.facts import Curve, Removal

HUES = ("#0f766e", "#c2410c", "#1d6fb8", "#a16207", "#7c3aed", "#be185d", "#4d7c0f", "#475569")


def number(value: float | None) -> str:
    """Return a number as short as it can be read.

    >>> number(0.12345), number(1234567.0), number(None)
    ('0.123', '1.23e+06', '-')
    """
    return "-" if value is None or not math.isfinite(value) else f"{value:.3g}"


def signed(value: float) -> str:
    """Return a number with its sign.

    >>> signed(0.5), signed(-2)
    ('+0.5', '-2')
    """
    return f"{'+' if value > 0 else '-' if value < 0 else ''}{number(abs(value))}"


def bar(
    parts: Sequence[float],
    low: float,
    high: float,
    most: float,
    whisker: bool = True,  # noqa: FBT001, FBT002
) -> str:
    """Return a bar of one or more parts with its interval."""
    total = sum(parts) or 1.0
    width = 100 * sum(parts) / most if most > 0 else 0.0
    inner = "".join(
        f'<i style="width:{100 * part / total:.1f}%;background:{HUES[i % len(HUES)]}"></i>'
        for i, part in enumerate(parts)
        if len(parts) > 1
    )
    fill = f'<span class="fill" style="width:{width:.2f}%">{inner}</span>'
    if not whisker or most <= 0:
        return f'<span class="track">{fill}</span>'
    left, right = (max(0.0, min(100.0, 100 * edge / most)) for edge in (low, high))
    line = f'<span class="whisk" style="left:{left:.2f}%;width:{right - left:.2f}%"></span>'
    return f'<span class="track">{fill}{line}</span>'


def swarm(curve: Curve, most: float) -> str:
    """Return a column's contributions as dots, coloured from low to high values."""
    if not curve.points:
        return ""
    values = np.array([point[0] for point in curve.points])
    moved = np.array([point[1] for point in curve.points])
    order = np.argsort(np.argsort(values, kind="stable"), kind="stable")
    shade = order / max(1, len(values) - 1)
    dots, filled = [], {}  # type: ignore[var-annotated]
    for index in np.argsort(moved, kind="stable"):
        x = 100 + 96 * moved[index] / (most or 1)
        slot = round(x / 1.6)
        level = filled[slot] = filled.get(slot, -1) + 1
        y = 12 + (1 if level % 2 else -1) * min(9.5, 2.2 * ((level + 1) // 2))
        tint = f' fill="{_tint(float(shade[index]))}"' if curve.numeric else ' class="dot"'
        dots.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="1.5"{tint}/>')
    return (
        '<svg viewBox="0 0 200 24" role="img" aria-label="contributions">'
        f'<line class="zero" x1="100" x2="100" y1="0" y2="24"/>{"".join(dots)}</svg>'
    )


def _tint(share: float) -> str:
    low, middle, high = (59, 130, 246), (161, 161, 170), (239, 68, 68)
    one, two, part = (low, middle, 2 * share) if share < 0.5 else (middle, high, 2 * share - 1)
    mixed = (round(a + (b - a) * part) for a, b in zip(one, two, strict=True))
    return "#" + "".join(f"{level:02x}" for level in mixed)


def dependence(curve: Curve) -> str:
    """Return how the contribution changes with the value."""
    if not curve.numeric or len(curve.centres) < 2:
        return _levels(curve)
    known = [i for i, centre in enumerate(curve.centres) if math.isfinite(centre)]
    if len(known) < 2:
        return _levels(curve)
    xs = np.array([curve.centres[i] for i in known])
    low, high = (np.nan_to_num([side[i] for i in known]) for side in (curve.low, curve.high))
    middle = np.array([curve.contribution[i] for i in known])
    left, right = _reach(curve, xs)
    seen = [point[1] for point in curve.points if left <= point[0] <= right]
    bottom, top = min(0.0, *seen, *middle), max(0.0, *seen, *middle)

    def place(x: float, y: float) -> str:
        across = 300 * (min(max(x, left), right) - left) / ((right - left) or 1)
        up = 6 + 118 * (top - min(max(y, bottom), top)) / ((top - bottom) or 1)
        return f"{across:.1f},{up:.1f}"

    upper = [place(x, y) for x, y in zip(xs, high, strict=True)]
    lower = [place(x, y) for x, y in zip(xs, low, strict=True)]
    line = " ".join(place(x, y) for x, y in zip(xs, middle, strict=True))
    dots = "".join(
        f'<circle class="dot" cx="{a}" cy="{b}" r="2"/>'
        for a, b in (
            place(*point).split(",") for point in curve.points if left <= point[0] <= right
        )
    )
    zero = place(left, 0.0).split(",")[1]
    missing = [i for i, centre in enumerate(curve.centres) if not math.isfinite(centre)]
    told = "".join(f"; missing: {signed(curve.contribution[i])}" for i in missing)
    return (
        f'<svg viewBox="0 0 300 130" role="img" aria-label="dependence on {escape(curve.column)}">'
        f'<line class="zero" x1="0" x2="300" y1="{zero}" y2="{zero}"/>{dots}'
        f'<polygon class="band" points="{" ".join([*upper, *lower[::-1]])}"/>'
        f'<polyline class="curve" points="{line}"/>'
        f'<text x="2" y="13">{signed(top)}</text><text x="2" y="127">{signed(bottom)}</text></svg>'
        f'<div class="ends"><span>{escape(curve.labels[known[0]])}</span>'
        f"<span>{escape(curve.labels[known[-1]] + told)}</span></div>"
    )


def _reach(curve: Curve, centres: np.ndarray) -> tuple[float, float]:
    values = np.array([point[0] for point in curve.points] or centres)
    low, high = np.quantile(values, [0.01, 0.99])
    return float(min(low, centres.min())), float(max(high, centres.max()))


def _levels(curve: Curve) -> str:
    most = max((abs(value) for value in curve.contribution if math.isfinite(value)), default=0.0)
    lines = [
        f'<div class="level"><span title="{escape(label)}">{escape(label)}</span>'
        f"{diverging(value, most)}</div>"
        for label, value in zip(curve.labels, curve.contribution, strict=True)
        if math.isfinite(value)
    ]
    return "".join(lines)


def diverging(value: float, most: float) -> str:
    """Return a bar to the left or right of the middle."""
    half = 50 * abs(value) / most if most > 0 else 0.0
    left = 50.0 if value >= 0 else 50 - half
    side = "up" if value >= 0 else "down"
    return (
        f'<span class="div" title="{signed(value)}"><i class="{side}" '
        f'style="left:{left:.1f}%;width:{half:.1f}%"></i></span>'
    )


def interval(middle: float, low: float, high: float, reach: tuple[float, float]) -> str:
    """Return a point with its interval on a common scale; the line in the middle is zero."""
    start, end = reach

    def x(value: float) -> float:
        return 196 * (min(max(value, start), end) - start) / ((end - start) or 1) + 2

    side = "var(--up)" if low > 0 else "var(--good)" if high < 0 else "var(--dot)"
    return (
        '<svg viewBox="0 0 200 16" preserveAspectRatio="none" role="img" '
        f'aria-label="{number(low)} to {number(high)}">'
        f'<line class="zero" x1="{x(0):.1f}" x2="{x(0):.1f}" y1="0" y2="16"/>'
        f'<line x1="{x(low):.1f}" x2="{x(high):.1f}" y1="8" y2="8" stroke="{side}" '
        f'stroke-width="2.5"/><line x1="{x(middle):.1f}" x2="{x(middle):.1f}" y1="2" y2="14" '
        f'stroke="{side}" stroke-width="3.5"/></svg>'
    )


def removal(found: Removal) -> str:
    """Return the path of the answer while columns are taken away or put back."""
    most = max(*found.ordered, *found.chance) or 1.0

    def line(path: Sequence[float]) -> str:
        return " ".join(
            f"{300 * share:.1f},{120 - 112 * value / most:.1f}"
            for share, value in zip(found.shares, path, strict=True)
        )

    return (
        f'<svg viewBox="0 0 300 130" role="img" aria-label="{found.kind} curve">'
        '<line class="zero" x1="0" x2="300" y1="120" y2="120"/>'
        f'<polyline class="chance" points="{line(found.chance)}"/>'
        f'<polyline class="curve" points="{line(found.ordered)}"/></svg>'
        '<div class="ends"><span>no column</span><span>all columns</span></div>'
    )


def partial(curve: Curve) -> str:
    """Return the answers when the column is set to a value: mean, single rows, local effects."""
    known = [i for i, centre in enumerate(curve.centres) if math.isfinite(centre)]
    if not curve.numeric or len(known) < 2:
        return _answers(curve)
    xs = np.array([curve.centres[i] for i in known])
    lines = [np.array([one[i] for i in known]) for one in curve.single]
    mean = np.array([curve.answer[i] for i in known])
    bottom, top = (float(edge) for edge in (np.min([mean, *lines]), np.max([mean, *lines])))
    span = float(np.ptp(xs)) or 1.0

    def points(ys: np.ndarray) -> str:
        ups = 6 + 118 * (top - ys.clip(bottom, top)) / ((top - bottom) or 1)
        across = 300 * (xs - xs[0]) / span
        return " ".join(f"{x:.1f},{y:.1f}" for x, y in zip(across, ups, strict=True))

    thin = "".join(f'<polyline class="thin" points="{points(line)}"/>' for line in lines)
    local = np.array(curve.local)
    dashed = "" if len(local) != len(known) else points(local + mean.mean() - local.mean())
    missing = [i for i, centre in enumerate(curve.centres) if not math.isfinite(centre)]
    told = "".join(f"; missing: {number(curve.answer[i])}" for i in missing)
    return (
        f'<svg viewBox="0 0 300 130" role="img" aria-label="answer by {escape(curve.column)}">'
        f'{thin}<polyline class="chance" points="{dashed}"/>'
        f'<polyline class="curve" points="{points(mean)}"/>'
        f'<text x="2" y="13">{number(top)}</text><text x="2" y="127">{number(bottom)}</text></svg>'
        f'<div class="ends"><span>{escape(curve.labels[known[0]])}</span>'
        f"<span>{escape(curve.labels[known[-1]] + told)}</span></div>"
    )


def _answers(curve: Curve) -> str:
    most = max(map(abs, curve.answer), default=0.0)
    lines = [
        f'<div class="level three"><span title="{escape(label)}">{escape(label)}</span>'
        f"{bar([abs(value)], 0, 0, most, whisker=False)}<span class='num'>{number(value)}</span>"
        "</div>"
        for label, value in zip(curve.labels, curve.answer, strict=True)
    ]
    return "".join(lines)
