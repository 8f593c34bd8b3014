"""Finding anomalies on ADBench's public sets: without labels, with a few, with all of them.

    OMP_NUM_THREADS=1 python benchmarks/anomaly.py DATA [--seeds 3] [--out anomaly.json] [--print]
        [--parts alone labels cut mended review engine speed] [--seconds 600]
        [--rows suod lunar]

DATA is a folder of ``.npz`` files with ``X`` and ``y``. Sets are cut to 5,000 rows; related sets
count as one in the grouped means. What is done is kept in the JSON and not done again; after so
many CPU seconds it stops and can be asked to go on. ``engine`` is PyOD's ADEngine, which is slow;
``cut`` is where a few labels say to cut; ``mended`` are rows whose form in PyOD is weak.
"""

import argparse
import importlib
import inspect
import io
import json
import time
import warnings
from contextlib import redirect_stderr, redirect_stdout
from functools import partial
from pathlib import Path

import numpy as np
from sklearn.metrics import average_precision_score, f1_score, roc_auc_score
from sklearn.model_selection import StratifiedKFold
from sklearn.preprocessing import StandardScaler

from pipelines.adapters.detectors import guard
from pipelines.alarms import best_cut
from pipelines.algorithms import anomaly, find
from pipelines.anomaly import thresholds
from pipelines.anomaly.guard import Guard
from pipelines.anomaly.labelled import Blend, Boosted, Panel, Trees
from pipelines.explain.reasons import next_to_label
from pipelines.formulas import auc
from pipelines.task import Task

warnings.simplefilter("ignore")
MOST = 5_000
RELATED = {
    "6_cardio": "cardio", "7_Cardiotocography": "cardio", "2_annthyroid": "thyroid",
    "38_thyroid": "thyroid", "30_satellite": "satellite", "31_satimage-2": "satellite",
    "19_landsat": "satellite",
}  # fmt: skip
ALONE = {
    "ours": ("pipelines.anomaly.together:Together", {}, frozenset()),
    "KNN, mean of 20": ("pyod.models.knn:KNN", {"n_neighbors": 20, "method": "mean"}, frozenset()),
    "IForest": ("pyod.models.iforest:IForest", {"n_estimators": 200}, frozenset()),
    "ECOD": ("pipelines.anomaly.tails:ECOD", {}, frozenset()),
}


def load(path, seed):
    """Return standardised rows and labels: the same draw for everybody."""
    with np.load(path) as kept:
        rows, labels = kept["X"].astype(float), kept["y"].ravel().astype(int)
    chosen = np.random.default_rng(seed).permutation(len(rows))[:MOST]
    return StandardScaler().fit_transform(rows[chosen]), labels[chosen]


def measured(labels, scores):
    return [float(roc_auc_score(labels, scores)), float(average_precision_score(labels, scores))]


def training_scores(target, arguments, needs, rows, seed):
    """Return what a detector says of the rows it learned from, as PyOD gives it."""
    made = Guard(target, arguments, needs=needs, seed=seed).fit(rows)
    own = getattr(made.detector, "decision_scores_", None)
    return made.score(rows) if own is None or len(own) != len(rows) else np.asarray(own)


def consensus(rows, labels, seed):
    """PyOD's ADEngine picks its detectors itself; its consensus is their rank average."""
    del seed
    try:
        from pyod.utils.ad_engine import ADEngine

        engine = ADEngine()
        state = engine.run(engine.plan(engine.start(rows)))
        return {"ADEngine": measured(labels, np.asarray(state.consensus["scores"]))}
    except Exception as error:  # noqa: BLE001 - a peer that fails is told, not hidden
        return {"failed": repr(error)[:120]}


def without_labels(rows, labels, seed):
    found = {}
    for name, (target, arguments, needs) in ALONE.items():
        scores = training_scores(target, arguments, needs, rows, seed)
        found[name] = [*measured(labels, scores), float(np.isfinite(scores).all())]
        if name == "ours":
            found["cuts"] = cuts(scores, labels)
    return found


def cuts(scores, labels):
    """Return F1 at every threshold row, at a tenth and at the true share."""
    tried = {row.key: row.share(np.sort(scores)) for row in thresholds.ROWS}
    tried |= {"a tenth": 0.1, "true share": float(labels.mean())}
    found = {}
    for name, share in tried.items():
        cut = thresholds.Cut(share=min(max(share, 1 / len(scores)), 0.5))
        found[name] = float(f1_score(labels, scores > cut.threshold(scores)[0]))
    return found


SOME = 2_400
"""A forest for every fold of every set takes long."""
FEWER = 900
"""SOD, HDBSCAN and QMCD cost rows^2."""


