"""Exact interventional SHAP values of a tree whose players are raw columns.

For one leaf and one explained row x, let P be the set of players on whose every split x goes
towards the leaf, and Q the same for a background row b. A mixed row with the cells of x in the
columns S reaches the leaf exactly if S holds every player outside Q and none outside P. So with
A = not Q (only x satisfies these) and C = not P (only b does), the leaf pays

    |A|! |C|! / (|A| + |C|)!  times  1/|A| to each player in A,  -1/|C| to each in C,

provided P and Q together cover the leaf's players, and nothing otherwise.

What a leaf pays depends on the row's pattern P alone, so it is written into a table over all
patterns at once. Neighbouring leaves share a table over the pattern at their subtree's root and
the decisions inside it; a row then costs one look-up for each player of each subtree. Time is
linear in rows plus background. docs/explanations.md proves it.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from pipelines.explain.forests import Tree
from pipelines.explain.walks import (
    DEEPEST,
    Bits,
    Floats,
    Ints,
    Layout,
    Patterns,
    decide,
    find,
    lay_out,
    patterns_at_nodes,
    step,
)
from pipelines.machine_code import compiled

ROWS_AT_A_TIME = 4096


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


class Tables(NamedTuple):
    """What the subtrees of one tree pay: to each of their players, by the row's code."""

    start: Ints
    """Where the table of the subtree that begins at a node starts; -1 where none does."""
    many: Ints
    """How many players it pays."""
    who: Ints
    """(nodes, players): which."""
    cells: Floats
    """Each table is (players, outputs, codes)."""
    there: Patterns
    """(nodes, background rows): the background's patterns, for leaves too wide for a table."""
    output: int
    outputs: int


@compiled
def count_bits(mask: int) -> int:
    """Return how many players a mask holds."""
    many = 0
    while mask:
        mask &= mask - 1
        many += 1
    return many


