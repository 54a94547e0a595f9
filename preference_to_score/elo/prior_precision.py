"""How strongly a pool's worths are to be held back: the prior's precision, from the judgments themselves.

Quasi-likelihood with dispersion. Soft judgments are no coin tosses: their residuals have variance phi sigma (1 - sigma),
with the dispersion phi = 1 for one toss a pair, 1/2 for two, and next to 0 for a judge whose log-odds follow its
worths. With worths of variance s^2 the prior's precision is phi / s^2. Both are estimated in turn, from the residuals
and from the worths, until nothing moves.

Pools are compared on a locally dense schedule, along the judge's own pointwise order: neighbours often, far ones
seldom. So the order says something about the worths, and how far apart the ends are is what the comparisons say
least about. One precision for all directions squeezes just that (logistic slopes of far pairs of 1.1 to 2). The line
through the order's normal scores therefore has a precision of its own, and the other one is for what lies off the line.
(Through equal steps, normal worths were drawn in at their ends and stretched in between.) A variance that
is estimated from few worths is often zero by chance, which would hold everything back with certainty: off the line it is
kept from zero.

Worths have a normal distribution, given the judgments, that comes nearest to the true one (Gaussian variational
approximation; Challis and Barber 2013): the answers that are *expected* under it are held against the judgments, and
its curvature is the expected one. The most likely worths, with the curvature there, are too near to 0 where an image
won nearly all, their errors too small, and the residuals too small a share of sigma (1 - sigma): with votes intervals
covered 88 to 93 %, and held-out judgments had slopes up to 1.07. What is used by its differences are worths that promise
the expected answers (`expected_answers`). What a judge goes by beyond one worth an image is in the errors
(`lack_of_fit`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtri

from ..arrays import Floats
from .expected_answers import MASS, NODES, expected_answers, pool_that_promises
from .games import Games
from .lack_of_fit import covariance_of_interaction, interaction_variance

LOWEST, HIGHEST = 1e-4, 30.0  # bounds of a precision: no dispersion at all, and no signal at all
STEP = 1e-4  # in the log of the precisions: at a smaller one they have settled
ROUNDS, LONGEST = 500, 20.0  # at most so many, and so many times a step's length
MAX_ITERATIONS, TOLERANCE = 100, 1e-10  # of Newton's method
NOTHING = 1e-24  # a square of what rounding leaves
LEAST_LEFT = 0.05  # of a residual: a comparison that the fit follows wherever it goes says next to nothing


@dataclass(frozen=True)
class PoolPosterior:
    """Worths of a pool under a prior whose precision was estimated.

    Attributes
    ----------
    log_worths : ndarray, shape (n,)
        Whose differences promise the answers to be expected; mean zero.
    means : ndarray, shape (n,)
        Of the worths, given the judgments; mean zero.
    covariance : ndarray, shape (n, n)
        About the means: dispersion times inverse curvature, the mean taken out, and what the interaction adds.
    precision : float
        Of the prior off the line.
    line_precision : float or None
        Of the prior along the normal scores of the order; None where no order was given.
    dispersion : float
        Variance of the residuals in units of sigma (1 - sigma).
    interaction : float
        Variance of what an image's results follow its opponent by, beyond one worth an image (`lack_of_fit`).
    variance : float
        Of the pool's true worths, their error taken out of their spread and what the prior held back put in.
    log_likelihood : float
        Expected under the soft outcomes, without the prior's term.
    iterations : int
        Rounds of estimating the precision.
    """

    log_worths: Floats
    means: Floats
    covariance: Floats
    precision: float
    line_precision: float | None
    dispersion: float
    interaction: float
    variance: float
    log_likelihood: float
    iterations: int

    @property
    def outsider_precision(self) -> float:
        """Of the prior on an image of which nothing is known: dispersion over variance, within the bounds."""
        return float(np.clip(self.dispersion / self.variance, LOWEST, HIGHEST)) if self.variance > 0 else HIGHEST


def fit_with_prior(
    first: ArrayLike, second: ArrayLike, probability: ArrayLike, n_items: int, order: ArrayLike | None = None
) -> PoolPosterior:
    """Fit Bradley-Terry worths under a Gaussian prior whose precision is estimated with them.

    Parameters
    ----------
    first, second : array_like of int, shape (m,)
        Positions of the two sides of each comparison, 0 to n_items - 1. The comparisons hang together.
    probability : array_like, shape (m,)
        P(first better).
    n_items : int
    order : array_like, shape (n_items,), optional
        Place of each item in the order along which the comparisons were laid out. The slope on its normal scores gets a
        precision of its own.

    Returns
    -------
    PoolPosterior

    Raises
    ------
    RuntimeError
        If it does not converge.

    References
    ----------
    Challis and Barber (2013), JMLR 14, 2239-2286 (Gaussian variational approximation);
    Chung, Rabe-Hesketh and others (2013), Psychometrika 78, 685-709 (variances kept off zero);
    MacKay (1992), Neural Computation 4, 415-447 (effective number of parameters);
    McCullagh and Nelder (1989),
    Generalized Linear Models, chapter 9 (quasi-likelihood).

    Examples
    --------
    >>> first, second = np.triu_indices(8, 1)
    >>> truth = np.linspace(2, -2, 8)
    >>> exact = fit_with_prior(first, second, 1 / (1 + np.exp(truth[second] - truth[first])), 8)
    >>> bool(np.abs(exact.log_worths - truth).max() < 0.01), round(exact.precision, 6)
    (True, 0.0001)
    """
    games = Games(np.asarray(first), np.asarray(second), n_items)
    p = np.asarray(probability, dtype=float)
    mean, line, rest = _directions(n_items, order)
    found = _settle(games, p, mean, line, rest)
    centre = np.eye(n_items) - mean
    covariance = found.dispersion * centre @ found.inverse @ centre
    theta = centre @ found.theta
    d = games.differences(theta)
    answer, weight = expected_answers(d, found.spread)
    interaction = interaction_variance(games.design(), p - answer, weight, theta, found.inverse)
    own = np.diag(covariance)
    everywhere = expected_answers(theta[:, None] - theta, np.maximum(own[:, None] + own - 2 * covariance, 0.0))[1]
    prior = mean + found.precision * rest + found.line_precision * line
    asked = -games.curvature(weight)  # off its diagonal the weights of the pairs that were asked
    whole = covariance + covariance_of_interaction(interaction, asked, everywhere, theta, prior)
    return PoolPosterior(
        log_worths=pool_that_promises(theta, whole),
        means=theta,
        covariance=whole,
        precision=found.precision,
        line_precision=None if order is None else found.line_precision,
        dispersion=found.dispersion,
        interaction=interaction,
        variance=float((theta @ theta + np.trace(covariance)) / max(n_items - 1, 1)),
        log_likelihood=float(-(p @ np.logaddexp(0, -d)) - (1 - p) @ np.logaddexp(0, d)),
        iterations=found.rounds,
    )


@dataclass(frozen=True)
class _Settled:
    theta: NDArray[np.float64]
    inverse: NDArray[np.float64]  # of the curvature, the prior's part included
    spread: NDArray[np.float64]  # variance of each comparison's difference
    precision: float
    line_precision: float
    dispersion: float
    rounds: int


def _settle(games: Games, p: NDArray, mean: NDArray, line: NDArray, rest: NDArray) -> _Settled:
    """Worths, their errors, dispersion and precisions in turn, until nothing moves."""
    logs, before, pace = np.log([0.1, 0.01]), np.zeros(2), np.ones(2)
    theta, spread, dispersion = np.zeros(games.n), np.zeros(len(p)), 0.0
    for number in range(1, ROUNDS + 1):
        precision, line_precision = np.exp(logs)
        prior = mean + precision * rest + line_precision * line
        theta, curve = _climb(games, p, prior, theta, spread)
        inverse = np.linalg.inv(curve + prior)
        leverage = games.variances(inverse)
        earlier, dispersion = dispersion, _dispersion(games, p, theta, spread, leverage)
        found = (
            _precision(theta, inverse, rest, precision, dispersion, 1.0),
            _precision(theta, inverse, line, line_precision, dispersion, 0.0),
        )
        move, following = np.log(found) - logs, dispersion * leverage
        shift = np.abs(following - spread).max() / (1 + following.max())
        if max(np.abs(move).max(), shift, abs(dispersion - earlier) / max(dispersion, STEP)) < STEP:
            return _Settled(theta, inverse, spread, float(precision), float(line_precision), dispersion, number)
        pace = np.where(move * before > 0, np.minimum(pace * 1.5, LONGEST), 0.5)  # it creeps, or swings to and fro
        logs, before = np.clip(logs + pace * move, np.log(LOWEST), np.log(HIGHEST)), move
        spread = following if number < 3 else (spread + following) / 2
    raise RuntimeError(f"the prior's precision did not settle in {ROUNDS} rounds")


def _directions(n: int, order: ArrayLike | None) -> tuple[NDArray, NDArray, NDArray]:
    """Projections onto the mean, of which nothing is known, onto the order's normal scores, and onto the rest."""
    mean = np.full((n, n), 1 / n)
    line = np.zeros((n, n))
    if order is not None and n > 2:
        along = ndtri((np.argsort(np.argsort(order)) + 0.5) / n)
        line = np.outer(along, along) / (along @ along)
    return mean, line, np.eye(n) - mean - line


