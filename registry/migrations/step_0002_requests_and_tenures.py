"""Requests and approvals, what was measured, validation results, and who was in production when.

The tenures of an older database are read off its audit log, which has them all.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_MOMENT = sa.DateTime(timezone=True)
_OPEN = sa.text("closed_at IS NULL")
_PRESENT = sa.text("until IS NULL")


def upgrade() -> None:
    """Make the five tables, and fill the tenures."""
    _requests()
    _approvals()
    _measurements()
    _validations()
    _tenures()
    _fill_tenures(op.get_bind())


def downgrade() -> None:
    """Remove the five tables; the audit log keeps what happened."""
    # SQLite deletes the rows of a table that it drops, and they refer to each other.
    op.execute("UPDATE mlops_tenures SET before_id = NULL")
    for name in ("tenures", "validations", "measurements", "approvals", "requests"):
        op.drop_table(f"mlops_{name}")


def _of_version(table: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["version_id"],
        ["mlops_versions.id"],
        name=f"fk_{table}_version_id",
        ondelete="RESTRICT",
    )


def _requests() -> None:
    op.create_table(
        "mlops_requests",
        sa.Column("id", sa.Integer, nullable=False),
        sa.Column("version_id", sa.Integer, nullable=False),
        sa.Column("goal", sa.String(20), nullable=False),
        sa.Column("author", sa.String(200), nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("at", _MOMENT, nullable=False),
        sa.Column("model_digest", sa.String(128), nullable=False),
        sa.Column("verdict_digest", sa.String(64), nullable=False),
        sa.Column("policy_digest", sa.String(64), nullable=False),
        sa.Column("closed_at", _MOMENT, nullable=True),
        sa.Column("outcome", sa.String(20), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_mlops_requests"),
        _of_version("mlops_requests"),
    )
    op.create_index(
        "uq_mlops_requests_one_open",
        "mlops_requests",
        ["version_id", "goal"],
        unique=True,
        sqlite_where=_OPEN,
        postgresql_where=_OPEN,
    )


def _approvals() -> None:
    op.create_table(
        "mlops_approvals",
        sa.Column("id", sa.Integer, nullable=False),
        sa.Column("request_id", sa.Integer, nullable=False),
        sa.Column("approver", sa.String(200), nullable=False),
        sa.Column("role", sa.String(40), nullable=False),
        sa.Column("decision", sa.String(20), nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("at", _MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_mlops_approvals"),
        sa.ForeignKeyConstraint(
            ["request_id"],
            ["mlops_requests.id"],
            name="fk_mlops_approvals_request_id",
            ondelete="RESTRICT",
        ),
        sa.UniqueConstraint(
            "request_id", "approver", name="uq_mlops_approvals_request_id_approver"
        ),
    )


def _measurements() -> None:
    op.create_table(
        "mlops_measurements",
        sa.Column("id", sa.Integer, nullable=False),
        sa.Column("version_id", sa.Integer, nullable=False),
        sa.Column("kind", sa.String(40), nullable=False),
        sa.Column("against", sa.String(64), nullable=False),
        sa.Column("found", sa.JSON, nullable=False),
        sa.Column("author", sa.String(200), nullable=False),
        sa.Column("at", _MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_mlops_measurements"),
        _of_version("mlops_measurements"),
        sa.UniqueConstraint(
            "version_id", "kind", "against", name="uq_mlops_measurements_version_id_kind_against"
        ),
    )


def _validations() -> None:
    op.create_table(
        "mlops_validations",
        sa.Column("id", sa.Integer, nullable=False),
        sa.Column("version_id", sa.Integer, nullable=False),
        sa.Column("goal", sa.String(20), nullable=False),
        sa.Column("passed", sa.Boolean, nullable=False),
        sa.Column("verdicts", sa.JSON, nullable=False),
        sa.Column("obstacles", sa.JSON, nullable=False),
        sa.Column("champion", sa.String(300), nullable=True),
        sa.Column("model_digest", sa.String(128), nullable=False),
        sa.Column("verdict_digest", sa.String(64), nullable=False),
        sa.Column("policy_digest", sa.String(64), nullable=False),
        sa.Column("author", sa.String(200), nullable=False),
        sa.Column("at", _MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_mlops_validations"),
        _of_version("mlops_validations"),
    )
    op.create_index(
        "ix_mlops_validations_version_id_id", "mlops_validations", ["version_id", "id"]
    )


def _tenures() -> None:
    op.create_table(
        "mlops_tenures",
        sa.Column("id", sa.Integer, nullable=False),
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("version_id", sa.Integer, nullable=False),
        sa.Column("since", _MOMENT, nullable=False),
        sa.Column("until", _MOMENT, nullable=True),
        sa.Column("entered", sa.String(20), nullable=False),
        sa.Column("left", sa.String(20), nullable=True),
        sa.Column("author", sa.String(200), nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("before_id", sa.Integer, nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_mlops_tenures"),
        _of_version("mlops_tenures"),
        sa.ForeignKeyConstraint(
            ["before_id"],
            ["mlops_tenures.id"],
            name="fk_mlops_tenures_before_id",
            ondelete="RESTRICT",
        ),
    )
    op.create_index("ix_mlops_tenures_name_id", "mlops_tenures", ["name", "id"])
    op.create_index("ix_mlops_tenures_name_since", "mlops_tenures", ["name", "since"])
    op.create_index(
        "uq_mlops_tenures_one_present",
        "mlops_tenures",
        ["name"],
        unique=True,
        sqlite_where=_PRESENT,
        postgresql_where=_PRESENT,
    )


def _fill_tenures(connection: sa.Connection) -> None:
    """Read off the audit log who entered and left production, in the order it happened."""
    meta = sa.MetaData()
    audit = sa.Table("mlops_audit", meta, autoload_with=connection)
    versions = sa.Table("mlops_versions", meta, autoload_with=connection)
    tenures = sa.Table("mlops_tenures", meta, autoload_with=connection)
    ids = {
        f"{name}/{number}": (key, name)
        for key, name, number in connection.execute(
            sa.select(versions.c.id, versions.c.name, versions.c.number)
        )
    }
    moves = sa.select(audit).where(audit.c.action.in_(("promote", "demote", "archive")))
    last: dict[str, int] = {}
    # All at once: a write between two fetches would end a server's cursor.
    for row in connection.execute(moves.order_by(audit.c.number)).all():
        if row.subject in ids:
            _take_over(connection, tenures, row, ids[row.subject], last)


def _take_over(
    connection: sa.Connection,
    tenures: sa.Table,
    row: sa.Row[Any],
    version: tuple[int, str],
    last: dict[str, int],
) -> None:
    key, name = version
    if row.detail.get("to") == "production":
        entered = {"since": row.at, "entered": row.action, "author": row.actor}
        more = {"reason": row.reason, "before_id": last.get(name)}
        values = {"name": name, "version_id": key, **entered, **more}
        made = connection.execute(tenures.insert().values(values).returning(tenures.c.id))
        last[name] = made.scalar_one()
    elif row.detail.get("from") == "production":
        way = "replaced" if row.detail.get("by") else row.action
        left = sa.and_(tenures.c.version_id == key, tenures.c.until.is_(None))
        connection.execute(tenures.update().where(left).values(until=row.at, left=way))
