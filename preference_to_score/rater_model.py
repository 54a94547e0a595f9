"""Ratings with each rater's bias and inconsistency taken into account (ITU-T P.910, maximum likelihood).

    x_ij = q_i + b_j + v_j e_ij,   e_ij standard normal,   sum of b_j over raters = 0

alternates between the items' scores q (means weighted by 1 / v_j^2, bias removed) and each rater's bias and
inconsistency. It is made for panels of a dozen and more: with few raters it may run off to where one of them is without
error, and then says so.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .ratings import Ratings

TOLERANCE = 1e-9
MAX_ITERATIONS = 10_000
LEAST_INCONSISTENCY = 1e-3  # of the scores' spread; below it the likelihood runs off to infinity


@dataclass(frozen=True)
class RaterModelResult:
    """Scores of items, and what the model says of each rater.

    Attributes
    ----------
    items, raters : tuple
    scores, standard_errors : ndarray, shape (n_items,)
        In rating units; the errors are 1 / sqrt(sum of 1 / v_j^2) over the item's ratings, somewhat too small with few
        raters (v_j is estimated along with the scores).
    bias, inconsistency : ndarray, shape (n_raters,)
        b_j (mean zero) and v_j, in rating units.
    log_likelihood : float
    converged : bool
        Always True: a fit that does not converge raises.
    iterations : int
    """

    items: tuple[Hashable, ...]
    raters: tuple[Hashable, ...]
    scores: NDArray[np.float64]
    standard_errors: NDArray[np.float64]
    bias: NDArray[np.float64]
    inconsistency: NDArray[np.float64]
    log_likelihood: float
    converged: bool
    iterations: int


def rater_model(ratings: Ratings) -> RaterModelResult:
    """Fit scores, biases and inconsistencies by alternating maximisation.

    Parameters
    ----------
    ratings : Ratings
        Every item rated at least once, every rater with at least two ratings, at least two raters.

    Returns
    -------
    RaterModelResult

    Raises
    ------
    ValueError
        If an item is unrated or a rater rated fewer than two, or one rater's inconsistency goes to zero, where the
        likelihood has no maximum (the rater is named).
    RuntimeError
        If it does not converge.

    References
    ----------
    ITU-T P.910 (2023), annex on maximum likelihood; Li and Bampis (2017), Data Compression Conference.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> item, rater = np.tile(range(200), 12), np.repeat(range(12), 200)
    >>> noise = np.where(rater < 6, 0.5, 1.0) * rng.normal(size=2400) + np.where(rater % 2, 1.0, -1.0)
    >>> fit = rater_model(Ratings.from_arrays(item, rater, np.sin(item) + noise))
    >>> fit.bias[:4].round(1)
    array([-1.,  1., -1.,  1.])
    >>> bool(fit.inconsistency[:6].max() < fit.inconsistency[6:].min())
    True
    """
    n, j = len(ratings.items), len(ratings.raters)
    item, rater, x = ratings.item, ratings.rater, ratings.value
    per_item, per_rater = np.bincount(item, minlength=n), np.bincount(rater, minlength=j)
    if j < 2 or (per_item == 0).any() or (per_rater < 2).any():
        raise ValueError("the rater model needs two raters, a rating of every item, and two ratings by every rater")
    q = np.bincount(item, x, n) / per_item
    spread = x.std()
    for iteration in range(1, MAX_ITERATIONS + 1):
        bias = np.bincount(rater, x - q[item], j) / per_rater
        bias -= bias.mean()
        residual = x - q[item] - bias[rater]
        inconsistency = np.sqrt(np.bincount(rater, residual**2, j) / per_rater)
        if (inconsistency <= LEAST_INCONSISTENCY * spread).any():
            name = ratings.raters[int(inconsistency.argmin())]
            raise ValueError(f"rater {name!r} fits without error: the likelihood has no maximum; use plain means")
        weight = inconsistency[rater] ** -2
        following = np.bincount(item, weight * (x - bias[rater]), n) / np.bincount(item, weight, n)
        change = np.abs(following - q).max()
        q = following
        if change < TOLERANCE:
            normal = -0.5 * (residual / inconsistency[rater]) ** 2 - np.log(inconsistency[rater] * np.sqrt(2 * np.pi))
            errors = 1 / np.sqrt(np.bincount(item, weight, n))
            return RaterModelResult(
                ratings.items, ratings.raters, q, errors, bias, inconsistency, float(normal.sum()), True, iteration
            )
    raise RuntimeError(f"the rater model did not converge in {MAX_ITERATIONS} iterations")
