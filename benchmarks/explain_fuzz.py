"""Group attributions against the definition of a Shapley value, on random models and tables.

Run ``python benchmarks/explain_fuzz.py`` (500 of them; ``--many`` says how many). Each table has
two to five raw columns, numbers with holes and text, goes through a ColumnTransformer with
one-hot codes, and is learned by one of six kinds of models with random settings. Exhaustive means:
every coalition of raw columns, every background row, the model's own answers.
"""

from __future__ import annotations

import argparse
import os
import time
from dataclasses import dataclass
from itertools import product
from math import factorial
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import pandas as pd
from sklearn import ensemble
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import OneHotEncoder

from pipelines.explain import router
from pipelines.explain.links import on_scale
from pipelines.explain.question import Mixer, Question
from pipelines.task import Task

KINDS = ("lightgbm", "xgboost", "hgb", "gbc", "forest", "iforest")
BACKGROUND, ROWS = 8, 3
BAR = 1e-6


@dataclass
class Predictor:
    """A pipeline behind the predictor's face."""

    pipeline: Pipeline
    task: Task
    schema: Any = None

    @property
    def model(self) -> Predictor:
        """It is its own model."""
        return self

    @property
    def classes(self) -> tuple[Any, ...]:
        """The labels."""
        return tuple(getattr(self.pipeline, "classes_", ()))

    def probabilities(self, frame):
        """Answer with probabilities."""
        return self.pipeline.predict_proba(frame)

    def predict(self, frame):
        """Answer with values."""
        return self.pipeline.predict(frame)

    def score(self, frame):
        """Answer with strangeness."""
        return -self.pipeline.score_samples(frame)


def table(rng) -> pd.DataFrame:
    """Return 120 rows of two to five columns."""
    columns = {}
    for j in range(rng.integers(2, 6)):
        if rng.random() < 0.5:
            words = np.array(list("abcdef"))[: rng.integers(2, 6)]
            columns[f"text{j}"] = pd.array(rng.choice(words, 120), dtype="str")
        else:
            cells = rng.normal(size=120).round(int(rng.integers(0, 3)))
            columns[f"number{j}"] = np.where(rng.random(120) < 0.1, np.nan, cells)
    return pd.DataFrame(columns)


def estimator_of(kind: str, rng, classes: int) -> Any:
    """Return one of six kinds of models, with random settings."""
    import lightgbm
    import xgboost

    seed, trees, deep = int(rng.integers(1e6)), int(rng.integers(2, 12)), int(rng.integers(1, 6))
    boosted = {"n_estimators": trees, "max_depth": deep, "random_state": seed}
    if kind == "lightgbm":
        made = lightgbm.LGBMClassifier if classes else lightgbm.LGBMRegressor
        return made(**boosted, min_child_samples=3, verbose=-1, n_jobs=1)
    if kind == "xgboost":
        made = xgboost.XGBClassifier if classes else xgboost.XGBRegressor
        return made(**boosted, n_jobs=1)
    if kind == "hgb":
        name = "Classifier" if classes else "Regressor"
        made = getattr(ensemble, f"HistGradientBoosting{name}")
        return made(max_iter=trees, max_depth=deep, min_samples_leaf=3, random_state=seed)
    if kind == "gbc":
        name = "Classifier" if classes else "Regressor"
        return getattr(ensemble, f"GradientBoosting{name}")(**boosted)
    if kind == "forest":
        name = "Classifier" if classes else "Regressor"
        made = getattr(ensemble, f"RandomForest{name}")
        return made(n_estimators=trees, max_depth=8, random_state=seed)
    return ensemble.IsolationForest(n_estimators=trees, random_state=seed)


def fitted(kind: str, rng, frame: pd.DataFrame) -> Predictor:
    """Return a model that learned a random relation."""
    classes = 0 if kind == "iforest" else int(rng.choice([0, 2, 3]))
    text = [name for name in frame if name.startswith("text")]
    numbers = [name for name in frame if not name.startswith("text")]
    prepare = ColumnTransformer(
        [("codes", OneHotEncoder(sparse_output=False, handle_unknown="ignore"), text),
         ("numbers", SimpleImputer(strategy="median"), numbers)]
    )  # fmt: skip
    cells = prepare.fit_transform(frame)
    codes = [len(levels) for levels in prepare.transformers_[0][1].categories_] if text else []
    prepare.raw_columns_ = [*np.repeat(text, codes).tolist(), *numbers]
    weights = rng.normal(size=cells.shape[1])
    hidden = cells @ weights + cells[:, 0] * cells[:, -1] + rng.normal(0, 0.3, len(cells))
    labels = pd.qcut(hidden, classes, labels=False) if classes else hidden
    estimator = estimator_of(kind, rng, classes).fit(cells, labels)
    task = Task.CLASSIFICATION if classes else Task.REGRESSION
    task = Task.ANOMALY if kind == "iforest" else task
    return Predictor(Pipeline([("prepare", prepare), ("model", estimator)]), task)


def exhaustive(question: Question, exact, rows: pd.DataFrame, background: pd.DataFrame):
    """Return Shapley values by their definition."""
    columns, mixer, worth = rows.shape[1], Mixer.of(rows, background), {}
    own, there = np.arange(len(rows))[:, None, None], len(rows) + np.arange(BACKGROUND)[:, None]
    for members in product([False, True], repeat=columns):
        which = np.where(np.array(members), own, there[None]).reshape(-1, columns)
        answers = on_scale(exact.link.name, question.ask(mixer.rows(which)), exact.shift)
        worth[members] = answers.reshape(len(rows), BACKGROUND, -1).mean(axis=1)
    found = np.zeros((len(rows), columns, worth[members].shape[1]))
    for column, (members, value) in product(range(columns), worth.items()):
        if not members[column]:
            joined, size = (*members[:column], True, *members[column + 1 :]), sum(members)
            weight = factorial(size) * factorial(columns - size - 1) / factorial(columns)
            found[:, column] += weight * (worth[joined] - value)
    return found


def difference(seed: int) -> tuple[str, float, float]:
    """Return a random model's kind, its worst difference to the definition, and local accuracy."""
    rng = np.random.default_rng(seed)
    kind, frame = KINDS[seed % len(KINDS)], table(rng)
    question = Question(fitted(kind, rng, frame))
    background, rows = frame[:BACKGROUND], frame[BACKGROUND : BACKGROUND + ROWS]
    background, rows = (part.reset_index(drop=True) for part in (background, rows))
    exact, refused = router.exact(question, background, rows)
    if exact is None:
        raise AssertionError(f"{kind}, seed {seed}: {refused}")
    found = exact(rows, question.ask(rows))
    expected = exhaustive(question, exact, rows, background)
    scale = max(1.0, float(np.abs(expected).max()))
    return kind, float(np.abs(found.values - expected).max() / scale), found.gap


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--many", type=int, default=500)
    many, started = options.parse_args().many, time.process_time()
    worst = dict.fromkeys(KINDS, 0.0)
    gaps = []
    for seed in range(many):
        kind, apart, gap = difference(seed)
        worst[kind] = max(worst[kind], apart)
        gaps.append(gap)
    for kind, apart in worst.items():
        print(f"{kind:10s} worst difference to exhaustive Shapley values {apart:.0e}")
    print(f"{many} models and tables, {sum(gap > BAR for gap in gaps)} with local accuracy worse "
          f"than {BAR:.0e} of scale, {time.process_time() - started:.0f} CPU-s")  # fmt: skip
    if max(worst.values()) > BAR:
        raise SystemExit(f"a difference above {BAR:.0e}")


if __name__ == "__main__":
    main()
