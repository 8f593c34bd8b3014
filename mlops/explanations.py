"""Journey: explain a version and attach the report to it."""

from __future__ import annotations

import hashlib
import math
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from mlops import evidence, files, mirroring, shifts
from mlops.durations import seconds_of
from mlops.predictions import load_version, taught
from mlops.sources import read_features
from mlops.workspace import Workspace
from pipelines import tracking
from pipelines.explain import page
from pipelines.explain.fairness import MEASURES
from pipelines.explain.report import report as explained
from registry import refs, reports, versions
from registry.permissions import Action

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sqlalchemy.orm import Session

    from pipelines.explain.report import Report
    from pipelines.serving import Predictor
    from registry.versions import ModelVersion

FOLDER = "explanation"
KINDS = ("shap", "lime")
SURE = 0.05


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Explained:
    """A report that was attached to a version."""

    version: ModelVersion
    report: Report
    uri: str
    digest: str
    output: Path | None

    @property
    def drivers(self) -> list[tuple[str, float, float, float]]:
        """The columns that move the answers most: mean |contribution| with its interval."""
        return [(w.column, w.strength, w.low, w.high) for w in self.report.overall.weights[:12]]

    @property
    def sections(self) -> dict[str, str]:
        """How each section came about: exact, sampled, or skipped and why."""
        return {name: str(status) for name, status in self.report.statuses.items()}

    def __repr__(self) -> str:
        """Return how each section came about, and what drives the answers."""
        told = [f"{self.version}, by {self.report.about.method}"]
        told += [f"  {name}: {status}" for name, status in self.sections.items()]
        told += [f"  {column} {size:.4g} ({low:.4g} to {high:.4g})"
                 for column, size, low, high in self.drivers]  # fmt: skip
        return "\n".join(told)

    def to_dict(self) -> dict[str, Any]:
        """Return what a script needs; the whole report is in the file."""
        names = ("column", "strength", "low", "high")
        return {
            "version": str(self.version),
            "uri": self.uri,
            "digest": self.digest,
            "output": self.output,
            "method": self.report.about.method,
            "sections": self.sections,
            "drivers": [dict(zip(names, driver, strict=True)) for driver in self.drivers],
        }


def explain(  # noqa: PLR0913 - the options of the public verb
    ref: str | ModelVersion,
    data: Any = None,
    *,
    by: Sequence[str] = (),
    rows: Sequence[int] = (),
    sensitive: Sequence[str] = (),
    budget: str | float = "30s",
    output: str | Path | None = None,
    seed: int = 0,
    workspace: Workspace | None = None,
) -> Explained:
    """Explain a version on some rows (by default those it never saw) and attach the report.

    Args:
        ref: The version.
        data: Rows to explain, with the target if it is known.
        by: Columns to report by.
        rows: Rows to explain one by one, by position.
        sensitive: Columns whose groups should be treated alike, also such that it never sees.
        budget: Time to spend.
        output: A folder to write the report to, too.
        seed: Makes it repeatable.
        workspace: Where everything is; by default as the settings say.

    Raises:
        UnknownVersion: Nothing answers to the reference.
        UnknownColumn: A column to report by is not there.
        SchemaMismatch: The rows do not look like what the model learned from.
        BadModel: The model's files do not match the digest in the record.
        Forbidden: Your role may not attach reports.
    """
    seconds = seconds_of(budget)
    ws = workspace or Workspace.open()
    with ws.reading() as session:
        version = versions.get(session, refs.parse(str(ref)))
    ws.ready_for(Action.REPORT)
    with files.scratch(ws.settings.home) as folder:
        predictor = load_version(ws, version)
        kept = evidence.fetch(ws, version.run_id, folder / "evidence")
        frame, labels = _rows(predictor, kept if data is None else None, data)
        made = explained(
            predictor, frame, labels=labels, background=kept.background,
            by=by, rows=rows, sensitive=sensitive, budget=seconds, seed=seed,
        )  # fmt: skip
        made = _beside_production(ws, version, (predictor, made), frame, kept.background)
        here = folder / FOLDER
        page.write(made, here)
        digest = digest_of(here)
        where = f"{FOLDER}-{digest[:8]}"
        uri = tracking.attach(ws.tracking_uri, version.model_id, here, where)
        tracking.keep(ws.tracking_uri, version.run_id, here, where)
        if output is not None:
            _copy(here, Path(output))
    ws.change(lambda session: record(session, version, made, digest=digest, uri=uri, ws=ws))
    mirroring.show(ws, version.name)
    return Explained(
        version=version, report=made, uri=uri, digest=digest,
        output=Path(output) if output is not None else None,
    )  # fmt: skip


