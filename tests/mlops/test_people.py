"""Who a workspace takes its caller for."""

import json
import subprocess
import sys

import pytest

from mlops import people
from mlops.settings import Settings
from mlops.workspace import Workspace
from pipelines.errors import BadSetting
from registry.errors import BadToken, UserInactive
from registry.permissions import Action, Role


@pytest.fixture
def opened(tmp_path):
    """Opens the same workspace as somebody else."""
    made = []

    def open_as(user="ada", **settings):
        url = f"sqlite:///{tmp_path}/mlflow.db"
        chosen = Settings(tracking_uri=url, home=tmp_path, user=user, **settings)
        made.append(Workspace.open(chosen))
        return made[-1]

    yield open_as
    for ws in made:
        ws.engine.dispose()


def test_nobody_has_to_make_users(opened):
    known = people.show(workspace=opened("eve"))
    assert (known.role, known.user, known.tokens) == (Role.ADMIN, None, ())
    assert "promote" in known.may


def test_a_token_names_the_caller_whatever_the_settings_say(opened):
    people.add("rita", Role.RELEASER, workspace=opened())
    made = people.create_token("nightly", user="rita", scopes=["promote"], workspace=opened())
    ws = opened("mallory", token=made.text, role=Role.ADMIN)
    assert (ws.by.name, ws.by.role, ws.by.scopes) == ("rita", Role.RELEASER, {Action.PROMOTE})
    shown = people.show("rita", workspace=opened())
    assert shown.user.last_seen_at
    assert shown.tokens[0].last_used_at
    assert made.text not in repr(ws.settings)


def test_a_bad_token_or_a_deactivated_user_opens_nothing(opened):
    with pytest.raises(BadToken):
        opened(token="mlops_guess")  # noqa: S106 - nobody's
    people.add("rita", Role.RELEASER, workspace=opened())
    people.deactivate("rita", workspace=opened())
    with pytest.raises(UserInactive):
        opened("rita")


def test_a_scope_that_is_none_is_named(opened):
    with pytest.raises(BadSetting, match=r"--scope cannot be 'everything'\..* people, promote"):
        people.create_token("x", scopes=["everything"], workspace=opened())


def test_who_may_only_look_at_the_database_is_still_let_in(opened, tmp_path):
    people.add("rita", Role.RELEASER, workspace=opened())
    url = f"sqlite:///file:{tmp_path}/mlflow.db?mode=ro&uri=true"
    assert opened("rita", database=url).by.role is Role.RELEASER


def test_the_commands_end_with_their_own_exit_codes(opened, tmp_path):
    env = {
        "MLFLOW_TRACKING_URI": opened().tracking_uri, "MLOPS_HOME": str(tmp_path),
        "MLOPS_USER": "ada", "PATH": "",
    }  # fmt: skip

    def mlops(*words, **more):
        command = [sys.executable, "-m", "mlops", *words, "--json"]
        run = subprocess.run(
            command, capture_output=True, text=True, env={**env, **more}, check=False
        )
        return run.returncode, json.loads(run.stdout)

    assert mlops("users", "add", "rita", "--role", "releaser")[1]["role"] == "releaser"
    code, made = mlops("tokens", "create", "ci", "--user", "rita", "--expires", "1h")
    assert code == 0
    assert mlops("users", "show", MLOPS_TOKEN=made["text"])[1]["name"] == "rita"
    assert mlops("tokens", "revoke", str(made["id"]))[1]["state"] == "revoked"
    code, told = mlops("users", "list", MLOPS_TOKEN=made["text"])
    assert (code, told["error"]) == (57, "bad-token")
