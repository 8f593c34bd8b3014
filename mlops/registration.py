"""From a found model to a registered version: logged, explained, written in one transaction."""

from __future__ import annotations

import hashlib
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pandas as pd

from mlops import evidence, explanations, files, ranking, revision, shifts
from pipelines import packaging
from pipelines.explain import page
from pipelines.explain.report import report as explained
from pipelines.readers import readings
from pipelines.schema import Schema
from pipelines.serving import Predictor
from pipelines.task import Task
from registry import mirror, versions
from registry.errors import MirrorFailed
from registry.versions import Evidence

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from mlops.workspace import Workspace
    from pipelines.automl import Found
    from pipelines.explain.report import Report
    from pipelines.tracking import Tracker
    from pipelines.tracking.models import Logged
    from registry.versions import ModelVersion

logger = logging.getLogger(__name__)

EXPLAIN_SECONDS = 30.0
_FEWEST_FOLDS = 3


@dataclass(frozen=True, slots=True)
class _Shown:
    """What lies in MLflow when the version is written down."""

    logged: Logged
    requirements: tuple[str, ...]
    report: Report
    digest: str
    uri: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Going:
    """Where a version is written down, and what its report is asked for."""

    ws: Workspace
    tracker: Tracker
    name: str
    doing: Callable[[str], None]
    sensitive: Sequence[str] = ()
    """Columns whose groups should be treated alike."""
    asked: Mapping[str, Any] | None = None
    """What must be asked again to make the same model."""


def register(going: Going, found: Found) -> ModelVersion:
    """Log the model, explain it, attach the report, then write the version in one transaction.

    What was ``asked`` of the run is kept inside of the model, so that it can be made again.

    Raises:
        TrackingDown: MLflow did not take the model; nothing was registered.
        RegistryError: The database did not take the version.
    """
    ws = going.ws
    with files.scratch(ws.settings.home) as folder:
        shown = _show(going, found, folder)
    going.doing("registering the version")
    taken = _highest(ws, going.name)
    with ws.session() as session, session.begin():
        version = versions.register(
            session, going.name, evidence=_evidence(going.tracker, found, shown), by=ws.by,
            after=taken,
        )  # fmt: skip
        explanations.record(
            session, version, shown.report, digest=shown.digest, uri=shown.uri, ws=ws
        )
    return version


def _show(going: Going, found: Found, folder: Path) -> _Shown:
    """Put the rows it was judged on, the model and its report into MLflow."""
    target, tracker = found.dataset.target, going.tracker
    kept = evidence.keep(
        folder / evidence.FOLDER, train=found.train, holdout=found.holdout, target=target
    )
    tracker.log_folder(folder / evidence.FOLDER, evidence.FOLDER)
    going.doing("logging the model")
    features = found.train if target is None else found.train.drop(columns=target)
    schema = Schema.of(features, {each.name: each.kind for each in found.plan.columns})
    rows = _example(features[list(schema.names)])
    about = _about(tracker, going.name, found, going.asked)
    packaging.save(found.model, schema, folder / "model", about=about, rows=rows)
    logged = tracker.log_model(folder / "model", example=rows)
    if found.dataset.task is Task.ANOMALY:
        going.doing("listing the strangest rows")
        table = pd.concat([found.train, found.holdout]).sort_index()
        predictor = Predictor(found.model, schema, {})
        ranking.write(predictor, table, kept.background, folder / ranking.FOLDER)
        tracker.log_folder(folder / ranking.FOLDER, ranking.FOLDER)
    going.doing("explaining the model")
    report = _explain(going, found, Predictor(found.model, schema, {}), kept, folder)
    here = folder / explanations.FOLDER
    page.write(report, here)
    uri = tracker.attach(logged, here, explanations.FOLDER)
    tracker.log_folder(here, explanations.FOLDER)
    return _Shown(logged, logged.requirements, report, explanations.digest_of(here), uri)


def _explain(
    going: Going, found: Found, predictor: Predictor, kept: evidence.Kept, folder: Path
) -> Report:
    target = found.dataset.target
    rows = kept.holdout if len(kept.holdout) else found.train
    labels = None if target is None else rows[target]
    features = rows if target is None else rows.drop(columns=target)
    report = explained(
        predictor, features, labels=labels, background=kept.background, budget=EXPLAIN_SECONDS,
        sensitive=going.sensitive,
    )  # fmt: skip
    other = shifts.in_production(going.ws, going.name)
    null: list[Mapping[str, float]] = []
    shown = shifts.Rows(features, kept.background)
    if other is not None:
        going.doing(f"comparing its explanations with those of {other}")
        null = shifts.usual(found, shown, folder / "retrains")
        going.tracker.log_folder(folder / "retrains", evidence.FOLDER)
    return shifts.set_beside(going.ws, other, (predictor, report), shown, null)


def _example(features: pd.DataFrame) -> pd.DataFrame:
    """Choose rows that show what the model takes: missing values too, where there are some."""
    holes = features[features.isna().any(axis=1)].head(2)
    whole = features.drop(index=holes.index).head(5 - len(holes))
    return features.loc[[*holes.index, *whole.index]] if len(holes) else features.head(5)


def _about(
    tracker: Tracker, name: str, found: Found, asked: Mapping[str, Any] | None
) -> dict[str, Any]:
    return {
        "name": name,
        "target": found.dataset.target,
        "metric": found.metric.key,
        "algorithm": found.trial.algorithm_key,
        "params": dict(found.trial.params),
        "seed": found.trial.seed,
        "run_id": tracker.run_id,
        "data_digest": found.dataset.digest,
        "plan": found.plan.to_dict(),
        "readings": readings(found.dataset),
        "recipe": found.recipe.to_dict(),
        "asked": None if asked is None else dict(asked),
    }


def _evidence(tracker: Tracker, found: Found, shown: _Shown) -> Evidence:
    return Evidence(
        run_id=tracker.run_id,
        experiment_id=tracker.experiment_id,
        model_id=shown.logged.model_id,
        model_uri=shown.logged.uri,
        model_digest=shown.logged.digest,
        data_digest=found.dataset.digest,
        task=str(found.dataset.task),
        metric=found.metric.key,
        metrics=found.metrics,
        greater_is_better=found.metric.greater_is_better,
        signature=True,
        input_example=True,
        requirements=shown.requirements,
        more={
            "algorithm": found.trial.algorithm_key,
            "validation_score": found.outcome.score,
            "baseline": found.baseline,
            "interval": found.interval,
            "nested": found.nested,
            "decision": found.decision and found.decision.to_dict(),
            "holdout_rows": len(found.holdout),
            "seed": found.trial.seed,
            "git": revision.commit(),
            **_folds(found),
        },
    )


def _folds(found: Found) -> dict[str, Any]:
    """Keep the score of each fold, for tests between versions that had the same folds."""
    scores = found.outcome.folds
    if len(scores) < _FEWEST_FOLDS:
        return {}
    # Rows and folds are drawn with one seed: the same rows in training, the same folds.
    rows = hashlib.sha256(repr(sorted(found.train.index)).encode()).hexdigest()
    split = f"{len(scores)} folds of {len(found.train)} rows, {rows[:16]}"
    return {"folds": {"scores": scores, "tested": 1 / (len(scores) - 1), "split": split}}


def _highest(ws: Workspace, name: str) -> int:
    try:
        return mirror.highest(ws.tracking_uri, name)
    except MirrorFailed as error:
        logger.warning("MLflow's numbers for %s are unknown: %s", name, error)
        return 0
