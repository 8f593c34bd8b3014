"""SQLAlchemy tables. Private to the registry: callers get frozen dataclasses.

The names start with ``mlops_`` because by default these tables live beside MLflow's own. What
Alembic creates (``migrations/``) and what is written here are held together by a test; the
triggers that keep the audit log append-only exist in the migration alone.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import (
    JSON,
    DateTime,
    ForeignKey,
    Index,
    MetaData,
    String,
    Text,
    TypeDecorator,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

if TYPE_CHECKING:
    from sqlalchemy import Dialect

    _Decorated = TypeDecorator[datetime]
else:
    _Decorated = TypeDecorator

# Every constraint gets a name, so that a later migration can speak of it on both databases.
_NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}
_IN_PRODUCTION = text("stage = 'production'")
_WAITING = text("delivered_at IS NULL")
_OPEN = text("closed_at IS NULL")
_PRESENT = text("until IS NULL")
_QUEUED = text("state = 'waiting'")


def now() -> datetime:
    """Return the time, with its zone."""
    return datetime.now(UTC)


class Moment(_Decorated):
    """A time that goes in and comes out as UTC, although SQLite forgets the zone."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Turn a time with a zone into UTC; a time without one is refused."""
        del dialect
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"{value} has no time zone")
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Give a time its zone back."""
        del dialect
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class Table(DeclarativeBase):
    """Base of all tables; ``Table.metadata`` is what Alembic compares with."""

    metadata = MetaData(naming_convention=_NAMING)
    type_annotation_map = {datetime: Moment, dict[str, Any]: JSON, list[Any]: JSON}


class VersionRow(Table):
    """One registered version."""

    __tablename__ = "mlops_versions"
    __table_args__ = (
        UniqueConstraint("name", "number"),
        UniqueConstraint("name", "run_id", "model_id"),
        Index("ix_mlops_versions_name_id", "name", "id"),
        Index("ix_mlops_versions_name_stage", "name", "stage"),
        Index("ix_mlops_versions_run_id_id", "run_id", "id"),
        Index("ix_mlops_versions_experiment_id_id", "experiment_id", "id"),
        Index(
            "uq_mlops_versions_one_in_production",
            "name",
            unique=True,
            sqlite_where=_IN_PRODUCTION,
            postgresql_where=_IN_PRODUCTION,
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(200))
    number: Mapped[int]
    stage: Mapped[str] = mapped_column(String(20))
    task: Mapped[str] = mapped_column(String(40))
    metric: Mapped[str] = mapped_column(String(100))
    metrics: Mapped[dict[str, Any]]
    run_id: Mapped[str] = mapped_column(String(64))
    experiment_id: Mapped[str] = mapped_column(String(64))
    model_id: Mapped[str] = mapped_column(String(64), index=True)
    model_uri: Mapped[str] = mapped_column(Text)
    model_digest: Mapped[str] = mapped_column(String(128))
    data_digest: Mapped[str] = mapped_column(String(128))
    author: Mapped[str] = mapped_column(String(200))
    created_at: Mapped[datetime]
    mlflow_version: Mapped[str | None] = mapped_column(String(20))
    evidence: Mapped[dict[str, Any]]


class ReportRow(Table):
    """A report that was attached to a version: where it lies and what it says in short."""

    __tablename__ = "mlops_reports"
    __table_args__ = (UniqueConstraint("version_id", "kind", "digest"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    version_id: Mapped[int] = mapped_column(ForeignKey("mlops_versions.id", ondelete="RESTRICT"))
    kind: Mapped[str] = mapped_column(String(40))
    digest: Mapped[str] = mapped_column(String(128))
    uri: Mapped[str] = mapped_column(Text)
    schema: Mapped[str] = mapped_column(String(20))
    summary: Mapped[dict[str, Any]]
    author: Mapped[str] = mapped_column(String(200))
    at: Mapped[datetime]


class AuditRow(Table):
    """One link of the chain. ``previous`` is unique, so the chain cannot fork."""

    __tablename__ = "mlops_audit"
    # One index for each question of ``audit.log``; the last one turns a time into a number.
    __table_args__ = (
        Index("ix_mlops_audit_model_number", "model", "number"),
        Index("ix_mlops_audit_model_action_number", "model", "action", "number"),
        Index("ix_mlops_audit_subject_number", "subject", "number"),
        Index("ix_mlops_audit_actor_number", "actor", "number"),
        Index("ix_mlops_audit_action_number", "action", "number"),
        Index("ix_mlops_audit_at_number", "at", "number"),
    )

    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    at: Mapped[datetime]
    actor: Mapped[str] = mapped_column(String(200))
    role: Mapped[str] = mapped_column(String(40))
    source: Mapped[str] = mapped_column(String(40))
    action: Mapped[str] = mapped_column(String(50))
    model: Mapped[str | None] = mapped_column(String(200))
    subject: Mapped[str] = mapped_column(String(300))
    reason: Mapped[str] = mapped_column(Text)
    detail: Mapped[dict[str, Any]]
    previous: Mapped[str] = mapped_column(String(64), unique=True)
    digest: Mapped[str] = mapped_column(String(64), unique=True)


class OutboxRow(Table):
    """Something that the world outside must be told, written with the change itself."""

    __tablename__ = "mlops_outbox"
    __table_args__ = (
        Index(
            "ix_mlops_outbox_waiting",
            "name",
            "id",
            sqlite_where=_WAITING,
            postgresql_where=_WAITING,
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(200))
    kind: Mapped[str] = mapped_column(String(40))
    payload: Mapped[dict[str, Any]]
    created_at: Mapped[datetime]
    delivered_at: Mapped[datetime | None]
    attempts: Mapped[int]
    last_error: Mapped[str | None] = mapped_column(Text)


class RequestRow(Table):
    """Somebody asked that a version may enter a stage; bound to what was true then."""

    __tablename__ = "mlops_requests"
    __table_args__ = (
        Index(
            "uq_mlops_requests_one_open",
            "version_id",
            "goal",
            unique=True,
            sqlite_where=_OPEN,
            postgresql_where=_OPEN,
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    version_id: Mapped[int] = mapped_column(ForeignKey("mlops_versions.id", ondelete="RESTRICT"))
    goal: Mapped[str] = mapped_column(String(20))
    author: Mapped[str] = mapped_column(String(200))
    reason: Mapped[str] = mapped_column(Text)
    at: Mapped[datetime]
    model_digest: Mapped[str] = mapped_column(String(128))
    verdict_digest: Mapped[str] = mapped_column(String(64))
    policy_digest: Mapped[str] = mapped_column(String(64))
    closed_at: Mapped[datetime | None]
    outcome: Mapped[str | None] = mapped_column(String(20))


class ApprovalRow(Table):
    """What one person said to a request."""

    __tablename__ = "mlops_approvals"
    __table_args__ = (UniqueConstraint("request_id", "approver"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    request_id: Mapped[int] = mapped_column(ForeignKey("mlops_requests.id", ondelete="RESTRICT"))
    approver: Mapped[str] = mapped_column(String(200))
    role: Mapped[str] = mapped_column(String(40))
    decision: Mapped[str] = mapped_column(String(20))
    reason: Mapped[str] = mapped_column(Text)
    at: Mapped[datetime]


class MeasurementRow(Table):
    """Something that was measured on a version, and against what: the gates read it."""

    __tablename__ = "mlops_measurements"
    __table_args__ = (UniqueConstraint("version_id", "kind", "against"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    version_id: Mapped[int] = mapped_column(ForeignKey("mlops_versions.id", ondelete="RESTRICT"))
    kind: Mapped[str] = mapped_column(String(40))
    against: Mapped[str] = mapped_column(String(64))
    found: Mapped[dict[str, Any]]
    author: Mapped[str] = mapped_column(String(200))
    at: Mapped[datetime]


class ValidationRow(Table):
    """What all gates of a stage said of a version at one time."""

    __tablename__ = "mlops_validations"
    __table_args__ = (Index("ix_mlops_validations_version_id_id", "version_id", "id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    version_id: Mapped[int] = mapped_column(ForeignKey("mlops_versions.id", ondelete="RESTRICT"))
    goal: Mapped[str] = mapped_column(String(20))
    passed: Mapped[bool]
    verdicts: Mapped[list[Any]]
    obstacles: Mapped[list[Any]]
    champion: Mapped[str | None] = mapped_column(String(300))
    model_digest: Mapped[str] = mapped_column(String(128))
    verdict_digest: Mapped[str] = mapped_column(String(64))
    policy_digest: Mapped[str] = mapped_column(String(64))
    author: Mapped[str] = mapped_column(String(200))
    at: Mapped[datetime]


class TenureRow(Table):
    """One version's time in production. ``before`` is what a rollback goes back to."""

    __tablename__ = "mlops_tenures"
    __table_args__ = (
        Index("ix_mlops_tenures_name_id", "name", "id"),
        Index("ix_mlops_tenures_name_since", "name", "since"),
        Index(
            "uq_mlops_tenures_one_present",
            "name",
            unique=True,
            sqlite_where=_PRESENT,
            postgresql_where=_PRESENT,
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(200))
    version_id: Mapped[int] = mapped_column(ForeignKey("mlops_versions.id", ondelete="RESTRICT"))
    since: Mapped[datetime]
    until: Mapped[datetime | None]
    entered: Mapped[str] = mapped_column(String(20))
    left: Mapped[str | None] = mapped_column(String(20))
    author: Mapped[str] = mapped_column(String(200))
    reason: Mapped[str] = mapped_column(Text)
    before_id: Mapped[int | None] = mapped_column(
        ForeignKey("mlops_tenures.id", ondelete="RESTRICT")
    )


class UserRow(Table):
    """Somebody the registry knows. Nobody is deleted: entries of the audit log name them."""

    __tablename__ = "mlops_users"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(200), unique=True)
    role: Mapped[str] = mapped_column(String(40))
    author: Mapped[str] = mapped_column(String(200))
    created_at: Mapped[datetime]
    deactivated_at: Mapped[datetime | None]
    last_seen_at: Mapped[datetime | None]


