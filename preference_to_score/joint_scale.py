"""Construction B: one latent scale behind preferences and ratings, read out on the rating scale.

The model is that of `personal_scales`; experts' shifts and log scales are normal over the expert population. Variances,
thresholds, shifts and scales are estimated by marginal likelihood: an EM whose expectations over the experts' own
scores come from the Laplace approximation at the posterior mode. (Maximised jointly with the scores, the spread of
taste would collapse to zero, and the ratings' noise with it.) Stated priors keep a panel of a few experts from fitting
nonsense; they are the constants below.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize, minimize_scalar
from scipy.special import ndtr, ndtri

from .bootstrap import Resamples
from .comparisons import Comparisons
from .pair_counts import count_pairs
from .personal_scales import Judgments, Mode, Structure, pair_slopes, posterior_mode, rating_slopes, resampled_modes
from .probit import interval_slopes, log_interval
from .ratings import Ratings

PRIOR_EXPERTS = 2.0  # weight of the stated prior spreads, as a number of experts
PRIOR_TASTE = 0.5  # typical spread of taste, in units of the noise of one comparison; weighs as two of the n J tastes
PRIOR_QUALITY = 1.0  # typical spread of the items, in the same unit; weighs as one item
PRIOR_SHIFT = 0.75  # typical spread of the experts' shifts, in units of the noise of one rating
PRIOR_LOG_SCALE = 0.25  # typical spread of the experts' log scales
MEAN_LOG_SCALE_SPREAD = 2.0  # prior on the mean log scale, about 0: a rating is about as noisy as a comparison
GAP_SPREAD = 0.5  # prior standard deviation of a log distance of neighbouring thresholds about the common one
MOST_LEVELS = 101
EM_TOLERANCE = 1e-3
EM_ITERATIONS = 300


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
        Of the EM.
    mode : Mode
    judgments : Judgments
    """

    items: tuple[Hashable, ...]
    raters: tuple[Hashable, ...]
    scores: NDArray[np.float64]
    latent: NDArray[np.float64]
    personal: NDArray[np.float64]
    structure: Structure
    levels: NDArray[np.float64]
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
    judgments = _lay_out(comparisons, ratings, levels)
    structure, mode, iterations = _estimate(judgments, levels)
    return JointScaleResult(
        items=ratings.items,
        raters=ratings.raters,
        scores=_read_out(mode.common[None], np.ones((1, len(ratings.raters))), structure, levels)[0],
        latent=mode.common,
        personal=mode.personal,
        structure=structure,
        levels=levels,
        converged=True,
        iterations=iterations,
        mode=mode,
        judgments=judgments,
    )


def resampled_scores(fit: JointScaleResult, resamples: Resamples) -> NDArray[np.float64]:
    """Construction B in every resample of the experts.

    Variances, thresholds, priors, and each expert's own shift and scale are as they are for the full panel; the mean
    shift and scale are those of the experts in the resample (a panel of severe experts rates lower).

    Parameters
    ----------
    fit : JointScaleResult
    resamples : Resamples

    Returns
    -------
    ndarray, shape (R, n)
        On the rating scale.
    """
    q = resampled_modes(fit.judgments, fit.structure, fit.mode, resamples.counts)
    return _read_out(q, resamples.counts, fit.structure, fit.levels)


def judgment_influence(fit: JointScaleResult) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """How far each judgment's residual moves each score, tastes and scale use of the experts held fixed.

    Parameters
    ----------
    fit : JointScaleResult

    Returns
    -------
    pairs : ndarray, shape (J, P, n)
        In rating units, for each expert and distinct pair; first order.
    ratings : ndarray, shape (J, n, n)
        For each expert and rated item, the common shift included.
    """
    judgments, structure, theta = fit.judgments, fit.structure, fit.mode.personal
    by_quality, by_shift = _read_out_slopes(fit)
    # a score g of expert j moves q by  cov(q) cov(theta_j | q) g / sigma_u^2
    reach = (by_quality[:, None] * fit.mode.covariance) @ fit.mode.given_common * structure.taste**-2  # (J, n, n)
    pairs = judgments.pairs
    residual = pair_slopes(theta, pairs, structure.tie_threshold, curved=False)[0]
    by_pair = np.swapaxes(reach[:, :, pairs.first] - reach[:, :, pairs.second], 1, 2) * residual[..., None]
    rate, curve = rating_slopes(theta, judgments, structure)
    direct = np.swapaxes(reach, 1, 2) * np.exp(structure.log_scale)[:, None, None]
    level = by_shift / judgments.n_experts / np.maximum(curve.sum(1), 1e-12)[:, None]
    return by_pair, (direct + level[:, None, :]) * rate[..., None]


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


