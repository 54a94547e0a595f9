"""How far raters agree on the order of the items."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import rankdata

from .bradley_terry import bradley_terry
from .comparisons import Comparisons

PREFERENCE_PRIOR_PRECISION = 0.1  # of a rater's own worths; fixed, since Kendall's W moves with it


def kendalls_w(ranks: ArrayLike) -> float:
    """Kendall's coefficient of concordance, corrected for ties.

    With R_i the sum of the m raters' ranks of item i and T_j the sum of t^3 - t over the tied groups of rater j,
    W = 12 sum_i (R_i - mean R)^2 / (m^2 (n^3 - n) - m sum_j T_j).

    Parameters
    ----------
    ranks : array_like, shape (n_raters, n_items)
        Ranks, or scores that are ranked within each rater (ties share their mean rank).

    Returns
    -------
    float
        1 is full agreement, 1 / n_raters what raters without any give on average.

    Raises
    ------
    ValueError
        With fewer than two raters or items, a missing value, or if every rater gave all items the same rank.

    References
    ----------
    Kendall and Babington Smith (1939), Annals of Mathematical Statistics 10, 275-287.

    Examples
    --------
    >>> kendalls_w([[1, 2, 3], [1, 2, 3]])
    1.0
    >>> kendalls_w([[1, 2, 3], [3, 2, 1]])
    0.0
    """
    ranks = np.asarray(ranks, dtype=float)
    if ranks.ndim != 2 or min(ranks.shape) < 2:
        raise ValueError(f"Kendall's W needs at least two raters and two items, got an array of shape {ranks.shape}")
    if np.isnan(ranks).any():
        rater, item = np.argwhere(np.isnan(ranks))[0]
        raise ValueError(f"rater {rater} has no rank for item {item}: Kendall's W needs complete ranks")
    ranks = rankdata(ranks, axis=1)
    m, n = ranks.shape
    tied = sum(float((times**3 - times).sum()) for times in (np.unique(row, return_counts=True)[1] for row in ranks))
    most = m**2 * (n**3 - n) - m * tied
    if most <= 0:
        raise ValueError("every rater gave all items the same rank: there is no order to agree on")
    total = ranks.sum(0)
    return float(12 * ((total - total.mean()) ** 2).sum() / most)


def preference_ranks(
    comparisons: Comparisons, *, prior_precision: float = PREFERENCE_PRIOR_PRECISION
) -> NDArray[np.float64]:
    """Each rater's own order: ranks of the Bradley-Terry worths of that rater's comparisons alone.

    Parameters
    ----------
    comparisons : Comparisons
        With raters.
    prior_precision : float
        Of the Gaussian prior on the log-worths, above 0: some item wins all its few comparisons almost always.

    Returns
    -------
    ndarray, shape (n_raters, n_items)
        1 is the lowest worth.

    Raises
    ------
    ValueError
        If no raters are named, or the comparisons of one do not connect all items (named).

    Examples
    --------
    >>> games = Comparisons.from_arrays(list("aab"), list("bcc"), [1, 1, 0], rater=["x"] * 3)
    >>> preference_ranks(games)
    array([[3., 1., 2.]])
    """
    if not comparisons.raters:
        raise ValueError("these comparisons name no raters")
    ranks = []
    for position, name in enumerate(comparisons.raters):
        try:
            fit = bradley_terry(comparisons.of_rater(position), prior_precision=prior_precision)
        except ValueError as error:
            raise ValueError(f"rater {name!r}: {error}") from error
        ranks.append(rankdata(fit.log_worths.round(9)))  # equal worths tie, whatever the last digit says
    return np.array(ranks)
