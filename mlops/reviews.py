"""Journey: label a few rows of a table, and find anomalies once more with what was said."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from mlops import experiments
from mlops.predictions import load_version, taught, told_why
from mlops.sources import read_features
from mlops.workspace import Workspace
from pipelines.errors import BadSetting
from pipelines.explain.reasons import next_to_label
from pipelines.task import Task
from registry import labels, refs, versions

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mlops.results import Result
    from pipelines.serving import Predictor
    from registry.versions import ModelVersion

COLUMN = "labelled_anomaly"


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Review:
    """Rows worth a label, strangest or most doubtful first, and what is known already."""

    version: ModelVersion
    table: pd.DataFrame
    rows: pd.DataFrame
    """The rows to look at, with their positions in the table as index."""
    known: int
    workspace: Workspace

    @property
    def sentence(self) -> str:
        """What there is to look at, in one line."""
        return (
            f"{len(self.rows)} rows whose labels would teach {self.version} most; "
            f"{self.known} of {len(self.table)} have one already"
        )

    @property
    def command(self) -> str:
        """How to go on, in Python."""
        place = next(iter(self.rows.index), 0)
        return f"found.answer({{{place}: True}}); found.retrain(budget='2m')"

    def __repr__(self) -> str:
        """Return what there is to look at, the rows, and how to go on."""
        return f"{self.sentence}\n{self.rows.to_string()}\n{self.command}"

    def to_dict(self) -> dict[str, Any]:
        """Return the rows as plain data."""
        rows = [{"row": place, **cells} for place, cells in self.rows.to_dict("index").items()]
        return {"version": str(self.version), "known": self.known, "rows": rows}

    def answer(self, said: Mapping[int, bool]) -> int:
        """Keep answers, by position in the table, with their author; return how many are known.

        Raises:
            BadSetting: A position is not in the table.
            Forbidden: Your role may not register versions.
        """
        for place in said:
            if not 0 <= place < len(self.table):
                wanted = f"Rows are numbered from 0 to {len(self.table) - 1}."
                raise BadSetting("row", place, wanted)
        names = digests(self.table)
        told = {names[place]: bool(label) for place, label in said.items()}
        with self.workspace.session() as session, session.begin():
            labels.record(session, self.version, told, by=self.workspace.by)
            known = labels.known(session, self.version.name)
        return sum(name in known for name in names)

    @property
    def anomalies(self) -> int:
        """How many rows of this table were labelled anomalies: retraining wants one."""
        return self._marks().count(True)

    def retrain(self, **options: Any) -> Result:
        """Find anomalies once more with every label that is known for this table's rows.

        Raises:
            BadSetting: Not one row is labelled an anomaly.
        """
        marks = self._marks()
        if True not in marks:
            raise BadSetting("labels", "without an anomaly", "Label at least one row an anomaly.")
        values = [np.nan if mark is None else float(mark) for mark in marks]
        options = {"name": self.version.name, **options}
        return experiments.run(
            self.table.assign(**{COLUMN: values}),
            labels=COLUMN, workspace=self.workspace, **options,
        )  # fmt: skip

    def _marks(self) -> list[bool | None]:
        """Return what every row of the table was called, or None."""
        with self.workspace.reading() as session:
            known = labels.known(session, self.version.name)
        return [known.get(name) for name in digests(self.table)]


def review(
    ref: str | ModelVersion, data: Any, *, rows: int = 10, workspace: Workspace | None = None
) -> Review:
    """Choose the rows of a table whose labels would teach most.

    Args:
        ref: A version that finds anomalies.
        data: The table to find them in.
        rows: How many to look at.
        workspace: Where everything is; by default as the settings say.

    Raises:
        UnknownVersion: Nothing answers to the reference.
        BadSetting: The version answers another question.
    """
    if rows < 1:
        raise BadSetting("rows", rows, "Give the number of rows to look at, 1 or more.")
    ws = workspace or Workspace.open()
    with ws.reading() as session:
        version = versions.get(session, refs.parse(str(ref)))
        known = labels.known(session, version.name)
    if version.task != Task.ANOMALY:
        raise BadSetting("ref", str(version), f"It is a {version.task}; name one for anomalies.")
    predictor = load_version(ws, version)
    table = read_features(data, types=taught(predictor)).frame
    there = [place for place, name in enumerate(digests(table)) if name in known]
    answers = predictor.answers(table)
    chosen = next_to_label(
        answers["score"].to_numpy(), float(getattr(predictor.model, "threshold", 0.0)),
        _cells(predictor, table), rows, there,
    )  # fmt: skip
    shown = table.join(answers[["score", "p_value"]]).iloc[chosen]
    shown = shown.assign(reasons=told_why(ws, version, predictor, table.iloc[chosen]))
    return Review(version=version, table=table, rows=shown, known=len(there), workspace=ws)


def digests(table: pd.DataFrame) -> list[str]:
    """Return a name for each row, from its cells alone."""
    named = table.reindex(columns=sorted(table.columns, key=str))
    cells = named.astype(str).astype(object).where(named.notna(), "")
    lines = cells.agg("\x1f".join, axis=1)
    return [hashlib.sha256(line.encode()).hexdigest()[:16] for line in lines]


def _cells(predictor: Predictor, table: pd.DataFrame) -> np.ndarray:
    """Return the rows as the detector's numbers, of one size."""
    made = predictor.model.pipeline.named_steps["prepare"].transform(
        predictor.schema.conform(table)
    )
    return np.asarray(made, dtype=float)
