r"""Thurstone's Case V scores from paired comparisons, with ties by a threshold and a Gaussian prior on the scores.

Every item has a score, and a comparison sees the difference d of two scores with normal noise of standard deviation 1.
Differences smaller than a threshold delta >= 0 are called a tie (Glenn and David, 1960):

    P(first) = Phi(d - delta),   P(second) = Phi(-d - delta),   P(tie) = Phi(delta - d) - Phi(-delta - d),

which for delta = 0 is Thurstone's (1927) Case V, P(first) = Phi(d). The log-likelihood is jointly concave in the scores
and delta, since the normal density is log-concave, and is climbed by Newton steps.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array, csr_array, hstack
from scipy.special import log_ndtr, ndtri

from ..arrays import Floats
from .comparisons import Comparisons
from .connectivity import connected_parts
from .fit_options import check_fit_options
from .ford_condition import check_identified
from .pair_counts import PairCounts, count_pairs
from .probit import interval_slopes, log_interval, mills
from .tie_condition import check_ties_bounded

JOD_PER_SD = 1.4826  # 1 / Phi^-1(0.75) as pwcmp rounds it: a difference of one JOD is preferred 75 % of the time
TOLERANCE = 1e-10  # largest Newton step at which the fit counts as converged, in standard deviations
MAX_ITERATIONS = 100


@dataclass(frozen=True)
class ThurstoneResult:
    """Scores and how they were obtained.

    Attributes
    ----------
    items : tuple
        Ids of the items.
    scores : ndarray, shape (n,)
        In `unit`, mean zero in each connected part of the comparison graph.
    standard_errors : ndarray, shape (n,), or None
        Of each score relative to the mean of its part (the mean itself is fixed, not estimated); None where no errors
        were asked for.
    covariance : ndarray, shape (n, n), or None
        Of the scores; its rows sum to zero. The tie threshold's uncertainty is included.
    log_likelihood : float
        Without the prior's term.
    converged : bool
        Always True: a fit that does not converge raises.
    iterations : int
        Newton steps taken.
    prior_precision : float
        Of the Gaussian prior on each score, in standard deviations whatever the unit; 0 is maximum likelihood.
    ties : str
        ``"threshold"`` or ``"half"``.
    tie_threshold : float
        delta, in `unit`; 0 where there are no ties.
    unit : str
        ``"sd"`` or ``"jod"``.
    errors : str or None
        ``"fisher"``, ``"sandwich"`` or None.
    cluster : str or None
        ``"rater"`` where the sandwich sums the scores of each rater first.
    never_won, never_lost : tuple
        Items whose score only the prior keeps finite.
    component : ndarray of int, shape (n,)
        The connected part that each item lies in; 0 for all where the graph is connected. Scores of different parts
        cannot be compared.
    identification : str
        What fixes the zero and the unit that the comparisons leave open.
    """

    items: tuple[Hashable, ...]
    scores: Floats
    standard_errors: Floats | None
    covariance: Floats | None
    log_likelihood: float
    converged: bool
    iterations: int
    prior_precision: float
    ties: str
    tie_threshold: float
    unit: str
    errors: str | None
    cluster: str | None
    never_won: tuple[Hashable, ...]
    never_lost: tuple[Hashable, ...]
    component: NDArray[np.int_]
    identification: str


def thurstone(
    comparisons: Comparisons,
    *,
    prior_precision: float = 0.0,
    ties: str = "threshold",
    errors: str | None = "fisher",
    cluster: str | None = None,
    unit: str = "sd",
    per_component: bool = False,
) -> ThurstoneResult:
    """Fit Thurstone Case V scores by maximum likelihood, or a posteriori under a Gaussian prior.

    Parameters
    ----------
    comparisons : Comparisons
        Their graph must be connected, unless `per_component` is set. The normal equations are dense: meant for up to a
        few thousand items.
    prior_precision : float
        Precision (1 / variance) of an independent Gaussian prior, mean zero, on every score in standard deviations; 0
        is maximum likelihood.
    ties : {"threshold", "half"}
        A threshold below which differences are called ties, or half a win for either side (also for soft outcomes).
    errors : {"fisher", "sandwich", None}
        Inverse curvature, the robust sandwich from the residuals, or none at all (quicker).
    cluster : {None, "rater"}
        With ``errors="sandwich"``: take a rater's judgments as one draw, with the factor J / (J - 1) for J raters.
    unit : {"sd", "jod"}
        Of the scores: the standard deviation of one comparison's noise, or the just-objectionable difference, 1.4826
        to the standard deviation, so that a difference of 1 is preferred 75 % of the time.
    per_component : bool
        Accept a disconnected graph: every connected part has a mean of zero of its own (the tie threshold is common).

    Returns
    -------
    ThurstoneResult

    Raises
    ------
    ValueError
        If the comparison graph is disconnected and not `per_component`; if an item was never compared; if without a prior the maximum does not exist (some items never lost,
        or never won, against the rest; or the wins and ties stand in an order without a contradiction); if all
        judgments are ties; if an option is unknown.
    RuntimeError
        If Newton's method does not converge.

    References
    ----------
    Thurstone (1927), Psychological Review 34, 273-286. Glenn and David (1960), Biometrics 16, 86-109 (ties by a
    threshold). Pratt (1981), JASA 76, 103-106 (why the log-likelihood is concave). Perez-Ortiz and Mantiuk (2017),
    arXiv 1712.03686 (JOD units).

    Examples
    --------
    >>> games = Comparisons.from_arrays(["a", "a", "a", "a"], ["b", "b", "b", "b"], [1, 1, 1, 0])
    >>> thurstone(games, unit="jod").scores.round(4)
    array([ 0.5, -0.5])
    """
    _check_options(comparisons, prior_precision, ties, errors, cluster, unit)
    _check_identified(comparisons, prior_precision > 0, per_component)
    counts = count_pairs(comparisons, ties="davidson" if ties == "threshold" else "half")
    if not (counts.wins.any() or counts.losses.any()):
        raise ValueError("every judgment is a tie: there is nothing to rank")
    part = comparisons.components()
    if prior_precision == 0:
        check_ties_bounded(counts)
    fit = _climb(counts, prior_precision, part)
    size = JOD_PER_SD if unit == "jod" else 1.0
    covariance = None if errors is None else size**2 * _covariance(comparisons, fit, part, errors, cluster)
    return ThurstoneResult(
        items=comparisons.items,
        scores=size * _centred(fit.scores, part),
        standard_errors=None if covariance is None else np.sqrt(np.maximum(np.diag(covariance), 0.0)),
        covariance=covariance,
        log_likelihood=fit.log_likelihood,
        converged=True,
        iterations=fit.iterations,
        prior_precision=float(prior_precision),
        ties=ties,
        tie_threshold=size * fit.threshold,
        unit=unit,
        errors=errors,
        cluster=cluster,
        never_won=comparisons.never_won(),
        never_lost=comparisons.never_lost(),
        component=part,
        identification=f"mean zero within each connected part; the noise of a comparison has standard deviation {size:g}",
    )


@dataclass(frozen=True)
class _Fit:
    scores: NDArray[np.float64]  # (n,)
    threshold: float
    hessian: NDArray[np.float64]  # of the negative log-posterior, made invertible; with delta last where it is free
    log_likelihood: float
    iterations: int


def _check_options(
    comparisons: Comparisons, prior_precision: float, ties: str, errors: str | None, cluster: str | None, unit: str
) -> None:
    check_fit_options(comparisons, prior_precision, errors, cluster)
    if ties not in ("threshold", "half"):
        raise ValueError(f"ties must be 'threshold' or 'half', not {ties!r}")
    if ties == "threshold" and not np.isin(comparisons.outcome, (0.0, 0.5, 1.0)).all():
        raise ValueError("outcomes other than 0, 0.5 and 1 are soft judgments: ask for ties='half'")
    if unit not in ("sd", "jod"):
        raise ValueError(f"unit must be 'sd' or 'jod', not {unit!r}")


def _climb(counts: PairCounts, prior_precision: float, part: NDArray) -> _Fit:
    """Newton's method from scores of zero and the threshold that fits the share of ties there."""
    n, tied = counts.n_items, counts.ties.sum()
    share = tied / (counts.wins.sum() + counts.losses.sum() + tied)
    at = np.append(np.zeros(n), ndtri((1 + share) / 2) if tied else 0.0)
    free = n + 1 if tied else n
    sides = _incidence(counts.first, counts.second, n)
    # the likelihood does not see the common level of a part: this fixes it at a mean of zero
    level = (part[:, None] == part) / np.bincount(part)[part] if prior_precision == 0 else prior_precision * np.eye(n)

    def objective(point: NDArray) -> float:
        if tied and point[n] <= 0:
            return -np.inf
        return _log_likelihood(counts, point) - prior_precision / 2 * point[:n] @ point[:n]

    value = objective(at)
    for iteration in range(1, MAX_ITERATIONS + 1):
        gradient, hessian = _derivatives(counts, at, sides)
        gradient[:n] -= prior_precision * at[:n]
        hessian[:n, :n] += level
        step = np.append(np.linalg.solve(hessian[:free, :free], gradient[:free]), np.zeros(n + 1 - free))
        scale = 1.0
        for _ in range(40):  # a full step may overshoot far from the optimum: halve it where the objective falls
            moved = objective(at + scale * step)
            if moved >= value - 1e-12 * abs(value) - 1e-12:
                break
            scale /= 2
        at, value = at + scale * step, moved
        if np.abs(step).max() < TOLERANCE:
            hessian = _derivatives(counts, at, sides)[1]
            hessian[:n, :n] += level
            return _Fit(at[:n], float(at[n]), hessian[:free, :free], _log_likelihood(counts, at), iteration)
    raise RuntimeError(f"Thurstone's scores did not converge in {MAX_ITERATIONS} Newton steps")


