"""What learns in rounds, can watch other rows, and stops when those gain no more.

Gradient boosting, and networks with their epochs. They go a few rounds past the best. ``keep``
says how many of them answer, so that rows that were watched need not be judged with the very
number of rounds that suits them best.
"""

from __future__ import annotations

import time
import warnings
from typing import TYPE_CHECKING, Any

import numpy as np

from pipelines.adapters.estimators import Array, Estimator, estimator_of
from pipelines.cleaning.transformer import transformer

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import pandas as pd

    from pipelines.algorithms import Algorithm
    from pipelines.cleaning.plan import Plan
    from pipelines.task import Task

MOST_ROUNDS = 3_000
PATIENCE = 40
UNWATCHED_ROUNDS, UNWATCHED_EPOCHS = 200, 15
"""When nobody says how many rounds, and there is nothing to watch."""
MOST_BINS = 255
"""scikit-learn's histograms hold no category with more levels."""

Watched = tuple["Array", "Array"]


class Booster(Estimator):
    """An estimator that learns in rounds."""

    def __init__(
        self, algorithm: Algorithm, task: Task, estimator: Any, prepare: Any, rounds: int | None
    ) -> None:
        super().__init__(algorithm, task, estimator, prepare)
        self.rounds = rounds
        self.library = library_of(algorithm)
        self.rounds_name = _ROUNDS.get(self.library, "n_estimators")

    @property
    def stops(self) -> bool:
        """Whether the rounds are left to what it watches."""
        return self.rounds is None and self.library in _WATCHERS

    def fit_prepared(self, rows: Array, target: Array) -> None:
        """Fit the rounds that were asked for."""
        usual = UNWATCHED_EPOCHS if self.library == "pipelines" else UNWATCHED_ROUNDS
        self.estimator.set_params(**{self.rounds_name: self.rounds or usual})
        self.estimator.fit(rows, target, **self._categories(rows))

    def fit_watching(
        self,
        features: pd.DataFrame,
        labels: pd.Series,
        test: pd.DataFrame,
        truth: pd.Series,
        seconds: float | None = None,
    ) -> dict[str, Any]:
        """Learn until the test rows gain no more; return how many rounds that took."""
        known, labels = self.rows_to_learn_from(features, labels)
        target = self.learn_classes(labels)
        strange = bool(self.classes) and not set(truth.tolist()) <= set(self.classes)
        if strange or not self.stops:
            self.fit(known, labels)
            return {}
        deadline = time.monotonic() + seconds if seconds is not None else float("inf")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            rows = self.prepare.fit_transform(known, target)
            watched = (self.prepare.transform(test), self._codes(truth))
            self.estimator.set_params(**{self.rounds_name: MOST_ROUNDS})
            options = self._categories(rows)
            used = _WATCHERS[self.library](
                self.estimator, (rows, target), watched, deadline, options
            )
        return {self.rounds_name: max(1, int(used))}

    def keep(self, learned: Mapping[str, Any]) -> None:
        """Answer with the first rounds alone."""
        if self.rounds_name in learned:
            _KEEPERS[self.library](self.estimator, int(learned[self.rounds_name]))

    def _codes(self, truth: pd.Series) -> Array:
        """Number the labels as in training."""
        if not self.classes:
            return truth.to_numpy(dtype=float)
        numbers = {label: code for code, label in enumerate(self.classes)}
        return np.array([numbers[label] for label in truth.tolist()])

    def _categories(self, rows: Array) -> dict[str, Any]:
        """Tell the library which columns hold codes, each in its own way."""
        columns = [int(each) for each in getattr(self.prepare, "categorical_columns_", ())]
        if self.library == "lightgbm":
            return {"categorical_feature": columns or "auto"}
        if self.library == "sklearn":
            few = [each for each in columns if np.nanmax(rows[:, each], initial=0) < MOST_BINS]
            self.estimator.set_params(categorical_features=few or None)
        return {}


def library_of(algorithm: Algorithm) -> str:
    """Return the package whose way of boosting a row uses."""
    return algorithm.target.partition(":")[0].partition(".")[0]


