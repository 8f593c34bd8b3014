"""Journey: make a registered model again from its record, and say whether it is the same."""

from __future__ import annotations

import time
from dataclasses import dataclass
from importlib import metadata
from typing import TYPE_CHECKING, Any

import numpy as np

from mlops.errors import DataChanged, NoRecipe, NotReproduced
from mlops.predictions import load_version
from mlops.sources import read
from mlops.workspace import Workspace
from pipelines import automl, judging
from pipelines.cleaning.plan import Plan
from pipelines.goal import Goal
from pipelines.recipe import Recipe
from registry import refs, versions

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pipelines.adapters import Model
    from pipelines.automl import Prepared
    from pipelines.dataset import Dataset
    from pipelines.serving import Predictor
    from registry.versions import ModelVersion

TOLERANCE = 1e-6
MOST_ROWS = 2_000
LIBRARIES = ("numpy", "pandas", "scikit-learn", "scipy", "lightgbm", "xgboost-cpu", "xgboost",
             "catboost", "pyod", "torch")  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Reproduced:
    """A model that was made again, beside its record."""

    version: ModelVersion
    recorded: Mapping[str, float]
    now: Mapping[str, float]
    """The same metrics on the same held-out rows."""
    answers: float
    """The greatest difference between both models' answers, as a share of their spread."""
    tolerance: float
    seconds: float
    notes: tuple[str, ...] = ()

    @property
    def differing(self) -> tuple[str, ...]:
        """The metrics that came out differently."""
        return tuple(
            key for key, value in self.now.items() if not self._same(value, self.recorded[key])
        )

    @property
    def agrees(self) -> bool:
        """Whether every metric came out the same; without metrics, whether the answers did."""
        if self.now:
            return not self.differing
        return self.answers <= self.tolerance

    @property
    def sentence(self) -> str:
        """The outcome in one line."""
        gap = f"answers differ by at most {self.answers:.2g} of their spread"
        if self.agrees:
            return f"{self.version} was made again and agrees: {len(self.now)} metrics, {gap}."
        told = ", ".join(
            f"{key} {self.recorded[key]:.6g} then, {self.now[key]:.6g} now"
            for key in self.differing
        )
        return f"{self.version} was made again and differs: {told or 'no metrics'}; {gap}."

    def require(self) -> None:
        """Insist that it agrees.

        Raises:
            NotReproduced: It does not.
        """
        if not self.agrees:
            raise NotReproduced(self.version, self.sentence)

    def to_dict(self) -> dict[str, Any]:
        """Return everything a script may want to read."""
        return {
            "version": str(self.version),
            "agrees": self.agrees,
            "recorded": dict(self.recorded),
            "now": dict(self.now),
            "differing": self.differing,
            "answers": self.answers,
            "tolerance": self.tolerance,
            "seconds": round(self.seconds, 3),
            "notes": self.notes,
        }

    def _same(self, first: float, second: float) -> bool:
        return abs(first - second) <= self.tolerance * max(abs(first), abs(second), 1e-12)


def reproduce(
    ref: str | ModelVersion,
    *,
    data: Any = None,
    tolerance: float = TOLERANCE,
    workspace: Workspace | None = None,
) -> Reproduced:
    """Train a version again from its recorded data, plan, settings and seeds, and compare.

    Args:
        ref: Which version.
        data: Where its rows are now; by default where they were.
        tolerance: How far, as a share, a metric may lie from the recorded one.
        workspace: Where it is registered.

    Raises:
        UnknownVersion: Nothing answers to the reference.
        NoRecipe: The version does not say how it was made.
        DataChanged: The rows are not those it learned from; nothing was trained.
    """
    started = time.monotonic()
    ws = workspace or Workspace.open()
    with ws.reading() as session:
        version = versions.get(session, refs.parse(str(ref)))
    then = load_version(ws, version)
    about: Mapping[str, Any] = then.about.get("about", {})
    recipe, asked = _recorded(version, about)
    dataset = _dataset(version, asked, data)
    prepared = automl.prepare(dataset, _goal(dataset, about, asked, recipe), engine="serial")
    model = recipe.made(prepared.work)
    now = judging.judge(model, prepared.apart, seed=0).metrics if prepared.apart else {}
    shared = {key: value for key, value in now.items() if key in version.metrics}
    return Reproduced(
        version=version,
        recorded={key: version.metrics[key] for key in shared},
        now=shared,
        answers=_gap(then, model, prepared),
        tolerance=tolerance,
        seconds=time.monotonic() - started,
        notes=tuple(_notes(then, version, shared)),
    )


def _recorded(version: ModelVersion, about: Mapping[str, Any]) -> tuple[Recipe, Mapping[str, Any]]:
    recipe, asked = about.get("recipe"), about.get("asked")
    if not recipe or not asked:
        raise NoRecipe(
            version, "it was registered before that was written down. Run it again: mlops run."
        )
    return Recipe.from_dict(recipe), asked


def _dataset(version: ModelVersion, asked: Mapping[str, Any], data: Any) -> Dataset:
    place = asked["source"] if data is None else data
    if data is None and place == "memory":
        raise NoRecipe(version, "its rows were in memory. Give them with data= or --data.")
    dataset = read(
        place, asked["target"], task=asked["task"], types=asked["types"], rows=asked["rows"],
        seed=asked["seed"],
    )  # fmt: skip
    if dataset.digest != version.data_digest:
        told = place if isinstance(place, str) else type(place).__name__
        raise DataChanged(version, told, (dataset.digest, version.data_digest))
    return dataset


def _goal(
    dataset: Dataset, about: Mapping[str, Any], asked: Mapping[str, Any], recipe: Recipe
) -> Goal:
    metric = asked["metric"]
    return Goal(
        metric=None if metric is None or metric.startswith("own: ") else metric,
        algorithms=recipe.algorithms,
        keep=tuple(asked["keep"]),
        seed=asked["seed"],
        plan=Plan.from_dict(about["plan"], columns=list(dataset.frame.columns)),
        **asked["split"],
    )


def _gap(then: Predictor, model: Model, prepared: Prepared) -> float:
    """Return how far the answers of both models lie apart, on rows held out or learned from."""
    target = prepared.dataset.target
    rows = prepared.holdout if len(prepared.holdout) else prepared.train
    rows = rows.head(MOST_ROWS)
    features = rows if target is None else rows.drop(columns=target)
    first, second = (each.score(features) for each in (then.model, model))
    spread = float(np.ptp(first)) or 1.0
    return float(np.abs(np.asarray(first) - np.asarray(second)).max() / spread)


def _notes(then: Predictor, version: ModelVersion, now: Mapping[str, float]) -> list[str]:
    """Say what could explain a difference, and what was not compared."""
    notes = []
    made_with: Mapping[str, str] = then.about.get("versions", {})
    other = [
        f"{name} {made_with[name]} then, {here} now"
        for name in LIBRARIES
        if name in made_with and (here := _installed(name)) != made_with[name]
    ]
    if other:
        notes.append(f"Other versions are installed: {', '.join(other)}.")
    missing = sorted(set(version.metrics) - set(now))
    if missing:
        notes.append(f"Not compared: {', '.join(missing)}, which cannot be measured again.")
    return notes


def _installed(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return "none"
