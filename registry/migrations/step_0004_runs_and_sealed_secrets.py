"""An index for each question that MLflow's side asks, and secrets that may lie there sealed.

Sealing needs no other column, but a release that knows nothing of it would sign with what it
reads: the step keeps such a release away.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from registry.errors import Conflict

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_ASKED_BY = ("run_id", "experiment_id")


def upgrade() -> None:
    """Make the two indexes."""
    for column in _ASKED_BY:
        op.create_index(f"ix_mlops_versions_{column}_id", "mlops_versions", [column, "id"])


def downgrade() -> None:
    """Remove them; sealed secrets must have been opened before."""
    sealed = sa.text("SELECT count(*) FROM mlops_webhooks WHERE secret LIKE 'sealed:%'")
    if count := op.get_bind().scalar(sealed):
        raise Conflict(f"{count} webhook secrets are sealed: mlops webhooks seal --undo.")
    for column in _ASKED_BY:
        op.drop_index(f"ix_mlops_versions_{column}_id", "mlops_versions")
