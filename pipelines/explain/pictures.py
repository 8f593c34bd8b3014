"""Three pictures for places that show no HTML: overall, the worst row, the groups."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from matplotlib.axes import Axes

    from pipelines.explain.report import Report

MOST_BARS = 12


def write(report: Report, folder: Path) -> list[Path]:
    """Write global.png, local.png and cohort.png; return their paths."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    found = []
    for name, draw in (("global", _overall), ("local", _local), ("cohort", _cohorts)):
        figure = Figure(figsize=(8, 4.6), dpi=110, layout="constrained")
        FigureCanvasAgg(figure)
        axes = figure.add_subplot()
        axes.spines[["top", "right", "left"]].set_visible(False)
        axes.tick_params(left=False)
        draw(axes, report)
        figure.savefig(folder / f"{name}.png")
        found.append(folder / f"{name}.png")
    return found


def _short(text: str, most: int = 38) -> str:
    """Return text that fits beside a bar; dollar signs would start a formula."""
    told = text.replace("$", r"\$")
    return told if len(told) <= most else told[: most - 1] + "…"


def _nothing(axes: Axes, why: str) -> None:
    axes.set_axis_off()
    axes.text(0.5, 0.5, _short(why, 100), ha="center", va="center", wrap=True)


def _overall(axes: Axes, report: Report) -> None:
    weights = report.overall.weights[:MOST_BARS][::-1]
    if not weights:
        _nothing(axes, str(report.overall.status))
        return
    sizes = [weight.strength for weight in weights]
    reach = [
        [max(0.0, w.strength - w.low) for w in weights],
        [max(0.0, w.high - w.strength) for w in weights],
    ]
    axes.barh([_short(w.column) for w in weights], sizes, xerr=reach, color="#0f766e", height=0.7)
    axes.set_xlabel(_short(f"mean |contribution| in {report.about.unit}, 95 % interval", 90))
    axes.set_title("What moves the answers", loc="left")


def _local(axes: Axes, report: Report) -> None:
    if not report.local.cases:
        _nothing(axes, str(report.local.status))
        return
    case = report.local.cases[0]
    moves = case.shap[case.output]
    order = sorted(range(len(moves)), key=lambda j: abs(moves[j]))[-MOST_BARS:]
    names = [_short(f"{report.about.columns[j]} = {case.values[j]}") for j in order]
    tints = ["#c2410c" if moves[j] >= 0 else "#1d6fb8" for j in order]
    places = range(len(order))
    axes.barh(places, [moves[j] for j in order], color=tints, height=0.7)
    axes.set_yticks(places, names)
    axes.axvline(0, color="#888", linewidth=0.8)
    axes.set_xlabel(_short(f"contribution in {report.about.unit}", 90))
    said = f"Row {case.row}: {case.prediction}" + (f", truly {case.label}" if case.label else "")
    axes.set_title(_short(f"{said} ({case.reasons[0]})", 80), loc="left")


def _cohorts(axes: Axes, report: Report) -> None:
    found = report.cohorts
    groups = [*found.slices[:4], *found.groups[:MOST_BARS]][::-1]
    if not groups:
        _nothing(axes, str(found.status))
        return
    places = range(len(groups))
    reach = [
        [max(0.0, one.gap - one.gap_low) for one in groups],
        [max(0.0, one.gap_high - one.gap) for one in groups],
    ]
    gaps = [one.gap for one in groups]
    axes.errorbar(gaps, places, xerr=reach, fmt="o", color="#0f766e", ecolor="#88a")
    axes.set_yticks(places, [_short(one.condition, 44) for one in groups])
    axes.axvline(0, color="#888", linewidth=0.8)
    axes.set_xlabel(f"gap of the {found.loss} to all other rows, 95 % interval")
    axes.set_title("Where it errs", loc="left")
