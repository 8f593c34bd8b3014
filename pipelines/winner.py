"""From a leaderboard to the model that is handed over, fitted on all training rows.

The single best trial is always among what is looked at; trials that are better together take its
place where they are so by more than noise, and where there is time to fit them.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, cast

from pipelines import calibration, decisions, ensemble
from pipelines.adapters.combined import Calibrated, Decided, Ensemble, mapped
from pipelines.errors import AllTrialsFailed
from pipelines.recipe import Part, Recipe, Stacking, fit, together
from pipelines.trial import Outcome, Trial

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pipelines.adapters import Model
    from pipelines.decisions import Decision
    from pipelines.ensemble import Mix
    from pipelines.leaderboard import Leaderboard
    from pipelines.search import Watcher
    from pipelines.search.clock import Clock
    from pipelines.shelf import Shelf
    from pipelines.trial import Work

log = logging.getLogger(__name__)

TRIES = 3
"""How many winners may fail on all rows before the run is given up."""
MIXING_SHARE = 0.04
"""No more of the seconds than this is spent on choosing an ensemble."""
TOLD = "Its members are stacked: their log-odds are added up by weights learned on other rows."
UNPROVEN = (
    "On rows that did not choose, its members were a little worse together than the best of them "
    "alone, by no more than noise: several opinions are safer than the luckiest of many."
)
MARGIN = 0.3
"""Seconds left for judging the winner."""


@dataclass(slots=True, kw_only=True)
class Chosen:
    """What won, fitted."""

    board: Leaderboard
    trial: Trial
    outcome: Outcome
    single: tuple[Trial, Outcome]
    """The best trial that is one model; the winner itself, unless an ensemble won."""
    model: Model
    parts: Sequence[Part]
    """What it was made of."""
    stack: Stacking | None = None
    """How the parts' log-odds are added up, where they are."""
    notes: list[str] = field(default_factory=list)
    decision: Decision | None = None
    """How it names a class, where that is not the likeliest one."""

    @property
    def recipe(self) -> Recipe:
        """How it can be made again."""
        return Recipe.of(self.parts, self.model, self.stack)


