"""Who asks: whoever is signed in at MLflow's server, else whoever runs this process."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from sqlalchemy.orm import Session

from mlops.guard import HEADER
from registry import db, users
from registry.errors import UnknownUser
from registry.mirror.speaking import is_drawing
from registry.permissions import Actor, Role

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from mlops.settings import Settings

UI, CLIENT = "mlflow-ui", "mlflow-client"
"""How the audit log calls the ways through MLflow: by its server, and by its database."""


def asker(engine: Engine, settings: Settings) -> Actor:
    """Return who asks MLflow for something just now.

    Raises:
        UserInactive: They were deactivated.
    """
    name = _signed_in()
    if name is None:  # one person's own server, or no server at all
        from mlops.workspace import caller

        return caller(engine, settings, UI if _is_request() else CLIENT)
    with Session(db.readers(engine)) as session:
        try:
            users.get(session, name)
            role = Role.ADMIN  # nothing narrows the role they have
        except UnknownUser:
            role = Role.ADMIN if _runs_mlflow(name) else settings.mlflow_role
        return users.caller(session, name, role=role, source=UI)[0]


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
