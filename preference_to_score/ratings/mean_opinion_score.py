"""Mean opinion scores: the mean rating of each item, plain, normalised by rater, or after subject rejection."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from ..arrays import Floats, in_parts
from .rating_normalisation import bias_removed, per_item_mean, rater_levels, z_scored
from .ratings import Ratings
from .subject_rejection import SubjectRejection, reject_subjects


@dataclass(frozen=True)
class MeanOpinionScore:
    """Mean ratings.

    Attributes
    ----------
    items : tuple
    scores : ndarray, shape (n,)
        Mean over raters of each rater's mean rating of the item (over all ratings where repeats count); NaN for an item
        that nobody rated. Rating units; standard deviations for z-scores.
    standard_errors : ndarray, shape (n,)
        See `errors`. NaN below two raters.
    raters : ndarray of int, shape (n,)
        How many rated the item, rejected raters not counted.
    unrated : tuple
        Items that nobody rated, or only rejected raters.
    normalise : {None, "bias", "z"}
    errors : {"centred", "plain"}
        ``"centred"``: of the item's place among the items: spread over raters after each rater's mean is removed, divided
        by the root of their number. ``"plain"``: spread over raters as they stand, divided by the same.
    repeats : {"average", "count"}
    rejection : SubjectRejection or None
        Who was rejected and why; None where rejection was not asked for.
    """

    items: tuple[Hashable, ...]
    scores: Floats
    standard_errors: Floats
    raters: NDArray[np.int_]
    unrated: tuple[Hashable, ...]
    normalise: str | None = None
    errors: str = "centred"
    repeats: str = "average"
    rejection: SubjectRejection | None = None


def mean_opinion_score(
    ratings: Ratings,
    *,
    normalise: Literal["bias", "z"] | None = None,
    reject: Literal["bt500"] | None = None,
    errors: Literal["centred", "plain"] = "centred",
    repeats: Literal["average", "count"] = "average",
) -> MeanOpinionScore:
    """Mean rating of each item, by default with the error that is left once each rater's own mean is removed.

    Parameters
    ----------
    ratings : Ratings
    normalise : {None, "bias", "z"}
        ``"bias"`` takes each rater's bias out first (see `bias_removed`), ``"z"`` the spread as well (`z_scored`). With a
        complete table removing the bias leaves the scores as they are.
    reject : {None, "bt500"}
        Leave raters out by the rule of ITU-R BT.500 (`reject_subjects`), applied to the normalised ratings, once.
    errors : {"centred", "plain"}
        ``"centred"`` suits comparisons between items judged by one panel; ``"plain"`` is the textbook's standard error of
        a mean, which takes severity for noise.
    repeats : {"average", "count"}
        A rater's repeated ratings of an item are averaged and weigh as one, or each counts. Either way the standard errors
        take a rater's ratings of an item as one.

    Returns
    -------
    MeanOpinionScore

    Raises
    ------
    ValueError
        If a choice is unknown, fewer than two raters would be left, or a rater has no z-scores.

    References
    ----------
    ITU-R BT.500-14 (2019); ITU-T P.913 (2021); ITU-T P.910.

    Examples
    --------
    >>> marks = Ratings.from_arrays([0, 1, 0, 1], ["x", "x", "y", "y"], [3, 5, 5, 7])
    >>> mos = mean_opinion_score(marks)
    >>> mos.scores, mos.standard_errors
    (array([4., 6.]), array([0., 0.]))
    >>> mean_opinion_score(marks, errors="plain").standard_errors
    array([1., 1.])
    """
    for name, given, known in (
        ("normalise", normalise, (None, "bias", "z")),
        ("reject", reject, (None, "bt500")),
        ("errors", errors, ("centred", "plain")),
        ("repeats", repeats, ("average", "count")),
    ):
        if given not in known:
            raise ValueError(f"{name} must be one of {', '.join(map(repr, known))}, not {given!r}")
    rows = averaged(ratings) if repeats == "average" else ratings
    rows = {None: lambda same: same, "bias": bias_removed, "z": z_scored}[normalise](rows)
    rejection = None
    if reject == "bt500":
        rejection = reject_subjects(rows)
        rows = _without(rows, rejection.rejected)
    seen = rows.counts() > 0
    if repeats == "average" and errors == "centred":
        scores, standard_errors = (value[0] for value in weighted_scores(rows.table(), np.ones((1, len(seen)))))
    else:
        scores = per_item_mean(rows)
        level = rater_levels(rows, scores) if errors == "centred" else np.zeros(len(rows.raters))
        standard_errors = _clustered(rows, rows.value - level[rows.rater])
    missing = tuple(item for item, rated in zip(ratings.items, seen.any(0), strict=True) if not rated)
    return MeanOpinionScore(
        ratings.items, scores, standard_errors, seen.sum(0), missing, normalise, errors, repeats, rejection
    )


def averaged(ratings: Ratings) -> Ratings:
    """One rating for each rater and item: the mean of those that there are; `ratings` itself where nothing repeats.

    Examples
    --------
    >>> averaged(Ratings.from_arrays([0, 0, 1], ["x", "x", "x"], [1, 2, 3])).value
    array([1.5, 3. ])
    """
    if ratings.counts().max() <= 1:
        return ratings
    table = ratings.table()
    rater, item = np.nonzero(~np.isnan(table))
    return Ratings(ratings.items, ratings.raters, item, rater, table[rater, item])


def _without(ratings: Ratings, rejected: tuple[Hashable, ...]) -> Ratings:
    out = np.array([name in set(rejected) for name in ratings.raters], dtype=bool)
    stay = ~out[ratings.rater]
    return Ratings(ratings.items, ratings.raters, ratings.item[stay], ratings.rater[stay], ratings.value[stay])


def _clustered(ratings: Ratings, value: NDArray) -> NDArray[np.float64]:
    """Error of each item's mean of `value`, over raters: a rater's ratings of an item go together."""
    shape = (len(ratings.raters), len(ratings.items))
    counts = ratings.counts()
    total, raters = counts.sum(0), (counts > 0).sum(0)
    mean = np.bincount(ratings.item, value, shape[1]) / np.maximum(total, 1)
    cell = ratings.rater * shape[1] + ratings.item
    moved = np.bincount(cell, value - mean[ratings.item], counts.size).reshape(shape)
    variance = (moved**2).sum(0) / np.maximum(total, 1) ** 2 * raters / np.maximum(raters - 1, 1)
    return np.where(raters > 1, np.sqrt(variance), np.nan)


def weighted_means(table: NDArray, weights: NDArray) -> NDArray[np.float64]:
    """Mean opinion scores under many weightings of the raters, without errors.

    Parameters
    ----------
    table : ndarray, shape (J, n)
        Ratings, NaN where missing.
    weights : ndarray, shape (R, J)
        How often each rater counts.

    Returns
    -------
    ndarray, shape (R, n)
        NaN where nothing is left.

    Examples
    --------
    >>> weighted_means(np.array([[1.0, 3.0], [2.0, 6.0]]), np.array([[2.0, 0.0]]))
    array([[1., 3.]])
    """
    there = ~np.isnan(table)
    with np.errstate(invalid="ignore", divide="ignore"):
        return weights @ np.where(there, table, 0.0) / (weights @ there.astype(float))


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
    count, scores = weights @ there.astype(float), weighted_means(table, weights)
    rater, item = np.nonzero(there)
    cells = np.arange(rater.size)
    of_raters, of_items = (
        csr_array((np.ones(cells.size), (whose, cells)), shape=(many, cells.size))
        for whose, many in zip((rater, item), table.shape, strict=True)
    )
    variance = np.empty(scores.shape)
    for some in in_parts(len(weights), cells.size):
        own = weights[some, rater].T  # (C, R)
        # A rater who does not count may have rated items that nobody else did: these have no score, so no level follows from
        # them, and 0 times what is not there would be no number. So such cells are left out, not multiplied by 0.
        apart = np.where(own > 0, table[rater, item][:, None] - scores[some, item].T, 0.0)
        # With a complete table removing a rater's mean is the two-way residual; with missing ratings the rater's mean
        # must be judged on the items that the rater saw, so it is the mean distance to those items' scores.
        level = (of_raters @ apart) / np.maximum(there.sum(1), 1)[:, None]
        apart = np.where(own > 0, apart - level[rater], 0.0)
        with np.errstate(invalid="ignore", divide="ignore"):
            mean = (of_items @ (own * apart)) / count[some].T
            squares = of_items @ (own * np.where(own > 0, apart - mean[item], 0.0) ** 2)
            variance[some] = np.where(count[some] > 1, squares.T / (count[some] - 1) / count[some], np.nan)
    return scores, np.sqrt(variance)
