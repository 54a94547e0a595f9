"""Interval probabilities of a unit normal, with derivatives that stay exact far out in the tails."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.special import erfcx, log_ndtr

_LOG_ROOT_TWO_PI = 0.5 * np.log(2 * np.pi)


def mills(z: NDArray) -> NDArray[np.float64]:
    """Derivative of log Phi(z): phi(z) / Phi(z).

    Examples
    --------
    >>> mills(np.array([-40.0, 0.0, 40.0])).round(4)
    array([40.025 ,  0.7979,  0.    ])
    """
    return np.sqrt(2 / np.pi) / erfcx(-np.asarray(z) / np.sqrt(2))


def log_interval(low: NDArray, high: NDArray) -> NDArray[np.float64]:
    """log[Phi(high) - Phi(low)] for low < high; either may be infinite.

    Examples
    --------
    >>> log_interval(np.array([-np.inf, 30.0]), np.array([0.0, np.inf])).round(3)
    array([  -0.693, -454.321])
    """
    # in the upper tail both Phi are 1 to the last digit: there the mirrored interval is the accurate one
    bottom, top = np.minimum(low, -high), np.minimum(high, -low)
    log_top = log_ndtr(top)
    return log_top + np.log1p(-np.exp(np.minimum(log_ndtr(bottom) - log_top, -1e-15)))


def interval_slopes(low: NDArray, high: NDArray) -> tuple[NDArray, NDArray, NDArray, NDArray]:
    """log P of the interval (low - eta, high - eta) at eta = 0, with its derivatives in eta and in the ends.

    Parameters
    ----------
    low, high : ndarray
        Ends of the interval, low < high, infinite ones allowed.

    Returns
    -------
    slope, curvature : ndarray
        First derivative in eta, and minus the second (never negative).
    by_low, by_high : ndarray
        Derivatives in the ends.

    Examples
    --------
    >>> slope, curvature, _, _ = interval_slopes(np.array([-1.0]), np.array([1.0]))
    >>> slope, curvature.round(4)
    (array([0.]), array([0.7089]))
    """
    slope, by_low, by_high = interval_gradient(low, high, log_interval(low, high))
    at_low, at_high = -by_low, by_high
    finite_low, finite_high = np.where(np.isfinite(low), low, 0.0), np.where(np.isfinite(high), high, 0.0)
    curvature = slope**2 - finite_low * at_low + finite_high * at_high
    return slope, np.maximum(curvature, 0.0), by_low, by_high


def interval_gradient(low: NDArray, high: NDArray, log_p: NDArray) -> tuple[NDArray, NDArray, NDArray]:
    """First derivatives of log P of an interval, where log P is known already.

    Parameters
    ----------
    low, high : ndarray
        As for `interval_slopes`.
    log_p : ndarray
        `log_interval` of them.

    Returns
    -------
    slope, by_low, by_high : ndarray
        As from `interval_slopes`.

    Examples
    --------
    >>> low, high = np.array([-1.0]), np.array([2.0])
    >>> interval_gradient(low, high, log_interval(low, high))[0].round(4)
    array([0.2296])
    """
    at_low = np.exp(-0.5 * low**2 - _LOG_ROOT_TWO_PI - log_p)
    at_high = np.exp(-0.5 * high**2 - _LOG_ROOT_TWO_PI - log_p)
    return at_low - at_high, -at_low, at_high
