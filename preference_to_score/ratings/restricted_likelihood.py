"""Raters' inconsistencies by restricted likelihood, with a prior that keeps small panels from the edge.

    x_ij = q_i + b_j + v_j e_ij,   e_ij standard normal

Maximum likelihood uses up n + J - 1 degrees of freedom on the scores and biases and takes no account of it: with few raters
the scores follow the rater who is nearest to them until that rater's v_j is 0, where the likelihood is infinite. The
restricted likelihood (of all contrasts that are free of q and b, or equally with q and b integrated out under flat priors)
has no such point. It can still be highest at v_j = 0, so each log v_j^2 has a prior that is worth `prior_ratings` ratings:

    log p = -(k / 2) sum_j [ log(v_j^2 / s^2) + s^2 / v_j^2 ],

inverse gamma in v_j^2, with the panel's own level s^2 (at its maximum the harmonic mean of the v_j^2). It says nothing of how
large inconsistency is, only that raters do not differ by orders of magnitude. Newton's steps, exact second derivatives.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..arrays import Floats
from .ratings import Ratings
from .two_way_fit import TwoWayFit, fit_two_way, hat_squares, leverage

TOLERANCE = 1e-9  # largest Newton step in log v^2 at which the fit counts as converged
MAX_ITERATIONS = 500
LARGEST_STEP = 2.0
LEAST_INCONSISTENCY = 1e-3  # of the spread of the ratings


@dataclass(frozen=True)
class RestrictedFit:
    """Inconsistencies and what goes with them.

    Attributes
    ----------
    log_variance : ndarray, shape (J,)
        log v_j^2.
    covariance : ndarray, shape (J, J)
        Of them: the inverse of the expected information, prior included.
    log_likelihood : float
        Restricted, without the prior's term.
    iterations : int
    fit : TwoWayFit
        Scores and biases at these inconsistencies.
    """

    log_variance: Floats
    covariance: Floats
    log_likelihood: float
    iterations: int
    fit: TwoWayFit


def restricted_fit(ratings: Ratings, prior_ratings: float) -> RestrictedFit:
    """Maximise the restricted likelihood times the prior over the raters' inconsistencies.

    Parameters
    ----------
    ratings : Ratings
        Linked (`check_linked`), every item rated, every rater with ratings.
    prior_ratings : float
        k above; 0 is plain restricted likelihood, which needs three raters.

    Returns
    -------
    RestrictedFit

    Raises
    ------
    ValueError
        If two raters agree completely, except for a shift, on so many items that no prior holds them off zero, or a rater's
        inconsistency goes there for another reason (they are named).
    RuntimeError
        If it does not converge.

    References
    ----------
    Patterson and Thompson (1971), Biometrika 58, 545; Grubbs (1948), J. American Statistical Association 43, 243 (three
    raters, no prior).

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> table = rng.normal(size=100) + np.array([[0.5], [0.5], [1.0]]) * rng.normal(size=(3, 100))
    >>> marks = Ratings.from_arrays(np.tile(range(100), 3), np.repeat(range(3), 100), table.ravel())
    >>> np.exp(restricted_fit(marks, 2.0).log_variance / 2).round(1)
    array([0.5, 0.5, 0.9])
    """
    _check_copies(ratings, prior_ratings)
    spread = ratings.value.std()
    fit = fit_two_way(ratings, np.ones(len(ratings.raters)))
    free = len(ratings) - len(ratings.items) - len(ratings.raters) + 1
    start = fit.squares.sum() / max(free, 1)
    _check_above(ratings, np.full(len(ratings.raters), start), spread)
    log_variance = np.full(len(ratings.raters), np.log(start))
    fit = fit_two_way(ratings, np.exp(-log_variance))
    height = _objective(fit, log_variance, prior_ratings)
    for iteration in range(1, MAX_ITERATIONS + 1):
        step = _newton_step(fit, prior_ratings)
        largest = np.abs(step).max()
        step *= LARGEST_STEP / max(largest, LARGEST_STEP)
        for _ in range(40):
            following = log_variance + step
            moved = fit_two_way(ratings, np.exp(-following))
            higher = _objective(moved, following, prior_ratings)
            if higher >= height - 1e-12 * abs(height):
                break
            step /= 2
        log_variance, fit, height = following, moved, higher
        _check_above(ratings, np.exp(log_variance), spread)
        if largest < TOLERANCE:
            information = _expected_information(fit, prior_ratings)
            return RestrictedFit(
                log_variance, np.linalg.inv(information), _restricted(fit, log_variance), iteration, fit
            )
    raise RuntimeError(f"the restricted likelihood did not converge in {MAX_ITERATIONS} iterations")


def information_of_ratings(fit: TwoWayFit) -> NDArray[np.float64]:
    """Expected information of the restricted likelihood on the log v_j^2, at weights 1 / v_j^2.

    Parameters
    ----------
    fit : TwoWayFit

    Returns
    -------
    ndarray, shape (J, J)

    Examples
    --------
    >>> marks = Ratings.from_arrays([0, 1, 0, 1, 0, 1], list("xxyyzz"), [3, 5, 5, 7, 2, 2])
    >>> information_of_ratings(fit_two_way(marks, np.ones(3))).sum().round(6)  # half the degrees of freedom
    np.float64(1.0)
    """
    free = fit.counts.sum(0) - 2 * leverage(fit)
    return (np.diag(free) + hat_squares(fit)) / 2


def _expected_information(fit: TwoWayFit, prior_ratings: float) -> NDArray[np.float64]:
    return information_of_ratings(fit) + _prior_information(fit, prior_ratings)


def _prior_information(fit: TwoWayFit, prior_ratings: float) -> NDArray[np.float64]:
    ratio = fit.weight / fit.weight.mean()  # s^2 / v_j^2
    return prior_ratings / 2 * (np.diag(ratio) - np.outer(ratio, ratio) / ratio.size)


def _newton_step(fit: TwoWayFit, prior_ratings: float) -> NDArray[np.float64]:
    """Newton's step where the log-posterior is concave, else the step of Fisher's scoring, which always climbs."""
    gradient = (fit.weight * fit.squares - fit.counts.sum(0) + leverage(fit)) / 2
    expected = information_of_ratings(fit)
    # x' P V_j P V_k P x for the ratings x, from the residuals summed in each cell
    turned = fit.share.T @ fit.cell_residual
    used = (fit.cell_residual / fit.per_item[:, None]).T @ fit.cell_residual + turned.T @ fit.bias_covariance @ turned
    average = np.diag(fit.weight * fit.squares) - np.outer(fit.weight, fit.weight) * used
    prior = _prior_information(fit, prior_ratings)
    observed = average - expected - np.diag(gradient) + prior
    gradient = gradient + prior_ratings / 2 * (fit.weight / fit.weight.mean() - 1)
    concave = np.linalg.eigvalsh(observed)[0] > 1e-3 * np.linalg.eigvalsh(expected + prior)[0]
    return np.linalg.solve(observed if concave else expected + prior, gradient)


def _restricted(fit: TwoWayFit, log_variance: NDArray) -> float:
    count = fit.counts.sum(0)
    free = count.sum() - fit.counts.shape[0] - fit.counts.shape[1] + 1
    quadratic = (count * log_variance).sum() + fit.log_determinant + (fit.weight * fit.squares).sum()
    return float(-0.5 * (quadratic + free * np.log(2 * np.pi)))


def _objective(fit: TwoWayFit, log_variance: NDArray, prior_ratings: float) -> float:
    ratio = fit.weight / fit.weight.mean()
    return _restricted(fit, log_variance) - prior_ratings / 2 * float((ratio - np.log(ratio)).sum())


def _check_above(ratings: Ratings, variance: NDArray, spread: float) -> None:
    if (variance <= (LEAST_INCONSISTENCY * spread) ** 2).any():
        name = ratings.raters[int(variance.argmin())]
        raise ValueError(
            f"rater {name!r} fits without error: the inconsistencies have no estimate; give a larger prior_ratings, or use "
            "plain means"
        )


def _check_copies(ratings: Ratings, prior_ratings: float) -> None:
    """Refuse two raters who differ by a shift alone: as both v go to 0 the likelihood rises as v^-(shared items - 1)."""
    table = ratings.table()
    experts = len(table)
    needed = prior_ratings * (experts - 2) + 1  # the prior falls as v^(k (J - 2))
    for one in range(experts):
        gap = table[one + 1 :] - table[one]
        shared = (~np.isnan(gap)).sum(1)
        high, low = (
            pick(gap, axis=1, initial=end) for pick, end in ((np.fmax.reduce, -np.inf), (np.fmin.reduce, np.inf))
        )
        alike = (shared > max(needed, 1)) & (high - low <= LEAST_INCONSISTENCY * ratings.value.std())
        for other in one + 1 + np.flatnonzero(alike):
            raise ValueError(
                f"raters {ratings.raters[one]!r} and {ratings.raters[other]!r} agree completely, except for a shift, on "
                f"{shared[other - one - 1]} items: the inconsistencies have no estimate; keep one of the two"
            )
