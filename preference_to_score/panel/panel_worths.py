"""Log-worths of many parts of a panel at once: of each rater alone, of all the others, of every half."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..pairwise.newton_worths import fit_counts
from ..pairwise.pair_counts import PairCounts

PANEL_PRIOR_PRECISION = 0.1  # of the panel's worths that its own figures rest on; fixed, since orders move with it
DECIMALS = 9  # equal worths tie, whatever their last digits say


def panel_worths(
    counts: PairCounts,
    weights: NDArray,
    *,
    prior_precision: float = PANEL_PRIOR_PRECISION,
    start: NDArray | None = None,
) -> NDArray[np.float64]:
    """Bradley-Terry log-worths from the comparisons of several parts of a panel.

    Parameters
    ----------
    counts : PairCounts
        One row per rater, ties as half a win for either side.
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
    >>> from ..pairwise.pair_counts import count_pairs
    >>> games = Comparisons.from_arrays([0, 0], [1, 1], [1, 0], rater=["x", "y"])
    >>> panel_worths(count_pairs(games, ties="half", by_rater=True), np.array([[1, 0], [1, 1]])).round(2) + 0.0
    array([[ 1.06, -1.06],
           [ 0.  ,  0.  ]])
    """
    if not prior_precision > 0:
        raise ValueError(
            f"prior_precision must be above 0, not {prior_precision}: a part of a panel need not order all"
        )
    weighted = counts.weighted(np.asarray(weights, dtype=float))
    return fit_counts(weighted, prior_precision, start=start).theta.round(DECIMALS)