@dataclass(slots=True, kw_only=True)
class Choice:
    """What there is to choose from, and how."""

    board: Leaderboard
    work: Work
    clock: Clock
    seed: int
    simple: bool = False
    watchers: Sequence[Watcher] = ()
    shelf: Shelf | None = None
    """Where the folds' models are."""
    notes: list[str] = field(default_factory=list)
    models: dict[int, Model | None] = field(default_factory=dict)
    """What was fitted so far, by the trial's number; None where that failed."""

    def make(self) -> Chosen:
        """Fit the ensemble where one is better, else the best trial; the next best if that fails.

        Raises:
            AllTrialsFailed: Nothing could be fitted.
        """
        ended = [row for row in self.board.rows if row[0].algorithm_key != "dummy"]
        if ended and all(outcome.failure is not None for _, outcome in ended):
            raise AllTrialsFailed(self.board.failures)
        if not ended:
            return self._default()
        whole, self.board = self.board, self._within()
        chosen = self._together() or self._folds() or self._alone()
        self._calibrate(chosen)
        self._decide(chosen)
        chosen.notes.extend(self.work.ceilings.told(chosen.model, self.work.features))
        if self.clock.ended_early:
            chosen.notes.append(f"It was ended early: the best of {len(whole)} trials.")
        if chosen.trial.origin == "ensemble":
            whole = whole.with_row(chosen.trial, chosen.outcome)
        chosen.board = whole
        for watcher in self.watchers:
            watcher.chosen(chosen.trial, chosen.outcome)
        return chosen

    def _within(self) -> Leaderboard:
        """Return the board without what breaks a ceiling; where all do, the nearest is left."""
        ceilings = self.work.ceilings
        if not ceilings.limits:
            return self.board
        known = [row for row in self.board.rows if row[0].algorithm_key != "dummy"]
        known = [row for row in known if row[1].score is not None]
        kept = [row for row in known if ceilings.kept(row[1].metrics)]
        if known and not kept:
            kept = [min(known, key=lambda row: ceilings.excess(row[1].metrics))]
        rows = [row for row in self.board.rows if row in kept or row[0].algorithm_key == "dummy"]
        return replace(self.board, rows=tuple(rows))

    def _calibrate(self, chosen: Chosen) -> None:
        """Put a map behind the winner's probabilities where that makes them better."""
        answer = chosen.outcome.out_of_fold
        found = None if answer is None else calibration.find(answer, self.work, self.seed)
        if found is not None and chosen.trial.algorithm_key != "dummy":
            self._doing("calibrating its probabilities")
            chosen.model = cast("Model", Calibrated(chosen.model, found.kind, found.maps))
            chosen.notes.append(found.told)

    def _decide(self, chosen: Chosen) -> None:
        """Have the winner weigh its classes where the metric gains by that."""
        answer = chosen.outcome.out_of_fold
        if answer is None or chosen.trial.algorithm_key == "dummy":
            return
        if isinstance(chosen.model, Calibrated):
            answer = mapped(chosen.model.kind, chosen.model.maps, answer)
        found = decisions.find(answer, self.work, self.seed)
        if found is not None:
            chosen.decision = found
            chosen.model = cast("Model", Decided(chosen.model, found.weights))
            chosen.notes.append(found.told(self.work.classes))

    def _alone(self) -> Chosen:
        self._doing("fitting the winner on all training rows")
        ranked = [row for row in self.board.ranked if row[1].score is not None]
        for trial, outcome in ranked[:TRIES]:
            model = self._try(trial, outcome)
            if model is not None:
                return Chosen(
                    board=self.board, trial=trial, outcome=outcome, single=(trial, outcome),
                    model=model, notes=self.notes, parts=[Part.of(trial, outcome)],
                )  # fmt: skip
        raise AllTrialsFailed(self.board.failures or dict.fromkeys(self.notes, 1))

    def _together(self) -> Chosen | None:
        """Return an ensemble that could be fitted, or None where one trial is better alone."""
        single = self.board.best
        if self.simple or single is None:
            return None
        self._doing("looking for an ensemble")
        whole = ensemble.find(self.board, self.work, self.seed, self._seconds_to_mix())
        mix = whole and whole.within(self.work.ceilings, self.work)
        fitted = self._fitted(mix) if mix else {}
        left = mix and mix.only(frozenset(fitted), self.work)
        if left is None:
            return None
        if left is not whole and not left.beats(ensemble.candidates(self.board)[0][1], self.work):
            return None  # beside the best of those that could have joined, not the luckiest
        pairs = zip(left.members, left.weights, strict=True)
        groups = [(row, fitted[row[0].number], weight) for row, weight in pairs]
        members = [models for _, models, _ in groups]
        parts = [
            Part.of(*row, weight, self._bag(row[1], models)) for row, models, weight in groups
        ]
        if left.gain < 0:
            self.notes.append(UNPROVEN)
        stack = None
        if left.stack is not None:
            weights = left.stack.weights
            stack = Stacking(weights.slopes.tolist(), weights.shift.tolist())
            self.notes.append(TOLD)
        model = together(members, left.weights, stack)
        trial, outcome = self._as_row(left, single[1])
        return Chosen(
            board=self.board, trial=trial, outcome=outcome,
            single=single, model=model, notes=self.notes, parts=parts, stack=stack,
        )  # fmt: skip

    def _folds(self) -> Chosen | None:
        """Return the best trial, answered by the mean of its folds' models, or None."""
        single = self.board.best
        models = None if self.simple or single is None else self._kept(single[1])
        if single is None or models is None:
            return None
        self.notes.append(f"It answers with the mean of {len(models)} models, one of each fold.")
        return Chosen(
            board=self.board, trial=single[0], outcome=single[1], single=single,
            model=Ensemble(models, [1 / len(models)] * len(models)), notes=self.notes,
            parts=[Part.of(*single, folds=len(models))],
        )  # fmt: skip

    def _bag(self, outcome: Outcome, models: Sequence[Model]) -> int:
        """Return how many models of folds these are; none where one was fitted on all rows."""
        kept = outcome.bag is not None and models[0] not in self.models.values()
        return len(models) if kept else 0

    def _kept(self, outcome: Outcome) -> list[Model] | None:
        """Return the models of a trial's folds, where they answer together."""
        return self.shelf.models(outcome.bag) if self.work.bagged and self.shelf else None

    def _as_row(self, mix: Mix, single: Outcome) -> tuple[Trial, Outcome]:
        """Return the ensemble as a line of the leaderboard.

        Its score is the single best's and what it gained on rows that did not choose it: on
        those that did, it would look better than it is.
        """
        number = 1 + max(trial.number for trial, _ in self.board.rows)
        kind = "ensemble" if mix.stack is None else "stack"
        trial = Trial(number, kind, mix.told, self.seed, "ensemble")
        score = self.work.metric.signed(self.work.metric.signed(single.score or 0.0) + mix.gain)
        together = mix.out_of_fold
        metrics = {**ensemble.metrics_of(together, self.work), self.work.metric.key: score}
        seconds = sum(outcome.seconds for _, outcome in mix.members)
        return trial, Outcome(score, metrics, seconds=seconds, out_of_fold=together)

    def _fitted(self, mix: Mix) -> dict[int, list[Model]]:
        """Take the folds' models; fit the others while there is time, the single best first."""
        best = self.board.best
        first = best[0].number if best else -1
        kept = {trial.number: self._kept(outcome) for trial, outcome in mix.members}
        fitted = {number: models for number, models in kept.items() if models}
        late = []
        for trial, outcome in sorted(mix.members, key=lambda row: row[0].number != first):
            if trial.number in fitted:
                continue
            if fitted and ensemble.seconds_to_fit(outcome) + MARGIN > self.clock.left:
                late.append(trial.algorithm_key)
                continue
            self._doing(f"fitting {trial.algorithm_key} on all training rows")
            model = self._try(trial, outcome)
            if model is not None:
                fitted[trial.number] = [model]
        if late:
            log.info("No time was left to fit %s for the ensemble.", ", ".join(late))
        return fitted

    def _try(self, trial: Trial, outcome: Outcome) -> Model | None:
        if trial.number not in self.models:
            try:
                self.models[trial.number] = fit(trial, outcome, self.work)
            except Exception as error:  # noqa: BLE001 - any library may fail on the whole table
                self.models[trial.number] = None
                self.notes.append(f"{trial.algorithm_key} won, but failed on all rows: {error}.")
                log.warning("%s", self.notes[-1])
        return self.models[trial.number]

    def _seconds_to_mix(self) -> float | None:
        """Return the seconds that choosing may take, so that the members can be fitted too."""
        if self.clock.seconds is None:
            return None
        return max(0.1, min(MIXING_SHARE * self.clock.seconds, self.clock.left / 3))

    def _default(self) -> Chosen:
        """Fit the first algorithm with its defaults: the budget was too short for a trial."""
        rows = [row for row in self.work.rows.values() if row.key != "dummy"]
        row = min(rows, key=lambda each: each.portfolio[0].turn)
        trial = Trial(len(self.board), row.key, dict(row.default), self.seed, "default")
        outcome = Outcome(None)
        self._doing("fitting the default on all training rows")
        note = (
            f"The budget was too short for one trial: this is {row.title} with its defaults, "
            "judged on the rows kept apart and compared with nothing."
        )
        return Chosen(
            board=self.board, trial=trial, outcome=outcome, single=(trial, outcome),
            model=fit(trial, outcome, self.work), notes=[note], parts=[Part.of(trial, outcome)],
        )  # fmt: skip

    def _doing(self, what: str) -> None:
        for watcher in self.watchers:
            watcher.doing(what)
