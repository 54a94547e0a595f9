r"""Bradley-Terry with a discrimination for each rater, so that a careless rater weighs less and a reversed one is seen.

Rater j sees the difference d of two log-worths stretched by an own factor s_j (the crowd model of Chen et al., 2013,
on the logit scale):

    P(rater j prefers the first) = 1 / (1 + e^(-s_j d))

s_j = 1 is a rater like the panel at large, 0 one who answers at random, below 0 one who answers in reverse. It is signed
and not a logarithm: there, random answering would lie infinitely far off and reversed answering beyond that, though
both happen. Its prior about 1 is Student's t and not Gaussian: raters are alike, except for a few who are not. The
likelihood sees only the products s_j d, so the scale is fixed by a mean square of 1 over the raters, which a reversed
rater leaves as it is (an arithmetic mean would shrink). In the worths' score equations each rater's residuals enter
times s_j: that is the weight.

Raters are taken as independent given the worths. So two who copy one another confirm one another and gain weight: look
for copies first (identical answers). And a rater is judged by worths that hold the rater's own answers too: with five
raters of equal skill but own tastes the weights differ by chance, at a small cost against plain Bradley-Terry.

The log-posterior is concave in the worths given the discriminations, but not in both. Newton's method starts at plain
Bradley-Terry, where the majority sets the direction, once with equal discriminations and once with those that a wide
prior leaves free, and the higher of the two optima is kept.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import LinAlgError, cho_factor, cho_solve
from scipy.sparse import coo_array
from scipy.special import expit

from ..arrays import Floats
from .bradley_terry import bradley_terry
from .comparisons import Comparisons
from .fit_options import check_fit_options
from .ford_condition import check_identified

TOLERANCE = 1e-10  # largest Newton step at which the fit counts as converged
MAX_ITERATIONS = 100
DEGREES = 3  # of freedom of the discriminations' Student prior
FREE_SPREAD, FREE_STEPS = 1.0, 20  # of the wide prior under which a second start is sought


@dataclass(frozen=True)
class RaterReliabilityResult:
    """Log-worths and discriminations, and how they were obtained.

    Attributes
    ----------
    items : tuple
        Ids of the items.
    log_worths : ndarray, shape (n,)
        Natural-log worths, mean zero, as seen by a rater of discrimination 1.
    standard_errors : ndarray, shape (n,), or None
        Of each log-worth relative to the mean of all items; None where no errors were asked for.
    covariance : ndarray, shape (n, n), or None
        Of the log-worths; its rows sum to zero. The discriminations' uncertainty is included.
    raters : tuple
        Ids of the raters.
    discriminations : ndarray, shape (J,)
        s_j, in the order of `raters`; mean square 1. Below 0: the rater answers in reverse.
    discrimination_errors : ndarray, shape (J,), or None
        Standard errors of them; right where judgments are many to an item (50 items, 5 x 612 judgments), up to a fifth
        too small where they are few (10 items, 6 x 44).
    log_likelihood : float
        Without the priors' terms.
    converged : bool
        Always True: a fit that does not converge raises.
    iterations : int
        Newton steps from the start that led to the optimum kept.
    prior_precision : float
        Of the Gaussian prior on each log-worth; 0 is maximum likelihood in the worths.
    discrimination_spread : float
        Scale of the prior about 1 on each discrimination, Student's t with 3 degrees of freedom; 0 holds all at 1.
    errors : str or None
        ``"fisher"``, ``"sandwich"`` or None.
    cluster : str or None
        ``"rater"`` where the sandwich sums the scores of each rater first.
    identification : str
        What fixes the zero of the worths, and the scale.
    never_won, never_lost : tuple
        Items whose log-worth only the prior keeps finite (or a rater of negative discrimination).
    """

    items: tuple[Hashable, ...]
    log_worths: Floats
    standard_errors: Floats | None
    covariance: Floats | None
    raters: tuple[Hashable, ...]
    discriminations: Floats
    discrimination_errors: Floats | None
    log_likelihood: float
    converged: bool
    iterations: int
    prior_precision: float
    discrimination_spread: float
    errors: str | None
    cluster: str | None
    identification: str
    never_won: tuple[Hashable, ...]
    never_lost: tuple[Hashable, ...]

    @property
    def weights(self) -> NDArray[np.float64]:
        """Squared discriminations, shape (J,), mean 1: the information in a rater's answer to a close pair."""
        return self.discriminations**2


