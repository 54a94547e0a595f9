"""ICC(2,1) and ICC(2,k): how far a rating, and the mean of k ratings, is the item's and not the rater's."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.stats import f as fisher

from ..ratings.ratings import Ratings
from .variance_components import VarianceComponents, variance_components


@dataclass(frozen=True)
class IntraclassCorrelation:
    """Two-way random effects, absolute agreement: raters are a sample, and their bias counts as error.

    Attributes
    ----------
    single, single_low, single_high : float
        ICC(2,1), for one rating by one rater.
    mean, mean_low, mean_high : float
        ICC(2,k), for the mean over a panel of k raters.
    k : float
        Raters of an item; their harmonic mean where ratings are missing.
    level : float
        Nominal coverage of the intervals.
    components : VarianceComponents
    """

    single: float
    single_low: float
    single_high: float
    mean: float
    mean_low: float
    mean_high: float
    k: float
    level: float
    components: VarianceComponents


def intraclass_correlation(ratings: Ratings, *, level: float = 0.95) -> IntraclassCorrelation:
    """ICC(2,1) and ICC(2,k) of Shrout and Fleiss, ICC(A,1) and ICC(A,k) of McGraw and Wong.

    From the variance components, ICC(2,1) = item / (item + rater + rest), and ICC(2,k) divides rater and rest by k. The
    intervals are McGraw and Wong's from F, with Satterthwaite's degrees of freedom. Missing ratings are handled by
    `variance_components` (Henderson's third method); the intervals then take the mean squares of a complete table with the
    same components and the harmonic mean numbers of ratings, which is an approximation.

    Parameters
    ----------
    ratings : Ratings
        Repeats by the same rater are averaged first.
    level : float
        Nominal coverage of the intervals.

    Returns
    -------
    IntraclassCorrelation

    Raises
    ------
    ValueError
        If the ratings do not vary, the level is not between 0 and 1, or as for `variance_components`.

    References
    ----------
    Shrout and Fleiss (1979), Psychological Bulletin 86, 420-428. McGraw and Wong (1996), Psychological Methods 1, 30-46.

    Examples
    --------
    >>> table = np.array([[9, 6, 8, 7, 10, 6], [2, 1, 4, 1, 5, 2], [5, 3, 6, 2, 6, 4], [8, 2, 8, 6, 9, 7]])
    >>> rater, item = np.indices(table.shape)
    >>> icc = intraclass_correlation(Ratings.from_arrays(item.ravel(), rater.ravel(), table.ravel()))
    >>> round(icc.single, 2), round(icc.mean, 2)  # printed by Shrout and Fleiss, table 4
    (0.29, 0.62)
    """
    if not 0 < level < 1:
        raise ValueError(f"level must be between 0 and 1, not {level}")
    table = ratings.table()
    rater, item = np.nonzero(~np.isnan(table))
    once = Ratings(ratings.items, ratings.raters, item, rater, table[rater, item])
    parts = variance_components(once)
    if parts.total <= 0:
        raise ValueError("the ratings do not vary: there is nothing to agree on")
    counts = once.counts()
    k = _harmonic(counts[:, counts.any(0)].sum(0))
    n = _harmonic(counts[counts.any(1)].sum(1))
    single = parts.item / parts.total
    low, high = _interval(parts, k, n, level)
    return IntraclassCorrelation(
        single=single,
        single_low=low,
        single_high=high,
        mean=_of_mean(single, k),
        mean_low=_of_mean(low, k),
        mean_high=_of_mean(high, k),
        k=k,
        level=level,
        components=parts,
    )


def _harmonic(counts: np.ndarray) -> float:
    return float(1 / (1 / counts).mean())


def _of_mean(single: float, k: float) -> float:
    """From one rating to the mean of k: both the rater's bias and the rest shrink by k."""
    return k * single / (1 + (k - 1) * single)


def _interval(parts: VarianceComponents, k: float, n: float, level: float) -> tuple[float, float]:
    """McGraw and Wong's interval of ICC(A,1), from the mean squares of items, raters and the rest."""
    rest = parts.within
    items, raters = rest + k * parts.item, rest + n * parts.rater
    single = parts.item / parts.total
    if single >= 1:
        return 1.0, 1.0
    a = k * single / (n * (1 - single))
    b = 1 + a * (n - 1)
    freedom = (a * raters + b * rest) ** 2 / ((a * raters) ** 2 / (k - 1) + (b * rest) ** 2 / ((n - 1) * (k - 1)))
    upper = 0.5 + level / 2
    down, up = fisher.ppf(upper, n - 1, freedom), fisher.ppf(upper, freedom, n - 1)
    error = k * raters + (k * n - k - n) * rest
    low = n * (items - down * rest) / (down * error + n * items)
    high = n * (up * items - rest) / (error + n * up * items)
    return float(low), float(high)
