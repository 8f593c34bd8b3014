"""The model card: what MLflow's version page says of a version, as short markdown.

MLflow shows at most 5,000 characters, so the card grows by whole blocks and stops before that.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from registry.reports import Report
    from registry.versions import ModelVersion

LONGEST = 5000
_DIGITS = 12
_WORD = 40  # what is longer is a digest, and widens the table past the page


def write(
    version: ModelVersion,
    reports: Sequence[Report] = (),
    verdicts: Sequence[Mapping[str, str]] = (),
) -> str:
    """Write the card of a version.

    Args:
        version: What the card is about.
        reports: What it links to.
        verdicts: What the gates said when it last moved, the comparison with the champion among
            them: they stay true when the champion changes, so the card does not grow old.
    """
    blocks = [
        _head(version),
        _made_from(version),
        _metrics(version),
        _links(version, reports),
        _gates(verdicts),
    ]
    text = ""
    for block in filter(None, blocks):
        if len(text) + len(block) + 1 > LONGEST:
            return f"{text}\n…" if len(text) + 2 <= LONGEST else text
        text = f"{text}\n{block}" if text else block
    return text


def _head(version: ModelVersion) -> str:
    return f"**{version.ref}** · {version.stage.value} · {version.task}\n"


def _made_from(version: ModelVersion) -> str:
    lines = [
        f"- data `{_short(version.data_digest)}`, model `{_short(version.model_digest)}`",
        f"- run `{version.run_id}` by {_plain(version.author)}, "
        f"{version.created_at:%Y-%m-%d %H:%M} UTC",
    ]
    return "\n".join(lines) + "\n"


def _metrics(version: ModelVersion) -> str:
    if not version.metrics:
        return ""
    chosen = version.metric
    keys = sorted(version.metrics, key=lambda key: (key != chosen, key))
    rows = _fitting(f"| {_plain(key)} | {version.metrics[key]:.6g} |" for key in keys)
    table = ["| metric | value |", "|---|---|", *rows]
    return "\n".join([*table, *_found(version)]) + "\n"


def _found(version: ModelVersion) -> list[str]:
    """Return what is known of how sure the number is, as far as the run told."""
    more = version.evidence.get("more", {})
    told = []
    if interval := more.get("interval"):
        low, high = interval
        told.append(
            f"{_plain(version.metric)} between {low:.4g} and {high:.4g} (95 %) on "
            f"{more.get('holdout_rows', 0)} rows that took no part in choosing."
        )
    if nested := more.get("nested"):
        sure = "{:.4g} to {:.4g}".format(*nested["interval"]) if nested["interval"] else "unknown"
        told.append(
            f"The whole procedure, by nested evaluation over {len(nested['scores'])} searches: "
            f"{_plain(nested['metric'])} {nested['mean']:.4g} (95 %: {sure})."
        )
    if (decision := more.get("decision") or {}).get("threshold") is not None:
        told.append(
            f"Names the second class from a chance of {decision['threshold']:.3g} on "
            f"({_plain(decision['metric'])} {decision['after']:.4g} instead of "
            f"{decision['before']:.4g} while choosing)."
        )
    return ["", "\n\n".join(told)] if told else []


def _gates(verdicts: Sequence[Mapping[str, str]]) -> str:
    """Return what the gates saw, the comparison with the champion first."""
    if not verdicts:
        return ""
    ordered = sorted(verdicts, key=lambda verdict: "champion" not in verdict.get("title", ""))
    rows = _fitting(
        f"| {verdict.get('outcome', '')} | {verdict.get('code', '')} "
        f"{_plain(verdict.get('title', ''))} | {_plain(_seen(verdict))} |"
        for verdict in ordered
    )
    return "\n".join(["", "| | gate | saw |", "|---|---|---|", *rows]) + "\n"


def _seen(verdict: Mapping[str, str]) -> str:
    told = verdict.get("observed") or verdict.get("reason") or ""
    return " ".join(_short(word) if len(word) > _WORD else word for word in told.split())


def _links(version: ModelVersion, reports: Sequence[Report]) -> str:
    latest = {report.kind: report for report in reports}
    return "\n".join(
        _fitting(
            f"- [{_plain(kind)} report]({_address(version, report)})"
            for kind, report in latest.items()
        )
    )


def _address(version: ModelVersion, report: Report) -> str:
    """Return where MLflow's own pages show a report, or where it lies."""
    page = report.summary.get("page")
    if not page:
        return report.uri
    return f"#/experiments/{version.experiment_id}/runs/{version.run_id}/artifacts/{page}"


def _fitting(lines: Iterable[str]) -> list[str]:
    """Return as many lines as a third of the card has room for."""
    kept: list[str] = []
    for line in lines:
        if sum(map(len, kept)) + len(kept) + len(line) > LONGEST // 3:
            return [*kept, "…"] if not line.startswith("|") else kept
        kept.append(line)
    return kept


def _short(digest: str) -> str:
    """Return enough of a digest to recognise it.

    >>> _short("sha256:0123456789abcdef")
    'sha256:0123456789ab'
    """
    kind, colon, rest = digest.rpartition(":")
    return f"{kind}{colon}{rest[:_DIGITS]}" or "none"


def _plain(text: str) -> str:
    r"""Return a text that markdown and tables leave alone.

    >>> _plain("a|b")
    'a\\|b'
    """
    return "".join(f"\\{sign}" if sign in "|*`[]<>" else sign for sign in text)
