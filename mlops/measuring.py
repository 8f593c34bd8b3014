"""What gates look at but cannot find out themselves: measured on files, rows and the champion.

Each kind is a function of one ``Bench``. What is wrong with a measurement is its answer
(``why``), and the gate that wanted it says so; MLflow being away is an error, but in an emergency
it is such an answer too.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from mlops import evidence
from pipelines.errors import PipelineError, TrackingDown

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from mlops.evidence import Kept
    from mlops.workspace import Workspace
    from pipelines.metrics import Array, Metric
    from pipelines.serving import Predictor
    from registry.gates.asked import Paired
    from registry.versions import ModelVersion

_ROWS_TIMED = 30


@dataclass
class Bench:
    """A version and its champion, fetched once however many kinds are measured."""

    ws: Workspace
    version: ModelVersion
    champion: ModelVersion | None
    scratch: Path
    paired: Paired | None = None
    emergency: bool = False
    """Whether to go on where MLflow is away."""
    folders: dict[int, Path] = field(default_factory=dict)
    predictors: dict[int, Predictor] = field(default_factory=dict)

    def folder(self, version: ModelVersion) -> Path:
        """Return where a version's files lie."""
        if version.id not in self.folders:
            into = self.scratch / str(version.id)
            self.folders[version.id] = self.ws.fetch(version.model_uri, into)
        return self.folders[version.id]

    def predictor(self, version: ModelVersion) -> Predictor:
        """Return a version's model, opened after its bytes matched the record."""
        from pipelines import serving

        if version.id not in self.predictors:
            here = self.folder(version)
            self.predictors[version.id] = serving.load(
                here, digest=version.model_digest, called=version.ref
            )
        return self.predictors[version.id]

    @cached_property
    def kept(self) -> Kept:
        """The rows that the version was judged on."""
        return evidence.fetch(self.ws, self.version.run_id, self.scratch / "evidence")

    @property
    def target(self) -> str:
        """The column that is predicted."""
        told = self.predictor(self.version).about.get("about", {}).get("target")
        if told is None or not len(self.kept.holdout):
            raise PipelineError("it was judged on no labelled rows")
        return str(told)

    def truth(self) -> Array:
        """Return what really happened on the held-out rows."""
        from pipelines.trial import as_truth

        model = self.predictor(self.version).model
        return as_truth(self.kept.holdout[self.target], model.task, model.classes)

    def answers(self, version: ModelVersion) -> Array:
        """Return a version's answers to the held-out rows, in the order of our classes."""
        from pipelines.trial import answer_of

        predictor, ours = self.predictor(version), self.predictor(self.version)
        if set(predictor.classes) != set(ours.classes):
            raise PipelineError(f"{version} knows the classes {predictor.classes}")
        rows = self.kept.holdout.drop(columns=self.target)
        return answer_of(predictor.model, predictor.schema.conform(rows), ours.model.classes)

    def metric(self, key: str) -> Metric:
        """Return a metric of the version's task."""
        from pipelines import metrics

        model = self.predictor(self.version).model
        return metrics.find(key, model.task, max(len(model.classes), 2))

    def rival(self) -> ModelVersion:
        """Return the champion."""
        if self.champion is None:
            raise PipelineError("nothing else is in production")
        return self.champion


def measure(kind: str, bench: Bench) -> Mapping[str, Any]:
    """Measure one kind.

    Raises:
        TrackingDown: MLflow is not there, and this is no emergency.
    """
    try:
        return KINDS[kind](bench)
    except TrackingDown as error:
        return _away(bench, error)
    except PipelineError as error:
        return {"why": str(error).rstrip(".")}


def inputs(kind: str, bench: Bench) -> dict[str, Any]:
    """Return all that goes into a measurement: the same goes in, the same comes out."""
    told: dict[str, Any] = {"model": bench.version.model_digest}
    if kind in {"schema", "comparison"} and bench.champion is not None:
        told["champion"] = bench.champion.model_digest
    if kind == "comparison" and bench.paired is not None:
        paired = bench.paired
        told |= {"margin": paired.margin, "alpha": paired.alpha}
        told |= {"method": paired.method, "metric": paired.metric}
    return told


def files(bench: Bench) -> Mapping[str, Any]:
    """Look at a version's files as they are now.

    Raises:
        TrackingDown: MLflow is not there, and this is no emergency.
    """
    from pipelines import scanning
    from pipelines.tracking.store import says_gone

    try:
        return scanning.look(bench.folder(bench.version))
    except TrackingDown as error:
        return {"missing": _told(error)} if says_gone(error) else _away(bench, error)
    except PipelineError as error:
        return {"missing": str(error).rstrip(".")}


