"""Construction B's variances, thresholds, shifts and scales, by marginal likelihood.

An EM whose expectations over the experts' own scores come from the Laplace approximation at the posterior mode.
(Maximised jointly with the scores, the spread of taste would collapse to zero, and the ratings' noise with it.) Its
steps are extrapolated (SQUAREM), since an expert whose ratings say next to nothing makes plain EM crawl. Stated priors
keep a panel of a few experts from fitting nonsense; they are the constants below.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.special import ndtri

from ..pairwise.probit import interval_slopes, mills
from .judged_cells import Judgments
from .personal_scales import Mode, Structure, posterior_mode
from .rating_step import thresholds_of, update_ratings

PRIOR_EXPERTS = 2.0  # weight of the stated prior spreads, as a number of experts
PRIOR_TASTE = 0.5  # typical spread of taste, in units of the noise of one comparison; weighs as two of the n J tastes
PRIOR_QUALITY = 1.0  # typical spread of the items, in the same unit; weighs as one item
PRIOR_SHIFT = 0.75  # typical spread of the experts' shifts, in units of the noise of one rating
PRIOR_LOG_SCALE = 0.25  # typical spread of the experts' log scales
MOST_SPREAD = 3.0  # of the experts' shifts and log scales, in typical spreads: one careless expert must not set it
EM_TOLERANCE = 1e-8  # largest change of a step, in logs of spreads and distances, shifts and log scales
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
        tie_threshold=0.1 if judgments.counts.ties.any() else 0.0,
    )
    common, personal, steps = np.zeros(n), np.zeros(judgments.n_cells), 0

    def em(at: Structure) -> Structure:
        nonlocal common, personal, steps
        mode = posterior_mode(judgments, at, common, personal)
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
    thresholds = thresholds_of(vector[4 + tied : -2 * experts])
    tie_threshold = tie[0] if tied else 0.0
    return Structure(taste, quality, shift, log_scale, shift_spread, log_scale_spread, thresholds, tie_threshold)


def _update(judgments: Judgments, structure: Structure, mode: Mode, levels: NDArray) -> Structure:
    """One M-step: expected squares for the spreads, expected log-likelihood for the rest."""
    n, experts = judgments.n_items, judgments.n_experts
    spread, whole = _variances(judgments, structure, mode)
    apart = (mode.personal - mode.common[judgments.item]) ** 2
    # an expert's taste for what he or she did not judge is as uncertain as before: the estimate that EM comes to is the same with
    # and without, but with very much of it EM crawls
    unjudged = judgments.unjudged if judgments.unjudged <= judgments.n_cells else 0
    tastes = (apart + spread).sum() + unjudged * structure.taste**2 + 2 * PRIOR_TASTE**2
    taste = np.sqrt(tastes / (judgments.n_cells + unjudged + 2))
    quality = np.sqrt(((mode.common**2 + np.diag(mode.covariance)).sum() + PRIOR_QUALITY**2) / n)
    thresholds, shift, log_scale, errors = update_ratings(judgments, structure, mode.personal, whole, levels)
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


def _variances(judgments: Judgments, structure: Structure, mode: Mode) -> tuple[NDArray, NDArray]:
    """Posterior variance of every cell's theta about its q, and in all, both (C,)."""
    spread, whole = np.empty((2, judgments.n_cells))
    covariance = mode.covariance.reshape(-1)[judgments.matrix_items]
    given = judgments.matrices(mode.given_common)
    for (block, own), (_, common) in zip(given, judgments.matrices(covariance), strict=True):
        lever = own * structure.taste**-2  # response of theta to q
        apart = lever - np.eye(block.shape[1])
        alone = np.einsum("jkk->jk", own)
        spread[block.cells] = (alone + ((apart @ common) * apart).sum(-1)).reshape(-1)
        whole[block.cells] = (alone + ((lever @ common) * lever).sum(-1)).reshape(-1)
    return spread, whole


def _first_thresholds(judgments: Judgments, levels: NDArray) -> NDArray:
    """Thresholds at which a wide normal would use the levels about as often as they were used."""
    used = np.zeros(levels.size)
    for _, level, weight in judgments.rated:
        used += np.bincount(level, weight, levels.size)
    share = np.cumsum(used + 0.5)[:-1] / (used + 0.5).sum()
    from_normal = 2.0 * ndtri(share)  # noise 1 and a spread of scores of about 1.7
    return from_normal - from_normal.mean()


def _update_tie_threshold(judgments: Judgments, theta: NDArray, delta: float) -> float:
    """The most likely threshold, at most a factor of e from `delta`."""
    counts = judgments.counts
    if not counts.ties.any():
        return delta
    d = theta[judgments.first] - theta[judgments.second]

    def slope(log_delta: float) -> float:  # of the log-likelihood in delta
        at = np.exp(log_delta)
        _, _, by_low, by_high = interval_slopes(-at - d, at - d)
        clear = counts.wins * mills(d - at) + counts.losses * mills(-d - at)
        return float((counts.ties * (by_high - by_low) - clear).sum())

    least, most = np.log(delta) - 1, np.log(delta) + 1
    if slope(least) <= 0:
        return float(np.exp(least))
    return float(np.exp(most if slope(most) >= 0 else brentq(slope, least, most, xtol=1e-12)))
