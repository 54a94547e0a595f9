"""Which pairs to compare: a locally dense design over items in the order of a coarse prior score."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.sparse.csgraph import shortest_path


def locally_dense_pairs(n_items: int, near: int, budget: int, rng: np.random.Generator) -> NDArray[np.int_]:
    """All pairs of near neighbours in rank, and long-range pairs up to the budget.

    Near pairs are the ones whose outcome is open, so they carry the most information; by themselves they form a
    long chain along which errors add up. Each long-range pair takes an item with the fewest pairs so far and sets it
    against one drawn from those still more than two steps away in the graph (any unpaired one, if there are none), so
    degrees stay even and the diameter gets short.

    Parameters
    ----------
    n_items : int
        Number of items, at least 2.
    near : int
        Rank distance up to which all pairs are taken, at least 1 (which keeps the graph connected).
    budget : int
        Number of pairs in all.
    rng : numpy.random.Generator
        Draws the long-range pairs.

    Returns
    -------
    ndarray of int, shape (budget, 2)
        Rank positions, the lower one first; near pairs come first. The same generator state gives the same pairs.

    Raises
    ------
    ValueError
        If the near pairs exceed the budget, or the budget exceeds the number of pairs that there are.

    Examples
    --------
    >>> pairs = locally_dense_pairs(50, 12, 612, np.random.default_rng(0))
    >>> pairs.shape, int((pairs[:, 1] - pairs[:, 0] <= 12).sum())
    ((612, 2), 522)
    """
    if n_items < 2 or near < 1:
        raise ValueError(f"need at least 2 items and near of at least 1, got {n_items} and {near}")
    near = min(near, n_items - 1)
    dense = [(low, high) for low in range(n_items) for high in range(low + 1, min(n_items, low + near + 1))]
    if not len(dense) <= budget <= n_items * (n_items - 1) // 2:
        raise ValueError(
            f"a budget of {budget} pairs does not fit: rank distance {near} alone takes {len(dense)}, and "
            f"{n_items} items have {n_items * (n_items - 1) // 2} pairs in all"
        )
    paired = np.eye(n_items, dtype=bool)
    low, high = np.array(dense).T
    paired[low, high] = paired[high, low] = True
    pairs = list(dense)
    degree = paired.sum(1)  # and one more, for the item itself
    while len(pairs) < budget:
        item = rng.choice(np.flatnonzero(degree == degree.min()))
        far = np.flatnonzero(~paired[paired[item]].any(0))  # beyond those whom its opponents met
        other = rng.choice(far if far.size else np.flatnonzero(~paired[item]))
        paired[item, other] = paired[other, item] = True
        degree[[item, other]] += 1
        pairs.append((int(min(item, other)), int(max(item, other))))
    return np.array(pairs, dtype=int)


def graph_diameter(pairs: NDArray, n_items: int) -> float:
    """Longest shortest path of the comparison graph, in steps; infinite where it is disconnected.

    Parameters
    ----------
    pairs : ndarray of int, shape (m, 2)
    n_items : int

    Returns
    -------
    float

    Examples
    --------
    >>> graph_diameter(np.array([[0, 1], [1, 2]]), 3)
    2.0
    """
    paired = np.zeros((n_items, n_items), dtype=bool)
    paired[pairs[:, 0], pairs[:, 1]] = True
    return float(shortest_path(paired, directed=False, unweighted=True).max())
