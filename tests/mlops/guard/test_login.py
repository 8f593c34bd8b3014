"""MLflow's basic-auth and workspaces go on working, and the audit log names who was signed in."""

from __future__ import annotations

import pytest
import requests
from mlflow.exceptions import MlflowException
from mlflow.utils import workspace_context

from mlops import people
from mlops.guard import stores
from registry.permissions import Role
from tests.mlops.guard.conftest import NAME, legacy

ADMIN, EVE = ("admin", "a-long-password"), ("eve", "another-password")
pytestmark = [
    pytest.mark.filterwarnings("ignore:.*transition_model_version_stage"),
    pytest.mark.filterwarnings("ignore:.*Model registry stages"),
]


def _ask(house, who, path, api="2.0", **body):
    url = f"{house.url}/ajax-api/{api}/mlflow/{path}"
    answer = requests.post(url, json=body, auth=who, timeout=240)
    return answer.status_code, answer.text


def _stage(house, who, stage):
    return _ask(
        house, who, "model-versions/transition-stage",
        name=NAME, version="1", stage=stage, archive_existing_versions=stage == "Staging",
    )  # fmt: skip


def test_a_promotion_is_audited_under_the_user_who_signed_in(house, tmp_path):
    house.register()
    (tmp_path / "auth.ini").write_text(
        "[mlflow]\ndefault_permission = MANAGE\n"
        f"database_uri = sqlite:///{tmp_path}/auth.db\n"
        f"admin_username = {ADMIN[0]}\nadmin_password = {ADMIN[1]}\n"
        "authorization_function = mlflow.server.auth:authenticate_request_basic_auth\n"
    )
    env = {"MLFLOW_AUTH_CONFIG_PATH": str(tmp_path / "auth.ini"),
           "MLFLOW_FLASK_SERVER_SECRET_KEY": "secret"}  # fmt: skip
    with house.served(app="mlops-basic-auth", **env):
        assert _stage(house, None, "Staging")[0] == 401
        file = f"{house.url}/api/2.0/mlflow-artifacts/artifacts/house/models/x/weights"
        assert requests.put(file, b"x", timeout=240).status_code == 401
        made = _ask(house, ADMIN, "users/create", username=EVE[0], password=EVE[1])
        assert made[0] == 200, made
        granted = _ask(
            house, ADMIN, "users/permissions/grant", api="3.0", username=EVE[0],
            resource_type="registered_model", resource_id=NAME, permission="MANAGE",
        )  # fmt: skip
        assert granted[0] == 200, granted
        status, told = _stage(house, EVE, "Staging")
        assert status == 403
        assert "'eve' may not" in told
        people.add("eve", role=Role.RELEASER, workspace=house.ws)
        status, told = _stage(house, EVE, "Staging")
        assert status == 200, told
        weights = file.replace("/x/", f"/{house.get('risk/1').model_id}/artifacts/")
        assert requests.put(weights, b"x", auth=ADMIN, timeout=240).status_code == 403
    entry = house.history("risk/1")[0]
    assert (entry.action, entry.actor, entry.role, entry.source) == (
        "promote", "eve", "releaser", "mlflow-ui",
    )  # fmt: skip
    assert house.shown() == (legacy({1: "Staging"}), {"staging": 1})


def test_a_name_in_another_workspace_is_not_ours(house, monkeypatch):
    house.promote(house.register().ref, "staging")
    monkeypatch.setenv("MLFLOW_ENABLE_WORKSPACES", "true")
    store = stores.registry(house.uri)
    try:
        workspace_context.set_server_request_workspace("team-b")
        store.create_registered_model(NAME)
        store.create_model_version(NAME, "/x")
        done = store.transition_model_version_stage(NAME, "1", "Production", True)
        assert done.current_stage == "Production"
        store.delete_registered_model(NAME)
        workspace_context.set_server_request_workspace("default")
        with pytest.raises(MlflowException, match="risk/1 is in staging"):
            store.delete_model_version(NAME, "1")
        store.transition_model_version_stage(NAME, "1", "None", False)
    finally:
        workspace_context.clear_server_request_workspace()
        store.witness.engine.dispose()
        store.engine.dispose()
    assert house.get("risk/1").stage == "candidate"
