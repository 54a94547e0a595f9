"""Mean opinion scores: the plain mean rating of each item."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .ratings import Ratings


@dataclass(frozen=True)
class MeanOpinionScore:
    """Mean ratings.

    Attributes
    ----------
    items : tuple
    scores : ndarray, shape (n,)
        Mean over raters of each rater's mean rating of the item; NaN for an item that nobody rated.
    standard_errors : ndarray, shape (n,)
        Of the item's place among the items: spread over raters after each rater's mean is removed, divided by the
        root of their number. NaN below two raters.
    raters : ndarray of int, shape (n,)
        How many rated the item.
    unrated : tuple
        Items that nobody rated.
    """

    items: tuple[Hashable, ...]
    scores: NDArray[np.float64]
    standard_errors: NDArray[np.float64]
    raters: NDArray[np.int_]
    unrated: tuple[Hashable, ...]


def mean_opinion_score(ratings: Ratings) -> MeanOpinionScore:
    """Mean rating of each item, with the error that is left once each rater's own mean is removed.

    Parameters
    ----------
    ratings : Ratings

    Returns
    -------
    MeanOpinionScore

    References
    ----------
    ITU-R BT.500; the removal of a rater's mean as in ITU-T P.910 (subject bias).

    Examples
    --------
    >>> mos = mean_opinion_score(Ratings.from_arrays([0, 1, 0, 1], ["x", "x", "y", "y"], [3, 5, 5, 7]))
    >>> mos.scores, mos.standard_errors
    (array([4., 6.]), array([0., 0.]))
    """
    table = ratings.table()
    scores, errors = weighted_scores(table, np.ones((1, table.shape[0])))
    counts = (~np.isnan(table)).sum(0)
    missing = tuple(item for item, count in zip(ratings.items, counts, strict=True) if count == 0)
    return MeanOpinionScore(ratings.items, scores[0], errors[0], counts, missing)


def weighted_scores(table: NDArray, weights: NDArray) -> tuple[NDArray, NDArray]:
    """Mean opinion scores under many weightings of the raters.

    Parameters
    ----------
    table : ndarray, shape (J, n)
        Ratings, NaN where missing.
    weights : ndarray, shape (R, J)
        How often each rater counts.

    Returns
    -------
    scores, standard_errors : ndarray, shape (R, n)
        NaN where nothing, or a single rater, is left.

    Examples
    --------
    >>> weighted_scores(np.array([[1.0, 3.0], [2.0, 6.0]]), np.array([[2.0, 0.0]]))[0]
    array([[1., 3.]])
    """
    there = ~np.isnan(table)
    filled = np.where(there, table, 0.0)
    count = weights @ there
    with np.errstate(invalid="ignore", divide="ignore"):
        scores = weights @ filled / count
        # With a complete table removing a rater's mean is the two-way residual; with missing ratings the rater's mean
        # must be judged on the items that the rater saw, so it is the mean distance to those items' scores.
        level = (np.where(there, table - scores[:, None], 0.0)).sum(-1) / there.sum(-1)
        deviation = np.where(there, table - level[..., None] - scores[:, None], 0.0)
        mean = (weights[..., None] * deviation).sum(1) / count
        squares = (weights[..., None] * np.where(there, (deviation - mean[:, None]) ** 2, 0.0)).sum(1)
        variance = np.where(count > 1, squares / (count - 1) / count, np.nan)
    return scores, np.sqrt(variance)
