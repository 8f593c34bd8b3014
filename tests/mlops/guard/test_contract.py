"""Where no policy speaks the guarded store answers as MLflow's own: side by side, call by call."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import pytest
from mlflow.entities.logged_model_tag import LoggedModelTag
from mlflow.entities.model_registry import ModelVersionTag, RegisteredModelTag
from mlflow.entities.webhook import WebhookAction, WebhookEntity, WebhookEvent, WebhookStatus
from mlflow.exceptions import MlflowException
from mlflow.store.model_registry.abstract_store import AbstractStore
from mlflow.store.model_registry.sqlalchemy_store import SqlAlchemyStore
from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore as Tracking
from mlflow.tracking._tracking_service import utils

from mlops.guard import stores
from registry import db

pytestmark = [
    pytest.mark.filterwarnings("ignore:.*transition_model_version_stage"),
    pytest.mark.filterwarnings("ignore:.*Model registry stages"),
    pytest.mark.filterwarnings("ignore:.*deprecated"),
]

EVENT = WebhookEvent(WebhookEntity.MODEL_VERSION, WebhookAction.CREATED)
CALLS: list[tuple[Any, ...]] = [
    ("create_registered_model", "a", [RegisteredModelTag("k", "v")], "words"),
    ("create_registered_model", "a"),
    ("create_registered_model", "b"),
    ("create_registered_model", ""),
    ("update_registered_model", "a", "others"),
    ("update_registered_model", "nobody", "others"),
    ("get_registered_model", "a"),
    ("get_registered_model", "nobody"),
    ("search_registered_models", "name LIKE 'a%'", 10, ["name"]),
    ("search_registered_models", "nonsense"),
    ("set_registered_model_tag", "a", RegisteredModelTag("t", "1")),
    ("delete_registered_model_tag", "a", "t"),
    ("create_model_version", "a", "/src", "1" * 32, [ModelVersionTag("k", "v")]),
    ("create_model_version", "a", "/src", None, None, "link", "words"),
    ("create_model_version", "a", "models:/a/1"),
    ("create_model_version", "nobody", "/src"),
    ("get_model_version", "a", 1),
    ("get_model_version", "a", "one"),
    ("get_model_version_download_uri", "a", "3"),
    ("update_model_version", "a", "1", "others"),
    ("set_model_version_tag", "a", "1", ModelVersionTag("mlops.stage", "production")),
    ("delete_model_version_tag", "a", "1", "mlops.stage"),
    ("transition_model_version_stage", "a", 1, "staging", True),
    ("transition_model_version_stage", "a", 2, "Staging", True),
    ("transition_model_version_stage", "a", 1, "Production", False),
    ("transition_model_version_stage", "a", 1, "Archived", True),
    ("transition_model_version_stage", "a", 1, "Champion", False),
    ("transition_model_version_stage", "a", 99, "Production", False),
    ("transition_model_version_stage", "nobody", 1, "Production", False),
    ("get_latest_versions", "a"),
    ("get_latest_versions", "a", ["Staging"]),
    ("set_registered_model_alias", "a", "production", "1"),
    ("set_registered_model_alias", "a", "Production", "2"),
    ("set_registered_model_alias", "a", "shadow", "2"),
    ("set_registered_model_alias", "a", "latest", "2"),
    ("set_registered_model_alias", "a", "production", "99"),
    ("get_model_version_by_alias", "a", "production"),
    ("get_model_version_by_alias", "a", "none"),
    ("delete_registered_model_alias", "a", "shadow"),
    ("delete_registered_model_alias", "nobody", "production"),
    ("search_model_versions", "name='a'", 10, ["version_number DESC"]),
    ("copy_model_version", "a/1", "b"),
    ("rename_registered_model", "b", "c"),
    ("rename_registered_model", "c", "a"),
    ("delete_model_version", "a", "1"),
    ("delete_model_version", "a", "one"),
    ("delete_registered_model", "c"),
    ("delete_registered_model", "nobody"),
    ("create_prompt", "p", "words", {"k": "v"}),
    ("get_prompt", "p"),
    ("search_prompts",),
    ("set_prompt_tag", "p", "t", "1"),
    ("delete_prompt_tag", "p", "t"),
    ("create_prompt_version", "p", "Hello {{name}}", "first", {"k": "v"}),
    ("get_prompt_version", "p", "1"),
    ("set_prompt_version_tag", "p", "1", "t", "1"),
    ("delete_prompt_version_tag", "p", "1", "t"),
    ("set_prompt_alias", "p", "production", 1),
    ("get_prompt_version_by_alias", "p", "production"),
    ("search_prompt_versions", "p"),
    ("link_prompts_to_trace", [], "tr-none"),
    ("link_prompt_version_to_model", "p", "1", "m-none"),
    ("link_prompt_version_to_run", "p", "1", "none"),
    ("delete_prompt_alias", "p", "production"),
    ("delete_prompt_version", "p", "1"),
    ("delete_prompt", "p"),
    ("create_webhook", "w", "https://example.org/hook", [EVENT], "words"),
    ("list_webhooks",),
    ("list_webhooks_by_event", EVENT),
    ("get_webhook", "WEBHOOK"),
    ("update_webhook", "WEBHOOK", "renamed", None, None, None, None, WebhookStatus.DISABLED),
    ("test_webhook", "none"),
    ("delete_webhook", "WEBHOOK"),
    ("get_webhook", "none"),
]
MASKED = re.compile(r"timestamp|creation_time|last_updated|webhook_id|[a-z]+_at$")


@dataclass
class Side:
    """A store, and what it has answered so far."""

    store: Any
    webhook: str = ""

    def answer(self, name, *given):
        given = [self.webhook if each == "WEBHOOK" else each for each in given]
        if name == "copy_model_version":
            given[0] = self.store.get_model_version(*given[0].split("/"))
        try:
            found = getattr(self.store, name)(*given)
        except MlflowException as error:
            return error.error_code, re.sub(r"'[^']*(sqlite|postgresql)[^']*'", "?", str(error))
        except Exception as error:  # noqa: BLE001 - whatever it is, both must raise it
            return type(error).__name__, str(error).replace("GuardedRegistry", "SqlAlchemyStore")
        if name == "create_webhook":
            self.webhook = found.webhook_id
        return plain(found)


def plain(value):
    """Return an answer as data, without times and ids that differ by nature."""
    if isinstance(value, list):
        return [plain(each) for each in value], getattr(value, "token", None)
    if isinstance(value, dict):
        return {key: plain(each) for key, each in value.items()}
    if type(value).__module__.startswith("mlflow") and hasattr(value, "__dict__"):
        told = {k: plain(v) for k, v in vars(value).items() if not MASKED.search(k)}
        return type(value).__name__, told
    return value


@pytest.fixture(params=["a database that is not ours", "beside a record"])
def pair(request, kind):
    """MLflow's own store and ours, each on a new database."""
    first, second = kind(), kind()
    if request.param == "beside a record":
        engine = db.open_engine(second)
        db.ensure(engine)
        engine.dispose()
    ours = stores.registry(second)
    both = Side(SqlAlchemyStore(first)), Side(ours)
    yield both
    for side in both:
        side.store.engine.dispose()
    if "engine" in ours.witness.__dict__:
        ours.witness.engine.dispose()


