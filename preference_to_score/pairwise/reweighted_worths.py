"""Bradley-Terry log-worths under many weightings of the same comparisons, as the resampling of experts asks for.

All weightings take Newton steps side by side, from their own shares of wins about the log-worths of the mean weighting. A step is
found by conjugate gradients whose preconditioner is shared: the inverse curvature of the mean weighting, inverted once.
Steps are cut as in `sparse_worths`, weighting by weighting, and a weighting that has converged is set aside.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csc_array, csr_array

from .davidson_model import answer_probabilities
from .few_items import FARTHEST
from .pair_counts import PairCounts
from .sparse_worths import SAFE_REACH

LAST_STEP = 3e-7  # after a step no longer than this, taken to as many digits, an error of its square is left
ROUGH_STEP = 1.0  # of the mean weighting, about which the others start
STALE = 0.3  # after a longer step the preconditioner's scales are taken anew
MAX_ITERATIONS = 100
MAX_CONJUGATE = 500
LEFT = 1e-12  # error in log-worths below which conjugate gradients need not go
TINY = 1e-300  # in place of a zero to divide a zero by


@dataclass
class _Side:  # all arrays with a column for each weighting that has not converged
    theta: NDArray  # (n, R)
    total: NDArray  # (P, R)
    surplus: NDArray  # (n, R), credit beyond half of the comparisons

    def of(self, keep: NDArray) -> _Side:
        return _Side(*(np.compress(keep, each, axis=1) for each in (self.theta, self.total, self.surplus)))


def fit_reweighted(
    counts: PairCounts,
    prior_precision: float,
    log_tie: float,
    start: NDArray | None = None,
) -> tuple[NDArray[np.float64], int]:
    """Fit every weighting of `counts`, the tie parameter held fixed.

    Parameters
    ----------
    counts : PairCounts
        In R weightings.
    prior_precision : float
        Of the Gaussian prior on each log-worth; where it is 0, the maximum must exist in every weighting.
    log_tie : float
        Log of Davidson's nu; -inf without ties.
    start : ndarray, shape (n,), optional
        Log-worths near those of the mean weighting; by default these are found first.

    Returns
    -------
    theta : ndarray, shape (R, n)
    iterations : int
        Newton steps taken, by the weighting that took most.

    Raises
    ------
    RuntimeError
        If a weighting does not converge.

    Examples
    --------
    >>> won = np.array([[3.0], [1.0]])
    >>> counts = PairCounts(np.array([0]), np.array([1]), won, 0 * won, np.ones((2, 1)), 2)
    >>> theta, _ = fit_reweighted(counts, 0.0, -np.inf)
    >>> np.exp(theta[:, 0] - theta[:, 1]).round(6)
    array([3., 1.])
    """
    n, many = counts.n_items, len(counts.wins)
    sides, (items, either) = counts.incidence, counts.sides
    total = np.ascontiguousarray((counts.wins + counts.ties + counts.losses).T)
    surplus = items @ np.ascontiguousarray((counts.wins - counts.losses).T / 2)
    half = either @ total / 2
    share = np.log((half + surplus + 0.5) / (half - surplus + 0.5))  # log-odds of each item's share of wins
    share -= share.mean(0)
    near = share.mean(1) if start is None else start
    mean = _Side(near[:, None], total.mean(1, keepdims=True), surplus.mean(1, keepdims=True))
    shared, usual = _inverse_curvature(mean, counts, prior_precision, log_tie, move=start is None)
    side = _Side(mean.theta + share - share.mean(1, keepdims=True), total, surplus)
    found, left, reach = np.empty((many, n)), np.arange(many), np.full(many, np.inf)
    gradient, spread = _derivatives(side, sides, items, prior_precision, log_tie)
    for iteration in range(1, MAX_ITERATIONS + 1):
        if reach.max() > STALE:
            own = either @ spread + prior_precision
            scale, floor = np.sqrt(usual[:, None] / own), LEFT**2 * own.mean(0)
        step = _conjugate_gradients(gradient, spread, sides, items, shared, scale, prior_precision, floor)
        reach = np.ptp(step, axis=0)
        done = reach < LAST_STEP
        if done.any():
            found[left[done]] = (side.theta[:, done] + step[:, done]).T
            left, side, reach, floor = left[~done], side.of(~done), reach[~done], floor[~done]
            step, scale = (np.compress(~done, each, axis=1) for each in (step, scale))
            if not left.size:
                return (found if prior_precision else found - found.mean(1, keepdims=True)), iteration
        before, side.theta = side.theta, side.theta + step
        gradient, spread = _derivatives(side, sides, items, prior_precision, log_tie)
        too_far = (reach > SAFE_REACH) & ((step * gradient).sum(0) < 0)
        if too_far.any():
            side.theta = before + step * np.where(too_far, np.log1p(reach) / np.maximum(reach, SAFE_REACH), 1.0)
            gradient, spread = _derivatives(side, sides, items, prior_precision, log_tie)
    raise RuntimeError(f"Bradley-Terry did not converge in {MAX_ITERATIONS} Newton steps")


def _inverse_curvature(
    mean: _Side, counts: PairCounts, prior_precision: float, log_tie: float, *, move: bool
) -> tuple[NDArray, NDArray]:
    """Inverse curvature of the mean weighting, made invertible, (n, n), and the curvature's diagonal before that, (n,).

    If it is to be moved, it takes Newton steps, cut as those of the others are, until one is short; the curvature is that
    where this one began.
    """
    n, (items, _) = counts.n_items, counts.sides
    gradient, spread = _derivatives(mean, counts.incidence, items, prior_precision, log_tie)
    for _ in range(MAX_ITERATIONS):
        curvature = np.zeros((n, n))
        curvature[counts.first, counts.second] = curvature[counts.second, counts.first] = -spread[:, 0]
        np.fill_diagonal(curvature, prior_precision - curvature.sum(1))
        usual = np.diag(curvature).copy()
        inverse = np.linalg.inv(curvature if prior_precision else curvature + 1 / n)
        if not move:
            return inverse, usual
        step, before = inverse @ gradient, mean.theta
        reach, mean.theta = np.ptp(step), before + step
        if reach < ROUGH_STEP:
            return inverse, usual
        gradient, spread = _derivatives(mean, counts.incidence, items, prior_precision, log_tie)
        if reach > SAFE_REACH and (step * gradient).sum() < 0:
            mean.theta = before + step * np.log1p(reach) / reach
            gradient, spread = _derivatives(mean, counts.incidence, items, prior_precision, log_tie)
    raise RuntimeError(f"Bradley-Terry did not converge in {MAX_ITERATIONS} Newton steps")


def _derivatives(
    side: _Side, sides: csr_array, items: csc_array, prior_precision: float, log_tie: float
) -> tuple[NDArray, NDArray]:
    """Gradient of the log-posterior, (n, R), and each pair's share in the curvature of its negative, (P, R)."""
    if np.isneginf(log_tie):
        d = _odds_of_second(side.theta, sides)
        d += 1
        mean = np.reciprocal(d, out=d)
        spread = mean * mean
        np.subtract(mean, spread, out=spread)
        mean -= 0.5
    else:
        d = sides @ side.theta
        win, _, loss = answer_probabilities(d, np.full((1, 1), log_tie))
        mean = (win - loss) / 2
        spread = (win + loss) / 4 - mean**2
    spread *= side.total
    mean *= side.total
    gradient = side.surplus - items @ mean
    return (gradient - prior_precision * side.theta if prior_precision else gradient), spread


