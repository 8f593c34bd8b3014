"""The report as one HTML file that needs nothing else, and as JSON and pictures in a folder."""

from __future__ import annotations

import json
from html import escape
from importlib import resources
from typing import TYPE_CHECKING, Any

from pipelines.explain import chapters, pictures, tables
from pipelines.explain.drawing import number, signed
from pipelines.explain.facts import Extent

if TYPE_CHECKING:
    from pathlib import Path

    from pipelines.explain.report import Report

MOST_CASE_BYTES = 500_000
POLICY = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:"


def write(report: Report, folder: Path, *, title: str = "") -> list[Path]:
    """Write the report as JSON and HTML, its values and three pictures; return their paths."""
    folder.mkdir(parents=True, exist_ok=True)
    told = json.dumps(report.to_dict(), allow_nan=False, ensure_ascii=False)
    (folder / "report.json").write_text(told, encoding="utf-8")
    (folder / "report.html").write_text(render(report, title=title), encoding="utf-8")
    report.values.to_parquet(folder / "values.parquet", index=False, compression="zstd")
    names = ("report.json", "report.html", "values.parquet")
    return [*(folder / name for name in names), *pictures.write(report, folder)]


def render(report: Report, *, title: str = "") -> str:
    """Return the whole page: styles, script, pictures and data inline."""
    heading = title or f"Why this {report.about.task} model answers as it does"
    cases, left = _cases(report)
    body = "".join(
        [
            _header(report, heading),
            _cards(report),
            chapters.overall(report),
            chapters.local(report, left),
            tables.cohorts(report),
            chapters.comparison(report),
            chapters.trust(report),
            _about(report),
        ]
    )
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">'
        f'<link rel="icon" href="data:,"><title>{escape(heading)}</title>'
        f"<style>{_asset('page.css')}</style></head><body><main>{body}</main>"
        f'<script type="application/json" id="cases">{cases}</script>'
        f"<script>{_asset('page.js')}</script></body></html>"
    )


def _asset(name: str) -> str:
    return resources.files("pipelines.explain").joinpath(name).read_text(encoding="utf-8")


def _cases(report: Report) -> tuple[str, int]:
    """Return what the script needs, safe inside a script element, and how many cases it lacks.

    Cases beyond half a megabyte are left to ``report.json``.
    """
    told = report.to_dict()
    about, cases, room = told["about"], [], MOST_CASE_BYTES
    for case in told["local"]["cases"]:
        text = _text(_short(case))
        room -= len(text.encode())
        if room < 0:
            break
        cases.append(text)
    data = {key: about[key] for key in ("columns", "outputs", "unit", "base", "task")}
    text = f'{_text(data)[:-1]},"cases":[{",".join(cases)}]}}'
    for one in "<\u2028\u2029":
        text = text.replace(one, f"\\u{ord(one):04x}")
    return text, len(told["local"]["cases"]) - len(cases)


def _text(data: object) -> str:
    return json.dumps(data, allow_nan=False, ensure_ascii=False, separators=(",", ":"))


def _short(value: Any) -> Any:
    """Return numbers with as many digits as a page shows."""
    if isinstance(value, dict):
        return {key: _short(one) for key, one in value.items()}
    if isinstance(value, list):
        return [_short(one) for one in value]
    return float(f"{value:.5g}") if isinstance(value, float) else value


def _header(report: Report, heading: str) -> str:
    about = report.about
    labels = "with their true outcome" if about.labelled else "without outcomes"
    links = "".join(
        f'<a href="#{key}">{word}</a>'
        for key, word in (
            ("global", "Overall"),
            ("local", "Single rows"),
            ("cohort", "Groups"),
            *([("comparison", "Against production")] if report.comparison else []),
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
    searched = report.cohorts.slices_status.extent is not Extent.SKIPPED
    none = "No slice stands out" if searched else "Not searched"
    worst = slices[0].condition if slices else none
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
