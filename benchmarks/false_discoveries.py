"""How many of the rows that ``--fdr`` calls anomalies are usual ones, against what was asked.

    OMP_NUM_THREADS=1 python benchmarks/false_discoveries.py [DATA] [--draws 400]

Planted tables first: the truth is known and every table is new. Then, where a folder of ADBench
sets is given, their usual and odd rows: the detector learns from a third of the usual rows, the
rest is dealt anew into reference and test rows for each draw. ``held`` compares with rows that
were not learned from, ``own`` with what the detector says of the rows it learned from, ``parts``
with what fits on four fifths of those say of the last fifth, which is what a version carries.
Exit code 1 if a mean with held references is further than a tenth from the rate.
"""

import argparse
import warnings
from pathlib import Path

import numpy as np

from pipelines.anomaly.guard import Guard
from pipelines.anomaly.thresholds import discovered, p_values

warnings.simplefilter("ignore")
RATE = 0.1
TOGETHER = "pipelines.anomaly.together:Together"


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


def dealt(path, draws, seed=0):
    """Return false and found shares on one public set, with both references."""
    with np.load(path) as kept:
        rows, odd = kept["X"].astype(float), kept["y"].ravel() == 1
    rng = np.random.default_rng(seed)
    some = rng.permutation(len(rows))[:5_000]
    rows, odd = rows[some], odd[some]
    usual = rng.permutation(np.flatnonzero(~odd))
    third = len(usual) // 3
    guard = Guard(TOGETHER, {}, seed=seed).fit(rows[usual[:third]])
    scores, rest = guard.score(rows), usual[third:]
    parts = np.concatenate([
        Guard(TOGETHER, {}, seed=seed).fit(rows[np.setdiff1d(usual[:third], part)])
        .score(rows[part]) for part in np.array_split(usual[:third], 5)
    ])  # fmt: skip
    strange = np.flatnonzero(odd)
    many = int(min(len(rest) // 11, 10 * len(strange)))
    references = {"own": guard.detector.reference_, "parts": parts}
    found = {"held": [], "own": [], "parts": []}
    for _ in range(draws):
        order = rng.permutation(rest)
        few = max(1, many // 10)
        tested = np.concatenate([order[: many - few], rng.choice(strange, few, replace=False)])
        marks = np.arange(many) >= many - few
        held = scores[order[many : many + 10 * many - 1]]
        for name, reference in {"held": held, **references}.items():
            values = p_values(reference, scores[tested])
            found[name].append(judged(discovered(values, RATE), marks))
    return many, {name: np.array(pairs) for name, pairs in found.items()}


def told(pairs):
    false, hit = pairs.mean(axis=0)
    return f"false {false:.4f} +- {pairs[:, 0].std() / np.sqrt(len(pairs)):.4f}, found {hit:.3f}"


def main():
    words = argparse.ArgumentParser()
    words.add_argument("data", type=Path, nargs="?")
    words.add_argument("--draws", type=int, default=400)
    asked = words.parse_args()
    means = []
    print(f"asked for {RATE}; ten reference rows for each tested one")
    for rows in (50, 200):
        for share in (0.05, 0.1, 0.3):
            for shift in (1.5, 2.5):
                ours, plain = planted(asked.draws, shift, rows, share)
                print(f"{rows} rows, {share} odd by {shift}: ours {told(ours)}; "
                      f"Benjamini-Hochberg {told(plain)}", flush=True)  # fmt: skip
                means.append(ours[:, 0].mean())
    print(f"planted: mean {np.mean(means):.4f}")
    if asked.data is not None:
        sets = sorted(asked.data.glob("*.npz"), key=lambda path: path.stat().st_size)
        means = {"planted": [np.mean(means)], "held": [], "own": [], "parts": []}
        for path in sets:
            many, found = dealt(path, asked.draws)
            line = "; ".join(f"{name} {told(pairs)}" for name, pairs in found.items())
            print(f"{path.stem}: {many} rows; {line}", flush=True)
            for name, pairs in found.items():
                means[name].append(pairs[:, 0].mean())
        for name, each in means.items():
            print(f"{name}: mean {np.mean(each):.4f}, from {min(each):.4f} to {max(each):.4f}")
        return int(abs(np.mean(means["held"]) - RATE) > RATE / 10)
    return int(abs(np.mean(means) - RATE) > RATE / 10)


if __name__ == "__main__":
    raise SystemExit(main())
