"""How results look in a notebook: the pages people know from MLflow, and short tables.

Elsewhere the results speak a few lines of text (``repr``). Nothing is imported here before a
result is shown.
"""

from __future__ import annotations

import sys
import warnings
from html import escape
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from mlops.explanations import Explained
    from mlops.promotions import Promoted
    from mlops.results import Result
    from mlops.reviews import Review
    from pipelines.profile.facts import Profile
    from registry.cases import Verdict
    from registry.promotion import Assessment

HIGH = 640
"""Of a page inside a notebook, in pixels; it scrolls."""
BEST = 12
_COLORS = {"passed": "#2e7d32", "failed": "#c62828", "not applicable": "#757575"}


def prepare() -> None:
    """Teach the notebook that runs this process how results look; elsewhere do nothing."""
    ipython = sys.modules.get("IPython")
    shell: Any = ipython.get_ipython() if ipython else None
    if shell is None:
        return
    warnings.filterwarnings("ignore", message="IProgress not found")  # nothing here draws one
    html = shell.display_formatter.formatters["text/html"]
    for kind, draw in _FACES.items():
        html.for_type_by_name(*kind.split(":"), draw)


def result_page(result: Result) -> str:
    """Draw what a run found: the version, the best trials, what to do next."""
    board = result.leaderboard.drop_duplicates("algorithm").head(BEST)
    rows = [
        (str(row.algorithm), f"{row.score:.4g}", "level" if row.like_best else _ended(row.state))
        for row in board.itertuples()
    ]
    lines = [escape(line) for line in (result.sentence, *result.notes)]
    if result.comparison:
        lines.append(escape(result.comparison.sentence))
    commands = "<br>".join(f"<code>{escape(one)}</code>" for one in result.commands)
    kept = 3 if any(word for _, _, word in rows) else 2
    columns = ("algorithm", result.metric, "with the best")
    table = _table(columns[:kept], [row[:kept] for row in rows])
    return f"{_paragraphs(lines)}{table}<p>{commands}</p>"


def _ended(state: object) -> str:
    return "" if state == "complete" else str(state)


def promoted_page(done: Promoted) -> str:
    """Draw what a move did and why it was allowed."""
    return _paragraphs([escape(done.sentence)]) + _verdicts(done.verdicts)


def assessment_page(found: Assessment) -> str:
    """Draw what the gates say, and what else is in the way."""
    told = [escape(line) for line in (found.sentence, *found.obstacles)]
    return _paragraphs(told) + _verdicts(found.verdicts)


def review_page(found: Review) -> str:
    """Draw the rows worth a label."""
    lines = _paragraphs([escape(found.sentence), f"<code>{escape(found.command)}</code>"])
    return f"{lines}{found.rows.to_html(border=0)}"


def profile_page(profile: Profile) -> str:
    """Draw the profile's page."""
    from pipelines.profile import page

    return _framed(page.render(profile), f"Profile of {profile.name}")


def report_page(explained: Explained) -> str:
    """Draw the report's page."""
    from pipelines.explain import page

    return _framed(page.render(explained.report), f"Why {explained.version} answers as it does")


def _framed(page: str, title: str) -> str:
    return (
        f'<iframe title="{escape(title)}" srcdoc="{escape(page)}" sandbox="allow-scripts" '
        f'style="width:100%;height:{HIGH}px;border:1px solid #8884"></iframe>'
    )


def _paragraphs(lines: Sequence[str]) -> str:
    return f"<p><b>{lines[0]}</b></p>" + "".join(f"<p>{line}</p>" for line in lines[1:])


def _verdicts(verdicts: Iterable[Verdict]) -> str:
    rows = "".join(
        f'<tr><td style="color:{_COLORS[v.outcome]}">{v.outcome}</td><td>{v.code}</td>'
        f'<td style="text-align:left">{escape(v.title)}</td>'
        f'<td style="text-align:left">{escape(v.reason or v.observed)}</td></tr>'
        for v in verdicts
    )
    return f"<table><tbody>{rows}</tbody></table>" if rows else ""


def _table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    head = "".join(f"<th>{escape(column)}</th>" for column in columns)
    body = "".join(
        f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in row)}</tr>" for row in rows
    )
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


_FACES = {
    "mlops.reviews:Review": review_page,
    "mlops.results:Result": result_page,
    "mlops.promotions:Promoted": promoted_page,
    "registry.promotion:Assessment": assessment_page,
    "pipelines.profile.facts:Profile": profile_page,
    "mlops.explanations:Explained": report_page,
}
