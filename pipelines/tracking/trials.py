"""A trial as an MLflow child run: tidy parameters, mean and per-fold metrics, why it failed."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from mlflow import MlflowClient
    from mlflow.entities import Metric

    from pipelines.trial import Outcome, Trial

PARENT, NUMBER, ORIGIN = "mlflow.parentRunId", "mlops.trial", "mlops.origin"
ENDED = frozenset({"FINISHED", "FAILED", "KILLED"})
TAG_LENGTH, PARAM_LENGTH = 2000, 500


@dataclass
class ChildRun:
    """One trial to write: called once, or again after it failed half way."""

    client: MlflowClient
    parent: tuple[str, str]
    """The experiment's id and the parent run's."""
    trial: Trial
    outcome: Outcome
    ended: int
    """When the trial ended, in milliseconds since 1970."""
    run_id: str | None = None

    def __call__(self) -> None:
        """Create the run, write everything in one batch, end it."""
        from mlflow.entities import Param

        experiment, parent = self.parent
        if self.run_id is None:
            started = self.ended - round(self.outcome.seconds * 1000)
            tags = tags_of(self.trial, self.outcome) | {PARENT: parent}
            name = f"{self.trial.number:03d} {self.trial.algorithm_key}"
            made = self.client.create_run(experiment, started, tags, name)
            self.run_id = str(made.info.run_id)
        texts = params_of(self.trial, self.outcome.learned)
        params = [Param(key, text) for key, text in texts.items()]
        metrics = list(metrics_of(self.outcome, self.ended))
        self.client.log_batch(self.run_id, metrics, params, synchronous=True)
        status = "FAILED" if self.outcome.failure else "FINISHED"
        self.client.set_terminated(self.run_id, status, self.ended)


def written(client: MlflowClient, experiment: str, parent: str) -> tuple[set[int], dict[int, str]]:
    """Return the numbers of the trials that have an ended child run, and the halves of others."""
    whole: set[int] = set()
    halves: dict[int, str] = {}
    token: str | None = None
    while True:
        page = client.search_runs(
            [experiment], f"tags.`{PARENT}` = '{parent}'", max_results=1000, page_token=token
        )
        for run in page:
            # An ensemble is made anew when a run is resumed: its number may be a trial's by then.
            if run.data.tags.get(ORIGIN) == "ensemble":
                continue
            if (number := run.data.tags.get(NUMBER, "")).isdigit():
                if run.info.status in ENDED:
                    whole.add(int(number))
                else:
                    halves[int(number)] = run.info.run_id
        token = page.token
        if not token:
            return whole, {n: run for n, run in halves.items() if n not in whole}


def tags_of(trial: Trial, outcome: Outcome) -> dict[str, str]:
    """Return what names and explains a trial."""
    tags = {
        NUMBER: str(trial.number),
        "mlops.algorithm": trial.algorithm_key,
        ORIGIN: str(trial.origin),
        "mlops.state": outcome.state,
    }
    if outcome.failure:
        tags["mlops.failure"] = outcome.failure[:TAG_LENGTH]
    return tags


def params_of(trial: Trial, learned: Mapping[str, Any]) -> dict[str, str]:
    """Return the parameters, and what the folds taught, as text that reads well in a table.

    An ensemble's members are one parameter: a column each would fill the view that compares runs.
    """
    told = {**trial.params, **learned}
    if trial.origin == "ensemble":
        told = {"members": ", ".join(f"{name} {share:.2f}" for name, share in told.items())}
    params = {"algorithm": trial.algorithm_key, "seed": trial.seed, **told}
    return {key: readable(value) for key, value in params.items()}


def metrics_of(outcome: Outcome, at: int) -> Iterator[Metric]:
    """Return score, seconds, every metric's mean, and the score of each fold as a step."""
    from mlflow.entities import Metric

    means: Mapping[str, Any] = {"seconds": outcome.seconds, **outcome.metrics}
    if outcome.score is not None:
        means = {"score": outcome.score, **means}
    for key, value in means.items():
        if math.isfinite(value):
            yield Metric(key, float(value), at, 0)
    for fold, value in enumerate(outcome.folds):
        if math.isfinite(value):
            yield Metric("fold_score", float(value), at, fold)


def readable(value: Any) -> str:
    """Return a value as short text.

    >>> readable(0.030000000000000002), readable((64, 32)), readable(None)
    ('0.03', '(64, 32)', 'None')
    """
    text = f"{value:.6g}" if isinstance(value, float) else str(value)
    return text[:PARAM_LENGTH]
