"""One Optuna study per algorithm, and a bandit over the best few.

A sampler is seeded by what its study has seen, so that a search that was killed and resumed asks
what it would have asked anyway, and two searches with one seed ask the same.
"""

from __future__ import annotations

import json
import zlib
from typing import TYPE_CHECKING, Any

import optuna
from optuna.trial import TrialState, create_trial

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from optuna.distributions import BaseDistribution

    from pipelines.algorithms import Algorithm
    from pipelines.metrics import Metric
    from pipelines.trial import Outcome, Trial

SHARES = (0.5, 0.3, 0.2)
"""How the bandit shares trials among the best, the second and the third algorithm."""
STARTUP = 5
ATTEMPTS = 5


def fingerprint(key: str, params: Mapping[str, Any]) -> str:
    """Return a text that is equal for equal configurations.

    >>> fingerprint("knn", {"b": 1, "a": 2}) == fingerprint("knn", {"a": 2, "b": 1})
    True
    """
    return f"{key} {json.dumps(dict(params), sort_keys=True, default=str)}"


class Studies:
    """What has been seen of each algorithm, and what to ask it next."""

    def __init__(self, rows: Sequence[Algorithm], metric: Metric, seed: int) -> None:
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        self._rows = {row.key: row for row in rows if row.tuned and row.space}
        self._metric, self._seed = metric, seed
        self._studies = {key: optuna.create_study(direction="maximize") for key in self._rows}
        self._asked: dict[int, tuple[str, optuna.Trial]] = {}
        self._pulls = dict.fromkeys(self._rows, 0)
        self._best: dict[str, float] = {}
        self._seen: set[str] = set()

    def ask(
        self, number: int, affordable: Callable[[str], bool]
    ) -> tuple[str, dict[str, Any]] | None:
        """Return an algorithm and a configuration never tried, or None when there is none."""
        for key in self._in_turn(affordable):
            study, row = self._studies[key], self._rows[key]
            for attempt in range(ATTEMPTS):
                # constant_liar keeps workers from asking for one and the same spot.
                study.sampler = optuna.samplers.TPESampler(
                    seed=self._seed_for(key, len(study.trials), attempt),
                    n_startup_trials=STARTUP,
                    constant_liar=True,
                )
                asked = study.ask()
                params = row.suggest(asked)
                if fingerprint(key, params) not in self._seen:
                    self._asked[number] = key, asked
                    self._pulls[key] += 1
                    self._seen.add(fingerprint(key, params))
                    return key, params
                study.tell(asked, state=TrialState.FAIL)
        return None

    @property
    def can_ask(self) -> bool:
        """Whether there is an algorithm worth tuning."""
        return bool(self._best)

    def mark(self, key: str, params: Mapping[str, Any]) -> None:
        """Remember a configuration that somebody else tries."""
        self._seen.add(fingerprint(key, params))

    def saw(self, key: str, params: Mapping[str, Any]) -> bool:
        """Say whether a configuration was asked or told before."""
        return fingerprint(key, params) in self._seen

    def tell(self, trial: Trial, outcome: Outcome) -> None:
        """Learn from an outcome, asked here or elsewhere (a portfolio, a journal)."""
        self._seen.add(fingerprint(trial.algorithm_key, trial.params))
        if trial.algorithm_key not in self._rows:
            return
        worth = None if outcome.score is None else self._metric.signed(outcome.score)
        if worth is not None and outcome.complete:
            before = self._best.get(trial.algorithm_key, float("-inf"))
            self._best[trial.algorithm_key] = max(before, worth)
        if trial.number in self._asked:
            key, asked = self._asked.pop(trial.number)
            state = TrialState.FAIL if worth is None else TrialState.COMPLETE
            self._studies[key].tell(asked, worth, state=state)
            return
        self._pulls[trial.algorithm_key] += trial.origin == "tuned"
        self._add(trial, worth)

    def _add(self, trial: Trial, worth: float | None) -> None:
        space = self._rows[trial.algorithm_key].space
        known = trial.params.keys() == space.keys() and all(
            _fits(each, trial.params[name]) for name, each in space.items()
        )
        if known:
            state = TrialState.FAIL if worth is None else TrialState.COMPLETE
            told = create_trial(
                state=state, value=worth, params=dict(trial.params), distributions=dict(space)
            )
            self._studies[trial.algorithm_key].add_trial(told)

    def _in_turn(self, affordable: Callable[[str], bool]) -> list[str]:
        """Return the best few, the one furthest behind its share of trials first."""
        best = sorted((key for key in self._best if affordable(key)), key=self._place)
        arms = dict(zip(best, SHARES, strict=False))
        total = 1 + sum(self._pulls[key] for key in arms)
        return sorted(arms, key=lambda key: self._pulls[key] - arms[key] * total)

    def _place(self, key: str) -> tuple[float, str]:
        return -self._best[key], key

    def _seed_for(self, key: str, seen: int, attempt: int) -> int:
        return zlib.crc32(f"{self._seed}/{key}/{seen}/{attempt}".encode())


def _fits(distribution: BaseDistribution, value: object) -> bool:
    """Say whether a study can learn from a value; a portfolio may go beyond the space."""
    try:
        return distribution._contains(distribution.to_internal_repr(value))
    except (TypeError, ValueError):
        return False
