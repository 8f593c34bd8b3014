"""Does the gate on a paired test keep its promise? Simulated models, one command.

Run it with ``python benchmarks/gates.py``. Two models answer the same rows, and what they get
wrong has much in common, as with real ones. A false promotion is an equal model that is called
better (margin 0), or one that is worse by exactly the margin and is called not worse. Power is how
often a model that is better by the stated effect is promoted. The naive rule, "the number is
higher", is asked in the same run.
"""

from __future__ import annotations

import argparse
import json
import time

import numpy as np

from pipelines import metrics, paired
from pipelines.paired import Asked
from pipelines.task import Task

ALPHA, TIMES = 0.05, 2000
ROWS = {"roc_auc": 2000, "accuracy": 2000, "mae": 400}
AUC = metrics.find("roc_auc", Task.ANOMALY)
ACCURACY = metrics.find("accuracy", Task.CLASSIFICATION)
MAE = metrics.find("mae", Task.REGRESSION)
EDGES = {"roc_auc": 0.14, "accuracy": 0.3, "mae": 0.2}
"""How much more the better model knows: chosen so that the effects are those of the page."""


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


def folds(times, count=5, seed=0):
    """Return how often an equal model wins over folds, by the corrected test and the plain one."""
    from scipy import stats

    rng, corrected, plain = np.random.default_rng(seed), 0, 0
    for _ in range(times):
        both = np.clip(rng.normal(0.8, 0.02) + rng.normal(0, 0.02, (2, count)), 0, 1)
        test = paired.folds(both[0], both[1], Asked(), upwards=True, tested=1 / (count - 1))
        corrected += test.shown
        plain += stats.ttest_rel(both[0], both[1], alternative="greater").pvalue < ALPHA
    return corrected / times, plain / times


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--times", type=int, default=TIMES)
    parser.add_argument("--only", choices=EDGES, help="one metric")
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
    print(json.dumps({"folds": 5, "false": corrected, "by the plain t test": plain}))
    print(f"{time.process_time() - began:.0f} CPU-s")
    assert max(worst, corrected) <= ALPHA + 0.01, f"false promotions {worst:.2%}"


if __name__ == "__main__":
    main()
