"""Who asks at MLflow's server, and in which role."""

import pytest
from flask import Flask, g

from mlops import people
from mlops.guard.people import CLIENT, UI, asker
from mlops.settings import Settings
from mlops.workspace import Workspace
from registry.errors import UserInactive
from registry.permissions import Role


@pytest.fixture
def ws(tmp_path):
    """A workspace with a team: Ada the admin, Rita who releases."""
    url = f"sqlite:///{tmp_path}/mlflow.db"
    made = Workspace.open(Settings(tracking_uri=url, home=tmp_path, user="ada"))
    people.add("rita", Role.RELEASER, workspace=made)
    yield made
    made.engine.dispose()


def signed_in(ws, name):
    with Flask("mlflow").test_request_context():
        if name is not None:
            g.mlflow_authenticated_user = name
        return asker(ws.settings, ws.engine)


def test_the_registry_says_the_role_of_whom_it_knows(ws):
    found = signed_in(ws, "rita")
    assert (found.name, found.role, found.source) == ("rita", Role.RELEASER, UI)
    assert signed_in(ws, "eve").role is ws.settings.mlflow_role
    assert signed_in(ws, None).name == "ada"
    assert asker(ws.settings, ws.engine).source == CLIENT


def test_a_deactivated_user_changes_nothing_through_mlflow(ws):
    people.deactivate("rita", workspace=ws)
    with pytest.raises(UserInactive):
        signed_in(ws, "rita")
