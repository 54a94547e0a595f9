"""Elo: a pool fitted to soft outcomes, and the rating of newcomers against the frozen pool.

The scale is the one usual since Elo (1978): 400 points are a factor of ten in odds, so a natural-log worth theta is
E = theta * 400 / ln 10. A pool is fitted (Bradley-Terry under a prior), not played through once: from a
standing start one pass of sequential updates leaves the pool squeezed.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import log_expit

from ..arrays import Floats
from ..pairwise.bradley_terry import bradley_terry
from ..pairwise.comparisons import Comparisons, index_ids
from ..pairwise.connectivity import check_connected
from .elo_scale import ELO_PER_LOGIT
from .expected_answers import expected_answers, newcomers_that_promise, safe_step
from .prior_precision import fit_with_prior

MOST_TURNS, QUICK_TURNS = 200, 40  # of finding newcomers' means and variances in turn
POOL_PRIOR_PRECISION = 0.1  # of older pools, and of the plan of who is asked; a pool that is made now estimates its own


@dataclass(frozen=True)
class PoolFit:
    """A fitted reference pool.

    Attributes
    ----------
    log_worths : ndarray, shape (n,)
        Natural-log worths, mean zero; times `ELO_PER_LOGIT` they are Elo points. sigma(difference) is the answer to be
        expected.
    covariance : ndarray, shape (n, n)
        Of the true log-worths about their means, given the judgments. Under a prior that was given: sandwich covariance from
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
    means : ndarray, shape (n,), or None
        Of the true log-worths, given the judgments; a little farther apart than `log_worths`, whose differences promise
        the expected answers. None under a prior that was given: the same.
    interaction : float
        Variance of what an image's results follow its opponent by, beyond one worth an image (`lack_of_fit`).
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
    means: Floats | None = None
    interaction: float = 0.0

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
        """Of the true log-worths about `log_worths`, shape (n,)."""
        return np.sqrt(np.diag(self.covariance) + (self.log_worths - self.centres) ** 2)

    @property
    def centres(self) -> NDArray[np.float64]:
        """Where the true log-worths are expected: `means`, or what stands for them; shape (n,)."""
        return self.log_worths if self.means is None else self.means


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
        Place of each member in the order along which the schedule was laid out: where it says something
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
    >>> from scipy.special import expit
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
            means=found.means,
            interaction=found.interaction,
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
    pool: PoolFit, opponents: ArrayLike, probability: ArrayLike, prior_precision: float | None = None
) -> tuple[float, float]:
    """Rate one outsider against a frozen pool, as `rate_newcomers` does with many.

    Parameters
    ----------
    pool : PoolFit
    opponents : array_like of int, shape (K,)
        Pool members played.
    probability : array_like, shape (K,)
        P(outsider better) against each.
    prior_precision : float, optional
        Of the Gaussian prior, mean zero; by default the pool's (`outsider_prior_precision`).

    Returns
    -------
    log_worth : float
        On the pool's scale.
    standard_error : float
        Of the true worth about this one, the pool's own error included; see `rate_newcomers`.

    Raises
    ------
    ValueError
        If there is no opponent, one is out of range, a probability is not in [0, 1], or without a prior all outcomes
        are 1 or all are 0.
    RuntimeError
        If it does not converge.

    Examples
    --------
    >>> pool = PoolFit(np.array([1.0, -1.0]), np.zeros((2, 2)), np.array([1, 1]), 1e-9)
    >>> from scipy.special import expit
    >>> worth, error = rate_against_pool(pool, [0, 1], expit([-0.5, 1.5]))
    >>> round(worth, 6), round(error, 6)
    (0.5, 0.0)
    """
    played = np.asarray(opponents)
    rated = rate_newcomers(pool, ["outsider"] * played.size, played, probability, prior_precision=prior_precision)
    return float(rated.log_worths[0]), float(rated.standard_errors[0])


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
        Of the true worths about these, the pool's own error included: sqrt(dispersion / curvature), the prior's part of
        the curvature included; what a pool's interaction adds; and how far the worth that promises the expected answers
        lies from the mean. Where the pool's precision was given, the sandwich error from the residuals (times
        K / (K - 1)); with few games it is too small (at K = 4, 95 % intervals cover 0.63 to 0.86), since K residuals say
        little of their own size.
    covariance : ndarray, shape (q, q)
        About the means. Off the diagonal is the pool's error, which the newcomers share.
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
    """Rate newcomers against a frozen pool, which they do not move.

    Where the pool estimated its precision, a newcomer's worth has the normal distribution that comes nearest to the true
    one, with the pool's dispersion, and with the opponents' errors in what is expected of a game. Where it was given, the
    worth is the most likely one.

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
    >>> from scipy.special import expit
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
    for position in np.flatnonzero(prior <= 0):
        total = p[row == position].sum()
        if total in (0.0, float(games[position])):
            raise ValueError(
                f"newcomer {items[position]!r} won, or lost, every comparison: give a prior_precision above 0"
            )
    of = _most_likely if pool.dispersion is None else _most_like_the_pool
    rated = of(pool, *_side_by_side(row, met, p, games), prior)
    covariance = rated.reaction @ pool.covariance @ rated.reaction.T + np.diag(rated.own_variance)
    d = rated.worths[row] - pool.log_worths[met]
    return NewcomerRatings(
        items=items,
        log_worths=rated.worths,
        standard_errors=np.sqrt(np.maximum(np.diag(covariance), 0.0) + (rated.worths - rated.means) ** 2),
        covariance=covariance,
        games=games,
        log_likelihood=float(p @ log_expit(d) + (1 - p) @ log_expit(-d)),
        converged=True,
        iterations=rated.iterations,
        prior_precision=prior,
        identification="the pool's log-worths, held as they are",
    )


def _check_games(opponents: NDArray, probability: NDArray, members: int) -> None:
    if opponents.min() < 0 or opponents.max() >= members:
        raise ValueError(f"an opponent is out of range 0 to {members - 1}")
    if not ((probability >= 0) & (probability <= 1)).all():
        raise ValueError("a probability is not between 0 and 1")


def _side_by_side(row: NDArray, met: NDArray, p: NDArray, games: NDArray) -> tuple[NDArray, NDArray, NDArray]:
    """Opponents, answers and whether there was a game, one row per newcomer; (q, most games) each."""
    order = np.argsort(row, kind="stable")
    place = np.arange(len(row)) - np.repeat(np.cumsum(games) - games, games)
    opponents, answers = np.zeros((len(games), games.max()), dtype=int), np.full((len(games), games.max()), 0.5)
    played = np.zeros(opponents.shape, dtype=bool)
    at = row[order], place
    opponents[at], answers[at], played[at] = met[order], p[order], True
    return opponents, answers, played


@dataclass(frozen=True)
class _Ratings:
    worths: NDArray[np.float64]  # (q,)
    means: NDArray[np.float64]  # (q,), about which the variances are
    own_variance: NDArray[np.float64]  # (q,), without the pool's error
    reaction: NDArray[np.float64]  # (q, n), how far each worth follows each pool member's
    iterations: int


def _most_likely(pool: PoolFit, opponents: NDArray, answers: NDArray, played: NDArray, prior: NDArray) -> _Ratings:
    """Under a precision that was given."""
    found = _find(pool.log_worths, np.zeros(len(pool.log_worths)), opponents, answers, played, prior, 0.0)
    games = played.sum(1)
    residuals = ((answers - found.expected) ** 2 * played).sum(1)
    own = games / np.maximum(games - 1, 1) * residuals / found.curvature**2
    reaction = _by_member(opponents, found.weight / found.curvature[:, None], len(pool.log_worths))
    return _Ratings(found.means, found.means, own, reaction, found.iterations)


def _most_like_the_pool(
    pool: PoolFit, opponents: NDArray, answers: NDArray, played: NDArray, prior: NDArray
) -> _Ratings:
    """Under the pool's estimated precision and dispersion."""
    errors, dispersion = np.diag(pool.covariance), float(pool.dispersion or 0.0)
    found = _find(pool.centres, errors, opponents, answers, played, prior, dispersion)
    own = dispersion / found.curvature
    reaction = _by_member(opponents, found.weight / found.curvature[:, None], len(errors))
    gap = found.means[:, None] - pool.centres
    if pool.interaction > 0:  # by the opponents that it met, less by the whole pool
        weight = expected_answers(gap, own[:, None] + errors)[1]
        less = reaction - weight / (prior + weight.sum(1))[:, None]
        own = own + pool.interaction * (
            (less * pool.centres).sum(1) ** 2 + (found.means * found.means) * (less * less).sum(1)
        )
    shared = (reaction[:, :, None] * pool.covariance).sum(1)
    variance = own[:, None] + (shared * reaction).sum(1)[:, None] + errors - 2 * shared
    worths = newcomers_that_promise(found.means, np.maximum(variance, 0.0), pool.centres, pool.log_worths)
    return _Ratings(worths, found.means, own, reaction, found.iterations)


