"""Planted defects: does each check find what was put there, and keep quiet where nothing was?

python benchmarks/planted.py                200 tables per defect, 200 clean ones; prints the table
python benchmarks/planted.py --tables 20    fewer

A clean table is random in size (200 to 5,000 rows), columns, dtypes, task, noise and missing
values. A defect changes one such table and says which columns the finding must name.
"""

from __future__ import annotations

import argparse
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from clean_tables import Random, clean

from pipelines.dataset import Dataset
from pipelines.profile.checks import CHECKS
from pipelines.profile.facts import Finding
from pipelines.profile.pair_checks import PAIR_CHECKS, compare
from pipelines.profile.table import profile
from pipelines.task import Task

Plant = Callable[[Dataset, Random], tuple[Dataset, set[str]]]


# Defects --------------------------------------------------------------------------------------


def with_column(data: Dataset, cells: object, rng: Random, name: str = "odd") -> Dataset:
    """Return the table with one more column somewhere."""
    frame = data.frame.copy()
    frame.insert(int(rng.integers(0, len(frame.columns))), name, cells)
    return replace(data, frame=frame)


def _features(data: Dataset, kind: str) -> list[str]:
    return list(data.features.select_dtypes(include=kind).columns)


def _constant(data: Dataset, rng: Random) -> tuple[Dataset, set[str]]:
    n = len(data.frame)
    cells = [
        pd.Series(np.full(n, 7)),
        pd.Series(["same"] * n).astype("str"),
        pd.Series(np.full(n, np.nan)),
        pd.Series(np.full(n, np.datetime64("2020-01-01", "us"))),
        pd.Series(np.zeros(n, dtype=bool)),
    ][int(rng.integers(5))]
    return with_column(data, cells, rng), {"odd"}


def _id_like(data: Dataset, rng: Random) -> tuple[Dataset, set[str]]:
    n = len(data.frame)
    order = rng.permutation(n)
    name, cells = [
        ("odd", np.arange(n)),
        ("odd", order + 1),
        ("customer_id", np.sort(rng.choice(10**7, n, replace=False))),
        ("odd", rng.choice(9 * 10**7, n, replace=False) + 10**7),
        ("odd", pd.Series([f"C{i:07d}" for i in order]).astype("str")),
        ("odd", pd.Series([rng.bytes(16).hex() for _ in range(n)]).astype("str")),
    ][int(rng.integers(6))]
    return with_column(data, cells, rng, name), {name}


def _infinite(data: Dataset, rng: Random) -> tuple[Dataset, set[str]]:
    frame = data.frame.copy()
    name = rng.choice(_features(data, "float64"))
    rows = rng.choice(len(frame), rng.integers(1, 10), replace=False)
    frame.loc[rows, name] = rng.choice([np.inf, -np.inf], len(rows))
    return replace(data, frame=frame), {name}


def _mixed_types(data: Dataset, rng: Random) -> tuple[Dataset, set[str]]:
    n = len(data.frame)
    numbers = pd.Series(np.round(rng.normal(50, 20, n), int(rng.integers(0, 3)))).astype("str")
    odd = np.array(["unknown", "see notes", "n.a. (old)", "twelve", ">100"])
    words = pd.Series(odd[rng.integers(0, len(odd), n)])
    share = rng.choice([0.01, 0.05, 0.2, 0.6])
    mask = rng.random(n) < share
    mask[rng.choice(n, 2, replace=False)] = True
    return with_column(data, numbers.where(~mask, words).astype("str"), rng), {"odd"}


def _mostly_missing(data: Dataset, rng: Random) -> tuple[Dataset, set[str]]:
    n = len(data.frame)
    cells = pd.Series(rng.normal(size=n)).mask(rng.random(n) < 0.98)
    cells.iloc[:2] = [1.0, 2.0]
    return with_column(data, cells, rng), {"odd"}


def _many_levels(data: Dataset, rng: Random) -> tuple[Dataset, set[str]]:
    n = len(data.frame)
    levels = int(rng.uniform(max(60, n / 20), max(90, n / 3)))
    picked = (levels * rng.random(n) ** rng.uniform(1, 1.5)).astype(int)
    return with_column(data, pd.Series([f"shop {p}" for p in picked]).astype("str"), rng), {"odd"}