def _log_likelihood(counts: PairCounts, at: NDArray) -> float:
    d, delta = at[counts.first] - at[counts.second], at[-1]
    value = counts.wins[0] @ log_ndtr(d - delta) + counts.losses[0] @ log_ndtr(-d - delta)
    if delta > 0:
        value += counts.ties[0] @ log_interval(-delta - d, delta - d)
    return float(value)


def _derivatives(counts: PairCounts, at: NDArray, sides: csr_array) -> tuple[NDArray, NDArray]:
    """Gradient of the log-likelihood in (scores, delta) and Hessian of its negative, (n + 1,) and (n + 1, n + 1)."""
    n, a, b = counts.n_items, counts.first, counts.second
    d, delta = at[a] - at[b], at[n]
    up, up_curve = _tail(d - delta, counts.wins[0])
    down, down_curve = _tail(-d - delta, counts.losses[0])
    slope, curve, cross = up - down, up_curve + down_curve, down_curve - up_curve
    wide, wide_curve = -(up + down).sum(), (up_curve + down_curve).sum()
    if delta > 0:
        tie, tie_curve, tie_wide, tie_wide_curve, tie_cross = _tie(d, delta, counts.ties[0])
        slope, curve, cross = slope + tie, curve + tie_curve, cross + tie_cross
        wide, wide_curve = wide + tie_wide.sum(), wide_curve + tie_wide_curve.sum()
    hessian = np.zeros((n + 1, n + 1))
    hessian[a, b] = hessian[b, a] = -curve
    own = np.arange(n)
    hessian[own, own] = abs(sides).T @ curve
    hessian[:n, n] = hessian[n, :n] = sides.T @ cross
    hessian[n, n] = wide_curve
    return np.append(sides.T @ slope, wide), hessian


