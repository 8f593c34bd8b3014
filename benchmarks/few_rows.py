"""Ways to mix trials where rows are few: one search a table, every way judged on the same rows.

python benchmarks/few_rows.py TABLES                      750 rows to learn from, the others judge
python benchmarks/few_rows.py TABLES --rows 3000 --trials 45
python benchmarks/few_rows.py TABLES --keep FOLDER        goes on where it was stopped

TABLES is a JSON list of {"file", "target", "metric", "leave_out"}: tables of some thousand rows,
as CSV beside it. A trial may take four seconds. Told is by how much each way is ahead of the
single best trial: in hundredths for metrics up to 1, else in per cent of its loss. "greedy" is
Caruana's selection alone, "even" with the even shares, "found" what a run would hand over.
"""

from __future__ import annotations

import argparse
import os
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[_name] = "1"

import json  # noqa: E402 - after the caps on threads

import cloudpickle  # noqa: E402
import numpy as np  # noqa: E402
import pandas as pd  # noqa: E402

WAYS = ("greedy", "even", "found")
PART, TRIAL_SECONDS = "benchmark_part", 4.0


def searched(frame: pd.DataFrame, target: str, metric: str, trials: int, seed: int) -> Any:
    """Search, and keep what every trial says of the rows that judge."""
    from pipelines import automl
    from pipelines.goal import Goal
    from pipelines.readers import read
    from pipelines.search import Budget, _Search
    from pipelines.search.clock import Clock

    _Search._tidy = lambda _: None  # type: ignore[method-assign]  # all trials' models are asked
    goal = Goal(metric=metric, seed=seed, split=PART)
    prepared = automl.prepare(read(frame, target=target), goal, engine="serial")
    answers: dict[int, Any] = {}
    prepared.watchers = [Asking(prepared, answers)]
    clock = Clock(None, trials, 0.0, prepared.started, TRIAL_SECONDS)
    budget = Budget(trials=trials, trial_seconds=TRIAL_SECONDS)
    board = prepared.search(clock, budget, None, "serial")
    assert prepared.apart is not None
    return board, prepared.work, answers, prepared.apart.truth


class Asking:
    """Asks every trial's models about the rows that judge, while they are there."""

    def __init__(self, prepared: Any, answers: dict[int, Any]) -> None:
        self._prepared, self._answers = prepared, answers

    def __getattr__(self, _: str) -> Any:
        return lambda *_, **__: None

    def tried(self, trial: Any, outcome: Any, _: Any) -> None:
        """Hear of a trial that ended."""
        from pipelines.recipe import fit
        from pipelines.trial import answer_of

        if outcome.state != "complete" or trial.algorithm_key == "dummy":
            return
        home = self._prepared
        models = home.shelf.models(outcome.bag) or [fit(trial, outcome, home.work)]
        told = [answer_of(model, home.apart.features, home.classes) for model in models]
        self._answers[trial.number] = np.mean(told, axis=0)


def judged(kept: Any) -> dict[str, float]:
    """Return by how much each way is ahead of the single best trial."""
    from pipelines import ensemble, mixing

    board, work, answers, truth = kept
    rows = [row for row in board.rows if row[0].number in answers]
    dummies = [row for row in board.rows if row[0].algorithm_key == "dummy"]
    board = replace(board, rows=tuple(dummies + rows))
    metric, candidates = work.metric, ensemble.candidates(board)
    told = np.stack([answers[trial.number] for trial, _ in candidates])
    known = np.stack([outcome.out_of_fold.astype(float) for _, outcome in candidates])
    at = ensemble._rows(known, 0)
    table = mixing.Table(
        known[:, at], work.truth(at), metric,
        tuple(trial.algorithm_key for trial, _ in candidates), ensemble._floor(board),
    )  # fmt: skip
    weights = table.weights(np.random.default_rng(0), mixing.BAGS)
    best = answers[board.best[0].number]
    mix = ensemble.find(board, work, 0)
    found = best
    if mix is not None:
        members = np.stack([answers[trial.number] for trial, _ in mix.members])
        found = np.average(members, axis=0, weights=mix.weights)
        if mix.stack is not None:
            found = mix.stack.weights.answer(members)
    ways = [np.tensordot(each, told, 1) for each in (weights, table.shared(weights))] + [found]
    alone, *others = (metric.signed(metric.of(truth, each)) for each in (best, *ways))
    scale = 1.0 if alone > 0 else abs(alone)
    return {way: 100 * (each - alone) / scale for way, each in zip(WAYS, others, strict=True)}


def split(frame: pd.DataFrame, target: str, rows: int, seed: int, *, classes: bool) -> None:
    """Say which rows are learned from."""
    from sklearn.model_selection import train_test_split

    strata = frame[target] if classes else None
    learned, _ = train_test_split(
        np.arange(len(frame)), train_size=rows, random_state=seed, stratify=strata
    )
    frame[PART] = np.where(np.isin(np.arange(len(frame)), learned), "train", "test")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("tables", type=Path)
    parser.add_argument("--rows", type=int, default=750)
    parser.add_argument("--trials", type=int, default=70)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--keep", type=Path)
    asked = parser.parse_args()
    keep = asked.keep or Path(tempfile.mkdtemp())
    keep.mkdir(exist_ok=True)
    found = []
    print("table".ljust(18), *(way.rjust(8) for way in WAYS))
    for table in json.loads(asked.tables.read_text()):
        place = (
            keep / f"{Path(table['file']).stem}-{table['target']}-{asked.rows}-{asked.seed}.pkl"
        )
        if not place.exists():
            frame = pd.read_csv(asked.tables.parent / table["file"])
            frame = frame.drop(columns=table.get("leave_out", []))
            frame = frame[frame[table["target"]].notna()].reset_index(drop=True)
            classes = table["metric"] not in ("rmse", "mae")
            if classes:
                frame[table["target"]] = frame[table["target"]].astype(str)
            split(frame, table["target"], asked.rows, asked.seed, classes=classes)
            kept = searched(frame, table["target"], table["metric"], asked.trials, asked.seed)
            place.write_bytes(cloudpickle.dumps(kept))
        leads = judged(cloudpickle.loads(place.read_bytes()))
        found.append([leads[way] for way in WAYS])
        told = place.stem.rsplit("-", 2)[0][:18].ljust(18)
        print(told, *(f"{leads[way]:+8.2f}" for way in WAYS), flush=True)
    print("mean".ljust(18), *(f"{each:+8.2f}" for each in np.mean(found, axis=0)))


if __name__ == "__main__":
    main()