def _away(bench: Bench, error: TrackingDown) -> Mapping[str, Any]:
    if bench.emergency:
        return {"why": _told(error)}
    raise error


def _told(error: TrackingDown) -> str:
    return str(error).removesuffix("Check MLFLOW_TRACKING_URI and the server.").rstrip(". ")


def _types(bench: Bench) -> Mapping[str, Any]:
    from pipelines import scanning

    return {"types": scanning.types(bench.folder(bench.version))}


def _answers(bench: Bench) -> Mapping[str, Any]:
    """Ask the model about its held-out rows again."""
    truth, answers = bench.truth(), bench.answers(bench.version)
    wanted = bench.metric(bench.version.metric)
    told: dict[str, Any] = {
        "metrics": {wanted.key: wanted.of(truth, answers)},
        "rows": len(truth),
        "held_out": bench.version.evidence.get("more", {}).get("holdout_rows", len(truth)),
        "calibration_error": None,
    }
    if bench.version.task == "classification":
        told["calibration_error"] = bench.metric("calibration_error").of(truth, answers)
    return told


def _latency(bench: Bench) -> Mapping[str, Any]:
    import statistics

    predictor, rows = bench.predictor(bench.version), bench.kept.background
    if not len(rows):
        raise PipelineError("there are no rows to time it on")
    ones = [rows.iloc[[place % len(rows)]] for place in range(_ROWS_TIMED + 3)]
    taken = []
    for one in ones:
        began = time.perf_counter()
        predictor.predict(one)
        taken.append(time.perf_counter() - began)
    return {"ms": statistics.median(taken[3:]) * 1000, "rows": _ROWS_TIMED}


def _schema(bench: Bench) -> Mapping[str, Any]:
    from pipelines.packaging import read_card

    theirs, ours = (read_card(bench.folder(v)) for v in (bench.rival(), bench.version))
    before, after = (
        {column["name"]: column["kind"] for column in card["schema"]["columns"]}
        for card in (theirs, ours)
    )
    shared = [name for name in after if name in before]
    return {
        "task": [theirs["task"], ours["task"]],
        "classes": [sorted(map(str, card["classes"])) for card in (theirs, ours)],
        "new": [name for name in after if name not in before],
        "gone": [name for name in before if name not in after],
        "same": [name for name in shared if before[name] == after[name]],
        "changed": [
            f"{name} ({before[name]} to {after[name]})"
            for name in shared
            if before[name] != after[name]
        ],
    }


def _comparison(bench: Bench) -> Mapping[str, Any]:
    """Test on the same rows whether the version is better than the champion."""
    from pipelines import paired

    wanted, rival = bench.paired, bench.rival()
    if wanted is None:
        raise PipelineError("the policy asks for no comparison")
    key = wanted.metric or rival.metric
    asked = paired.Asked(wanted.margin, wanted.alpha, wanted.method)
    if wanted.method == "folds":
        found = _by_folds(bench, key, asked)
    else:
        found = paired.compare(
            bench.metric(key), bench.truth(), bench.answers(bench.version),
            bench.answers(rival), asked,
        )  # fmt: skip
    same = bench.version.data_digest == rival.data_digest
    note = "" if same else f"{rival} learned from other data, which may hold some of these rows."
    return {"metric": key, **found.to_dict(), "note": note}


def _by_folds(bench: Bench, key: str, asked: Any) -> Any:
    from pipelines import paired

    rival = bench.rival()
    ours, theirs = (v.evidence.get("more", {}).get("folds") for v in (bench.version, rival))
    same = bench.version.data_digest == rival.data_digest
    if not (ours and theirs and same and ours["split"] == theirs["split"]):
        raise PipelineError("the two were not tried on the same folds of the same data")
    if not key == bench.version.metric == rival.metric:
        raise PipelineError(f"the folds were scored by {bench.version.metric}, {rival.metric}")
    upwards = bool(rival.evidence.get("greater_is_better", True))
    return paired.folds(
        ours["scores"], theirs["scores"], asked, upwards=upwards, tested=ours["tested"]
    )


KINDS: Mapping[str, Callable[[Bench], Mapping[str, Any]]] = {
    "types": _types,
    "answers": _answers,
    "latency": _latency,
    "schema": _schema,
    "comparison": _comparison,
}
