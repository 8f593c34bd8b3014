"""Who asks: whoever is signed in at MLflow's server, else whoever runs this process."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from sqlalchemy.orm import Session

from mlops.guard import HEADER
from registry import db, users
from registry.mirror.speaking import is_drawing
from registry.permissions import Actor, Role

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from mlops.settings import Settings
    from registry.permissions import Actor

UI, CLIENT = "mlflow-ui", "mlflow-client"
"""How the audit log calls the ways through MLflow: by its server, and by its database."""


def asker(settings: Settings, engine: Engine) -> Actor:
    """Return who asks MLflow for something just now, in the role that the registry gives them.

    Raises:
        UserInactive: They were deactivated.
        BadToken: This process has a token that opens nothing.
    """
    from mlops import workspace

    if not _is_request():
        return workspace.caller(engine, settings, CLIENT)
    name = _signed_in()
    if name is None:  # a server without a login: one person's own
        return workspace.caller(engine, settings, UI)
    otherwise = Role.ADMIN if _runs_mlflow(name) else settings.mlflow_role
    with Session(db.readers(engine)) as session:
        return users.signed_in(session, name, otherwise=otherwise, source=UI)


def is_mirror() -> bool:
    """Say whether it is no person that asks but a mirror, here or at the other end of HTTP.

    Whoever says so only loses by it: a mirror is never answered with a promotion.
    """
    if is_drawing():
        return True
    if not _is_request():
        return False
    from flask import request

    return HEADER in request.headers


def _is_request() -> bool:
    flask = sys.modules.get("flask")
    return flask is not None and bool(flask.has_request_context())


def _signed_in() -> str | None:
    if not _is_request():
        return None
    from flask import g

    name = getattr(g, "mlflow_authenticated_user", None)
    return None if name is None else str(name)


def _runs_mlflow(name: str) -> bool:
    """Say whether somebody is an admin of MLflow's basic-auth."""
    auth = sys.modules.get("mlflow.server.auth")
    return auth is not None and bool(auth.store.get_user(name).is_admin)
