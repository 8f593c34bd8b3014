"""How rows walk through a tree, compiled: which way they go at each split.

A row's pattern at a node has one bit for each player (raw column) that is asked about between the
root and that node: set if the row goes towards the node on every one of the player's splits.
Nodes are numbered anew, parents first and subtrees in one piece, so that a walk is a plain loop.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from pipelines.explain.forests import Tree
from pipelines.machine_code import compiled

DEEPEST = 16
"""Most players on one path: patterns have 16 bits, tables 2^players entries."""

Ints = NDArray[np.int32]
Floats = NDArray[np.float64]
Bits = NDArray[np.uint8]
Words = NDArray[np.uint32]
Patterns = NDArray[np.uint16]


class Layout(NamedTuple):
    """A tree's nodes in the order of a walk: parents first, each subtree in one piece."""

    node: Ints
    """Which of the tree's nodes this is."""
    parent: Ints
    end: Ints
    """Where the subtree ends; a leaf's is the next place."""
    depth: Ints
    side: Bits
    """1 if it is its parent's left child."""
    slot: Ints
    """The bit of the parent's player."""
    fresh: Bits
    """1 if that player was not on the path before."""
    known: Ints
    """How many players the path asks about."""
    who: Ints
    """(nodes, players): the raw column of each bit."""


@compiled
def lay_out(tree: Tree, player: Ints) -> Layout:
    """Number a tree's nodes in the order of a walk and name the players on each path."""
    many = tree.left.shape[0]
    node, parent, end, depth, slot, known = (
        np.zeros(many, np.int32),
        np.full(many, -1, np.int32),
        np.zeros(many, np.int32),
        np.zeros(many, np.int32),
        np.zeros(many, np.int32),
        np.zeros(many, np.int32),
    )
    side, fresh = np.zeros(many, np.uint8), np.zeros(many, np.uint8)
    who = np.zeros((many, DEEPEST), np.int32)
    todo = np.zeros((many, 2), np.int32)
    todo[0, 1] = -1
    left_to_do, place = 1, 0
    while left_to_do:
        left_to_do -= 1
        node[place], up = todo[left_to_do, 0], todo[left_to_do, 1]
        parent[place] = up
        if up >= 0:
            asked = player[tree.feature[node[up]]]
            depth[place], side[place] = depth[up] + 1, tree.left[node[up]] == node[place]
            slot[place] = find(asked, who[up], known[up])
            fresh[place] = slot[place] == known[up]
            known[place] = known[up] + fresh[place]
            for k in range(known[up]):
                who[place, k] = who[up, k]
            who[place, slot[place]] = asked
        if tree.left[node[place]] >= 0:
            todo[left_to_do, 0], todo[left_to_do, 1] = tree.right[node[place]], place
            todo[left_to_do + 1, 0], todo[left_to_do + 1, 1] = tree.left[node[place]], place
            left_to_do += 2
        place += 1
    for place in range(many - 1, -1, -1):
        end[place] = max(end[place], place + 1)
        if parent[place] >= 0:
            end[parent[place]] = max(end[parent[place]], end[place])
    return Layout(node, parent, end, depth, side, slot, fresh, known, who)


@compiled
def find(one: int, others: Ints, many: int) -> int:
    """Return where one number is among the first of others; ``many`` if it is not."""
    for place in range(many):
        if others[place] == one:
            return place
    return many


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
def go_left_of(cells: Floats, threshold: float, missing_left: int, out: Bits) -> None:
    """Write 1 where a number goes left, without a branch."""
    if missing_left:
        for i in range(cells.shape[0]):
            out[i] = not (cells[i] > threshold)  # a comparison with NaN is false
    else:
        for i in range(cells.shape[0]):
            out[i] = cells[i] <= threshold


@compiled
def decide(tree: Tree, layout: Layout, cells: Floats, first: int, decided: Bits) -> None:
    """Write at every split which way each row of (features, rows) goes, from the first on."""
    last = first + decided.shape[1]
    for place in range(layout.node.shape[0]):
        node = layout.node[place]
        if tree.left[node] < 0:
            continue
        column = cells[tree.feature[node], first:last]
        t, m, s = tree.threshold[node], tree.missing_left[node], tree.sets[node]
        if s < 0:
            go_left_of(column, t, m, decided[place])
        else:
            go_left(column, t, m, s, tree.words, decided[place])


@compiled
def step(layout: Layout, place: int, decided: Bits, before: Patterns, after: Patterns) -> None:
    """Write the rows' patterns at a node, from those at its parent and the decisions there."""
    side, bit = layout.side[place], np.uint16(1 << layout.slot[place])
    if layout.fresh[place]:
        for i in range(before.shape[0]):
            after[i] = before[i] | (bit if decided[i] == side else np.uint16(0))
    else:
        keep, rest = np.uint16(0xFFFF), np.uint16(~bit)
        for i in range(before.shape[0]):
            after[i] = before[i] & (keep if decided[i] == side else rest)


@compiled
def patterns_at_nodes(tree: Tree, layout: Layout, cells: Floats) -> Patterns:
    """Return the rows' patterns at every node: (nodes, rows)."""
    nodes, rows = layout.node.shape[0], cells.shape[1]
    decided = np.empty((nodes, rows), np.uint8)
    decide(tree, layout, cells, 0, decided)
    found = np.zeros((nodes, rows), np.uint16)
    for place in range(1, nodes):
        up = layout.parent[place]
        step(layout, place, decided[up], found[up], found[place])
    return found
