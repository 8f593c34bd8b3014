"""Exact interventional SHAP values of a tree whose players are raw columns.

For one leaf and one explained row x, let P be the set of players on whose every split x goes
towards the leaf, and Q the same for a background row b. A mixed row with the cells of x in the
columns S reaches the leaf exactly if S holds every player outside Q and none outside P. So with
A = not Q (only x satisfies these) and C = not P (only b does), the leaf pays

    |A|! |C|! / (|A| + |C|)!  times  1/|A| to each player in A,  -1/|C| to each in C,

provided P and Q together cover the leaf's players, and nothing otherwise. Rows with equal
patterns are paid alike: patterns are small bit masks, the background is counted by mask, and each
mask is paid once. Time is linear in rows plus background; memory is bounded by the caller's chunk
of rows. docs/explanations.md proves it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, TypeVar, cast

import numba
import numpy as np
from numpy.typing import NDArray

from pipelines.explain.forests import Tree

DEEPEST = 16
"""Most players on one path that the table of shares knows."""

Function = TypeVar("Function", bound=Callable[..., object])
Ints = NDArray[np.int32]
Floats = NDArray[np.float64]
Bits = NDArray[np.uint8]
Words = NDArray[np.uint32]


def compiled(function: Function) -> Function:
    """Compile once, keep it on disk where that is allowed, and let other threads run meanwhile."""
    try:
        made = numba.njit(cache=True, nogil=True, error_model="numpy")(function)
    except RuntimeError:  # there is no folder to keep it in
        made = numba.njit(nogil=True, error_model="numpy")(function)
    return cast("Function", made)


def shares() -> Floats:
    """Return the payment for (a, c): (a-1)! c! / (a+c)!; zero where nobody is to be paid.

    >>> shares()[1, :2].tolist()
    [1.0, 0.5]
    """
    table = np.zeros((DEEPEST + 1, DEEPEST + 1))
    for a in range(1, DEEPEST + 1):
        table[a, 0] = 1.0 / a
        for c in range(1, DEEPEST + 1 - a):
            table[a, c] = table[a, c - 1] * c / (a + c)
    return table


SHARES = shares()


class Path(NamedTuple):
    """Room for the splits between a leaf and the root, and for the players on them."""

    nodes: Ints
    sides: Bits
    bits: Words
    players: Ints


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
def go_left(
    cells: Floats, threshold: float, missing_left: int, start: int, words: Words, out: Bits
) -> None:
    """Write 1 where a cell goes left. ``start`` < 0: a number; else a set of categories."""
    for i in range(cells.shape[0]):
        cell = cells[i]
        if cell != cell:
            out[i] = missing_left
        elif start < 0:
            out[i] = cell <= threshold
        else:
            code = np.int64(cell) if 0 <= cell < 2147483647 else np.int64(-1)
            # A set is stored as its number of words, then the words.
            known = 0 <= code < 32 * np.int64(words[start])
            out[i] = 0
            if known:
                out[i] = (words[start + 1 + (code >> 5)] >> np.uint32(code & 31)) & np.uint32(1)


@compiled
def follow(path: Ints, bits: Words, sides: Bits, decided: Bits, full: int, out: Words) -> None:
    """Write each row's pattern: the players on whose every split it goes towards the leaf."""
    rows = decided.shape[1]
    for i in range(rows):
        out[i] = full
    for step in range(path.shape[0]):
        row, side, keep = decided[path[step]], sides[step], ~bits[step]
        for i in range(rows):
            if row[i] != side:
                out[i] &= keep


@compiled
def count_bits(mask: int) -> int:
    """Return how many players a mask holds."""
    many = 0
    while mask:
        mask &= mask - 1
        many += 1
    return many


@compiled
def pay(pattern: int, players: int, masks: Ints, counts: Floats, out: Floats) -> bool:
    """Add what a leaf of value one pays to each player of a row with this pattern."""
    full = (1 << players) - 1
    below = full & ~pattern
    c = count_bits(below)
    paid = False
    for u in range(masks.shape[0]):
        other = masks[u]
        if (pattern | other) != full:
            continue
        above = full & ~other
        a = count_bits(above)
        if a + c == 0:
            continue
        paid = True
        gain, loss = counts[u] * SHARES[a, c], counts[u] * SHARES[c, a]
        for j in range(players):
            if (above >> j) & 1:
                out[j] += gain
            elif (below >> j) & 1:
                out[j] -= loss
    return paid


@compiled
def explain_leaf(
    patterns: Words, others: Words, players: Ints, value: Floats, output: int, phi: Floats
) -> float:
    """Add one leaf's payments to ``phi`` (rows, columns, outputs); return its background share."""
    many = players.shape[0]
    size = 1 << many
    found = np.zeros(size)
    for i in range(others.shape[0]):
        found[others[i]] += 1.0 / others.shape[0]
    masks = np.nonzero(found)[0].astype(np.int32)
    counts = found[masks]
    place = np.full(size, -1, np.int32)
    table = np.zeros((min(size, patterns.shape[0]), many))
    used = 0
    for i in range(patterns.shape[0]):
        pattern = patterns[i]
        if place[pattern] == -1:
            if pay(int(pattern), many, masks, counts, table[used]):
                place[pattern] = used
                used += 1
            else:
                place[pattern] = -2
        if place[pattern] >= 0:
            row = table[place[pattern]]
            for j in range(many):
                for k in range(value.shape[0]):
                    phi[i, players[j], output + k] += row[j] * value[k]
    return float(found[size - 1])


