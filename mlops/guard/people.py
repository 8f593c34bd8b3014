"""Who asks: whoever is signed in at MLflow's server, else whoever runs this process."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from registry.permissions import Actor, Role

if TYPE_CHECKING:
    from mlops.settings import Settings

UI, CLIENT = "mlflow-ui", "mlflow-client"
"""How the audit log calls the ways through MLflow: by its server, and by its database."""


def asker(settings: Settings) -> Actor:
    """Return who asks MLflow for something just now."""
    if not _is_request():
        return Actor(settings.author, settings.role, CLIENT)
    name = _signed_in()
    if name is None:  # a server without a login: one person's own
        return Actor(settings.author, settings.role, UI)
    return Actor(name, Role.ADMIN if _runs_mlflow(name) else settings.mlflow_role, UI)


def _is_request() -> bool:
    flask = sys.modules.get("flask")
    return flask is not None and bool(flask.has_request_context())


def _signed_in() -> str | None:
    from flask import g

    name = getattr(g, "mlflow_authenticated_user", None)
    return None if name is None else str(name)


def _runs_mlflow(name: str) -> bool:
    """Say whether somebody is an admin of MLflow's basic-auth."""
    auth = sys.modules.get("mlflow.server.auth")
    return auth is not None and bool(auth.store.get_user(name).is_admin)
