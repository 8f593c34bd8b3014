"""A sheet with two axes, drawn on in the units of the data, written as one SVG file."""

from __future__ import annotations

import math
from html import escape
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

Array: TypeAlias = np.ndarray[Any, Any]

HUES = ("#0f766e", "#c2410c", "#1d6fb8", "#a16207", "#7c3aed", "#be185d", "#4d7c0f", "#475569")
LEFT, RIGHT, TOP, BOTTOM = 70, 16, 34, 46
INK, FAINT = "#1f2937", "#d1d5db"
MOST_POINTS = 400


class Sheet:
    """One chart. What lies outside of its reach is moved to its edge."""

    def __init__(
        self,
        title: str,
        across: tuple[str, float, float],
        up: tuple[str, float, float],
        *,
        width: int = 560,
        height: int = 380,
        aside: int = 0,
    ) -> None:
        self._right = RIGHT + aside
        self.width, self.height, self._title = width, height, title
        self._across, self._up = _wide(across), _wide(up)
        self._parts: list[str] = []
        self._legend: list[tuple[str, str]] = []

    def x(self, value: float) -> float:
        """Return where a value lies across."""
        _, low, high = self._across
        share = (min(max(value, low), high) - low) / (high - low)
        return LEFT + share * (self.width - LEFT - self._right)

    def y(self, value: float) -> float:
        """Return where a value lies, from the top."""
        _, low, high = self._up
        share = (min(max(value, low), high) - low) / (high - low)
        return self.height - BOTTOM - share * (self.height - TOP - BOTTOM)

    def line(
        self, xs: Array, ys: Array, hue: str, label: str = "", *, dashed: bool = False
    ) -> None:
        """Draw a line through points; of many, enough to look the same."""
        keep = _some(len(xs))
        points = " ".join(
            f"{self.x(a):.1f},{self.y(b):.1f}" for a, b in zip(xs[keep], ys[keep], strict=True)
        )
        style = ' stroke-dasharray="4 4"' if dashed else ' stroke-width="2"'
        self._parts.append(f'<polyline points="{points}" fill="none" stroke="{hue}"{style}/>')
        self._note(hue, label)

    def dots(self, xs: Array, ys: Array, hue: str, label: str = "", size: float = 2.5) -> None:
        """Draw points."""
        self._parts.extend(
            f'<circle cx="{self.x(a):.1f}" cy="{self.y(b):.1f}" r="{size}" fill="{hue}" '
            'fill-opacity="0.55"/>'
            for a, b in zip(xs, ys, strict=True)
        )
        self._note(hue, label)

    def bar(self, place: tuple[float, float], reach: tuple[float, float], hue: str) -> None:
        """Draw a bar from one value to another, between two heights."""
        left, right = sorted(self.x(each) for each in reach)
        top, bottom = sorted(self.y(each) for each in place)
        self._parts.append(
            f'<rect x="{left:.1f}" y="{top:.1f}" width="{right - left:.1f}" '
            f'height="{bottom - top:.1f}" fill="{hue}"/>'
        )

    def cell(self, place: tuple[float, float, float], hue: str) -> None:
        """Draw a square at a place of the sheet: left, top, side."""
        left, top, side = place
        self._parts.append(
            f'<rect x="{left:.1f}" y="{top:.1f}" width="{side:.1f}" height="{side:.1f}" '
            f'fill="{hue}"/>'
        )

    def text(
        self, x: float, y: float, words: str, *, anchor: str = "start", hue: str = INK
    ) -> None:
        """Write words at a place of the data."""
        self.write((self.x(x), self.y(y) + 4), words, anchor, hue)

    def write(
        self, place: tuple[float, float], words: str, anchor: str = "start", hue: str = INK
    ) -> None:
        """Write words at a place of the sheet."""
        self._parts.append(
            f'<text x="{place[0]:.1f}" y="{place[1]:.1f}" text-anchor="{anchor}" '
            f'fill="{hue}">{escape(words)}</text>'
        )

    def svg(self, *, ticks: bool = True) -> str:
        """Return the file."""
        frame = self._axes() if ticks else ""
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {self.width} {self.height}" '
            f'width="{self.width}" height="{self.height}" font-family="system-ui, sans-serif" '
            f'font-size="12" role="img" aria-label="{escape(self._title)}">'
            f'<rect width="100%" height="100%" fill="#ffffff"/>'
            f'<text x="{LEFT if ticks else 12}" y="20" font-size="14" font-weight="600" '
            f'fill="{INK}">{escape(self._title)}</text>'
            f"{frame}{''.join(self._parts)}{self._key()}</svg>\n"
        )

    def _note(self, hue: str, label: str) -> None:
        if label:
            self._legend.append((hue, label))

    def _axes(self) -> str:
        bottom, right = self.height - BOTTOM, self.width - self._right
        told = []
        for value in ticks_of(*self._across[1:]):
            x = self.x(value)
            told.append(
                f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{TOP}" y2="{bottom}" stroke="{FAINT}" '
                f'stroke-width="0.5"/><text x="{x:.1f}" y="{bottom + 16}" text-anchor="middle" '
                f'fill="{INK}">{number(value)}</text>'
            )
        for value in ticks_of(*self._up[1:]):
            y = self.y(value)
            told.append(
                f'<line x1="{LEFT}" x2="{right}" y1="{y:.1f}" y2="{y:.1f}" stroke="{FAINT}" '
                f'stroke-width="0.5"/><text x="{LEFT - 6}" y="{y + 4:.1f}" text-anchor="end" '
                f'fill="{INK}">{number(value)}</text>'
            )
        middle = (TOP + bottom) / 2
        told.append(
            f'<text x="{(LEFT + right) / 2}" y="{self.height - 10}" text-anchor="middle" '
            f'fill="{INK}">{escape(self._across[0])}</text>'
            f'<text x="14" y="{middle}" text-anchor="middle" fill="{INK}" '
            f'transform="rotate(-90 14 {middle})">{escape(self._up[0])}</text>'
        )
        return "".join(told)

    def _key(self) -> str:
        """Draw the legend on the right: beside the chart, or below where it mostly has room."""
        lines = []
        longest = max((len(label) for _, label in self._legend), default=0)
        left: float = self.width - RIGHT - 26 - 6.6 * longest
        top: float = self.height - BOTTOM - 10 - 16 * len(self._legend)
        if self._right > RIGHT:
            left, top = self.width - self._right + 14.0, float(TOP)
        if self._legend:
            lines.append(
                f'<rect x="{left - 6:.1f}" y="{top - 2:.1f}" width="{6.6 * longest + 28:.1f}" '
                f'height="{16 * len(self._legend) + 6}" fill="#ffffff" fill-opacity="0.85"/>'
            )
        for place, (hue, label) in enumerate(self._legend):
            y = top + 12 + 16 * place
            lines.append(
                f'<rect x="{left:.1f}" y="{y - 8:.1f}" width="12" height="8" fill="{hue}"/>'
                f'<text x="{left + 18:.1f}" y="{y:.1f}" fill="{INK}">{escape(label)}</text>'
            )
        return "".join(lines)


