"""How a model was made, so that it can be made again: its parts, and what follows them.

A part is one trial: fitted on all training rows, or the models of its folds, which answer
together. With the same rows, plan, settings and seeds the same model comes out.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any, Self, cast

from threadpoolctl import threadpool_limits

from pipelines import shelf
from pipelines import trial as trials
from pipelines.adapters import build
from pipelines.adapters.combined import Calibrated, Decided, Ensemble
from pipelines.adapters.stacked import Stack
from pipelines.errors import BadModel
from pipelines.trial import Outcome, Trial

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pipelines.adapters import Model
    from pipelines.trial import Work


@dataclass(frozen=True, slots=True)
class Part:
    """One trial's share in a model."""

    algorithm: str
    params: Mapping[str, Any]
    seed: int
    weight: float = 1.0
    learned: Mapping[str, Any] | None = None
    """What the folds taught, where it was fitted on all training rows."""
    folds: int = 0
    """How many models of its folds answer together; 0 where it was fitted on all rows."""

    @classmethod
    def of(cls, trial: Trial, outcome: Outcome, weight: float = 1.0, folds: int = 0) -> Self:
        """Return a trial's share."""
        learned = None if folds else dict(outcome.learned)
        return cls(trial.algorithm_key, dict(trial.params), trial.seed, weight, learned, folds)

    def models(self, work: Work) -> list[Model]:
        """Fit what this part consists of.

        Raises:
            BadModel: A fold cannot be fitted any more.
        """
        trial = Trial(0, self.algorithm, dict(self.params), self.seed, "default")
        if not self.folds:
            return [fit(trial, Outcome(None, learned=self.learned or {}), work)]
        outcome = trials.run(trial, replace(work, bagged=True))
        if outcome.packed is None:
            raise BadModel(
                f"{self.algorithm} cannot be fitted again: {outcome.failure or 'too heavy'}."
            )
        return shelf.unpacked(outcome.packed)


@dataclass(frozen=True, slots=True)
class Stacking:
    """How the parts' log-odds are added up, as plain numbers."""

    slopes: Sequence[Sequence[Sequence[float]]]
    """(parts, classes, classes)."""
    shift: Sequence[float]


@dataclass(frozen=True, slots=True)
class Recipe:
    """A model's parts and what their answers go through."""

    parts: tuple[Part, ...]
    stack: Stacking | None = None
    calibration: Mapping[str, Any] | None = None
    """kind and maps."""
    decision: tuple[float, ...] | None = None

    @classmethod
    def of(cls, parts: Sequence[Part], model: Model, stack: Stacking | None = None) -> Self:
        """Return the recipe of a model whose parts are known."""
        inner: Any = model
        decision = calibration = None
        if isinstance(inner, Decided):
            inner, decision = inner.inner, tuple(inner.decision)
        if isinstance(inner, Calibrated):
            calibration = {"kind": inner.kind, "maps": inner.maps}
        return cls(tuple(parts), stack, calibration, decision)

    @property
    def algorithms(self) -> tuple[str, ...]:
        """The algorithms that take part, each once."""
        return tuple(dict.fromkeys(part.algorithm for part in self.parts))

    def made(self, work: Work) -> Model:
        """Fit every part and put them together.

        Raises:
            BadModel: A part cannot be fitted any more.
        """
        groups = [part.models(work) for part in self.parts]
        model = together(groups, [part.weight for part in self.parts], self.stack)
        if self.calibration is not None:
            kind, maps = self.calibration["kind"], self.calibration["maps"]
            model = cast("Model", Calibrated(model, kind, maps))
        return model if self.decision is None else cast("Model", Decided(model, self.decision))

    def to_dict(self) -> dict[str, Any]:
        """Return everything as plain data."""
        return {
            "parts": [asdict(part) for part in self.parts],
            "stack": None if self.stack is None else asdict(self.stack),
            "calibration": self.calibration,
            "decision": None if self.decision is None else list(self.decision),
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """Read what ``to_dict`` wrote."""
        decision, stack = data.get("decision"), data.get("stack")
        return cls(
            tuple(Part(**part) for part in data["parts"]),
            None if stack is None else Stacking(**stack),
            data.get("calibration"),
            None if decision is None else tuple(decision),
        )


def together(
    groups: Sequence[Sequence[Model]], weights: Sequence[float], stack: Stacking | None
) -> Model:
    """Put the models of all parts together; those of one part share its weight."""
    members = [model for models in groups for model in models]
    if stack is not None:
        slopes = [
            [[cell / len(models) for cell in row] for row in slope]
            for models, slope in zip(groups, stack.slopes, strict=True)
            for _ in models
        ]
        return Stack(members, slopes, stack.shift)
    if len(members) == 1:
        return members[0]
    pairs = zip(groups, weights, strict=True)
    return Ensemble(members, [weight / len(models) for models, weight in pairs for _ in models])


def fit(trial: Trial, outcome: Outcome, work: Work) -> Model:
    """Fit a trial's configuration on all training rows, with what its folds taught."""
    row = work.rows[trial.algorithm_key]
    params = {**trial.params, **outcome.learned}
    model = build(row, params, trial.seed, plan=work.plan, task=work.task)
    with threadpool_limits(1):
        return model.fit(work.features, work.labels)
