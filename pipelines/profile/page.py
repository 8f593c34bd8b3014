"""The page: a profile as one offline HTML file, findings first.

Everything is inline: the style, and the pictures as SVG that is drawn in the text's own colour, so
that light and dark need no second set. There is no script.
"""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from pipelines.dataset import Kind
from pipelines.profile.drift_page import number, sections
from pipelines.profile.facts import Severity
from pipelines.profile.found import percent
from pipelines.profile.style import STYLE

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from pipelines.profile.facts import Column, Finding, Profile

WIDTH, HEIGHT = 220, 56
MOST_COLUMNS = 200
SAYS = {
    Severity.STOP: "stops the run",
    Severity.CHANGE: "changes the plan",
    Severity.ADVICE: "advice",
}


def render(profile: Profile) -> str:
    """Return the profile as one self-contained HTML page."""
    parts = [
        _head(profile),
        _findings(profile),
        _columns(profile),
        _target(profile),
        _together(profile),
        sections(profile),
        _conversions(profile),
    ]
    title = escape(f"Profile of {profile.name}")
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{title}</title><style>{STYLE}</style></head><body><main>"
        f"{''.join(parts)}</main></body></html>\n"
    )


def _head(profile: Profile) -> str:
    gone = sum(column.missing for column in profile.columns)
    cells = max(profile.rows * len(profile.columns), 1)
    facts = [
        ("rows", f"{profile.rows:,}"),
        ("columns", f"{len(profile.columns):,}"),
        ("missing cells", percent(gone / cells)),
        ("duplicate rows", f"{profile.table.get('duplicates', {}).get('rows', 0):,}"),
        ("task", str(profile.task)),
        ("target", profile.target or "none"),
    ]
    tiles = "".join(f"<div><dt>{k}</dt><dd>{escape(v)}</dd></div>" for k, v in facts)
    return (
        f"<header><h1>{escape(profile.name)}</h1><dl class=tiles>{tiles}</dl>"
        f"<p class=quiet>{_how_much(profile)}digest <code>{escape(profile.digest[:16])}</code></p>"
        "</header>"
    )


def _how_much(profile: Profile) -> str:
    sampled = profile.table.get("sampled")
    compared = profile.table.get("compared")
    told = f"{profile.table['drawn']['said']} " if "drawn" in profile.table else ""
    if sampled:
        told += (
            f"Looked at a random sample of {sampled['rows']:,} of {sampled['of']:,} rows "
            f"(seed {sampled['seed']}); missing values and classes are those of all rows. "
        )
    if compared:
        told += f"Columns were compared with each other on {compared['rows']:,} random rows. "
    return told


def _findings(profile: Profile) -> str:
    if not profile.findings:
        return "<section><h2>Findings</h2><p>None: every check is content.</p></section>"
    order = list(Severity)
    ranked = sorted(profile.findings, key=lambda finding: order.index(finding.severity))
    counted = ", ".join(
        f"{sum(f.severity is severity for f in ranked)} {severity}"
        for severity in order
        if any(f.severity is severity for f in ranked)
    )
    rows = "".join(_finding(finding, profile) for finding in ranked)
    return f"<section><h2>Findings <small>{counted}</small></h2>{rows}</section>"


def _finding(finding: Finding, profile: Profile) -> str:
    left = [name for name in finding.drops if name not in profile.kept]
    out = f"<p class=out>Left out: {_names(left)}</p>" if left else ""
    return (
        f"<article class={finding.severity}><h3><code>{finding.code}</code> "
        f"{escape(finding.title)} <em>{SAYS[finding.severity]}</em></h3>"
        f"<p>{escape(finding.reason)}</p><p>{escape(finding.remedy)}</p>{out}</article>"
    )


def _names(names: Iterable[str]) -> str:
    return ", ".join(f"<code>{escape(name)}</code>" for name in names)


def _columns(profile: Profile) -> str:
    shown = profile.columns[:MOST_COLUMNS]
    more = len(profile.columns) - len(shown)
    note = f"<p class=quiet>{more:,} more columns are in profile.json.</p>" if more else ""
    cards = "".join(_card(column, profile) for column in shown)
    return f"<section><h2>Columns</h2><div class=cards>{cards}</div>{note}</section>"


def _card(column: Column, profile: Profile) -> str:
    finding = profile.drops.get(column.name)
    marks = f"<b class=tag>{column.kind}</b>"
    if column.name == profile.target:
        marks += "<b class=tag>target</b>"
    if finding:
        marks += f"<b class='tag gone'>left out, {finding.code}</b>"
    share = percent(column.missing / profile.rows) if profile.rows else "0 %"
    missing = f"{share} missing" if column.missing else "none missing"
    return (
        f"<article><h3>{escape(column.name)}</h3><p>{marks}</p>{_picture(column)}"
        f"<p class=quiet>{column.distinct:,} different, {missing}</p>"
        f"{_numbers(column)}{_association(column)}{_examples(column)}</article>"
    )


