"""Lookups: which recorded version is behind a thing of MLflow's, and who stands where.

Each answers with one indexed query, nothing else is read; nobody is told what is missing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import select

from registry import db
from registry.stages import Stage
from registry.tables import VersionRow
from registry.versions import snapshot

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sqlalchemy import ColumnElement
    from sqlalchemy.orm import Session

    from registry.versions import ModelVersion

HELD = (Stage.STAGING, Stage.PRODUCTION)
"""Who stands in one of these is relied upon: it is not deleted, renamed or moved in passing."""


def is_known(session: Session, name: str) -> bool:
    """Say whether the record has a model of that name."""
    return (
        session.scalar(select(VersionRow.id).where(VersionRow.name == name).limit(1)) is not None
    )


def standing(session: Session, name: str, stage: Stage) -> ModelVersion | None:
    """Return the latest version that stands in a stage, if one does."""
    return _first(session, VersionRow.name == name, VersionRow.stage == stage.value)


def numbered(session: Session, name: str, numbers: Iterable[int]) -> tuple[ModelVersion, ...]:
    """Return the versions of a model with these numbers, in order; unknown ones are left out."""
    rows = session.scalars(
        select(VersionRow)
        .where(VersionRow.name == name, VersionRow.number.in_(sorted(set(numbers))))
        .order_by(VersionRow.id)
        .execution_options(populate_existing=True)
    )
    return tuple(snapshot(row) for row in rows)


def shown_as(session: Session, name: str, number: str) -> ModelVersion | None:
    """Return the version that MLflow shows under a number of its own."""
    return _first(session, VersionRow.name == name, VersionRow.mlflow_version == number)


def held(session: Session, name: str) -> tuple[ModelVersion, ...]:
    """Return the versions of a model that stand in staging or production, oldest first."""
    stages = [stage.value for stage in HELD]
    rows = session.scalars(
        select(VersionRow)
        .where(VersionRow.name == name, VersionRow.stage.in_(stages))
        .order_by(VersionRow.id)
        .execution_options(populate_existing=True)
    )
    return tuple(snapshot(row) for row in rows)


def of_run(session: Session, run_id: str) -> ModelVersion | None:
    """Return a version that came out of a run, the latest if there are several."""
    return _first(session, VersionRow.run_id == run_id)


def of_model(session: Session, model_id: str) -> ModelVersion | None:
    """Return a version that is a logged model of MLflow's, the latest if there are several."""
    return _first(session, VersionRow.model_id == model_id)


def of_experiment(session: Session, experiment_id: str) -> ModelVersion | None:
    """Return a version that came out of an experiment, the latest if there are several."""
    return _first(session, VersionRow.experiment_id == experiment_id)


def experiments(session: Session) -> tuple[str, ...]:
    """Return the MLflow experiments out of which something was registered."""
    return db.distinct(session, VersionRow.experiment_id)


def _first(session: Session, *conditions: ColumnElement[bool]) -> ModelVersion | None:
    query = select(VersionRow).where(*conditions).order_by(VersionRow.id.desc()).limit(1)
    row = session.scalar(query.execution_options(populate_existing=True))
    return snapshot(row) if row is not None else None
