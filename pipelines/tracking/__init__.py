"""Experiments in MLflow: a parent run per search, a child run per trial, the model that won.

The only room of the workshop that knows MLflow. What happens during a search is handed to one
writer thread, so that trials never wait. If MLflow dies in between, the search goes on, ``finish``
says once what is missing, and ``start(run_id=...)`` with ``log_missing`` writes it later.
"""

from __future__ import annotations

import logging
import math
import time
from contextlib import ExitStack
from functools import partial
from typing import TYPE_CHECKING, Any

from pipelines.errors import TrackingDown
from pipelines.tracking import models, papers, store, trials
from pipelines.tracking.writer import Writer, named

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    import pandas as pd
    from mlflow import MlflowClient

    from pipelines.cleaning.plan import Plan
    from pipelines.dataset import Dataset
    from pipelines.leaderboard import Leaderboard
    from pipelines.profile.facts import Profile
    from pipelines.tracking.models import Logged
    from pipelines.trial import Outcome, Trial

log = logging.getLogger(__name__)


class Tracker:
    """Writes one experiment run to MLflow. It is a watcher of the search: no method waits."""

    def __init__(self, tracking_uri: str, experiment: str) -> None:
        self._uri, self._experiment = tracking_uri, experiment
        self.run_id = ""
        self.experiment_id = ""
        self._client: MlflowClient
        self._writer: Writer
        self._afterwards = ExitStack()
        self._written: set[int] = set()
        self._halves: dict[int, str] = {}
        self._board: Leaderboard | None = None
        self._logged: Logged | None = None
        self._closed = False
        self._profiled = False
        self.notes: list[str] = []
        """What a reader of the leaderboard must know."""

    def start(
        self,
        run_name: str,
        tags: Mapping[str, str],
        params: Mapping[str, Any],
        run_id: str | None = None,
    ) -> str:
        """Open the parent run, or the one of ``run_id`` again, and return its id.

        Raises:
            TrackingDown: MLflow cannot be reached or written.
        """
        self._afterwards.enter_context(store.calm())
        self._closed = False
        try:
            self._client = store.connect(self._uri, to_write=True)
            with store.telling(self._uri):
                self.run_id = self._open(run_name, tags, run_id)
                self._log_params(params)
                self._client.log_text(self.run_id, papers.environment(), "environment.txt")
        except BaseException:
            self.run_id = ""
            self._afterwards.close()
            raise
        self._writer = Writer()
        return self.run_id

    def log_missing(self, replayed: Iterable[tuple[Trial, Outcome]]) -> int:
        """Write the journaled trials that have no child run yet; return how many those are."""
        missing = [pair for pair in replayed if pair[0].number not in self._written]
        for trial, outcome in missing:
            self._write(trial, outcome)
        return len(missing)

    def doing(self, what: str) -> None:
        """Nothing to write: what is being done now is for eyes only."""

    def profiled(self, profile: Profile, plan: Plan) -> None:
        """Write the profile as a page and as data, and the plan, once."""
        if not self._profiled:
            self._profiled = True
            self.log_profile(profile)
            self.log_texts({"plan.json": papers.as_json(plan.to_dict())})

    def searching(self, keys: Sequence[str], budget: Any) -> None:
        """Write which algorithms take part."""
        del budget
        self._tag("mlops.algorithms", ", ".join(keys))

    def tried(self, trial: Trial, outcome: Outcome, board: Leaderboard) -> None:
        """Have a trial written as a child run; returns at once."""
        self._board = board
        if trial.number not in self._written:
            self._write(trial, outcome)
            self._note_best(trial, board)

    def chosen(self, trial: Trial, outcome: Outcome) -> None:
        """Write which trial won, exactly; an ensemble gets its own child run."""
        if trial.origin == "ensemble":
            self._board = self._board and self._board.with_row(trial, outcome)
            self._write(trial, outcome)
        winner = {
            "trial": trial.number,
            "algorithm": trial.algorithm_key,
            "params": dict(trial.params),
            "seed": trial.seed,
            "origin": str(trial.origin),
            "score": outcome.score,
            "metrics": dict(outcome.metrics),
            "seconds": outcome.seconds,
        }
        self.log_texts({"winner.json": papers.as_json(winner)})
        self._tag("mlops.winner", f"{trial.algorithm_key} (trial {trial.number})")

    def log_profile(self, profile: Profile) -> None:
        """Write a profile as one offline page and as JSON."""
        self._writer.put(partial(self._put_profile, profile))

    def log_texts(self, texts: Mapping[str, str]) -> None:
        """Write texts as files of the run, by their path there."""
        for path, text in texts.items():
            self._writer.put(partial(self._client.log_text, self.run_id, text, path))

    def log_folder(self, path: Path, subfolder: str) -> None:
        """Write a folder's files now.

        Raises:
            TrackingDown: MLflow did not take them.
        """
        with store.telling(self._uri):
            self._client.log_artifacts(self.run_id, str(path), subfolder)

    def log_dataset(self, dataset: Dataset) -> None:
        """Write where the rows came from, with their digest and columns, as the run's input."""
        inputs = [papers.dataset_input(dataset)]
        self._writer.put(partial(self._client.log_inputs, self.run_id, inputs))

    def log_model(
        self, folder: Path, *, example: pd.DataFrame, requirements: Sequence[str] = ()
    ) -> Logged:
        """Log a saved model so that MLflow can serve it alone; return its id and digest.

        Args:
            folder: What ``packaging.save`` wrote.
            example: Raw rows that the model can answer; the first five are kept.
            requirements: Pinned, as pip wants them; by default what predicting needs.

        Raises:
            TrackingDown: MLflow did not take it.
            BadModel: The folder holds no model that opens.
        """
        self._writer.flush()
        place = models.Place(self._client, self.experiment_id, self.run_id)
        with store.telling(self._uri):
            self._logged = models.log(place, folder, example=example, requirements=requirements)
        return self._logged

    def attach(self, logged: Logged, folder: Path, subfolder: str) -> str:
        """Add a folder to a logged model, beside what its digest covers; return its address.

        Raises:
            TrackingDown: MLflow did not take it.
        """
        with store.telling(self._uri):
            return models.attach(self._client, logged.model_id, folder, subfolder)

    def finish(
        self, status: str = "FINISHED", metrics: Mapping[str, float] | None = None
    ) -> tuple[str, ...]:
        """Write the leaderboard and last numbers, end the run; return what could not be written.

        Nothing happens before ``start`` or the second time, so it may stand in a ``finally``.

        Args:
            status: FINISHED, FAILED, or KILLED after Ctrl-C.
            metrics: Last numbers, shown with the logged model too.
        """
        if not self.run_id or self._closed:
            return ()
        self._closed = True
        if self._board is not None:
            self.log_texts(papers.leaderboard(self._board, self.notes))
        if metrics:
            self._writer.put(partial(self._put_metrics, dict(metrics)))
        self._writer.put(partial(self._end, status))
        self._writer.close()
        self._afterwards.close()
        return self._complain()

    def _open(self, run_name: str, tags: Mapping[str, str], run_id: str | None) -> str:
        tags = {**papers.git_tags(), **tags}
        if run_id is None:
            self.experiment_id = store.experiment_id(self._client, self._experiment)
            made = self._client.create_run(self.experiment_id, tags=tags, run_name=run_name)
            return str(made.info.run_id)
        found = self._client.get_run(run_id)
        self.experiment_id = str(found.info.experiment_id)
        self._client.update_run(run_id, status="RUNNING")
        for key, value in tags.items():
            self._client.set_tag(run_id, key, value)
        self._written, self._halves = trials.written(self._client, self.experiment_id, run_id)
        return run_id

    def _log_params(self, params: Mapping[str, Any]) -> None:
        from mlflow.entities import Param

        known = self._client.get_run(self.run_id).data.params
        new = [Param(k, trials.readable(v)) for k, v in params.items() if k not in known]
        self._client.log_batch(self.run_id, params=new)

    def _write(self, trial: Trial, outcome: Outcome) -> None:
        self._written.add(trial.number)
        half = self._halves.pop(trial.number, None)
        parent = (self.experiment_id, self.run_id)
        now = time.time_ns() // 1_000_000
        self._writer.put(trials.ChildRun(self._client, parent, trial, outcome, now, half))

    def _note_best(self, trial: Trial, board: Leaderboard) -> None:
        """Write the score as a step of the parent's curve when no trial was better so far."""
        best = board.best
        if best is None or best[0].number != trial.number or best[1].score is None:
            return
        if math.isfinite(best[1].score):
            at, key = time.time_ns() // 1_000_000, f"best_{board.metric.key}"
            job = partial(self._client.log_metric, self.run_id, key, best[1].score, at)
            self._writer.put(partial(job, trial.number))

    def _tag(self, key: str, value: str) -> None:
        self._writer.put(partial(self._client.set_tag, self.run_id, key, value[:5000]))

    def _put_profile(self, profile: Profile) -> None:
        for path, text in papers.profile(profile).items():
            self._client.log_text(self.run_id, text, path)

    def _put_metrics(self, metrics: Mapping[str, float]) -> None:
        self._client.log_batch(self.run_id, metrics=papers.metrics(metrics, self._logged))

    def _end(self, status: str) -> None:
        self._client.set_terminated(self.run_id, status)

    def _complain(self) -> tuple[str, ...]:
        missing = tuple(named(job) for job in self._writer.left)
        if missing and self._writer.error is not None:
            log.warning(
                "MLflow at %s did not take %d of the records (%s). The journal has all trials: "
                "run again with --resume %s to write them.",
                store.hidden(self._uri),
                len(missing),
                store.reason(self._writer.error),
                self.run_id,
            )
        return missing