def _tail(z: NDArray, weight: NDArray) -> tuple[NDArray, NDArray]:
    """First and minus second derivative of weight * log Phi(z)."""
    ratio = mills(z)
    return weight * ratio, weight * np.maximum(ratio * (ratio + z), 0.0)


def _tie(d: NDArray, delta: float, weight: NDArray) -> tuple[NDArray, NDArray, NDArray, NDArray, NDArray]:
    """Derivatives of weight * log[Phi(delta - d) - Phi(-delta - d)].

    First and minus second in d; first and minus second in delta; minus the mixed one.
    """
    slope, curve, by_low, by_high = interval_slopes(-delta - d, delta - d)
    wide = by_high - by_low  # both densities over the interval's probability: its ends part at rates -1 and 1
    # of each density its own derivative is minus its argument times itself
    low_turn, high_turn = (delta + d) * -by_low, (delta - d) * by_high
    wide_curve = low_turn + high_turn + wide**2
    cross = low_turn - high_turn + slope * wide
    return weight * slope, weight * curve, weight * wide, weight * wide_curve, weight * cross


def _covariance(
    comparisons: Comparisons, fit: _Fit, part: NDArray, errors: str, cluster: str | None
) -> NDArray[np.float64]:
    n = len(comparisons.items)
    inverse = np.linalg.inv(fit.hessian)
    if errors == "sandwich":
        inverse = inverse @ _score_meat(comparisons, fit, cluster, wide=len(inverse) > n) @ inverse
    return _centred(_centred(inverse[:n, :n], part).T, part)


