"""Models in MLflow: logged so that MLflow can serve them alone, and fetched back to be checked.

The steps of ``mlflow.pyfunc.log_model`` are taken one by one with a client of our own: no global
tracking address is changed, no run is opened or ended, requirements are given and so never
inferred, and nothing is loaded into this process to be tried.

Every column of the signature is ``Any``. MLflow's own types refuse what tables really bring: an
``int64`` column where ``double`` is declared, a missing value in a ``long`` or a ``boolean``, a
date as text, an empty column of strings. Names are enforced by MLflow, dtypes by our ``Schema``,
which says which column and value is wrong.
"""

from __future__ import annotations

import contextlib
import re
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pipelines
from pipelines import packaging
from pipelines.errors import TrackingDown
from pipelines.tracking.store import calm, connect, hidden, hushed, load, telling

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd
    from mlflow import MlflowClient
    from mlflow.models import ModelSignature

NAME = "model"
LOADER = "pipelines.serving"
EXAMPLE_ROWS = 5


@dataclass(frozen=True, slots=True)
class Logged:
    """A model in MLflow: its own id, its address, and the digest of the bytes that were sent."""

    model_id: str
    uri: str
    digest: str
    requirements: tuple[str, ...] = ()
    """What pip installs to serve it."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a model is logged: the run that made it and the run's experiment."""

    client: MlflowClient
    experiment_id: str
    run_id: str


def log(
    place: Place, folder: Path, *, example: pd.DataFrame, requirements: Sequence[str] = ()
) -> Logged:
    """Log a folder that ``packaging.save`` wrote; ``example`` holds raw rows it can answer.

    Raises:
        BadModel: The folder holds no model that opens.
        SchemaMismatch: The example is not of the model's schema.
    """
    from mlflow.entities import LoggedModelOutput

    from pipelines import serving  # not where a model's files are only fetched

    load("mlflow.pyfunc")
    predictor = serving.load(folder)
    wanted = tuple(requirements) or packaging.requirements(folder)
    rows = example[list(predictor.schema.names)].head(EXAMPLE_ROWS).reset_index(drop=True)
    answers = predictor.answers(rows)
    made = place.client.create_logged_model(
        place.experiment_id, name=NAME, source_run_id=place.run_id, model_type="pyfunc"
    )
    try:
        with tempfile.TemporaryDirectory(prefix="mlops-model-") as scratch:
            written = Path(scratch, NAME)
            with hushed():
                _write(made, folder, written, (rows, answers, wanted))
            digest = packaging.digest_of(written)
            place.client.log_model_artifacts(made.model_id, str(written))
    except BaseException:
        with contextlib.suppress(Exception):
            place.client.finalize_logged_model(made.model_id, "FAILED")
        raise
    place.client.finalize_logged_model(made.model_id, "READY")
    place.client.log_outputs(place.run_id, [LoggedModelOutput(made.model_id, step=0)])
    return Logged(made.model_id, f"models:/{made.model_id}", digest, wanted)


def signature(rows: pd.DataFrame, answers: pd.DataFrame) -> ModelSignature:
    """Return what goes in, by names, and what comes out, by names and types."""
    from mlflow.models import ModelSignature, infer_signature
    from mlflow.types.schema import AnyType, ColSpec, Schema

    anything: Any = AnyType  # MLflow left its constructor untyped
    inputs = Schema([ColSpec(anything(), name=str(column)) for column in rows.columns])
    return ModelSignature(inputs=inputs, outputs=infer_signature(answers).inputs)


def plain_rows(rows: pd.DataFrame) -> pd.DataFrame:
    """Return rows as JSON would carry them: nulls for what is missing, ISO text for dates."""
    plain = rows.astype(object)
    for name, column in rows.items():
        if column.dtype.kind == "M":
            plain[name] = column.dt.strftime("%Y-%m-%dT%H:%M:%S").astype(object)
    return plain.where(plain.notna(), None)


def attach(client: MlflowClient, model_id: str, folder: Path, subfolder: str) -> str:
    """Add files to a logged model, outside of what its digest covers; return their address."""
    where = f"{packaging.ATTACHED}/{subfolder}".rstrip("/")
    client.log_model_artifacts(model_id, str(folder), where)
    return f"models:/{model_id}/{where}"


def download(tracking_uri: str, uri: str, into: Path, served: str | None = None) -> Path:
    """Fetch what an address names, ``models:/…``, ``runs:/…`` or a model's id; return its folder.

    Raises:
        TrackingDown: MLflow is not there, or has no such model.
    """
    from mlflow.artifacts import download_artifacts

    into.mkdir(parents=True, exist_ok=True)
    with calm(), telling(tracking_uri):
        found = download_artifacts(
            artifact_uri=_address(connect(tracking_uri), uri, served),
            dst_path=str(into),
            tracking_uri=tracking_uri,
            registry_uri=tracking_uri,
        )
    return Path(found)


def _address(client: MlflowClient, uri: str, served: str | None = None) -> str:
    """Return where files lie, asked of this client's store, whatever MLflow's global one is."""
    place = _place(client, uri)
    if client.tracking_uri.startswith("http"):
        return place
    run = re.fullmatch(r"runs:/([^/]+)/(.+)", place)
    lies = place
    if run is not None:
        lies = f"{client.get_run(run[1]).info.artifact_uri.rstrip('/')}/{run[2]}"
    if not lies.startswith("mlflow-artifacts:"):
        return place
    if served is None:
        why = "its server hands these files out; MLOPS_ARTIFACTS says where they lie"
        raise TrackingDown(hidden(client.tracking_uri), why)
    return f"{served.rstrip('/')}/{urlsplit(lies).path.lstrip('/')}"


def _place(client: MlflowClient, uri: str) -> str:
    whole = uri if "/" in uri else f"models:/{uri}"
    inside = re.fullmatch(r"models:/(m-[0-9a-f]{32})(/.+)?", whole)
    if inside is not None:
        place = client.get_logged_model(inside[1]).artifact_location.rstrip("/")
        return f"{place}{inside[2] or ''}"
    named = re.fullmatch(r"models:/([^@/]+)(?:/(\d+)|@([^/]+))", whole)
    if named is None:
        return whole
    name, number, alias = named.groups()
    number = number or client.get_model_version_by_alias(name, alias).version
    return _place(client, client.get_model_version_download_uri(name, str(number)))


def _write(made: Any, folder: Path, to: Path, what: tuple[Any, Any, Sequence[str]]) -> None:
    """Write MLflow's own layout: MLmodel, our folder, our code, an example, requirements."""
    import mlflow.pyfunc
    from mlflow.models import Model

    rows, answers, wanted = what
    mlflow.pyfunc.save_model(
        path=str(to),
        loader_module=LOADER,
        data_path=str(folder),
        code_paths=[str(Path(pipelines.__file__).parent)],
        mlflow_model=Model(
            artifact_path=made.artifact_location,
            run_id=made.source_run_id,
            model_uuid=made.model_id,
            model_id=made.model_id,
        ),
        signature=signature(rows, answers),
        input_example=plain_rows(rows),
        pip_requirements=[*wanted],
    )
    for compiled in to.rglob("__pycache__"):
        shutil.rmtree(compiled, ignore_errors=True)
