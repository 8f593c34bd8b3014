"""After a change is committed, MLflow is made to show it; it may be down without undoing it."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from mlops import audits, webhooks
from registry import mirror

if TYPE_CHECKING:
    from mlops.workspace import Workspace

logger = logging.getLogger(__name__)


def show(ws: Workspace, name: str, *, whole: bool = False) -> str:
    """Make MLflow show a model's versions as recorded; return why not, or an empty text.

    What is missing stays in the outbox and is shown by the next command on that model. Only what
    changed is looked at, or the whole model.
    """
    audits.note(ws)
    try:
        with webhooks.telling(ws), ws.session() as session:
            mirror.show(
                session, name, ws.tracking_uri, stages=ws.settings.mlflow_stages, whole=whole
            )
    except Exception as error:  # noqa: BLE001 - any failure of MLflow leaves the record as it is
        logger.warning("MLflow does not show %s as recorded yet: %s", name, error)
        return f"{type(error).__name__}: {error}"
    return ""
