"""The store plugin: what MLflow's own calls may do to what is registered."""

from __future__ import annotations

import shutil

import pytest
from mlflow.exceptions import MlflowException

from mlops import doctor
from mlops.guard import stores
from registry import mirror
from registry.errors import MirrorFailed
from registry.mirror.picture import read
from tests.mlops.guard.conftest import NAME, REFUSALS, House, legacy

pytestmark = [
    pytest.mark.filterwarnings("ignore:.*transition_model_version_stage"),
    pytest.mark.filterwarnings("ignore:.*Model registry stages"),
]


@pytest.mark.usefixtures("both_ways")
def test_a_stage_set_in_mlflow_is_a_promotion(either):
    first = either.register()
    either.client.transition_model_version_stage(NAME, "1", "Staging")
    assert either.get(first.ref).stage == "staging"
    (entry, *_) = either.history(first.ref)
    assert (entry.action, entry.source, entry.reason) == (
        "promote", "mlflow-client", "asked for in MLflow",
    )  # fmt: skip
    done = either.client.transition_model_version_stage(NAME, "1", "Production")
    assert done.current_stage == legacy("Production")
    assert either.shown() == (legacy({1: "Production"}), {"production": 1})


@pytest.mark.usefixtures("both_ways")
def test_an_alias_set_in_mlflow_is_a_promotion(either):
    version = either.register()
    either.client.set_registered_model_alias(NAME, "staging", "1")
    assert either.get(version.ref).stage == "staging"
    assert either.shown() == (legacy({1: "Staging"}), {"staging": 1})


@pytest.mark.usefixtures("both_ways")
def test_a_successor_archives_the_one_before(either):
    for score in (0.8, 0.9):
        either.promote(either.register(score=score).ref, "staging")
    either.promote("risk/1", "production")
    archived = either.client.transition_model_version_stage(
        NAME, 2, "Production", archive_existing_versions=True
    )
    assert archived.current_stage == legacy("Production")
    assert either.shown() == (legacy({1: "Archived", 2: "Production"}), {"production": 2})
    assert either.champion() == "risk/2"


@pytest.mark.usefixtures("both_ways")
def test_the_page_may_clear_staging_and_never_clears_production(house):
    for score in (0.7, 0.8, 0.9):
        house.register(score=score)
    move = house.client.transition_model_version_stage
    move(NAME, 1, "Staging", archive_existing_versions=True)
    move(NAME, 2, "Staging", archive_existing_versions=True)
    assert house.shown()[0] == legacy({1: "Archived", 2: "Staging", 3: "None"})
    move(NAME, 3, "Staging")
    move(NAME, 2, "Production", archive_existing_versions=True)
    move(NAME, 2, "Production", archive_existing_versions=True)
    assert house.shown()[0] == legacy({1: "Archived", 2: "Production", 3: "Staging"})
    assert house.champion() == "risk/2"


def test_a_worse_version_is_refused_with_the_verdicts_and_nothing_moves(either):
    for score in (0.9, 0.5):
        either.promote(either.register(score=score).ref, "staging")
    either.promote("risk/1", "production")
    before = either.shown()
    with pytest.raises(MlflowException, match="risk/1") as refused:
        either.client.transition_model_version_stage(NAME, 2, "Production")
    assert refused.value.error_code == "PERMISSION_DENIED"
    with pytest.raises(MlflowException, match="gate"):
        either.client.set_registered_model_alias(NAME, "production", "2")
    assert either.shown() == before
    assert either.champion() == "risk/1"


def _standing(either):
    """Bring one version to production and one to staging."""
    for score in (0.8, 0.9):
        either.promote(either.register(score=score).ref, "staging")
    either.promote("risk/1", "production")
    return either.shown()


FORBIDDEN = {
    "delete what is in production": lambda c: c.delete_model_version(NAME, "1"),
    "delete what is in staging": lambda c: c.delete_model_version(NAME, "2"),
    "delete the model": lambda c: c.delete_registered_model(NAME),
    "rename the model": lambda c: c.rename_registered_model(NAME, "other"),
    "copy into it": lambda c: c.copy_model_version(f"models:/{NAME}/2", NAME),
    "an alias in other case": lambda c: c.set_registered_model_alias(NAME, "Production", "2"),
    "take the alias away": lambda c: c.delete_registered_model_alias(NAME, "production"),
    "forge a tag": lambda c: c.set_model_version_tag(NAME, "2", "mlops.stage", "production"),
    "drop a tag": lambda c: c.delete_model_version_tag(NAME, "2", "mlops.ref"),
    "forge a version": lambda c: c.create_model_version(NAME, "/x", tags={"mlops.ref": "risk/1"}),
    "delete its run": lambda c: c.delete_run(c.get_model_version(NAME, "1").run_id),
    "delete its logged model": lambda c: c.delete_logged_model(_model_id(c)),
    "delete its experiment": lambda c: c.delete_experiment(_experiment(c)),
    "skip a stage": lambda c: c.transition_model_version_stage(NAME, "1", "None"),
}  # fmt: skip


def _model_id(client):
    return client.get_model_version(NAME, "1").source.rpartition("/")[0].rpartition("/")[2]


