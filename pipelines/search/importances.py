"""Which settings of an algorithm made its trials good or bad.

By Optuna's PED-ANOVA, which compares the best trials' settings with all of them: hundredths of a
second where fANOVA's forests take seconds. Few trials say nothing, and then nothing is said.
"""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

import optuna
from optuna.importance import PedAnovaImportanceEvaluator, get_param_importances
from optuna.trial import create_trial

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pipelines.algorithms import Algorithm
    from pipelines.leaderboard import Leaderboard

FEWEST_TRIALS = 12
MOST_ALGORITHMS = 4


def importances(
    board: Leaderboard, rows: Mapping[str, Algorithm]
) -> tuple[dict[str, dict[str, float]], str]:
    """Return each setting's share by algorithm, best algorithm first; or why there are none."""
    found: dict[str, dict[str, float]] = {}
    most = 0
    for key in dict.fromkeys(trial.algorithm_key for trial, _ in board.ranked):
        if key not in rows or not rows[key].space or len(found) == MOST_ALGORITHMS:
            continue
        study = _study(board, rows[key])
        most = max(most, len(study.trials))
        if len(study.trials) >= FEWEST_TRIALS and (shares := _shares(study)):
            found[key] = shares
    if found:
        return found, ""
    return {}, (
        f"Which settings mattered is not known: the most tuned algorithm has {most} trials, and "
        f"{FEWEST_TRIALS} are needed."
    )


def _study(board: Leaderboard, row: Algorithm) -> optuna.Study:
    verbosity = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(direction="maximize")
    optuna.logging.set_verbosity(verbosity)
    for trial, outcome in board.rows:
        same = trial.algorithm_key == row.key and trial.params.keys() == row.space.keys()
        if not same or outcome.score is None or not outcome.complete:
            continue
        try:
            study.add_trial(
                create_trial(
                    value=board.metric.signed(outcome.score),
                    params=dict(trial.params),
                    distributions=dict(row.space),
                )
            )
        except ValueError:
            continue  # a configuration from beyond the space
    return study


def _shares(study: optuna.Study) -> dict[str, float]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            told = get_param_importances(study, evaluator=PedAnovaImportanceEvaluator())
        except (ValueError, RuntimeError):
            return {}
    return {name: float(share) for name, share in told.items()}
