"""A thousand hostile tables through every detector: scores that are a row's own, or one sentence.

    OMP_NUM_THREADS=1 python benchmarks/hostile_tables.py [--tables 1000] [--seconds 600]
        [--rows suod lunar] [--out hostile.json] [--print]

Each table is read, profiled and prepared as ``mlops run`` would; what is refused there is still
given to the detectors, if it can be prepared at all. Every 250th table has 10,000 columns. What is
done is kept in the JSON and not done again. Exit code 1 if anything but a finite score that does
not depend on its batch, or one sentence, was seen.
"""

import argparse
import json
import time
import warnings
from collections import Counter
from pathlib import Path

import numpy as np
from pyod.models.hbos import HBOS
from pyod.models.knn import KNN
from pyod.models.lof import LOF

from pipelines.algorithms import anomaly
from pipelines.anomaly import labelled
from pipelines.cleaning.plan import plan
from pipelines.cleaning.transformer import transformer
from pipelines.errors import PipelineError
from pipelines.profile.table import profile, require_sound
from pipelines.readers import read
from pipelines.task import Task
from pipelines.testing import check_any_rows, hostile

warnings.simplefilter("ignore")
ROWS = [row for row in anomaly.ROWS if row.installed]
WIDE, EVERY = 10_000, 250
FEW = {"iforest": {"n_estimators": 20}, "isolation_forest": {"n_estimators": 20},
       "inne": {"n_estimators": 20}, "labelled_trees": {"n_estimators": 20},
       "blend": {"n_estimators": 20}, "loda": {"n_random_cuts": 20},
       "suod": {"base_estimators": [LOF(), HBOS()]},
       "xgbod": {"estimator_list": [KNN(), LOF(), HBOS()],
                 "standardization_flag_list": [True] * 3},
       "auto_encoder": {"epoch_num": 2}, "vae": {"epoch_num": 2}, "deep_svdd": {"epochs": 3},
       "ae1svm": {"epochs": 3}, "dif": {"n_ensemble": 5}, "lunar": {"n_epochs": 5}}  # fmt: skip
"""Twenty trees and a few rounds do: what is looked for does not hang on their number."""
labelled.PANEL["pyod.models.inne:INNE"][0]["n_estimators"] = 20


def prepared(seed, found):
    """Return a table as numbers, or None where reading or preparing refuses it."""
    table = hostile(seed, WIDE if seed % EVERY == EVERY - 1 else None)
    found["size"] = table.shape
    try:
        dataset = read(table, task=Task.ANOMALY)
        profiled = profile(dataset)
        try:
            require_sound(profiled)
        except PipelineError as error:
            found["refused"] = str(error)
        steps = transformer(plan(profiled, dataset), ROWS[0].needs)
        made = np.asarray(steps.fit_transform(dataset.features), dtype=float)
        alone = np.asarray(steps.transform(dataset.features.iloc[[0]]), dtype=float)
        if not np.allclose(alone, made[:1], equal_nan=True):
            found["faults"].append("prepare: one row alone is prepared differently")
    except PipelineError as error:
        found["refused"] = str(error)
    except Exception as error:  # noqa: BLE001 - a crash is what is looked for
        found["faults"].append(f"prepare: {error!r}"[:300])
    else:
        return made
    return None


def tried(seed, detectors):
    """Return what became of one table, detector by detector."""
    found = {"refused": "", "faults": [], "finite": 0, "sentences": {}, "slow": {}}
    rows = prepared(seed, found)
    for row in detectors if rows is not None else ():
        began = time.process_time()
        try:
            told = check_any_rows(row, rows, FEW.get(row.key))
        except Exception as error:  # noqa: BLE001 - a crash is what is looked for
            found["faults"].append(f"{row.key}: {error!r}"[:300])
        else:
            found["finite"] += not told
            found["sentences"] |= {row.key: told} if told else {}
        took = time.process_time() - began
        if took > 1:
            found["slow"][row.key] = round(took, 1)
    return found


def tell(kept, detectors):
    faults = [(seed, fault) for seed, found in kept.items() for fault in found["faults"]]
    for seed, fault in faults:
        print(f"table {seed}: {fault}")
    refused = Counter(words(found["refused"]) for found in kept.values() if found["refused"])
    never = sum(not found["finite"] and not found["sentences"] for found in kept.values())
    wide = sum(found.get("size", [0, 0])[1] >= WIDE for found in kept.values())
    print(f"{len(kept)} tables, {wide} of {WIDE} columns, {len(detectors)} detectors")
    print(f"refused before learning, in one sentence: {sum(refused.values())}, of those {never} "
          "could not be prepared either")  # fmt: skip
    for sentence, many in refused.most_common(8):
        print(f"  {many:4d} {sentence}")
    print(f"finite scores of a row's own: {sum(found['finite'] for found in kept.values())}")
    sentences = Counter(
        f"{key}: {words(told)}" for found in kept.values()
        for key, told in found["sentences"].items()
    )  # fmt: skip
    print(f"one sentence: {sum(sentences.values())}")
    for sentence, many in sentences.most_common(25):
        print(f"  {many:4d} {sentence}")
    print(f"slower than a second: {Counter(k for f in kept.values() for k in f['slow'])}")
    print(f"faults: {len(faults)}")
    return bool(faults)


def words(sentence):
    """Return a sentence without its numbers and names, so that alike ones are counted as one."""
    bare = "".join("#" if mark.isdigit() else mark for mark in sentence)
    return bare[: bare.find(": ") + 70]


def main():
    asked = argparse.ArgumentParser()
    asked.add_argument("--tables", type=int, default=1_000)
    asked.add_argument("--seconds", type=float, default=np.inf)
    asked.add_argument("--rows", nargs="+", help="detectors to try")
    asked.add_argument("--out", type=Path, default=Path("hostile.json"))
    asked.add_argument("--print", action="store_true", dest="only_print")
    asked = asked.parse_args()
    detectors = [row for row in ROWS if row.key in (asked.rows or [row.key])]
    kept = json.loads(asked.out.read_text()) if asked.out.exists() else {}
    for seed in [] if asked.only_print else range(asked.tables):
        if str(seed) not in kept and time.process_time() < asked.seconds:
            kept[str(seed)] = tried(seed, detectors)
            if seed % 10 == 0:
                asked.out.write_text(json.dumps(kept))
    asked.out.write_text(json.dumps(kept))
    return tell(kept, detectors)


if __name__ == "__main__":
    raise SystemExit(main())