def _near_duplicate(data: Dataset, rng: Random) -> tuple[Dataset, set[str]]:
    if rng.random() < 0.4:
        first = rng.choice(_features(data, "str"))
        names = {v: f"k{i}" for i, v in enumerate(data.frame[first].dropna().unique())}
        cells = data.frame[first].map(names).astype("str")
        if data.frame[first].nunique() > 200:
            return _near_duplicate(data, rng)
        return with_column(data, cells, rng), {first, "odd"}
    first = str(rng.choice(_features(data, "float64")))
    source = data.frame[first]
    how = int(rng.integers(4))
    noise = rng.normal(size=len(source)) * source.std() * 0.01
    cells = [source, source * 2.54 + 1, -source, source + noise][how]
    return with_column(data, cells, rng), {first, "odd"}


def _duplicate_rows(data: Dataset, rng: Random) -> tuple[Dataset, set[str]]:
    data = with_column(data, rng.normal(size=len(data.frame)), rng)
    rows = rng.choice(len(data.frame), max(int(rng.uniform(0.005, 0.1) * len(data.frame)), 1))
    frame = pd.concat([data.frame, data.frame.iloc[rows]]).sample(frac=1, random_state=1)
    return replace(data, frame=frame.reset_index(drop=True)), set()


def _copy_of_target(data: Dataset, rng: Random) -> tuple[Dataset, set[str]]:
    goal = data.frame["goal"]
    if data.task is Task.REGRESSION:
        cells = [goal, goal * 1000, -goal + 3, np.exp(goal / goal.abs().max())][
            int(rng.integers(4))
        ]
    else:
        names = {v: (f"k{i}", i)[int(rng.random() < 0.5)] for i, v in enumerate(goal.unique())}
        names = {v: f"k{i}" for i, v in enumerate(names)} if rng.random() < 0.5 else names
        cells = goal.map(names)
        cells = cells if cells.dtype == np.int64 else cells.astype("str")
    return with_column(data, cells, rng), {"odd"}


def _leak(data: Dataset, rng: Random) -> tuple[Dataset, set[str]]:
    goal, n = data.frame["goal"], len(data.frame)
    if data.task is Task.REGRESSION:
        return with_column(data, goal * 3 + rng.normal(size=n) * goal.std() * 0.2, rng), {"odd"}
    codes = pd.factorize(goal)[0]
    if rng.random() < 0.5:  # an amount that depends on the class
        return with_column(data, codes * 100.0 + rng.normal(size=n) * 8, rng), {"odd"}
    levels = 3 * codes + rng.integers(0, 3, n)  # finer levels of the class, a few wrong
    wrong = rng.random(n) < 0.005
    levels[wrong] = rng.integers(0, levels.max() + 1, int(wrong.sum()))
    return with_column(data, pd.Series([f"l{v}" for v in levels]).astype("str"), rng), {"odd"}


def _strong(data: Dataset, rng: Random) -> tuple[Dataset, set[str]]:
    """Not perfect, but better than an honest column: AUC about 0.99, or R squared about 0.97."""
    goal, n = data.frame["goal"], len(data.frame)
    if data.task is Task.REGRESSION:
        return with_column(data, goal + rng.normal(size=n) * goal.std() * 0.17, rng), {"odd"}
    codes = pd.factorize(goal, sort=True)[0]
    return with_column(data, codes * 100.0 + rng.normal(size=n) * 28, rng), {"odd"}


def _too_late(data: Dataset, rng: Random) -> tuple[Dataset, set[str]]:
    goal, n = data.frame["goal"], len(data.frame)
    asked = np.datetime64("2021-01-01") + rng.integers(0, 700, n).astype("timedelta64[D]")
    if data.task is Task.REGRESSION:
        days = np.round((goal - goal.min()) / goal.std() * 100 + rng.uniform(0, 20, n)) + 1
        closed = pd.Series(asked) + pd.to_timedelta(days, unit="D")
    else:
        yes = pd.Series(pd.factorize(goal)[0] == 0)
        yes ^= rng.random(n) < 0.02
        closed = (pd.Series(asked) + pd.to_timedelta(rng.integers(1, 90, n), unit="D")).where(yes)
    data = with_column(data, asked.astype("datetime64[us]"), rng, "asked_on")
    return with_column(data, closed.astype("datetime64[us]"), rng, "closed_on"), {"closed_on"}


def _target_missing(data: Dataset, rng: Random) -> tuple[Dataset, set[str]]:
    frame = data.frame.copy()
    goal = frame["goal"].astype("float64") if frame["goal"].dtype == np.int64 else frame["goal"]
    gone = rng.random(len(frame)) < rng.uniform(0.002, 0.4)
    gone[rng.integers(len(frame))] = True
    frame["goal"] = goal.mask(gone)
    return replace(data, frame=frame), {"goal"}


