"""Do the report's intervals, p-values and verdicts mean what they say? Simulations.

Sections of ``benchmarks/explain.py``: coverage of the 95 % intervals, type-I error of permutation
importance, false alarms and detections of the comparison of two versions.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import lightgbm
import numpy as np
import pandas as pd
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import FunctionTransformer

from pipelines.explain import overall, statistics, work
from pipelines.explain.compare import compare
from pipelines.explain.outline import Outline, outline
from pipelines.explain.question import Clock, Question
from pipelines.explain.retrains import usual_shares
from pipelines.task import Task

COLUMNS = 8
NULL_RETRAINS = 10


@dataclass
class Predictor:
    """A fitted estimator on numbers behind the predictor's face."""

    estimator: Any
    task: Task
    schema: Any = None

    def __post_init__(self) -> None:
        prepare = FunctionTransformer(np.asarray)
        prepare.raw_columns_ = [f"c{j}" for j in range(self.estimator.n_features_in_)]
        self.pipeline = Pipeline([("prepare", prepare), ("model", self.estimator)])
        self.classes = tuple(getattr(self.estimator, "classes_", ()))

    @property
    def model(self) -> Predictor:
        """It is its own model."""
        return self

    def fit(self, features, labels):
        """Learn anew, as a retrain does."""
        self.estimator.fit(features.to_numpy(), labels)
        return self

    def predict(self, frame):
        """Answer with labels or values."""
        return self.estimator.predict(np.asarray(frame))

    def probabilities(self, frame):
        """Answer with probabilities."""
        return self.estimator.predict_proba(np.asarray(frame))


def table(rows: int, rng) -> tuple[pd.DataFrame, pd.Series]:
    """Three columns that matter, two of them together, and five that do not."""
    frame = pd.DataFrame(
        rng.normal(size=(rows, COLUMNS)), columns=[f"c{j}" for j in range(COLUMNS)]
    )
    score = 1.5 * frame.c0 - frame.c1 + frame.c1 * frame.c2 + rng.logistic(size=rows)
    return frame, (score > 0).astype(int)


def booster(frame, labels, seed: int, trees: int = 50) -> Predictor:
    made = lightgbm.LGBMClassifier(
        n_estimators=trees, num_leaves=15, n_jobs=1, verbose=-1, random_state=seed,
        subsample=0.7, subsample_freq=1, colsample_bytree=0.7,
    )  # fmt: skip
    return Predictor(made.fit(frame.to_numpy(), labels), Task.CLASSIFICATION)


def weighed(predictor: Predictor, rows, background) -> Outline:
    """Return what a comparison needs of a report."""
    return outline(predictor, rows, background, seconds=600)


def coverage(replications: int) -> None:
    """Draw rows from a large table of known means; count how often the interval holds it."""
    rng = np.random.default_rng(0)
    frame, labels = table(30_000, rng)
    predictor = booster(frame[:2_000], labels[:2_000], 0)
    job = work.begin(
        Question(predictor), frame[2_000:], labels[2_000:], frame[:500], Clock(600), 0
    )
    job = work.attribute(job, np.arange(20_000))
    sizes = np.abs(job.shap_of(job.drawn).values).mean(axis=2)
    losses = job.losses
    for rows in (100, 500):
        weights, means, gaps = [], [], []
        for seed in range(replications):
            some = rng.integers(0, len(sizes), rows)
            low, high = statistics.bootstrap_means(sizes[some], seed)
            weights.append((low <= sizes.mean(axis=0)) & (sizes.mean(axis=0) <= high))
            drawn = losses[rng.integers(0, len(losses), rows)]
            _, low, high = statistics.mean_interval(drawn)
            means.append(low <= losses.mean() <= high)
            _, low, high, _ = statistics.welch(drawn[: rows // 3], drawn[rows // 3 :])
            gaps.append(low <= 0 <= high)
        print(f"coverage of 95 % intervals, {rows} rows, {replications} replications: weights "
              f"{np.mean(weights):.1%} (worst column {np.mean(weights, axis=0).min():.1%}), "
              f"mean loss {np.mean(means):.1%}, gap {np.mean(gaps):.1%}")  # fmt: skip


def p_values(replications: int) -> None:
    """Columns without any relation to the outcome: how often permutation importance says so."""
    rng = np.random.default_rng(1)
    single, family = [], []
    for seed in range(replications):
        frame, labels = table(700, rng)
        predictor = booster(frame[:300], labels[:300], seed, trees=30)
        job = work.begin(Question(predictor), frame[300:600], labels[300:600], frame[600:],
                         Clock(600), seed)  # fmt: skip
        found, _ = overall.reliance(job)
        noise = [one for one in found if one.column in {f"c{j}" for j in range(3, COLUMNS)}]
        single += [one.p_value < 0.05 for one in noise]
        family.append(any(one.p_holm < 0.05 for one in noise))
    print(f"permutation importance of {COLUMNS - 3} noise columns, {replications} tables: p < .05 "
          f"for {np.mean(single):.1%}; any Holm-corrected in {np.mean(family):.1%}")  # fmt: skip


def retrains(replications: int) -> None:
    """Retrains of one recipe must pass; a leak or two swapped columns must not."""
    said: dict[str, list[bool]] = {"retrain": [], "leak": [], "swapped": []}
    for seed in range(replications):
        rng = np.random.default_rng(seed)
        frame, labels = table(1_400, rng)
        train, truth = frame[:800], labels[:800]
        rows, background = frame[800:1_200], frame[1_200:]
        reports = [
            weighed(booster(train, truth, 100 * seed + k), rows, background)
            for k in range(NULL_RETRAINS + 2)
        ]
        old, null, new = reports[0], reports[1:-1], reports[-1]
        leak = train.assign(c5=truth + rng.normal(0, 0.5, len(train)))
        swap = train.rename(columns={"c0": "c4", "c4": "c0"})[train.columns]
        versions = {
            "retrain": new,
            "leak": weighed(booster(leak, truth, seed), rows, background),
            "swapped": weighed(booster(swap, truth, seed), rows, background),
        }
        for name, version in versions.items():
            said[name].append(compare(old, version, null=[old, *null]).verdict == "changed")
    told = ", ".join(f"{name} {np.mean(found):.1%}" for name, found in said.items())
    print(f"called changed, {replications} tables, {NULL_RETRAINS} retrains each: {told}")


def retrains_of_a_run(replications: int) -> None:
    """The same with the null that ``mlops run`` makes: six retrains on rows drawn anew."""
    said: dict[str, list[bool]] = {}
    for seed in range(replications):
        rng = np.random.default_rng(seed)
        frame, labels = table(2_200, rng)
        train, truth = frame[:800], labels[:800]
        rows, background = frame[800:1_200], frame[1_200:1_400]
        model = booster(train, truth, 100 * seed)
        shares = usual_shares(model, train, truth, rows, background, seconds=600)
        new = weighed(model, rows, background)
        production = {
            "trained on the same rows": (train, truth),
            "on fresh rows": (frame[1_400:], labels[1_400:]),
            "with a leak": (train.assign(c5=truth + rng.normal(0, 0.5, len(train))), truth),
            "swapped": (train.rename(columns={"c0": "c4", "c4": "c0"})[train.columns], truth),
        }
        for name, learned in production.items():
            old = weighed(booster(*learned, 100 * seed + 1), rows, background)
            found = compare(old, new, null=[new.shares, *shares])
            said.setdefault(name, []).append(found.verdict == "changed")
    told = ", ".join(f"{name} {np.mean(found):.1%}" for name, found in said.items())
    print(f"called changed by the null of a run, {replications} tables, against a version {told}")
