"""Explanations against their peers: CPU seconds and ratios of one run.

Run ``python benchmarks/explain.py``; ``--quick`` takes a fifth of the rows. Peers are timed on a
few rows and extrapolated; each line says so.
"""

from __future__ import annotations

import argparse
import os
import resource
import time

os.environ.setdefault("OMP_NUM_THREADS", "1")

import lightgbm
import numpy as np
import pandas as pd

from pipelines.explain.lime import Lime
from pipelines.explain.trees import TreeExplainer

COLUMNS, TREES, BACKGROUND = 30, 200, 1_000


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
    peer = shap.TreeExplainer(model, background[:100], feature_perturbation="interventional")
    few = cells[:100]
    theirs = cpu(lambda: peer.shap_values(few, check_additivity=False))[0] * rows / len(few)
    print(f"  shap, background 100 (extrap.){theirs:8.1f} CPU-s: {theirs / ours:5.1f}x ours")


def lime_rows(rows: int = 500) -> None:
    from lime.lime_tabular import LimeTabularExplainer

    model, cells = model_and_rows(20_000)
    frame = pd.DataFrame(cells[:5_000], columns=[f"c{j}" for j in range(COLUMNS)])

    def ask(part):
        return model.booster_.predict(part.to_numpy())[:, None]

    def chances(part):
        positive = model.booster_.predict(part)
        return np.stack([1 - positive, positive], axis=1)

    def batch(seed: int):
        lime = Lime.of(ask, frame, seed=seed)
        return lime.explain(frame.iloc[:rows], ask(frame.iloc[:rows]))[0]

    ours, one = cpu(lambda: batch(0))
    two = batch(1)
    same = np.mean([pd.Series(a[:, 0]).corr(pd.Series(b[:, 0]), method="spearman")
                    for a, b in zip(one, two, strict=True)])  # fmt: skip
    peer = LimeTabularExplainer(frame.to_numpy(), mode="classification", random_state=0)
    theirs = cpu(lambda: [peer.explain_instance(cells[row], chances, num_features=COLUMNS)
                          for row in range(6)])[0] * rows / 6  # fmt: skip
    print(f"LIME, {rows} rows: ours {ours:.1f} CPU-s, lime {theirs:.1f} (extrapolated, 6 rows, "
          f"5,000 samples): {theirs / ours:.0f}x; ours between seeds {same:.3f}")  # fmt: skip


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--quick", action="store_true")
    quick = options.parse_args().quick
    shap_values(20_000 if quick else 100_000)
    lime_rows()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"peak memory {peak:.0f} MB")


if __name__ == "__main__":
    main()
