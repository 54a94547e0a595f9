"""The core of construction B: every expert's own latent scores behind both protocols, tied together by a common mean.

Expert j sees item i at theta_ij, and the same theta_ij stands behind both protocols:

    pairs     P(a over b) = Phi(theta_aj - theta_bj - delta),  a tie in between (Thurstone Case V; delta = 0 without ties)
    ratings   P(x_ij <= level k) = Phi(c_k - b_j - s_j theta_ij)

    theta_ij ~ N(q_i, sigma_u^2),   q_i ~ N(0, sigma_q^2) with mean zero over the items (the shifts carry the level)

Given variances, thresholds c, shifts b and scales s this is concave, and Newton finds the posterior mode of all q and
theta. An expert who counts twice in a resample enters as two with the same answers, so weights multiply that expert's
part. Where an expert did not judge an item, theta_ij is q_i and says nothing: it is left out (`judged_cells`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..arrays import Floats
from ..pairwise.probit import interval_slopes, mills
from .judged_cells import Judgments

MAX_STEPS = 200  # of Newton
LONGEST_STEP = 2.0


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
    personal : ndarray, shape (C,)
        theta of each judged cell.
    given_common : ndarray, shape (S,)
        Covariances of each expert's theta given q, laid flat (`Judgments.matrices`).
    covariance : ndarray, shape (n, n)
        Of q.
    """

    common: Floats
    personal: Floats
    given_common: Floats
    covariance: Floats


def pair_slopes(
    theta: NDArray, judgments: Judgments, tie_threshold: float, *, curved: bool = True
) -> tuple[NDArray, NDArray | None]:
    """First and minus second derivative of the pairs' log-likelihood in each difference.

    Parameters
    ----------
    theta : ndarray, shape (C,) or (C, R)
    judgments : Judgments
    tie_threshold : float
    curved : bool
        Whether the second derivative is wanted.

    Returns
    -------
    slope, curve : ndarray, shape (E,) or (E, R)
    """
    wins, ties, losses = (_beside(each, theta) for each in _answers(judgments))
    d = theta[judgments.first]
    d -= theta[judgments.second]
    sign = np.where(wins > 0, 1.0, -1.0)  # most often an expert answers a pair once: then one term says it all
    both = (wins > 0) & (losses > 0)
    slope, curve = _answer(d, sign, np.where(wins > 0, wins, losses), tie_threshold, curved)
    if both.any():
        more, more_curve = _answer(d, -sign, np.where(both, losses, 0.0), tie_threshold, curved)
        slope, curve = slope + more, curve + more_curve if curved else None
    if ties.any():
        tie, tie_curve, _, _ = interval_slopes(-tie_threshold - d, tie_threshold - d)
        slope, curve = slope + ties * tie, curve + ties * tie_curve if curved else None
    return slope, curve


def _answers(judgments: Judgments) -> tuple[NDArray, NDArray, NDArray]:
    return judgments.counts.wins, judgments.counts.ties, judgments.counts.losses


def _beside(values: NDArray, theta: NDArray) -> NDArray:
    """Values that are the same for all columns of theta, in its shape."""
    return values if theta.ndim == 1 else values[:, None]


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
    theta : ndarray, shape (C,) or (C, R)
    judgments : Judgments
    structure : Structure

    Returns
    -------
    slope, curve : ndarray, shape (C,) or (C, R)
        0 where nothing was rated.
    """
    shift, scale = structure.shift[judgments.expert], np.exp(structure.log_scale)[judgments.expert]
    ends = np.concatenate([[-np.inf], structure.thresholds, [np.inf]])
    slope, curve = np.zeros(theta.shape), np.zeros(theta.shape)
    for cell, level, weight in judgments.rated:
        eta = _beside(shift[cell], theta) + _beside(scale[cell], theta) * theta[cell]
        one, two, _, _ = interval_slopes(_beside(ends[level], theta) - eta, _beside(ends[level + 1], theta) - eta)
        slope[cell] += _beside(weight, theta) * one
        curve[cell] += _beside(weight, theta) * two
    return slope, curve


def posterior_mode(
    judgments: Judgments, structure: Structure, common: NDArray, personal: NDArray, *, tolerance: float = 1e-9
) -> Mode:
    """Newton's method for the whole panel.

    Parameters
    ----------
    judgments : Judgments
    structure : Structure
    common : ndarray, shape (n,)
        Where q starts.
    personal : ndarray, shape (C,)
        Where theta starts.
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
    q, theta, weights = common[:, None], personal[:, None], np.ones((judgments.n_experts, 1))
    for _ in range(MAX_STEPS):
        pull, inverse = newton_pull(judgments, structure, q, theta)
        above = common_covariance(judgments, structure, weights, inverse)
        move, shift, longest = joint_step(judgments, structure, weights, (q, theta), pull, inverse, above)
        q, theta = q + move, theta + shift
        if longest[0] < tolerance:
            return Mode(q[:, 0], theta[:, 0], inverse[0], above[0])
    raise RuntimeError(f"the joint scale did not converge in {MAX_STEPS} steps")


