"""Clean tables: random in size, columns, dtypes, task, noise and gaps, without any defect."""

from __future__ import annotations

import numpy as np
import pandas as pd

from pipelines.dataset import Dataset
from pipelines.task import Task

Random = np.random.Generator
WORDS = [
    "late",
    "broken",
    "kind",
    "staff",
    "room",
    "price",
    "food",
    "again",
    "never",
    "quick",
    "dirty",
    "sunny",
    "quiet",
    "phone",
]


def clean(rng: Random, task: Task | None = None) -> Dataset:
    """Make a random table without any of the defects."""
    task = task or rng.choice([Task.CLASSIFICATION, Task.REGRESSION])
    n = int(np.exp(rng.uniform(np.log(200), np.log(5000))))
    hidden = rng.normal(size=(n, 3))
    frame = pd.DataFrame()
    makers = [_amount, _measure, _count, _level, _flag, _date, _age, _score]
    picked = [_measure, _level, *rng.choice(np.array(makers), rng.integers(2, 9))]
    if rng.random() < 0.25:
        picked.append(_words)
    for place, make in enumerate(picked):
        cells = make(hidden, rng)
        if rng.random() < 0.4 and cells.dtype != bool:
            cells = cells.astype("float64") if cells.dtype == np.int64 else cells
            cells = cells.mask(rng.random(n) < rng.uniform(0.01, 0.3))
        frame[f"{make.__name__.strip('_')}_{place}"] = cells
    signal = hidden @ rng.normal(size=3) + rng.uniform(0.3, 2) * rng.normal(size=n)
    frame["goal"] = _goal(signal, task, rng)
    return Dataset("planted", frame, Task(task), "goal")


def _goal(signal: np.ndarray, task: Task, rng: Random) -> pd.Series:
    if task == Task.REGRESSION:
        return pd.Series(np.exp(signal / 2) if rng.random() < 0.3 else 10 * signal + 50)
    classes = int(rng.integers(2, 5))
    cuts = np.quantile(signal, np.cumsum(rng.dirichlet(np.full(classes, 8.0)))[:-1])
    codes = pd.Series(np.searchsorted(cuts, signal))
    if rng.random() < 0.5:
        return codes
    return codes.map(lambda code: f"class {code}").astype("str")


def _mixed(hidden: np.ndarray, rng: Random) -> np.ndarray:
    noise = rng.uniform(0.5, 2) * rng.normal(size=len(hidden))
    return hidden @ rng.normal(size=3) + noise


def _measure(hidden: np.ndarray, rng: Random) -> pd.Series:
    return pd.Series(_mixed(hidden, rng) * 10 ** rng.uniform(-3, 4))


def _amount(hidden: np.ndarray, rng: Random) -> pd.Series:
    return pd.Series(np.exp(9 + 0.6 * _mixed(hidden, rng)).astype(np.int64))


def _score(hidden: np.ndarray, rng: Random) -> pd.Series:
    return pd.Series(np.round(1 / (1 + np.exp(-_mixed(hidden, rng))), 2))


def _count(hidden: np.ndarray, rng: Random) -> pd.Series:
    return pd.Series(rng.poisson(np.exp(0.3 * _mixed(hidden, rng).clip(-4, 4))))


def _age(hidden: np.ndarray, rng: Random) -> pd.Series:
    return pd.Series((40 + 9 * _mixed(hidden, rng)).clip(18, 95).astype(np.int64))


def _flag(hidden: np.ndarray, rng: Random) -> pd.Series:
    return pd.Series(_mixed(hidden, rng) > rng.normal())


def _level(hidden: np.ndarray, rng: Random) -> pd.Series:
    names = np.array([f"{w}{i}" for i, w in enumerate(WORDS)])[: rng.integers(2, 12)]
    cuts = np.sort(rng.normal(size=len(names) - 1))
    return pd.Series(names[np.searchsorted(cuts, _mixed(hidden, rng))]).astype("str")


def _date(hidden: np.ndarray, rng: Random) -> pd.Series:
    days = rng.integers(0, int(rng.integers(100, 9000)), len(hidden)).astype("timedelta64[D]")
    return pd.Series((np.datetime64("1990-01-01") + days).astype("datetime64[us]"))


def _words(hidden: np.ndarray, rng: Random) -> pd.Series:
    texts = (" ".join(rng.choice(WORDS, rng.integers(5, 12))) for _ in hidden)
    return pd.Series(list(texts)).astype("str")