def mended(rows, labels, seed):
    """What our forms of three weak detectors rank, and PyOD's (SOD's with its numbers)."""
    del seed
    rows, labels = rows[:FEWER], labels[:FEWER]
    found = {}
    for key in ("sod", "hdbscan", "qmcd"):
        row = find(key, Task.ANOMALY)
        found[key] = measured(labels, guard(row, row.default, 0).fit(rows).score(rows))
    theirs = {"pyod.models.hdbscan:HDBSCAN": {"min_cluster_size": 20}, "pyod.models.qmcd:QMCD": {}}
    for target, arguments in theirs.items():
        scores = Guard(target, arguments).fit(rows).score(rows)
        found[f"PyOD's {target.rpartition(':')[2]}"] = measured(labels, scores)
    numbers = guard(find("sod", Task.ANOMALY), {"n_neighbors": 20, "ref_set": 10}, 0)
    found["sod, PyOD's numbers"] = measured(labels, numbers.fit(rows).score(rows))
    return found


def cut_by_labels(rows, labels, seed):
    """F1 on new rows of the cut that a few labelled anomalies choose, and of one without them."""
    rows, labels = rows[:SOME], labels[:SOME]
    mine, new, truth, anomalies, train = halves(rows, labels, seed)
    panel = Remembered(seed).fit(mine)
    found = {}
    alone = panel.guards_[0].score(mine)
    cut = thresholds.Cut().threshold(alone)[0]
    found["two groups"] = float(f1_score(truth, panel.guards_[0].score(new) > cut))
    for many in (5, 20):
        if many > len(anomalies):
            continue
        known = np.isin(train, anomalies[:many]).astype(int)
        unseen = np.empty(len(mine))
        for learn, test in StratifiedKFold(5, shuffle=True, random_state=seed).split(mine, known):
            ours, theirs = panel.some(mine, learn), panel.some(mine, test)
            part = Blend(random_state=seed).join(panel, ours, known[learn])
            unseen[test] = part.decision_function(theirs)
        scores = Blend(random_state=seed).join(panel, mine, known).decision_function(new)
        cut = thresholds.Cut().threshold(unseen)[0]
        found[f"blend, two groups@{many}"] = float(f1_score(truth, scores > cut))
        cut = best_cut(unseen, known, partial=True)[0]
        found[f"blend, by labels@{many}"] = float(f1_score(truth, scores > cut))
    return found


class Remembered(Panel):
    """A panel that is asked about the same rows again and again."""

    def of(self, rows):
        kept = self.__dict__.setdefault("kept", {})
        if id(rows) not in kept:
            kept[id(rows)] = rows, super().of(rows)
        return kept[id(rows)][1]

    def some(self, rows, places):
        """Return some of the rows, about which it was asked."""
        part = rows[places]
        self.kept[id(part)] = part, self.of(rows)[places]
        return part


