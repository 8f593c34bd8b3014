"""LIME's sums over made-up rows, compiled: by bin, by pairs of bins, and of one curve a column.

A weight of LIME is a product over columns, each nearly even. So a row's weighted means follow from
the plain means in each pair of bins, and the cost hardly depends on how many rows are explained.
What is dropped is the interaction of three columns times two tilts, each a few hundredths.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pipelines.explain.walks import Floats, Ints
from pipelines.machine_code import compiled

Codes = NDArray[np.int16]


@compiled
def tally(codes: Codes, values: Floats, width: int) -> tuple[Floats, Floats]:
    """Return counts (columns, bins) and sums of values (columns, bins, values)."""
    columns, samples = codes.shape
    many = np.zeros((columns, width))
    sums = np.zeros((columns, width, values.shape[1]))
    for j in range(columns):
        for s in range(samples):
            b = codes[j, s]
            many[j, b] += 1.0
            for v in range(values.shape[1]):
                sums[j, b, v] += values[s, v]
    return many, sums


@compiled
def backfit(codes: Codes, left: Floats, width: int, sweeps: int) -> Floats:
    """Fit an effect to each bin of each column, in turns, and take it from what is left over."""
    columns, samples = codes.shape
    effects = np.zeros((columns, width, left.shape[1]))
    for _ in range(sweeps):
        for j in range(columns):
            many, steps = tally(codes[j : j + 1], left, width)
            for b in range(width):
                for v in range(left.shape[1]):
                    steps[0, b, v] /= max(1.0, many[0, b])
                    effects[j, b, v] += steps[0, b, v]
            for s in range(samples):
                for v in range(left.shape[1]):
                    left[s, v] -= steps[0, codes[j, s], v]
    return effects


@compiled
def lean(codes: Codes, values: Floats, mine: Codes, tilts: Floats, widths: Ints) -> Floats:
    """Return how a row's weights move the means where a column matches and where it does not.

    ``mine`` holds the bins of the explained rows (rows, columns), ``tilts`` how much more often a
    column matches under the weights than in the made-up rows, ``widths`` the number of each
    column's bins. The result is (rows, columns, 2, values).
    """
    columns, samples = codes.shape
    rows, many = mine.shape[0], values.shape[1]
    moved = np.zeros((rows, columns, 2, many))
    for j in range(columns):
        for k in range(j + 1, columns):
            count = np.zeros((widths[j], widths[k]))
            total = np.zeros((widths[j], widths[k], many))
            for s in range(samples):
                a, b = codes[j, s], codes[k, s]
                count[a, b] += 1.0
                for v in range(many):
                    total[a, b, v] += values[s, v]
            counts = count.sum(axis=1), count.sum(axis=0)
            totals = total.sum(axis=1), total.sum(axis=0)
            whole = totals[0].sum(axis=0)
            for i in range(rows):
                a, b = mine[i, j], mine[i, k]
                both, one, two = count[a, b], counts[0][a], counts[1][b]
                none = samples - one - two + both
                if min(both, one - both, two - both, none) < 1.0:
                    continue
                for v in range(many):
                    there = total[a, b, v]
                    here = totals[0][a, v] - there
                    other = totals[1][b, v] - there
                    rest = (whole[v] - totals[0][a, v] - other) / none
                    there, here, other = there / both, here / (one - both), other / (two - both)
                    moved[i, j, 0, v] += tilts[i, k] * (there - here)
                    moved[i, j, 1, v] += tilts[i, k] * (other - rest)
                    moved[i, k, 0, v] += tilts[i, j] * (there - other)
                    moved[i, k, 1, v] += tilts[i, j] * (here - rest)
    return moved
