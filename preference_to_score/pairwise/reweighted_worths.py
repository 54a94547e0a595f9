"""Bradley-Terry log-worths under many weightings of the same comparisons, as the resampling of experts asks for.

All weightings take Newton steps side by side, from their own shares of wins about the log-worths of the mean weighting. A step is
found by conjugate gradients whose preconditioner is shared: the inverse curvature of the mean weighting, inverted once; far
from the maximum in single precision, which takes half of the memory and leaves errors that the next step finds.
Steps are cut as in `sparse_worths`, weighting by weighting, and a weighting that has converged is set aside.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csc_array, csr_array
from scipy.special import expit

from .davidson_model import answer_probabilities
from .few_items import FARTHEST
from .pair_counts import PairCounts
from .sparse_worths import SAFE_REACH

LAST_STEP = 3e-7  # after a step no longer than this, taken to as many digits, an error of its square is left
ROUGH_STEP = 1.0  # of the mean weighting, about which the others start
STALE = 0.3  # after a longer step the preconditioner's scales are taken anew
FAR = 1e-2  # after a step longer than this the next is found in single precision, to five digits
MAX_ITERATIONS = 100
MAX_CONJUGATE = 500
LEFT = 1e-12  # error in log-worths below which conjugate gradients need not go
TINY = 1e-37  # smallest that single precision holds to all its digits, in place of a zero to divide a zero by


@dataclass
class _Side:  # all arrays with a column for each weighting that has not converged
    theta: NDArray  # (n, R)
    total: NDArray  # (P, R)
    credit: NDArray  # (n, R), won in pairs in which the item comes first, less what the other won where it comes second

    def of(self, keep: NDArray) -> _Side:
        return _Side(*(np.compress(keep, each, axis=1) for each in (self.theta, self.total, self.credit)))


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
    total, won = counts.wins + counts.losses, counts.wins
    if counts.ties.any():
        total, won = total + counts.ties, won + counts.ties / 2
    total, credit = np.ascontiguousarray(total.T), items @ np.ascontiguousarray(won.T)
    half, surplus = either @ total / 2, credit - items @ total / 2
    share = np.log((half + surplus + 0.5) / (half - surplus + 0.5))  # log-odds of each item's share of wins
    share -= share.mean(0)
    near = share.mean(1) if start is None else start
    mean = _Side(near[:, None], total.mean(1, keepdims=True), credit.mean(1, keepdims=True))
    shared, usual = _inverse_curvature(mean, counts, prior_precision, log_tie, move=start is None)
    system = (sides, items, shared)
    systems = {np.float64: system, np.float32: [each.astype(np.float32) for each in system]}
    side = _Side(mean.theta + share - share.mean(1, keepdims=True), total, credit)
    found, left, reach = np.empty((many, n)), np.arange(many), np.full(many, np.inf)
    gradient, spread = _derivatives(side, sides, items, prior_precision, log_tie)
    for iteration in range(1, MAX_ITERATIONS + 1):
        if reach.max() > STALE:
            own = either @ spread + prior_precision
            scale, floor = np.sqrt(usual[:, None] / own), LEFT**2 * own.mean(0)
        kind = np.float32 if reach.max() > FAR else np.float64
        by_column = (each.astype(kind, copy=False) for each in (gradient, spread, scale, floor))
        step = _conjugate_gradients(*by_column, *systems[kind], prior_precision)
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
        chance = _chance_of_first(side.theta, sides)
        won = chance * side.total
        chance *= won
        spread = np.subtract(won, chance, out=chance)
    else:
        win, _, loss = answer_probabilities(sides @ side.theta, np.full((1, 1), log_tie))
        won = (1 + win - loss) / 2
        spread = ((win + loss) / 4 - (won - 0.5) ** 2) * side.total
        won *= side.total
    gradient = side.credit - items @ won
    return (gradient - prior_precision * side.theta if prior_precision else gradient), spread


def _chance_of_first(theta: NDArray, sides: csr_array) -> NDArray[np.float64]:
    """Probability that the first of a pair is preferred, (P, R)."""
    if np.ptp(theta) >= FARTHEST:
        return expit(sides @ theta)
    worth, items = np.exp(theta), sides.indices.reshape(-1, 2)
    first, both = (np.take(worth, items[:, side], axis=0) for side in (0, 1))
    both += first
    first /= both
    return first


def _conjugate_gradients(
    gradient: NDArray,
    spread: NDArray,
    scale: NDArray,
    floor: NDArray,
    sides: csr_array,
    items: csc_array,
    shared: NDArray,
    prior_precision: float,
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