def _picture(column: Column) -> str:
    if "histogram" in column.numbers and column.distinct > 1:
        ends = (column.numbers["min"], column.numbers["max"])
        return bars(column.numbers["histogram"]["counts"], column.name, ends)
    top = column.numbers.get("top")
    if not top or column.kind in {Kind.ID, Kind.TEXT}:
        return ""
    other = int(column.numbers.get("other", 0))
    total = sum(rows for _, rows in top) + other
    lines = "".join(_level(text, rows, total) for text, rows in top[:6])
    rest = total - sum(rows for _, rows in top[:6])
    return f"<ul class=levels>{lines}{_level('others', rest, total) if rest else ''}</ul>"


def _level(text: str, rows: int, total: int) -> str:
    share = rows / max(total, 1)
    return (
        f"<li><i style='width:{100 * share:.1f}%'></i><span>{escape(str(text))}</span>"
        f"<span>{percent(share)}</span></li>"
    )


def bars(counts: Sequence[int], name: str, ends: tuple[object, object]) -> str:
    """Return a histogram as an inline SVG, with its least and greatest value below.

    >>> bars([1, 3], "x", (0.0, 2.0)).count("M")
    2
    """
    step, most = WIDTH / len(counts), max(*counts, 1)
    path = ""
    for place, count in enumerate(counts):
        high = max(HEIGHT * count / most, 1 if count else 0)
        path += f"M{place * step:.1f} {HEIGHT}v-{high:.1f}h{max(step - 1, 1):.1f}v{high:.1f}z"
    first, last = number(ends[0]), number(ends[1])
    return (
        f"<svg viewBox='0 0 {WIDTH} {HEIGHT}' role=img aria-label='histogram of "
        f"{escape(name, quote=True)} from {first} to {last}' preserveAspectRatio=none>"
        f"<path d='{path}'/></svg><p class=scale><span>{first}</span><span>{last}</span></p>"
    )


def _numbers(column: Column) -> str:
    names = ("mean", "std", "median", "outliers", "infinite")
    told = [
        f"{name} {number(float(value)) if name != 'outliers' else format(value, ',')}"
        for name in names
        if (value := column.numbers.get(name)) and isinstance(value, float | int)
    ]
    return f"<p class=quiet>{', '.join(told)}</p>" if told else ""


def _association(column: Column) -> str:
    told = column.association
    if not told:
        return ""
    p = told["p_value"]
    chance = "p below 0.0001" if p < 0.0001 else f"p {p:.2g}"
    return (
        f"<p class=quiet>target: {escape(told['measure'])} <b>{told['value']:.2f}</b> "
        f"({escape(told['test'])}, {chance})</p>"
    )


def _examples(column: Column) -> str:
    if column.kind not in {Kind.TEXT, Kind.ID, Kind.DATE} or not column.examples:
        return ""
    return f"<p class=quiet>as {_names(column.examples[:3])}</p>"


def _target(profile: Profile) -> str:
    known = [c for c in profile.columns if c.association]
    if not known:
        return ""
    known.sort(key=lambda column: -column.association.get("information", 0))
    lines = "".join(
        f"<li><i style='width:{100 * c.association.get('information', 0):.1f}%'></i>"
        f"<span>{escape(c.name)}</span><span>{c.association.get('information', 0):.3f}</span></li>"
        for c in known[:15]
    )
    return (
        f"<section><h2>What tells {escape(str(profile.target))} "
        "<small>share of its information, each column alone</small></h2>"
        f"<ul class='levels wide'>{lines}</ul></section>"
    )


def _together(profile: Profile) -> str:
    clusters = profile.table.get("correlations", {}).get("clusters", [])
    patterns = [p for p in profile.table.get("missing", []) if p["missing"]]
    if not clusters and not patterns:
        return ""
    moved = "".join(f"<li>{_names(cluster)}</li>" for cluster in clusters[:20])
    gone = "".join(
        f"<li>{percent(p['share'])} of rows: {_names(p['missing'][:12])}</li>" for p in patterns
    )
    told = (
        f"<h3>Move together (rank correlation 0.8 and more)</h3><ul>{moved}</ul>" if moved else ""
    )
    told += f"<h3>Missing together</h3><ul>{gone}</ul>" if gone else ""
    return f"<section><h2>Columns with each other</h2>{told}</section>"


def _conversions(profile: Profile) -> str:
    if not profile.conversions:
        return ""
    lines = "".join(
        f"<li><code>{escape(c.column)}</code>: {escape(c.before)} &rarr; {escape(c.after)}, "
        f"{escape(c.reason)}</li>"
        for c in profile.conversions[:200]
    )
    return f"<section><h2>What the reader changed</h2><ul>{lines}</ul></section>"
