"""The report as one HTML file that needs nothing else, and as JSON and pictures in a folder."""

from __future__ import annotations

import json
import math
from html import escape
from importlib import resources
from typing import TYPE_CHECKING

from pipelines.explain import drawing, pictures
from pipelines.explain.drawing import number, signed

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from pipelines.explain.facts import Curve, Group, Status, Weight
    from pipelines.explain.report import Report

MOST_WEIGHTS = 15
POLICY = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:"


def write(report: Report, folder: Path, *, title: str = "") -> list[Path]:
    """Write ``report.json``, ``report.html`` and three pictures; return their paths."""
    folder.mkdir(parents=True, exist_ok=True)
    told = json.dumps(report.to_dict(), allow_nan=False, ensure_ascii=False)
    (folder / "report.json").write_text(told, encoding="utf-8")
    (folder / "report.html").write_text(render(report, title=title), encoding="utf-8")
    return [folder / "report.json", folder / "report.html", *pictures.write(report, folder)]


def render(report: Report, *, title: str = "") -> str:
    """Return the whole page: styles, script, pictures and data inline."""
    heading = title or f"Why this {report.about.task} model answers as it does"
    body = "".join(
        [
            _header(report, heading),
            _cards(report),
            _overall(report),
            _local(report),
            _cohorts(report),
            _trust(report),
            _about(report),
        ]
    )
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">'
        f'<link rel="icon" href="data:,"><title>{escape(heading)}</title>'
        f"<style>{_asset('page.css')}</style></head><body><main>{body}</main>"
        f'<script type="application/json" id="cases">{_cases(report)}</script>'
        f"<script>{_asset('page.js')}</script></body></html>"
    )


def _asset(name: str) -> str:
    return resources.files("pipelines.explain").joinpath(name).read_text(encoding="utf-8")


