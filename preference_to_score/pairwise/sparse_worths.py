r"""Bradley-Terry log-worths of many items: Newton's method with preconditioned conjugate gradients.

The curvature of the log-likelihood is the Laplacian of the comparison graph, weighted by each row's variance. It is
never written out: conjugate gradients need only its product with a vector, one pass over the comparisons, and with
its diagonal as preconditioner converge in a few passes where every item met many others.

A Newton step s is taken whole where the likelihood still rises at its end, or where it spans so little that it must
rise: along s the third derivative is at most R times the second, R the widest difference that s makes between two
answers (Bach, 2010, Electronic Journal of Statistics 4, 384-414). Then a step of length t gains at least
t s'g - s'g (e^(Rt) - Rt - 1) / R^2, which is above 0 at t = 1 for R < 1.79, and largest at t = log(1 + R) / R.
So no log-likelihood is computed before the end.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csc_array, csr_array

from ..arrays import Floats
from .comparisons import Comparisons
from .davidson_model import answer_probabilities, log_normaliser

LEFT = 1e-10  # error in log-worths that may be left after the last step
LAST_STEP = 1e-5  # no step longer than this is the last
MAX_ITERATIONS = 100
SAFE_REACH = 1.79  # of a step: up to here it may be taken whole, see above
BLOCK = 131072  # entries worked on at a time


@dataclass(frozen=True)
class SparseFit:
    """A fit of many items.

    Attributes
    ----------
    theta : ndarray, shape (n,)
        Log-worths.
    log_tie : float
        Log of Davidson's nu; -inf without ties.
    log_likelihood : float
        Without the prior's term.
    iterations : int
        Newton steps taken on the whole table.
    """

    theta: Floats
    log_tie: float
    log_likelihood: float
    iterations: int


@dataclass(frozen=True)
class _Games:
    blocks: tuple[tuple[slice, csr_array], ...]  # rows, and how often their items stood first against each column's
    surplus: NDArray  # (n,), credit beyond half of the comparisons, half of each tie included
    start: NDArray  # (n,), the log-odds of each item's share of wins
    tied: float  # weight of all ties; 0 where they count as half wins

    @property
    def n(self) -> int:
        return self.surplus.size


@dataclass(frozen=True)
class _Curve:
    gradient: NDArray  # (n,) or, with log nu last, (n + 1,)
    blocks: tuple[tuple[slice, csr_array], ...]  # of the Laplacian off its diagonal, on one side, with the sign changed
    transposed: tuple[csc_array, ...]
    diagonal: NDArray  # as long as the gradient
    border: NDArray | None  # (n,), the row of log nu

    def times(self, x: NDArray) -> NDArray:
        product = self.diagonal * x
        n = x.size if self.border is None else x.size - 1
        for (rows, block), transposed in zip(self.blocks, self.transposed, strict=True):
            product[rows] -= block @ x[:n]
            product[:n] -= transposed @ x[rows]
        if self.border is not None:
            product[:n] += self.border * x[n]
            product[n] += self.border @ x[:n]
        return product


def fit_sparse(comparisons: Comparisons, prior_precision: float, *, ties: str = "davidson") -> SparseFit:
    """Fit Bradley-Terry log-worths to many comparisons of many items; memory grows with the comparisons alone.

    Parameters
    ----------
    comparisons : Comparisons
        Identified: see `check_identified`.
    prior_precision : float
        Of the Gaussian prior on each log-worth.
    ties : {"davidson", "half"}

    Returns
    -------
    SparseFit

    Raises
    ------
    RuntimeError
        If it does not converge.

    Examples
    --------
    >>> fit = fit_sparse(Comparisons.from_arrays([0, 0, 0, 0], [1, 1, 1, 1], [1, 1, 1, 0]), 0.0)
    >>> float(round(np.exp(fit.theta[0] - fit.theta[1]), 6))
    3.0
    """
    games = _games(comparisons, ties)
    point, iterations = _climb(games, prior_precision)
    theta, log_tie = _split(point, games)
    return SparseFit(theta, log_tie, _log_likelihood(games, theta, log_tie), iterations)


def _games(comparisons: Comparisons, ties: str) -> _Games:
    n, m = len(comparisons.items), len(comparisons)
    first, second, weight = comparisons.first, comparisons.second, comparisons.weight
    alike = (weight == 1).all()
    won = comparisons.outcome if alike else comparisons.outcome * weight
    credit = np.bincount(first, won, n) + np.bincount(second, weight - won, n)
    tied = float(weight[comparisons.outcome == 0.5].sum()) if ties == "davidson" else 0.0
    # transposing the incidence of the first sides is a counting sort of the rows by them
    kind = np.int32 if max(m, n) < np.iinfo(np.int32).max else np.int64
    first, starts = first.astype(kind), np.arange(m + 1, dtype=kind)
    columns = csr_array((second.astype(kind), first, starts), shape=(m, n)).tocsc()
    if alike:
        data = np.ones(m)
    else:
        data = csr_array((weight, first, starts), shape=(m, n)).tocsc().data
    table = csr_array((data, columns.data, columns.indptr), shape=(n, n))
    if _repeats(table) > 2:
        table.sum_duplicates()
    blocks = tuple(_blocks(table))
    met = sum(_sums(rows, block) for rows, block in blocks)
    start = np.log((credit + 0.5) / (met - credit + 0.5))
    return _Games(blocks, credit - met / 2, start, tied)


def _blocks(table: csr_array) -> Iterator[tuple[slice, csr_array]]:
    """Cut a table into blocks of rows, small enough for their entries to stay in the processor's cache."""
    n, start = table.shape[0], 0
    while start < n:
        stop = int(np.searchsorted(table.indptr, table.indptr[start] + BLOCK, side="right")) - 1
        stop = min(max(stop, start + 1), n)
        entries = slice(table.indptr[start], table.indptr[stop])
        pointers = table.indptr[start : stop + 1] - table.indptr[start]
        shape = (stop - start, n)
        yield slice(start, stop), csr_array((table.data[entries], table.indices[entries], pointers), shape=shape)
        start = stop