def rater_reliability_bradley_terry(
    comparisons: Comparisons,
    *,
    prior_precision: float = 0.0,
    discrimination_spread: float = 0.1,
    errors: str | None = "fisher",
    cluster: str | None = None,
) -> RaterReliabilityResult:
    """Fit Bradley-Terry log-worths together with a discrimination for each rater.

    Parameters
    ----------
    comparisons : Comparisons
        With raters; their graph must be connected. A tie is half a win for either side, and soft outcomes are taken as
        they are. (Davidson's tie parameter would have to be each rater's own.)
    prior_precision : float
        Precision (1 / variance) of an independent Gaussian prior, mean zero, on every log-worth.
    discrimination_spread : float
        Scale of the prior on every discrimination, Student's t with 3 degrees of freedom about 1; 0 holds them all at
        1, which is plain Bradley-Terry. The default says that most raters are within a tenth or two of the panel and
        some are not at all: small differences are pulled in, a careless or reversed rater is let go (the docs show
        how the results move with it).
    errors : {"fisher", "sandwich", None}
        Inverse curvature, the robust sandwich from the residuals, or none at all (quicker).
    cluster : {None, "rater"}
        With ``errors="sandwich"``: take a rater's judgments as one draw, with the factor J / (J - 1) for J raters.

    Returns
    -------
    RaterReliabilityResult

    Raises
    ------
    ValueError
        If no raters are named; if the comparison graph is disconnected; if without a prior the maximum of plain
        Bradley-Terry does not exist; if all judgments are ties, or the raters' answers cancel out; if an option is
        unknown.
    RuntimeError
        If it does not converge; without a prior on the worths this happens where the raters that weigh most agree
        perfectly.

    References
    ----------
    Chen, Bennett, Collins-Thompson and Horvitz (2013), Pairwise Ranking Aggregation in a Crowdsourced Setting, WSDM
    (there each rater is right with a probability; a discrimination is its form on the logit scale). Absil, Mahony and
    Sepulchre (2008), Optimization Algorithms on Matrix Manifolds, chapter 6 (Newton's method on the sphere).

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> first, second = np.triu_indices(10, 1)
    >>> truth = np.linspace(2, -2, 10)
    >>> answers = [rng.random(45) < expit(s * (truth[first] - truth[second])) for s in (1, 1, 1, -1)]
    >>> who = np.repeat(["ann", "ben", "cas", "dan"], 45)
    >>> games = Comparisons.from_arrays(np.tile(first, 4), np.tile(second, 4), np.concatenate(answers), rater=who)
    >>> fit = rater_reliability_bradley_terry(games, prior_precision=0.1)
    >>> dict(zip(fit.raters, fit.discriminations.round(1).tolist()))
    {'ann': 1.0, 'ben': 1.0, 'cas': 1.0, 'dan': -1.0}
    """
    _check(comparisons, prior_precision, discrimination_spread, errors, cluster)
    check_identified(comparisons, prior=prior_precision > 0)
    start = bradley_terry(comparisons, prior_precision=prior_precision, ties="half", errors=None)
    posterior = _Posterior(_rows(comparisons), prior_precision, discrimination_spread)
    theta, s, iterations = posterior.best(start.log_worths)
    covariance, s_errors = None, None
    if errors is not None:
        covariance, s_errors = _uncertainty(comparisons, posterior, theta, s, errors, cluster)
    return RaterReliabilityResult(
        items=comparisons.items,
        log_worths=theta - theta.mean(),
        standard_errors=None if covariance is None else np.sqrt(np.maximum(np.diag(covariance), 0.0)),
        covariance=covariance,
        raters=comparisons.raters,
        discriminations=s,
        discrimination_errors=s_errors,
        log_likelihood=posterior.log_likelihood(theta, s),
        converged=True,
        iterations=iterations,
        prior_precision=float(prior_precision),
        discrimination_spread=float(discrimination_spread),
        errors=errors,
        cluster=cluster,
        identification="mean zero of the log-worths, mean square 1 of the discriminations",
        never_won=comparisons.never_won(),
        never_lost=comparisons.never_lost(),
    )


def _check(
    comparisons: Comparisons, prior_precision: float, spread: float, errors: str | None, cluster: str | None
) -> None:
    if comparisons.rater is None:
        raise ValueError(
            "these comparisons name no raters: a discrimination for each rater needs to know whose they are"
        )
    check_fit_options(comparisons, prior_precision, errors, cluster)
    if spread < 0 or not np.isfinite(spread):
        raise ValueError(f"discrimination_spread must be a finite number of at least 0, not {spread}")
    if (comparisons.outcome == 0.5).all():
        raise ValueError("every judgment is a tie: there is nothing to rank")