def ticks_of(low: float, high: float) -> list[float]:
    """Return round numbers between two others, four to eight of them.

    >>> ticks_of(0, 1)
    [0.0, 0.2, 0.4, 0.6, 0.8, 1.0]
    """
    rough = (high - low) / 5
    power = 10.0 ** math.floor(math.log10(rough))
    step = min((f * power for f in (1, 2, 2.5, 5, 10)), key=lambda each: abs(each - rough))
    first = math.ceil(low / step - 1e-9)
    last = math.floor(high / step + 1e-9)
    return [round(place * step, 12) for place in range(first, last + 1)]


def number(value: float) -> str:
    """Return a number as short as an axis needs it.

    >>> number(0.30000000000000004), number(25000.0), number(3e7)
    ('0.3', '25k', '30M')
    """
    for size, sign in ((1e9, "G"), (1e6, "M"), (1e4, "k")):
        if abs(value) >= size and abs(value) < 1e12:
            return f"{value / (1000 if sign == 'k' else size):.6g}{sign}"
    return f"{value:.3g}" if value and not 1e-3 <= abs(value) < 1e4 else f"{value:.6g}"


def shortened(words: object, most: int = 16) -> str:
    """Return words that fit beside a chart.

    >>> shortened("a name that is far too long", 10)
    'a name th…'
    """
    text = str(words)
    return text if len(text) <= most else text[: most - 1] + "…"


def reach(values: Iterable[float], *, edge: float = 0.0) -> tuple[float, float]:
    """Return the least and the greatest finite value, but for a share at both edges."""
    known = np.array([value for value in values if math.isfinite(value)])
    if not len(known):
        return 0.0, 1.0
    low, high = (float(each) for each in np.quantile(known, [edge, 1 - edge]))
    return low, high


def _wide(axis: tuple[str, float, float]) -> tuple[str, float, float]:
    """Return an axis that has some length."""
    words, low, high = axis
    if high > low:
        return axis
    room = abs(low) * 0.1 or 1.0
    return words, low - room, high + room


def _some(count: int) -> Array | slice:
    if count <= MOST_POINTS:
        return slice(None)
    return np.unique(np.linspace(0, count - 1, MOST_POINTS).astype(int))


def mixed(share: float, colours: Sequence[str] = ("#cbd5e1", "#0f766e")) -> str:
    """Return a colour between two.

    >>> mixed(0.0), mixed(1.0)
    ('#cbd5e1', '#0f766e')
    """
    pairs = [[int(colour[at : at + 2], 16) for at in (1, 3, 5)] for colour in colours]
    levels = (round(a + (b - a) * share) for a, b in zip(*pairs, strict=True))
    return "#" + "".join(f"{level:02x}" for level in levels)