def _lay_out(comparisons: Comparisons, ratings: Ratings, levels: NDArray) -> Judgments:
    shape = (len(ratings.raters), len(ratings.items))
    level = np.searchsorted(levels, ratings.value)
    rows, times = np.unique(np.stack([ratings.rater, ratings.item, level]), axis=1, return_counts=True)
    slots: list[tuple[NDArray, NDArray]] = []
    filled = np.zeros(shape, dtype=int)  # how many distinct ratings of this cell are already placed
    for (rater, item, position), count in zip(rows.T, times, strict=True):
        slot = filled[rater, item]
        if slot == len(slots):
            slots.append((np.zeros(shape, dtype=int), np.zeros(shape)))
        slots[slot][0][rater, item], slots[slot][1][rater, item] = position, count
        filled[rater, item] += 1
    return Judgments(count_pairs(comparisons, by_rater=True), tuple(slots), levels.size)


def _estimate(judgments: Judgments, levels: NDArray) -> tuple[Structure, Mode, int]:
    """EM over everything but the scores, each time at their posterior mode."""
    n, experts = judgments.n_items, judgments.n_experts
    structure = Structure(
        taste=0.7,
        quality=1.5,
        shift=np.zeros(experts),
        log_scale=np.zeros(experts),
        shift_spread=PRIOR_SHIFT,
        log_scale_spread=PRIOR_LOG_SCALE,
        thresholds=_first_thresholds(judgments, levels),
        tie_threshold=0.1 if judgments.pairs.ties.any() else 0.0,
    )
    common, personal = np.zeros(n), np.zeros((experts, n))
    for iteration in range(1, EM_ITERATIONS + 1):
        mode = posterior_mode(judgments, structure, common, personal, tolerance=1e-4)
        common, personal = mode.common, mode.personal
        following = _update(judgments, structure, mode, levels)
        change = np.abs(_vector(following) - _vector(structure)).max()
        structure = following
        if change < EM_TOLERANCE:
            return structure, posterior_mode(judgments, structure, common, personal), iteration
    raise RuntimeError(f"the joint scale's variances did not converge in {EM_ITERATIONS} iterations")


def _vector(structure: Structure) -> NDArray:
    spreads = [structure.taste, structure.quality, structure.shift_spread, structure.log_scale_spread]
    tie = [structure.tie_threshold]
    return np.concatenate([np.log(spreads), tie, structure.thresholds, structure.shift, structure.log_scale])


def _update(judgments: Judgments, structure: Structure, mode: Mode, levels: NDArray) -> Structure:
    """One M-step: expected squares for the spreads, expected log-likelihood for the rest."""
    n, experts = judgments.n_items, judgments.n_experts
    lever = mode.given_common * structure.taste**-2  # response of theta_j to q
    apart = lever - np.eye(n)
    spread = np.einsum("jkk->jk", mode.given_common) + ((apart @ mode.covariance) * apart).sum(-1)
    tastes = ((mode.personal - mode.common) ** 2 + spread).sum() + 2 * PRIOR_TASTE**2
    taste = np.sqrt(tastes / (n * experts + 2))
    quality = np.sqrt(((mode.common**2 + np.diag(mode.covariance)).sum() + PRIOR_QUALITY**2) / n)
    whole = np.einsum("jkk->jk", mode.given_common) + ((lever @ mode.covariance) * lever).sum(-1)
    thresholds, shift, log_scale, errors = _update_ratings(judgments, structure, mode.personal, whole, levels)
    habits = np.stack([shift, log_scale])
    squares = ((habits - habits.mean(1, keepdims=True)) ** 2 + errors).sum(1)
    stated = PRIOR_EXPERTS * np.array([PRIOR_SHIFT, PRIOR_LOG_SCALE]) ** 2
    shift_spread, log_scale_spread = np.sqrt((squares + stated) / (experts - 1 + PRIOR_EXPERTS))
    return Structure(
        taste=float(taste),
        quality=float(quality),
        shift=shift,
        log_scale=log_scale,
        shift_spread=float(shift_spread),
        log_scale_spread=float(log_scale_spread),
        thresholds=thresholds,
        tie_threshold=_update_tie_threshold(judgments, mode.personal, structure.tie_threshold),
    )


def _first_thresholds(judgments: Judgments, levels: NDArray) -> NDArray:
    """Thresholds at which a wide normal would use the levels about as often as they were used."""
    used = np.zeros(levels.size)
    for level, weight in judgments.rated:
        used += np.bincount(level.reshape(-1), weight.reshape(-1), levels.size)
    share = np.cumsum(used + 0.5)[:-1] / (used + 0.5).sum()
    from_normal = 2.0 * ndtri(share)  # noise 1 and a spread of scores of about 1.7
    return from_normal - from_normal.mean()


