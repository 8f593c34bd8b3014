"""Users and tokens, webhooks and deliveries, and an index for each question of the log."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_MOMENT = sa.DateTime(timezone=True)
_QUEUED = sa.text("state = 'waiting'")
_ASKED_BY = ("subject", "actor", "action", "at")
_PAIR = "ix_mlops_audit_model_action_number"


def upgrade() -> None:
    """Make the four tables and the indexes."""
    _users()
    _tokens()
    _webhooks()
    _deliveries()
    for column in _ASKED_BY:
        op.create_index(f"ix_mlops_audit_{column}_number", "mlops_audit", [column, "number"])
    op.create_index(_PAIR, "mlops_audit", ["model", "action", "number"])


def downgrade() -> None:
    """Remove them; the audit log keeps who was added and what was sent where."""
    op.drop_index(_PAIR, "mlops_audit")
    for column in _ASKED_BY:
        op.drop_index(f"ix_mlops_audit_{column}_number", "mlops_audit")
    for name in ("deliveries", "webhooks", "tokens", "users"):
        op.drop_table(f"mlops_{name}")


def _users() -> None:
    op.create_table(
        "mlops_users",
        sa.Column("id", sa.Integer, nullable=False),
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("role", sa.String(40), nullable=False),
        sa.Column("author", sa.String(200), nullable=False),
        sa.Column("created_at", _MOMENT, nullable=False),
        sa.Column("deactivated_at", _MOMENT, nullable=True),
        sa.Column("last_seen_at", _MOMENT, nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_mlops_users"),
        sa.UniqueConstraint("name", name="uq_mlops_users_name"),
    )


def _tokens() -> None:
    op.create_table(
        "mlops_tokens",
        sa.Column("id", sa.Integer, nullable=False),
        sa.Column("user_id", sa.Integer, nullable=False),
        sa.Column("label", sa.String(100), nullable=False),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("hint", sa.String(16), nullable=False),
        sa.Column("scopes", sa.JSON, nullable=True),
        sa.Column("author", sa.String(200), nullable=False),
        sa.Column("created_at", _MOMENT, nullable=False),
        sa.Column("expires_at", _MOMENT, nullable=True),
        sa.Column("revoked_at", _MOMENT, nullable=True),
        sa.Column("last_used_at", _MOMENT, nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_mlops_tokens"),
        sa.UniqueConstraint("digest", name="uq_mlops_tokens_digest"),
        sa.ForeignKeyConstraint(
            ["user_id"], ["mlops_users.id"], name="fk_mlops_tokens_user_id", ondelete="RESTRICT"
        ),
    )
    op.create_index("ix_mlops_tokens_user_id", "mlops_tokens", ["user_id"])


def _webhooks() -> None:
    op.create_table(
        "mlops_webhooks",
        sa.Column("id", sa.Integer, nullable=False),
        sa.Column("url", sa.Text, nullable=False),
        sa.Column("models", sa.String(200), nullable=False),
        sa.Column("kinds", sa.JSON, nullable=False),
        sa.Column("secret", sa.Text, nullable=False),
        sa.Column("author", sa.String(200), nullable=False),
        sa.Column("created_at", _MOMENT, nullable=False),
        sa.Column("removed_at", _MOMENT, nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_mlops_webhooks"),
    )


def _deliveries() -> None:
    op.create_table(
        "mlops_deliveries",
        sa.Column("id", sa.Integer, nullable=False),
        sa.Column("webhook_id", sa.Integer, nullable=False),
        sa.Column("message_id", sa.Integer, nullable=False),
        sa.Column("event", sa.String(40), nullable=False),
        sa.Column("model", sa.String(200), nullable=False),
        sa.Column("state", sa.String(20), nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("next_at", _MOMENT, nullable=False),
        sa.Column("claimed_by", sa.String(32), nullable=True),
        sa.Column("claimed_until", _MOMENT, nullable=True),
        sa.Column("status", sa.Integer, nullable=True),
        sa.Column("error", sa.Text, nullable=True),
        sa.Column("delivered_at", _MOMENT, nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_mlops_deliveries"),
        sa.UniqueConstraint(
            "webhook_id", "message_id", name="uq_mlops_deliveries_webhook_id_message_id"
        ),
        *(
            sa.ForeignKeyConstraint(
                [f"{kind}_id"],
                [f"mlops_{table}.id"],
                name=f"fk_mlops_deliveries_{kind}_id",
                ondelete="RESTRICT",
            )
            for kind, table in (("webhook", "webhooks"), ("message", "outbox"))
        ),
    )
    op.create_index(
        "ix_mlops_deliveries_queue",
        "mlops_deliveries",
        ["webhook_id", "model", "id"],
        sqlite_where=_QUEUED,
        postgresql_where=_QUEUED,
    )
    op.create_index("ix_mlops_deliveries_webhook_id_id", "mlops_deliveries", ["webhook_id", "id"])
    op.create_index("ix_mlops_deliveries_state_id", "mlops_deliveries", ["state", "id"])
