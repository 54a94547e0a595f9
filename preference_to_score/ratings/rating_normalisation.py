"""Ratings without their raters' severity (bias removed), or without severity and spread (z-scores)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .ratings import Ratings


def bias_removed(ratings: Ratings) -> Ratings:
    """Take each rater's bias out: the mean distance of the rater's ratings from their items' mean ratings.

    Parameters
    ----------
    ratings : Ratings

    Returns
    -------
    Ratings
        The same rows in the same order, still in units of the rating scale.

    References
    ----------
    ITU-T P.913 (removal of subject bias).

    Examples
    --------
    >>> bias_removed(Ratings.from_arrays([0, 1, 0, 1], ["x", "x", "y", "y"], [3, 5, 5, 7])).value
    array([4., 6., 4., 6.])
    """
    mean = per_item_mean(ratings)
    return _with_values(ratings, ratings.value - rater_levels(ratings, mean)[ratings.rater])


def z_scored(ratings: Ratings) -> Ratings:
    """Give each rater's ratings mean 0 and standard deviation 1 (N - 1).

    Parameters
    ----------
    ratings : Ratings
        Two ratings that differ by every rater who rated at all. Raters should have rated the same items, or items alike
        in quality: a rater who saw only good ones has them pulled to 0.

    Returns
    -------
    Ratings
        The same rows in the same order, in standard deviations.

    Raises
    ------
    ValueError
        If a rater gave only one rating, or only equal ones (the rater is named).

    References
    ----------
    van Dijk, Martens and Watson (1995), Quality assessment of coded images using numerical category scaling.

    Examples
    --------
    >>> z_scored(Ratings.from_arrays([0, 1, 2], ["x", "x", "x"], [3, 5, 7])).value
    array([-1.,  0.,  1.])
    """
    size = len(ratings.raters)
    count = np.bincount(ratings.rater, minlength=size)
    low, high = np.full(size, np.inf), np.full(size, -np.inf)
    np.minimum.at(low, ratings.rater, ratings.value)
    np.maximum.at(high, ratings.rater, ratings.value)
    for position in np.flatnonzero((count > 0) & (low == high)):
        raise ValueError(
            f"rater {ratings.raters[position]!r} gave no two different ratings and has no z-scores: leave the rater out, or "
            'use normalise="bias"'
        )
    mean = np.bincount(ratings.rater, ratings.value, size) / np.maximum(count, 1)
    distance = ratings.value - mean[ratings.rater]
    spread = np.sqrt(np.bincount(ratings.rater, distance**2, size) / np.maximum(count - 1, 1))
    return _with_values(ratings, distance / spread[ratings.rater])


def per_item_mean(ratings: Ratings) -> NDArray[np.float64]:
    """Mean of all ratings of each item, shape (n_items,); NaN where there is none.

    Parameters
    ----------
    ratings : Ratings

    Returns
    -------
    ndarray, shape (n_items,)

    Examples
    --------
    >>> per_item_mean(Ratings.from_arrays(["a", "a", "b"], ["x", "y", "x"], [3, 4, 5]))
    array([3.5, 5. ])
    """
    size = len(ratings.items)
    count = np.bincount(ratings.item, minlength=size)
    total = np.bincount(ratings.item, ratings.value, size)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)


def rater_levels(ratings: Ratings, scores: NDArray) -> NDArray[np.float64]:
    """How far each rater's ratings lie above the scores of their items, on average.

    Parameters
    ----------
    ratings : Ratings
    scores : ndarray, shape (n_items,)

    Returns
    -------
    ndarray, shape (n_raters,)
        0 for a rater without ratings.

    Examples
    --------
    >>> rater_levels(Ratings.from_arrays([0, 1], ["x", "y"], [3, 5]), np.array([4, 4]))
    array([-1.,  1.])
    """
    size = len(ratings.raters)
    count = np.bincount(ratings.rater, minlength=size)
    return np.bincount(ratings.rater, ratings.value - scores[ratings.item], size) / np.maximum(count, 1)


def _with_values(ratings: Ratings, value: NDArray) -> Ratings:
    return Ratings(ratings.items, ratings.raters, ratings.item, ratings.rater, value)
