"""Nothing has to be set; what is set counts; what makes no sense is named."""

from pathlib import Path

import pytest

from mlops import settings
from mlops.errors import BadEnvironment
from mlops.settings import Settings


def test_by_default_everything_is_in_the_current_folder(monkeypatch):
    monkeypatch.setenv("HOME", "/somewhere/else")
    monkeypatch.setenv("USER", "somebody")
    found = settings.load()
    assert found.tracking_uri == found.database_url == f"sqlite:///{Path.cwd() / 'mlflow.db'}"
    assert found.home == Path(".mlops")
    assert found.user == ""


def test_the_registry_has_a_file_of_its_own_when_mlflow_is_a_server(monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://mlflow.example.org")
    assert settings.load().database_url == f"sqlite:///{Path.cwd() / 'mlops.db'}"
    monkeypatch.setenv("MLOPS_DATABASE_URL", "postgresql://db/mlops")
    assert settings.load().database_url == "postgresql://db/mlops"


def test_a_name_can_be_given_and_is_the_login_otherwise(monkeypatch):
    monkeypatch.setenv("MLOPS_USER", "release-bot")
    assert settings.load().author == "release-bot"
    monkeypatch.delenv("MLOPS_USER")
    assert settings.load().author


@pytest.mark.parametrize(
    ("name", "value"),
    [("MLOPS_UI_PORT", "99999"), ("MLOPS_ROLE", "emperor"), ("MLOPS_WORKERS", "0")],
)
def test_a_value_that_makes_no_sense_is_refused_by_name(monkeypatch, name, value):
    monkeypatch.setenv(name, value)
    with pytest.raises(BadEnvironment, match=f"{name} cannot be '{value}'"):
        settings.load()


def test_a_program_may_give_settings_by_their_names():
    assert Settings(home=Path("elsewhere"), user="ada").author == "ada"


def test_a_key_that_is_none_is_refused_and_not_shown(monkeypatch):
    good = "Z29sZGVuIGdvbGRlbiBnb2xkZW4gZ29sZGVuIGdvbGQ="
    monkeypatch.setenv("MLOPS_SECRET_KEY", f"{good}, hunter2")
    with pytest.raises(BadEnvironment, match=r"MLOPS_SECRET_KEY .*webhooks key") as caught:
        settings.load()
    assert "hunter2" not in str(caught.value)
    assert good not in str(caught.value)
    monkeypatch.setenv("MLOPS_SECRET_KEY", f"{good}, {good}")
    assert settings.load().keys == (good, good)
    assert good not in repr(settings.load())