def _climb(games: Games, p: NDArray, prior: NDArray, theta: NDArray, spread: NDArray) -> tuple[NDArray, NDArray]:
    """Newton's method from ``theta``, differences having these variances; the worths, and the expected curvature."""
    around = np.sqrt(spread)[:, None] * NODES

    def objective(at: NDArray) -> float:
        d = games.differences(at)
        return float(p @ d - np.logaddexp(0, d[:, None] + around).sum(0) @ MASS - at @ prior @ at / 2)

    value = objective(theta)
    for _ in range(MAX_ITERATIONS):
        expected, weight = expected_answers(games.differences(theta), spread)
        curve = games.curvature(weight)
        step = np.linalg.solve(curve + prior, games.summed_by_item(p - expected) - prior @ theta)
        for _ in range(40):  # a full step may overshoot far from the optimum
            moved = objective(theta + step)
            if moved >= value - 1e-12 * abs(value) - 1e-12:
                break
            step /= 2
        theta, value = theta + step, moved
        if np.abs(step).max() < TOLERANCE:
            return theta, curve
    raise RuntimeError(f"the pool did not converge in {MAX_ITERATIONS} Newton steps")


def _dispersion(games: Games, p: NDArray, theta: NDArray, spread: NDArray, leverage: NDArray) -> float:
    """Squared residuals over what coin tosses would give, each less the share of it that the fit has used up."""
    expected, weight = expected_answers(games.differences(theta), spread)
    left = np.maximum(1 - weight * leverage, LEAST_LEFT)
    found = float(((p - expected) ** 2).sum() / max((weight * left).sum(), 1e-300))
    return found if found > NOTHING else 0.0


def _precision(
    theta: NDArray, inverse: NDArray, part: NDArray, precision: float, dispersion: float, kept_off: float
) -> float:
    """Dispersion over the variance of the worths in some directions (MacKay's step), within the bounds.

    ``kept_off`` is the power of the standard deviation that its density is multiplied by: 1 keeps the variance off zero.
    """
    directions = np.trace(part)
    if directions < 1e-9:
        return precision
    size = float(theta @ part @ theta)
    size = size if size > NOTHING else 0.0
    used = max(float(directions - precision * np.trace(part @ inverse)), 1e-12)  # directions that the data decide
    held = kept_off + precision * size / max(dispersion, 1e-300)
    return float(np.clip(precision * used / max(held, 1e-300), LOWEST, HIGHEST))
