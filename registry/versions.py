"""ModelVersion: what the record knows of one trained model."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, field, fields
from typing import TYPE_CHECKING, Any

from sqlalchemy import func, select

from registry import audit, db, outbox
from registry.errors import BadEvidence, UnknownVersion
from registry.permissions import Action, Actor, require
from registry.refs import Ref, check_name
from registry.stages import Stage
from registry.tables import AuditRow, VersionRow, now

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from sqlalchemy import Select
    from sqlalchemy.orm import Session

_COLUMNS = ("task", "metric", "run_id", "experiment_id", "model_id", "model_uri")
_DIGESTS = ("model_digest", "data_digest")
_TOLD_IN_ERRORS = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What a run shows for its model; the gates judge by it."""

    run_id: str
    experiment_id: str
    model_id: str
    model_uri: str
    task: str
    metric: str
    metrics: Mapping[str, float]
    greater_is_better: bool
    model_digest: str = ""
    data_digest: str = ""
    signature: bool = False
    input_example: bool = False
    requirements: Sequence[str] = ()
    """The environment as ``name==version`` lines."""
    more: Mapping[str, Any] = field(default_factory=dict)
    """Anything else worth keeping, as plain JSON-ready data."""


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class ModelVersion:
    """A snapshot: it does not change when the record does."""

    id: int
    name: str
    number: int
    stage: Stage
    task: str
    metric: str
    metrics: Mapping[str, float]
    run_id: str
    experiment_id: str
    model_id: str
    model_uri: str
    model_digest: str
    data_digest: str
    author: str
    created_at: datetime
    mlflow_version: str | None
    evidence: Mapping[str, Any]
    """greater_is_better, signature, input_example, requirements, more."""

    @property
    def ref(self) -> str:
        """The reference that finds it again."""
        return f"{self.name}/{self.number}"

    @property
    def score(self) -> float | None:
        """The value of the metric it was chosen by."""
        return self.metrics.get(self.metric)

    def __str__(self) -> str:
        """Return the reference that finds it again."""
        return self.ref

    def __repr__(self) -> str:
        """Return the reference, where it stands, and how good it is."""
        score = "" if self.score is None else f", {self.metric} {self.score:.4g}"
        return f"<{self.ref} in {self.stage.value}{score}>"

    def to_dict(self) -> dict[str, Any]:
        """Return everything as plain JSON-ready data."""
        return {
            "ref": self.ref,
            **asdict(self),
            "stage": self.stage.value,
            "created_at": self.created_at.isoformat(),
        }


def register(
    session: Session, name: str, *, evidence: Evidence, by: Actor, after: int = 0
) -> ModelVersion:
    """Record a new version as a candidate. Registering the same model again changes nothing.

    Args:
        session: A session for writing; the caller commits.
        name: The model's name.
        evidence: What the run shows for it.
        by: Who stands behind it.
        after: The highest number that MLflow uses for this name: ours will be higher, so that
            both count alike.

    Raises:
        Forbidden: The actor's role may not register.
        BadName: A model cannot be called that.
        BadEvidence: The evidence contradicts itself.
    """
    require(by, Action.REGISTER)
    check_name(name)
    _check(evidence)
    db.lock(session, name)
    same = {"name": name, "run_id": evidence.run_id, "model_id": evidence.model_id}
    known = session.scalar(select(VersionRow).filter_by(**same))
    if known is not None:
        return snapshot(known)
    highest = session.scalar(select(func.max(VersionRow.number)).where(VersionRow.name == name))
    row = _row(name, max(highest or 0, after) + 1, evidence, by)
    session.add(row)
    session.flush()
    version = snapshot(row)
    told = {key: value for key, value in version.to_dict().items() if key != "evidence"}
    audit.append(session, by=by, action="register", subject=version.ref, detail=told)
    outbox.add(session, name, "registered", {"ref": version.ref, "run_id": version.run_id})
    return version


def check_known(session: Session, name: str) -> None:
    """See to it that a model has versions.

    Raises:
        UnknownVersion: It has none; the message says which models there are.
    """
    if not page(session, name, limit=1):
        raise UnknownVersion(name, name=name, names=names(session))


def get(session: Session, ref: Ref) -> ModelVersion:
    """Find the version a reference points at; by stage, the latest that stands there.

    Raises:
        UnknownVersion: There is none; the message says what there is.
    """
    query = select(VersionRow).order_by(VersionRow.id.desc()).limit(1)
    row = session.scalar(_pointed_at(query, ref).execution_options(populate_existing=True))
    if row is None:
        raise _unknown(session, ref)
    return snapshot(row)