@dataclass(frozen=True)
class _Found:
    means: NDArray[np.float64]  # (q,)
    expected: NDArray[np.float64]  # (q, K), answers
    weight: NDArray[np.float64]  # (q, K), 0 where there was no game
    curvature: NDArray[np.float64]  # (q,), the prior's part included
    iterations: int


def _find(
    centres: NDArray,
    errors: NDArray,
    opponents: NDArray,
    answers: NDArray,
    played: NDArray,
    prior: NDArray,
    dispersion: float,
) -> _Found:
    """Where expected answers, less what the prior holds back, are the judge's.

    Each newcomer's variance is dispersion over curvature; means and variances are found in turn. A newcomer that has
    settled stays, so that it depends on its own games only.
    """
    met, error = centres[opponents], errors[opponents]
    means = (met * played).sum(1) / played.sum(1)
    variance, open_ = np.zeros_like(means), np.ones(len(means), dtype=bool)
    for turn in range(1, MOST_TURNS + 1):
        climbed = turn == 1 or turn > QUICK_TURNS
        if climbed:
            means = _climb(means, variance, met, error, answers, played, prior, open_)
        expected, weight = expected_answers(means[:, None] - met, variance[:, None] + error)
        weight = weight * played
        curvature = prior + weight.sum(1)
        inverse = np.divide(1.0, curvature, out=np.zeros_like(means), where=curvature > 0)
        step, spread = np.zeros_like(means), dispersion * inverse
        if not climbed:  # near the end one Newton step a turn is enough
            step = np.clip((((answers - expected) * played).sum(1) - prior * means) * inverse, -1.0, 1.0)
        open_ &= (np.abs(spread - variance) > 1e-9 * (1 + spread)) | (np.abs(step) > 1e-10 * (1 + np.abs(means)))
        if not open_.any():
            return _Found(means, expected, weight, curvature, turn)
        means = np.where(open_, means + step, means)
        variance = np.where(
            open_, variance + (spread - variance) / (1 + turn // 15), variance
        )  # it may swing to and fro
    raise RuntimeError("the rating against the pool did not converge")


def _climb(
    means: NDArray,
    variance: NDArray,
    met: NDArray,
    error: NDArray,
    answers: NDArray,
    played: NDArray,
    prior: NDArray,
    open_: NDArray,
) -> NDArray[np.float64]:
    """The means for given variances, of the newcomers that are open: Newton steps kept inside a bracket."""
    reach = 60.0 + np.abs(met).max(axis=1, initial=0.0)
    low, high, climbing = -reach, reach, open_.copy()
    for _ in range(200):
        expected, weight = expected_answers(means[:, None] - met, variance[:, None] + error)
        score = ((answers - expected) * played).sum(1) - prior * means
        following, low, high = safe_step(means, score, prior + (weight * played).sum(1), low, high)
        settled = np.abs(following - means) < 1e-11 * (1 + np.abs(means))
        means = np.where(climbing, following, means)
        climbing &= ~settled
        if not climbing.any():
            return means
    raise RuntimeError("the rating against the pool did not converge")


def _by_member(opponents: NDArray, values: NDArray, members: int) -> NDArray[np.float64]:
    """Values of games added up by pool member, (q, n)."""
    out = np.zeros((len(opponents), members))
    np.add.at(out, (np.arange(len(opponents))[:, None], opponents), values)
    return out
