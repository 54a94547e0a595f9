"""Construction A: Bradley-Terry worths, likelihood first, then laid onto the rating scale by `rating_anchor`."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..arrays import Floats
from ..pairwise.bradley_terry import BradleyTerryResult, bradley_terry
from ..pairwise.comparisons import Comparisons
from ..pairwise.davidson_model import pair_residuals
from ..pairwise.newton_worths import fit_counts
from ..pairwise.pair_counts import PairCounts, count_pairs
from ..panel.bootstrap import Resamples
from ..ratings.mean_opinion_score import weighted_scores
from ..ratings.ratings import Ratings
from .rating_anchor import anchor

FUSION_PRIOR_PRECISION = 0.1  # of the Gaussian prior on each log-worth


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
        Whether the error was taken out of both spreads; False where too little would have been left.
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
    slope, intercept, corrected = anchor(worths.log_worths[None], worths.standard_errors[None], scores, errors)
    return WorthsOnScale(
        scores=intercept[0] + slope[0] * worths.log_worths,
        worths=worths,
        slope=float(slope[0]),
        intercept=float(intercept[0]),
        corrected=bool(corrected[0]),
        pairs=count_pairs(comparisons, by_rater=True),
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
        Slope and intercept are estimated again in each resample.
    corrected : ndarray of bool, shape (R,)
        As in `WorthsOnScale`.
    """
    log_tie = _log_tie(fit)
    counts = fit.pairs.weighted(resamples.counts)
    newton = fit_counts(counts, FUSION_PRIOR_PRECISION, log_tie=log_tie, start=fit.worths.log_worths)
    # scores of each expert's judgments at each resample's worths, for errors clustered by expert
    residual = pair_residuals(newton.theta, fit.pairs, log_tie)  # (R, J, P)
    n, experts = counts.n_items, resamples.counts.shape[1]
    sides = np.zeros((counts.first.size, n))
    row = np.arange(counts.first.size)
    sides[row, counts.first], sides[row, counts.second] = 1.0, -1.0
    score = np.swapaxes(residual @ sides, 1, 2)  # (R, n, J)
    moved = np.linalg.solve(newton.hessian, score)
    moved = moved - moved.mean(1, keepdims=True)
    variance = (resamples.counts[:, None, :] * moved**2).sum(-1) * experts / (experts - 1)
    scores, errors = weighted_scores(fit.table, resamples.counts)
    slope, intercept, corrected = anchor(newton.theta, np.sqrt(variance), scores, errors)
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
    return fit_counts(counts, FUSION_PRIOR_PRECISION, log_tie=_log_tie(fit), start=fit.worths.log_worths).theta


def _log_tie(fit: WorthsOnScale) -> float:
    tie = fit.worths.tie_parameter
    return float(np.log(tie)) if tie > 0 else -np.inf


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
    log_tie = _log_tie(fit)
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
