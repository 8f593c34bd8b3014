"""Explanations against their peers: CPU seconds and ratios of one run.

Run ``python benchmarks/explain.py``; ``--quick`` takes a fifth of the rows and replications,
``--only lime`` one section. Peers are timed on a few rows and extrapolated; each line says so.
"""

from __future__ import annotations

import argparse
import os
import resource
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from itertools import combinations
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import explain_calibration as calibration
import lightgbm
import numpy as np
import pandas as pd
import slices
from explain_calibration import Predictor
from sklearn.neighbors import KNeighborsRegressor
from sklearn.neural_network import MLPRegressor

from pipelines.explain import page, report, surrogates, work
from pipelines.explain.lime import limit
from pipelines.explain.question import Clock, Question
from pipelines.explain.statistics import rank_agreement
from pipelines.explain.trees import TreeExplainer
from pipelines.task import Task

COLUMNS, TREES, BACKGROUND = 30, 200, 1_000
LIME_SEEDS = 6


def cpu(work):
    start = time.process_time()
    found = work()
    return time.process_time() - start, found


def model_and_rows(rows: int):
    rng = np.random.default_rng(0)
    cells = rng.normal(size=(rows, COLUMNS))
    score = cells[:, 0] * 2 - cells[:, 1] + cells[:, 2] * cells[:, 3] + rng.normal(size=rows)
    model = lightgbm.LGBMClassifier(n_estimators=TREES, n_jobs=1, verbose=-1)
    return model.fit(cells[:20_000], (score > 0)[:20_000]), cells


def shap_values(rows: int) -> None:
    import shap

    model, cells = model_and_rows(rows)
    background = cells[:BACKGROUND]
    players = np.arange(COLUMNS)
    first, explainer = cpu(lambda: TreeExplainer.of(model, players, COLUMNS, background))
    compile_, _ = cpu(lambda: explainer.contributions(cells[:10]))
    ours, (values, base) = cpu(lambda: explainer.contributions(cells))
    margin = model.predict(cells[:500], raw_score=True)
    gap = np.abs(values[:500].sum(axis=(1, 2)) + base[0] - margin)
    print(f"rows {rows:,} x {COLUMNS}, {TREES} trees, background {BACKGROUND:,}")
    print(f"  ours, all rows exact          {ours:8.1f} CPU-s (reading {first:.2f}, "
          f"first call {compile_:.2f}); sums off by a constant to {np.ptp(gap):.0e}")  # fmt: skip
    few = cells[:2_000]
    native = cpu(lambda: model.predict(few, pred_contrib=True))[0] * rows / len(few)
    print(f"  pred_contrib (extrapolated)   {native:8.1f} CPU-s: {native / ours:5.1f}x ours")
    for many, some in ((100, 100), (BACKGROUND, 20)):
        masker = shap.maskers.Independent(background, max_samples=many)
        peer = shap.TreeExplainer(model, masker, feature_perturbation="interventional")
        few = cells[:some]
        theirs = cpu(lambda p=peer, f=few: p.shap_values(f, check_additivity=False))[0]
        theirs *= rows / some
        print(f"  shap, background {many:5,} (from {some:3} rows) {theirs:8.1f} CPU-s: "
              f"{theirs / ours:5.1f}x ours")  # fmt: skip


def whole_report(rows: int) -> None:
    """The report set of the same model: CPU seconds of each section, page and peak memory."""
    model, cells = model_and_rows(rows)
    frame = pd.DataFrame(cells, columns=[f"c{j}" for j in range(COLUMNS)])
    labels = pd.Series(((cells[:, 0] * 2 - cells[:, 1] + cells[:, 2] * cells[:, 3]) > 0) * 1)
    predictor = Predictor(model, Task.CLASSIFICATION)
    background, started = frame[:BACKGROUND], time.perf_counter()
    report.Clock = partial(Clock, now=time.process_time)
    asked = {"background": background, "by": ["c0", "c1"], "budget": 60}
    total, found = cpu(lambda: report.report(predictor, frame, labels=labels, **asked))
    report.Clock = Clock
    with tempfile.TemporaryDirectory() as folder:
        drawn, files = cpu(lambda: page.write(found, Path(folder)))
        sizes = ", ".join(f"{one.name} {one.stat().st_size / 1000:,.0f} kB" for one in files)
    print(f"report set, {rows:,} x {COLUMNS}: {total + drawn:.1f} CPU-s "
          f"({time.perf_counter() - started:.0f} s on this machine)")  # fmt: skip
    told = ", ".join(f"{name} {took:.1f}" for name, took in found.about.seconds.items())
    print(f"  {told}, page and pictures {drawn:.1f}")
    print(f"  {sizes}")
    print("  " + "; ".join(f"{name} {how.extent}" for name, how in found.statuses.items()))


@dataclass
class Unknown:
    """A model that says nothing but its answers: no method knows it."""

    answer: Callable[[np.ndarray], np.ndarray]
    task: Task = Task.CLASSIFICATION
    classes: tuple = ("no", "yes")
    schema: None = None

    @property
    def model(self) -> Unknown:
        return self

    def predict(self, frame):
        return self.answer(np.asarray(frame))

    def probabilities(self, frame):
        positive = self.answer(np.asarray(frame))
        return np.stack([1 - positive, positive], axis=1)


def drawn_lime(model: Unknown, rows: pd.DataFrame, background: pd.DataFrame, seed: int):
    """Return LIME of all rows as a report makes it by default, a mean of two seeds."""
    job = work.begin(Question(model), rows, None, background, Clock(600), seed)
    return surrogates.explain(job, np.arange(len(rows)))