def halves(rows, labels, seed):
    """Return rows to learn from, new rows and their truth, and which of the former are odd."""
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(rows))
    kept = [part[: len(part) // 2] for part in (order[labels[order] == v] for v in (0, 1))]
    train = np.sort(np.concatenate(kept))
    test = np.setdiff1d(np.arange(len(rows)), train)
    anomalies = rng.permutation(train[labels[train] == 1])
    return rows[train], rows[test], labels[test], anomalies, train


def with_labels(rows, labels, seed):
    """Half the rows to learn from, some of their anomalies labelled; judged on the other half."""
    mine, new, truth, anomalies, train = halves(rows, labels, seed)
    panel = Remembered(seed).fit(mine)
    found = {}
    for many in (5, 20, 50):
        if many <= len(anomalies):
            known = np.isin(train, anomalies[:many]).astype(int)
            worth = [auc(known, column) for column in panel.of(mine).T]
            picked = panel.of(new)[:, int(np.argmax(worth))]
            found[f"pick by AUC@{many}"] = measured(truth, picked)
            answer = Blend(random_state=seed).join(panel, mine, known).decision_function(new)
            found[f"ours@{many}"] = measured(truth, answer)
            answer = Trees(random_state=seed).fit(mine, known).decision_function(new)
            found[f"trees@{many}"] = measured(truth, answer)
    answer = Blend(random_state=seed).join(panel, mine, labels[train]).decision_function(new)
    found["ours@all"] = measured(truth, answer)
    for name, made in (("trees", Trees), ("boosting", Boosted)):
        answer = made(random_state=seed).fit(mine, labels[train]).decision_function(new)
        found[f"{name}@all"] = measured(truth, answer)
    return found


def reviewed(rows, labels, seed):
    """What ten answers to a review teach; rows that nobody was asked about count as usual."""
    mine, new, truth, _, train = halves(rows[:3_000], labels[:3_000], seed)
    panel, known = Remembered(seed).fit(mine), np.zeros(len(mine), int)
    alone = panel.guards_[0].score(mine)
    asked = next_to_label(alone, thresholds.Cut().threshold(alone)[0], mine, 10)
    known[asked] = labels[train][asked]
    answer = before = panel.guards_[0].score(new)
    if known.any():
        answer = Blend(random_state=seed).join(panel, mine, known).decision_function(new)
    return {"before": measured(truth, before), "after": measured(truth, answer),
            "found": int(known.sum())}  # fmt: skip


def speed(row):
    """Return CPU seconds of one row and of a batch, ours against upstream's, on one table."""
    rows = np.random.default_rng(0).normal(size=(5_000, 20))
    if "kind" in row.fixed:
        return network_speed(row, rows)
    if row.key not in FROZEN:
        ours = guard(row, row.default, 0).fit(rows)
        mine, other = _fastest(ours.score, ours.detector.decision_function, rows)
        return {f"{row.key}, batch of {len(rows)}: ours / upstream": mine / other}
    name, many = FROZEN[row.key]
    module, _, kind = name.partition(":")
    answer = getattr(importlib.import_module(f"pyod.models.{module}"), kind)()
    answer = answer.fit(rows[:many]).decision_function
    ours = guard(row, row.default, 0).fit(rows[:many]).score
    mine, other = _fastest(ours, answer, rows[:many])
    found = {f"{row.key}, batch of {many}: ours / upstream": mine / other}
    if row.key in ("ecod", "copod"):
        mine, other = _fastest(ours, answer, rows[:1])
        found[f"{row.key}, one row: times faster"] = other / mine
    return found


def network_speed(row, rows):
    """PyOD's own network with its own defaults, but that a few rounds of learning do."""
    module, _, name = row.fixed["kind"].partition(":")
    make = getattr(importlib.import_module(f"pyod.models.{module}"), name)
    seen = {"verbose": 0, "n_features": rows.shape[1], "device": "cpu", **dict.fromkeys(ROUNDS, 3)}
    accepted = inspect.signature(make).parameters
    given = {word: value for word, value in seen.items() if word in accepted}
    rounds = {word: value for word, value in given.items() if word in ROUNDS}
    with redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()):
        theirs = make(**given).fit(rows).decision_function
        ours = guard(row, row.default | rounds, 0).fit(rows).score
        mine, other = _fastest(ours, theirs, rows)
    return {f"{row.key}, batch of {len(rows)}: ours / upstream": mine / other}


ROUNDS = ("epoch_num", "epochs", "n_epochs")
FROZEN = {"ecod": ("ecod:ECOD", 5_000), "copod": ("copod:COPOD", 5_000), "cof": ("cof:COF", 1_000),
          "sos": ("sos:SOS", 1_000), "sod": ("sod:SOD", 1_000), "loci": ("loci:LOCI", 200),
          "cd": ("cd:CD", 1_000), "lmdd": ("lmdd:LMDD", 1_000),
          "hdbscan": ("hdbscan:HDBSCAN", 2_000), "qmcd": ("qmcd:QMCD", 2_000)}  # fmt: skip
"""Written anew here: compared with PyOD's on as many rows as that bears."""


TIMED = ("pyod", "sklearn", "pipelines.anomaly.deep")


def _fastest(ours, theirs, rows, least=3.0):
    """Ask both in turn, for three seconds of CPU or four times; return the best of each."""
    best, spent, times = [np.inf, np.inf], 0.0, 0
    while times < 4 or (spent < least and times < 60):
        for place, answer in enumerate((ours, theirs)):
            began = time.process_time()
            answer(rows)
            took = time.process_time() - began
            best[place], spent = min(best[place], took), spent + took
        times += 1
    return best


PARTS = {"alone": without_labels, "labels": with_labels, "cut": cut_by_labels, "mended": mended,
         "review": reviewed, "engine": consensus}  # fmt: skip


def measure(part, path, seed):
    return PARTS[part](*load(path, seed), seed)


def collected(kept, part):
    """Return by name and set what was measured in one part."""
    lines = {}
    for key, found in kept.items():
        if key.split("|")[0] == part:
            for name, value in found.items():
                if isinstance(value, list):
                    lines.setdefault(name, {}).setdefault(key.split("|")[1], []).append(value[:2])
    return lines


def tell(kept):
    """Print means over sets, and over groups of related sets."""
    print("mean over sets: AUROC, AP; then the same with related sets as one")
    lines = collected(kept, "alone") | collected(kept, "engine")
    for name in ("alone", "engine"):
        sets = sorted(set.intersection(*[set(lines[n]) for n in collected(kept, name)] or [set()]))
        for each in [*collected(kept, "alone"), *collected(kept, "engine")]:
            if set(sets) <= set(lines[each]):
                line(name, each, lines[each], sets)
    lines = collected(kept, "labels")
    for many in ("5", "20", "50", "all"):
        mine = [name for name in lines if name.endswith(f"@{many}")]
        for name in mine:
            line("labels", name, lines[name], sorted(lines[name]))
    sets = sorted(lines.get("ours@50", {}))
    for name in lines:  # the learning curve, on the sets with fifty labels
        line("curve", name, lines[name], sets)
    tell_rest(kept)


def line(part, name, of, sets):
    by = {s: np.mean(of[s], axis=0) for s in sets}
    groups = {}
    for s, value in by.items():
        groups.setdefault(RELATED.get(s, s), []).append(value)
    grouped = np.mean([np.mean(each, axis=0) for each in groups.values()], axis=0)
    told = "  ".join(f"{mean:.4f}" for mean in [*np.mean(list(by.values()), axis=0), *grouped])
    seeds = min(len(of[s]) for s in sets)
    print(f"{part:7s} {name:20s} {len(by):2d} sets, {seeds} seeds  {told}")


def tell_rest(kept):
    """Print failures, cuts and speed."""
    alone = {key: found for key, found in kept.items() if key.startswith("alone|")}
    broken = [key for key, found in alone.items() if not found["ours"][2]]
    print(f"ours: {len(broken)} of {len(alone)} runs with a score that is no number")
    engine = [found for key, found in kept.items() if key.startswith("engine|")]
    failed = [found["failed"] for found in engine if "failed" in found]
    print(f"ADEngine: {len(failed)} failures in {len(engine)} {failed[:1]}")
    tell_cuts([found["cuts"] for found in alone.values()])
    chosen = [found for key, found in kept.items() if key.startswith("cut|")]
    for many in (5, 20):
        labelled = [found for found in chosen if f"blend, by labels@{many}" in found]
        ended = ("two groups", f"@{many}")
        tell_cuts([{n: v for n, v in found.items() if n.endswith(ended)} for found in labelled])
    for part in ("mended", "review"):
        for name, of in collected(kept, part).items():
            line(part, name, of, sorted(of))
    for key, found in kept.items():
        for name, value in found.items() if key.startswith("speed|") else ():
            print(f"{name} {value:.2f}")


def tell_cuts(each):
    """Print the mean F1 of every cut, the highest first."""
    f1 = {}
    for cuts_of in each:
        for name, value in cuts_of.items():
            f1.setdefault(name, []).append(value)
    for name, values in sorted(f1.items(), key=lambda pair: -np.mean(pair[1])):
        print(f"cut     {name:24s} F1 {np.mean(values):.4f} ({len(values)} runs)")


def main():
    words = argparse.ArgumentParser()
    words.add_argument("data", type=Path)
    words.add_argument("--seeds", type=int, default=3)
    words.add_argument("--parts", nargs="+", default=[*PARTS, "speed"], choices=[*PARTS, "speed"])
    words.add_argument("--rows", nargs="+", help="detectors to time")
    words.add_argument("--seconds", type=float, default=np.inf)
    words.add_argument("--out", type=Path, default=Path("anomaly.json"))
    words.add_argument("--print", action="store_true", dest="only_print")
    asked = words.parse_args()
    kept = json.loads(asked.out.read_text()) if asked.out.exists() else {}
    paths = sorted(asked.data.glob("*.npz"), key=lambda path: path.stat().st_size)
    todo = [
        (f"{part}|{path.stem}|{seed}", partial(measure, part, path, seed))
        for seed in range(asked.seeds)
        for part in [part for part in asked.parts if part in PARTS]
        for path in paths
    ]
    timed = [
        row
        for row in anomaly.ROWS
        if row.key in FROZEN or (row.installed and row.target.startswith(TIMED))
        if "labels" not in row.needs and row.key in (asked.rows or [row.key])
    ]
    todo += [(f"speed|{row.key}", partial(speed, row)) for row in timed
             if "speed" in asked.parts]  # fmt: skip
    for key, made in [] if asked.only_print else todo:
        if key not in kept and time.process_time() < asked.seconds:
            kept[key] = made()
            asked.out.write_text(json.dumps(kept))
    tell(kept)


if __name__ == "__main__":
    main()
