"""When ties leave the maximum of the likelihood finite, in Thurstone's model with a threshold and in Davidson's.

Ties hold items together in Ford's condition, but not if the threshold may grow along with the scores: where no wins
contradict one another and every tie spans less than every win, (scores, threshold) can be stretched without end and
the likelihood only rises. In Davidson's model twice the log of nu takes the threshold's place, with the same result.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import NegativeCycleError, bellman_ford, connected_components

from .pair_counts import PairCounts


def check_ties_bounded(counts: PairCounts) -> None:
    """Refuse comparisons whose scores and tie threshold could grow together without end.

    Parameters
    ----------
    counts : PairCounts
        With one row of counts, ties as answers of their own.

    Raises
    ------
    ValueError
        If it is so.

    Examples
    --------
    >>> from ppaint.preference_to_score import Comparisons
    >>> from ppaint.preference_to_score.pairwise.pair_counts import count_pairs
    >>> games = Comparisons.from_arrays(list("abc"), list("bca"), [1, 0.5, 0.5])
    >>> check_ties_bounded(count_pairs(games))
    Traceback (most recent call last):
    ...
    ValueError: the maximum likelihood does not exist: no wins contradict one another, so that scores and tie threshold \
can grow together without end; give a prior_precision above 0 or ask for ties='half'
    """
    won, lost, tied = counts.wins[0] > 0, counts.losses[0] > 0, counts.ties[0] > 0
    rows = np.concatenate([counts.first[won], counts.second[lost]])
    columns = np.concatenate([counts.second[won], counts.first[lost]])
    graph = coo_array((np.ones(rows.size), (rows, columns)), shape=(counts.n_items, counts.n_items)).tocsr()
    cycles = connected_components(graph, directed=True, connection="strong")[0] < counts.n_items
    if tied.any() and not cycles and _stretches(counts, won, lost, tied):
        raise ValueError(
            "the maximum likelihood does not exist: no wins contradict one another, so that scores and tie threshold "
            "can grow together without end; give a prior_precision above 0 or ask for ties='half'"
        )


def _stretches(counts: PairCounts, won: NDArray, lost: NDArray, tied: NDArray) -> bool:
    """Can all wins be at least 1 apart and all ties at most 1? Then (scores, delta) can be stretched along that."""
    a, b = counts.first, counts.second
    rows = np.concatenate([a[won], b[lost], a[tied & ~won], b[tied & ~lost]])
    columns = np.concatenate([b[won], a[lost], b[tied & ~won], a[tied & ~lost]])
    decisive = won.sum() + lost.sum()
    reach = np.concatenate([-np.ones(decisive), np.ones(rows.size - decisive)])
    n = counts.n_items
    source = np.full(n, n), np.arange(n), np.full(n, 1e-9)  # reaches every item; a weight of 0 would be no edge
    edges = (np.concatenate([rows, source[0]]), np.concatenate([columns, source[1]]))
    graph = coo_array((np.concatenate([reach, source[2]]), edges), shape=(n + 1, n + 1)).tocsr()
    try:
        bellman_ford(graph, indices=n)
    except NegativeCycleError:
        return False
    return True
