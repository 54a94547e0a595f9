"""Is a pool on the judge's own scale? Its worths against judgments that had no part in them.

Where E differences are calibrated, held-out judgments have the logistic slope 1 on them: above 1 the worths are
squeezed, below 1 stretched. (The linear slope of log-odds has no such target: noise leaves it above 1.)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import expit, log_expit
from scipy.stats import norm

from ..arrays import Floats
from .elo import PoolFit

LEVEL = 0.95  # share of right pools that pass
SMALLEST_TOLERANCE = 0.05  # a slope so near to 1 does no harm, however exactly it is known
SQUEEZED = 0.77  # what the check has to find: the slope of the old fixed prior for a near-perfect judge
MAX_ITERATIONS = 200


@dataclass(frozen=True)
class PoolCheck:
    """The slope of held-out judgments on a pool's worths.

    Attributes
    ----------
    slope : float
        Logistic; above 1 where the worths are squeezed, below 1 where they are stretched.
    slope_se : float
        Its standard error if the worths are right: from the held-out judgments' residuals and from the worths' own
        errors.
    tolerance : float
        Of the slope about 1.
    comparisons : int
        Held-out judgments.
    passed : bool or None
        Whether the slope is within the tolerance of 1; None where it is, but the tolerance is so wide that worths
        squeezed to 0.77 would be within it too: then nothing can be said.
    distance : float or None
        Of the slope from 1, which the tolerance is held against: the signed root of the deviance, in units of the slope.
        The slope itself is drawn away from 0 by noise (votes: by 3 % in the mean), and is skewed. None in a check that an
        older version saved.
    """

    slope: float
    slope_se: float
    tolerance: float
    comparisons: int
    passed: bool | None
    distance: float | None = None


def check_pool(pool: PoolFit, first: ArrayLike, second: ArrayLike, probability: ArrayLike) -> PoolCheck:
    """Check a pool on judgments of its members that it was not fitted to.

    Parameters
    ----------
    pool : PoolFit
    first, second : array_like of int, shape (m,)
        Positions of the members.
    probability : array_like, shape (m,)
        P(first better).

    Returns
    -------
    PoolCheck

    Raises
    ------
    ValueError
        If there are fewer than two judgments, or the pool's worths do not differ where they were compared.

    Examples
    --------
    >>> from ppaint.preference_to_score import fit_pool
    >>> pool = fit_pool([0, 1, 2], [1, 2, 3], expit([1.0, 1.0, 1.0]), 4, prior_precision=1e-9)
    >>> held_out = [0, 0, 1], [2, 3, 3], expit([2.0, 3.0, 2.0])
    >>> round(check_pool(pool, *held_out).slope, 4)
    1.0
    """
    return check_pools([pool], first, second, np.asarray(probability, dtype=float)[:, None])[0][0]


def check_pools(
    pools: Sequence[PoolFit], first: ArrayLike, second: ArrayLike, probability: ArrayLike
) -> tuple[tuple[PoolCheck, ...], PoolCheck]:
    """Check one pool in several dimensions, each by itself and all by the slope that they have in common.

    Parameters
    ----------
    pools : sequence of PoolFit, length D
    first, second : array_like of int, shape (m,)
    probability : array_like, shape (m, D)
        NaN is an abstention.

    Returns
    -------
    each : tuple of PoolCheck, length D
    together : PoolCheck
        Of the mean of the slopes and distances, weighted by their precision. What the dimensions' residuals have in common is in its
        error.

    Raises
    ------
    ValueError
        If in a dimension there are fewer than two judgments, or the pool's worths do not differ where they were
        compared.

    Notes
    -----
    With one dimension there is one test, at 5 %. With more, the common slope is tested at 2.5 %, and the dimensions at
    2.5 % among them: a right pool passes all of it in 95 % of cases.

    References
    ----------
    McCullagh and Nelder (1989), Generalized Linear Models, chapter 12 (signed roots of the deviance are more nearly
    normal than estimates).
    """
    a, b, p = np.asarray(first), np.asarray(second), np.asarray(probability, dtype=float)
    many = len(pools)
    slopes, distances, variances, counts = (np.empty(many, dtype=t) for t in (float, float, float, int))
    scores = np.full(p.shape, np.nan)
    for k, pool in enumerate(pools):
        asked = ~np.isnan(p[:, k])
        slopes[k], distances[k], variances[k], scores[asked, k] = _slope(pool, a[asked], b[asked], p[asked, k])
        counts[k] = asked.sum()
    beyond = (1 - LEVEL) if many == 1 else (1 - LEVEL) / 2
    errors = np.sqrt(variances)
    columns = zip(slopes, distances, errors, counts.tolist(), strict=True)
    each = tuple(_verdict(*one, norm.isf(beyond / 2 / many)) for one in columns)
    weight = 1 / np.maximum(variances, 1e-12)
    weight /= weight.sum()
    covariance = _alike(scores) * np.outer(errors, errors)
    together = float(np.sqrt(max(weight @ covariance @ weight, 0.0)))
    common = float(weight @ slopes), float(weight @ distances)
    return each, _verdict(*common, together, int(counts.sum()), norm.isf(beyond / 2))


def _slope(pool: PoolFit, a: NDArray, b: NDArray, p: NDArray) -> tuple[float, float, float, Floats]:
    """Slope, its distance from 1, its variance if the right one is 1, and each judgment's score."""
    d = pool.log_worths[a] - pool.log_worths[b]
    if d.size < 2 or not np.abs(d).max() > 1e-9:
        raise ValueError("a slope needs two held-out judgments of members whose worths differ")
    slope = _root(d, p)
    expected = expit(d)
    information = d**2 * expected * (1 - expected)
    pull = np.zeros(pool.log_worths.size)  # how the score follows an error of each worth
    np.add.at(pull, a, d * expected * (1 - expected))
    np.add.at(pull, b, -d * expected * (1 - expected))
    score = d * (p - expit(slope * d))
    variance = (score @ score + pull @ pool.covariance @ pull) / information.sum() ** 2
    deviance = 2 * (_log_likelihood(slope * d, p) - _log_likelihood(d, p))
    distance = float(np.sign(slope - 1) * np.sqrt(max(deviance, 0.0) / information.sum()))
    return slope, distance, float(variance), score


