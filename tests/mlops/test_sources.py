"""What lies in MLflow is read like any other table: files of a run, and datasets it logged."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import mlflow
import pandas as pd
import pytest

from mlops import sources
from pipelines import readers
from pipelines.errors import TrackingDown, UnreadableData
from pipelines.tracking import papers

pytestmark = pytest.mark.filterwarnings("ignore")

FRAME = pd.DataFrame({"age": range(30), "city": ["Rome", "Wien"] * 15, "paid": [True, False] * 15})


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Any]:
    """A run of a real store with a file and datasets, of which one does not say where it is."""
    folder = tmp_path_factory.mktemp("store")
    uri, file = f"sqlite:///{folder}/mlflow.db", folder / "train.csv"
    FRAME.to_csv(file, index=False)
    client = mlflow.MlflowClient(uri)
    made = client.create_run(client.create_experiment("e", artifact_location=str(folder / "a")))
    client.log_artifact(made.info.run_id, str(file), "tables")
    kept = mlflow.data.from_pandas(FRAME, source=str(file), targets="paid", name="kept")
    gone = mlflow.data.from_pandas(FRAME, name="gone")
    ours = replace(readers.read(file, target="paid", name="ours"), source="train.csv")
    records = [papers.dataset_input(ours)]
    for each in (kept, gone):
        told = each.to_dict()
        record = mlflow.entities.Dataset(
            **{k: told[k] for k in ("name", "digest", "source_type", "source")}
        )
        records.append(mlflow.entities.DatasetInput(record, []))
    client.log_inputs(made.info.run_id, records)
    return folder, client.get_run(made.info.run_id)


@pytest.fixture
def run(store: tuple[Path, Any], monkeypatch: pytest.MonkeyPatch) -> Any:
    folder, made = store
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{folder}/mlflow.db")
    monkeypatch.chdir(folder)
    return made


@pytest.fixture
def wanted() -> str:
    return readers.read(FRAME).digest


def test_a_file_of_a_run_is_read_by_its_address(run: Any, wanted: str) -> None:
    data = sources.read(f"runs:/{run.info.run_id}/tables/train.csv", "paid")
    assert (data.digest, data.target) == (wanted, "paid")
    place = f"{run.info.artifact_uri}/tables/train.csv"
    assert sources.read(place, "paid").digest == wanted


@pytest.mark.parametrize(("name", "target"), [("kept", None), ("ours", "paid")])
def test_a_dataset_that_a_run_logged_is_read_back(
    run: Any, name: str, target: str | None, wanted: str
) -> None:
    data = sources.read(f"runs:/{run.info.run_id}?dataset={name}", None)
    assert (data.digest, data.target) == (wanted, target)
    assert sources.read_features(f"runs:/{run.info.run_id}?dataset={name}").digest == wanted


def test_what_mlflow_hands_out_is_read_as_it_is(run: Any, wanted: str) -> None:
    records = {record.dataset.name: record for record in run.inputs.dataset_inputs}
    known = mlflow.data.from_pandas(FRAME, targets="paid")
    places = [records["kept"], records["ours"].dataset, mlflow.data.get_source(records["kept"])]
    for source in [*places, known]:
        assert sources.read(source, None).digest == wanted
    assert sources.read(known, None).target == "paid"


@pytest.mark.parametrize(
    ("address", "error", "says"),
    [
        ("runs:/{run}", UnreadableData, "its datasets are 'ours', 'kept', 'gone'"),
        ("runs:/{run}?dataset=kep", UnreadableData, "Did you mean 'kept'"),
        ("runs:/{run}?dataset=gone", UnreadableData, "not told where its rows are kept"),
        ("runs:/" + "0" * 32, TrackingDown, "not found"),
        ("runs:/{run}/tables/none.csv", TrackingDown, "none.csv"),
    ],
)
def test_what_is_not_there_is_told_in_one_sentence(
    run: Any, address: str, error: type[Exception], says: str
) -> None:
    with pytest.raises(error) as caught:
        sources.read(address.format(run=run.info.run_id), None)
    assert says in str(caught.value), json.dumps(str(caught.value))