def _beside_production(
    ws: Workspace,
    version: ModelVersion,
    new: tuple[Predictor, Report],
    frame: pd.DataFrame,
    background: pd.DataFrame,
) -> Report:
    other = shifts.in_production(ws, version.name)
    if other is not None and other.id == version.id:
        other = None
    null = [] if other is None else shifts.kept(ws, version, other)
    return shifts.set_beside(ws, other, new, shifts.Rows(frame, background), null)


def record(
    session: Session, version: ModelVersion, made: Report, *, digest: str, uri: str, ws: Workspace
) -> None:
    """Write down that a report is attached: once for SHAP, once for LIME."""
    for kind in KINDS:
        reports.attach(
            session, version, kind=kind, digest=digest, uri=uri, schema=made.schema,
            summary=_summary(made, kind, uri), by=ws.by,
        )  # fmt: skip


def _summary(made: Report, kind: str, uri: str) -> dict[str, Any]:
    """Say in short what the gates and MLflow's pages need: sections, facts, where the page is."""
    page_path = f"{uri.rpartition('/')[2]}/report.html"  # the run has the same folder
    told = {"method": made.about.method, "sections": sections(made, kind), "page": page_path}
    if kind != "shap":
        return told
    return {
        **told,
        "comparison": shifts.told(made),
        "worst_cohort": worst_cohort(made),
        "fairness": fairness(made),
        "calibration_error": made.calibration_error,
    }


def worst_cohort(made: Report) -> dict[str, Any]:
    """Return the group of rows whose loss is most above all others', among those beyond chance."""
    groups = [*made.cohorts.groups, *made.cohorts.slices]
    if not made.about.labelled or not groups:
        status = made.cohorts.slices_status
        return {"gap": None, "why": status.why or "no group of rows was compared"}
    sure = [group for group in groups if group.p_holm < SURE and group.gap > 0]
    if not sure:
        return {"gap": 0.0, "condition": "any group", "loss": made.cohorts.loss, "rows": 0}
    worst = max(sure, key=lambda group: group.gap)
    return {
        "gap": worst.gap,
        "condition": worst.condition,
        "loss": made.cohorts.loss,
        "rows": worst.rows,
        "p": worst.p_holm,
    }


def fairness(made: Report) -> dict[str, Any] | None:
    """Return the largest difference in treatment; None where no column was marked sensitive."""
    parts = [
        (abs(part.gap), measure, one, part)
        for one in made.cohorts.fairness
        for measure in MEASURES
        if (part := getattr(one, measure)) is not None and math.isfinite(part.gap)
    ]
    if not parts:
        return None
    gap, measure, one, part = max(parts, key=lambda each: each[0])
    return {
        "gap": gap,
        "measure": measure,
        "condition": one.condition,
        "rows": one.rows,
        "p": part.p_holm,
    }


def sections(made: Report, kind: str) -> Mapping[str, Mapping[str, Any]]:
    """Return the state of the local, global and cohort section, as the gates read it."""
    told = made.shap_sections if kind == "shap" else made.lime_sections
    return {
        name: {
            "state": str(status.extent),
            "why": status.why,
            "rows": status.rows,
            "late": status.late,
        }
        for name, status in told.items()
    }


def digest_of(folder: Path) -> str:
    """Return the digest of a report: of its data, from which everything else is drawn."""
    return hashlib.sha256((folder / "report.json").read_bytes()).hexdigest()


def _rows(
    predictor: Predictor, kept: evidence.Kept | None, data: Any
) -> tuple[pd.DataFrame, pd.Series | None]:
    frame = read_features(data, types=taught(predictor)).frame if kept is None else kept.holdout
    target = predictor.about.get("about", {}).get("target")
    if target is None or target not in frame.columns:
        return frame, None
    return frame.drop(columns=target), frame[target]


def _copy(folder: Path, output: Path) -> None:
    files.check_writable(output)
    shutil.copytree(folder, output, dirs_exist_ok=True)
