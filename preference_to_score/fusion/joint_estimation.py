"""Construction B's variances, thresholds, shifts and scales, by marginal likelihood.

An EM whose expectations over the experts' own scores come from the Laplace approximation at the posterior mode.
(Maximised jointly with the scores, the spread of taste would collapse to zero, and the ratings' noise with it.) Its
steps are extrapolated (SQUAREM), since an expert whose ratings say next to nothing makes plain EM crawl. Stated priors
keep a panel of a few experts from fitting nonsense; they are the constants below.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize, minimize_scalar
from scipy.special import ndtri

from ..pairwise.probit import interval_gradient, log_interval
from .personal_scales import Judgments, Mode, Structure, posterior_mode, rating_slopes

PRIOR_EXPERTS = 2.0  # weight of the stated prior spreads, as a number of experts
PRIOR_TASTE = 0.5  # typical spread of taste, in units of the noise of one comparison; weighs as two of the n J tastes
PRIOR_QUALITY = 1.0  # typical spread of the items, in the same unit; weighs as one item
PRIOR_SHIFT = 0.75  # typical spread of the experts' shifts, in units of the noise of one rating
PRIOR_LOG_SCALE = 0.25  # typical spread of the experts' log scales
MOST_SPREAD = 3.0  # of the experts' shifts and log scales, in typical spreads: one careless expert must not set it
MEAN_LOG_SCALE_SPREAD = 2.0  # prior on the mean log scale, about 0: a rating is about as noisy as a comparison
GAP_SPREAD = 0.5  # prior standard deviation of a log distance of neighbouring thresholds about the common one
M_STEP = {"maxiter": 30, "ftol": 1e-14, "gtol": 1e-8}  # of L-BFGS: what it leaves over, EM cannot tell from progress
EM_TOLERANCE = 1e-6  # largest change of a step, in logs of spreads and distances, shifts and log scales
EM_STEPS = 3000  # a dozen or two do; with a careless expert, hundreds
LONGEST_LEAP = 20.0  # of the extrapolation, in plain steps
FARTHEST = 2.0  # that a leap may move any one value


def estimate(judgments: Judgments, levels: NDArray) -> tuple[Structure, Mode, int]:
    """EM over everything but the scores, each time at their posterior mode.

    Parameters
    ----------
    judgments : Judgments
    levels : ndarray, shape (n_levels,)
        The values that a rating may take.

    Returns
    -------
    structure : Structure
    mode : Mode
        The scores' posterior mode under it.
    steps : int

    Raises
    ------
    RuntimeError
        If it does not converge.

    References
    ----------
    Dempster, Laird and Rubin (1977), JRSS B 39, 1-38. Varadhan and Roland (2008), Scandinavian Journal of Statistics
    35, 335-353 (SQUAREM, third scheme).
    """
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
    common, personal, steps = np.zeros(n), np.zeros((experts, n)), 0

    def em(at: Structure) -> Structure:
        nonlocal common, personal, steps
        mode = posterior_mode(judgments, at, common, personal, tolerance=EM_TOLERANCE)
        common, personal, steps = mode.common, mode.personal, steps + 1
        return _update(judgments, at, mode, levels)

    while steps < EM_STEPS:
        structure, converged = _leap(em, structure)
        if converged:
            return structure, posterior_mode(judgments, structure, common, personal), steps
    raise RuntimeError(f"the joint scale's variances did not converge in {EM_STEPS} steps")


def _leap(em: Callable[[Structure], Structure], structure: Structure) -> tuple[Structure, bool]:
    """Two steps of EM, and an extrapolation of them; whether a step had next to nothing left to change."""
    one = em(structure)
    start, first = _vector(structure), _vector(one)
    if np.abs(first - start).max() < EM_TOLERANCE:
        return one, True
    two = em(one)
    second = _vector(two)
    if np.abs(second - first).max() < EM_TOLERANCE:
        return two, True
    step, turn = first - start, second - 2 * first + start
    length = min(np.linalg.norm(step) / max(np.linalg.norm(turn), 1e-300), LONGEST_LEAP)
    leap = start + 2 * length * step + length**2 * turn
    if length <= 1 or np.abs(leap - second).max() > FARTHEST:
        return two, False
    leapt = _structure(leap, structure)
    within = leapt.shift_spread <= MOST_SPREAD * PRIOR_SHIFT and leapt.log_scale_spread <= MOST_SPREAD * PRIOR_LOG_SCALE
    return (leapt if within else two), False


def _vector(structure: Structure) -> NDArray:
    """All that EM estimates, on scales without bounds."""
    spreads = [structure.taste, structure.quality, structure.shift_spread, structure.log_scale_spread]
    tie = [structure.tie_threshold] if structure.tie_threshold > 0 else []
    gaps = np.diff(structure.thresholds)
    return np.concatenate([np.log([*spreads, *tie, *gaps]), structure.shift, structure.log_scale])


def _structure(vector: NDArray, like: Structure) -> Structure:
    """The inverse of `_vector`."""
    experts, tied = like.shift.size, int(like.tie_threshold > 0)
    shift, log_scale = vector[-2 * experts : -experts], vector[-experts:]
    taste, quality, shift_spread, log_scale_spread, *tie = (float(each) for each in np.exp(vector[: 4 + tied]))
    thresholds = _thresholds(vector[4 + tied : -2 * experts])
    tie_threshold = tie[0] if tied else 0.0
    return Structure(taste, quality, shift, log_scale, shift_spread, log_scale_spread, thresholds, tie_threshold)


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
    spreads = np.sqrt((squares + stated) / (experts - 1 + PRIOR_EXPERTS))
    shift_spread, log_scale_spread = np.minimum(spreads, MOST_SPREAD * np.array([PRIOR_SHIFT, PRIOR_LOG_SCALE]))
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
    rated = [(level, level + 1, level.reshape(-1), weight[..., None] * mass) for level, weight in judgments.rated]
    ends = np.full(gaps + 3, np.inf)
    ends[0] = -np.inf

    def loss(
        x: NDArray,
    ) -> tuple[float, NDArray]:  # called some twenty times a step: it is what a fit spends its time on
        log_gap, shift, log_scale = x[:gaps], x[gaps : gaps + experts], x[gaps + experts :]
        gap = np.exp(log_gap)
        ends[1:-1] = _thresholds(log_gap)
        predictor = np.exp(log_scale)[:, None, None] * nodes
        eta = shift[:, None, None] + predictor
        value, by_end, by_shift, by_scale = 0.0, np.zeros(ends.size), np.zeros(experts), np.zeros(experts)
        for level, above, flat, share in rated:
            low, high = ends[level][..., None] - eta, ends[above][..., None] - eta
            log_p = log_interval(low, high)
            value += np.add.reduce(share * log_p, None)
            slope, by_low, by_high = interval_gradient(low, high, log_p)
            by_end += np.bincount(flat, np.add.reduce(share * by_low, -1).reshape(-1), ends.size)
            by_end += np.bincount(flat + 1, np.add.reduce(share * by_high, -1).reshape(-1), ends.size)
            slope *= share
            by_shift += np.add.reduce(slope, (1, 2))
            by_scale += np.add.reduce(slope * predictor, (1, 2))
        by_c = by_end[1:-1] - _mean(by_end[1:-1])
        by_gap = np.cumsum(by_c[::-1])[::-1][1:] * gap
        penalty, uneven = _square(log_gap - usual, GAP_SPREAD)
        for part, spread in ((shift, structure.shift_spread), (log_scale, structure.log_scale_spread)):
            extra, pull = _square(part, spread)
            penalty, uneven = penalty + extra, np.concatenate([uneven, pull])
        mean = _mean(log_scale)
        penalty += 0.5 * (mean / MEAN_LOG_SCALE_SPREAD) ** 2
        uneven[gaps + experts :] += mean / MEAN_LOG_SCALE_SPREAD**2 / experts
        return penalty - value, uneven - np.concatenate([by_gap, by_shift, by_scale])

    start = np.concatenate([np.log(np.diff(structure.thresholds)), structure.shift, structure.log_scale])
    best = minimize(loss, start, jac=True, method="L-BFGS-B", options=M_STEP).x
    shift, log_scale = best[gaps : gaps + experts], best[gaps + experts :]
    found = replace(structure, thresholds=_thresholds(best[:gaps]), shift=shift, log_scale=log_scale)
    curve = rating_slopes(theta, judgments, found)[1]
    slopes = np.stack([np.ones(theta.shape), np.exp(log_scale)[:, None] * theta])
    prior = np.array([structure.shift_spread, structure.log_scale_spread])[:, None] ** -2
    return found.thresholds, shift, log_scale, 1 / ((curve * slopes**2).sum(-1) + prior)


def _thresholds(log_gap: NDArray) -> NDArray:
    c = np.zeros(log_gap.size + 1)
    np.cumsum(np.exp(log_gap), out=c[1:])
    return c - _mean(c)


def _mean(x: NDArray) -> float:
    """``x.mean()`` to the last bit, without its overhead: here there are a few values, and many calls."""
    return np.add.reduce(x) / x.size


def _square(x: NDArray, spread: float) -> tuple[float, NDArray]:
    """Penalty of a normal prior about the values' own mean, and its gradient."""
    apart = x - _mean(x) if x.size else x
    return float(0.5 * np.add.reduce(apart**2) / spread**2), apart / spread**2


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

    best = minimize_scalar(
        loss, bounds=(np.log(delta) - 1, np.log(delta) + 1), method="bounded", options={"xatol": 1e-10}
    )
    return float(np.exp(best.x))
