"""Construction A: Bradley-Terry worths, likelihood first, then laid onto the rating scale by `rating_anchor`.

The anchor takes what experts differ by for noise, which widens the worths. Where an expert's answers run the other way, or
are given at random, they do the opposite: they draw the worths together, and taking them out as noise stretches A far
beyond the scale. Such a panel is known by its spread: without one expert or another the worths would be much wider or
narrower, which noise alone hardly does. So the error is taken out only where the spread itself is known well enough.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..arrays import Floats, in_parts
from ..pairwise.bradley_terry import BradleyTerryResult, bradley_terry
from ..pairwise.comparisons import Comparisons
from ..pairwise.davidson_model import answer_probabilities
from ..pairwise.newton_worths import WorthFits, fit_counts
from ..pairwise.rater_counts import RaterCounts, count_by_rater
from ..panel.bootstrap import Resamples
from ..ratings.mean_opinion_score import weighted_scores
from ..ratings.ratings import Ratings
from .rating_anchor import NO_SPREAD, anchor

FUSION_PRIOR_PRECISION = 0.1  # of the Gaussian prior on each log-worth
LARGEST_SPREAD_ERROR = 1 / 3  # of the spread of the worths; honest panels of 12 items: up to a quarter, mostly a tenth


@dataclass(frozen=True)
class WorthsOnScale:
    """Construction A and how it was obtained.

    Attributes
    ----------
    scores : ndarray, shape (n,)
        In rating units; not bounded by the rating scale.
    worths : BradleyTerryResult
        Errors clustered by expert.
    slope, intercept : float
        score = intercept + slope * log-worth.
    corrected : bool
        Whether the error was taken out of both spreads; False where too little would have been left, or the experts
        differ too much in the spread itself.
    spread_error : float
        Standard error of the worths' spread, as a share of it, from how differently the experts stretch them; NaN with a
        single expert who compared, or where the worths do not vary.
    pairs : RaterCounts
        What each expert answered on each pair.
    table : ndarray, shape (J, n)
        Ratings, NaN where missing.
    """

    scores: Floats
    worths: BradleyTerryResult
    slope: float
    intercept: float
    corrected: bool
    spread_error: float
    pairs: RaterCounts
    table: Floats


def worths_on_scale(comparisons: Comparisons, ratings: Ratings) -> WorthsOnScale:
    """Fit worths to the comparisons and anchor them in the ratings.

    Parameters
    ----------
    comparisons : Comparisons
        With raters; outcomes 1, 0.5 (tie, by Davidson's model) or 0; connected.
    ratings : Ratings
        Of the same items and raters, in the same order.

    Returns
    -------
    WorthsOnScale

    Raises
    ------
    ValueError
        If items or raters differ, fewer than two items are rated, the ratings do not vary, or the ratings run against
        the preferences (a reversed scale).

    Examples
    --------
    >>> games = Comparisons.from_arrays(list("aabaab"), list("bccbcc"), [1, 1, 1, 1, 1, 0], rater=list("xxxyyy"))
    >>> marks = Ratings.from_arrays(list("abcabc"), list("xxxyyy"), [5, 4, 2, 6, 3, 4])
    >>> worths_on_scale(games, marks).scores.round(1)
    array([5.5, 3.2, 3.2])
    """
    if comparisons.items != ratings.items or comparisons.raters != ratings.raters:
        raise ValueError("comparisons and ratings must list the same items and raters, in the same order")
    worths = bradley_terry(comparisons, prior_precision=FUSION_PRIOR_PRECISION, errors="sandwich", cluster="rater")
    table = ratings.table()
    scores, errors = weighted_scores(table, np.ones((1, len(table))))
    rated = ~np.isnan(scores[0])
    if rated.sum() < 2 or np.ptp(scores[0, rated]) == 0:
        raise ValueError("the mean ratings do not vary over the items: they cannot anchor a scale")
    correlation = float(np.corrcoef(scores[0, rated], worths.log_worths[rated])[0, 1])
    if correlation < 0:
        raise ValueError(
            f"the ratings run against the preferences (correlation {correlation:.2f} over {int(rated.sum())} items): "
            "is the rating scale reversed? Reversing it must be requested (ppaint build --reverse-ratings, or "
            "build_dataset(..., reverse_ratings=True))"
        )
    pairs = count_by_rater(comparisons)
    spread_error = _spread_error(worths, pairs)
    slope, intercept, corrected = anchor(
        worths.log_worths[None],
        worths.standard_errors[None],
        scores,
        errors,
        correct=not spread_error > LARGEST_SPREAD_ERROR,
    )
    return WorthsOnScale(
        scores=intercept[0] + slope[0] * worths.log_worths,
        worths=worths,
        slope=float(slope[0]),
        intercept=float(intercept[0]),
        corrected=bool(corrected[0]),
        spread_error=spread_error,
        pairs=pairs,
        table=table,
    )


def resampled_worths(fit: WorthsOnScale, resamples: Resamples) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Construction A in every resample of the experts, the tie parameter and the prior as for the full panel.

    Parameters
    ----------
    fit : WorthsOnScale
    resamples : Resamples

    Returns
    -------
    scores : ndarray, shape (R, n)
        Slope and intercept are estimated again in each resample; without taking out the error where that was not done for
        the full panel.
    corrected : ndarray of bool, shape (R,)
        As in `WorthsOnScale`.
    """
    log_tie = _log_tie(fit.worths)
    experts, n = resamples.counts.shape[1], fit.pairs.n_items
    theta, variance = np.empty((2, len(resamples.counts), n))
    for some in in_parts(len(theta), max(fit.pairs.first.size, n**2)):
        counts = resamples.counts[some]
        fits = fit_counts(
            fit.pairs.weighted(counts), FUSION_PRIOR_PRECISION, log_tie=log_tie, start=fit.worths.log_worths
        )
        theta[some] = fits.theta
        moved = _moved_by_experts(fits, fit.pairs, log_tie)
        squares = (count @ each**2 for count, each in zip(counts, moved, strict=True))
        variance[some] = np.stack([each * experts / (experts - 1) for each in squares])
    scores, errors = weighted_scores(fit.table, resamples.counts)
    slope, intercept, corrected = anchor(theta, np.sqrt(variance), scores, errors, correct=fit.corrected)
    return intercept[:, None] + slope[:, None] * theta, corrected


def reweighted_worths(fit: WorthsOnScale, weights: NDArray) -> NDArray[np.float64]:
    """Log-worths under other weights of the experts, the tie parameter and the prior as for the full panel.

    Parameters
    ----------
    fit : WorthsOnScale
    weights : ndarray, shape (R, J)
        How often each expert counts; 0 leaves one out.

    Returns
    -------
    ndarray, shape (R, n)
        Before they are laid onto the rating scale.
    """
    counts = fit.pairs.weighted(weights)
    return fit_counts(counts, FUSION_PRIOR_PRECISION, log_tie=_log_tie(fit.worths), start=fit.worths.log_worths).theta


def _log_tie(worths: BradleyTerryResult) -> float:
    return float(np.log(worths.tie_parameter)) if worths.tie_parameter > 0 else -np.inf


def _residuals(theta: NDArray, pairs: RaterCounts, log_tie: float) -> NDArray[np.float64]:
    """Derivative of each entry's log-likelihood in the difference of its pair's log-worths, (E,)."""
    d = (theta[pairs.first] - theta[pairs.second])[None]
    win, _, loss = answer_probabilities(d, np.full((1, 1), log_tie))
    total = pairs.wins + pairs.ties + pairs.losses
    return (pairs.wins - pairs.losses) / 2 - total * ((win - loss)[0] / 2)[pairs.pair]


def _moved_by_experts(fits: WorthFits, pairs: RaterCounts, log_tie: float) -> Iterator[NDArray[np.float64]]:
    """How far each expert's judgments move the worths, first order, fit by fit, each (J, n)."""
    n, first = pairs.n_items, pairs.rater * pairs.n_items + pairs.first[pairs.pair]
    second, size = first + (pairs.second - pairs.first)[pairs.pair], pairs.n_raters * n
    for theta, hessian in zip(fits.theta, fits.hessian, strict=True):
        residual = _residuals(theta, pairs, log_tie)
        pulled = (np.bincount(first, residual, size) - np.bincount(second, residual, size)).reshape(-1, n)
        moved = np.linalg.solve(hessian, pulled.T).T
        yield moved - moved.mean(1, keepdims=True)


def _spread_error(worths: BradleyTerryResult, pairs: RaterCounts) -> float:
    """Relative standard error of the worths' spread, over experts."""
    judged = pairs.judged
    experts, squares = int((judged > 0).sum()), float((worths.log_worths**2).sum())
    if experts < 2 or squares <= NO_SPREAD**2:
        return float("nan")
    log_tie = _log_tie(worths)
    total = pairs.weighted(np.ones((1, len(judged))))
    fits = fit_counts(total, FUSION_PRIOR_PRECISION, log_tie=log_tie, start=worths.log_worths)
    along = next(_moved_by_experts(fits, pairs, log_tie)) @ worths.log_worths / squares
    apart = along - judged / judged.sum() * along.sum()  # without the prior's pull, which is no difference of experts
    return float(np.sqrt(experts / (experts - 1) * (apart**2).sum()))


def worth_influence(fit: WorthsOnScale) -> tuple[NDArray, NDArray, NDArray]:
    """How far each judgment's residual moves each score, experts and slope held fixed.

    Parameters
    ----------
    fit : WorthsOnScale

    Returns
    -------
    reach : ndarray, shape (n, n)
        In rating units, first order: an entry of the pairs moves the scores by (reach of its first item - reach of its second)
        times its residual.
    pairs : ndarray, shape (E,)
        The residuals of the entries.
    ratings : ndarray, shape (J, n)
        What each rating does: it moves the common level only.
    """
    log_tie = _log_tie(fit.worths)
    theta, experts = fit.worths.log_worths, len(fit.table)
    total = fit.pairs.weighted(np.ones((1, experts)))
    fits = fit_counts(total, FUSION_PRIOR_PRECISION, log_tie=log_tie, start=theta)
    reach = fit.slope * np.linalg.inv(fits.hessian[0])
    there = ~np.isnan(fit.table)
    filled = np.where(there, fit.table, 0.0)
    item = filled.sum(0) / np.maximum(there.sum(0), 1)
    rater = (np.where(there, fit.table - item, 0.0)).sum(1) / np.maximum(there.sum(1), 1)
    left = np.where(there, fit.table - item - rater[:, None], 0.0)
    share = 1 / np.maximum(there.sum(0), 1) / max(there.any(0).sum(), 1)
    return reach, _residuals(theta, fit.pairs, log_tie), left * share
