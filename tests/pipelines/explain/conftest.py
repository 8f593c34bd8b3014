"""Small fitted models on raw rows: a table with every kind of column, a plain preparation."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from math import factorial
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.pipeline import Pipeline

from pipelines.explain import router
from pipelines.explain.exact import Exact
from pipelines.explain.links import on_scale
from pipelines.explain.question import Mixer, Question
from pipelines.task import Task


class Preparation(TransformerMixin, BaseEstimator):
    """Codes or dummies for text and booleans, floats for numbers, days for dates."""

    def __init__(self, *, dummies: bool = False, fill: float = np.nan, scale: float = 1.0) -> None:
        self.dummies, self.fill, self.scale = dummies, fill, scale

    def fit(self, frame: pd.DataFrame, labels: Any = None) -> Preparation:
        self.levels_: dict[str, list[Any]] = {}
        self.raw_columns_: list[str] = []
        self.categorical_columns_: list[int] = []
        for name in frame:
            column = frame[name]
            if column.dtype.kind in "ifM":
                self.raw_columns_.append(name)
                continue
            self.levels_[name] = sorted(column.dropna().unique().tolist())
            if self.dummies:
                self.raw_columns_ += [name] * len(self.levels_[name])
            else:
                self.categorical_columns_.append(len(self.raw_columns_))
                self.raw_columns_.append(name)
        return self

    def transform(self, frame: pd.DataFrame) -> np.ndarray:
        parts = []
        for name in frame:
            column = frame[name]
            if name in self.levels_:
                codes = pd.Index(self.levels_[name], dtype=object).get_indexer(
                    pd.Index(column.astype(object))
                )
                if self.dummies:
                    parts += [codes == code for code in range(len(self.levels_[name]))]
                else:
                    parts.append(np.where(codes < 0, np.nan, codes))
            elif column.dtype.kind == "M":
                parts.append(column.to_numpy().astype("datetime64[s]").astype(float) / 86_400)
            else:
                parts.append(column.to_numpy(dtype=float, na_value=np.nan))
        cells = np.column_stack([np.asarray(part, dtype=float) for part in parts])
        return np.where(np.isnan(cells), self.fill, cells) / self.scale


@dataclass
class Model:
    """A pipeline with the methods of the house."""

    pipeline: Any
    task: Task
    classes: tuple[Any, ...] = ()

    def predict(self, frame: pd.DataFrame) -> np.ndarray:
        answers = np.asarray(self.pipeline.predict(frame))
        return (answers == -1).astype(int) if self.task is Task.ANOMALY else answers

    def probabilities(self, frame: pd.DataFrame) -> np.ndarray:
        return np.asarray(self.pipeline.predict_proba(frame))

    def score(self, frame: pd.DataFrame) -> np.ndarray:
        strange = self.task is Task.ANOMALY
        return -np.asarray(self.pipeline.score_samples(frame)) if strange else self.predict(frame)


@dataclass
class Predictor:
    """What a report explains; ``schema`` is not needed here."""

    model: Any
    schema: Any = None

    @property
    def task(self) -> Task:
        return self.model.task

    @property
    def classes(self) -> tuple[Any, ...]:
        return self.model.classes


def table(rows: int = 400, seed: int = 0) -> pd.DataFrame:
    """Numbers, text, booleans, dates, missing values and a column that never varies."""
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "income": rng.lognormal(10, 0.5, rows).round(),
            "age": rng.integers(18, 80, rows),
            "purpose": pd.array(rng.choice(["car", "house", "study"], rows), dtype="str"),
            "employed": rng.random(rows) < 0.8,
            "since": np.datetime64("2020-01-01")
            + rng.integers(0, 900, rows).astype("timedelta64[D]"),
            "constant": 1.0,
        }
    )
    frame.loc[rng.random(rows) < 0.15, "income"] = np.nan
    frame.loc[rng.random(rows) < 0.15, "purpose"] = None
    return frame


def labels_of(frame: pd.DataFrame, task: Task, classes: int = 2, seed: int = 0) -> pd.Series:
    """Labels that depend on the rows, with an interaction."""
    rng = np.random.default_rng(seed)
    study = (frame["purpose"] == "study").to_numpy(dtype=bool, na_value=False)
    young = frame["age"].to_numpy() < 40
    hidden = (
        frame["income"].fillna(20_000).to_numpy() / 10_000
        - 2.0 * frame["employed"].to_numpy()
        + 3.0 * (study & young)
        + rng.normal(0, 0.7, len(frame))
    )
    if task is Task.REGRESSION:
        return pd.Series(hidden, name="y")
    words = np.array(["bad", "good", "middling", "odd"])[:classes]
    parts = pd.qcut(hidden, classes, labels=False)
    return pd.Series(pd.array(words[parts], dtype="str"), name="y")


def fitted(estimator: Any, task: Task, frame: pd.DataFrame, labels: Any, **how: Any) -> Predictor:
    """Fit a pipeline and put it behind the predictor's face. ``codes`` goes to the estimator."""
    codes = how.pop("codes", None)
    prepare = Preparation(**how)
    cells = prepare.fit(frame).transform(frame)
    if codes == "fit":
        estimator.fit(cells, labels, categorical_feature=prepare.categorical_columns_)
    else:
        if codes == "set":
            estimator.set_params(categorical_features=prepare.categorical_columns_)
        estimator.fit(cells) if labels is None else estimator.fit(cells, labels)
    pipeline = Pipeline([("prepare", prepare), ("model", estimator)])
    return Predictor(Model(pipeline, task, tuple(getattr(estimator, "classes_", ()))))


def exhaustive(question: Question, exact, rows: pd.DataFrame, background: pd.DataFrame):
    """Shapley values by their definition: every coalition of raw columns, every background row."""
    columns, many, others = rows.shape[1], len(rows), len(background)
    mixer, worth = Mixer.of(rows, background), {}
    for members in product([False, True], repeat=columns):
        own = np.arange(many)[:, None, None]
        there = many + np.arange(others)[None, :, None]
        which = np.where(np.array(members), own, there).reshape(-1, columns)
        answers = on_scale(exact.link.name, question.ask(mixer.rows(which)), exact.shift)
        worth[members] = answers.reshape(many, others, -1).mean(axis=1)
    found = np.zeros((many, columns, worth[members].shape[1]))
    for column in range(columns):
        for members, value in worth.items():
            if not members[column]:
                joined = (*members[:column], True, *members[column + 1 :])
                size = sum(members)
                weight = factorial(size) * factorial(columns - size - 1) / factorial(columns)
                found[:, column] += weight * (worth[joined] - value)
    return found


def check_against_the_definition(question: Question, frame: pd.DataFrame) -> Exact:
    background, rows = frame.iloc[:9].reset_index(drop=True), frame.iloc[100:106]
    exact, refused = router.exact(question, background, frame)
    assert exact is not None, refused
    found = exact(rows, question.ask(rows))
    expected = exhaustive(question, exact, rows, background)
    scale = max(1.0, float(np.abs(expected).max()))
    assert np.abs(found.values - expected).max() / scale < 1e-6
    assert found.gap <= 1e-6
    return exact


@pytest.fixture(scope="session")
def made() -> SimpleNamespace:
    """The makers above, for tests."""
    return SimpleNamespace(
        table=table,
        labels=labels_of,
        fitted=fitted,
        Model=Model,
        Predictor=Predictor,
        Preparation=Preparation,
        exhaustive=exhaustive,
        check_against_the_definition=check_against_the_definition,
    )
