"""Bradley-Terry log-worths by Newton's method on dense normal equations, many weightings of the same comparisons at once.

The log-likelihood is concave in the log-worths and log nu. For many items see `sparse_worths`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array, csr_array
from scipy.special import expit

from .pair_counts import PairCounts

TOLERANCE = 1e-10  # largest Newton step at which the fit counts as converged, in log-worth units
MAX_ITERATIONS = 100


@dataclass(frozen=True)
class WorthFits:
    """Fits to R weightings of the same comparisons of n items.

    Attributes
    ----------
    theta : ndarray, shape (R, n)
        Log-worths.
    log_tie : ndarray, shape (R,)
        Log of Davidson's nu; -inf without ties.
    hessian : ndarray, shape (R, n, n) or (R, n + 1, n + 1)
        Of the negative log-posterior, made invertible; the last row is that of log nu, where it was estimated.
    log_likelihood : ndarray, shape (R,)
        Without the prior's term.
    iterations : int
        Newton steps taken.
    """

    theta: NDArray[np.float64]
    log_tie: NDArray[np.float64]
    hessian: NDArray[np.float64]
    log_likelihood: NDArray[np.float64]
    iterations: int


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


def _log_likelihood(counts: PairCounts, theta: NDArray, log_tie: NDArray) -> NDArray:
    d = theta[:, counts.first] - theta[:, counts.second]
    total = counts.wins + counts.ties + counts.losses
    value = ((counts.wins - counts.losses) * d / 2 - total * log_normaliser(d, log_tie[:, None])).sum(-1)
    tied = counts.ties.sum(-1)
    return value + np.where(tied > 0, tied * np.where(tied > 0, log_tie, 0.0), 0.0)


def fit_counts(
    counts: PairCounts,
    prior_precision: float,
    *,
    log_tie: float | None = None,
    start: NDArray | None = None,
) -> WorthFits:
    """Newton's method for all weightings of `counts` at once.

    Parameters
    ----------
    counts : PairCounts
    prior_precision : float
        Of the Gaussian prior on each log-worth.
    log_tie : float, optional
        Hold log nu at this value; by default it is estimated where there are ties.
    start : ndarray, shape (n,), optional
        Log-worths to start from.

    Returns
    -------
    WorthFits
        With one row for each weighting.

    Raises
    ------
    RuntimeError
        If it does not converge.
    """
    n_fits, n = counts.wins.shape[0], counts.n_items
    free_tie = log_tie is None and counts.ties.any()
    theta = np.zeros((n_fits, n)) if start is None else np.tile(start, (n_fits, 1))
    eta = np.full(n_fits, 0.0 if free_tie else (-np.inf if log_tie is None else log_tie))

    def objective(at: NDArray, tie: NDArray) -> NDArray:
        return _log_likelihood(counts, at, tie) - prior_precision / 2 * (at**2).sum(-1)

    value = objective(theta, eta)
    for iteration in range(1, MAX_ITERATIONS + 1):
        gradient, hessian = _derivatives(counts, theta, eta, prior_precision, free_tie)
        step = np.linalg.solve(hessian, gradient[..., None])[..., 0]
        scale = np.ones(n_fits)
        for _ in range(40):  # a full step may overshoot far from the optimum: halve it where the objective falls
            moved = theta + scale[:, None] * step[:, :n]
            moved_eta = eta + scale * step[:, n] if free_tie else eta
            moved_value = objective(moved, moved_eta)
            worse = moved_value < value - 1e-12 * np.abs(value) - 1e-12
            if not worse.any():
                break
            scale = np.where(worse, scale / 2, scale)
        theta, eta, value = moved, moved_eta, moved_value
        if np.abs(step).max() < TOLERANCE:
            hessian = _derivatives(counts, theta, eta, prior_precision, free_tie)[1]
            return WorthFits(theta, eta, hessian, _log_likelihood(counts, theta, eta), iteration)
    raise RuntimeError(f"Bradley-Terry did not converge in {MAX_ITERATIONS} Newton steps")


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
    return _derivatives(counts, theta[None], np.array([log_tie]), prior_precision, bool(np.isfinite(log_tie)))[1][0]


def _derivatives(
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
    sides = incidence(a, b, n)
    gradient = (sides.T @ slope.T).T - prior_precision * theta
    hessian = np.zeros((n_fits, n, n))
    hessian[:, a, b] = hessian[:, b, a] = -curve
    diagonal = np.arange(n)
    hessian[:, diagonal, diagonal] = (abs(sides).T @ curve.T).T + prior_precision
    if prior_precision == 0:
        hessian += 1 / n  # the likelihood does not see the common level: this fixes it at a mean of zero
    if not free_tie:
        return gradient, hessian
    wide = np.zeros((n_fits, n + 1, n + 1))
    wide[:, :n, :n] = hessian
    wide[:, :n, n] = wide[:, n, :n] = -(sides.T @ (total * mean * tie).T).T
    wide[:, n, n] = (total * tie * (1 - tie)).sum(-1)
    tie_slope = (counts.ties - total * tie).sum(-1)
    return np.concatenate([gradient, tie_slope[:, None]], axis=1), wide


def incidence(first: NDArray, second: NDArray, n: int) -> csr_array:
    rows = np.arange(first.size)
    values = np.concatenate([np.ones(first.size), -np.ones(first.size)])
    where = (np.concatenate([rows, rows]), np.concatenate([first, second]))
    return coo_array((values, where), shape=(first.size, n)).tocsr()


def pair_residuals(theta: NDArray, counts: PairCounts, log_tie: float) -> NDArray[np.float64]:
    """Derivative of each row's log-likelihood in the difference of each pair's log-worths.

    Parameters
    ----------
    theta : ndarray, shape (R, n)
        Log-worths, in R versions.
    counts : PairCounts
        With J rows of counts.
    log_tie : float
        Log of Davidson's nu; -inf without ties.

    Returns
    -------
    ndarray, shape (R, J, P)

    Examples
    --------
    >>> counts = PairCounts(np.array([0]), np.array([1]), np.full((1, 1), 2.0), np.zeros((1, 1)), np.zeros((1, 1)), 2)
    >>> pair_residuals(np.zeros((1, 2)), counts, -np.inf)
    array([[[1.]]])
    """
    win, _, loss = answer_probabilities(theta[:, counts.first] - theta[:, counts.second], np.full((1, 1), log_tie))
    total = counts.wins + counts.ties + counts.losses
    return (counts.wins - counts.losses) / 2 - total * ((win - loss) / 2)[:, None]
