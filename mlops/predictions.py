"""Journey: answer for new rows with a registered version."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from mlops import evidence, files
from mlops.sources import read_features
from mlops.workspace import Workspace
from pipelines import serving
from pipelines.anomaly import thresholds
from pipelines.errors import BadSetting, UnknownFormat
from pipelines.explain import reasons
from registry import refs, versions

if TYPE_CHECKING:
    import pandas as pd

    from pipelines.serving import Predictor
    from registry.versions import ModelVersion

MOST_EXPLAINED = 50
"""Of the rows called anomalies, so many of the strangest are told why."""
_WRITERS = (".csv", ".csv.gz", ".parquet", ".jsonl", ".json")


@dataclass(frozen=True, slots=True)
class Predicted:
    """Where the answers went."""

    version: ModelVersion
    rows: int
    output: Path
    anomalies: int | None = None
    """How many rows were called anomalies; None where that was not the question."""
    note: str = ""
    """What a reader must know of the verdicts; empty when there is nothing unusual."""

    @property
    def sentence(self) -> str:
        """The outcome in one line."""
        found = "" if self.anomalies is None else f", {self.anomalies} of them anomalies"
        told = f"{self.version} answered for {self.rows} rows{found}: {self.output}"
        return f"{told}\n{self.note}" if self.note else told

    def to_dict(self) -> dict[str, Any]:
        """Return what a script needs to go on."""
        told = {"version": str(self.version), "rows": self.rows, "output": self.output}
        if self.anomalies is not None:
            told |= {"anomalies": self.anomalies, "note": self.note}
        return told


def load(ref: str | ModelVersion, *, workspace: Workspace | None = None) -> Predictor:
    """Return a version's model, ready to answer, after its bytes matched the record.

    Raises:
        BadRef: The reference cannot be read.
        UnknownVersion: Nothing answers to it.
        BadModel: The model's files do not match the digest in the record.
    """
    ws = workspace or Workspace.open()
    with ws.reading() as session:
        version = versions.get(session, refs.parse(str(ref)))
    return load_version(ws, version)


def load_version(ws: Workspace, version: ModelVersion) -> Predictor:
    """Return the model of a version that was looked up already.

    Raises:
        BadModel: The model's files do not match the digest in the record.
    """
    with files.scratch(ws.settings.home) as folder:
        here = ws.fetch(version.model_uri, folder)
        return serving.load(here, digest=version.model_digest, called=version.ref)


def predict(
    ref: str | ModelVersion,
    data: Any,
    output: str | Path,
    *,
    fdr: float | None = None,
    workspace: Workspace | None = None,
) -> Predicted:
    """Answer for every row of a table and write the answers to a file.

    Args:
        ref: The version.
        data: The rows.
        output: The file to write.
        fdr: Call rows of this table anomalies so that about this share of them is usual, instead
            of by the version's own threshold.
        workspace: Where everything is; by default as the settings say.

    Raises:
        UnknownFormat: The output's ending is none we write.
        SchemaMismatch: The rows do not look like what the model learned from.
    """
    path = Path(output)
    if not path.name.endswith(_WRITERS):
        raise UnknownFormat(path.name, _WRITERS)
    version, answers = answer(ref, data, fdr=fdr, workspace=workspace)
    files.write_whole(path, lambda part: _write(answers, part))
    if "is_anomaly" not in answers:
        return Predicted(version, len(answers), path)
    called = int(answers["is_anomaly"].sum())
    note = "" if fdr is None or called else _out_of_reach(answers["p_value"], fdr)
    return Predicted(version, len(answers), path, called, note)


def answer(
    ref: str | ModelVersion,
    data: Any,
    *,
    fdr: float | None = None,
    workspace: Workspace | None = None,
) -> tuple[ModelVersion, pd.DataFrame]:
    """Answer for every row of a table, as ``predict`` does; return the version and the answers.

    Raises:
        SchemaMismatch: The rows do not look like what the model learned from.
    """
    ws = workspace or Workspace.open()
    with ws.reading() as session:
        version = versions.get(session, refs.parse(str(ref)))
    predictor = load_version(ws, version)
    frame = read_features(data, types=taught(predictor)).frame
    answers = predictor.answers(frame)
    if fdr is not None:
        answers = _discovered(answers, fdr)
    if "p_value" in answers and len(answers):
        answers["reasons"] = _reasons(ws, version, predictor, frame, answers)
    return version, answers


def _discovered(answers: pd.DataFrame, rate: float) -> pd.DataFrame:
    """Return answers whose verdicts hold the share of false alarms.

    Raises:
        BadSetting: The version has no p-values, or the rate makes no sense.
    """
    if "p_value" not in answers:
        raise BadSetting("fdr", rate, "Only versions that find anomalies have p-values.")
    called = thresholds.discovered(answers["p_value"].to_numpy(), rate)
    return answers.assign(is_anomaly=called, prediction=called.astype(int))


def _out_of_reach(values: pd.Series, rate: float) -> str:
    """Say why no row was called, in numbers."""
    if not len(values):
        return ""
    return (
        f"No row is called at a rate of {rate:g}: the strangest has p {values.min():.2g}, and one "
        f"of {len(values)} rows alone needs {rate / len(values):.2g}. Give fewer rows or a higher "
        "rate, or have a version learn from more rows that are usual."
    )


def _reasons(
    ws: Workspace, version: ModelVersion, predictor: Predictor, frame: pd.DataFrame,
    answers: pd.DataFrame,
) -> list[str]:  # fmt: skip
    """Return for the strangest of the rows called anomalies what makes them so; else nothing."""
    order = np.argsort(-answers["score"].to_numpy(), kind="stable")
    places = [at for at in order if answers["is_anomaly"].iloc[at]][:MOST_EXPLAINED]
    told = [""] * len(answers)
    if places:
        found = told_why(ws, version, predictor, frame.iloc[places])
        for at, words in zip(places, found, strict=True):
            told[at] = words
    return told


def told_why(
    ws: Workspace, version: ModelVersion, predictor: Predictor, rows: pd.DataFrame
) -> list[str]:
    """Return for each row the columns that make it strange, with the cell and what it adds."""
    with files.scratch(ws.settings.home) as folder:
        usual = evidence.fetch(ws, version.run_id, folder).background
    return list(reasons.of(predictor, rows, usual).told)


def taught(predictor: Predictor) -> dict[str, str]:
    """Return how the model's own table was read: a single row cannot show it."""
    told: dict[str, str] = predictor.about.get("about", {}).get("readings", {})
    return told


def numbered(answers: pd.DataFrame) -> pd.DataFrame:
    """Return answers with the number of each row as their first column."""
    return answers.rename_axis("index").reset_index()


def _write(answers: pd.DataFrame, path: Path) -> None:
    table = numbered(answers)
    if path.suffix == ".parquet":
        table.to_parquet(path, index=False)
    elif path.suffix in {".jsonl", ".json"}:
        table.to_json(path, orient="records", lines=path.suffix == ".jsonl")
    else:
        table.to_csv(path, index=False)
