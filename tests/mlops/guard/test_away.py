"""The files that the gates look at cannot be fetched: nobody is promoted by the record alone."""

from __future__ import annotations

import shutil

import pytest

from mlops import promotions
from mlops.workspace import Workspace
from pipelines.errors import TrackingDown
from registry.errors import GatesFailed
from registry.stages import Stage
from tests.mlops.guard.conftest import House

NOBODY = "http://127.0.0.1:9"


@pytest.fixture
def away(house):
    """The same record, whose MLflow answers no more; one version stands in staging."""
    version = house.register()
    house.promote(version.ref, "staging")
    settings = house.ws.settings.model_copy(
        update={"tracking_uri": NOBODY, "database": house.uri, "policy": policy_of(house)}
    )
    ws = Workspace.open(settings, source="cli")
    yield version.ref, ws
    ws.engine.dispose()


def policy_of(house):
    path = house.folder / "promotion.toml"
    path.write_text('[[rules]]\n[rules.production.break_glass]\nroles = ["admin"]\n')
    return path


@pytest.mark.parametrize("ask", [promotions.promote, promotions.check])
def test_a_version_whose_files_cannot_be_looked_at_is_not_judged(away, house, ask):
    ref, ws = away
    before = house.history(ref)
    with pytest.raises(TrackingDown, match="nobody answers"):
        ask(ref, to="production", workspace=ws)
    assert (house.get(ref).stage, house.history(ref)) == (Stage.STAGING, before)


def test_an_emergency_does_not_wait_for_mlflow_and_says_what_nobody_looked_at(away, house):
    ref, ws = away
    done = promotions.promote(
        ref, to="production", reason="the fraud wave of today", break_glass=True, workspace=ws
    )
    [digest] = [verdict for verdict in done.verdicts if verdict.code == "G006"]
    assert digest.outcome == "not applicable"
    assert "not looked at" in digest.reason
    assert house.champion() == ref


def test_a_rollback_does_not_wait_for_mlflow_and_says_so(away, house, caplog):
    ref, ws = away
    second = house.register()
    house.promote(second.ref, "staging")
    for each in (ref, second.ref):
        house.promote(each, "production")
    assert str(promotions.rollback("risk", workspace=ws).version) == ref
    assert "not looked at" in caplog.text


def test_files_that_are_gone_turn_a_version_back(house):
    version = house.register()
    shutil.rmtree(house.files / "models" / version.model_id)
    with pytest.raises(GatesFailed, match=r"G006.*cannot be fetched"):
        house.promote(version.ref, "staging")


def test_files_behind_a_server_are_found_where_they_are_said_to_lie(database, tmp_path):
    house = House(database, tmp_path, proxied=True)
    version = house.register()
    unsaid = house.ws.settings.model_copy(update={"artifacts": None})
    blind = Workspace(unsaid, house.ws.engine, house.ws.by)
    with pytest.raises(TrackingDown, match="MLOPS_ARTIFACTS says where they lie"):
        promotions.promote(version.ref, to="staging", workspace=blind)
    assert house.promote(version.ref, "staging").version.stage is Stage.STAGING
    house.close()