def _experiment(client):
    return client.get_run(client.get_model_version(NAME, "1").run_id).info.experiment_id


@pytest.fixture(scope="module")
def occupied(template, tmp_path_factory):
    """A house with a champion and a challenger that every attempt may try to unseat."""
    folder = tmp_path_factory.mktemp("occupied")
    shutil.copy(template, folder / "mlflow.db")
    made = House(f"sqlite:///{folder / 'mlflow.db'}", folder)
    before = _standing(made)
    yield made, before
    made.close()


@pytest.mark.parametrize("attempt", FORBIDDEN.values(), ids=FORBIDDEN)
def test_what_is_relied_upon_stays(occupied, attempt):
    house, before = occupied
    with pytest.raises(REFUSALS) as refused:
        attempt(house.client)
    assert refused.value.error_code == "PERMISSION_DENIED"
    assert house.shown() == before
    assert house.champion() == "risk/1"


def test_a_version_that_no_gate_has_seen_gets_no_stage(occupied):
    house, before = occupied
    house.client.create_model_version(NAME, "/somewhere", run_id=None)
    for attempt in (
        lambda: house.client.transition_model_version_stage(NAME, "3", "Staging"),
        lambda: house.client.set_registered_model_alias(NAME, "staging", "3"),
    ):
        with pytest.raises(REFUSALS, match="no gate has seen it"):
            attempt()
    house.client.transition_model_version_stage(NAME, "3", "Archived")
    house.client.delete_model_version(NAME, "3")
    assert house.shown() == before


def test_an_alias_that_the_policy_protects_is_set_by_nobody(house, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    house.register()
    house.client.set_registered_model_alias(NAME, "shadow", "1")
    (tmp_path / "promotion.toml").write_text('protected_aliases = ["champion"]\n')
    for alias in ("champion", "CHAMPION"):
        with pytest.raises(REFUSALS, match="protects the alias"):
            house.client.set_registered_model_alias(NAME, alias, "1")
    house.client.delete_registered_model_alias(NAME, "shadow")
    (tmp_path / "promotion.toml").write_text("protected_aliases = 1\n")
    with pytest.raises(REFUSALS, match="protected_aliases"):
        house.client.set_registered_model_alias(NAME, "shadow", "1")
    assert house.shown()[1] == {}


def test_a_mirror_that_draws_an_old_picture_promotes_nobody(either):
    for score in (0.8, 0.9):
        either.promote(either.register(score=score).ref, "staging")
    either.promote("risk/1", "production")
    with either.ws.session() as session:
        old = read(session, NAME, whole=True)
    either.promote("risk/2", "production")
    length = len(either.history("risk/1"))
    with pytest.raises(MirrorFailed, match="The record has moved on"):
        mirror.draw(old, either.uri, stages=either.ws.settings.mlflow_stages)
    assert (either.champion(), len(either.history("risk/1"))) == ("risk/2", length)
    with either.ws.session() as session:
        mirror.show(session, NAME, either.uri, stages=either.ws.settings.mlflow_stages, whole=True)
    assert either.shown() == (legacy({1: "Archived", 2: "Production"}), {"production": 2})


def test_stages_that_are_switched_off_are_cleared_and_none_outlives_the_next_move(
    house, monkeypatch
):
    for score in (0.8, 0.9):
        house.promote(house.register(score=score).ref, "staging")
    house.promote("risk/1", "production")
    assert house.shown()[0] == legacy({1: "Production", 2: "Staging"})
    monkeypatch.setenv("MLOPS_MLFLOW_STAGES", "false")
    house.read_settings()
    kinds = [each.kind for each in doctor.examine(workspace=house.ws).found]
    assert set(kinds) <= {"stage drift"}
    assert doctor.examine(workspace=house.ws, repair=True).healthy
    for _ in range(2):  # the second changes nothing in the record, and writes no stage either
        house.client.transition_model_version_stage(NAME, 2, "Production")
    assert house.shown() == ({1: "None", 2: "None"}, {"production": 2})
    assert house.champion() == "risk/2"
    assert doctor.examine(workspace=house.ws).healthy


def test_mlflows_own_errors_stay_its_own(occupied):
    house, _ = occupied
    for attempt in (
        lambda: house.client.transition_model_version_stage(NAME, "77", "Production"),
        lambda: house.client.set_registered_model_alias(NAME, "production", "77"),
        lambda: house.client.delete_model_version("nobody", "1"),
    ):
        with pytest.raises(REFUSALS) as refused:
            attempt()
        assert refused.value.error_code == "RESOURCE_DOES_NOT_EXIST"
    with pytest.raises(REFUSALS) as refused:
        house.client.transition_model_version_stage(NAME, "1", "Champion")
    assert refused.value.error_code == "INVALID_PARAMETER_VALUE"


def test_a_record_of_another_release_is_not_guessed_at(house):
    house.promote(house.register().ref, "staging")
    house.close()
    with house.ws.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE mlops_alembic_version SET version_num = '9999'")
    store = stores.registry(house.uri)
    with pytest.raises(MlflowException, match="9999") as refused:
        store.transition_model_version_stage(NAME, "1", "Archived", False)
    assert refused.value.error_code == "TEMPORARILY_UNAVAILABLE"
    store.engine.dispose()
