"""Any number of newcomers against a frozen pool, a bounded number of them at a time."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .elo import PoolFit, rate_newcomers

MOST = 256  # newcomers at a time: a covariance of all of them is made for its diagonal
NUMBERS = 2**22  # newcomers at a time, times members squared, are at most this: 32 MB


def rate_many_newcomers(
    pool: PoolFit, newcomer: ArrayLike, opponent: ArrayLike, probability: ArrayLike
) -> tuple[NDArray[np.int_], NDArray[np.float64], NDArray[np.float64]]:
    """Rate newcomers as `rate_newcomers` does, in memory that does not grow with the square of their number.

    Parameters
    ----------
    pool : PoolFit
    newcomer : array_like of int, shape (m,)
        Number of the newcomer in each comparison.
    opponent : array_like of int, shape (m,)
        Position of the pool member it met.
    probability : array_like, shape (m,)
        P(newcomer better).

    Returns
    -------
    newcomers : ndarray of int, shape (q,)
        Their numbers, in order; none where there is no comparison.
    log_worths, standard_errors : ndarray, shape (q,)

    Raises
    ------
    ValueError
        If the columns differ in length, newcomers are no integers, or as `rate_newcomers` does.
    RuntimeError
        If a rating does not converge.

    Examples
    --------
    >>> from ppaint.preference_to_score import fit_pool
    >>> from scipy.special import expit
    >>> pool = fit_pool([0, 1, 0], [1, 2, 2], expit([1.0, 1.0, 2.0]), 3, prior_precision=1e-9)
    >>> newcomers, worths, errors = rate_many_newcomers(pool, [7, 7, 4], [0, 2, 1], expit([-0.5, 1.5, 0.2]))
    >>> newcomers, worths.round(4)
    (array([4, 7]), array([0.2, 0.5]))
    """
    who, met, p = np.asarray(newcomer), np.asarray(opponent), np.asarray(probability, dtype=float)
    if not who.shape == met.shape == p.shape or not np.issubdtype(who.dtype, np.integer):
        raise ValueError(
            f"newcomer (integers), opponent and probability must be of one length; got {who.shape}, {met.shape}, {p.shape}"
        )
    newcomers, row = np.unique(who, return_inverse=True)
    worths, errors = np.empty(len(newcomers)), np.empty(len(newcomers))
    at_a_time = int(np.clip(NUMBERS // pool.log_worths.size**2, 1, MOST))
    for start in range(0, len(newcomers), at_a_time):
        mine = (row >= start) & (row < start + at_a_time)
        rated = rate_newcomers(pool, row[mine], met[mine], p[mine])
        places = np.array(rated.items, dtype=int)
        worths[places], errors[places] = rated.log_worths, rated.standard_errors
    return newcomers, worths, errors