@compiled
def width_of(layout: Layout, place: int) -> int:
    """Return how many bits tell all there is to tell about a row in a subtree."""
    return int(layout.known[place] + (layout.end[place] - place - 1) // 2)


@compiled
def deepest_of(layout: Layout, place: int) -> int:
    """Return the depth of the deepest node of a subtree."""
    deepest = 0
    for at in range(place, layout.end[place]):
        deepest = max(deepest, layout.depth[at])
    return deepest


@compiled
def is_whole(layout: Layout, place: int, widest: int) -> bool:
    """Say whether a subtree is looked up as one: a leaf is, in any case."""
    return layout.end[place] == place + 1 or width_of(layout, place) <= widest


@compiled
def subset_sums(counts: Floats, players: int) -> Floats:
    """Return, by pattern and c, the sum of counts times shares over all A inside the pattern.

    One transform: add each half of the table to the other, player by player.
    """
    size = 1 << players
    sums = np.zeros((size, players + 1))
    for mask in range(size):
        a = count_bits(size - 1 - mask)
        for c in range(players + 1 - a):
            sums[size - 1 - mask, c] = counts[mask] * SHARES[a, c]
    for j in range(players):
        for pattern in range(size):
            if pattern & (1 << j):
                for c in range(players + 1):
                    sums[pattern, c] += sums[pattern ^ (1 << j), c]
    return sums


@compiled
def pay_all(counts: Floats, players: int) -> Floats:
    """Return what a leaf of value one pays to each player by pattern, from counts by mask.

    A player's gain is the sum over all A inside the pattern less the one without the player. The
    losses follow, because payments add up.
    """
    size = 1 << players
    sums, paid = subset_sums(counts, players), np.zeros((players, size))
    for pattern in range(size):
        c, total = players - count_bits(pattern), counts[size - 1]
        for j in range(players):
            if pattern & (1 << j):
                paid[j, pattern] = sums[pattern, c] - sums[pattern ^ (1 << j), c]
                total += paid[j, pattern]
        for j in range(players):
            if not pattern & (1 << j):
                paid[j, pattern] = -total / c
    return paid


@compiled
def pay(pattern: int, players: int, masks: Ints, counts: Floats, out: Floats) -> None:
    """Write what a leaf of value one pays to each player of a row with this pattern."""
    for j in range(players):
        out[j] = 0.0
    full = (1 << players) - 1
    below = full & ~pattern
    c = count_bits(below)
    for u in range(masks.shape[0]):
        above = full & ~masks[u]
        if (pattern | masks[u]) != full:
            continue
        a = count_bits(above)
        gain, loss = counts[masks[u]] * SHARES[a, c], counts[masks[u]] * SHARES[c, a]
        for j in range(players):
            if (above >> j) & 1:
                out[j] += gain
            elif (below >> j) & 1:
                out[j] -= loss


@compiled
def counted(patterns: Patterns, players: int) -> Floats:
    """Return the share of the background rows with each pattern."""
    found = np.zeros(1 << players)
    for i in range(patterns.shape[0]):
        found[patterns[i]] += 1.0 / patterns.shape[0]
    return found


@compiled
def gather(layout: Layout, place: int, who: Ints) -> int:
    """Write the players of a subtree; return how many there are."""
    many = 0
    for leaf in range(place, layout.end[place]):
        for k in range(layout.known[leaf]):
            if find(layout.who[leaf, k], who, many) == many:
                who[many] = layout.who[leaf, k]
                many += 1
    return many


@compiled
def tabulate(tree: Tree, layout: Layout, there: Patterns, widest: int) -> Tables:
    """Return the tables of all subtrees that are narrow enough."""
    nodes, outputs, total, place = layout.node.shape[0], tree.value.shape[1], 0, 0
    start, many = np.full(nodes, -1, np.int32), np.zeros(nodes, np.int32)
    who = np.zeros((nodes, DEEPEST), np.int32)
    while place < nodes:
        if not is_whole(layout, place, widest):
            place += 1
            continue
        width = width_of(layout, place)
        if width <= widest:
            start[place], many[place] = total, gather(layout, place, who[place])
            total += (many[place] * outputs) << width
        place = layout.end[place]
    made = Tables(start, many, who, np.zeros(total), there, tree.output, outputs)
    for place in range(nodes):
        if start[place] >= 0:
            fill(tree, layout, place, made)
    return made


@compiled
def fill(tree: Tree, layout: Layout, place: int, tables: Tables) -> None:
    """Write one subtree's table: walk all codes at once, as if they were rows."""
    known, width = layout.known[place], width_of(layout, place)
    size, first, outputs = 1 << width, layout.depth[place], tree.value.shape[1]
    deepest = deepest_of(layout, place) - first + 1
    state, decided = np.empty((deepest, size), np.uint16), np.empty(size, np.uint8)
    bit = np.zeros(layout.end[place] - place, np.int32)
    for code in range(size):
        state[0, code] = code & ((1 << known) - 1)
    inner = known
    for at in range(place, layout.end[place]):
        depth = layout.depth[at] - first
        if depth:
            shift = bit[layout.parent[at] - place]
            for code in range(size):
                decided[code] = (code >> shift) & 1
            step(layout, at, decided, state[depth - 1], state[depth])
        if layout.end[at] > at + 1:
            bit[at - place] = inner
            inner += 1
            continue
        value = tree.value[layout.node[at]]
        paid = pay_all(counted(tables.there[at], layout.known[at]), layout.known[at])
        for k in range(layout.known[at]):
            slot = find(layout.who[at, k], tables.who[place], tables.many[place])
            for output in range(outputs):
                begin = tables.start[place] + ((slot * outputs + output) << width)
                look_up(paid[k], state[depth], value[output], tables.cells[begin : begin + size])


@compiled
def look_up(table: Floats, codes: Patterns, times: float, out: Floats) -> None:
    """Add the entries of a table, times a number."""
    for i in range(codes.shape[0]):
        out[i] += table[codes[i]] * times


@compiled
def look_up_plain(table: Floats, codes: Patterns, out: Floats) -> None:
    """Add the entries of a table."""
    for i in range(codes.shape[0]):
        out[i] += table[codes[i]]


@compiled
def number(here: Patterns, many: int, found: Patterns) -> Ints:
    """Number the patterns that occur; write each row's number, return a row for each number."""
    place, example, used = np.full(1 << many, -1, np.int32), np.empty(1 << many, np.int32), 0
    for i in range(here.shape[0]):
        if place[here[i]] < 0:
            place[here[i]], example[used] = used, i
            used += 1
        found[i] = place[here[i]]
    return example[:used]


@compiled
def pay_leaf(there: Patterns, here: Patterns, many: int) -> tuple[Floats, Patterns]:
    """Return what a leaf of value one pays, by place in a table, and each row's place."""
    counts, found = counted(there, many), np.empty(here.shape[0], np.uint16)
    masks, different = np.empty(counts.shape[0], np.int32), 0
    for mask in range(counts.shape[0]):
        if counts[mask] > 0:
            masks[different] = mask
            different += 1
    examples = number(here, many, found)
    if many << many < examples.shape[0] * different:
        return pay_all(counts, many), here
    table, one = np.zeros((many, examples.shape[0])), np.empty(many)
    for used in range(examples.shape[0]):
        pay(int(here[examples[used]]), many, masks[:different], counts, one)
        for k in range(many):
            table[k, used] = one[k]
    return table, found


@compiled
def pay_subtree(
    tables: Tables, place: int, size: int, code: Patterns, part: tuple[int, int], phi: Floats
) -> None:
    """Add what the table of a subtree says to the players of a part of the rows."""
    begin = tables.start[place]
    for k in range(tables.many[place]):
        for j in range(tables.outputs):
            out = phi[tables.who[place, k], tables.output + j, part[0] : part[1]]
            look_up_plain(tables.cells[begin : begin + size], code, out)
            begin += size


@compiled
def pay_rows(
    tree: Tree, layout: Layout, tables: Tables, cells: Floats, first: int, phi: Floats
) -> None:
    """Add one tree's payments to rows, from the first on; ``phi`` is (columns, outputs, rows)."""
    rows = min(ROWS_AT_A_TIME, cells.shape[1] - first)
    nodes, part = layout.node.shape[0], (first, first + rows)
    decided = np.empty((nodes, rows), np.uint8)
    decide(tree, layout, cells, first, decided)
    state = np.zeros((deepest_of(layout, 0) + 1, rows), np.uint16)
    code = np.empty(rows, np.uint16)
    place = 0
    while place < nodes:
        here = state[layout.depth[place]]
        if place > 0:
            before = state[layout.depth[place] - 1]
            step(layout, place, decided[layout.parent[place]], before, here)
        if tables.start[place] >= 0:
            encode(layout, place, decided, here, code)
            pay_subtree(tables, place, 1 << width_of(layout, place), code, part, phi)
            place = layout.end[place]
            continue
        if layout.end[place] == place + 1:
            table, found = pay_leaf(tables.there[place], here, layout.known[place])
            who, value = layout.who[place], tree.value[layout.node[place]]
            for k in range(table.shape[0]):
                for j in range(value.shape[0]):
                    out = phi[who[k], tree.output + j, part[0] : part[1]]
                    look_up(table[k], found, value[j], out)
        place += 1


@compiled
def encode(layout: Layout, place: int, decided: Bits, pattern: Patterns, code: Patterns) -> None:
    """Write each row's code: its pattern at the subtree's root, then the decisions inside."""
    for i in range(code.shape[0]):
        code[i] = pattern[i]
    shift = layout.known[place]
    for at in range(place, layout.end[place]):
        if layout.end[at] > at + 1:
            row = decided[at]
            for i in range(code.shape[0]):
                code[i] |= np.uint16(row[i]) << np.uint16(shift)
            shift += 1


@compiled
def explain_tree(
    tree: Tree, player: Ints, rows: Floats, background: Floats, phi: Floats, widest: int
) -> Floats:
    """Add one tree's contributions to ``phi`` (columns, outputs, rows); return its mean answer.

    ``rows`` and ``background`` are (features, rows). Subtrees are looked up as one where that
    takes at most ``widest`` bits.
    """
    layout = lay_out(tree, player)
    there = patterns_at_nodes(tree, layout, background)
    tables = tabulate(tree, layout, there, widest)
    for first in range(0, rows.shape[1], ROWS_AT_A_TIME):
        pay_rows(tree, layout, tables, rows, first, phi)
    base = np.zeros(tree.value.shape[1])
    for place in range(layout.node.shape[0]):
        if layout.end[place] == place + 1:
            reached = counted(there[place], layout.known[place])[-1]
            for j in range(base.shape[0]):
                base[j] += tree.value[layout.node[place], j] * reached
    return base
