"""The page's part on drift: small pictures of what changes along the rows, and between tables."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Any

from pipelines.profile import drift

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pipelines.profile.facts import Profile

WIDTH, HEIGHT = 220, 40
MOST = 24


def sections(profile: Profile) -> str:
    """Return what changes along the rows and along dates, and against another table."""
    return _orders(profile) + _against(profile)


def number(value: object) -> str:
    """Return a number or a date as short text.

    >>> number(12345.678), number(0.25), number("2024-01-31")
    ('12,346', '0.25', '2024-01-31')
    """
    if not isinstance(value, float):
        return escape(str(value))
    return f"{value:,.0f}" if 1e4 <= abs(value) < 1e9 else f"{value:.4g}"


def _orders(profile: Profile) -> str:
    told = ""
    for order in profile.table.get("drift", []):
        names = [name for name in drift.moved(order["columns"]) if name != order["along"]]
        along = order["along"]
        title = "From the first rows to the last" if along == "row order" else f"Along {along}"
        if not names:
            told += f"<h3>{escape(title)}</h3><p class=quiet>Nothing changes beyond chance.</p>"
            continue
        rows = "".join(_course(name, order["columns"][name]) for name in names[:MOST])
        more = len(names) - MOST
        rest = f"<p class=quiet>and {more:,} more columns</p>" if more > 0 else ""
        told += f"<h3>{escape(title)}</h3><div class=cards>{rows}</div>{rest}"
    if not told:
        return ""
    head = "Drift <small>in 20 equal parts of the rows; strength from 0 to 1</small>"
    return f"<section><h2>{head}</h2>{told}</section>"


def _course(name: str, found: Mapping[str, Any]) -> str:
    course = found.get("course", {})
    line = f"<b>{abs(found['value']):.2f}</b>, {escape(course.get('what', ''))}"
    picture = _line(course.get("at", ()), name)
    ends = ""
    if course.get("first"):
        first, last = number(course["first"][0]), number(course["last"][0])
        ends = f"<p class=scale><span>{first}</span><span>{last}</span></p>"
    return f"<article><h3>{escape(name)}</h3><p class=quiet>{line}</p>{picture}{ends}</article>"


def _line(values: Sequence[float | None], name: str) -> str:
    """Draw values as a line from left to right; where nothing is known it has a gap."""
    known = [value for value in values if value is not None]
    if len(known) < 2:
        return ""
    low, size = min(known), (max(known) - min(known)) or 1.0
    step, path, pen = WIDTH / (len(values) - 1), "", "M"
    for place, value in enumerate(values):
        if value is None:
            pen = "M"
            continue
        path += f"{pen}{place * step:.1f} {HEIGHT - 2 - (HEIGHT - 4) * (value - low) / size:.1f}"
        pen = "L"
    return (
        f"<svg class=course viewBox='0 0 {WIDTH} {HEIGHT}' role=img preserveAspectRatio=none "
        f"aria-label='course of {escape(name, quote=True)}'><path d='{path}'/></svg>"
    )


def _against(profile: Profile) -> str:
    other = profile.table.get("against")
    if not other:
        return ""
    limit = drift.SURE / max(len(other["columns"]), 1)
    sure = {n: c for n, c in other["columns"].items() if c["p_value"] < limit}
    cards = "".join(_pair(name, column) for name, column in list(sure.items())[:MOST])
    calm = [name for name in other["columns"] if name not in sure]
    told = f"<div class=cards>{cards}</div>" if cards else ""
    if calm:
        names = ", ".join(f"<code>{escape(name)}</code>" for name in calm[:60])
        told += f"<p class=quiet>No difference beyond chance: {names}</p>"
    title = f"Against {escape(other['name'])} <small>{other['rows']:,} rows; strength is the "
    return (
        f"<section><h2>{title}greatest difference of probability</small></h2>"
        f"<p class=key><i></i>{escape(profile.name)} <i class=other></i>{escape(other['name'])}"
        f"</p>{told}</section>"
    )


def _pair(name: str, column: Mapping[str, Any]) -> str:
    left, right = (f"{100 * share:.3g} %" for share in column["missing"])
    told = f"<b>{column['value']:.2f}</b>"
    if "middle" in column:
        told += f", median {number(column['middle'][0])} and {number(column['middle'][1])}"
    if any(column["missing"]):
        told += f", missing {left} and {right}"
    picture = ""
    if "levels" in column:
        picture = _levels(column)
    elif "shares" in column:
        first, last = map(number, column["ends"])
        picture = _two(column["shares"], name)
        picture += f"<p class=scale><span>{first}</span><span>{last}</span></p>"
    return f"<article><h3>{escape(name)}</h3><p class=quiet>{told}</p>{picture}</article>"


def _two(shares: Sequence[Sequence[float]], name: str) -> str:
    """Draw two histograms over each other: one filled, one as an outline."""
    most = max(*shares[0], *shares[1], 1e-9)
    step = WIDTH / len(shares[0])
    tops = [[HEIGHT - (HEIGHT - 2) * share / most for share in side] for side in shares]
    filled = "".join(
        f"M{place * step:.1f} {HEIGHT}V{top:.1f}h{step:.1f}V{HEIGHT}z"
        for place, top in enumerate(tops[0])
    )
    outline = f"M0 {HEIGHT}" + "".join(f"V{top:.1f}h{step:.1f}" for top in tops[1])
    return (
        f"<svg viewBox='0 0 {WIDTH} {HEIGHT}' role=img preserveAspectRatio=none "
        f"aria-label='both histograms of {escape(name, quote=True)}'>"
        f"<path class=first d='{filled}'/><path class=other d='{outline}'/></svg>"
    )


def _levels(column: Mapping[str, Any]) -> str:
    lines = ""
    for level, *both in zip(column["levels"], *column["shares"], strict=True):
        one, two = (100 * share for share in both)
        lines += (
            f"<li><i style='width:{one:.1f}%'></i><b style='left:{min(two, 99.5):.1f}%'></b>"
            f"<span>{escape(level)}</span><span>{one:.3g} % and {two:.3g} %</span></li>"
        )
    return f"<ul class=levels>{lines}</ul>"
