"""How many of the rows that ``--fdr`` calls anomalies are usual ones, against what was asked.

    OMP_NUM_THREADS=1 python benchmarks/false_discoveries.py [DATA] [--draws 400] [--learn 8]
        [--only NAME ...]

Planted tables first: the truth is known and every table is new. Then, where a folder of ADBench
sets is given, their usual and odd rows: a third of the usual rows makes a version, the rest is
tested, a tenth as many rows as it compares with at a time. Which third is dealt anew ``learn``
times, and the draws are shared among those: a rate is a promise over versions. ``held`` is a
version that compares with the fifth of its rows that a run keeps apart, as one of many rows does;
``few`` is one of few rows, whose rows are each compared by a fit that did not see them. Exit code
1 if the mean of either is further than a tenth from the rate.
"""

import argparse
import warnings
from pathlib import Path
from types import SimpleNamespace
from unittest.mock import patch

import numpy as np
import pandas as pd
from sklearn.metrics import roc_auc_score

from pipelines import references
from pipelines.adapters import build
from pipelines.adapters.alarms import Alarm
from pipelines.algorithms import find
from pipelines.anomaly.thresholds import discovered, p_values
from pipelines.cleaning.plan import plan
from pipelines.profile.table import profile
from pipelines.readers import read
from pipelines.task import Task

warnings.simplefilter("ignore")
RATE = 0.1
MOST = 5_000
LEAST = {"held": 100, "few": 20}
"""With fewer rows to compare with the rate cannot be met: values are too coarse."""


def judged(called, odd):
    """Return the false share of what was called, the found share of what is odd."""
    return [called[~odd].sum() / max(1, called.sum()), called[odd].mean()]


def benjamini_hochberg(values, rate):
    """Call rows without an estimate of how many are usual: what one would do otherwise."""
    ordered = np.sort(values)
    passed = np.flatnonzero(ordered <= rate * np.arange(1, len(values) + 1) / len(values))
    return values <= (ordered[passed[-1]] if len(passed) else -1)


def planted(draws, shift, rows, share, columns=6):
    """Return both ways' false and found share over tables with anomalies put in."""
    rng = np.random.default_rng(7)
    ours, plain = [], []
    for _ in range(draws):
        odd = np.arange(rows) < round(share * rows)
        usual = rng.normal(size=(10 * rows - 1, columns))
        tested = rng.normal(size=(rows, columns))
        tested[odd] += shift * rng.choice([-1, 1], (int(odd.sum()), columns))
        size = [np.sqrt((part**2).sum(axis=1)) for part in (usual, tested)]
        values = p_values(*size)
        ours.append(judged(discovered(values, RATE), odd))
        plain.append(judged(benjamini_hochberg(values, RATE), odd))
    return np.array(ours), np.array(plain)


