"""Davidson's model of the answers, Bradley and Terry's where nothing is tied: probabilities and derivatives.

For R weightings of the same pairs at a time; `theta` of shape (R, n) are log-worths, `log_tie` is log nu, of shape (R,).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from .pair_counts import PairCounts


def log_normaliser(d: NDArray, log_tie: NDArray) -> NDArray:
    """log Z at differences d (R, P); log_tie is (R, 1)."""
    half = np.abs(d) / 2
    log_z = half + np.log1p(np.exp(-2 * half))
    return log_z if np.isneginf(log_tie).all() else np.logaddexp(log_z, log_tie)


def answer_probabilities(d: NDArray, log_tie: NDArray) -> tuple[NDArray, NDArray, NDArray]:
    """P(first), P(tie) and P(second) at differences d (R, P); log_tie is (R, 1)."""
    if np.isneginf(log_tie).all():
        return expit(d), np.zeros(d.shape), expit(-d)
    log_z = log_normaliser(d, log_tie)
    return np.exp(d / 2 - log_z), np.exp(log_tie - log_z), np.exp(-d / 2 - log_z)


def worth_log_likelihood(counts: PairCounts, theta: NDArray, log_tie: NDArray) -> NDArray:
    """Log-likelihood of R weightings at their own log-worths theta (R, n) and log nu (R,); shape (R,)."""
    d = theta[:, counts.first] - theta[:, counts.second]
    total = counts.wins + counts.ties + counts.losses
    value = ((counts.wins - counts.losses) * d / 2 - total * log_normaliser(d, log_tie[:, None])).sum(-1)
    tied = counts.ties.sum(-1)
    return value + np.where(tied > 0, tied * np.where(tied > 0, log_tie, 0.0), 0.0)


def curvature(counts: PairCounts, theta: NDArray, log_tie: float, prior_precision: float) -> NDArray[np.float64]:
    """Hessian of the negative log-posterior of one weighting, made invertible.

    Parameters
    ----------
    counts : PairCounts
        With one row of counts.
    theta : ndarray, shape (n,)
        Log-worths.
    log_tie : float
        Log of Davidson's nu, taken as estimated; -inf without ties.
    prior_precision : float

    Returns
    -------
    ndarray, shape (n, n) or, with log nu last, (n + 1, n + 1)

    Examples
    --------
    >>> counts = PairCounts(np.array([0]), np.array([1]), np.ones((1, 1)), np.zeros((1, 1)), np.ones((1, 1)), 2)
    >>> curvature(counts, np.zeros(2), -np.inf, 0.0)  # with 1/n added everywhere: it fixes the mean
    array([[1., 0.],
           [0., 1.]])
    """
    return worth_derivatives(counts, theta[None], np.array([log_tie]), prior_precision, bool(np.isfinite(log_tie)))[1][
        0
    ]


def worth_derivatives(
    counts: PairCounts, theta: NDArray, log_tie: NDArray, prior_precision: float, free_tie: bool
) -> tuple[NDArray, NDArray]:
    """Gradient of the log-posterior and Hessian of its negative, (R, m) and (R, m, m)."""
    n_fits, n = theta.shape
    a, b = counts.first, counts.second
    win, tie, loss = answer_probabilities(theta[:, a] - theta[:, b], log_tie[:, None])
    total = counts.wins + counts.ties + counts.losses
    mean = (win - loss) / 2
    slope = (counts.wins - counts.losses) / 2 - total * mean
    curve = total * ((win + loss) / 4 - mean**2)
    signed, unsigned = counts.sides
    gradient = (signed @ slope.T).T - prior_precision * theta
    hessian = np.zeros((n_fits, n, n))
    hessian[:, a, b] = hessian[:, b, a] = -curve
    diagonal = np.arange(n)
    hessian[:, diagonal, diagonal] = (unsigned @ curve.T).T + prior_precision
    if prior_precision == 0:
        hessian += 1 / n  # the likelihood does not see the common level: this fixes it at a mean of zero
    if not free_tie:
        return gradient, hessian
    wide = np.zeros((n_fits, n + 1, n + 1))
    wide[:, :n, :n] = hessian
    wide[:, :n, n] = wide[:, n, :n] = -(signed @ (total * mean * tie).T).T
    wide[:, n, n] = (total * tie * (1 - tie)).sum(-1)
    tie_slope = (counts.ties - total * tie).sum(-1)
    return np.concatenate([gradient, tie_slope[:, None]], axis=1), wide
