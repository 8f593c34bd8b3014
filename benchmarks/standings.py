"""What kept scores say: a line per set, mean ranks, normalised regret, and a paired sign test."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from scipy.stats import binomtest, rankdata

Scores = Mapping[str, Mapping[str, Any]]


def key(name: str, system: str, seconds: float, seed: int) -> str:
    """Return the name under which one run is kept; LightGBM's defaults know no budget."""
    return f"{name},{system},{'' if system == 'lightgbm' else f'{seconds:g},'}{seed}"


def show(
    scores: Scores, better: Mapping[str, int], systems: Sequence[str], seconds: float, splits: int
) -> None:
    """Print the sets and, where several systems were on all of them, who stands where."""
    found = {
        (name, system, seed): scores[key(name, system, seconds, seed)]
        for name in better
        for system in systems
        for seed in range(splits)
        if key(name, system, seconds, seed) in scores
    }
    failed = {each: run["failure"] for each, run in found.items() if "failure" in run}
    for each, why in failed.items():
        print(f"{each}: {why}")
    good = {each: run for each, run in found.items() if each not in failed}
    print_sets(good, better, systems)
    print_ours(good, better)
    whole = [
        (name, seed)
        for name in better
        for seed in range(splits)
        if all((name, system, seed) in good for system in systems)
    ]
    if len(systems) > 1 and whole:
        print_standing(good, better, systems, whole)


def print_sets(good: Mapping[Any, Any], better: Mapping[str, int], systems: Sequence[str]) -> None:
    """Print the mean score of every system on every set."""
    print(f"{'mean score':14}" + "".join(f"{each:>16}" for each in systems))
    for name in better:
        cells = []
        for system in systems:
            runs = [run["score"] for (n, s, _), run in good.items() if (n, s) == (name, system)]
            cells.append(f"{np.mean(runs):16.5g}" if runs else f"{'-':>16}")
        print(f"{name:14}" + "".join(cells))
    for what, label in (
        ("seconds", "seconds"),
        ("cpu", "CPU seconds"),
        ("peak_mb", "peak MB"),
        ("row_ms", "one row, ms"),
        ("row_ms_held_in_memory", "  in memory"),
    ):
        cells = []
        for system in systems:
            runs = [run[what] for (_, s, _), run in good.items() if s == system and what in run]
            cells.append(f"{np.mean(runs):16.1f}" if runs else f"{'-':>16}")
        print(f"{label:14}" + "".join(cells))


def print_ours(good: Mapping[Any, Any], better: Mapping[str, int]) -> None:
    """Print what our search did on every set, and its gain over LightGBM's defaults."""
    heads = ("gain", "+-1 SE", "trials", "outside", "row ms")
    print(f"\n{'ours':14}" + "".join(f"{each:>8}" for each in heads) + "  winners")
    for name in better:
        runs = {seed: run for (n, s, seed), run in good.items() if (n, s) == (name, "ours")}
        base = {seed: run for (n, s, seed), run in good.items() if (n, s) == (name, "lightgbm")}
        both = sorted(set(runs) & set(base))
        if not both:
            continue
        lead = [base[seed]["score"] - runs[seed]["baseline"] for seed in both]
        gains = [
            (runs[seed]["score"] - base[seed]["score"]) / lead[at] if lead[at] else np.nan
            for at, seed in enumerate(both)
        ]
        error = np.std(gains, ddof=1) / np.sqrt(len(gains)) if len(gains) > 1 else np.nan
        winners = ", ".join(
            f"{run['winner']}({len(run['members'])})" if run["members"] else run["winner"]
            for run in runs.values()
        )
        means = {
            what: np.mean([run[what] for run in runs.values()])
            for what in ("trials", "outside", "row_ms")
        }
        print(f"{name:14}{np.mean(gains):8.1%}{error:8.1%}{means['trials']:8.0f}"
              f"{means['outside']:8.1%}{means['row_ms']:8.1f}  {winners}")  # fmt: skip


def print_standing(
    good: Mapping[Any, Any],
    better: Mapping[str, int],
    systems: Sequence[str],
    whole: Sequence[tuple[str, int]],
) -> None:
    """Print mean rank and regret over the sets that every system finished, and sign tests."""
    table = np.array(
        [
            [better[name] * good[name, system, seed]["score"] for system in systems]
            for name, seed in whole
        ]
    )
    names = [name for name, _ in whole]
    each = sorted(set(names))
    means = np.array([table[[n == name for n in names]].mean(axis=0) for name in each])
    spread = means.max(axis=1, keepdims=True) - means.min(axis=1, keepdims=True)
    regret = (means.max(axis=1, keepdims=True) - means) / np.where(spread > 0, spread, 1)
    ranks = np.array([rankdata(-row) for row in means])
    runs = np.array([rankdata(-row) for row in table])
    print(f"\nover {len(each)} sets, {len(whole)} runs")
    for label, values in (
        ("rank of sets", ranks.mean(axis=0)),
        ("rank of runs", runs.mean(axis=0)),
        ("regret (0-1)", regret.mean(axis=0)),
    ):
        print(f"{label:14}" + "".join(f"{value:16.2f}" for value in values))
    if "ours" not in systems:
        return
    ours = systems.index("ours")
    for at, system in enumerate(systems):
        if at != ours:
            won = int((table[:, ours] > table[:, at]).sum())
            lost = int((table[:, ours] < table[:, at]).sum())
            p = binomtest(won, won + lost).pvalue if won + lost else 1.0
            print(f"ours against {system}: {won} won, {lost} lost, sign test p = {p:.3f}")