def _centred(values: NDArray, part: NDArray) -> NDArray[np.float64]:
    """Values (n, ...) minus the mean over their own part."""
    member = (part == np.arange(int(part.max()) + 1)[:, None]) * 1.0
    return values - ((member / member.sum(1, keepdims=True)) @ values)[part]


def _score_meat(comparisons: Comparisons, fit: _Fit, cluster: str | None, *, wide: bool) -> NDArray:
    """Sum of outer products of the scores of single judgments, or of each rater's: the middle of the sandwich."""
    y, w, n = comparisons.outcome, comparisons.weight, len(comparisons.items)
    d, delta = fit.scores[comparisons.first] - fit.scores[comparisons.second], fit.threshold
    up, down = y * mills(d - delta), (1 - y) * mills(-d - delta)
    slope, wider = up - down, -(up + down)
    if delta > 0:
        tied = y == 0.5
        tie, _, tie_wide, _, _ = _tie(d, delta, np.ones(y.shape))
        slope, wider = np.where(tied, tie, slope), np.where(tied, tie_wide, wider)
    scores = (_incidence(comparisons.first, comparisons.second, n).T * slope).T.tocsr()
    if wide:
        scores = hstack([scores, coo_array(wider[:, None])]).tocsr()
    if cluster is None:
        return (scores.T @ (scores.T * w).T).toarray()
    raters, rows = len(comparisons.raters), np.arange(len(comparisons))
    member = coo_array((w, (comparisons.rater, rows)), shape=(raters, rows.size)).tocsr()
    summed = (member @ scores).toarray()
    return raters / (raters - 1) * summed.T @ summed


def _incidence(first: NDArray, second: NDArray, n: int) -> csr_array:
    rows = np.arange(first.size)
    values = np.concatenate([np.ones(first.size), -np.ones(first.size)])
    where = (np.concatenate([rows, rows]), np.concatenate([first, second]))
    return coo_array((values, where), shape=(first.size, n)).tocsr()


def _check_identified(comparisons: Comparisons, prior: bool, per_component: bool) -> None:
    """That the graph is connected, or each part of it is, and Ford's condition holds there where there is no prior."""
    if not per_component:
        try:
            check_identified(comparisons, prior=prior)
        except ValueError as error:
            fix = "; per_component=True gives each part a zero of its own" if "disconnected" in str(error) else ""
            raise ValueError(f"{error}{fix}") from None
        return
    parts = [part for _, part in connected_parts(comparisons)]
    lonely = [part.items[0] for part in parts if not len(part)]
    if lonely:
        shown = ", ".join(repr(item) for item in lonely[:5]) + (", ..." if len(lonely) > 5 else "")
        raise ValueError(f"{len(lonely)} items were never compared ({shown}): leave them out of `items`")
    for part in parts:
        check_identified(part, prior=prior)
