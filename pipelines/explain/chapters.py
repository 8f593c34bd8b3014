"""The page's chapters with pictures: the whole, single rows, trust."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from pipelines.explain import drawing
from pipelines.explain.drawing import number
from pipelines.explain.tables import head, interactions, reliance

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pipelines.explain.facts import Curve, Shift, Weight
    from pipelines.explain.report import Report

MOST_WEIGHTS = 15
MOST_SHIFTS = 12


def tabs(key: str, *parts: tuple[str, str]) -> str:
    """Return parts of which one is seen at a time; it takes no script."""
    buttons = "".join(
        f'<input type="radio" name="{key}" id="{key}-{i}"{"" if i else " checked"}>'
        f'<label for="{key}-{i}">{word}</label>'
        for i, (word, _) in enumerate(parts)
    )
    return f'<div class="tabs">{buttons}{"".join(f"<div>{part}</div>" for _, part in parts)}</div>'


def overall(report: Report) -> str:
    """Return what holds over all rows."""
    found, about = report.overall, report.about
    lead = (
        "How far each column moves an answer away from the average, over all rows: the mean size "
        "with its 95 % interval; each dot is one row, to the right it raised the answer."
    )
    curves = {curve.column: curve for curve in found.curves}
    most = max((weight.high for weight in found.weights), default=0.0)
    reach = max((abs(y) for curve in found.curves for _, y in curve.points), default=0.0)
    lines = "".join(
        _weight(weight, curves.get(weight.column), most, reach)
        for weight in found.weights[:MOST_WEIGHTS]
    )
    rest = len(found.weights) - MOST_WEIGHTS
    more = f'<p class="soft">{rest} more columns move less.</p>' if rest > 0 else ""
    shap = f'<div class="weights">{lines}</div>{more}{_key(about.outputs)}'
    chosen = tabs("kind", ("SHAP", shap), ("LIME", _lime(report) + more))
    return (
        f"<section>{head('global', 'Overall', found.status, lead)}{chosen}"
        f"{_multiples(found.curves)}{interactions(report)}{reliance(report)}</section>"
    )


def _lime(report: Report) -> str:
    """Return LIME's weights in the order of SHAP's, so that a look tells them apart."""
    found = report.overall
    status = f'<p class="why">LIME {escape(str(found.lime_status))}</p>'
    if not found.lime:
        return status
    ranks = {weight.column: rank for rank, weight in enumerate(found.lime, 1)}
    known = {weight.column: weight for weight in found.lime}
    order = [weight.column for weight in found.weights] or list(known)
    most = max(weight.high for weight in found.lime)
    lines = "".join(
        _copied(known[column], most, rank, ranks[column])
        for rank, column in enumerate(order[:MOST_WEIGHTS], 1)
    )
    return (
        f'{status}<p class="soft">Mean size of the coefficients of straight-line copies around '
        f'single rows, in the order of SHAP.</p><div class="weights">{lines}</div>'
    )


def _copied(weight: Weight, most: float, rank: int, here: int) -> str:
    parts = [part / len(weight.by_output) for part in weight.by_output]
    moved = "same place" if rank == here else f"place {here} instead of {rank}"
    return (
        f'<div class="weight"><span class="name">{escape(weight.column)}</span>'
        f"{drawing.bar(parts, weight.low, weight.high, most)}"
        f'<span class="num">{number(weight.strength)}</span>'
        f'<span class="swarm"><small>{moved}</small></span></div>'
    )


def _weight(weight: Weight, curve: Curve | None, most: float, reach: float) -> str:
    parts = [part / len(weight.by_output) for part in weight.by_output]
    picture = drawing.swarm(curve, reach) if curve is not None else ""
    return (
        f'<div class="weight"><span class="name">{escape(weight.column)}</span>'
        f"{drawing.bar(parts, weight.low, weight.high, most)}"
        f'<span class="num" title="{weight.share:.1%} of all movement">{number(weight.strength)}'
        f'</span><span class="swarm">{picture}</span></div>'
    )


def _key(outputs: Sequence[str]) -> str:
    words = '<span>value: low<span class="grade"></span>high</span>'
    if len(outputs) > 1:
        words += "".join(
            f'<span><i style="background:{drawing.HUES[i % len(drawing.HUES)]}"></i>'
            f"{escape(name)}</span>"
            for i, name in enumerate(outputs)
        )
    return f'<div class="key">{words}</div>'


def _multiples(curves: Sequence[Curve]) -> str:
    if not curves:
        return ""
    one = escape(curves[0].output)
    moved = (
        '<p class="soft">Line: mean contribution with its 95 % interval; dots: single rows.</p>'
        + _figures([(curve.column, drawing.dependence(curve)) for curve in curves])
    )
    parts = [("Contribution (SHAP)", moved)]
    if any(curve.answer for curve in curves):
        asked = [(c.column, drawing.partial(c)) for c in curves if c.answer]
        told = (
            f'<p class="soft">The answer ({one}) when the column is set to a value: thick, the '
            "mean (PDP); thin, single rows (ICE); dashed, neighbouring values only (ALE).</p>"
        )
        parts.append(("Answer (PDP, ICE, ALE)", told + _figures(asked)))
    return f"<h3>What changes with the value ({one})</h3>{tabs('curves', *parts)}"


def _figures(pairs: Sequence[tuple[str, str]]) -> str:
    figures = "".join(
        f"<figure><figcaption>{escape(name)}</figcaption>{picture}</figure>"
        for name, picture in pairs
    )
    return f'<div class="multiples">{figures}</div>'


def local(report: Report, left: int = 0) -> str:
    """Return the chapter that the script fills with single rows, but for some that are left."""
    found = report.local
    lead = (
        "Choose a row to see what moved its answer. Filled bars are SHAP contributions, which add "
        "up to the answer; the thin bars below are LIME&rsquo;s, a straight-line copy of the "
        "model around the row. Orange raises, blue lowers."
    )
    fit = "" if found.lime_fit is None else f" (R² {found.lime_fit:.2f})"
    status = f'<p class="why">LIME {escape(str(found.lime_status))}{fit}</p>'
    body = (
        '<div id="filters" class="filters"></div><div class="local"><div id="list" class="list">'
        '</div><div id="case"></div></div><noscript><p>Single rows need JavaScript; '
        "report.json holds them all.</p></noscript>"
        if found.cases
        else ""
    )
    more = f'<p class="soft">{left} more rows are in report.json.</p>' if left else ""
    heading = head("local", "Single rows", found.status, lead)
    return f"<section>{heading}{status}{body}{more}</section>"


def trust(report: Report) -> str:
    """Return the checks and the curves of taking columns away."""
    found = report.trust
    lead = "Questions put to the explanation itself."
    lines = "".join(
        f'<div class="check"><span class="{"fine" if one.fine else "bad"}">'
        f"{'✓' if one.fine else '!'}</span><b>{escape(one.name)}</b>"
        f'<span class="num">{number(one.value)}</span><p>{escape(one.words)}</p></div>'
        for one in found.checks
    )
    figures = "".join(
        f"<figure><figcaption>{one.kind.capitalize()}: distance from the row&rsquo;s own answer"
        f"</figcaption>{drawing.removal(one)}</figure>"
        for one in found.removals
    )
    key = (
        '<p class="key"><span>solid: most important first</span><span>dashed: random</span></p>'
        if figures
        else ""
    )
    return (
        f"<section>{head('trust', 'Trust', found.status, lead)}{lines}"
        f'<div class="multiples">{figures}</div>{key}</section>'
    )


def comparison(report: Report) -> str:
    """Return how the version differs from the one in production; nothing where there is none."""
    found, status = report.comparison, report.comparison_status
    if found is None:
        return ""
    lead = (
        "What moved between the two on the same rows, as shares of all movement, against what "
        "retraining the same recipe does anyway."
    )
    most = max((max(one.before, one.after) for one in found.shifts), default=0.0)
    lines = "".join(_shift(one, most) for one in found.shifts[:MOST_SHIFTS])
    beyond = [
        f"{word}: {', '.join(names)}"
        for word, names in (
            ("new among the strongest", found.entered_top),
            ("no longer among them", found.left_top),
            ("columns only here", found.new_columns),
            ("columns only there", found.lost_columns),
        )
        if names
    ]
    more = f'<p class="soft">{escape("; ".join(beyond))}</p>' if beyond else ""
    return (
        f"<section>{head('comparison', f'Against {found.against}', status, lead)}"
        f'<p class="verdict">{escape(found.words)}</p>'
        '<div class="scroll"><table><tr><th>column</th><th class="num">before</th>'
        f'<th class="num">now</th><th>change</th></tr>{lines}</table></div>{more}</section>'
    )


def _shift(one: Shift, most: float) -> str:
    turned = " (turned round)" if one.sign_changed else ""
    return (
        f"<tr><td>{escape(one.column)}{turned}</td>"
        f'<td class="num">{one.before:.1%}</td><td class="num">{one.after:.1%}</td>'
        f'<td class="plot">{drawing.diverging(one.change, most)}</td></tr>'
    )
