"""Journey: from a table to a registered version that carries its evidence.

Nothing is registered before everything it is judged by is in place: the model is logged, the
reports are attached, then one transaction writes the version. A run that is cut off can go on.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlops import comparisons, files, mirroring, pictures, plans, registration
from mlops.asked import budget_of, for_each_trial, model_name
from mlops.durations import bytes_of, seconds_of
from mlops.errors import Interrupted
from mlops.results import Result
from mlops.resuming import run_to_go_on_with
from mlops.sources import question, read
from mlops.workspace import Workspace
from pipelines import automl, processes
from pipelines import nested as nesting
from pipelines.anomaly.thresholds import Cut
from pipelines.errors import UnknownColumn
from pipelines.goal import Goal, header
from pipelines.journal import Journal
from pipelines.own_metric import OwnMetric
from pipelines.search import Budget
from pipelines.tracking import Tracker
from registry import refs, versions
from registry.errors import UnknownVersion
from registry.permissions import Action

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from mlops.comparisons import Comparison
    from pipelines.automl import Found, Prepared
    from pipelines.dataset import Dataset
    from pipelines.search import Watcher
    from registry.versions import ModelVersion


@dataclass(slots=True, kw_only=True)
class _Run:
    """One run on its way: what was asked for, and what there is so far."""

    ws: Workspace
    name: str
    dataset: Dataset
    goal: Goal
    budget: Budget
    engine: str
    watchers: Sequence[Watcher]
    tracker: Tracker
    asked: Mapping[str, Any]
    """What must be asked again to make the same model."""
    sensitive: tuple[str, ...] = ()
    nested: nesting.Shape | None = None
    notes: list[str] = field(default_factory=list)

    def doing(self, what: str) -> None:
        for watcher in self.watchers:
            watcher.doing(what)


def run(  # noqa: PLR0913 - the options of the public verb
    data: Any,
    target: str | None = None,
    *,
    task: str = "auto",
    name: str | None = None,
    budget: str | float | None = None,
    trials: int | None = None,
    metric: str | OwnMetric | Callable[[Any, Any], float] | None = None,
    seed: int = 0,
    workers: int | None = None,
    algorithms: Sequence[str] = (),
    exclude: Sequence[str] = (),
    keep: Sequence[str] = (),
    types: Mapping[str, str] | None = None,
    rows: int | None = None,
    plan: str | Path | Mapping[str, Any] | None = None,
    group: str | None = None,
    time: str | None = None,
    split: str | None = None,
    simple: bool = False,
    max_latency: str | float | None = None,
    trial_time: str | float | None = None,
    trial_memory: str | int | None = None,
    sensitive: Sequence[str] = (),
    max_size: str | float | None = None,
    nested: str | None = None,
    engine: str = "processes",
    resume: str | None = None,
    labels: str | None = None,
    contamination: str | float | None = None,
    review: int | None = None,
    watchers: Sequence[Watcher] = (),
    workspace: Workspace | None = None,
) -> Result:
    """Find the best model for a table and register it with its evidence.

    Args:
        data: A file, folder, URL, or a frame (pandas, Polars, Arrow, Spark, NumPy).
        target: The column to predict; without one, the question is what is strange.
        task: auto, classification, regression or anomaly.
        name: The model's name; by default the file's.
        budget: Time to search, like 60s or 10m; by default the setting's, or none with ``trials``.
        trials: At most this many trials.
        metric: What to optimise: a name, by default roc_auc, log_loss (many classes) or rmse; or a
            function of truth and answers (see ``OwnMetric``).
        seed: Makes a run repeatable.
        workers: Trials side by side; by default one per core.
        algorithms: Only these.
        exclude: All but these.
        keep: Columns that are used although a check would leave them out.
        types: Kinds of columns, where the guess is wrong.
        rows: Sample this many rows.
        plan: An edited cleaning plan, as a YAML or JSON file or as data.
        group: Rows with one value of this column stay together in every split.
        time: The last rows by this column are held out; every fold is judged on later rows.
        split: A column whose marks say which rows are held out.
        simple: The single best model, not an ensemble.
        max_latency: The time that answering one row may take, like 5ms.
        trial_time: The most time one trial may take; by default a share of the budget.
        trial_memory: The memory one trial may take, like 2GB; by default a share of what is free.
        sensitive: Columns whose groups should be treated alike; the report says how they are.
        max_size: How large the model may be, like 50MB.
        nested: Also judge the whole procedure, like 3x2: three folds twice, a search for each.
        engine: processes, serial, dask or dask://host:port.
        resume: The id of a run to go on with, or "last": the newest one of this search that was
            cut off.
        labels: The column that marks anomalies (1, 0 or empty), where there is one.
        contamination: The share of anomalies, an estimator's name, or auto.
        review: As many rows are called anomalies as somebody can review.
        watchers: Who is told how it goes.
        workspace: Where to keep everything; by default as the settings say.

    Raises:
        PipelineError: The data cannot be learned from; the class and the message say why.
        Forbidden: Your role may not register versions.
        DatabaseDown: The record cannot be written; nothing is searched.
        Interrupted: Ctrl-C; the message says how to go on.
    """
    get_ready(engine)
    ws = workspace or Workspace.open()
    ws.ready_for(Action.REGISTER)
    limit = budget_of(ws, budget, trials, workers)
    limit = replace(limit, **for_each_trial(trial_time, trial_memory))
    files.check_writable(ws.settings.home)
    called = refs.check_name(name) if name else ""
    for watcher in watchers:
        watcher.doing("reading the data")
    cut = Cut.of(contamination, review)
    target, task = question(target, labels, task)
    shape = None if nested is None else nesting.Shape.read(nested)
    dataset = read(data, target, task=task, types=types, rows=rows, seed=seed)
    called = called or model_name(dataset.name)
    for column in sensitive:
        if column not in dataset.features.columns:
            raise UnknownColumn(column, tuple(map(str, dataset.features.columns)))
    goal = Goal(
        metric=metric,
        plan=None if plan is None else plans.read(plan, dataset),
        algorithms=tuple(algorithms),
        exclude=tuple(exclude),
        group=group,
        time=time,
        split=split,
        simple=simple,
        max_latency=None if max_latency is None else seconds_of(max_latency, "--max-latency"),
        max_size=None if max_size is None else bytes_of(max_size, "--max-size"),
        keep=tuple(keep),
        seed=seed,
        cut=cut,
    )
    going = _Run(
        ws=ws, name=called, dataset=dataset, goal=goal, budget=limit, engine=engine,
        watchers=watchers, tracker=Tracker(ws.tracking_uri, called),
        sensitive=tuple(sensitive),
        asked=_asked(dataset, goal, types, rows), nested=shape,
    )  # fmt: skip
    if shape is not None:
        nesting.check(dataset, goal)
    return _search_and_register(going, resume)


def get_ready(engine: str) -> None:
    """Make the process that workers are forked from, before threads of ours forbid a copy."""
    if engine == "processes":
        processes.warm_up()


def _asked(
    dataset: Dataset, goal: Goal, types: Mapping[str, str] | None, rows: int | None
) -> dict[str, Any]:
    return {
        **header(dataset, goal),
        "source": dataset.source,
        "task": str(dataset.task),
        "types": dict(types or {}),
        "rows": rows,
        "keep": list(goal.keep),
        "split": goal.split_by,
    }


def _search_and_register(going: _Run, resume: str | None) -> Result:
    prepared = automl.prepare(
        going.dataset, going.goal, watchers=going.watchers, engine=going.engine
    )
    going.doing("opening the run in MLflow")
    began = time.monotonic()
    journal = _start(going, prepared, resume)
    prepared.started += time.monotonic() - began  # this was no searching
    tracker = going.tracker
    try:
        prepared.watchers = [*going.watchers, tracker]
        found = prepared.find_best(going.budget, journal=journal, engine=going.engine)
        found = _nested(going, found)
        tracker.notes = [found.note] if found.note else []
        tracker.log_texts(pictures.draw(found, prepared.work.rows))
        version = registration.register(
            registration.Going(
                ws=going.ws, tracker=tracker, name=going.name, doing=going.doing,
                sensitive=going.sensitive, asked=going.asked,
            ),
            found,
        )  # fmt: skip
    except KeyboardInterrupt as error:
        tracker.finish("KILLED")
        raise Interrupted(
            f"Interrupted after {len(journal.replay())} finished trials, all of them kept; "
            "nothing was registered. Go on with the same command and "
            f"--resume {tracker.run_id}"
        ) from error
    except BaseException:
        tracker.finish("FAILED")
        raise
    more = {"nested_mean": found.nested["mean"]} if found.nested else {}
    missing = tracker.finish("FINISHED", {**found.metrics, **more, "seconds": found.seconds})
    if missing:
        going.notes.append(f"MLflow did not take {len(missing)} records; --resume writes them.")
    failure = mirroring.show(going.ws, going.name)
    if failure:
        going.notes.append(f"MLflow does not show the version yet: {failure}")
    return _result(going, found, version)


def _nested(going: _Run, found: Found) -> Found:
    """Judge the whole procedure too, where somebody asked for it."""
    if going.nested is None:
        return found
    told = nesting.evaluate(
        going.dataset, going.goal, going.budget, going.nested,
        engine=going.engine, doing=going.doing,
    )  # fmt: skip
    note = f"{found.note} {told.sentence}".strip()
    return replace(found, nested=told.to_dict(), note=note)


def _start(going: _Run, prepared: Prepared, resume: str | None) -> Journal:
    """Open the run in MLflow and its journal on disk; go on with old ones if asked."""
    about = header(going.dataset, going.goal)
    folder = going.ws.folder("journals")
    journal = None
    if resume is not None:
        resume = run_to_go_on_with(resume, folder, about, going.ws.tracking_uri)
        journal = Journal.open(folder / f"{resume}.jsonl", about)
    tracker = going.tracker
    tags = {
        "mlops.name": going.name,
        "mlops.task": str(going.dataset.task),
        "mlops.data": going.dataset.source,
    }
    params = {"seed": going.goal.seed, "metric": prepared.metric.key, "engine": going.engine}
    tracker.start(going.name, tags, params, run_id=resume)
    tracker.log_dataset(going.dataset)
    tracker.profiled(prepared.profile, prepared.plan)
    if journal is None:
        return Journal.create(folder / f"{tracker.run_id}.jsonl", about)
    tracker.log_missing(journal.replay())
    return journal


def _result(going: _Run, found: Found, version: ModelVersion) -> Result:
    notes = [*going.notes, *([found.note] if found.note else [])]
    return Result(
        version=version,
        run_id=going.tracker.run_id,
        experiment_id=going.tracker.experiment_id,
        board=found.leaderboard,
        profile=found.profile,
        score=found.score,
        interval=found.interval,
        nested=found.nested,
        metrics=found.metrics,
        baseline=found.baseline,
        holdout_rows=len(found.holdout),
        seconds=found.seconds,
        single=_single(found),
        comparison=_compared(going, found, version),
        notes=tuple(notes),
    )


def _single(found: Found) -> dict[str, Any] | None:
    trial, outcome = found.single
    if trial.number == found.trial.number:
        return None
    told = {"trial": trial.number, "algorithm": trial.algorithm_key, "score": outcome.score}
    return {**told, "params": dict(trial.params)}


def _compared(going: _Run, found: Found, version: ModelVersion) -> Comparison | None:
    """Set the version beside the champion, or else beside the one before it."""
    with going.ws.reading() as session:
        other = versions.champion(session, going.name)
        if other is None and version.number > 1:
            try:
                other = versions.get(session, refs.Ref(going.name, number=version.number - 1))
            except UnknownVersion:
                return None
    if other is None or other.id == version.id:
        return None
    judged = comparisons.Judged(
        model=found.model, metrics=found.metrics, metric=found.metric, holdout=found.holdout,
        target=going.dataset.target, data_digest=going.dataset.digest,
    )  # fmt: skip
    return comparisons.compare(going.ws, other, judged)