@pytest.fixture(params=["sqlite", "postgresql"])
def kind(request, template, tmp_path):
    """Makes databases of one kind with MLflow's tables."""
    if request.param == "postgresql":
        return request.getfixturevalue("empty_postgresql")
    made = iter(range(9))

    def make():
        path = tmp_path / f"{next(made)}.db"
        path.write_bytes(template.read_bytes())
        return f"sqlite:///{path}"

    return make


def test_every_call_of_the_registry_is_in_the_contract():
    public = {name for name in vars(AbstractStore) if not name.startswith("_")}
    assert public - {call[0] for call in CALLS} == {"supports_workspaces"}


def test_both_stores_answer_alike(pair, monkeypatch):
    theirs, ours = pair
    monkeypatch.setattr(utils, "_tracking_uri", theirs.store.db_uri)
    assert ours.store.supports_workspaces == theirs.store.supports_workspaces
    psycopg3 = theirs.store.engine.dialect.driver == "psycopg"
    for call in CALLS:
        expected, answer = theirs.answer(*call), ours.answer(*call)
        if psycopg3 and "UndefinedFunction" in str(expected):
            expected = answer  # mlflow#24592: theirs fails where versions are texts
        assert answer == expected, call


def test_versions_may_be_texts_on_every_driver(either):
    for number in ("1", "2"):
        if number == "1":
            either.client.create_registered_model("plain")
        either.client.create_model_version("plain", "/src")
        either.client.transition_model_version_stage(
            "plain", number, "Production", archive_existing_versions=True
        )
    assert either.shown("plain")[0] == {1: "Archived", 2: "Production"}


def test_runs_and_experiments_of_nobody_are_deleted_as_ever(either):
    assert not set(vars(stores._Tracker)) - set(dir(Tracking)) - {"_unregistered", "__doc__"}
    client = either.client
    experiment = client.create_experiment("mine")
    run = client.create_run(experiment).info.run_id
    model = client.create_logged_model(experiment, source_run_id=run).model_id
    client.set_logged_model_tags(model, {LoggedModelTag("k", "v").key: "v"})
    store = utils._get_store(either.uri)
    client.delete_logged_model(model)
    client.delete_run(run)
    assert (store._get_deleted_logged_models(), store._get_deleted_runs()) == ([model], [run])
    store._hard_delete_logged_model(model)
    store._hard_delete_run(run)
    client.delete_experiment(experiment)
    store._hard_delete_experiment(experiment)
    with pytest.raises(MlflowException):
        client.get_run(run)
