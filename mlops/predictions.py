"""Journey: answer for new rows with a registered version."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlops import files
from mlops.sources import read_features
from mlops.workspace import Workspace
from pipelines import serving, tracking
from pipelines.errors import UnknownFormat
from registry import refs, versions

if TYPE_CHECKING:
    import pandas as pd

    from pipelines.serving import Predictor
    from registry.versions import ModelVersion

_WRITERS = (".csv", ".csv.gz", ".parquet", ".jsonl", ".json")


@dataclass(frozen=True, slots=True)
class Predicted:
    """Where the answers went."""

    version: ModelVersion
    rows: int
    output: Path

    def to_dict(self) -> dict[str, Any]:
        """Return what a script needs to go on."""
        return {"version": str(self.version), "rows": self.rows, "output": self.output}


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
        here = tracking.download(ws.tracking_uri, version.model_uri, folder)
        return serving.load(here, digest=version.model_digest)


def predict(
    ref: str | ModelVersion, data: Any, output: str | Path, *, workspace: Workspace | None = None
) -> Predicted:
    """Answer for every row of a table and write the answers to a file.

    Raises:
        UnknownFormat: The output's ending is none we write.
        SchemaMismatch: The rows do not look like what the model learned from.
    """
    path = Path(output)
    if not path.name.endswith(_WRITERS):
        raise UnknownFormat(path.name, _WRITERS)
    ws = workspace or Workspace.open()
    with ws.reading() as session:
        version = versions.get(session, refs.parse(str(ref)))
    predictor = load_version(ws, version)
    answers = predictor.answers(read_features(data, types=taught(predictor)).frame)
    files.write_whole(path, lambda part: _write(answers, part))
    return Predicted(version, len(answers), path)


def taught(predictor: Predictor) -> dict[str, str]:
    """Return how the model's own table was read: a single row cannot show it."""
    told: dict[str, str] = predictor.about.get("about", {}).get("readings", {})
    return told


def _write(answers: pd.DataFrame, path: Path) -> None:
    table = answers.rename_axis("index").reset_index()
    if path.suffix == ".parquet":
        table.to_parquet(path, index=False)
    elif path.suffix in {".jsonl", ".json"}:
        table.to_json(path, orient="records", lines=path.suffix == ".jsonl")
    else:
        table.to_csv(path, index=False)