def _odds_of_second(theta: NDArray, sides: csr_array) -> NDArray[np.float64]:
    """e^-d for the differences d of every pair, (P, R)."""
    if np.ptp(theta) < FARTHEST:
        worth, items = np.exp(theta), sides.indices.reshape(-1, 2)
        odds = np.take(worth, items[:, 1], axis=0)
        odds /= np.take(worth, items[:, 0], axis=0)
        return odds
    d = sides @ theta
    with np.errstate(over="ignore"):  # e^-d may overflow to infinity: then the probability is 0, as it should be
        return np.exp(np.negative(d, out=d), out=d)


def _conjugate_gradients(
    gradient: NDArray,
    spread: NDArray,
    sides: csr_array,
    items: csc_array,
    shared: NDArray,
    scale: NDArray,
    prior_precision: float,
    floor: NDArray,
) -> NDArray:
    """Solve curvature x = gradient in every column, the more closely the nearer the gradient is to zero."""
    found = np.zeros_like(gradient)
    x, left, place = found.copy(), gradient.copy(), np.arange(gradient.shape[1])
    scaled = scale * (shared @ (scale * left))
    direction, size = scaled, (left * scaled).sum(0)
    goal = np.maximum(size * np.minimum(0.1, np.sqrt(np.maximum(size, 0))) ** 2, floor)
    live = size > goal
    for _ in range(MAX_CONJUGATE):
        if 2 * np.count_nonzero(live) <= live.size:  # few are left: go on with these alone
            found[:, place] = x
            if not live.any():
                break
            columns = (x, left, scale, direction, spread)
            x, left, scale, direction, spread = (np.compress(live, each, axis=1) for each in columns)
            place, size, goal, live = place[live], size[live], goal[live], live[live]
        along = sides @ direction
        along *= spread
        product = items @ along
        if prior_precision:
            product += prior_precision * direction
        length = live * size / np.maximum((direction * product).sum(0), TINY)
        x += length * direction
        left -= length * product
        scaled = scale * (shared @ (scale * left))
        before, size = size, (left * scaled).sum(0)
        direction = scaled + live * size / np.maximum(before, TINY) * direction
        live &= size > goal
    found[:, place] = x
    return found