class Version:
    """What a run makes of a table: a fifth kept apart, the default on the rest, its references."""

    def __init__(self, frame, cleaned, seed):
        order = np.random.default_rng(seed).permutation(len(frame))
        held, learned = frame.iloc[order[: len(order) // 5]], frame.iloc[order[len(order) // 5 :]]
        row = find("together", Task.ANOMALY)
        self.model = build(row, {}, 0, plan=cleaned, task=row.task).fit(learned)
        trial = SimpleNamespace(seed=0, algorithm_key=row.key, params={})
        chosen = SimpleNamespace(trial=trial, model=self.model)
        work = SimpleNamespace(
            rows={row.key: row}, plan=cleaned, task=row.task, features=learned
        )  # fmt: skip
        self.alarms = {}
        for name, enough in (("held", 1), ("few", len(frame))):
            with patch.object(references, "ENOUGH", enough):
                made = references.of_unlabelled(chosen, work, held)
            many = len(made.all_scores)
            self.alarms[name] = many, Alarm(self.model, made.scores, 0.0, parts=made.parts)


def dealt(path, draws, learn):
    """Return by kind of version false and found shares of each draw, and what its scores rank."""
    with np.load(path) as kept:
        rows, odd = kept["X"].astype(float), kept["y"].ravel() == 1
    rng = np.random.default_rng(0)
    some = rng.permutation(len(rows))[:MOST]
    frame = pd.DataFrame(rows[some]).rename(columns="c{}".format)
    strange, usual = np.flatnonzero(odd[some]), np.flatnonzero(~odd[some])
    dataset = read(frame.iloc[usual].reset_index(drop=True), task=Task.ANOMALY)
    cleaned, found, ranks = plan(profile(dataset), dataset), {}, {}
    for deal in range(learn):
        order = rng.permutation(usual)
        version = Version(frame.iloc[order[: len(order) // 3]], cleaned, deal)
        rest = np.concatenate([order[len(order) // 3 :], strange])
        marks = np.isin(rest, strange)
        scores = version.model.score(frame.iloc[rest])
        for name, (many, alarm) in version.alarms.items():
            values = alarm.p_values(frame.iloc[rest], scores)
            ranks.setdefault(name, []).append(roc_auc_score(marks, -values))
            if many < LEAST[name]:
                continue
            size = max(2, min((many + 1) // 10, (~marks).sum() // 2, 10 * len(strange)))
            few = max(1, size // 10)
            for _ in range(draws // learn):
                drawn = np.concatenate([
                    rng.choice(np.flatnonzero(~marks), size - few, replace=False),
                    rng.choice(np.flatnonzero(marks), few, replace=False),
                ])  # fmt: skip
                called = discovered(values[drawn], RATE)
                found.setdefault(name, []).append(judged(called, marks[drawn]))
        ranks.setdefault("score", []).append(roc_auc_score(marks, scores))
    return (
        {name: np.array(pairs) for name, pairs in found.items()},
        {name: float(np.mean(each)) for name, each in ranks.items()},
    )


def told(pairs):
    false, hit = pairs.mean(axis=0)
    return f"false {false:.4f} +- {pairs[:, 0].std() / np.sqrt(len(pairs)):.4f}, found {hit:.3f}"


def main():
    words = argparse.ArgumentParser()
    words.add_argument("data", type=Path, nargs="?")
    words.add_argument("--draws", type=int, default=400)
    words.add_argument("--learn", type=int, default=8)
    words.add_argument("--only", nargs="+", default=[""], help="beginnings of names")
    asked = words.parse_args()
    means = {"planted": tables(asked.draws)} if asked.only == [""] else {}
    sets = [] if asked.data is None else sorted(asked.data.glob("*.npz"), key=size_of)
    for path in [path for path in sets if path.stem.startswith(tuple(asked.only))]:
        found, ranks = dealt(path, asked.draws, asked.learn)
        line = "; ".join(f"{name} {told(pairs)}" for name, pairs in found.items())
        ranked = ", ".join(f"{name} {mean:.4f}" for name, mean in ranks.items())
        print(f"{path.stem}: {line}; AUROC {ranked}", flush=True)
        for name, pairs in found.items():
            means.setdefault(name, []).append(pairs[:, 0].mean())
    for name, each in means.items():
        print(f"{name}: mean {np.mean(each):.4f}, from {min(each):.4f} to {max(each):.4f}")
    return int(any(abs(np.mean(each) - RATE) > RATE / 10 for each in means.values()))


def size_of(path):
    return path.stat().st_size


def tables(draws):
    """Print both ways' rates on planted tables; return ours."""
    means = []
    print(f"asked for {RATE}; ten reference rows for each tested one")
    for rows in (50, 200):
        for share in (0.05, 0.1, 0.3):
            for shift in (1.5, 2.5):
                ours, plain = planted(draws, shift, rows, share)
                print(f"{rows} rows, {share} odd by {shift}: ours {told(ours)}; "
                      f"Benjamini-Hochberg {told(plain)}", flush=True)  # fmt: skip
                means.append(ours[:, 0].mean())
    return means


if __name__ == "__main__":
    raise SystemExit(main())
