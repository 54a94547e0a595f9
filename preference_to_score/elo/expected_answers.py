"""Answers that uncertain worths promise, and the worths that promise them.

Of a difference of worths that is normal with mean m and variance v, the answer to be expected is E[sigma(d)], which is
nearer to 1/2 than sigma(m). Pseudo-scores are used by their differences alone, as sigma(E_a - E_b). So E is not the
mean of the worths but what fits the answers that are to be expected of all pairs best: held-out judgments then have
the logistic slope 1 on differences of E, whatever the error.
"""

from __future__ import annotations

import numpy as np
from scipy.special import expit

from ..arrays import Floats

NODES = np.linspace(
    -6.0, 6.0, 31
)  # in standard deviations: even steps, which are exact here to 1e-6 up to a variance of 16
MASS = np.exp(-(NODES**2) / 2) / np.exp(-(NODES**2) / 2).sum()
MAX_ITERATIONS, TOLERANCE, LONGEST_STEP = 200, 1e-10, 2.0  # of Newton's method, on the natural-log scale


def expected_answers(mean: Floats, variance: Floats) -> tuple[Floats, Floats]:
    """E[sigma(d)] and its derivative by the mean, for normal d (trapezium rule, 31 nodes).

    Parameters
    ----------
    mean, variance : ndarray of one shape
        The variance is at least 0.

    Returns
    -------
    answer, weight : ndarray
        The weight is E[sigma(d) (1 - sigma(d))], what a coin's toss would have as its variance, in the mean.

    Examples
    --------
    >>> answer, weight = expected_answers(np.array([2.0, 2.0]), np.array([0.0, 2.0]))
    >>> answer.round(3), weight.round(3)
    (array([0.881, 0.816]), array([0.105, 0.117]))
    """
    if not variance.any():
        certain = expit(mean)
        return certain, certain * (1 - certain)
    certain = expit(mean[..., None] + np.sqrt(variance)[..., None] * NODES)
    return (certain * MASS).sum(-1), (certain * (1 - certain) * MASS).sum(-1)  # sums: the same for a row, whatever else


def pool_that_promises(means: Floats, covariance: Floats) -> Floats:
    """Worths, mean zero, whose differences promise the answers that are to be expected of all pairs of a pool.

    Parameters
    ----------
    means : ndarray, shape (n,)
        Of the worths, given the judgments.
    covariance : ndarray, shape (n, n)

    Returns
    -------
    ndarray, shape (n,)
        Bradley-Terry worths that fit the expected answers best; the means themselves where there is no error.

    Raises
    ------
    RuntimeError
        If they are not found.

    Examples
    --------
    >>> pool_that_promises(np.array([1.0, -1.0]), np.eye(2)).round(3)
    array([ 0.745, -0.745])
    """
    n = len(means)
    own = np.diag(covariance)
    variance = np.maximum(own[:, None] + own - 2 * covariance, 0.0)
    expected, _ = expected_answers(means[:, None] - means, variance)
    worths, apart = means.astype(float), ~np.eye(n, dtype=bool)
    for _ in range(MAX_ITERATIONS):
        promised = expit(worths[:, None] - worths)
        weight = promised * (1 - promised) * apart
        curvature = np.diag(weight.sum(1) + 1e-8) - weight + 1 / n  # the mean is held; certain answers leave no curve
        step = np.linalg.solve(curvature, ((expected - promised) * apart).sum(1))
        step *= min(1.0, LONGEST_STEP / max(float(np.abs(step).max()), 1e-300))
        worths = worths + step
        if np.abs(step).max() < TOLERANCE * max(1.0, float(np.abs(worths).max())):
            return worths - worths.mean()
    raise RuntimeError("the worths that promise the expected answers were not found")


def newcomers_that_promise(means: Floats, variance: Floats, pool_means: Floats, pool_worths: Floats) -> Floats:
    """Worths of newcomers that promise as many wins against the whole pool as are to be expected.

    Parameters
    ----------
    means : ndarray, shape (q,)
    variance : ndarray, shape (q, n)
        Of the difference from each member.
    pool_means, pool_worths : ndarray, shape (n,)
        The members' means, and what they promise by (`pool_that_promises`).

    Returns
    -------
    ndarray, shape (q,)

    Raises
    ------
    RuntimeError
        If they are not found.

    Examples
    --------
    >>> members = np.array([1.0, -1.0])
    >>> newcomers_that_promise(np.array([2.0]), np.zeros((1, 2)), members, members).round(6)
    array([2.])
    """
    expected, _ = expected_answers(means[:, None] - pool_means, variance)
    worths = means.astype(float)
    reach = 60.0 + max(float(np.abs(pool_worths).max()), float(np.abs(means).max(initial=0.0)))
    low, high = np.full_like(worths, -reach), np.full_like(worths, reach)
    open_ = np.ones(len(worths), dtype=bool)
    for _ in range(MAX_ITERATIONS):
        promised = expit(worths[:, None] - pool_worths)
        score = (expected - promised).sum(1)
        following, low, high = safe_step(worths, score, (promised * (1 - promised)).sum(1), low, high)
        settled = np.abs(following - worths) < TOLERANCE * np.maximum(1.0, np.abs(following))
        worths = np.where(open_, following, worths)  # a row that has settled stays: it depends on itself only
        open_ &= ~settled
        if not open_.any():
            return worths
    raise RuntimeError("the worths that promise the expected answers were not found")


def safe_step(at: Floats, score: Floats, curvature: Floats, low: Floats, high: Floats) -> tuple[Floats, Floats, Floats]:
    """A Newton step towards the root of a falling score, inside a bracket that shrinks; each entry by itself.

    Returns
    -------
    following, low, high : ndarray

    Examples
    --------
    >>> one = np.ones(1)
    >>> safe_step(0 * one, one, 2 * one, -9 * one, 9 * one)[0]
    array([0.5])
    """
    low, high = np.where(score > 0, at, low), np.where(score > 0, high, at)
    following = at + np.divide(score, curvature, out=np.full_like(at, np.inf), where=curvature > 0)
    return np.where((low < following) & (following < high), following, (low + high) / 2), low, high
