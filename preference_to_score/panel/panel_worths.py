"""Log-worths of many parts of a panel at once: of each rater alone, of all the others, of every half."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..arrays import in_parts
from ..pairwise.few_items import TABLE_UP_TO, fit_table
from ..pairwise.newton_worths import fit_counts
from ..pairwise.pair_counts import PairCounts
from ..pairwise.rater_counts import RaterCounts

PANEL_PRIOR_PRECISION = 0.1  # of the panel's worths that its own figures rest on; fixed, since orders move with it
DECIMALS = 9  # equal worths tie, whatever their last digits say


def panel_worths(
    counts: PairCounts | RaterCounts,
    weights: NDArray,
    *,
    prior_precision: float = PANEL_PRIOR_PRECISION,
    start: NDArray | None = None,
) -> NDArray[np.float64]:
    """Bradley-Terry log-worths from the comparisons of several parts of a panel.

    Parameters
    ----------
    counts : PairCounts or RaterCounts
        Of each rater, ties as half a win for either side.
    weights : ndarray, shape (R, J)
        How often each rater counts in each part.
    prior_precision : float
        Of the Gaussian prior on the log-worths. It alone places items that a part did not compare, in the middle.
    start : ndarray, shape (n,), optional
        Log-worths to start from.

    Returns
    -------
    ndarray, shape (R, n)
        Rounded to nine decimals.

    Raises
    ------
    ValueError
        If the prior is not above 0: a part of a panel need not order all items.

    Examples
    --------
    >>> from ..pairwise.comparisons import Comparisons
    >>> from ..pairwise.rater_counts import count_by_rater
    >>> games = Comparisons.from_arrays([0, 0], [1, 1], [1, 0], rater=["x", "y"])
    >>> panel_worths(count_by_rater(games, ties="half"), np.array([[1, 0], [1, 1]])).round(2) + 0.0
    array([[ 1.06, -1.06],
           [ 0.  ,  0.  ]])
    """
    if not prior_precision > 0:
        raise ValueError(
            f"prior_precision must be above 0, not {prior_precision}: a part of a panel need not order all"
        )
    weights = np.asarray(weights, dtype=float)
    found = np.empty((len(weights), counts.n_items))
    for some in in_parts(len(weights), counts.first.size):
        found[some] = fit_counts(counts.weighted(weights[some]), prior_precision, start=start).theta
    return found.round(DECIMALS)


def worths_of_each(counts: RaterCounts, *, prior_precision: float = PANEL_PRIOR_PRECISION) -> NDArray[np.float64]:
    """Bradley-Terry log-worths from each rater's comparisons alone.

    Parameters
    ----------
    counts : RaterCounts
        Ties as half a win for either side.
    prior_precision : float
        Of the Gaussian prior on the log-worths, above 0.

    Returns
    -------
    ndarray, shape (J, n)
        Rounded to nine decimals; 0, the middle, for items that a rater did not compare.

    Examples
    --------
    >>> from ..pairwise.comparisons import Comparisons
    >>> from ..pairwise.rater_counts import count_by_rater
    >>> games = Comparisons.from_arrays([0, 1], [1, 2], [1, 0], rater=["x", "y"])
    >>> worths_of_each(count_by_rater(games, ties="half")).round(2)
    array([[ 1.06, -1.06,  0.  ],
           [ 0.  , -1.06,  1.06]])
    """
    found = np.zeros((counts.n_raters, counts.n_items))
    for rater, own in enumerate(counts.entries):
        pair = counts.pair[own]
        items, place = np.unique([counts.first[pair], counts.second[pair]], return_inverse=True)
        first, second = place.reshape(2, -1)
        wins, losses = counts.wins[own], counts.losses[own]
        table = np.zeros((items.size, items.size))
        table[first, second], table[second, first] = wins, losses
        fit = fit_table(table, prior_precision) if 0 < items.size <= TABLE_UP_TO else None
        if fit is not None:
            found[rater, items] = fit.theta
        elif items.size:  # many items, or worths too far apart for a table of their ratios
            alone = PairCounts(first, second, wins[None], np.zeros((1, wins.size)), losses[None], items.size)
            found[rater, items] = fit_counts(alone, prior_precision).theta[0]
    return found.round(DECIMALS)
