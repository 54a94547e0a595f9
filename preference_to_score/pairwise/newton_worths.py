"""Bradley-Terry log-worths by Newton's method on dense normal equations, several weightings of the comparisons at once.

The log-likelihood is concave in the log-worths and log nu. For many items see `sparse_worths`.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from ..arrays import Floats
from .davidson_model import worth_derivatives, worth_log_likelihood
from .pair_counts import PairCounts
from .reweighted_worths import fit_reweighted

TOLERANCE = 1e-10  # largest Newton step at which the fit counts as converged, in log-worth units
MAX_ITERATIONS = 100
MANY = 8  # weightings from which on they share a preconditioner instead of being solved one by one


@dataclass(frozen=True)
class WorthFits:
    """Fits to R weightings of the same comparisons of n items.

    Attributes
    ----------
    theta : ndarray, shape (R, n)
        Log-worths.
    log_tie : ndarray, shape (R,)
        Log of Davidson's nu; -inf without ties.
    iterations : int
        Newton steps taken.
    counts : PairCounts
        What was fitted.
    prior_precision : float
    free_tie : bool
        Whether log nu was estimated.
    """

    theta: Floats
    log_tie: Floats
    iterations: int
    counts: PairCounts
    prior_precision: float
    free_tie: bool

    @cached_property
    def hessian(self) -> NDArray[np.float64]:
        """Of the negative log-posterior, made invertible, (R, n, n); (R, n + 1, n + 1) where log nu was estimated."""
        return worth_derivatives(self.counts, self.theta, self.log_tie, self.prior_precision, self.free_tie)[1]

    @cached_property
    def log_likelihood(self) -> NDArray[np.float64]:
        """Without the prior's term, (R,)."""
        return worth_log_likelihood(self.counts, self.theta, self.log_tie)


def fit_counts(
    counts: PairCounts,
    prior_precision: float,
    *,
    log_tie: float | None = None,
    start: NDArray | None = None,
) -> WorthFits:
    """Newton's method for all weightings of `counts` at once; many of them take the way of `fit_reweighted`.

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
    if n_fits >= MANY and not free_tie:
        return _fit_many(counts, prior_precision, -np.inf if log_tie is None else log_tie, start)
    theta = np.zeros((n_fits, n)) if start is None else np.tile(start, (n_fits, 1))
    eta = np.full(n_fits, 0.0 if free_tie else (-np.inf if log_tie is None else log_tie))

    def objective(at: NDArray, tie: NDArray) -> NDArray:
        return worth_log_likelihood(counts, at, tie) - prior_precision / 2 * (at**2).sum(-1)

    value = objective(theta, eta)
    for iteration in range(1, MAX_ITERATIONS + 1):
        gradient, hessian = worth_derivatives(counts, theta, eta, prior_precision, free_tie)
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
            return WorthFits(theta, eta, iteration, counts, prior_precision, bool(free_tie))
    raise RuntimeError(f"Bradley-Terry did not converge in {MAX_ITERATIONS} Newton steps")


def _fit_many(counts: PairCounts, prior_precision: float, log_tie: float, start: NDArray | None) -> WorthFits:
    many = len(counts.wins)
    theta, iterations = fit_reweighted(counts, prior_precision, log_tie, start)
    return WorthFits(theta, np.full(many, log_tie), iterations, counts, prior_precision, False)
