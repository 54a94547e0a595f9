"""Two lines that a score is compared with: what one expert reaches, and what the panel's own noise allows."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..arrays import Floats
from ..pairwise.comparisons import Comparisons
from ..pairwise.rater_counts import count_by_rater
from ..ranks import srcc_of_estimates
from ..ratings.mean_opinion_score import weighted_means
from ..ratings.ratings import Ratings
from .bootstrap import expert_resamples, kept_resamples, resampled_errors
from .panel_worths import panel_worths, worths_of_each

LEAST_ITEMS = 5
REFERENCES = ("ratings", "preferences", "both")


@dataclass(frozen=True)
class SingleExpert:
    """SRCC of one expert with the scores of all the others; rows in the order of `raters`, NaN where there is none.

    Columns are what the others' scores are made of: their ratings (mean opinion scores), their preferences (Bradley-Terry
    log-worths), and both (the mean of the two, each brought to mean 0 and standard deviation 1).

    Attributes
    ----------
    raters : tuple
    of_ratings : ndarray, shape (J, 3)
        The expert's own ratings against the others' scores.
    of_preferences : ndarray, shape (J, 3)
        The expert's own Bradley-Terry log-worths against the same.
    """

    raters: tuple[Hashable, ...]
    of_ratings: Floats
    of_preferences: Floats


def single_expert_lines(comparisons: Comparisons | None, ratings: Ratings | None) -> SingleExpert:
    """How well one expert's judgments order the items, against the scores of the other experts.

    An expert who is part of a score cannot be measured against it, so each is left out in turn.

    Parameters
    ----------
    comparisons : Comparisons or None
        With raters; a tie is half a win for either side.
    ratings : Ratings or None
        Of the same items, in the same order.

    Returns
    -------
    SingleExpert
        Raters of both tables, sorted where the tables name different ones.

    Raises
    ------
    ValueError
        If there is neither table, no raters are named, there is only one, or the tables' items differ.

    Examples
    --------
    >>> item, rater = np.tile(range(6), 3), np.repeat(list("xyz"), 6)
    >>> marks = Ratings.from_arrays(item, rater, item + np.where(rater == "z", item % 2, 0))
    >>> single_expert_lines(None, marks).of_ratings[:, 0].round(2)
    array([1.  , 1.  , 0.97])
    """
    raters, items = _raters_and_items(comparisons, ratings)
    j = len(raters)
    own = np.full((2, j, items), np.nan)
    rest = own.copy()
    position = {name: place for place, name in enumerate(raters)}
    if ratings is not None:
        place = [position[name] for name in ratings.raters]
        table = ratings.table()
        own[0, place] = table
        rest[0] = weighted_means(table, 1 - np.eye(j)[:, place])
    if comparisons is not None:
        counts = count_by_rater(comparisons, ties="half")
        place = [position[name] for name in comparisons.raters]
        others = 1 - np.eye(j)[:, place]
        seen = np.zeros((counts.n_raters, items))
        seen[comparisons.rater, comparisons.first] = seen[comparisons.rater, comparisons.second] = 1
        own[1, place] = np.where(seen > 0, worths_of_each(counts), np.nan)
        rest[1] = np.where(others @ seen > 0, panel_worths(counts, others), np.nan)
    references = [rest[0], rest[1], (standardised(rest[0]) + standardised(rest[1])) / 2]
    lines = np.array(
        [
            [[srcc_of_estimates(one[k], other[k], least=LEAST_ITEMS) for other in references] for k in range(j)]
            for one in own
        ]
    )
    return SingleExpert(raters, lines[0], lines[1])


def root_reliability(mean_squared_error: NDArray, variance: NDArray) -> NDArray[np.float64]:
    """The most that a correlation with scores of this error and spread should reach: sqrt(1 - mean se^2 / Var).

    Parameters
    ----------
    mean_squared_error, variance : ndarray
        Of the same shape.

    Returns
    -------
    ndarray
        0 where the errors are as large as the spread; NaN where there is no spread.

    Examples
    --------
    >>> root_reliability(np.array([0.19, 2.0]), np.array([1.0, 1.0])).round(6)
    array([0.9, 0. ])
    """
    with np.errstate(invalid="ignore", divide="ignore"):
        reliability = 1 - mean_squared_error / variance
    return np.where(variance > 0, np.sqrt(np.maximum(reliability, 0.0)), np.nan)


def ceiling_of_scores(scores: ArrayLike, errors: ArrayLike) -> float:
    """Square root of the scores' reliability, 1 - mean se^2 / Var: what a correlation with them should not exceed.

    Parameters
    ----------
    scores : array_like, shape (n,)
    errors : array_like, shape (n,)
        Standard errors of a score's place among the others (resamples centred over the items).

    Returns
    -------
    float
        0 where the errors are as large as the spread; NaN where the scores do not vary.

    Raises
    ------
    ValueError
        If the shapes differ.

    References
    ----------
    Spearman (1904), American Journal of Psychology 15, 72-101: a correlation with a measure of reliability rho is at most
    the root of rho.

    Examples
    --------
    >>> scores = np.arange(10.0)
    >>> round(ceiling_of_scores(scores, np.full(10, scores.std(ddof=1) / 2)) ** 2, 6)
    0.75
    """
    scores, errors = np.asarray(scores, dtype=float), np.asarray(errors, dtype=float)
    if scores.shape != errors.shape or scores.ndim != 1:
        raise ValueError(f"scores and errors must be of one length, got {scores.shape} and {errors.shape}")
    return float(root_reliability((errors**2).mean(), scores.var(ddof=1)))


noise_ceiling = ceiling_of_scores  # its name until 0.1: code that imports it goes on working


def ceiling_of_ratings(ratings: Ratings) -> float:
    """Noise ceiling of mean opinion scores, from the enumerated resamples of the raters.

    Parameters
    ----------
    ratings : Ratings
        Items that some resample leaves unrated are left out; resamples of raters who did not rate at all are not used.

    Returns
    -------
    float
        NaN where fewer than two items are left.

    Raises
    ------
    ValueError
        With fewer than two raters.

    Examples
    --------
    >>> marks = Ratings.from_arrays(list("abcabc"), list("xxxyyy"), [1, 5, 9, 2, 5, 9])
    >>> round(ceiling_of_ratings(marks), 3)
    0.998
    """
    table = ratings.table()
    every = expert_resamples(len(table))
    resamples, _ = kept_resamples(every, every.counts @ (~np.isnan(table)).any(1) > 0)
    drawn = weighted_means(table, resamples.counts)
    kept = ~np.isnan(drawn).any(0)
    if kept.sum() < 2:
        return float("nan")
    drawn = drawn[:, kept]
    errors = resampled_errors(drawn - drawn.mean(1, keepdims=True), resamples)
    return ceiling_of_scores(weighted_means(table, np.ones((1, len(table))))[0, kept], errors)


def ceiling_of_preferences(comparisons: Comparisons) -> float:
    """Noise ceiling of the panel's Bradley-Terry log-worths, from the enumerated resamples of the raters.

    Parameters
    ----------
    comparisons : Comparisons
        With raters; a tie is half a win for either side. Resamples of raters who did not compare at all are not used.

    Returns
    -------
    float

    Raises
    ------
    ValueError
        If no raters are named or there are fewer than two.

    Examples
    --------
    >>> first, second = np.tile(np.triu_indices(6, 1), 3)
    >>> games = Comparisons.from_arrays(first, second, np.ones(45), rater=np.repeat([0, 1, 2], 15))
    >>> round(ceiling_of_preferences(games), 6)
    1.0
    """
    if not comparisons.raters:
        raise ValueError("these comparisons name no raters")
    every = expert_resamples(len(comparisons.raters))
    judged = np.bincount(comparisons.rater, minlength=len(comparisons.raters))
    resamples, _ = kept_resamples(every, every.counts @ judged > 0)
    counts = count_by_rater(comparisons, ties="half")
    panel = panel_worths(counts, np.ones((1, len(comparisons.raters))))[0]
    drawn = panel_worths(counts, resamples.counts, start=panel)
    return ceiling_of_scores(panel, resampled_errors(drawn - drawn.mean(1, keepdims=True), resamples))


def standardised(scores: NDArray) -> NDArray[np.float64]:
    """Bring every row to mean 0 and standard deviation 1, over the items that have a score.

    Parameters
    ----------
    scores : ndarray, shape (R, n)
        NaN where there is none.

    Returns
    -------
    ndarray, shape (R, n)
        A row that does not vary is NaN.

    Examples
    --------
    >>> standardised(np.array([[1.0, 2.0, 3.0, np.nan]])).round(4)
    array([[-1.2247,  0.    ,  1.2247,     nan]])
    """
    there = ~np.isnan(scores)
    count = np.maximum(there.sum(1, keepdims=True), 1)
    centred = scores - np.where(there, scores, 0).sum(1, keepdims=True) / count
    spread = np.sqrt(np.where(there, centred**2, 0).sum(1, keepdims=True) / count)
    return np.where(spread > 0, centred / np.where(spread > 0, spread, 1), np.nan)


def _raters_and_items(comparisons: Comparisons | None, ratings: Ratings | None) -> tuple[tuple[Hashable, ...], int]:
    tables = [table for table in (comparisons, ratings) if table is not None]
    if not tables:
        raise ValueError("there are neither comparisons nor ratings")
    if comparisons is not None and not comparisons.raters:
        raise ValueError("these comparisons name no raters")
    if tables[0].items != tables[-1].items:
        raise ValueError("comparisons and ratings must list the same items, in the same order")
    raters = tables[0].raters
    if raters != tables[-1].raters:
        raters = tuple(sorted({*raters, *tables[-1].raters}))
    if len(raters) < 2:
        raise ValueError(f"only one expert ({raters[0]!r}): there are no others to measure against")
    return raters, len(tables[0].items)
