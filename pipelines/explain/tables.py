"""The page's headings and tables: pairs of columns, importance, groups, slices, treatment."""

from __future__ import annotations

import math
from html import escape
from typing import TYPE_CHECKING

from pipelines.explain import drawing
from pipelines.explain.drawing import number, signed
from pipelines.task import Task

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pipelines.explain.facts import Difference, Driver, Group, Status, Treatment
    from pipelines.explain.report import Report

MOST_LINES = 15
MOST_CLUSTERS = 10


def head(key: str, word: str, status: Status, lead: str) -> str:
    """Return a chapter's heading, how it came about, and what it shows."""
    return (
        f'<div class="head" id="{key}"><h2>{word}</h2>{pill(status)}</div>'
        f'<p class="why">{escape(str(status))}</p><p>{lead}</p>'
    )


def pill(status: Status) -> str:
    """Return one word: exact, sampled or skipped."""
    return f'<span class="pill {status.extent}">{status.extent}</span>'


def sub(word: str, status: Status) -> str:
    """Return a heading inside a chapter."""
    return f'<h3>{word} {pill(status)}</h3><p class="why">{escape(str(status))}</p>'


def chance(value: float) -> str:
    """Return a p-value as text.

    >>> chance(0.0412), chance(1e-9)
    ('.041', '&lt; .001')
    """
    return "&lt; .001" if value < 0.001 else f"{value:.3f}".lstrip("0")


def reach_of(lows: Sequence[float], highs: Sequence[float]) -> tuple[float, float]:
    """Return a common scale for intervals; zero is on it."""
    known = [value for value in (*lows, *highs) if math.isfinite(value)]
    return min(0.0, *known), max(0.0, *known)


def interactions(report: Report) -> str:
    """Return the pairs of columns that do more together than alone."""
    found = report.overall
    if not found.interactions:
        return sub("What columns do together", found.interactions_status)
    most = max(one.strength for one in found.interactions)
    lines = "".join(
        f"<tr><td>{escape(one.first)} &times; {escape(one.second)}</td><td class='plot'>"
        f"{drawing.bar([one.strength], 0, 0, most, whisker=False)}</td>"
        f'<td class="num">{number(one.strength)}</td><td class="num">{one.share:.0%}</td></tr>'
        for one in found.interactions
    )
    return (
        f"{sub('What columns do together', found.interactions_status)}"
        '<div class="scroll"><table><tr><th>pair</th>'
        f'<th></th><th class="num">strength</th><th class="num">of their movement</th></tr>{lines}'
        "</table></div>"
    )


def reliance(report: Report) -> str:
    """Return permutation importance."""
    found = report.overall
    heading = sub("What the model cannot do without", found.reliance_status)
    if not found.reliance:
        return heading
    reach = reach_of([one.low for one in found.reliance], [one.high for one in found.reliance])
    lines = "".join(
        f"<tr><td>{escape(one.column)}</td>"
        f'<td class="plot">{drawing.interval(one.rise, one.low, one.high, reach)}</td>'
        f'<td class="num">{signed(one.rise)}</td>'
        f'<td class="num{" bad" if one.p_holm < 0.05 else ""}">{chance(one.p_holm)}</td></tr>'
        for one in found.reliance[:MOST_LINES]
    )
    word = escape(report.cohorts.loss)
    return (
        f'{heading}<div class="scroll"><table><tr><th>column</th><th>rise of the {word}, 95 %</th>'
        f'<th class="num">rise</th><th class="num">p (Holm)</th></tr>{lines}</table></div>'
    )


def cohorts(report: Report) -> str:
    """Return the chapter on groups, slices and treatment."""
    found = report.cohorts
    lead = f"How the {escape(found.loss)} differs between groups of rows, and where it is worst."
    slices = "".join(_slice(one, found.loss) for one in found.slices)
    if not slices and found.slices_status.extent != "skipped":
        slices = (
            '<p class="fine">No slice is worse than the rest on rows it was not chosen on.</p>'
        )
    return (
        f"<section>{head('cohort', 'Groups', found.status, lead)}{_clusters(report)}"
        f"{sub('Slices found by searching', found.slices_status)}{slices}"
        f"<h3>Groups by column</h3>{_groups(report)}"
        f"{_treatments(report)}</section>"
    )