def _log_likelihood(log_odds: NDArray, p: NDArray) -> float:
    return float(p @ log_expit(log_odds) + (1 - p) @ log_expit(-log_odds))


def _root(d: NDArray, p: NDArray) -> float:
    """Where the score of the slope is zero: Newton steps kept inside a bracket that is far wider than any slope."""
    reach = 50.0 / np.abs(d).max()  # beyond it every answer is as good as certain
    low, high, slope = -reach, reach, float(np.clip(1.0, -reach, reach))
    for _ in range(MAX_ITERATIONS):
        expected = expit(slope * d)
        score = d @ (p - expected)
        low, high = (slope, high) if score > 0 else (low, slope)
        curvature = (d**2 * expected * (1 - expected)).sum()
        following = slope + score / curvature if curvature > 0 else low - 1
        if not low < following < high:
            following = (low + high) / 2
        if abs(following - slope) < 1e-10 * max(1.0, reach):
            return float(following)
        slope = following
    raise RuntimeError("the slope of the self-check did not converge")


def _alike(scores: NDArray) -> NDArray:
    """Correlations between the dimensions' scores, (D, D); none where a dimension's answers are exact."""
    answered = np.nan_to_num(scores)
    size = np.sqrt((answered**2).sum(0))
    size[size == 0] = np.inf
    found = (answered / size).T @ (answered / size)
    np.fill_diagonal(found, 1.0)
    return found


def _verdict(slope: float, distance: float, error: float, comparisons: int, quantile: float) -> PoolCheck:
    tolerance = max(SMALLEST_TOLERANCE, float(quantile * error))
    passed: bool | None = bool(abs(distance) <= tolerance)
    if passed and tolerance >= 1 / SQUEEZED - 1:
        passed = None
    return PoolCheck(float(slope), float(error), tolerance, comparisons, passed, float(distance))
