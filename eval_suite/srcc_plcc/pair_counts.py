"""Counts of pairs for Kendall's tau on many resamples of the same items, in n log n steps each.

A resample is a row of counts of the same items, so all resamples share one sorted order: what has to be found by sorting is found
once, and the resamples go through it side by side.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

VALUES_AT_A_TIME = 1_000_000  # counts that are worked on together; many more do not stay in the cache


class _Step(NamedTuple):
    """Ranks that agree above one bit: which rows lack the bit (`low`) and which have it (`high`).

    Row ``low[k]`` is behind rows ``high[first[k]:last[k]]``, and these are of its own group.
    """

    low: NDArray[np.int64]
    high: NDArray[np.int64]
    first: NDArray[np.int64]
    last: NDArray[np.int64]


def pair_counts(
    x: NDArray[np.float64], y: NDArray[np.float64], weights: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Concordant less discordant pairs, and the pairs that are not tied on either side, of each resample.

    Every pair is counted in both orders, as a sum over i and j does. For counts in whole numbers the results are exact.

    Parameters
    ----------
    x, y : ndarray, shape (n,)
        Finite values.
    weights : ndarray, shape (B, n)
        How often each item stands in each resample.

    Returns
    -------
    agree, untied_x, untied_y : ndarray, shape (B,)
        Sums over all i and j of what was drawn: of ``sign(x_i - x_j) sign(y_i - y_j)``, of ``x_i != x_j`` and of ``y_i != y_j``.

    References
    ----------
    W. R. Knight, "A computer method for calculating Kendall's tau with ungrouped data", JASA 61 (1966): in the order of x, the
    discordant pairs are the inversions of y. Here an inversion is found at the highest bit in which the two ranks differ, so that
    equal ranks are never one.

    Examples
    --------
    >>> x, y = np.array([1.0, 2.0, 3.0, 3.0]), np.array([1.0, 3.0, 2.0, 4.0])
    >>> [total.tolist() for total in pair_counts(x, y, np.ones((1, 4)))]
    [[6.0], [10.0], [12.0]]
    """
    rank_x, rank_y = (np.unique(values, return_inverse=True)[1] for values in (x, y))
    order = np.lexsort((rank_y, rank_x))  # y rises where x is equal: no pair of equal x is an inversion
    rank_x, rank_y = rank_x[order], rank_y[order]
    by_y = np.argsort(rank_y, kind="stable")
    equal_x, equal_y, equal_both = _starts(rank_x), _starts(rank_y[by_y]), _starts(rank_x, rank_y)
    steps = _steps(rank_y)
    agree, untied_x, untied_y = np.empty((3, len(weights)))
    block = max(1, VALUES_AT_A_TIME // x.size)
    for start in range(0, len(weights), block):
        part = slice(start, start + block)
        drawn = np.ascontiguousarray(
            weights[part].T[order]
        )  # an item is a row: rows are moved as whole lines of memory
        pairs = drawn.sum(axis=0) ** 2
        tied_x, tied_y = _tied(drawn, equal_x), _tied(drawn[by_y], equal_y)
        untied_x[part], untied_y[part] = pairs - tied_x, pairs - tied_y
        agree[part] = pairs - tied_x - tied_y + _tied(drawn, equal_both) - 4 * _inversions(drawn, steps)
    return agree, untied_x, untied_y


def _starts(*ranks: NDArray[np.int64]) -> NDArray[np.int64]:
    """Where each run of rows with equal ranks begins."""
    changes = np.any([np.diff(values) != 0 for values in ranks], axis=0)
    return np.flatnonzero(np.r_[True, changes])


def _tied(drawn: NDArray[np.float64], starts: NDArray[np.int64]) -> NDArray[np.float64]:
    """Ordered pairs within the runs (an item with itself and its copies, too), shape (B,)."""
    runs = drawn if starts.size == len(drawn) else np.add.reduceat(drawn, starts, axis=0)
    return np.einsum("nb,nb->b", runs, runs)


def _steps(ranks: NDArray[np.int64]) -> list[_Step]:
    """For each bit of the ranks, the rows between which it can be the highest that differs."""
    steps = []
    for bit in reversed(range(int(ranks.max()).bit_length())):
        group = ranks >> (bit + 1)
        rows = np.argsort(group, kind="stable")
        has_bit = (ranks[rows] >> bit) & 1 == 1
        before = np.cumsum(has_bit)  # of the rows with the bit: how many stand up to here
        low, high = rows[~has_bit], rows[has_bit]
        first = np.searchsorted(group[high], group[low])  # where the group's own begin among them
        last = before[~has_bit]
        behind = last > first
        steps.append(_Step(low[behind], high, first[behind], last[behind]))
    return steps


def _inversions(drawn: NDArray[np.float64], steps: list[_Step]) -> NDArray[np.float64]:
    """Pairs of rows of which the former has the higher rank, each counted once, shape (B,)."""
    total = np.zeros(drawn.shape[1])
    for low, high, first, last in steps:
        upto = np.zeros((high.size + 1, drawn.shape[1]))
        np.cumsum(drawn[high], axis=0, out=upto[1:])
        total += np.einsum("nb,nb->b", drawn[low], upto[last] - upto[first])
    return total