class TokenRow(Table):
    """A token's digest, never the token. ``scopes`` None means all that the role grants."""

    __tablename__ = "mlops_tokens"

    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[int] = mapped_column(
        ForeignKey("mlops_users.id", ondelete="RESTRICT"), index=True
    )
    label: Mapped[str] = mapped_column(String(100))
    digest: Mapped[str] = mapped_column(String(64), unique=True)
    hint: Mapped[str] = mapped_column(String(16))
    scopes: Mapped[list[Any] | None] = mapped_column(JSON(none_as_null=True))
    author: Mapped[str] = mapped_column(String(200))
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]
    last_used_at: Mapped[datetime | None]


class WebhookRow(Table):
    """A receiver of events. A removed one stays for the history of its deliveries."""

    __tablename__ = "mlops_webhooks"

    id: Mapped[int] = mapped_column(primary_key=True)
    url: Mapped[str] = mapped_column(Text)
    models: Mapped[str] = mapped_column(String(200))
    kinds: Mapped[list[Any]]
    secret: Mapped[str] = mapped_column(Text)
    author: Mapped[str] = mapped_column(String(200))
    created_at: Mapped[datetime]
    removed_at: Mapped[datetime | None]


class DeliveryRow(Table):
    """One message on its way to one webhook, written with the change that it tells of."""

    __tablename__ = "mlops_deliveries"
    __table_args__ = (
        UniqueConstraint("webhook_id", "message_id"),
        Index(
            "ix_mlops_deliveries_queue",
            "webhook_id",
            "model",
            "id",
            sqlite_where=_QUEUED,
            postgresql_where=_QUEUED,
        ),
        Index("ix_mlops_deliveries_webhook_id_id", "webhook_id", "id"),
        Index("ix_mlops_deliveries_state_id", "state", "id"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    webhook_id: Mapped[int] = mapped_column(ForeignKey("mlops_webhooks.id", ondelete="RESTRICT"))
    message_id: Mapped[int] = mapped_column(ForeignKey("mlops_outbox.id", ondelete="RESTRICT"))
    event: Mapped[str] = mapped_column(String(40))
    model: Mapped[str] = mapped_column(String(200))
    state: Mapped[str] = mapped_column(String(20))
    attempts: Mapped[int]
    next_at: Mapped[datetime]
    claimed_by: Mapped[str | None] = mapped_column(String(32))
    claimed_until: Mapped[datetime | None]
    status: Mapped[int | None]
    error: Mapped[str | None] = mapped_column(Text)
    delivered_at: Mapped[datetime | None]
