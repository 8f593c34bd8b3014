"""Versions, reports, outbox, and an audit log that the database itself keeps append-only."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_MOMENT = sa.DateTime(timezone=True)
_IN_PRODUCTION = sa.text("stage = 'production'")
_WAITING = sa.text("delivered_at IS NULL")

# REPLACE deletes rows without firing a delete trigger, hence the one on INSERT.
_SQLITE = (
    """
    CREATE TRIGGER mlops_audit_no_update BEFORE UPDATE ON mlops_audit
    BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END
    """,
    """
    CREATE TRIGGER mlops_audit_no_delete BEFORE DELETE ON mlops_audit
    BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END
    """,
    """
    CREATE TRIGGER mlops_audit_no_replace BEFORE INSERT ON mlops_audit
    WHEN EXISTS (
        SELECT 1 FROM mlops_audit
        WHERE number = NEW.number OR previous = NEW.previous OR digest = NEW.digest
    )
    BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END
    """,
)
_POSTGRESQL = (
    """
    CREATE FUNCTION mlops_audit_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN RAISE EXCEPTION 'the audit log is append-only'; END $$
    """,
    """
    CREATE TRIGGER mlops_audit_no_change BEFORE UPDATE OR DELETE ON mlops_audit
    FOR EACH ROW EXECUTE FUNCTION mlops_audit_append_only()
    """,
    """
    CREATE TRIGGER mlops_audit_no_truncate BEFORE TRUNCATE ON mlops_audit
    FOR EACH STATEMENT EXECUTE FUNCTION mlops_audit_append_only()
    """,
)


def upgrade() -> None:
    """Make the four tables and the triggers."""
    _versions()
    _reports()
    _audit()
    _outbox()
    sqlite = op.get_bind().dialect.name == "sqlite"
    for statement in _SQLITE if sqlite else _POSTGRESQL:
        op.execute(statement)


def downgrade() -> None:
    """Remove everything that ``upgrade`` made."""
    for table in ("mlops_outbox", "mlops_audit", "mlops_reports", "mlops_versions"):
        op.drop_table(table)
    if op.get_bind().dialect.name != "sqlite":
        op.execute("DROP FUNCTION mlops_audit_append_only()")


def _versions() -> None:
    op.create_table(
        "mlops_versions",
        sa.Column("id", sa.Integer, nullable=False),
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("number", sa.Integer, nullable=False),
        sa.Column("stage", sa.String(20), nullable=False),
        sa.Column("task", sa.String(40), nullable=False),
        sa.Column("metric", sa.String(100), nullable=False),
        sa.Column("metrics", sa.JSON, nullable=False),
        sa.Column("run_id", sa.String(64), nullable=False),
        sa.Column("experiment_id", sa.String(64), nullable=False),
        sa.Column("model_id", sa.String(64), nullable=False),
        sa.Column("model_uri", sa.Text, nullable=False),
        sa.Column("model_digest", sa.String(128), nullable=False),
        sa.Column("data_digest", sa.String(128), nullable=False),
        sa.Column("author", sa.String(200), nullable=False),
        sa.Column("created_at", _MOMENT, nullable=False),
        sa.Column("mlflow_version", sa.String(20), nullable=True),
        sa.Column("evidence", sa.JSON, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_mlops_versions"),
        sa.UniqueConstraint("name", "number", name="uq_mlops_versions_name_number"),
        sa.UniqueConstraint(
            "name", "run_id", "model_id", name="uq_mlops_versions_name_run_id_model_id"
        ),
    )
    op.create_index("ix_mlops_versions_name_id", "mlops_versions", ["name", "id"])
    op.create_index("ix_mlops_versions_name_stage", "mlops_versions", ["name", "stage"])
    op.create_index("ix_mlops_versions_model_id", "mlops_versions", ["model_id"])
    op.create_index(
        "uq_mlops_versions_one_in_production",
        "mlops_versions",
        ["name"],
        unique=True,
        sqlite_where=_IN_PRODUCTION,
        postgresql_where=_IN_PRODUCTION,
    )


def _reports() -> None:
    op.create_table(
        "mlops_reports",
        sa.Column("id", sa.Integer, nullable=False),
        sa.Column("version_id", sa.Integer, nullable=False),
        sa.Column("kind", sa.String(40), nullable=False),
        sa.Column("digest", sa.String(128), nullable=False),
        sa.Column("uri", sa.Text, nullable=False),
        sa.Column("schema", sa.String(20), nullable=False),
        sa.Column("summary", sa.JSON, nullable=False),
        sa.Column("author", sa.String(200), nullable=False),
        sa.Column("at", _MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_mlops_reports"),
        sa.ForeignKeyConstraint(
            ["version_id"],
            ["mlops_versions.id"],
            name="fk_mlops_reports_version_id",
            ondelete="RESTRICT",
        ),
        sa.UniqueConstraint(
            "version_id", "kind", "digest", name="uq_mlops_reports_version_id_kind_digest"
        ),
    )


def _audit() -> None:
    op.create_table(
        "mlops_audit",
        sa.Column("number", sa.Integer, autoincrement=False, nullable=False),
        sa.Column("at", _MOMENT, nullable=False),
        sa.Column("actor", sa.String(200), nullable=False),
        sa.Column("role", sa.String(40), nullable=False),
        sa.Column("source", sa.String(40), nullable=False),
        sa.Column("action", sa.String(50), nullable=False),
        sa.Column("model", sa.String(200), nullable=True),
        sa.Column("subject", sa.String(300), nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("detail", sa.JSON, nullable=False),
        sa.Column("previous", sa.String(64), nullable=False),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_mlops_audit"),
        sa.UniqueConstraint("previous", name="uq_mlops_audit_previous"),
        sa.UniqueConstraint("digest", name="uq_mlops_audit_digest"),
    )
    op.create_index("ix_mlops_audit_model_number", "mlops_audit", ["model", "number"])


def _outbox() -> None:
    op.create_table(
        "mlops_outbox",
        sa.Column("id", sa.Integer, nullable=False),
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("kind", sa.String(40), nullable=False),
        sa.Column("payload", sa.JSON, nullable=False),
        sa.Column("created_at", _MOMENT, nullable=False),
        sa.Column("delivered_at", _MOMENT, nullable=True),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("last_error", sa.Text, nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_mlops_outbox"),
    )
    op.create_index(
        "ix_mlops_outbox_waiting",
        "mlops_outbox",
        ["name", "id"],
        sqlite_where=_WAITING,
        postgresql_where=_WAITING,
    )