@compiled
def climb(
    leaf: int, parent: Ints, side: Bits, feature: Ints, player: Ints, path: Path
) -> tuple[int, int]:
    """Collect the splits above a leaf and number their players; return both lengths."""
    steps, many, node = 0, 0, leaf
    while parent[node] >= 0:
        up = parent[node]
        who = player[feature[up]]
        slot = 0
        while slot < many and path.players[slot] != who:
            slot += 1
        if slot == many:
            path.players[many] = who
            many += 1
        path.nodes[steps], path.sides[steps] = up, side[node]
        path.bits[steps] = np.uint32(1) << np.uint32(slot)
        steps, node = steps + 1, up
    return steps, many


@compiled
def decide(
    tree: Tree, rows: Floats, background: Floats, decided: Bits, decided_there: Bits
) -> tuple[Ints, Bits]:
    """Write at every split which way each row goes; return each node's parent and side."""
    parent = np.full(tree.left.shape[0], -1, np.int32)
    side = np.zeros(tree.left.shape[0], np.uint8)
    for node in range(tree.left.shape[0]):
        if tree.left[node] < 0:
            continue
        parent[tree.left[node]], parent[tree.right[node]] = node, node
        side[tree.left[node]] = 1
        f, t = tree.feature[node], tree.threshold[node]
        m, s = tree.missing_left[node], tree.sets[node]
        go_left(rows[f], t, m, s, tree.words, decided[node])
        go_left(background[f], t, m, s, tree.words, decided_there[node])
    return parent, side


@compiled
def explain_tree(
    tree: Tree, player: Ints, rows: Floats, background: Floats, phi: Floats, base: Floats
) -> None:
    """Add one tree's contributions to ``phi`` and its mean over the background to ``base``."""
    nodes, many, others = tree.left.shape[0], rows.shape[1], background.shape[1]
    decided = np.empty((nodes, many), np.uint8)
    decided_there = np.empty((nodes, others), np.uint8)
    parent, side = decide(tree, rows, background, decided, decided_there)
    patterns, patterns_there = np.empty(many, np.uint32), np.empty(others, np.uint32)
    room = Path(
        np.empty(nodes, np.int32),
        np.empty(nodes, np.uint8),
        np.empty(nodes, np.uint32),
        np.empty(nodes, np.int32),
    )
    for leaf in range(nodes):
        value = tree.value[leaf]
        if tree.left[leaf] >= 0 or not value.any():
            continue
        steps, count = climb(leaf, parent, side, tree.feature, player, room)
        path, bits, sides = room.nodes[:steps], room.bits[:steps], room.sides[:steps]
        full = (1 << count) - 1
        follow(path, bits, sides, decided, full, patterns)
        follow(path, bits, sides, decided_there, full, patterns_there)
        who = room.players[:count]
        reached = explain_leaf(patterns, patterns_there, who, value, tree.output, phi)
        for k in range(value.shape[0]):
            base[tree.output + k] += reached * value[k]


@compiled
def tilt(patterns: Words, k: int, codes: Ints, many: Floats, decay: float, rates: Rates) -> None:
    """Write how often player k passes: by bin less elsewhere, and on average as LIME weighs."""
    passed = np.zeros(many.shape[0])
    for b in range(codes.shape[0]):
        passed[codes[b]] += (patterns[b] >> np.uint32(k)) & np.uint32(1)
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
    """Add what LIME makes of one tree to ``phi``: columns are independent, so leaves multiply."""
    nodes, others, width = tree.left.shape[0], background.shape[1], bins.many.shape[1]
    nobody = np.empty((background.shape[0], 1))
    decided, decided_there = np.empty((nodes, 1), np.uint8), np.empty((nodes, others), np.uint8)
    parent, side = decide(tree, nobody, background, decided, decided_there)
    patterns = np.empty(others, np.uint32)
    room = Path(
        np.empty(nodes, np.int32),
        np.empty(nodes, np.uint8),
        np.empty(nodes, np.uint32),
        np.empty(nodes, np.int32),
    )
    rates = Rates(np.empty((DEEPEST, width)), np.empty((DEEPEST, width)))
    for leaf in range(nodes):
        value = tree.value[leaf]
        if tree.left[leaf] >= 0 or not value.any():
            continue
        steps, count = climb(leaf, parent, side, tree.feature, player, room)
        path, bits, sides = room.nodes[:steps], room.bits[:steps], room.sides[:steps]
        follow(path, bits, sides, decided_there, (1 << count) - 1, patterns)
        players = room.players[:count]
        for k in range(count):
            tilt(patterns, k, bins.codes[players[k]], bins.many[players[k]], bins.decay, rates)
        copy_leaf(value, tree.output, players, rates, mine, phi)
