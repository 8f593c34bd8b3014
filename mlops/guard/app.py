"""The app of a guarded MLflow server: ``mlflow server --app-name mlops``.

It refuses to start unless MLflow's stores are ours: the store plugin fails open where it cannot be
imported, this app does not. It also carries what only HTTP sees: files that somebody writes or
deletes under a registered version.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mlops.guard import files
from registry.errors import RegistryError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, MutableMapping

    from mlflow.exceptions import MlflowException

    Scope = MutableMapping[str, Any]

_APPS = {"server": "_plain", "server_with_login": "_with_login"}


def __getattr__(name: str) -> Any:
    """Hand out an app once the guard is known to be active.

    ``mlflow server`` looks the app up before it starts a worker, so it fails once, with one
    sentence, and not in every worker again and again.
    """
    if name not in _APPS:
        raise AttributeError(name)
    insist()
    if name == "server_with_login":
        _prepare_login()
    return globals()[_APPS[name]]


def insist() -> None:
    """End this process unless MLflow asks the record before it writes.

    Raises:
        SystemExit: It would not: the stores of this server are not guarded.
    """
    from mlflow.server import handlers

    found = [getattr(handlers, name) for name in ("_tracking_store", "_model_registry_store")]
    if None in found:  # in a worker nobody has asked for them yet
        found = [handlers._get_tracking_store(), handlers._get_model_registry_store()]
    for store in found:
        if not hasattr(store, "witness"):
            raise SystemExit(
                f"The server is not started: nothing guards {type(store).__name__}. Keep runs and "
                "models on SQLite or PostgreSQL, and install mlops-platform beside MLflow."
            )


def _plain() -> Any:
    """Make the guarded server."""
    from mlflow.server import app

    return _watched(app, _served(app))


def _with_login() -> Any:
    """Make the guarded server behind MLflow's basic-auth."""
    from mlflow.server import app, auth

    return _watched(app, auth.create_app(app))


def _served(app: Any) -> Any:
    from mlflow.environment_variables import _MLFLOW_SGI_NAME

    if _MLFLOW_SGI_NAME.get() != "uvicorn":
        return app
    from mlflow.server.fastapi_app import create_fastapi_app

    return create_fastapi_app(app)


def _prepare_login() -> None:
    """Do what MLflow does for its own basic-auth before it starts workers."""
    from mlflow.environment_variables import _MLFLOW_AUTH_ADMIN_BOOTSTRAPPED
    from mlflow.server import _bootstrap_basic_auth

    if not _MLFLOW_AUTH_ADMIN_BOOTSTRAPPED.get():
        _bootstrap_basic_auth()
        _MLFLOW_AUTH_ADMIN_BOOTSTRAPPED.set("true")


def _watched(flask: Any, served: Any) -> Any:
    """Watch what is written over HTTP: before FastAPI's routes, or Flask's where there is none."""
    if served is flask:
        flask.before_request(_before_request)
    else:
        from starlette.middleware import Middleware

        # Last is innermost: whoever is not signed in is turned away before.
        served.user_middleware.append(Middleware(Watch))
    return served


class Watch:
    """An ASGI middleware: artifact routes of FastAPI are mounted before Flask sees anything."""

    def __init__(self, app: Callable[..., Awaitable[None]]) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Any, send: Any) -> None:
        """Refuse a write over registered files, pass on everything else."""
        if scope["type"] == "http" and files.is_write(scope["method"], scope["path"]):
            import asyncio

            query = scope.get("query_string", b"").decode("latin-1")
            asked = (scope["method"], scope["path"], query)
            refusal = await asyncio.to_thread(_refusal, *asked)
            if refusal is not None:
                status, body = _answer(refusal)
                headers = [(b"content-type", b"application/json")]
                await send({"type": "http.response.start", "status": status, "headers": headers})
                await send({"type": "http.response.body", "body": body})
                return
        await self.app(scope, receive, send)


def _before_request() -> Any:
    from flask import Response, request

    if not files.is_write(request.method, request.path):
        return None
    query = request.query_string.decode("latin-1")
    refusal = _refusal(request.method, request.path, query)
    if refusal is None:
        return None
    status, body = _answer(refusal)
    return Response(body, status=status, mimetype="application/json")


def _refusal(method: str, path: str, query: str) -> MlflowException | None:
    from mlflow.exceptions import MlflowException
    from mlflow.protos.databricks_pb2 import PERMISSION_DENIED, TEMPORARILY_UNAVAILABLE
    from mlflow.server import handlers

    try:
        refused = files.refusal(handlers._get_tracking_store(), method, path, query)
    except RegistryError as error:
        return MlflowException(str(error), TEMPORARILY_UNAVAILABLE)
    except MlflowException:
        return None  # MLflow says the same, with the status it always had
    return MlflowException(refused, PERMISSION_DENIED) if refused else None


def _answer(refusal: MlflowException) -> tuple[int, bytes]:
    return refusal.get_http_status_code(), refusal.serialize_as_json().encode()