def _watch_lightgbm(
    estimator: Any, known: Watched, watched: Watched, deadline: float, options: Mapping[str, Any]
) -> int:
    import lightgbm

    best, at = float("inf"), 0

    def stop(env: Any) -> None:
        # LightGBM's own callback would throw away the rounds past the best.
        nonlocal best, at
        _, _, value, greater_is_better = env.evaluation_result_list[0][:4]
        loss = -value if greater_is_better else value
        if loss < best:
            best, at = loss, env.iteration
        if env.iteration - at >= PATIENCE or time.monotonic() > deadline:
            raise lightgbm.callback.EarlyStopException(env.iteration, env.evaluation_result_list)

    estimator.fit(*known, eval_X=(watched[0],), eval_y=(watched[1],), callbacks=[stop], **options)
    _keep_lightgbm(estimator, at + 1)
    return at + 1


def _watch_xgboost(
    estimator: Any, known: Watched, watched: Watched, deadline: float, options: Mapping[str, Any]
) -> int:
    import xgboost

    class StopInTime(xgboost.callback.TrainingCallback):
        def after_iteration(self, *_: Any) -> bool:
            return time.monotonic() > deadline

    estimator.set_params(early_stopping_rounds=PATIENCE, callbacks=[StopInTime()])
    estimator.fit(*known, eval_set=[watched], verbose=False, **options)
    estimator.set_params(callbacks=None)  # it could not be pickled
    booster = estimator.get_booster()
    # Out of time in the first round, XGBoost asks no other callback which one was best.
    best = booster.attr("best_iteration")
    return int(booster.num_boosted_rounds() if best is None else int(best) + 1)


def _watch_catboost(
    estimator: Any, known: Watched, watched: Watched, deadline: float, options: Mapping[str, Any]
) -> int:
    class StopInTime:
        def after_iteration(self, _: Any) -> bool:
            return time.monotonic() < deadline

    estimator.set_params(od_type="Iter", od_wait=PATIENCE, use_best_model=False)
    estimator.fit(*known, eval_set=watched, callbacks=[StopInTime()], **options)
    return int(estimator.get_best_iteration()) + 1


def _watch_histograms(
    estimator: Any, known: Watched, watched: Watched, deadline: float, options: Mapping[str, Any]
) -> int:
    del deadline  # it offers no way to stop in time; it is the fastest of the four
    estimator.set_params(early_stopping=True, n_iter_no_change=PATIENCE // 2, max_iter=1_000)
    estimator.fit(*known, X_val=watched[0], y_val=watched[1], **options)
    return max(1, int(np.argmax(estimator.validation_score_)))  # the first is before any round


def _watch_network(
    estimator: Any, known: Watched, watched: Watched, deadline: float, options: Mapping[str, Any]
) -> int:
    del options
    return int(estimator.watch(known, watched, deadline))


def _keep_lightgbm(estimator: Any, rounds: int) -> None:
    estimator.booster_.best_iteration = rounds


def _keep_xgboost(estimator: Any, rounds: int) -> None:
    booster = estimator.get_booster()
    last = min(rounds, int(booster.num_boosted_rounds())) - 1
    booster.set_attr(best_iteration=str(last))


def _keep_catboost(estimator: Any, rounds: int) -> None:
    estimator.shrink(min(rounds, int(estimator.tree_count_)))


def _keep_histograms(estimator: Any, rounds: int) -> None:
    del estimator._predictors[rounds:]


def _keep_network(estimator: Any, rounds: int) -> None:
    estimator.keep(rounds)


_ROUNDS = {"catboost": "iterations", "sklearn": "max_iter", "pipelines": "epochs"}
_WATCHERS: dict[str, Callable[[Any, Watched, Watched, float, Mapping[str, Any]], int]] = {
    "lightgbm": _watch_lightgbm,
    "xgboost": _watch_xgboost,
    "catboost": _watch_catboost,
    "sklearn": _watch_histograms,
    "pipelines": _watch_network,
}
_KEEPERS: dict[str, Callable[[Any, int], None]] = {
    "lightgbm": _keep_lightgbm,
    "xgboost": _keep_xgboost,
    "catboost": _keep_catboost,
    "sklearn": _keep_histograms,
    "pipelines": _keep_network,
}


def make(
    algorithm: Algorithm, params: Mapping[str, Any], seed: int, *, plan: Plan, task: Task
) -> Booster:
    """Build the unfitted model; params may name the rounds."""
    rounds = params.get(_ROUNDS.get(library_of(algorithm), "n_estimators"))
    estimator = estimator_of(algorithm, params, seed)
    return Booster(algorithm, task, estimator, transformer(plan, algorithm.needs), rounds)
