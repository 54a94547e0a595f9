"""Construction B: one latent scale behind preferences and ratings, read out on the rating scale.

The model is that of `personal_scales`, its variances, thresholds, shifts and scales are estimated by
`joint_estimation` (and kept by `kept_fits`); here stand what goes in and what comes out, and how the scores answer to resampling the experts.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from ..arrays import Floats
from ..pairwise.comparisons import Comparisons
from ..panel.bootstrap import Resamples
from ..ratings.ratings import Ratings
from .judged_cells import Judgments, lay_out
from .kept_fits import estimate_once
from .personal_scales import Mode, Structure, pair_slopes, rating_slopes
from .resampled_modes import resampled_modes

MOST_LEVELS = 101


@dataclass(frozen=True)
class JointScaleResult:
    """Construction B and how it was obtained.

    Attributes
    ----------
    items, raters : tuple
    scores : ndarray, shape (n,)
        On the rating scale: the expected rating over the expert population.
    latent : ndarray, shape (n,)
        q_i, in units of the noise of one comparison.
    personal : ndarray, shape (J, n)
        theta_ij, in the same unit.
    structure : Structure
        Spreads, thresholds, and each expert's shift and log scale.
    levels : ndarray
        The values that a rating may take.
    converged : bool
        Always True: a fit that does not converge raises.
    iterations : int
        Steps of the EM.
    mode : Mode
    judgments : Judgments
    """

    items: tuple[Hashable, ...]
    raters: tuple[Hashable, ...]
    scores: Floats
    latent: Floats
    personal: Floats
    structure: Structure
    levels: Floats
    converged: bool
    iterations: int
    mode: Mode
    judgments: Judgments


def rating_levels(value: NDArray, scale: tuple[float, float]) -> NDArray[np.float64]:
    """The values that a rating on `scale` may take: whole numbers if all ratings are, else those that occur.

    Raises
    ------
    ValueError
        If a rating is off the scale, or more than 101 levels would be needed.

    Examples
    --------
    >>> rating_levels(np.array([2.0, 3.0]), (1, 4))
    array([1., 2., 3., 4.])
    >>> rating_levels(np.array([2.0, 2.5]), (1, 4))
    array([1. , 2. , 2.5, 4. ])
    """
    low, high = scale
    if not low < high:
        raise ValueError(f"the rating scale {scale} does not rise")
    outside = (value < low) | (value > high)
    if outside.any():
        raise ValueError(f"{int(outside.sum())} ratings are off the scale {low} to {high}, such as {value[outside][0]}")
    whole = (value == np.rint(value)).all() and low == np.rint(low) and high == np.rint(high)
    levels = np.arange(low, high + 1.0) if whole else np.unique(np.concatenate([[low, high], value]))
    if levels.size > MOST_LEVELS:
        raise ValueError(
            f"the ratings take {levels.size} levels; the ordinal model of construction B takes {MOST_LEVELS}"
        )
    return levels


def joint_scale(comparisons: Comparisons, ratings: Ratings, scale: tuple[float, float]) -> JointScaleResult:
    """Fit preferences and ratings of the same experts on one latent scale.

    Parameters
    ----------
    comparisons : Comparisons
        With raters; outcomes 1, 0.5 (tie) or 0.
    ratings : Ratings
        Of the same items and raters, in the same order.
    scale : (float, float)
        Ends of the rating scale.

    Returns
    -------
    JointScaleResult

    Raises
    ------
    ValueError
        If items or raters differ between the tables, there are fewer than two raters, or ratings are off the scale.
    RuntimeError
        If it does not converge.

    References
    ----------
    Thurstone (1927), Psychological Review 34, 273-286 (Case V). McCullagh (1980), JRSS B 42, 109-142 (cumulative
    models).

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> q = np.arange(6.0) - 2.5
    >>> first, second = np.triu_indices(6, 1)
    >>> games = Comparisons.from_arrays(np.tile(first, 3), np.tile(second, 3),
    ...     np.tile(q[first] - q[second], 3) + rng.normal(size=45) > 0, rater=np.repeat([0, 1, 2], 15))
    >>> marks = Ratings.from_arrays(np.tile(range(6), 3), np.repeat([0, 1, 2], 6), np.tile([1, 2, 3, 3, 4, 5], 3))
    >>> bool(np.corrcoef(joint_scale(games, marks, (1, 5)).scores, q)[0, 1] > 0.95)
    True
    """
    if comparisons.items != ratings.items or comparisons.raters != ratings.raters:
        raise ValueError("comparisons and ratings must list the same items and raters, in the same order")
    if len(ratings.raters) < 2:
        raise ValueError("the joint scale needs at least two experts: one says nothing about how tastes differ")
    levels = rating_levels(ratings.value, scale)
    judgments = lay_out(comparisons, ratings, levels)
    structure, mode, iterations = estimate_once(judgments, levels)
    return JointScaleResult(
        items=ratings.items,
        raters=ratings.raters,
        scores=_read_out(mode.common[None], np.ones((1, len(ratings.raters))), structure, levels)[0],
        latent=mode.common,
        personal=judgments.table(mode.personal, mode.common),
        structure=structure,
        levels=levels,
        converged=True,
        iterations=iterations,
        mode=mode,
        judgments=judgments,
    )


def resampled_scores(
    fit: JointScaleResult, resamples: Resamples, *, progress: Callable[[float], None] | None = None
) -> NDArray[np.float64]:
    """Construction B in every resample of the experts.

    Variances, thresholds, priors, and each expert's own shift and scale are as they are for the full panel; the mean
    shift and scale are those of the experts in the resample (a panel of severe experts rates lower).

    Parameters
    ----------
    fit : JointScaleResult
    resamples : Resamples
    progress : callable, optional
        Called with the share of them that are done.

    Returns
    -------
    ndarray, shape (R, n)
        On the rating scale.
    """
    q = resampled_modes(fit.judgments, fit.structure, fit.mode, resamples.counts, progress=progress)
    return _read_out(q, resamples.counts, fit.structure, fit.levels)


@dataclass(frozen=True)
class JudgmentInfluence:
    """How far each judgment's residual moves each score, in rating units; first order, tastes and scale use held fixed.

    Attributes
    ----------
    reach : ndarray, shape (C, n)
        Of a unit of the gradient in a cell. An entry of the pairs moves the scores by (reach of its first cell - reach of its
        second) times its residual.
    pairs : ndarray, shape (E,)
        The residuals of the entries.
    ratings : ndarray, shape (C, n)
        What each cell's ratings do, the common shift included; 0 where nothing was rated.
    """

    reach: Floats
    pairs: Floats
    ratings: Floats


def judgment_influence(fit: JointScaleResult) -> JudgmentInfluence:
    """How far each judgment's residual moves each score, tastes and scale use of the experts held fixed.

    Parameters
    ----------
    fit : JointScaleResult

    Returns
    -------
    JudgmentInfluence
    """
    judgments, structure, theta = fit.judgments, fit.structure, fit.mode.personal
    by_quality, by_shift = _read_out_slopes(fit)
    # a score g of expert j moves q by  cov(q) cov(theta_j | q) g / sigma_u^2
    common = (by_quality[:, None] * fit.mode.covariance * structure.taste**-2).T
    reach = judgments.times(fit.mode.given_common, common[judgments.item])
    residual = pair_slopes(theta, judgments, structure.tie_threshold, curved=False)[0]
    rate, curve = rating_slopes(theta, judgments, structure)
    expert = judgments.expert
    sharp = np.maximum(np.bincount(expert, curve, judgments.n_experts), 1e-12)
    level = by_shift / judgments.n_experts / sharp[expert, None]
    direct = np.exp(structure.log_scale)[expert, None] * reach
    return JudgmentInfluence(reach, residual, (direct + level) * rate[:, None])


def _read_out(q: NDArray, counts: NDArray, structure: Structure, levels: NDArray) -> NDArray[np.float64]:
    """Expected rating over the expert population: shift, scale, taste and noise vary, thresholds stay.

    q is (R, n), counts (R, J); the population's mean shift and log scale are those of the counted experts.
    """
    z, _, mass, _ = _standardised(q, counts, structure)
    above = np.einsum("rnsk,s->rnk", ndtr(z), mass)
    return levels[0] + above @ np.diff(levels)


def _standardised(q: NDArray, counts: NDArray, structure: Structure) -> tuple[NDArray, NDArray, NDArray, NDArray]:
    """z (R, n, scales, thresholds) of "rated above threshold", the scales, their masses, and the total spread."""
    node, mass = np.polynomial.hermite_e.hermegauss(7)
    share = counts / counts.sum(1, keepdims=True)
    scale = np.exp((share @ structure.log_scale)[:, None] + structure.log_scale_spread * node)[:, None, :, None]
    total = np.sqrt(1 + structure.shift_spread**2 + (scale * structure.taste) ** 2)
    level = (share @ structure.shift)[:, None, None, None]
    return (level + scale * q[:, :, None, None] - structure.thresholds) / total, scale, mass / mass.sum(), total


def _read_out_slopes(fit: JointScaleResult) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Derivatives of each score in its own q and in the common shift, both (n,)."""
    z, scale, mass, total = _standardised(fit.latent[None], np.ones((1, len(fit.raters))), fit.structure)
    density = np.exp(-0.5 * z**2) / np.sqrt(2 * np.pi) / total
    steps = np.diff(fit.levels)
    return np.einsum("rnsk,s,k->n", density * scale, mass, steps), np.einsum("rnsk,s,k->n", density, mass, steps)