def _repeats(table: csr_array) -> float:
    """How often an entry is repeated, by the look of up to 64 rows."""
    rows = np.flatnonzero(np.diff(table.indptr))
    rows = rows[:: max(1, rows.size // 64)]
    looked = [table.indices[table.indptr[row] : table.indptr[row + 1]] for row in rows]
    return sum(each.size for each in looked) / sum(np.unique(each).size for each in looked)


def _split(point: NDArray, games: _Games) -> tuple[NDArray, float]:
    return point[: games.n], float(point[games.n]) if games.tied else -np.inf


def _differences(rows: slice, block: csr_array, theta: NDArray) -> NDArray:
    d = np.repeat(theta[rows], np.diff(block.indptr))
    d -= np.take(theta, block.indices)
    return d


def _filled(block: csr_array, data: NDArray) -> csr_array:
    """Other data in the places of a block's entries."""
    return csr_array((data, block.indices, block.indptr), shape=block.shape)


def _sums(rows: slice, filled: csr_array, sign: int = 1) -> NDArray:
    """Sums over each item of what a block is filled with; `sign` is that of the second sides."""
    sums = filled.T @ np.full(filled.shape[0], float(sign))
    there = np.flatnonzero(np.diff(filled.indptr))
    sums[rows.start + there] += np.add.reduceat(filled.data, filled.indptr[there])  # without an index per entry
    return sums


def _curve(games: _Games, point: NDArray, prior_precision: float) -> _Curve:
    """Gradient of the log-posterior and curvature of its negative at `point`."""
    theta, log_tie = _split(point, games)
    n, curved = games.n, []
    gradient, diagonal = np.zeros(point.size), np.zeros(point.size)
    gradient[:n] = games.surplus - prior_precision * theta
    border = np.zeros(n) if games.tied else None
    for rows, block in games.blocks:
        d, times = _differences(rows, block, theta), block.data
        if games.tied:
            win, tie, loss = (each[0] for each in answer_probabilities(d[None], np.full((1, 1), log_tie)))
            mean = (win - loss) / 2
            spread = ((win + loss) / 4 - mean**2) * times
            border -= _sums(rows, _filled(block, mean * tie * times), -1)
            gradient[n] -= times @ tie
            diagonal[n] += times @ (tie * (1 - tie))
        else:
            mean = _win_probability(d)
            spread = mean * (1 - mean) * times
            mean -= 0.5
        gradient[:n] -= _sums(rows, _filled(block, mean * times), -1)
        curved.append((rows, _filled(block, spread)))
        diagonal[:n] += _sums(*curved[-1])
    if games.tied:
        gradient[n] += games.tied
    diagonal[:n] = np.maximum(diagonal[:n] + prior_precision, np.finfo(float).tiny)
    return _Curve(gradient, tuple(curved), tuple(block.T for _, block in curved), diagonal, border)


def _win_probability(d: NDArray) -> NDArray:
    """1 / (1 + e^-d), in the memory of `d`."""
    with np.errstate(over="ignore"):  # e^-d may overflow to infinity: then the probability is 0, as it should be
        np.negative(d, out=d)
        np.exp(d, out=d)
    d += 1
    return np.reciprocal(d, out=d)


def _climb(games: _Games, prior_precision: float) -> tuple[NDArray, int]:
    """Newton's method until a step leaves an error below `LEFT`; the point and the number of steps taken."""
    n = games.n
    point = np.zeros(n + (games.tied > 0))
    point[:n] = games.start - games.start.mean()
    here, before = _curve(games, point, prior_precision), 0.0
    for iteration in range(1, MAX_ITERATIONS + 1):
        step = _conjugate_gradients(here)
        step[:n] -= step[:n].mean()  # zero at the maximum, with a prior or without; a weak prior hardly sees it
        longest = np.abs(step).max()
        # near the maximum an error is some multiple of the square of the one before: the last two steps say which, a first
        # step alone does not
        if longest <= LEFT or (longest <= LAST_STEP and longest**3 <= LEFT * before**2):
            return point + step, iteration
        before = longest
        reach = np.ptp(step[:n])
        if games.tied:
            reach = max(reach, reach / 2 + abs(step[n]))
        there = _curve(games, point + step, prior_precision)
        if reach > SAFE_REACH and step @ there.gradient < 0:
            step *= np.log1p(reach) / reach
            there = _curve(games, point + step, prior_precision)
        point, here = point + step, there
    raise RuntimeError(f"Bradley-Terry did not converge in {MAX_ITERATIONS} Newton steps")


def _conjugate_gradients(curve: _Curve) -> NDArray:
    """Solve curvature x = gradient, the more closely the nearer the gradient is to zero."""
    x, left = np.zeros(curve.gradient.size), curve.gradient.copy()
    scaled = left / curve.diagonal
    direction, size = scaled.copy(), left @ scaled
    # squared; the error that rounding leaves in the gradient cannot be reduced
    goal = size * min(0.1, np.sqrt(size / x.size)) ** 2
    floor = (4 * np.finfo(float).eps) ** 2 * curve.diagonal.sum()
    for _ in range(20 * x.size + 100):
        if size <= max(goal, floor):
            break
        product = curve.times(direction)
        length = size / (direction @ product)
        x += length * direction
        left -= length * product
        scaled = left / curve.diagonal
        before, size = size, left @ scaled
        direction = scaled + size / before * direction
    return x


def _log_likelihood(games: _Games, theta: NDArray, log_tie: float) -> float:
    value = games.surplus @ theta + (games.tied * log_tie if games.tied else 0.0)
    for rows, block in games.blocks:
        d = _differences(rows, block, theta)
        value -= block.data @ log_normaliser(d[None], np.full((1, 1), log_tie))[0]
    return float(value)
