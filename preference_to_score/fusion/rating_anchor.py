"""Construction A's second half: log-worths laid onto the rating scale by an affine map.

Plain regression of ratings on worths would shrink the spread; matching the spreads of the two noisy columns would
carry each one's noise along. So the spreads are matched with the error taken out of both:

    slope = sqrt[(Var MOS - mean se_MOS^2) / (Var theta - mean se_theta^2)],   mean to mean.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

LEAST_SIGNAL = 0.1  # of a column's variance that must be left once the error is taken out
NO_SPREAD = 1e-9  # standard deviation of log-worths that differ in their last digits only (all of them ties)


def anchor(
    theta: NDArray, theta_error: NDArray, scores: NDArray, score_error: NDArray, *, correct: bool = True
) -> tuple[NDArray, NDArray, NDArray]:
    """Affine map of log-worths onto the rating scale, for many fits at once.

    Parameters
    ----------
    theta, theta_error : ndarray, shape (R, n)
        Log-worths and their standard errors, clustered by expert.
    scores, score_error : ndarray, shape (R, n)
        Mean opinion scores and their standard errors after each expert's mean is removed; NaN where there is none.
    correct : bool
        Whether the error is taken out at all.

    Returns
    -------
    slope, intercept : ndarray, shape (R,)
        Rating = intercept + slope * theta.
    corrected : ndarray of bool, shape (R,)
        False where that was not wanted, or a difference was below a tenth of its variance, so that the plain ratio of
        standard deviations was used; and where the log-worths do not vary at all: there the slope is 0, and all items get the mean score.

    Examples
    --------
    >>> slope, intercept, corrected = anchor(
    ...     np.array([[-1.0, 0, 1]]), np.zeros((1, 3)), np.array([[3.0, 5, 7]]), np.zeros((1, 3))
    ... )
    >>> slope, intercept, corrected
    (array([2.]), array([5.]), array([ True]))
    """
    rated = ~np.isnan(scores)
    score_variance = np.nanvar(scores, axis=1, ddof=1)
    score_signal = score_variance - _mean_square(score_error)
    seen = np.where(rated, theta, np.nan)
    theta_variance = np.nanvar(seen, axis=1, ddof=1)
    theta_signal = theta_variance - _mean_square(np.where(rated, theta_error, np.nan))
    apart = theta_variance > NO_SPREAD**2
    corrected = (score_signal >= LEAST_SIGNAL * score_variance) & (theta_signal >= LEAST_SIGNAL * theta_variance)
    corrected &= apart & correct
    numerator = np.where(corrected, score_signal, score_variance)
    slope = np.sqrt(numerator / np.where(apart, np.where(corrected, theta_signal, theta_variance), np.inf))
    intercept = np.nanmean(scores, axis=1) - slope * np.nanmean(seen, axis=1)
    return slope, intercept, corrected


def _mean_square(errors: NDArray) -> NDArray:
    """Mean squared error of each row; infinite where no item has one, so that no correction is attempted."""
    known = ~np.isnan(errors)
    total = np.where(known, errors, 0.0) ** 2
    return np.where(known.any(1), total.sum(1) / np.maximum(known.sum(1), 1), np.inf)
