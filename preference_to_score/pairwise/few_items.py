"""Bradley-Terry log-worths of few items: Newton's method on the table of who beat whom, with few and small operations.

At fifty items the time goes into calling numpy, not into arithmetic. So worths are taken to the power of e once per step, all
probabilities come from their ratios, and LAPACK factors and solves in one call. Steps need no log-likelihood: up to
`SAFE_REACH` they are taken whole, longer ones are cut to where the gain is sure (see `sparse_worths`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.linalg.lapack import dposv

from ..arrays import Floats
from .sparse_worths import SAFE_REACH

TABLE_UP_TO = 100  # items; beyond it the table is no longer small
LEFT = 1e-11  # error in log-worths that may be left after the last step
LAST_STEP = 1e-6  # no step longer than this is the last
MAX_ITERATIONS = 60
FARTHEST = 600.0  # log-worths further apart than this have ratios that overflow


@dataclass(frozen=True)
class TableFit:
    """A fit to a table of credits.

    Attributes
    ----------
    theta : ndarray, shape (n,)
        Log-worths.
    hessian : ndarray, shape (n, n)
        Of the negative log-posterior, made invertible by 1 / n in every entry where there is no prior.
    log_likelihood : float
        Without the prior's term.
    iterations : int
        Newton steps taken.
    """

    theta: Floats
    hessian: Floats
    log_likelihood: float
    iterations: int


def fit_table(credit: NDArray, prior_precision: float) -> TableFit | None:
    """Fit Bradley-Terry log-worths to a table of credits.

    Parameters
    ----------
    credit : ndarray, shape (n, n)
        What the row's item won against the column's, half of each tie included; the maximum must exist.
    prior_precision : float
        Of the Gaussian prior on each log-worth.

    Returns
    -------
    TableFit or None
        None where worths are so far apart, or steps so many, that another way must be taken.

    Examples
    --------
    >>> fit = fit_table(np.array([[0.0, 3.0], [1.0, 0.0]]), 0.0)
    >>> float(np.exp(fit.theta[0] - fit.theta[1]).round(9))
    3.0
    """
    met, won = credit + credit.T, credit.sum(1)
    theta = np.log((won + 0.5) / (credit.sum(0) + 0.5))  # log-odds of each item's share of wins
    theta -= theta.mean()
    before = np.inf
    for iteration in range(1, MAX_ITERATIONS + 1):
        worth = np.exp(theta)
        gradient, hessian = _derivatives(worth, met, won, prior_precision)
        if prior_precision:
            gradient -= prior_precision * theta
        _, step, failed = dposv(hessian, gradient, lower=1)
        if failed:
            return None
        reach = float(step.max() - step.min())
        theta = theta + (step if reach <= SAFE_REACH else step * (np.log1p(reach) / reach))
        if not theta.max() - theta.min() < FARTHEST:
            return None
        # near the maximum an error is some multiple of the square of the one before: the last two steps say which
        if reach <= LAST_STEP and reach**2 * max(1.0, reach / before**2) <= LEFT:
            worth = np.exp(theta)
            hessian = _derivatives(worth, met, won, prior_precision)[1]
            ratio = np.divide.outer(worth, worth)
            return TableFit(theta, hessian, -float(np.vdot(credit, np.log1p(ratio.T))), iteration)
        before = reach
    return None


def _derivatives(worth: NDArray, met: NDArray, won: NDArray, prior_precision: float) -> tuple[NDArray, NDArray]:
    """Gradient of the log-likelihood, (n,), and Hessian of the negative log-posterior, (n, n), at worths."""
    n = len(worth)
    odds = np.divide.outer(worth, worth).T  # of the column's item against the row's
    odds += 1
    expected = met / odds  # wins of the row's item
    hessian = expected / odds
    hessian -= expected
    curved = hessian.sum(1)
    if not prior_precision:
        hessian += 1 / n  # the likelihood does not see the common level: this fixes it at a mean of zero
    hessian.reshape(-1)[:: n + 1] += prior_precision - curved
    return won - expected.sum(1), hessian