def _cases(report: Report) -> str:
    """Return what the script needs, safe inside a script element."""
    told = report.to_dict()
    about = told["about"]
    data = {
        **{key: about[key] for key in ("columns", "outputs", "unit", "base", "task")},
        "cases": told["local"]["cases"],
    }
    text = json.dumps(data, allow_nan=False, ensure_ascii=False, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")


def _header(report: Report, heading: str) -> str:
    about = report.about
    labels = "with their true outcome" if about.labelled else "without outcomes"
    links = "".join(
        f'<a href="#{key}">{word}</a>'
        for key, word in (
            ("global", "Overall"),
            ("local", "Single rows"),
            ("cohort", "Groups"),
            ("trust", "Trust"),
            ("about", "About"),
        )
    )
    return (
        f'<h1>{escape(heading)}</h1><p class="soft">{about.rows:,} rows {labels}, measured '
        f"against {about.background:,} background rows. Contributions are in "
        f"{escape(about.unit)}, for the {len(about.columns)} columns as they came in.</p>"
        f"<nav>{links}</nav>"
    )


def _cards(report: Report) -> str:
    top = report.overall.weights[:3]
    moves = ", ".join(weight.column for weight in top) or "not measured"
    share = sum(weight.share for weight in top)
    slices = report.cohorts.slices
    worst = slices[0].condition if slices else "No slice stands out"
    told = (
        f"{slices[0].rows:,} rows, {report.cohorts.loss} {number(slices[0].loss)} "
        f"({signed(slices[0].gap)} against the rest)"
        if slices
        else str(report.cohorts.slices_status)
    )
    doubts = [check.name for check in report.trust.checks if not check.fine]
    many = len(report.trust.checks)
    verdict = f"{many - len(doubts)} of {many} checks fine"
    cards = (
        ("What moves it", moves, f"together {share:.0%} of all movement" if top else ""),
        ("Where it errs most", worst, told),
        (
            "Can this be trusted",
            verdict,
            "look at: " + ", ".join(doubts) if doubts else "see below",
        ),
    )
    return (
        '<div class="cards">'
        + "".join(
            f'<div class="card"><span class="eyebrow">{word}</span>'
            f'<b class="big">{escape(big)}</b>'
            f"<small>{escape(small)}</small></div>"
            for word, big, small in cards
        )
        + "</div>"
    )


def _head(key: str, word: str, status: Status, lead: str) -> str:
    return (
        f'<div class="head" id="{key}"><h2>{word}</h2>{_pill(status)}</div>'
        f'<p class="why">{escape(str(status))}</p><p>{lead}</p>'
    )


def _pill(status: Status) -> str:
    return f'<span class="pill {status.extent}">{status.extent}</span>'


def _sub(word: str, status: Status) -> str:
    return f'<h3>{word} {_pill(status)}</h3><p class="why">{escape(str(status))}</p>'


def _overall(report: Report) -> str:
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
    lines += f'<p class="soft">{rest} more columns move less.</p>' if rest > 0 else ""
    return (
        f"<section>{_head('global', 'Overall', found.status, lead)}"
        f'<div class="weights">{lines}</div>{_key(about.outputs)}'
        f"{_multiples(found.curves)}{_interactions(report)}{_reliance(report)}</section>"
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
    figures = "".join(
        f"<figure><figcaption>{escape(curve.column)}</figcaption>{drawing.dependence(curve)}"
        "</figure>"
        for curve in curves
    )
    one = escape(curves[0].output)
    return (
        f"<h3>How the contribution changes with the value ({one})</h3>"
        '<p class="soft">Line: mean contribution with its 95 % interval; dots: single rows.</p>'
        f'<div class="multiples">{figures}</div>'
    )


def _interactions(report: Report) -> str:
    found = report.overall
    if not found.interactions:
        return ""
    lines = "".join(
        f"<tr><td>{escape(one.first)} &times; {escape(one.second)}</td>"
        f'<td class="num">{number(one.strength)}</td><td class="num">{one.share:.0%}</td></tr>'
        for one in found.interactions
    )
    return (
        f"{_sub('What columns do together', found.interactions_status)}<table><tr><th>pair</th>"
        f'<th class="num">strength</th><th class="num">of their movement</th></tr>{lines}'
        "</table>"
    )


def _reliance(report: Report) -> str:
    found = report.overall
    heading = _sub("What the model cannot do without", found.reliance_status)
    if not found.reliance:
        return heading
    reach = _reach([one.low for one in found.reliance], [one.high for one in found.reliance])
    lines = "".join(
        f"<tr><td>{escape(one.column)}</td>"
        f'<td class="plot">{drawing.interval(one.rise, one.low, one.high, reach)}</td>'
        f'<td class="num">{signed(one.rise)}</td>'
        f'<td class="num{" bad" if one.p_holm < 0.05 else ""}">{_p(one.p_holm)}</td></tr>'
        for one in found.reliance[:MOST_WEIGHTS]
    )
    word = escape(report.cohorts.loss)
    return (
        f'{heading}<div class="scroll"><table><tr><th>column</th><th>rise of the {word}, 95 %</th>'
        f'<th class="num">rise</th><th class="num">p (Holm)</th></tr>{lines}</table></div>'
    )


def _p(value: float) -> str:
    return "&lt; .001" if value < 0.001 else f"{value:.3f}".lstrip("0")


def _reach(lows: Sequence[float], highs: Sequence[float]) -> tuple[float, float]:
    known = [value for value in (*lows, *highs) if math.isfinite(value)]
    return min(0.0, *known), max(0.0, *known)


def _local(report: Report) -> str:
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
    return f"<section>{_head('local', 'Single rows', found.status, lead)}{status}{body}</section>"


def _cohorts(report: Report) -> str:
    found = report.cohorts
    lead = f"How the {escape(found.loss)} differs between groups of rows, and where it is worst."
    slices = "".join(_slice(one, found.loss) for one in found.slices)
    if not slices and found.slices_status.extent != "skipped":
        slices = (
            '<p class="fine">No slice is worse than the rest on rows it was not chosen on.</p>'
        )
    return (
        f"<section>{_head('cohort', 'Groups', found.status, lead)}"
        f"{_sub('Slices found by searching', found.slices_status)}{slices}"
        f"<h3>Groups by column</h3>{_groups(report)}</section>"
    )


def _slice(one: Group, loss: str) -> str:
    drivers = ", ".join(
        f"{driver.column} ({number(driver.here)} here, {number(driver.elsewhere)} elsewhere)"
        for driver in one.drivers
    )
    told = (
        f"{one.rows:,} rows ({one.share:.0%}), {loss} {number(one.loss)} "
        f"[{number(one.low)}, {number(one.high)}], {signed(one.gap)} against the rest, "
    )
    extra = f"<br><small>What moves answers here: {escape(drivers)}.</small>" if drivers else ""
    return (
        f'<div class="slice"><b>{escape(one.condition)}</b><br>{escape(told)}'
        f"p {_p(one.p_holm)}{extra}</div>"
    )


def _groups(report: Report) -> str:
    groups = report.cohorts.groups
    if not groups:
        return '<p class="soft">No column was named.</p>'
    reach = _reach([one.gap_low for one in groups], [one.gap_high for one in groups])
    lines, before = [], ""
    for one in groups:
        first = ' class="group"' if one.column != before else ""
        before = one.column
        outcome = "" if one.outcome is None else number(one.outcome)
        picture = drawing.interval(one.gap, one.gap_low, one.gap_high, reach)
        driver = one.drivers[0].column if one.drivers else ""
        lines.append(
            f"<tr{first}><td>{escape(one.condition)}</td><td class='num'>{one.rows:,}</td>"
            f"<td class='num'>{number(one.loss)}</td><td class='plot'>{picture}</td>"
            f"<td class='num{' bad' if one.p_holm < 0.05 and one.gap > 0 else ''}'>"
            f"{_p(one.p_holm)}</td><td class='num wide'>{outcome}</td>"
            f"<td class='num wide'>{number(one.answer)}</td>"
            f"<td class='wide'>{escape(driver)}</td></tr>"
        )
    return (
        '<div class="scroll"><table><tr><th>group</th><th class="num">rows</th><th class="num">'
        f'{escape(report.cohorts.loss)}</th><th>gap to the rest, 95 %</th><th class="num">p (Holm)'
        '</th><th class="num wide">outcome</th><th class="num wide">answer</th>'
        f'<th class="wide">moved most differently</th></tr>{"".join(lines)}</table></div>'
    )


def _trust(report: Report) -> str:
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
        f"<section>{_head('trust', 'Trust', found.status, lead)}{lines}"
        f'<div class="multiples">{figures}</div>{key}</section>'
    )


def _about(report: Report) -> str:
    about = report.about
    facts = {
        "Method": about.method,
        "Faster methods that did not apply": "; ".join(about.refused) or "none was refused",
        "Average answer": ", ".join(number(base) for base in about.base) or "-",
        "Seconds": ", ".join(f"{name} {value:.2g}" for name, value in about.seconds.items()),
        "Budget and seed": f"{about.budget:g} s, seed {about.seed}",
        **{f"{name.capitalize()}": str(status) for name, status in report.statuses.items()},
        "Schema": f"report.json, version {report.schema}",
    }
    lines = "".join(f"<dt>{escape(k)}</dt><dd>{escape(v)}</dd>" for k, v in facts.items())
    return (
        '<section><div class="head" id="about"><h2>About this report</h2></div>'
        f"<dl>{lines}</dl></section>"
    )
