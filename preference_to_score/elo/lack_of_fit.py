"""Where one worth an image is not all that a judge goes by: an interaction between images, and what it adds to errors.

A judge whose log-odds are exact may still not be a Bradley-Terry judge: the residuals of one image against opponents
of like worth are then alike, and do not average out. The simplest such judge weighs one image against another by

    log-odds(a, b) = theta_a - theta_b + beta_a theta_b - beta_b theta_a,     beta of variance tau^2,

so an image may do better against the strong than its results against the weak tell. Its worth, when every pair is
asked, is that over all opponents; few games, or games with near neighbours, give another one. The variance component
tau^2 is found by moments from the residuals of the pool; chance alone makes it 0 as often as not.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..arrays import Floats

LEAST_WEIGHT = 1e-4  # of a judgment: residuals of answers that are as good as certain are not blown up further


def interaction_variance(
    design: NDArray, residual: NDArray, weight: NDArray, worths: NDArray, inverse: NDArray
) -> float:
    """tau^2, by equating two sums of squared residuals with what they are expected to be; at least 0.

    Parameters
    ----------
    design : ndarray, shape (m, n)
        1 for the first side of each comparison, -1 for the second.
    residual, weight : ndarray, shape (m,)
        Answer less expected answer, and the derivative of the latter.
    worths : ndarray, shape (n,)
    inverse : ndarray, shape (n, n)
        Of the curvature, the prior's part included.

    Returns
    -------
    float

    Examples
    --------
    >>> first, second = np.triu_indices(6, 1)
    >>> design = np.eye(6)[first] - np.eye(6)[second]
    >>> interaction_variance(design, np.zeros(15), np.full(15, 0.2), np.linspace(-2, 2, 6), np.eye(6))
    0.0
    """
    root = np.sqrt(np.maximum(weight, LEAST_WEIGHT))
    fitted = root[:, None] * design
    standard = residual / root
    standard = standard - fitted @ (inverse @ (fitted.T @ standard))
    pattern = root[:, None] * interaction_design(design, worths)
    pattern = pattern - fitted @ (inverse @ (fitted.T @ pattern))
    again = pattern - fitted @ (inverse @ (fitted.T @ pattern))
    gram = pattern.T @ pattern
    used = inverse @ (fitted.T @ fitted)
    tosses = len(residual) - 2 * np.trace(used) + np.trace(used @ used)
    expected = np.array([[(gram**2).sum(), (again**2).sum()], [np.trace(gram), tosses]])
    if not np.linalg.det(expected) > 1e-9 * expected[0, 0] * expected[1, 1]:
        return 0.0
    found = np.linalg.solve(expected, [((pattern.T @ standard) ** 2).sum(), standard @ standard])
    return max(float(found[0]), 0.0)


def interaction_design(design: NDArray, worths: NDArray) -> NDArray:
    """How each comparison's log-odds follow beta: theta of the opponent, with the sign of one's own side; (m, n)."""
    opponent = (design == -1) @ worths, (design == 1) @ worths
    return (design == 1) * opponent[0][:, None] - (design == -1) * opponent[1][:, None]


def covariance_of_interaction(
    variance: float, asked: NDArray, every: NDArray, worths: NDArray, prior: NDArray
) -> Floats:
    """What the interaction adds to the worths' covariance: by the pairs that were asked less by all pairs; (n, n).

    Parameters
    ----------
    variance : float
        tau^2.
    asked, every : ndarray, shape (n, n)
        Weight of each pair, symmetric: of the comparisons that were made (0 elsewhere), and of every pair. What stands on
        the diagonal has no part.
    worths, prior : ndarray, shapes (n,) and (n, n)
        The prior's precision.

    Returns
    -------
    ndarray, shape (n, n)
    """
    n = len(worths)
    if variance == 0:
        return np.zeros((n, n))
    less = _reaction(asked, worths, prior) - _reaction(every, worths, prior)
    less = less - less.mean(0)
    return variance * less @ less.T


def _reaction(weights: NDArray, worths: NDArray, prior: NDArray) -> NDArray:
    """How the fitted worths follow beta, shape (n, n); pair by pair summed up, without a row for each pair."""
    apart = weights - np.diag(np.diag(weights))
    curve = np.diag(apart.sum(1)) - apart
    return np.linalg.solve(curve + prior, np.diag(apart @ worths) - apart * worths[:, None])
