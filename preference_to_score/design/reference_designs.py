"""Designs to hold a locally dense one against: random pairs, and a ring."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def random_pairs(n_items: int, budget: int, rng: np.random.Generator) -> NDArray[np.int_]:
    """Pairs at random, of a connected graph.

    A spanning tree comes first, any tree with the same chance (the first arrivals of a random walk: Aldous, 1990; Broder,
    1989), so that even the smallest budget connects all items; the other pairs are drawn with the same chance each.

    Parameters
    ----------
    n_items : int
        Number of items, at least 2.
    budget : int
        Number of pairs, at least n_items - 1.
    rng : numpy.random.Generator

    Returns
    -------
    ndarray of int, shape (budget, 2)
        Distinct pairs, the lower position first.

    Raises
    ------
    ValueError
        If the budget cannot connect the items, or exceeds the number of pairs that there are.

    References
    ----------
    Aldous (1990), SIAM Journal on Discrete Mathematics 3, 450-465. Broder (1989), FOCS, 442-447.

    Examples
    --------
    >>> random_pairs(50, 612, np.random.default_rng(0)).shape
    (612, 2)
    """
    check_budget(n_items, budget)
    paired = np.zeros((n_items, n_items), dtype=bool)
    here = int(rng.integers(n_items))
    arrived = {here}
    while len(arrived) < n_items:
        there = int(rng.integers(n_items))
        if there not in arrived:
            arrived.add(there)
            paired[min(here, there), max(here, there)] = True
        here = there
    free = np.argwhere(np.triu(~paired, 1))
    more = free[rng.permutation(len(free))[: budget - (n_items - 1)]]
    return np.concatenate([np.argwhere(paired), more])


def ring_pairs(n_items: int, budget: int) -> NDArray[np.int_]:
    """A ring: every item with its nearest neighbours in a cyclic order, the last item next to the first.

    The graph is circulant as far as the budget goes: all pairs at cyclic distance 1, then 2, and so on; what is left over
    is spread evenly over the ring at the next distance. With n_items - 1 pairs the ring is open at one place.

    Parameters
    ----------
    n_items, budget : int
        As for :func:`random_pairs`.

    Returns
    -------
    ndarray of int, shape (budget, 2)
        As from :func:`random_pairs`.

    Examples
    --------
    >>> ring_pairs(5, 7).tolist()
    [[0, 1], [1, 2], [2, 3], [3, 4], [0, 4], [0, 2], [2, 4]]
    """
    check_budget(n_items, budget)
    parts, left = [], budget
    for distance in range(1, n_items // 2 + 1):
        there_are = n_items // 2 if 2 * distance == n_items else n_items
        take = min(left, there_are)
        start = np.arange(take) * there_are // max(take, 1)
        parts.append(np.column_stack([start, (start + distance) % n_items]))
        left -= take
    return np.sort(np.concatenate(parts), axis=1)


def check_budget(n_items: int, budget: int) -> None:
    """Refuse a number of pairs that cannot connect the items, or that there are not.

    Parameters
    ----------
    n_items, budget : int

    Raises
    ------
    ValueError
        With the numbers that would do.

    Examples
    --------
    >>> check_budget(5, 3)
    Traceback (most recent call last):
    ...
    ValueError: 5 items take 4 to 10 pairs, not 3: fewer leave some item cut off, more there are not
    """
    if n_items < 2:
        raise ValueError(f"a design needs at least 2 items, got {n_items}")
    most = n_items * (n_items - 1) // 2
    if not n_items - 1 <= budget <= most:
        raise ValueError(
            f"{n_items} items take {n_items - 1} to {most} pairs, not {budget}: fewer leave some item cut off, more there "
            "are not"
        )
