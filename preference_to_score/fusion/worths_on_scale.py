"""Construction A: Bradley-Terry worths, likelihood first, then laid onto the rating scale by `rating_anchor`.

The anchor takes what experts differ by for noise, which widens the worths. Where an expert's answers run the other way, or
are given at random, they do the opposite: they draw the worths together, and taking them out as noise stretches A far
beyond the scale. Such a panel is known by its spread: without one expert or another the worths would be much wider or
narrower, which noise alone hardly does. So the error is taken out only where the spread itself is known well enough.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..arrays import Floats
from ..pairwise.bradley_terry import BradleyTerryResult, bradley_terry
from ..pairwise.comparisons import Comparisons
from ..pairwise.davidson_model import pair_residuals
from ..pairwise.newton_worths import WorthFits, fit_counts
from ..pairwise.pair_counts import PairCounts, count_pairs
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
    pairs : PairCounts
        One row per expert.
    table : ndarray, shape (J, n)
        Ratings, NaN where missing.
    """

    scores: Floats
    worths: BradleyTerryResult
    slope: float
    intercept: float
    corrected: bool
    spread_error: float
    pairs: PairCounts
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
    pairs = count_pairs(comparisons, by_rater=True)
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
    counts = fit.pairs.weighted(resamples.counts)
    newton = fit_counts(counts, FUSION_PRIOR_PRECISION, log_tie=log_tie, start=fit.worths.log_worths)
    moved = _moved_by_experts(newton, fit.pairs, log_tie)
    experts = resamples.counts.shape[1]
    variance = (resamples.counts[:, None, :] * moved**2).sum(-1) * experts / (experts - 1)
    scores, errors = weighted_scores(fit.table, resamples.counts)
    slope, intercept, corrected = anchor(newton.theta, np.sqrt(variance), scores, errors, correct=fit.corrected)
    return intercept[:, None] + slope[:, None] * newton.theta, corrected


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


def _moved_by_experts(fits: WorthFits, pairs: PairCounts, log_tie: float) -> NDArray[np.float64]:
    """How far each expert's judgments move the worths of each fit, first order, (R, n, J)."""
    residual = pair_residuals(fits.theta, pairs, log_tie)  # (R, J, P)
    sides = np.zeros((pairs.first.size, pairs.n_items))
    row = np.arange(pairs.first.size)
    sides[row, pairs.first], sides[row, pairs.second] = 1.0, -1.0
    moved = np.linalg.solve(fits.hessian, np.swapaxes(residual @ sides, 1, 2))
    return moved - moved.mean(1, keepdims=True)


def _spread_error(worths: BradleyTerryResult, pairs: PairCounts) -> float:
    """Relative standard error of the worths' spread, over experts."""
    judged = (pairs.wins + pairs.ties + pairs.losses).sum(1)
    experts, squares = int((judged > 0).sum()), float((worths.log_worths**2).sum())
    if experts < 2 or squares <= NO_SPREAD**2:
        return float("nan")
    log_tie = _log_tie(worths)
    total = pairs.weighted(np.ones((1, len(judged))))
    fits = fit_counts(total, FUSION_PRIOR_PRECISION, log_tie=log_tie, start=worths.log_worths)
    along = worths.log_worths @ _moved_by_experts(fits, pairs, log_tie)[0] / squares
    apart = along - judged / judged.sum() * along.sum()  # without the prior's pull, which is no difference of experts
    return float(np.sqrt(experts / (experts - 1) * (apart**2).sum()))


def worth_influence(fit: WorthsOnScale) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """How far each judgment's residual moves each score, experts and slope held fixed.

    Parameters
    ----------
    fit : WorthsOnScale

    Returns
    -------
    pairs : ndarray, shape (J, P, n)
        In rating units, for each expert and distinct pair; first order.
    ratings : ndarray, shape (J, n)
        For each expert and rated item: they move the common level only.
    """
    log_tie = _log_tie(fit.worths)
    theta, pairs, experts = fit.worths.log_worths, fit.pairs, len(fit.table)
    total = pairs.weighted(np.ones((1, experts)))
    inverse = np.linalg.inv(fit_counts(total, FUSION_PRIOR_PRECISION, log_tie=log_tie, start=theta).hessian[0])
    residual = pair_residuals(theta[None], pairs, log_tie)[0]
    by_pair = fit.slope * (inverse[pairs.first] - inverse[pairs.second])[None] * residual[..., None]
    there = ~np.isnan(fit.table)
    filled = np.where(there, fit.table, 0.0)
    item = filled.sum(0) / np.maximum(there.sum(0), 1)
    rater = (np.where(there, fit.table - item, 0.0)).sum(1) / np.maximum(there.sum(1), 1)
    left = np.where(there, fit.table - item - rater[:, None], 0.0)
    share = 1 / np.maximum(there.sum(0), 1) / max(there.any(0).sum(), 1)
    return by_pair, left * share