def _update_ratings(
    judgments: Judgments, structure: Structure, theta: NDArray, variance: NDArray, levels: NDArray
) -> tuple[NDArray, NDArray, NDArray, NDArray]:
    """Improve the ratings' expected log-likelihood in log distances of thresholds, shifts and log scales.

    Returns thresholds, shifts, log scales, and the squared errors (2, J) of the latter two.
    """
    experts, gaps = judgments.n_experts, structure.thresholds.size - 1
    node, mass = np.polynomial.hermite_e.hermegauss(5)
    mass = mass / mass.sum()
    nodes = theta[..., None] + np.sqrt(variance)[..., None] * node
    step = np.log(np.diff(levels))
    usual = (step[:-1] + step[1:]) / 2  # a distance of thresholds spans half of the levels' steps around it

    def loss(x: NDArray) -> tuple[float, NDArray]:
        log_gap, shift, log_scale = x[:gaps], x[gaps : gaps + experts], x[gaps + experts :]
        gap = np.exp(log_gap)
        ends = np.concatenate([[-np.inf], _thresholds(log_gap), [np.inf]])
        predictor = np.exp(log_scale)[:, None, None] * nodes
        eta = shift[:, None, None] + predictor
        value, by_end, by_shift, by_scale = 0.0, np.zeros(ends.size), np.zeros(experts), np.zeros(experts)
        for level, weight in judgments.rated:
            low, high = ends[level][..., None] - eta, ends[level + 1][..., None] - eta
            share = weight[..., None] * mass
            value += (share * log_interval(low, high)).sum()
            slope, _, by_low, by_high = interval_slopes(low, high)
            by_end += np.bincount(level.reshape(-1), (share * by_low).sum(-1).reshape(-1), ends.size)
            by_end += np.bincount(level.reshape(-1) + 1, (share * by_high).sum(-1).reshape(-1), ends.size)
            by_shift += (share * slope).sum((1, 2))
            by_scale += (share * slope * predictor).sum((1, 2))
        by_c = by_end[1:-1] - by_end[1:-1].mean()
        by_gap = np.cumsum(by_c[::-1])[::-1][1:] * gap
        penalty, uneven = _square(log_gap - usual, GAP_SPREAD)
        for part, spread in ((shift, structure.shift_spread), (log_scale, structure.log_scale_spread)):
            extra, pull = _square(part, spread)
            penalty, uneven = penalty + extra, np.concatenate([uneven, pull])
        mean = log_scale.mean()
        penalty += 0.5 * (mean / MEAN_LOG_SCALE_SPREAD) ** 2
        uneven[gaps + experts :] += mean / MEAN_LOG_SCALE_SPREAD**2 / experts
        return penalty - value, uneven - np.concatenate([by_gap, by_shift, by_scale])

    start = np.concatenate([np.log(np.diff(structure.thresholds)), structure.shift, structure.log_scale])
    best = minimize(loss, start, jac=True, method="L-BFGS-B", options={"maxiter": 15}).x
    shift, log_scale = best[gaps : gaps + experts], best[gaps + experts :]
    found = replace(structure, thresholds=_thresholds(best[:gaps]), shift=shift, log_scale=log_scale)
    curve = rating_slopes(theta, judgments, found)[1]
    slopes = np.stack([np.ones(theta.shape), np.exp(log_scale)[:, None] * theta])
    prior = np.array([structure.shift_spread, structure.log_scale_spread])[:, None] ** -2
    return found.thresholds, shift, log_scale, 1 / ((curve * slopes**2).sum(-1) + prior)


def _thresholds(log_gap: NDArray) -> NDArray:
    c = np.concatenate([[0.0], np.cumsum(np.exp(log_gap))])
    return c - c.mean()


def _square(x: NDArray, spread: float) -> tuple[float, NDArray]:
    """Penalty of a normal prior about the values' own mean, and its gradient."""
    apart = x - x.mean() if x.size else x
    return float(0.5 * (apart**2).sum() / spread**2), apart / spread**2


def _update_tie_threshold(judgments: Judgments, theta: NDArray, delta: float) -> float:
    pairs = judgments.pairs
    if not pairs.ties.any():
        return delta
    d = theta[:, pairs.first] - theta[:, pairs.second]

    def loss(log_delta: float) -> float:
        at = np.exp(log_delta)
        clear = pairs.wins * log_interval(at - d, np.full(d.shape, np.inf)) + pairs.losses * log_interval(
            at + d, np.full(d.shape, np.inf)
        )
        return -float((clear + pairs.ties * log_interval(-at - d, at - d)).sum())

    best = minimize_scalar(loss, bounds=(np.log(delta) - 1, np.log(delta) + 1), method="bounded")
    return float(np.exp(best.x))