def _constant_target(data: Dataset, _rng: Random) -> tuple[Dataset, set[str]]:
    frame = data.frame.copy()
    frame["goal"] = frame["goal"].iloc[0]
    return replace(data, frame=frame), {"goal"}


def _not_a_number(data: Dataset, _rng: Random) -> tuple[Dataset, set[str]]:
    texts = data.frame["goal"].map(lambda v: f"EUR {v}").astype("str")
    return replace(data, frame=data.frame.assign(goal=texts), task=Task.REGRESSION), {"goal"}


def _scattered(data: Dataset, rng: Random) -> tuple[Dataset, set[str]]:
    n = len(data.frame)
    goal = rng.integers(0, int(rng.uniform(n / 3, n)), n)
    return replace(data, frame=data.frame.assign(goal=goal), task=Task.CLASSIFICATION), {"goal"}


def _single(data: Dataset, rng: Random) -> tuple[Dataset, set[str]]:
    frame = data.frame.copy()
    frame["goal"] = frame["goal"].astype("str")
    frame.loc[int(rng.integers(len(frame))), "goal"] = "lonely"
    return replace(data, frame=frame), {"goal"}


def _rare(data: Dataset, rng: Random) -> tuple[Dataset, set[str]]:
    frame = data.frame.copy()
    frame["goal"] = frame["goal"].astype("str")
    frame.loc[rng.choice(len(frame), rng.integers(2, 10), replace=False), "goal"] = "rare"
    return replace(data, frame=frame), {"goal"}


def _imbalanced(data: Dataset, rng: Random) -> tuple[Dataset, set[str]]:
    goal = rng.random(len(data.frame)) < rng.uniform(0.01, 0.07)
    goal[rng.choice(len(goal), 2, replace=False)] = True
    return replace(data, frame=data.frame.assign(goal=goal.astype(int))), {"goal"}


def _few_values(data: Dataset, rng: Random) -> tuple[Dataset, set[str]]:
    goal = pd.qcut(data.frame["goal"].rank(method="first"), int(rng.integers(2, 9)), labels=False)
    return replace(data, frame=data.frame.assign(goal=goal.astype(float))), {"goal"}


def _few_rows(data: Dataset, rng: Random) -> tuple[Dataset, set[str]]:
    return replace(data, frame=data.frame.head(int(rng.integers(0, 20)))), set()


def _nothing(data: Dataset, _rng: Random) -> tuple[Dataset, set[str]]:
    n = len(data.frame)
    parts = {"id": np.arange(n), "c": np.ones(n), "goal": data.frame["goal"]}
    return replace(data, frame=pd.DataFrame(parts)), {"id", "c"}


def _groups(data: Dataset, rng: Random) -> tuple[Dataset, set[str]]:
    n = len(data.frame)
    entities = max(int(n / rng.uniform(2.5, 8)), 20)
    who = rng.integers(0, entities, n)
    frame = data.frame.copy()
    for name in _features(data, "float64")[:2]:  # what is true of the entity, not of the row
        own = rng.normal(size=entities)[who] * frame[name].std()
        frame[name] = own + rng.uniform(0.2, 0.5) * (frame[name] - frame[name].mean())
    name, cells = [
        ("patient_id", who),
        ("odd", (who + 1000) * 9973),
        ("odd", pd.Series([f"P{w:05d}" for w in who]).astype("str")),
    ][int(rng.choice([0, 2]))]
    return with_column(replace(data, frame=frame), cells, rng, name), {name}


def _time_order(data: Dataset, rng: Random) -> tuple[Dataset, set[str]]:
    n = len(data.frame)
    days = np.sort(rng.integers(0, int(rng.integers(50, 2000)), n)).astype("timedelta64[D]")
    stamps = pd.Series((np.datetime64("2019-01-01") + days).astype("datetime64[us]"))
    if rng.random() < 0.5:
        return with_column(data, stamps, rng), {"odd"}
    data = with_column(data, stamps, rng)  # shuffled, but the target moves along it
    frame = data.frame.copy()
    goal = pd.Series(pd.factorize(frame["goal"], sort=True)[0]).rank(method="first")
    place = goal + rng.normal(size=n) * n * 0.5
    frame["odd"] = np.sort(stamps.to_numpy())[place.rank(method="first").astype(int) - 1]
    return replace(data, frame=frame.sample(frac=1, random_state=0, ignore_index=True)), {"odd"}


def _drift(data: Dataset, rng: Random) -> tuple[Dataset, set[str]]:
    frame, n = data.frame.copy(), len(data.frame)
    name = str(rng.choice(_features(data, "float64")))
    ramp = (
        np.linspace(0, 1, n) if rng.random() < 0.5 else (np.arange(n) > n * rng.uniform(0.3, 0.7))
    )
    frame[name] += frame[name].std() * rng.uniform(1.5, 3) * ramp
    return replace(data, frame=frame), {name}


