"""Elo: a pool fitted to soft outcomes, and the rating of newcomers against the frozen pool.

The scale is the one usual since Elo (1978): 400 points are a factor of ten in odds, so a natural-log worth theta is
E = theta * 400 / ln 10. A pool is fitted (maximum a posteriori Bradley-Terry), not played through once: from a
standing start one pass of sequential updates leaves the pool squeezed.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import expit, log_expit

from ..arrays import Floats
from ..pairwise.bradley_terry import bradley_terry
from ..pairwise.comparisons import Comparisons, index_ids
from ..pairwise.connectivity import check_connected
from .elo_scale import ELO_PER_LOGIT
from .prior_precision import fit_with_prior, moderation

POOL_PRIOR_PRECISION = 0.1  # of older pools, and of the plan of who is asked; a pool that is made now estimates its own


@dataclass(frozen=True)
class PoolFit:
    """A fitted reference pool.

    Attributes
    ----------
    log_worths : ndarray, shape (n,)
        Natural-log worths, mean zero; times `ELO_PER_LOGIT` they are Elo points.
    covariance : ndarray, shape (n, n)
        Of the true log-worths about these, given the judgments. Under a prior that was given: sandwich covariance from
        the residuals (soft judgments are no coin tosses), times m / (m - n + 1) for m comparisons of n members, since
        the fit has used up n - 1 of them: without it, it is 15 % too small at m = 203.
    degree : ndarray of int, shape (n,)
        Comparisons each member played.
    prior_precision : float
        Of the Gaussian prior on the log-worth of an image of which nothing is known, in units of the dispersion:
        dispersion / variance of the pool's true worths. Where it was given, of each member's prior.
    dispersion : float or None
        Variance of the judgments' residuals in units of sigma (1 - sigma), from this pool's own; None under a prior
        that was given.
    member_precision, line_precision : float or None
        Of the members' prior, off the line through their order and along it; see `prior_precision`. None under a prior
        that was given.
    log_likelihood : float or None
        Expected under the soft outcomes, without the prior's term; None for a pool that was read and not fitted here.
    converged : bool
        Always True: a fit that does not converge raises.
    iterations : int or None
        Newton steps taken; None for a pool that was read.
    """

    log_worths: Floats
    covariance: Floats
    degree: NDArray[np.int_]
    prior_precision: float
    log_likelihood: float | None = None
    converged: bool = True
    iterations: int | None = None
    dispersion: float | None = None
    member_precision: float | None = None
    line_precision: float | None = None

    @property
    def elo(self) -> NDArray[np.float64]:
        """Log-worths in Elo points, shape (n,)."""
        return self.log_worths * ELO_PER_LOGIT

    @property
    def variance(self) -> float:
        """Of the true log-worths, as the prior has it; infinite under a prior that was given, which claims nothing."""
        return float("inf") if self.dispersion is None else self.dispersion / self.prior_precision

    @property
    def standard_errors(self) -> NDArray[np.float64]:
        """Of the log-worths, shape (n,)."""
        return np.sqrt(np.diag(self.covariance))


def fit_pool(
    first: ArrayLike,
    second: ArrayLike,
    probability: ArrayLike,
    n_items: int,
    prior_precision: float | None = None,
    *,
    order: ArrayLike | None = None,
) -> PoolFit:
    """Fit a reference pool to soft outcomes.

    The prior's precision is estimated from the judgments: too strong a prior squeezes the worths, too weak a one
    stretches them, and which one is right depends on the judge (`prior_precision`).

    Parameters
    ----------
    first, second : array_like of int, shape (m,)
        Positions of the two sides, 0 to n_items - 1.
    probability : array_like, shape (m,)
        P(first better), both orders of showing already combined on the logit scale.
    n_items : int
        Size of the pool.
    prior_precision : float, optional
        Of the Gaussian prior on each log-worth, instead of one that is estimated.
    order : array_like, shape (n_items,), optional
        Place of each member in the order along which the schedule was laid out, in equal steps: where it says something
        about the worths, one precision for all squeezes what lies far apart. Has no part under a prior that is given.

    Returns
    -------
    PoolFit

    Raises
    ------
    RuntimeError
        If it does not converge.
    ValueError
        If the schedule is disconnected, a side is out of range or compared with itself, or a probability is not in
        [0, 1].

    Examples
    --------
    >>> pool = fit_pool([0, 1, 0], [1, 2, 2], expit([1.0, 1.0, 2.0]), 3, prior_precision=1e-9)
    >>> np.round(pool.log_worths, 4) + 0.0, pool.degree
    (array([ 1.,  0., -1.]), array([2, 2, 2]))
    """
    games = Comparisons.from_arrays(first, second, probability, items=range(n_items))
    check_connected(games)
    degree = np.bincount(games.first, minlength=n_items) + np.bincount(games.second, minlength=n_items)
    if prior_precision is None:
        found = fit_with_prior(games.first, games.second, games.outcome, n_items, order)
        return PoolFit(
            log_worths=found.log_worths,
            covariance=found.covariance,
            degree=degree,
            prior_precision=found.outsider_precision,
            log_likelihood=found.log_likelihood,
            iterations=found.iterations,
            dispersion=found.dispersion,
            member_precision=found.precision,
            line_precision=found.line_precision,
        )
    fit = bradley_terry(games, prior_precision=prior_precision, ties="half", errors="sandwich")
    spare = max(len(games) - n_items + 1, 1)
    return PoolFit(
        log_worths=fit.log_worths,
        covariance=fit.covariance * len(games) / spare,
        degree=degree,
        prior_precision=float(prior_precision),
        log_likelihood=fit.log_likelihood,
        iterations=fit.iterations,
    )


def outsider_prior_precision(pool: PoolFit, games: int) -> float:
    """Prior precision for an outsider that plays `games` games.

    An outsider is drawn from where the pool's members come from, so it has the pool's precision, whatever it plays: the
    fewer games, the more it is held back, and differences stay what the judge's answers say. A pool whose precision was
    given shrinks an outsider as much as a member: its precision times games / mean degree.

    Examples
    --------
    >>> older = fit_pool([0, 1, 0], [1, 2, 2], [0.7, 0.6, 0.8], 3, prior_precision=0.1)
    >>> outsider_prior_precision(older, 4)
    0.2
    """
    if pool.dispersion is not None:
        return float(pool.prior_precision)
    return float(pool.prior_precision * games / pool.degree.mean())


def rate_against_pool(
    pool_log_worths: ArrayLike,
    pool_covariance: ArrayLike,
    opponents: ArrayLike,
    probability: ArrayLike,
    prior_precision: float,
    dispersion: float | None = None,
) -> tuple[float, float]:
    """Rate one outsider against a frozen pool: maximum a posteriori, and moderated where the dispersion is known.

    Parameters
    ----------
    pool_log_worths : array_like, shape (n,)
    pool_covariance : array_like, shape (n, n)
        Its error is carried into the outsider's.
    opponents : array_like of int, shape (K,)
        Pool members played.
    probability : array_like, shape (K,)
        P(outsider better) against each.
    prior_precision : float
        Of the Gaussian prior, mean zero; see `outsider_prior_precision`.
    dispersion : float, optional
        Of the judge's answers, as the pool found it.

    Returns
    -------
    log_worth : float
        On the pool's scale.
    standard_error : float
        Of the true worth about this one, the pool's own error included: sqrt(dispersion / curvature), the prior's part
        of the curvature included. Without a dispersion the sandwich error from the residuals (times K / (K - 1)); with
        few games it is too small (at K = 4, 95 % intervals cover 0.63 to 0.86), since K residuals say little of their
        own size.

    Raises
    ------
    ValueError
        If there is no opponent, one is out of range, a probability is not in [0, 1], or without a prior all outcomes
        are 1 or all are 0.
    RuntimeError
        If it does not converge.

    Examples
    --------
    >>> worth, error = rate_against_pool([1.0, -1.0], np.zeros((2, 2)), [0, 1], expit([-0.5, 1.5]), 1e-9)
    >>> round(worth, 6), round(error, 6)
    (0.5, 0.0)
    """
    theta, covariance = np.asarray(pool_log_worths, dtype=float), np.asarray(pool_covariance, dtype=float)
    played, p = np.asarray(opponents), np.asarray(probability, dtype=float)
    if played.shape != p.shape or played.ndim != 1 or not played.size:
        raise ValueError(f"opponents and probability must be of one length, above 0; got {played.shape}, {p.shape}")
    _check_games(played, p, theta.size)
    if prior_precision <= 0 and p.sum() in (0.0, float(p.size)):
        raise ValueError("the outsider won, or lost, every comparison: give a prior_precision above 0")
    rating = _rate(theta, played, p, prior_precision, dispersion)
    variance = rating.own_variance + rating.reaction @ covariance @ rating.reaction
    return rating.worth, float(np.sqrt(max(variance, 0.0)))


@dataclass(frozen=True)
class NewcomerRatings:
    """Newcomers rated against a frozen pool.

    Attributes
    ----------
    items : tuple
        Ids of the newcomers.
    log_worths : ndarray, shape (q,)
        On the pool's scale; times `ELO_PER_LOGIT` they are Elo points.
    standard_errors : ndarray, shape (q,)
        As of `rate_against_pool`, with the pool's dispersion, the pool's own error included.
    covariance : ndarray, shape (q, q)
        Off the diagonal is the pool's error, which the newcomers share.
    games : ndarray of int, shape (q,)
        Comparisons that each played.
    log_likelihood : float
        Of the newcomers' comparisons, without the prior's term.
    converged : bool
        Always True: a rating that does not converge raises.
    iterations : int
        Steps of the slowest newcomer.
    prior_precision : ndarray, shape (q,)
        Of the Gaussian prior, mean zero, on each newcomer's log-worth.
    identification : str
        What fixes the zero and the scale.
    """

    items: tuple[Hashable, ...]
    log_worths: Floats
    standard_errors: Floats
    covariance: Floats
    games: NDArray[np.int_]
    log_likelihood: float
    converged: bool
    iterations: int
    prior_precision: Floats
    identification: str

    @property
    def elo(self) -> NDArray[np.float64]:
        """Log-worths in Elo points, shape (q,)."""
        return self.log_worths * ELO_PER_LOGIT


def rate_newcomers(
    pool: PoolFit,
    newcomer: ArrayLike,
    opponent: ArrayLike,
    probability: ArrayLike,
    *,
    prior_precision: float | None = None,
) -> NewcomerRatings:
    """Rate newcomers against a frozen pool, which they do not move (maximum a posteriori).

    Parameters
    ----------
    pool : PoolFit
    newcomer : array_like, shape (m,)
        Id of the newcomer in each comparison.
    opponent : array_like of int, shape (m,)
        Position of the pool member it met.
    probability : array_like, shape (m,)
        P(newcomer better).
    prior_precision : float, optional
        Of the Gaussian prior, mean zero, on every newcomer's log-worth; by default the pool's
        (`outsider_prior_precision`).

    Returns
    -------
    NewcomerRatings

    Raises
    ------
    ValueError
        If the columns differ in length or are empty, an opponent is out of range, a probability is not in [0, 1], or
        without a prior a newcomer won, or lost, every comparison.
    RuntimeError
        If a rating does not converge.

    Examples
    --------
    >>> pool = fit_pool([0, 1, 0], [1, 2, 2], expit([1.0, 1.0, 2.0]), 3, prior_precision=1e-9)
    >>> rated = rate_newcomers(pool, ["x", "x", "y"], [0, 2, 1], expit([-0.5, 1.5, 0.2]))
    >>> rated.items, rated.log_worths.round(4), rated.games
    (('x', 'y'), array([0.5, 0.2]), array([2, 1]))
    """
    who, met, p = np.asarray(newcomer), np.asarray(opponent), np.asarray(probability, dtype=float)
    if not who.shape == met.shape == p.shape or who.ndim != 1 or not who.size:
        raise ValueError(
            f"newcomer, opponent and probability must be of one length, above 0; got {who.shape}, {met.shape}, {p.shape}"
        )
    items, row = index_ids(who, None, "newcomer")
    _check_games(met, p, pool.log_worths.size)
    games = np.bincount(row, minlength=len(items))
    prior = np.array(
        [outsider_prior_precision(pool, each) if prior_precision is None else prior_precision for each in games]
    )
    ratings = []
    for position, item in enumerate(items):
        own = row == position
        if prior[position] <= 0 and p[own].sum() in (0.0, float(games[position])):
            raise ValueError(f"newcomer {item!r} won, or lost, every comparison: give a prior_precision above 0")
        ratings.append(_rate(pool.log_worths, met[own], p[own], float(prior[position]), pool.dispersion))
    reaction = np.stack([rating.reaction for rating in ratings])
    covariance = reaction @ pool.covariance @ reaction.T + np.diag([rating.own_variance for rating in ratings])
    worths = np.array([rating.worth for rating in ratings])
    d = worths[row] - pool.log_worths[met]
    return NewcomerRatings(
        items=items,
        log_worths=worths,
        standard_errors=np.sqrt(np.maximum(np.diag(covariance), 0.0)),
        covariance=covariance,
        games=games,
        log_likelihood=float(p @ log_expit(d) + (1 - p) @ log_expit(-d)),
        converged=True,
        iterations=max(rating.iterations for rating in ratings),
        prior_precision=prior,
        identification="the pool's log-worths, held as they are",
    )


def _check_games(opponents: NDArray, probability: NDArray, members: int) -> None:
    if opponents.min() < 0 or opponents.max() >= members:
        raise ValueError(f"an opponent is out of range 0 to {members - 1}")
    if not ((probability >= 0) & (probability <= 1)).all():
        raise ValueError("a probability is not between 0 and 1")


@dataclass(frozen=True)
class _Rating:
    worth: float
    own_variance: float  # without the pool's error
    reaction: NDArray[np.float64]  # (n,), how far the worth follows each pool member's
    iterations: int


def _rate(pool: NDArray, played: NDArray, p: NDArray, prior_precision: float, dispersion: float | None) -> _Rating:
    worth, iterations = _root(pool[played], p, prior_precision)
    expected = expit(worth - pool[played])
    weight = expected * (1 - expected)
    curvature = prior_precision + weight.sum()
    if dispersion is None:
        spare = played.size / max(played.size - 1, 1)
        own_variance = spare * ((p - expected) ** 2).sum() / curvature**2
    else:
        own_variance = dispersion / curvature
        worth *= moderation(own_variance)  # as in the pool
    return _Rating(float(worth), float(own_variance), np.bincount(played, weight / curvature, pool.size), iterations)


def _root(opponents: NDArray, p: NDArray, prior_precision: float) -> tuple[float, int]:
    """Where the (decreasing) score of the log-posterior is zero: Newton steps kept inside a shrinking bracket."""
    reach = 60.0 + np.abs(opponents).max()
    low, high = -reach, reach
    worth = float(np.clip(opponents.mean(), low, high))
    for iteration in range(1, 201):
        expected = expit(worth - opponents)
        score = (p - expected).sum() - prior_precision * worth
        low, high = (worth, high) if score > 0 else (low, worth)
        curvature = prior_precision + (expected * (1 - expected)).sum()
        following = worth + score / curvature if curvature > 0 else low - 1
        if not low < following < high:
            following = (low + high) / 2
        if abs(following - worth) < 1e-11:
            return following, iteration
        worth = following
    raise RuntimeError("the rating against the pool did not converge")