def attach(tracking_uri: str, model_id: str, folder: Path, subfolder: str) -> str:
    """Add a folder to a logged model of an earlier run; return its address.

    Raises:
        TrackingDown: MLflow is not there, has no such model, or did not take the files.
    """
    with store.calm(), store.telling(tracking_uri):
        client = store.connect(tracking_uri, to_write=True)
        return models.attach(client, model_id, folder, subfolder)


def finished(tracking_uri: str, run_id: str) -> bool:
    """Say whether a run came to its end, so that nothing is left to go on with, or is gone.

    Raises:
        TrackingDown: MLflow cannot be reached.
    """
    try:
        with store.calm(), store.telling(tracking_uri):
            info = store.connect(tracking_uri).get_run(run_id).info
    except TrackingDown as error:
        if store.says_gone(error):
            return True
        raise
    return str(info.status) == "FINISHED" or str(info.lifecycle_stage) != "active"


def keep(tracking_uri: str, run_id: str, folder: Path, subfolder: str) -> None:
    """Add a folder to the files of an earlier run.

    Raises:
        TrackingDown: MLflow is not there, has no such run, or did not take the files.
    """
    with store.calm(), store.telling(tracking_uri):
        client = store.connect(tracking_uri, to_write=True)
        client.log_artifacts(run_id, str(folder), subfolder)


def download(tracking_uri: str, uri: str, into: Path, *, served: str | None = None) -> Path:
    """Fetch a model (``models:/…`` or its own id) or a run's files (``runs:/…``); return where.

    Args:
        tracking_uri: Which MLflow.
        uri: What to fetch.
        into: A folder, made when it is missing.
        served: Where an MLflow server keeps the files that it hands out itself: whoever has its
            database takes them from there.

    Raises:
        TrackingDown: MLflow is not there, or has no such model.
    """
    return models.download(tracking_uri, uri, into, served)