@dataclass(frozen=True)
class Defect:
    """What is planted, and which check must find it."""

    code: str
    plant: Plant
    task: Task | None = None


C, R = Task.CLASSIFICATION, Task.REGRESSION
DEFECTS: Sequence[Defect] = (
    Defect("D001", _few_rows),
    Defect("D002", _target_missing),
    Defect("D003", _constant_target),
    Defect("D004", _not_a_number, R),
    Defect("D005", _scattered, C),
    Defect("D006", _single, C),
    Defect("D007", _rare, C),
    Defect("D008", _imbalanced, C),
    Defect("D009", _few_values, R),
    Defect("D010", _constant),
    Defect("D011", _infinite),
    Defect("D012", _mixed_types),
    Defect("D013", _mostly_missing),
    Defect("D020", _copy_of_target),
    Defect("D021", _leak),
    Defect("D022", _too_late),
    Defect("D023", _strong),
    Defect("D030", _groups),
    Defect("D031", _time_order),
    Defect("D032", _drift),
    Defect("D033", _duplicate_rows),
    Defect("D040", _id_like),
    Defect("D041", _near_duplicate),
    Defect("D042", _many_levels),
    Defect("D049", _nothing),
)


def caught(findings: Sequence[Finding], code: str, wanted: set[str]) -> bool:
    """Say whether a finding of that code names the planted columns."""
    for finding in findings:
        if finding.code == code and (not wanted or wanted & set(finding.columns)):
            return True
    return False


# Two tables -----------------------------------------------------------------------------------


def pairs(rng: Random, code: str | None) -> tuple[Dataset, Dataset]:
    """Cut a clean table in two halves; plant shared rows or drift between them when asked."""
    data = clean(rng)
    data = with_column(data, rng.normal(size=len(data.frame)), rng, "extra")
    mask = rng.random(len(data.frame)) < 0.5
    left, right = (data.frame[m].reset_index(drop=True) for m in (mask, ~mask))
    if code == "D050":
        some = left.sample(max(int(0.02 * len(left)), 1), random_state=0)
        right = pd.concat([right, some], ignore_index=True)
    if code == "D051":
        size = rng.uniform(0.8, 2)
        right = right.assign(extra=right["extra"] + size)
    return replace(data, frame=left, name="train"), replace(data, frame=right, name="test")


def measure(tables: int, seed: int = 0) -> Iterator[tuple[str, str, float, float]]:
    """Yield code, title, recall and false alarms of every check."""
    alarms: Counter[str] = Counter()
    for place in range(tables):
        data = clean(np.random.default_rng([seed, 0, place]))
        alarms.update({finding.code for finding in profile(data).findings})
    titles = {check.code: check.title for check in CHECKS}
    for number, defect in enumerate(DEFECTS, start=1):
        hits = 0
        for place in range(tables):
            rng = np.random.default_rng([seed, number, place])
            data, wanted = defect.plant(clean(rng, defect.task), rng)
            hits += caught(profile(data).findings, defect.code, wanted)
        yield defect.code, titles[defect.code], hits / tables, alarms[defect.code] / tables
    untried = [code for code in titles if code not in {d.code for d in DEFECTS}]
    for code in untried:
        yield code, titles[code], float("nan"), alarms[code] / tables
    yield from _measure_pairs(tables, seed)


def _measure_pairs(tables: int, seed: int) -> Iterator[tuple[str, str, float, float]]:
    for check in PAIR_CHECKS:
        hits = alarms = 0
        for place in range(tables):
            for planted in (True, False):
                rng = np.random.default_rng([seed, 99, place])
                found = compare(*pairs(rng, check.code if planted else None))
                loud = check.code in {finding.code for finding in found}
                hits += loud and planted
                alarms += loud and not planted
        yield check.code, check.title, hits / tables, alarms / tables


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tables", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    start = time.process_time()
    print(f"{asked.tables} tables with each defect, {asked.tables} clean ones")
    print(f"{'code':6}{'check':30}{'recall':>8}{'false alarms':>14}")
    for code, title, recall, alarms in measure(asked.tables, asked.seed):
        low = recall < 0.95 or alarms > 0.05
        print(f"{code:6}{title:30}{recall:8.1%}{alarms:14.1%}{'  <- below' if low else ''}")
    print(f"{time.process_time() - start:.0f} CPU-s")


if __name__ == "__main__":
    main()
