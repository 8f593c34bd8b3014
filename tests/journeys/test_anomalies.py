"""An analyst with a table and few labels: strange rows first, why, and better with answers."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

import mlops
from mlops.cli import app
from mlops.notebooks import review_page
from mlops.reviews import digests
from mlops.workspace import Workspace
from pipelines.errors import BadSetting
from pipelines.explain import reasons
from pipelines.explain.clusters import of
from pipelines.explain.question import Question
from pipelines.serving import Predictor
from registry import audit

pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture(scope="module")
def payments():
    rng = np.random.default_rng(0)
    rows = 260
    frame = pd.DataFrame(
        {
            "amount": rng.lognormal(3, 0.4, rows),
            "hour": rng.integers(8, 20, rows).astype(float),
            "country": rng.choice(["DE", "FR", "NL"], rows),
        }
    )
    strange = np.arange(rows) % 20 == 7
    frame.loc[strange, "amount"] *= 40
    return frame, strange


@pytest.fixture(scope="module")
def ws(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp("home"))
        yield Workspace.open()


@pytest.fixture(scope="module")
def version(ws, payments):
    result = mlops.run(
        payments[0], task="anomaly", name="payments", trials=2, contamination=0.05,
        algorithms=["together", "ecod"], engine="serial", workspace=ws,
    )  # fmt: skip
    return result.version


def test_mlflow_shows_the_ranked_list_groups_and_scores(ws, version, payments, tmp_path):
    import json

    from pipelines.tracking import download

    here = download(ws.tracking_uri, f"runs:/{version.run_id}/anomalies", tmp_path)
    top = pd.read_csv(here / "top.csv")
    assert len(top) == 100
    assert payments[1][top["row"].head(10)].all()
    assert top["score"].is_monotonic_decreasing
    assert top["reasons"].head(10).str.startswith("amount=").mean() > 0.8
    first = json.loads((here / "clusters.json").read_text())["clusters"][0]
    assert first["columns"] == ["amount"]
    assert first["description"].startswith("amount ")
    assert "(usually " in first["description"]
    assert set(first["examples"]) <= set(np.flatnonzero(payments[1]))
    assert first["score"] > 2 * first["without"]
    assert (here / "scores.svg").read_text().count("<rect") == 60


def test_answers_say_how_strange_each_row_is_and_why(ws, version, payments, tmp_path):
    frame, strange = payments
    mlops.predict(str(version), frame, tmp_path / "told.csv", workspace=ws)
    told = pd.read_csv(tmp_path / "told.csv")
    assert {"score", "p_value", "is_anomaly", "reasons"} <= set(told)
    assert "probability" not in told
    assert told["is_anomaly"][strange].mean() > 0.8
    assert told["reasons"][strange & told["is_anomaly"]].str.startswith("amount=").mean() > 0.8
    assert told["reasons"][~told["is_anomaly"]].isna().all()


def test_false_alarms_are_held_to_a_share(ws, version, payments, tmp_path):
    frame, strange = payments
    mlops.predict(str(version), frame, tmp_path / "told.csv", fdr=0.2, workspace=ws)
    called = pd.read_csv(tmp_path / "told.csv")["is_anomaly"].to_numpy()
    assert (called & ~strange).sum() <= 0.3 * max(1, called.sum())
    done = mlops.predict(str(version), frame, tmp_path / "told.csv", fdr=0.001, workspace=ws)
    assert done.anomalies == 0
    assert "of 260 rows alone needs 3.8e-06" in done.sentence
    with pytest.raises(BadSetting, match="between 0 and 1"):
        mlops.predict(str(version), frame, tmp_path / "told.csv", fdr=2.0, workspace=ws)


def test_a_review_asks_for_strange_rows_keeps_answers_with_their_author_and_learns(
    ws, version, payments
):
    frame, strange = payments
    with ws.reading() as session:
        before = [entry.number for entry in audit.log(session, action="label")]
    found = mlops.review(str(version), frame, rows=8, workspace=ws)
    asked = found.rows.index.tolist()
    assert len(set(asked)) == 8
    assert repr(found).startswith(f"8 rows whose labels would teach {version} most; 0 of 260")
    assert "<th>reasons</th>" in review_page(found)
    assert strange[asked].mean() > 0.3
    assert found.rows["reasons"][strange[asked]].str.startswith("amount=").all()
    assert found.answer({place: bool(strange[place]) for place in asked}) == 8
    again = mlops.review(str(version), frame, rows=8, workspace=ws)
    assert again.known == 8
    assert not set(again.rows.index) & set(asked)
    with ws.reading() as session:
        entries = audit.log(session, action="label")
        [entry] = [entry for entry in entries if entry.number not in before]
    assert entry.actor == ws.by.name
    assert entry.detail["anomalies"] == int(strange[asked].sum())
    result = again.retrain(trials=1, algorithms=["labelled_trees"], engine="serial")
    assert result.version.name == version.name
    assert result.version.number == version.number + 1
    assert result.metric == "roc_auc"
    assert "chosen by agreement" in result.comparison.sentence
    later = again.retrain(trials=1, algorithms=["labelled_trees"], engine="serial")
    assert later.comparison.other == str(result.version)
    assert later.comparison.theirs["roc_auc"] == later.comparison.ours["roc_auc"]


def test_rows_with_gaps_have_names_of_their_own():
    table = pd.DataFrame({"a": [1.5, np.nan, np.nan], "b": ["x", "x", None]})
    assert len(set(digests(table))) == 3
    assert digests(table.iloc[[1]]) == digests(table)[1:2]


def test_a_review_of_rows_that_are_not_there_is_refused(ws, version, payments):
    found = mlops.review(str(version), payments[0], rows=2, workspace=ws)
    with pytest.raises(BadSetting, match="from 0 to 259"):
        found.answer({260: True})
    with pytest.raises(BadSetting, match="1 or more"):
        mlops.review(str(version), payments[0], rows=0, workspace=ws)


def test_a_review_asks_again_for_a_word_it_does_not_know_and_ends_with_its_input(
    ws, version, payments, tmp_path
):
    others = payments[0].assign(hour=payments[0]["hour"] + 1)  # the answers are theirs alone
    others.to_csv(tmp_path / "payments.csv", index=False)
    words = ["review", str(version), str(tmp_path / "payments.csv"), "--rows", "3"]
    done = CliRunner().invoke(app, words, input="perhaps\nno\n")
    assert done.exit_code == 0
    assert "'perhaps' is none of the words" in done.stdout
    assert "\nKept 1 answer; 1 rows of the table have one, 0 of them say yes." in done.stdout
    assert "Learning needs one yes" in done.stdout
    assert "Error" not in done.stdout + done.stderr


@pytest.mark.parametrize("key", ["iforest", "ecod", "knn"])
def test_what_makes_a_row_strange_has_a_positive_sign(fitted_detector, key, payments):
    predictor = Predictor(*fitted_detector(key), {})
    frame, strange = payments
    found = reasons.of(predictor, frame[strange].head(4), frame[~strange].head(120))
    top = found.contributions.argmax(axis=1)
    assert (found.rows.columns[top] == "amount").all()
    assert (found.contributions.max(axis=1) > 0).all()


@pytest.mark.parametrize("key", ["iforest", "ecod", "knn"])
def test_rows_that_are_strange_in_different_ways_are_told_apart(fitted_detector, key, payments):
    frame, strange = payments
    ways = pd.concat([
        frame[strange].head(8),
        frame[~strange].head(7).assign(country="XX", hour=3.0),
        frame[~strange].iloc[7:12].assign(hour=[-40.0, -41, -42, -43, -44]),
    ])  # fmt: skip
    predictor = Predictor(*fitted_detector(key, pd.concat([frame, ways])), {})
    found = reasons.of(predictor, ways, frame[~strange].head(120))
    clusters = of(Question(predictor), found.rows, found.contributions, found.usual)
    sure = {one.columns[0] for one in clusters}
    assert {"amount", "hour"} <= sure
    largest = next(one for one in clusters if one.columns == ("amount",))
    assert largest.rows >= 8
    assert set(range(8)) >= set(largest.examples)
    assert largest.description.startswith("amount ")
    assert "usually" in largest.description
    assert all(one.without < one.score for one in clusters), "usual cells make rows usual"
    assert sum(one.rows for one in clusters) == len(ways)


@pytest.fixture
def fitted_detector(payments):
    from pipelines.adapters import build
    from pipelines.algorithms import find
    from pipelines.cleaning.plan import plan
    from pipelines.profile.table import profile
    from pipelines.readers import read
    from pipelines.schema import Schema
    from pipelines.task import Task

    def fit(key, table=None):
        dataset = read(payments[0] if table is None else table, task=Task.ANOMALY)
        cleaned = plan(profile(dataset), dataset)
        row = find(key, Task.ANOMALY)
        model = build(row, row.default, 0, plan=cleaned, task=row.task).fit(dataset.features)
        kinds = {each.name: each.kind for each in cleaned.columns}
        return model, Schema.of(dataset.features, kinds)

    return fit