@dataclass(frozen=True)
class _Rows:
    """Judgments aggregated over raters and distinct pairs."""

    first: NDArray[np.int_]
    second: NDArray[np.int_]
    rater: NDArray[np.int_]
    credit: NDArray[np.float64]  # weight won by the first
    total: NDArray[np.float64]  # weight in all
    n_items: int
    n_raters: int


def _rows(comparisons: Comparisons) -> _Rows:
    n = len(comparisons.items)
    flip = comparisons.first > comparisons.second
    low, high = np.minimum(comparisons.first, comparisons.second), np.maximum(comparisons.first, comparisons.second)
    code, row = np.unique((comparisons.rater * n + low) * n + high, return_inverse=True)
    credit = np.where(flip, 1 - comparisons.outcome, comparisons.outcome) * comparisons.weight
    return _Rows(
        first=code // n % n,
        second=code % n,
        rater=code // n**2,
        credit=np.bincount(row.reshape(-1), credit),
        total=np.bincount(row.reshape(-1), comparisons.weight),
        n_items=n,
        n_raters=len(comparisons.raters),
    )


@dataclass(frozen=True)
class _Posterior:
    """The log-posterior of worths theta (n,) and discriminations s (J,) on the sphere s's = J."""

    rows: _Rows
    prior_precision: float
    spread: float

    def log_likelihood(self, theta: NDArray, s: NDArray) -> float:
        rows = self.rows
        eta = s[rows.rater] * (theta[rows.first] - theta[rows.second])
        return float(rows.credit @ eta - rows.total @ np.logaddexp(0, eta))

    def value(self, theta: NDArray, s: NDArray) -> float:
        prior = self.prior_precision / 2 * theta @ theta
        if self.spread:
            reach = DEGREES * self.spread**2
            prior += (DEGREES + 1) / 2 * np.log1p((s - 1) ** 2 / reach).sum()
        return self.log_likelihood(theta, s) - prior

    def tangent(self, s: NDArray) -> NDArray[np.float64]:
        """Orthonormal directions in which s can move on the sphere, (J, J - 1); none where it is held at 1."""
        if not self.spread:
            return np.zeros((s.size, 0))
        return np.linalg.qr(s[:, None], mode="complete")[0][:, 1:]

    def derivatives(self, theta: NDArray, s: NDArray, tangent: NDArray) -> tuple[NDArray, NDArray]:
        """Gradient, and Hessian of the negative, in theta and the tangent."""
        rows, n, raters = self.rows, self.rows.n_items, self.rows.n_raters
        a, b, j = rows.first, rows.second, rows.rater
        d, own = theta[a] - theta[b], s[j]
        p = expit(own * d)
        residual, information = rows.credit - rows.total * p, rows.total * p * (1 - p)
        pull, curve = own * residual, own**2 * information
        slope = np.bincount(a, pull, n) - np.bincount(b, pull, n) - self.prior_precision * theta
        s_slope, s_curve = np.bincount(j, d * residual, raters), np.bincount(j, d**2 * information, raters)
        mixed = own * d * information - residual
        cross = np.bincount(a * raters + j, mixed, n * raters) - np.bincount(b * raters + j, mixed, n * raters)
        worths = -np.bincount(a * n + b, curve, n * n).reshape(n, n)
        worths = worths + worths.T
        worths[np.arange(n), np.arange(n)] = np.bincount(a, curve, n) + np.bincount(b, curve, n) + self.prior_precision
        if self.prior_precision == 0:
            worths += 1 / n  # the likelihood does not see the common level: this fixes it at a mean of zero
        if self.spread:
            precision = (DEGREES + 1) / (DEGREES * self.spread**2 + (s - 1) ** 2)  # of the Gaussian of equal slope
            s_slope = s_slope - precision * (s - 1)
            s_curve = s_curve + precision - 2 / (DEGREES + 1) * (precision * (s - 1)) ** 2
        # on the sphere a straight line bends back towards the centre, which turns the outward slope into curvature
        bend = s @ s_slope / (s @ s)
        inner = tangent.T @ (s_curve[:, None] * tangent) + bend * np.eye(tangent.shape[1])
        cross = cross.reshape(n, raters) @ tangent
        return np.append(slope, tangent.T @ s_slope), np.block([[worths, cross], [cross.T, inner]])

    def climb(self, theta: NDArray, s: NDArray, *, steps: int = MAX_ITERATIONS) -> tuple[NDArray, NDArray, int]:
        """Newton's method on the sphere; the third value is the steps taken, 0 where they did not suffice."""
        n, value = self.rows.n_items, self.value(theta, s)
        for iteration in range(1, steps + 1):
            tangent = self.tangent(s)
            step = _newton(*self.derivatives(theta, s, tangent))
            scale = 1.0
            for _ in range(40):  # a full step may overshoot far from the optimum: halve it where the objective falls
                moved_theta, moved_s = theta + scale * step[:n], _on_sphere(s + scale * tangent @ step[n:])
                moved = self.value(moved_theta, moved_s)
                if moved >= value - 1e-12 * abs(value) - 1e-12:
                    break
                scale /= 2
            theta, s, value = moved_theta, moved_s, moved
            if np.abs(step).max() < TOLERANCE:
                return theta, s, iteration
        return theta, s, 0

    def best(self, theta: NDArray) -> tuple[NDArray, NDArray, int]:
        """The higher of the optima reached from discriminations of 1 and from those that a wide prior leaves free."""
        equal = np.ones(self.rows.n_raters)
        starts = [(theta, equal)]
        if self.spread:
            free_theta, free_s, _ = replace(self, spread=max(self.spread, FREE_SPREAD)).climb(
                theta, equal, steps=FREE_STEPS
            )
            starts.append((free_theta, free_s))
        ends = [self.climb(*start) for start in starts]
        theta, s, steps = max(ends, key=lambda end: self.value(end[0], end[1]))
        hessian = self.derivatives(theta, s, self.tangent(s))[1]
        lowest, flat = np.linalg.eigvalsh(hessian)[0], 1e-10 * np.abs(hessian).max()
        if not steps or abs(lowest) <= flat:  # a climb without end, past the other one's optimum or out on a plateau
            raise RuntimeError(self._stuck())
        if lowest < 0:
            raise ValueError(
                "the raters' answers cancel out: as many run one way as the other, and nothing says which of them are "
                "in reverse; leave raters out or hold discrimination_spread=0"
            )
        return theta, s, steps

    def _stuck(self) -> str:
        message = f"Bradley-Terry with discriminations did not converge in {MAX_ITERATIONS} Newton steps"
        if self.prior_precision:
            return message
        return f"{message}; without a prior the maximum may not exist: give a prior_precision above 0"


