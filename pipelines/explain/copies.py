"""What LIME converges to on a tree, compiled: columns are independent, so a leaf is a product."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from pipelines.explain.forests import Tree
from pipelines.explain.walks import (
    DEEPEST,
    Floats,
    Ints,
    Patterns,
    lay_out,
    patterns_at_nodes,
)
from pipelines.machine_code import compiled


class Bins(NamedTuple):
    """LIME's bins: each background cell's, how many cells each has, what one mismatch weighs."""

    codes: Ints
    many: Floats
    decay: float


class Rates(NamedTuple):
    """How often each player of a leaf passes, by the bin of the explained row."""

    gap: Floats
    mean: Floats


@compiled
def tilt(
    patterns: Patterns, k: int, codes: Ints, many: Floats, decay: float, rates: Rates
) -> None:
    """Write how often player k passes: by bin less elsewhere, and on average as LIME weighs."""
    passed = np.zeros(many.shape[0])
    for b in range(codes.shape[0]):
        passed[codes[b]] += (patterns[b] >> np.uint16(k)) & np.uint16(1)
    total, rows = passed.sum(), many.sum()
    for b in range(many.shape[0]):
        here, there = many[b], rows - many[b]
        inside = passed[b] / here if here > 0 else 0.0
        outside = (total - passed[b]) / there if there > 0 else 0.0
        rates.gap[k, b] = inside - outside if here > 0 and there > 0 else 0.0
        rates.mean[k, b] = (here * inside + decay * there * outside) / (here + decay * there)


@compiled
def copy_leaf(
    value: Floats, output: int, players: Ints, rates: Rates, mine: Ints, phi: Floats
) -> None:
    """Add what LIME makes of one leaf: a product over its players, less one, times its gap."""
    many = players.shape[0]
    before = np.ones(many + 1)
    for i in range(mine.shape[0]):
        for k in range(many):
            before[k + 1] = before[k] * rates.mean[k, mine[i, players[k]]]
        after = 1.0
        for k in range(many - 1, -1, -1):
            column = players[k]
            share = before[k] * after * rates.gap[k, mine[i, column]]
            after *= rates.mean[k, mine[i, column]]
            for j in range(value.shape[0]):
                phi[i, column, output + j] += share * value[j]


@compiled
def copy_tree(
    tree: Tree, player: Ints, background: Floats, bins: Bins, mine: Ints, phi: Floats
) -> None:
    """Add what LIME makes of one tree to ``phi`` (rows, columns, outputs)."""
    layout = lay_out(tree, player)
    patterns = patterns_at_nodes(tree, layout, background)
    width = bins.many.shape[1]
    rates = Rates(np.empty((DEEPEST, width)), np.empty((DEEPEST, width)))
    for place in range(layout.node.shape[0]):
        value = tree.value[layout.node[place]]
        if layout.end[place] > place + 1 or not value.any():
            continue
        players = layout.who[place, : layout.known[place]]
        for k in range(players.shape[0]):
            codes, many = bins.codes[players[k]], bins.many[players[k]]
            tilt(patterns[place], k, codes, many, bins.decay, rates)
        copy_leaf(value, tree.output, players, rates, mine, phi)