def gradient(
    judgments: Judgments, structure: Structure, q: NDArray, theta: NDArray, slope: NDArray, rate: NDArray
) -> NDArray[np.float64]:
    """Of the log-posterior in every theta, (C, R), from the derivatives of both protocols' log-likelihoods."""
    scale = np.exp(structure.log_scale)[judgments.expert, None]
    return judgments.sides @ slope + scale * rate + structure.taste**-2 * (q[judgments.item] - theta)


def newton_pull(
    judgments: Judgments, structure: Structure, q: NDArray, theta: NDArray
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Each theta's Newton step with q held fixed, (C, R), and the inverse curvatures, (R, S)."""
    slope, curve = pair_slopes(theta, judgments, structure.tie_threshold)
    rate, rate_curve = rating_slopes(theta, judgments, structure)
    right = gradient(judgments, structure, q, theta, slope, rate)
    diagonal, above, below = judgments.places
    scale = np.exp(structure.log_scale)[judgments.expert, None]
    information = np.zeros((theta.shape[1], judgments.matrix_items.size))
    information[:, above] = information[:, below] = -curve.T
    information[:, diagonal] = (abs(judgments.sides) @ curve + scale**2 * rate_curve + structure.taste**-2).T
    pull = np.empty(theta.shape)
    for block, matrices in judgments.matrices(information):
        matrices[...] = np.linalg.inv(matrices)  # in place: they are a view
        own = right[block.cells].reshape(*block.shape, -1)
        pull[block.cells] = np.einsum("rgkl,glr->gkr", matrices, own).reshape(pull[block.cells].shape)
    return pull, information


def common_covariance(
    judgments: Judgments, structure: Structure, weights: NDArray, inverse: NDArray
) -> NDArray[np.float64]:
    """Covariance of q, (R, n, n), once every theta follows it, for weights (J, R) and inverse curvatures (R, S) or (1, S)."""
    n, tie = judgments.n_items, structure.taste**-2
    own = weights[judgments.expert]  # (C, R)
    diagonal = structure.quality**-2 + tie * (judgments.of_items @ own)
    found = np.empty((weights.shape[1], n, n))
    for k, each in enumerate(found):
        spread = weights[judgments.matrix_expert, k] * inverse[k if len(inverse) > 1 else 0]
        each[...] = np.bincount(judgments.matrix_items, -(tie**2) * spread, n * n).reshape(n, n)
        each.reshape(-1)[:: n + 1] += diagonal[:, k]
        each[...] = _centred(np.linalg.inv(each))
    return found


def joint_step(
    judgments: Judgments,
    structure: Structure,
    weights: NDArray,
    at: tuple[NDArray, NDArray],
    pull: NDArray,
    inverse: NDArray,
    above: NDArray,
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Steps of q (n, R) and theta (C, R), no longer than `LONGEST_STEP`, and how long they would have been (R,)."""
    q, theta = at
    tie, item = structure.taste**-2, judgments.item
    gap = tie * (q[item] - theta)
    right = judgments.of_items @ (weights[judgments.expert] * (tie * pull - gap)) - structure.quality**-2 * q
    move = np.einsum("rkl,lr->kr", above, right)
    shift = pull + tie * _times_each(judgments, inverse, move[item])
    longest = np.maximum(np.abs(move).max(0), np.abs(shift).max(0))
    damp = np.minimum(1.0, LONGEST_STEP / np.maximum(longest, LONGEST_STEP))
    return damp * move, damp * shift, longest


def _times_each(judgments: Judgments, inverse: NDArray, values: NDArray) -> NDArray[np.float64]:
    """Matrices (R, S), or the same ones for all (1, S), times values (C, R)."""
    if len(inverse) == 1:
        return judgments.times(inverse[0], values)
    out = np.empty(values.shape)
    for block, matrices in judgments.matrices(inverse):
        own = values[block.cells].reshape(*block.shape, -1)
        out[block.cells] = np.einsum("rgkl,glr->gkr", matrices, own).reshape(out[block.cells].shape)
    return out


def _centred(covariance: NDArray) -> NDArray[np.float64]:
    """Condition a covariance on the mean being what it is."""
    total = covariance.sum(0)
    return covariance - np.outer(total, total) / total.sum()