def page(
    session: Session, name: str | None = None, *, limit: int = 50, before: int | None = None
) -> tuple[ModelVersion, ...]:
    """Return one page of versions, newest first.

    Args:
        session: Any session; nothing is written.
        name: Only versions of this model.
        limit: How many at most.
        before: Only older ones: the ``id`` of the last one on the page before.
    """
    query = select(VersionRow).order_by(VersionRow.id.desc()).limit(limit)
    if name is not None:
        query = query.where(VersionRow.name == name)
    if before is not None:
        query = query.where(VersionRow.id < before)
    return tuple(snapshot(row) for row in session.scalars(query))


def names(session: Session) -> tuple[str, ...]:
    """Return the names of all registered models, in order."""
    return db.distinct(session, VersionRow.name)


def champion(session: Session, name: str) -> ModelVersion | None:
    """Return the version of a model that is in production, if one is."""
    query = _pointed_at(select(VersionRow), Ref(name, stage=Stage.PRODUCTION))
    row = session.scalar(query.execution_options(populate_existing=True))
    return snapshot(row) if row is not None else None


def previous_champion(session: Session, name: str) -> ModelVersion | None:
    """Return the version that was in production before the present one, or last of all."""
    present = champion(session, name)
    moves = select(AuditRow.subject, AuditRow.detail).where(
        AuditRow.model == name, AuditRow.action == "promote"
    )
    for subject, detail in session.execute(moves.order_by(AuditRow.number.desc())):
        entered = detail.get("to") == Stage.PRODUCTION.value
        if entered and (present is None or subject != present.ref):
            return get(session, Ref(name, number=int(subject.rpartition("/")[2])))
    return None


def move(session: Session, version: ModelVersion, to: Stage) -> ModelVersion:
    """Write a version's new stage. Only ``registry.promotion`` decides whether it may."""
    return _write(session, version, stage=to.value)


def note_mlflow(session: Session, version: ModelVersion, number: str) -> ModelVersion:
    """Write down which MLflow version shows this one. Only ``registry.mirror`` knows."""
    return _write(session, version, mlflow_version=number)


def snapshot(row: VersionRow) -> ModelVersion:
    """Copy a row into what callers may keep."""
    values = {column.name: getattr(row, column.name) for column in fields(ModelVersion)}
    return ModelVersion(**{**values, "stage": Stage(row.stage)})


def _write(session: Session, version: ModelVersion, **values: str) -> ModelVersion:
    row = session.get_one(VersionRow, version.id)
    for key, value in values.items():
        setattr(row, key, value)
    session.flush()
    return snapshot(row)


def _row(name: str, number: int, evidence: Evidence, by: Actor) -> VersionRow:
    finite = {key: float(value) for key, value in evidence.metrics.items() if math.isfinite(value)}
    return VersionRow(
        name=name,
        number=number,
        stage=Stage.CANDIDATE.value,
        metrics=finite,
        author=by.name,
        created_at=now(),
        evidence={
            "greater_is_better": evidence.greater_is_better,
            "signature": evidence.signature,
            "input_example": evidence.input_example,
            "requirements": list(evidence.requirements),
            # NaN is no JSON; that somebody asked for the metric is still worth knowing.
            "undefined_metrics": sorted(set(evidence.metrics) - set(finite)),
            "more": dict(evidence.more),
        },
        **{key: getattr(evidence, key) for key in (*_COLUMNS, *_DIGESTS)},
    )


def _check(evidence: Evidence) -> None:
    for key in _COLUMNS:
        if not getattr(evidence, key):
            raise BadEvidence(f"its {key} is empty", "Every version comes from a logged run.")
    if evidence.metric not in evidence.metrics:
        raise BadEvidence(
            f"it was chosen by {evidence.metric!r}, which is not among its metrics",
            f"It has {', '.join(sorted(evidence.metrics)) or 'none'}.",
        )


def _pointed_at(query: Select[VersionRow], ref: Ref) -> Select[VersionRow]:
    if ref.model_id is not None:
        return query.where(VersionRow.model_id == ref.model_id)
    query = query.where(VersionRow.name == ref.name)
    if ref.number is not None:
        query = query.where(VersionRow.number == ref.number)
    if ref.stage is not None:
        query = query.where(VersionRow.stage == ref.stage.value)
    return query


def _unknown(session: Session, ref: Ref) -> UnknownVersion:
    there = page(session, ref.name, limit=_TOLD_IN_ERRORS) if ref.name else ()
    exists = [f"{version.ref} ({version.stage.value})" for version in there]
    known = () if exists else names(session)
    return UnknownVersion(ref, name=ref.name, names=known, exists=exists)
