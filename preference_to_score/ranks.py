"""Ranks of estimates: scores that are equal in theory tie, whatever the last digit of a computed one says."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike
from scipy.stats import rankdata

from .arrays import Floats

PLACES = 9  # decimals to which estimates are taken: fits end far below, and no two scores that differ are so near


def ranks_of_estimates(values: ArrayLike, axis: int | None = None) -> Floats:
    """Ranks of scores that were computed, and not given: ties share their mean rank.

    Two items that won and lost alike have the same worth, and a fit gives them worths that differ by rounding, which is
    another one when the items come in another order.

    Parameters
    ----------
    values : array_like
        Log-worths, or scores on a scale whose steps are far above 1e-9.
    axis : int, optional
        Along which they are ranked; all together by default.

    Returns
    -------
    ndarray
        1 is the lowest.

    Examples
    --------
    >>> ranks_of_estimates([0.1 + 0.2, 0.3, 0.1])  # the first two differ in the last digit
    array([2.5, 2.5, 1. ])
    """
    return rankdata(np.round(values, PLACES), axis=axis)


def srcc_of_estimates(one: ArrayLike, other: ArrayLike, *, least: int) -> float:
    """Spearman's rank correlation over the items that both sides have a score for.

    Parameters
    ----------
    one, other : array_like, shape (n,)
        As `ranks_of_estimates` takes them; NaN where there is none.
    least : int
        Items below which there is no figure.

    Returns
    -------
    float
        NaN with fewer items, or where a side is constant.

    Examples
    --------
    >>> round(srcc_of_estimates([0.1 + 0.2, 0.3, 0.1, np.nan], [2, 2, 1, 5], least=3), 9)
    1.0
    """
    one, other = np.asarray(one, dtype=float), np.asarray(other, dtype=float)
    both = ~np.isnan(one) & ~np.isnan(other)
    if both.sum() < least:
        return float("nan")
    ranks = ranks_of_estimates(np.stack([one[both], other[both]]), axis=1)
    if (np.ptp(ranks, axis=1) == 0).any():
        return float("nan")
    return float(np.corrcoef(ranks)[0, 1])