def _clusters(report: Report) -> str:
    """Return the clusters of anomalies; nothing where none are looked for."""
    found = report.cohorts
    if report.about.task != Task.ANOMALY:
        return ""
    lines = "".join(
        f'<div class="slice"><b>{escape(one.description)}</b><br>{one.rows:,} rows '
        f"({one.share:.0%}), score {number(one.score)}; {number(one.without)} with usual cells "
        f"there<br><small>Such as rows {', '.join(map(str, one.examples))}.</small></div>"
        for one in found.clusters[:MOST_CLUSTERS]
    )
    rest = len(found.clusters) - MOST_CLUSTERS
    more = f'<p class="soft">{rest} smaller clusters.</p>' if rest > 0 else ""
    return f"{sub('Anomalies that are alike', found.clusters_status)}{lines}{more}"


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
    extra += f"<br><small>Strongest by LIME: {_strongest(one.lime)}.</small>" if one.lime else ""
    return (
        f'<div class="slice"><b>{escape(one.condition)}</b><br>{escape(told)}'
        f"p {chance(one.p_holm)}{extra}</div>"
    )


def _groups(report: Report) -> str:
    groups = report.cohorts.groups
    if not groups:
        return '<p class="soft">No column was named.</p>'
    reach = reach_of([one.gap_low for one in groups], [one.gap_high for one in groups])
    lines, before = [], ""
    for one in groups:
        first = ' class="group"' if one.column != before else ""
        before = one.column
        outcome = "" if one.outcome is None else number(one.outcome)
        picture = drawing.interval(one.gap, one.gap_low, one.gap_high, reach)
        lines.append(
            f"<tr{first}><td>{escape(one.condition)}</td><td class='num'>{one.rows:,}</td>"
            f"<td class='num'>{number(one.loss)}</td><td class='plot'>{picture}</td>"
            f"<td class='num{' bad' if one.p_holm < 0.05 and one.gap > 0 else ''}'>"
            f"{chance(one.p_holm)}</td><td class='num wide'>{outcome}</td>"
            f"<td class='num wide'>{number(one.answer)}</td>"
            f"<td class='wide'>{_strongest(one.shap)}</td>"
            f"<td class='wide'>{_strongest(one.lime)}</td></tr>"
        )
    return (
        '<div class="scroll"><table><tr><th>group</th><th class="num">rows</th><th class="num">'
        f'{escape(report.cohorts.loss)}</th><th>gap to the rest, 95 %</th><th class="num">p (Holm)'
        '</th><th class="num wide">outcome</th><th class="num wide">answer</th>'
        '<th class="wide">strongest by SHAP</th><th class="wide">by LIME</th></tr>'
        f"{''.join(lines)}</table></div>"
    )


def _treatments(report: Report) -> str:
    found = report.cohorts
    heading = sub("How groups are treated", found.fairness_status)
    if not found.fairness:
        return heading
    value = report.about.task == "regression"
    words = ["mean answer" if value else "selected", "hits (TPR)", "false alarms (FPR)"]
    words = [*(words[:1] if value else words), "calibration"]
    top = "".join(f'<th class="num">{word}</th>' for word in words)
    lines = "".join(_treatment(one, value=value) for one in found.fairness)
    return (
        f'{heading}<div class="scroll"><table><tr><th>group</th><th class="num">rows</th>{top}'
        f"</tr>{lines}</table></div><p class='soft'>Small: the difference to all other rows. "
        "Orange: it would hardly come by chance (p &lt; .05, Holm over all of them).</p>"
    )


def _treatment(one: Treatment, *, value: bool) -> str:
    shown = (one.selected, one.hits, one.alarms, one.calibration)
    cells = "".join(_difference(part, plain=value) for part in (shown[::3] if value else shown))
    return f"<tr><td>{escape(one.condition)}</td><td class='num'>{one.rows:,}</td>{cells}</tr>"


def _difference(part: Difference | None, *, plain: bool) -> str:
    if part is None:
        return "<td class='num'>-</td>"
    value, gap = number(part.value), signed(part.gap)
    if not plain:
        value, gap = f"{part.value:.1%}", f"{part.gap:+.1%}"
    mark = " bad" if part.p_holm < 0.05 else ""
    title = f"95 %: {number(part.low)} to {number(part.high)}, p {part.p_holm:.3f}"
    return f"<td class='num' title='{title}'>{value}<br><small class='{mark}'>{gap}</small></td>"


def _strongest(drivers: Sequence[Driver]) -> str:
    return ", ".join(escape(driver.column) for driver in drivers[:2]) or "-"