def lime_rows(rows: int) -> None:
    """LIME as a report makes it: computed where the model is a known sum, drawn elsewhere."""
    from lime.lime_tabular import LimeTabularExplainer

    model, cells = model_and_rows(20_000)
    frame = pd.DataFrame(cells[:5_000], columns=[f"c{j}" for j in range(COLUMNS)])
    background, few = frame.iloc[:BACKGROUND], frame.iloc[1_000 : 1_000 + rows]
    chance = Unknown(model.booster_.predict)
    margin = Unknown(partial(model.booster_.predict, raw_score=True), Task.REGRESSION, ())

    def compute(seed: int):
        other = frame.iloc[np.random.default_rng(seed).permutation(len(frame))[:BACKGROUND]]
        explainer = TreeExplainer.of(model, np.arange(COLUMNS), COLUMNS, other.to_numpy())
        return limit(explainer, other, few)

    compute(0)  # it compiles
    drawn_lime(chance, few[:5], background, 0)
    ours, first = cpu(lambda: compute(0))
    peer, other = (LimeTabularExplainer(frame.to_numpy(), mode="classification", random_state=seed)
                   for seed in (0, 1))  # fmt: skip
    theirs, said = cpu(lambda: lime_of(peer, few, chance.probabilities))
    theirs *= rows / len(said)
    print(f"LIME, {rows} rows x {COLUMNS} columns, 26 of them noise; lime: {theirs:.1f} CPU-s "
          f"(extrapolated from {len(said)} rows, 5,000 samples); between seeds "
          f"{same(said, lime_of(other, few, chance.probabilities)):.3f}")  # fmt: skip
    print(f"  ours, computed (trees)        {ours:8.2f} CPU-s: {theirs / ours:5.0f}x; no seed; "
          f"another background {same(first, compute(1)):.3f}")  # fmt: skip
    for name, unknown in (("probabilities", chance), ("log-odds", margin)):
        drawn = [cpu(lambda u=unknown, s=seed: drawn_lime(u, few, background, s))
                 for seed in range(0, 50 * LIME_SEEDS, 50)]  # fmt: skip
        took = np.array([seconds for seconds, _ in drawn])
        agreed = [same(a.values, b.values) for (_, a), (_, b) in combinations(drawn, 2)]
        mean, least = theirs / took.mean(), theirs / took.max()
        print(f"  ours, drawn, {name:13}    {took.mean():8.2f} CPU-s: {mean:5.0f}x, mean of "
              f"{LIME_SEEDS} seeds (the slowest {least:.0f}x); between seeds "
              f"{np.mean(agreed):.3f} (at least {min(agreed):.3f})")  # fmt: skip
        for _, one in drawn:
            print(f"    {one.status(rows)}")


def lime_of(explainer, rows, chances):
    found = []
    for row in rows.to_numpy()[:6]:
        told = dict(explainer.explain_instance(row, chances, num_features=COLUMNS).as_map()[1])
        found.append([told.get(j, 0.0) for j in range(COLUMNS)])
    return np.array(found)[:, :, None]


def same(one, two) -> float:
    """Return the mean rank correlation of signed coefficients."""
    return float(rank_agreement(one[:, :, 0], two[:, :, 0]).mean())


def other_models(rows: int) -> None:
    """LIME of models that no method knows, on 12 columns that all matter, by default."""
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(rng.normal(size=(3_000, 12)), columns=[f"c{j}" for j in range(12)])
    score = frame.to_numpy() @ np.linspace(1.2, 0.1, 12) + 2 * (frame.c0 * frame.c3).to_numpy()
    few = frame.iloc[2_500 : 2_500 + rows]
    for made in (
        KNeighborsRegressor(30),
        MLPRegressor(hidden_layer_sizes=(32, 16), max_iter=1_000, random_state=0),
    ):
        model = Unknown(made.fit(frame.to_numpy(), score).predict, Task.REGRESSION, ())
        took, one = cpu(lambda m=model: drawn_lime(m, few, frame[:BACKGROUND], 0))
        told = same(one.values, drawn_lime(model, few, frame[:BACKGROUND], 50).values)
        print(f"LIME of {type(made).__name__}, {rows} rows x 12 columns: {took:.1f} CPU-s; "
              f"another pair of seeds {told:.3f}\n  {one.status(rows)}")  # fmt: skip


def planted_slices(seeds: int) -> None:
    """Slices: twice and one and a half times the loss inside; and tables without any."""
    for times in (2.0, 1.5):
        slices.found(seeds, times)
    slices.false_alarms(2 * seeds)


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--quick", action="store_true")
    options.add_argument("--only", choices=SECTIONS)
    asked = options.parse_args()
    for name, section in SECTIONS.items():
        if asked.only in {None, name}:
            seconds, _ = cpu(lambda run=section: run(asked.quick))
            print(f"  [{name}: {seconds:.0f} CPU-s]\n")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"peak memory {peak:.0f} MB")


SECTIONS = {
    "shap": lambda quick: shap_values(20_000 if quick else 100_000),
    "report": lambda quick: whole_report(20_000 if quick else 100_000),
    "lime": lambda quick: lime_rows(250 if quick else 500),
    "drawn-lime": lambda quick: other_models(150 if quick else 500),
    "coverage": lambda quick: calibration.coverage(100 if quick else 2_000),
    "p-values": lambda quick: calibration.p_values(60 if quick else 500),
    "slices": lambda quick: planted_slices(20 if quick else 100),
    "compare": lambda quick: calibration.retrains(30 if quick else 100),
    "compare-run": lambda quick: calibration.retrains_of_a_run(30 if quick else 100),
}

if __name__ == "__main__":
    main()
