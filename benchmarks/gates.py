"""Does the gate on a paired test keep its promise? Simulated models, one command.

Run it with ``python benchmarks/gates.py``. Two models answer the same rows, and what they get
wrong has much in common, as with real ones. A false promotion is an equal model that is called
better (margin 0), or one that is worse by exactly the margin and is called not worse. Power is how
often a model that is better by the stated effect is promoted. The naive rule, "the number is
higher", is asked in the same run.
"""

from __future__ import annotations

import argparse
import functools
import json
import time

import numpy as np

from pipelines import metrics, paired
from pipelines.paired import Asked
from pipelines.task import Task

ALPHA, TIMES = 0.05, 10_000
"""So many that the error of the simulation itself is 0.2 points; of 2,000 it is 0.5."""
ROWS = {"roc_auc": 2000, "accuracy": 2000, "mae": 400}
AUC = metrics.find("roc_auc", Task.ANOMALY)
ACCURACY = metrics.find("accuracy", Task.CLASSIFICATION)
MAE = metrics.find("mae", Task.REGRESSION)
EDGES = {"roc_auc": 0.14, "accuracy": 0.3, "mae": 0.25}
"""How much more the better model knows: chosen so that the effects are those of the page."""


@functools.cache
def drawn(draws: int, rows: int):
    """Return what the bootstrap draws: the gate always begins with the same seed."""
    return _weights(np.random.default_rng(Asked().seed), draws, rows)


_weights = paired._weights
paired._weights = lambda _, draws, rows: drawn(draws, rows)


def draw(rng, key, edge):
    """Draw a truth and two answers to it; the first knows ``edge`` more."""
    truth = rng.integers(0, 2, ROWS[key])
    shared = rng.normal(size=ROWS[key])
    if key == "mae":
        answers = [shared * 0.6 + rng.normal(size=ROWS[key]) * 0.8 * (1 - e) for e in (edge, 0)]
        return MAE, np.zeros(ROWS[key]), answers
    scores = [
        (1.2 + e) * truth + 0.8 * shared + 0.6 * rng.normal(size=ROWS[key]) for e in (edge, 0)
    ]
    if key == "roc_auc":
        return AUC, truth, scores
    return ACCURACY, truth, [np.column_stack([0.6 - s, s - 0.6]) for s in scores]


def share(key, edge, times, asked=None, seed=0):
    """Return how often the first model is promoted, by the test and by the bare number."""
    rng = np.random.default_rng(seed)
    asked = asked or Asked(alpha=ALPHA)
    found = [paired.compare(*draw_in_order(rng, key, edge), asked) for _ in range(times)]
    shown = np.mean([one.shown for one in found])
    naive = np.mean([one.difference > 0 for one in found])
    return float(shown), float(naive), float(np.mean([one.difference for one in found]))


def draw_in_order(rng, key, edge):
    metric, truth, (ours, theirs) = draw(rng, key, edge)
    return metric, truth, ours, theirs


def folds(times, edge=0.0, count=5, seed=0):
    """Return how often a model wins over folds, by the corrected test and by the plain one.

    Least squares on 250 rows: each model has the five columns that matter and ten of its own, one
    of which matters by ``edge`` to the first. Folds share their rows for training, as they do.
    """
    from scipy import stats

    rng, corrected, plain = np.random.default_rng(seed), 0, 0
    tested = np.arange(250).reshape(count, -1)
    trained = np.stack([np.setdiff1d(np.arange(250), rows) for rows in tested])
    for _ in range(times):
        shared, own = rng.normal(size=(250, 5)), rng.normal(size=(2, 250, 10))
        truth = shared.sum(axis=1) * 0.5 + edge * own[0, :, 0] + rng.normal(size=250)
        both = []
        for more in own:
            rows = np.hstack([shared, more])
            seen, known = rows[trained], truth[trained][..., None]
            turned = seen.transpose(0, 2, 1)
            weights = np.linalg.solve(turned @ seen, turned @ known)
            wrong = (rows[tested] @ weights)[..., 0] - truth[tested]
            both.append((wrong**2).mean(axis=1))
        test = paired.folds(*both, Asked(), upwards=False, tested=1 / (count - 1))
        corrected += test.shown
        plain += stats.ttest_rel(*both, alternative="less").pvalue < ALPHA
    return corrected / times, plain / times


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--times", type=int, default=TIMES)
    parser.add_argument("--only", choices=[*EDGES, "folds"], help="one metric")
    asked = parser.parse_args()
    times, edges = asked.times, {k: e for k, e in EDGES.items() if asked.only in {None, k}}
    began, worst = time.process_time(), 0.0
    for key, edge in edges.items():
        equal, naive, _ = share(key, 0.0, times)
        effect = share(key, edge, min(times, 500), seed=1)
        behind = share(key, -edge, min(times, 500), seed=2)[2]
        edge_of_margin, _, _ = share(key, -edge, times, Asked(-behind, ALPHA), seed=3)
        worst = max(worst, equal, edge_of_margin)
        print(
            json.dumps(
                {
                    "metric": key, "rows": ROWS[key], "times": times, "false": round(equal, 4),
                    "false at the margin": round(edge_of_margin, 4),
                    "margin": round(-behind, 4), "by the bare number": round(naive, 4),
                    "effect": round(effect[2], 4), "power": round(effect[0], 4),
                }
            )
        )  # fmt: skip
        assert effect[0] >= 0.8, f"power {effect[0]:.1%} at {effect[2]:.4f}"
    corrected, plain = folds(times)
    power, _ = folds(min(times, 500), edge=0.7, seed=1)
    told = {"folds": 5, "false": corrected, "by the plain t test": plain}
    told |= {"power at half as much error again": power}
    print(json.dumps(told))
    assert power >= 0.8, f"power {power:.1%} over folds"
    print(f"{time.process_time() - began:.0f} CPU-s")
    assert max(worst, corrected) <= ALPHA + 0.01, f"false promotions {worst:.2%}"


if __name__ == "__main__":
    main()
