"""Ford's condition: when the maximum of the Bradley-Terry likelihood exists and is one point."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from .comparisons import Comparisons
from .connectivity import check_connected
from .few_items import TABLE_UP_TO
from .pair_counts import count_pairs
from .tie_condition import check_ties_bounded

SAMPLE_PER_ITEM = 20  # comparisons looked at first


def check_identified(comparisons: Comparisons, *, prior: bool) -> None:
    """Refuse comparisons that do not determine every log-worth.

    Parameters
    ----------
    comparisons : Comparisons
    prior : bool
        Whether a prior keeps the log-worths finite; then it is enough that the graph is connected.

    Raises
    ------
    ValueError
        If the comparison graph is disconnected; without a prior also if the items fall into groups of which one
        always beat the other.

    References
    ----------
    Ford (1957), American Mathematical Monthly 64, 28-33.

    Examples
    --------
    >>> check_identified(Comparisons.from_arrays(["a", "b"], ["b", "a"], [1, 1]), prior=False)
    >>> check_identified(Comparisons.from_arrays(["a", "b"], ["b", "c"], [1, 0.5]), prior=False)
    Traceback (most recent call last):
    ...
    ValueError: the maximum likelihood does not exist: the items fall into 2 groups that beat one another without \
exception (never lost: ('a',)); give a prior_precision above 0
    """
    if len(comparisons.items) <= TABLE_UP_TO:
        if _one_part(comparisons.credit_table, strong=not prior):
            return
    elif len(comparisons) > 4 * SAMPLE_PER_ITEM * len(comparisons.items):
        if _hangs_together(comparisons, strong=not prior):
            return
    parts = int(_parts(comparisons, strong=not prior).max()) + 1
    if parts > 1:
        check_connected(comparisons)
        named = [f"never won: {comparisons.never_won()}"] if comparisons.never_won() else []
        named += [f"never lost: {comparisons.never_lost()}"] if comparisons.never_lost() else []
        raise ValueError(
            f"the maximum likelihood does not exist: the items fall into {parts} groups that beat one another without "
            f"exception ({'; '.join(named) or 'no single item, a group of them'}); give a prior_precision above 0"
        )


def check_ties_finite(comparisons: Comparisons) -> None:
    """Refuse comparisons for which Davidson's tie parameter and the log-worths could grow together without end.

    Parameters
    ----------
    comparisons : Comparisons
        With ties as answers of their own; fulfilling Ford's condition.

    Raises
    ------
    ValueError
        If it is so: see `check_ties_bounded`, which is asked only where a look at some wins finds none that contradict
        one another.

    Examples
    --------
    >>> check_ties_finite(Comparisons.from_arrays(list("abca"), list("bcab"), [1, 0.5, 0.5, 0]))
    """
    tied = comparisons.outcome == 0.5
    if not tied.any():
        return
    decided = np.flatnonzero(~tied)
    some = decided[:: max(1, decided.size // (SAMPLE_PER_ITEM * len(comparisons.items)))]
    if _parts(comparisons.take(some), strong=True).max() + 1 == len(comparisons.items):
        check_ties_bounded(count_pairs(comparisons))


def _one_part(credit: NDArray, *, strong: bool) -> bool:
    """Whether every item is reached from the first along credits, and the first from every item."""
    ways = (credit, credit.T) if strong else (credit + credit.T,)
    for way in ways:
        reached, before = np.zeros(len(credit)), 0
        reached[0] = 1.0
        while (count := np.count_nonzero(reached)) > before:
            before, reached = count, np.sign(reached + reached @ way)
        if count < len(credit):
            return False
    return True


def _hangs_together(comparisons: Comparisons, *, strong: bool) -> bool:
    """Whether a part of the rows is enough to see that the graph is one: a sample, and all rows of what it leaves out.

    Sound, and quick where comparisons are many; where it says no, nothing is known.
    """
    rows = np.zeros(len(comparisons), dtype=bool)
    rows[:: len(comparisons) // (SAMPLE_PER_ITEM * len(comparisons.items))] = True
    label = _parts(comparisons.take(np.flatnonzero(rows)), strong=strong)
    left_out = label != np.bincount(label).argmax()
    if left_out.any():
        rows |= left_out[comparisons.first] | left_out[comparisons.second]
        label = _parts(comparisons.take(np.flatnonzero(rows)), strong=strong)
    return not label.any()


def _parts(comparisons: Comparisons, *, strong: bool) -> NDArray[np.int_]:
    """Label of each item's part in the graph with an edge from every side that gathered credit to the other."""
    up, down = comparisons.outcome > 0, comparisons.outcome < 1
    winner = np.concatenate([comparisons.first[up], comparisons.second[down]])
    loser = np.concatenate([comparisons.second[up], comparisons.first[down]])
    n = len(comparisons.items)
    # csgraph does not return from an adjacency with repeated entries: tocsr merges them
    graph = coo_array((np.ones(winner.size), (winner, loser)), shape=(n, n)).tocsr()
    return connected_components(graph, directed=strong, connection="strong")[1]