def _newton(gradient: NDArray, hessian: NDArray) -> NDArray[np.float64]:
    """Newton's step uphill; where the surface is not concave, away from saddles by the size of each curvature."""
    try:
        return cho_solve(cho_factor(hessian), gradient)
    except LinAlgError:
        curvature, direction = np.linalg.eigh(hessian)
        size = np.maximum(np.abs(curvature), 1e-8 * np.abs(curvature).max())
        return direction @ (direction.T @ gradient / size)


def _on_sphere(s: NDArray) -> NDArray[np.float64]:
    return s * np.sqrt(s.size / (s @ s))


def _uncertainty(
    comparisons: Comparisons, posterior: _Posterior, theta: NDArray, s: NDArray, errors: str, cluster: str | None
) -> tuple[NDArray, NDArray]:
    """Covariance of the log-worths, and standard errors of the discriminations."""
    n, tangent = theta.size, posterior.tangent(s)
    inverse = np.linalg.inv(posterior.derivatives(theta, s, tangent)[1])
    if errors == "sandwich":
        inverse = inverse @ _score_meat(comparisons, theta, s, tangent, cluster) @ inverse
    centred = inverse[:n, :n] - inverse[:n, :n].mean(0)
    s_variance = np.einsum("jk,kl,jl->j", tangent, inverse[n:, n:], tangent)
    return centred - centred.mean(1, keepdims=True), np.sqrt(np.maximum(s_variance, 0.0))


def _score_meat(
    comparisons: Comparisons, theta: NDArray, s: NDArray, tangent: NDArray, cluster: str | None
) -> NDArray[np.float64]:
    """Sum of outer products of the scores of single judgments, or of each rater's: the middle of the sandwich."""
    a, b, j, w = comparisons.first, comparisons.second, comparisons.rater, comparisons.weight
    n, raters, rows = theta.size, s.size, np.arange(len(comparisons))
    d = theta[a] - theta[b]
    residual = comparisons.outcome - expit(s[j] * d)
    values = np.concatenate([s[j] * residual, -s[j] * residual, d * residual])
    where = (np.tile(rows, 3), np.concatenate([a, b, n + j]))
    scores = coo_array((values, where), shape=(rows.size, n + raters)).tocsr()
    if cluster is None:
        meat = (scores.T @ (scores.T * w).T).toarray()
    else:
        member = coo_array((w, (j, rows)), shape=(raters, rows.size)).tocsr()
        summed = (member @ scores).toarray()
        meat = raters / (raters - 1) * summed.T @ summed
    turn = np.zeros((n + raters, n + tangent.shape[1]))
    turn[:n, :n] = np.eye(n)
    turn[n:, n:] = tangent
    return turn.T @ meat @ turn
