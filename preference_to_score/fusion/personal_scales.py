"""The core of construction B: every expert's own latent scores behind both protocols, tied together by a common mean.

Expert j sees item i at theta_ij, and the same theta_ij stands behind both protocols:

    pairs     P(a over b) = Phi(theta_aj - theta_bj - delta),  a tie in between (Thurstone Case V; delta = 0 without ties)
    ratings   P(x_ij <= level k) = Phi(c_k - b_j - s_j theta_ij)

    theta_ij ~ N(q_i, sigma_u^2),   q_i ~ N(0, sigma_q^2) with mean zero over the items (the shifts carry the level)

Given variances, thresholds c, shifts b and scales s this is concave, and Newton finds the posterior mode of all q and
theta. An expert who counts twice in a resample enters as two with the same answers, so weights multiply that expert's
part.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..arrays import Floats
from ..pairwise.pair_counts import PairCounts
from ..pairwise.probit import interval_slopes, mills

MAX_STEPS = 200  # of Newton
CHORD_STEPS = 15  # with the full panel's curvature
LONGEST_STEP = 2.0


@dataclass(frozen=True, eq=False)
class Judgments:
    """Both protocols' judgments of J experts on n items, laid out for batched steps.

    Attributes
    ----------
    pairs : PairCounts
        One row of counts an expert.
    rated : tuple of (level, weight)
        Each (J, n): the position of the rating among the scale's levels and how many there are of it (0 where
        missing). More than one entry only where an expert rated an item repeatedly and differently.
    n_levels : int
    """

    pairs: PairCounts
    rated: tuple[tuple[NDArray[np.int_], NDArray[np.float64]], ...]
    n_levels: int

    @property
    def n_items(self) -> int:
        """n."""
        return self.pairs.n_items

    @property
    def n_experts(self) -> int:
        """J."""
        return self.pairs.wins.shape[0]


@dataclass(frozen=True)
class Structure:
    """What is held fixed while the scores move.

    Attributes
    ----------
    taste, quality : float
        sigma_u and sigma_q; the unit is the noise of one comparison.
    shift, log_scale : ndarray, shape (J,)
        b_j and log s_j; the unit of b_j is the noise of one rating.
    shift_spread, log_scale_spread : float
        Their standard deviations over the expert population.
    thresholds : ndarray, shape (n_levels - 1,)
        c, rising, mean zero.
    tie_threshold : float
        delta.
    """

    taste: float
    quality: float
    shift: Floats
    log_scale: Floats
    shift_spread: float
    log_scale_spread: float
    thresholds: Floats
    tie_threshold: float


@dataclass(frozen=True)
class Mode:
    """The posterior mode, with the curvature there.

    Attributes
    ----------
    common : ndarray, shape (n,)
        q.
    personal : ndarray, shape (J, n)
        theta_ij.
    given_common : ndarray, shape (J, n, n)
        Covariance of theta_j given q.
    covariance : ndarray, shape (n, n)
        Of q.
    """

    common: Floats
    personal: Floats
    given_common: Floats
    covariance: Floats


def pair_slopes(
    theta: NDArray, pairs: PairCounts, tie_threshold: float, *, curved: bool = True
) -> tuple[NDArray, NDArray | None]:
    """First and minus second derivative of the pairs' log-likelihood in each difference.

    Parameters
    ----------
    theta : ndarray, shape (..., J, n)
    pairs : PairCounts
    tie_threshold : float
    curved : bool
        Whether the second derivative is wanted.

    Returns
    -------
    slope, curve : ndarray, shape (..., J, P)
    """
    d = theta[..., pairs.first] - theta[..., pairs.second]
    sign = np.where(pairs.wins > 0, 1.0, -1.0)  # most often an expert answers a pair once: then one term says it all
    both = (pairs.wins > 0) & (pairs.losses > 0)
    slope, curve = _answer(d, sign, np.where(pairs.wins > 0, pairs.wins, pairs.losses), tie_threshold, curved)
    if both.any():
        more, more_curve = _answer(d, -sign, np.where(both, pairs.losses, 0.0), tie_threshold, curved)
        slope, curve = slope + more, curve + more_curve if curved else None
    if pairs.ties.any():
        tie, tie_curve, _, _ = interval_slopes(-tie_threshold - d, tie_threshold - d)
        slope, curve = slope + pairs.ties * tie, curve + pairs.ties * tie_curve if curved else None
    return slope, curve


def _answer(
    d: NDArray, sign: NDArray, weight: NDArray, tie_threshold: float, curved: bool
) -> tuple[NDArray, NDArray | None]:
    """Derivatives of weight * log Phi(sign * d - delta)."""
    z = sign * d
    z -= tie_threshold
    ratio = mills(z)
    slope = (weight * sign) * ratio
    return slope, np.maximum(weight * ratio * (ratio + z), 0.0) if curved else None


def rating_slopes(theta: NDArray, judgments: Judgments, structure: Structure) -> tuple[NDArray, NDArray]:
    """First and minus second derivative of the ratings' log-likelihood in the predictor b_j + s_j theta_ij.

    Parameters
    ----------
    theta : ndarray, shape (..., J, n)
    judgments : Judgments
    structure : Structure

    Returns
    -------
    slope, curve : ndarray, shape (..., J, n)
    """
    eta = structure.shift[:, None] + np.exp(structure.log_scale)[:, None] * theta
    ends = np.concatenate([[-np.inf], structure.thresholds, [np.inf]])
    slope, curve = np.zeros(eta.shape), np.zeros(eta.shape)
    for level, weight in judgments.rated:
        one, two, _, _ = interval_slopes(ends[level] - eta, ends[level + 1] - eta)
        slope, curve = slope + weight * one, curve + weight * two
    return slope, curve


def _sides(pairs: PairCounts) -> NDArray[np.float64]:
    """Signed incidence of pairs and items, (P, n)."""
    sides = np.zeros((pairs.first.size, pairs.n_items))
    row = np.arange(pairs.first.size)
    sides[row, pairs.first], sides[row, pairs.second] = 1.0, -1.0
    return sides


def posterior_mode(
    judgments: Judgments,
    structure: Structure,
    common: NDArray,
    personal: NDArray,
    *,
    weights: NDArray | None = None,
    tolerance: float = 1e-9,
) -> Mode:
    """Newton's method for one weighting of the experts.

    Parameters
    ----------
    judgments : Judgments
    structure : Structure
    common : ndarray, shape (n,)
        Where q starts.
    personal : ndarray, shape (J, n)
        Where theta starts.
    weights : ndarray, shape (J,), optional
        How often each expert counts; once by default.
    tolerance : float
        Largest step at which it counts as converged.

    Returns
    -------
    Mode

    Raises
    ------
    RuntimeError
        If it does not converge.
    """
    n = judgments.n_items
    q, theta = common, personal
    weights = np.ones(len(theta)) if weights is None else weights
    tie, prior = structure.taste**-2, structure.quality**-2
    scale = np.exp(structure.log_scale)[:, None]
    sides, pairs, own = _sides(judgments.pairs), judgments.pairs, np.arange(n)
    for _ in range(MAX_STEPS):
        slope, curve = pair_slopes(theta, pairs, structure.tie_threshold)
        rate, rate_curve = rating_slopes(theta, judgments, structure)
        information = np.zeros((*theta.shape, n))
        information[:, pairs.first, pairs.second] = information[:, pairs.second, pairs.first] = -curve
        information[:, own, own] = curve @ np.abs(sides) + scale**2 * rate_curve + tie
        inverse = np.linalg.inv(information)
        gap = tie * (q - theta)
        pull = (inverse @ (slope @ sides + scale * rate + gap)[..., None])[..., 0]
        above = _centred(np.linalg.inv(_schur(weights, inverse, tie, prior)))
        move = above @ (-prior * q + weights @ (tie * pull - gap))
        shift = pull + tie * inverse @ move
        longest = max(np.abs(move).max(), np.abs(shift).max())
        damp = min(1.0, LONGEST_STEP / longest) if longest > 0 else 1.0
        q, theta = q + damp * move, theta + damp * shift
        if longest < tolerance:
            return Mode(q, theta, inverse, above)
    raise RuntimeError(f"the joint scale did not converge in {MAX_STEPS} steps")


def resampled_modes(
    judgments: Judgments, structure: Structure, mode: Mode, weights: NDArray, *, tolerance: float = 1e-4
) -> NDArray[np.float64]:
    """Posterior modes of q in many weightings of the experts.

    The gradient is exact and the curvature is that of the full panel, so a step needs no new factorisation. Weightings
    that have converged drop out; those that are slow, with a curvature far from the full panel's, end with Newton steps.

    Parameters
    ----------
    judgments : Judgments
    structure : Structure
    mode : Mode
        Of the full panel.
    weights : ndarray, shape (R, J)
        How often each expert counts.
    tolerance : float
        Largest step at which a weighting counts as converged, in units of the noise of one comparison.

    Returns
    -------
    ndarray, shape (R, n)

    Raises
    ------
    RuntimeError
        If one does not converge.
    """
    tie, prior = structure.taste**-2, structure.quality**-2
    scale = np.exp(structure.log_scale)[:, None]
    sides, inverse = _sides(judgments.pairs), mode.given_common
    above = np.stack([_centred(np.linalg.inv(_schur(each, inverse, tie, prior))) for each in weights])
    q, theta = np.tile(mode.common, (len(weights), 1)), np.tile(mode.personal, (len(weights), 1, 1))
    going = np.arange(len(weights))
    for _ in range(CHORD_STEPS):
        at, own = q[going], theta[going]
        slope = pair_slopes(own, judgments.pairs, structure.tie_threshold, curved=False)[0]
        rate = rating_slopes(own, judgments, structure)[0]
        gap = tie * (at[:, None] - own)
        pull = _each(inverse, slope @ sides + scale * rate + gap)
        right = -prior * at + np.einsum("rj,rjn->rn", weights[going], tie * pull - gap)
        move = (above[going] @ right[..., None])[..., 0]
        shift = pull + tie * _each(inverse, np.broadcast_to(move[:, None], own.shape))
        longest = np.maximum(np.abs(move).max(1), np.abs(shift).max((1, 2)))
        damp = np.minimum(1.0, LONGEST_STEP / np.maximum(longest, LONGEST_STEP))
        q[going], theta[going] = at + damp[:, None] * move, own + damp[:, None, None] * shift
        going = going[longest >= tolerance]
        if not going.size:
            break
    for slow in going:
        q[slow] = posterior_mode(
            judgments, structure, mode.common, mode.personal, weights=weights[slow], tolerance=tolerance
        ).common
    return q


def _centred(covariance: NDArray) -> NDArray[np.float64]:
    """Condition a covariance on the mean being what it is."""
    total = covariance.sum(0)
    return covariance - np.outer(total, total) / total.sum()


def _schur(weights: NDArray, inverse: NDArray, tie: float, prior: float) -> NDArray[np.float64]:
    """Precision of q once every theta has followed it."""
    n = inverse.shape[-1]
    return (prior + weights.sum() * tie) * np.eye(n) - tie**2 * np.tensordot(weights, inverse, 1)


def _each(matrices: NDArray, vectors: NDArray) -> NDArray[np.float64]:
    """matrices (J, n, n), symmetric, times vectors (R, J, n)."""
    return np.swapaxes(np.swapaxes(vectors, 0, 1) @ matrices, 0, 1)
