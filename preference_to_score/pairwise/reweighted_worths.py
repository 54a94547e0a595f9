"""Bradley-Terry log-worths under many weightings of the same comparisons, as the resampling of experts asks for.

All weightings take Newton steps side by side. They start where the mean weighting's curvature, inverted once, takes
the change in each item's log-odds of winning. The first steps are found from derivatives in single precision, which
takes half of the memory and leaves errors that later steps find. A step is found by conjugate gradients whose
preconditioner is that shared inverse, scaled for each weighting, far from the maximum in single precision too; where
few weightings are left, each is solved by itself. Steps are cut as in `sparse_worths`, weighting by weighting, and a
weighting that has converged is set aside. The mean of the log-worths is zero at the maximum, with a prior or without:
it is held there, where rounding would move it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.linalg.lapack import dposv
from scipy.sparse import csc_array
from scipy.special import expit

from .davidson_model import answer_probabilities
from .pair_counts import PairCounts
from .sparse_worths import SAFE_REACH

LAST_STEP = 3e-7  # after a step no longer than this, taken to as many digits, an error of its square is left
ROUGH_STEP = 1.0  # of the mean weighting, about which the others start
ROUGH_STEPS = 3  # at most, from derivatives in single precision
NEAR = 10.0  # log-worths up to which these are precise enough
WIDE = 5.0  # times the change in log-odds: a start further than this from the mean weighting's is not believed
FAR = 1e-2  # after a step longer than this the next is found in single precision, to five digits
FEW = 20  # weightings, down from which each is solved by itself
SMALL = 200  # items up to which that is so: a table of all pairs is made of each
FARTHEST = 40.0  # log-worths further from zero than this are not raised to the power of e in single precision
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

    def single(self) -> _Side:
        return _Side(*(each.astype(np.float32) for each in (self.theta, self.total, self.credit)))


class _Pairs:
    """From items to pairs and back, in either precision."""

    def __init__(self, counts: PairCounts) -> None:
        sides = counts.incidence
        self.n, self.first, self.second = counts.n_items, counts.first, counts.second
        signs, shape = sides.data.astype(np.float32), sides.shape[::-1]
        single = csc_array((signs, sides.indices, sides.indptr), shape=shape)
        self.items = {np.float64: sides.T, np.float32: single}
        self.either = csc_array((abs(signs), sides.indices, sides.indptr), shape=shape)
        # tables to work in, one piece of memory: smaller ones go back to the system each time, to be cleared anew
        self.memory = np.empty((3, counts.wins.size))

    def taken(self, x: NDArray) -> list[NDArray]:
        """What the first and the second items have, and a table to fill, (P, R); all three hold until the next call."""
        shape = self.first.size, x.shape[1]
        tables = [row.view(x.dtype)[: shape[0] * shape[1]].reshape(shape) for row in self.memory]
        for side, table in zip((self.first, self.second), tables, strict=False):
            np.take(x, side, axis=0, out=table, mode="clip")  # the mode that writes straight into the table
        return tables

    def differences(self, x: NDArray) -> NDArray:
        """The first item's less the second's, (P, R), until the next call."""
        first, second, _ = self.taken(x)
        return np.subtract(first, second, out=first)

    def sums(self, y: NDArray) -> NDArray:
        """Over the pairs in which an item comes first, less those in which it comes second, (n, R)."""
        return self.items[y.dtype.type] @ y

    def curvature(self, spread: NDArray, prior_precision: float) -> tuple[NDArray, NDArray]:
        """Curvature of each weighting, made invertible, (R, n, n), and its diagonal before that, (R, n)."""
        curvature = np.zeros((spread.shape[1], self.n, self.n))
        curvature[:, self.first, self.second] = curvature[:, self.second, self.first] = -spread.T
        usual = prior_precision - curvature.sum(2)
        curvature.reshape(-1, self.n**2)[:, :: self.n + 1] = usual
        return curvature + 1 / self.n, usual


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
    pairs, many = _Pairs(counts), len(counts.wins)
    exact, shared, usual = _start(counts, pairs, prior_precision, log_tie, start)
    systems = {kind: (shared.astype(kind), usual.astype(kind)) for kind in (np.float64, np.float32)}
    found, left, reach = np.empty((many, pairs.n)), np.arange(many), np.full(many, np.inf)
    rough = np.abs(exact.theta).max() < NEAR
    side = exact.single() if rough else exact
    gradient, spread = _derivatives(side, pairs, prior_precision, log_tie)
    for iteration in range(1, MAX_ITERATIONS + 1):
        step = _one_by_one(gradient, spread, pairs, prior_precision) if left.size <= FEW and pairs.n <= SMALL else None
        if step is None:
            kind = np.float32 if reach.max() > FAR else np.float64
            by_column = (each.astype(kind, copy=False) for each in (gradient, spread))
            step = _conjugate_gradients(*by_column, pairs, *systems[kind], prior_precision)
        reach = np.ptp(step, axis=0)
        done = (reach < LAST_STEP) & (not rough)
        if done.any():
            found[left[done]] = (side.theta[:, done] + step[:, done]).T
            left, side, reach, step = left[~done], side.of(~done), reach[~done], np.compress(~done, step, axis=1)
            if not left.size:
                return found - found.mean(1, keepdims=True), iteration
        if rough and (iteration == ROUGH_STEPS or reach.max() < FAR or np.abs(side.theta).max() > NEAR):
            side, rough = replace(exact, theta=side.theta.astype(float)), False
        before, side.theta = side.theta, side.theta + step
        gradient, spread = _derivatives(side, pairs, prior_precision, log_tie)
        too_far = (reach > SAFE_REACH) & ((step * gradient).sum(0) < 0)
        if too_far.any():
            step *= np.where(too_far, np.log1p(reach) / np.maximum(reach, SAFE_REACH), 1.0).astype(step.dtype)
            side.theta = before + step
            gradient, spread = _derivatives(side, pairs, prior_precision, log_tie)
    raise RuntimeError(f"Bradley-Terry did not converge in {MAX_ITERATIONS} Newton steps")


def _start(
    counts: PairCounts, pairs: _Pairs, prior_precision: float, log_tie: float, start: NDArray | None
) -> tuple[_Side, NDArray, NDArray]:
    """Where the weightings start, and the inverse curvature of their mean, (n, n), and its diagonal before, (n, 1)."""
    total, tied = np.array(counts.wins.T, order="C"), counts.ties.any()
    if tied:
        total += counts.ties.T / 2
    credit = pairs.sums(total)
    total += counts.losses.T
    if tied:
        total += counts.ties.T / 2
    half, surplus = pairs.either @ total.astype(np.float32) / 2, credit - pairs.sums(total) / 2
    won, lost = half + surplus + 0.5, half - surplus + 0.5
    odds = np.log(won / lost)
    near = odds.mean(1) if start is None else start
    mean = _Side(near[:, None] - near.mean(), total.mean(1, keepdims=True), credit.mean(1, keepdims=True))
    gradient, shared, usual = _inverse_curvature(mean, pairs, prior_precision, log_tie, move=start is None)
    # a weighting's gradient there follows from its wins; the change in their log-odds, in its units, goes less astray
    won, lost = won.mean(1, keepdims=True), lost.mean(1, keepdims=True)
    change = odds - np.log(won / lost)
    move = shared @ (gradient + change * (won * lost / (won + lost)))
    move = np.where(np.ptp(move, axis=0) < WIDE * np.ptp(change, axis=0), move, change - change.mean(0))
    theta = mean.theta + move
    return _Side(theta - theta.mean(0), total, credit), shared, usual


def _one_by_one(gradient: NDArray, spread: NDArray, pairs: _Pairs, prior_precision: float) -> NDArray | None:
    """Solve curvature x = gradient in every column; None if that fails in one."""
    tables, _ = pairs.curvature(spread, prior_precision)
    solved = [dposv(table, column, lower=1)[1:] for table, column in zip(tables, gradient.T, strict=True)]
    return None if any(failed for _, failed in solved) else np.stack([step for step, _ in solved], axis=1)


def _inverse_curvature(
    mean: _Side, pairs: _Pairs, prior_precision: float, log_tie: float, *, move: bool
) -> tuple[NDArray, NDArray, NDArray]:
    """The mean weighting's gradient, (n, 1), inverse curvature, made invertible, (n, n), its diagonal before, (n, 1).

    If it is to be moved, it takes Newton steps, cut as those of the others are, until the next is short.
    """
    gradient, spread = _derivatives(mean, pairs, prior_precision, log_tie)
    for _ in range(MAX_ITERATIONS):
        (curvature,), (usual,) = pairs.curvature(spread, prior_precision)
        inverse = np.linalg.inv(curvature)
        step, before = inverse @ gradient, mean.theta
        reach = np.ptp(step)
        if not move or reach < ROUGH_STEP:
            return gradient, inverse, usual[:, None]
        mean.theta = before + step
        gradient, spread = _derivatives(mean, pairs, prior_precision, log_tie)
        if reach > SAFE_REACH and (step * gradient).sum() < 0:
            mean.theta = before + step * np.log1p(reach) / reach
            gradient, spread = _derivatives(mean, pairs, prior_precision, log_tie)
    raise RuntimeError(f"Bradley-Terry did not converge in {MAX_ITERATIONS} Newton steps")


def _derivatives(side: _Side, pairs: _Pairs, prior_precision: float, log_tie: float) -> tuple[NDArray, NDArray]:
    """Gradient of the log-posterior, (n, R), and each pair's share in the curvature of its negative, (P, R).

    The gradient is as precise as `side`; that share is in single precision: each errs by so small a part of itself that
    no step errs by more of itself.
    """
    if np.isneginf(log_tie):
        won, lost = _chances(side.theta, pairs)
        won *= side.total
        spread = np.multiply(won, lost, out=np.empty(won.shape, np.float32), casting="same_kind")
    else:
        win, _, loss = answer_probabilities(pairs.differences(side.theta), np.full((1, 1), log_tie))
        won = (1 + win - loss) / 2
        spread = (((win + loss) / 4 - (won - 0.5) ** 2) * side.total).astype(np.float32)
        won *= side.total
    gradient = side.credit - pairs.sums(won)
    if prior_precision:
        gradient -= prior_precision * side.theta
    return gradient - gradient.mean(0), spread


def _chances(theta: NDArray, pairs: _Pairs) -> tuple[NDArray, NDArray]:
    """Probability that the first of a pair is preferred and that the second is, (P, R)."""
    if np.abs(theta).max() >= FARTHEST:
        d = pairs.differences(theta)
        return expit(d), expit(-d)
    first, second, both = pairs.taken(np.exp(theta))
    np.add(first, second, out=both)
    first /= both
    second /= both
    return first, second


def _conjugate_gradients(
    gradient: NDArray, spread: NDArray, pairs: _Pairs, shared: NDArray, usual: NDArray, prior_precision: float
) -> NDArray:
    """Solve curvature x = gradient in every column, the more closely the nearer the gradient is to zero."""
    own = pairs.either @ spread + prior_precision
    scale, found = np.sqrt(usual / own), np.zeros_like(gradient)
    x, left, place = found.copy(), gradient.copy(), np.arange(gradient.shape[1])
    scaled = scale * (shared @ (scale * left))
    direction, size = scaled, (left * scaled).sum(0)
    goal = np.maximum(size * np.minimum(0.1, np.sqrt(np.maximum(size, 0))) ** 2, LEFT**2 * own.min(0))
    live = size > goal
    for _ in range(MAX_CONJUGATE):
        if 2 * np.count_nonzero(live) <= live.size:  # few are left: go on with these alone
            found[:, place] = x
            if not live.any():
                break
            columns = (x, left, scale, direction, spread)
            x, left, scale, direction, spread = (np.compress(live, each, axis=1) for each in columns)
            place, size, goal, live = place[live], size[live], goal[live], live[live]
        along = pairs.differences(direction)
        along *= spread
        product = pairs.sums(along)
        if prior_precision:
            product += prior_precision * direction
        length = size / np.maximum((direction * product).sum(0), TINY)
        x += length * direction
        left -= length * product
        scaled = scale * (shared @ (scale * left))
        before, size = size, (left * scaled).sum(0)
        direction *= size / np.maximum(before, TINY)
        direction += scaled
        live &= size > goal
    found[:, place] = x
    return found - found.mean(0)
