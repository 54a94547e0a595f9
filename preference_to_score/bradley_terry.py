r"""Bradley-Terry worths from paired comparisons, with Davidson's ties and a Gaussian prior on the log-worths.

With d the difference of two log-worths and nu >= 0 the tie parameter (Davidson, 1970),

    P(first) = e^(d/2) / Z,   P(second) = e^(-d/2) / Z,   P(tie) = nu / Z,   Z = e^(d/2) + e^(-d/2) + nu,

which for nu = 0 is Bradley and Terry's (1952) P(first) = 1 / (1 + e^-d). The log-likelihood is concave in the
log-worths and log nu, and is climbed by Newton steps, many weightings of the same comparisons at a time.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array, csr_array
from scipy.sparse.csgraph import connected_components
from scipy.special import expit

from .comparisons import Comparisons
from .connectivity import check_connected
from .pair_counts import PairCounts, count_pairs

TOLERANCE = 1e-10  # largest Newton step at which the fit counts as converged, in log-worth units
MAX_ITERATIONS = 100


@dataclass(frozen=True)
class BradleyTerryResult:
    """Log-worths and how they were obtained.

    Attributes
    ----------
    items : tuple
        Ids of the items.
    log_worths : ndarray, shape (n,)
        Natural-log worths, mean zero.
    standard_errors : ndarray, shape (n,)
        Of each log-worth relative to the mean of all items (the mean itself is fixed, not estimated).
    covariance : ndarray, shape (n, n)
        Of the log-worths; its rows sum to zero. The tie parameter's uncertainty is included.
    log_likelihood : float
        Without the prior's term.
    converged : bool
        Always True: a fit that does not converge raises.
    iterations : int
        Newton steps taken.
    prior_precision : float
        Of the Gaussian prior on each log-worth; 0 is maximum likelihood.
    ties : str
        ``"davidson"`` or ``"half"``.
    tie_parameter : float
        Davidson's nu; 0 where there are no ties.
    errors : str
        ``"fisher"`` or ``"sandwich"``.
    cluster : str or None
        ``"rater"`` where the sandwich sums the scores of each rater first.
    never_won, never_lost : tuple
        Items whose log-worth only the prior keeps finite.
    """

    items: tuple[Hashable, ...]
    log_worths: NDArray[np.float64]
    standard_errors: NDArray[np.float64]
    covariance: NDArray[np.float64]
    log_likelihood: float
    converged: bool
    iterations: int
    prior_precision: float
    ties: str
    tie_parameter: float
    errors: str
    cluster: str | None
    never_won: tuple[Hashable, ...]
    never_lost: tuple[Hashable, ...]


@dataclass(frozen=True)
class _Fit:
    theta: NDArray[np.float64]  # (R, n)
    log_tie: NDArray[np.float64]  # (R,), -inf without ties
    hessian: NDArray[np.float64]  # (R, n, n) or (R, n+1, n+1), of the negative log-posterior, made invertible
    log_likelihood: NDArray[np.float64]  # (R,)
    iterations: int


def _log_z(d: NDArray, log_tie: NDArray) -> NDArray:
    """log Z at differences d (R, P); log_tie is (R, 1)."""
    half = np.abs(d) / 2
    log_z = half + np.log1p(np.exp(-2 * half))
    return log_z if np.isneginf(log_tie).all() else np.logaddexp(log_z, log_tie)


def _probabilities(d: NDArray, log_tie: NDArray) -> tuple[NDArray, NDArray, NDArray]:
    """P(first), P(tie) and P(second) at differences d (R, P); log_tie is (R, 1)."""
    if np.isneginf(log_tie).all():
        return expit(d), np.zeros(d.shape), expit(-d)
    log_z = _log_z(d, log_tie)
    return np.exp(d / 2 - log_z), np.exp(log_tie - log_z), np.exp(-d / 2 - log_z)


def _log_likelihood(counts: PairCounts, theta: NDArray, log_tie: NDArray) -> NDArray:
    d = theta[:, counts.first] - theta[:, counts.second]
    total = counts.wins + counts.ties + counts.losses
    value = ((counts.wins - counts.losses) * d / 2 - total * _log_z(d, log_tie[:, None])).sum(-1)
    tied = counts.ties.sum(-1)
    return value + np.where(tied > 0, tied * np.where(tied > 0, log_tie, 0.0), 0.0)


def fit_counts(
    counts: PairCounts,
    prior_precision: float,
    *,
    log_tie: float | None = None,
    start: NDArray | None = None,
) -> _Fit:
    """Newton's method for all weightings of `counts` at once.

    Parameters
    ----------
    counts : PairCounts
    prior_precision : float
        Of the Gaussian prior on each log-worth.
    log_tie : float, optional
        Hold log nu at this value; by default it is estimated where there are ties.
    start : ndarray, shape (n,), optional
        Log-worths to start from.

    Returns
    -------
    _Fit
        With one row for each weighting.

    Raises
    ------
    RuntimeError
        If it does not converge.
    """
    n_fits, n = counts.wins.shape[0], counts.n_items
    free_tie = log_tie is None and counts.ties.any()
    theta = np.zeros((n_fits, n)) if start is None else np.tile(start, (n_fits, 1))
    eta = np.full(n_fits, 0.0 if free_tie else (-np.inf if log_tie is None else log_tie))

    def objective(at: NDArray, tie: NDArray) -> NDArray:
        return _log_likelihood(counts, at, tie) - prior_precision / 2 * (at**2).sum(-1)

    value = objective(theta, eta)
    for iteration in range(1, MAX_ITERATIONS + 1):
        gradient, hessian = _derivatives(counts, theta, eta, prior_precision, free_tie)
        step = np.linalg.solve(hessian, gradient[..., None])[..., 0]
        scale = np.ones(n_fits)
        for _ in range(40):  # a full step may overshoot far from the optimum: halve it where the objective falls
            moved = theta + scale[:, None] * step[:, :n]
            moved_eta = eta + scale * step[:, n] if free_tie else eta
            moved_value = objective(moved, moved_eta)
            worse = moved_value < value - 1e-12 * np.abs(value) - 1e-12
            if not worse.any():
                break
            scale = np.where(worse, scale / 2, scale)
        theta, eta, value = moved, moved_eta, moved_value
        if np.abs(step).max() < TOLERANCE:
            hessian = _derivatives(counts, theta, eta, prior_precision, free_tie)[1]
            return _Fit(theta, eta, hessian, _log_likelihood(counts, theta, eta), iteration)
    raise RuntimeError(f"Bradley-Terry did not converge in {MAX_ITERATIONS} Newton steps")


def _derivatives(
    counts: PairCounts, theta: NDArray, log_tie: NDArray, prior_precision: float, free_tie: bool
) -> tuple[NDArray, NDArray]:
    """Gradient of the log-posterior and Hessian of its negative, (R, m) and (R, m, m)."""
    n_fits, n = theta.shape
    a, b = counts.first, counts.second
    win, tie, loss = _probabilities(theta[:, a] - theta[:, b], log_tie[:, None])
    total = counts.wins + counts.ties + counts.losses
    mean = (win - loss) / 2
    slope = (counts.wins - counts.losses) / 2 - total * mean
    curve = total * ((win + loss) / 4 - mean**2)
    incidence = _incidence(a, b, n)
    gradient = (incidence.T @ slope.T).T - prior_precision * theta
    hessian = np.zeros((n_fits, n, n))
    hessian[:, a, b] = hessian[:, b, a] = -curve
    diagonal = np.arange(n)
    hessian[:, diagonal, diagonal] = (abs(incidence).T @ curve.T).T + prior_precision
    if prior_precision == 0:
        hessian += 1 / n  # the likelihood does not see the common level: this fixes it at a mean of zero
    if not free_tie:
        return gradient, hessian
    wide = np.zeros((n_fits, n + 1, n + 1))
    wide[:, :n, :n] = hessian
    wide[:, :n, n] = wide[:, n, :n] = -(incidence.T @ (total * mean * tie).T).T
    wide[:, n, n] = (total * tie * (1 - tie)).sum(-1)
    tie_slope = (counts.ties - total * tie).sum(-1)
    return np.concatenate([gradient, tie_slope[:, None]], axis=1), wide


def _incidence(first: NDArray, second: NDArray, n: int) -> csr_array:
    rows = np.arange(first.size)
    values = np.concatenate([np.ones(first.size), -np.ones(first.size)])
    where = (np.concatenate([rows, rows]), np.concatenate([first, second]))
    return coo_array((values, where), shape=(first.size, n)).tocsr()


def bradley_terry(
    comparisons: Comparisons,
    *,
    prior_precision: float = 0.0,
    ties: str = "davidson",
    errors: str = "fisher",
    cluster: str | None = None,
) -> BradleyTerryResult:
    """Fit Bradley-Terry log-worths by maximum likelihood, or a posteriori under a Gaussian prior.

    Parameters
    ----------
    comparisons : Comparisons
        Their graph must be connected. The normal equations are dense: meant for up to a few thousand items.
    prior_precision : float
        Precision (1 / variance) of an independent Gaussian prior, mean zero, on every log-worth; 0 is maximum
        likelihood.
    ties : {"davidson", "half"}
        Davidson's tie parameter, or half a win for either side (also for soft outcomes).
    errors : {"fisher", "sandwich"}
        Inverse curvature, or the robust sandwich from the residuals.
    cluster : {None, "rater"}
        With ``errors="sandwich"``: take a rater's judgments as one draw, with the factor J / (J - 1) for J raters.

    Returns
    -------
    BradleyTerryResult

    Raises
    ------
    ValueError
        If the comparison graph is disconnected; if without a prior the maximum does not exist (some items never lost,
        or never won, against the rest); if all judgments are ties; if an option is unknown.
    RuntimeError
        If Newton's method does not converge.

    References
    ----------
    Bradley and Terry (1952), Biometrika 39, 324-345. Davidson (1970), JASA 65, 317-328. Ford (1957), American
    Mathematical Monthly 64, 28-33 (when the maximum exists).

    Examples
    --------
    >>> games = Comparisons.from_arrays(["a", "a", "a", "a"], ["b", "b", "b", "b"], [1, 1, 1, 0])
    >>> fit = bradley_terry(games)
    >>> float(round(fit.log_worths[0] - fit.log_worths[1], 6)) == round(float(np.log(3)), 6)
    True
    """
    if prior_precision < 0 or not np.isfinite(prior_precision):
        raise ValueError(f"prior_precision must be a finite number of at least 0, not {prior_precision}")
    if errors not in ("fisher", "sandwich") or cluster not in (None, "rater"):
        raise ValueError(f"errors must be 'fisher' or 'sandwich', cluster None or 'rater'; got {errors!r}, {cluster!r}")
    if cluster and (errors != "sandwich" or len(comparisons.raters) < 2):
        raise ValueError("cluster='rater' needs errors='sandwich' and comparisons of at least two raters")
    check_connected(comparisons)
    counts = count_pairs(comparisons, ties=ties)
    if prior_precision == 0:
        _check_maximum_exists(comparisons, counts)
    if not (counts.wins.any() or counts.losses.any()):
        raise ValueError("every judgment is a tie: there is nothing to rank")
    fit = fit_counts(counts, prior_precision)
    inverse = np.linalg.inv(fit.hessian[0])
    n = len(comparisons.items)
    if errors == "sandwich":
        meat = score_meat(comparisons, fit.theta[0], fit.log_tie[0], cluster, wide=inverse.shape[0] > n)
        inverse = inverse @ meat @ inverse
    centred = inverse[:n, :n] - inverse[:n, :n].mean(0)
    covariance = centred - centred.mean(1, keepdims=True)
    return BradleyTerryResult(
        items=comparisons.items,
        log_worths=fit.theta[0] - fit.theta[0].mean(),
        standard_errors=np.sqrt(np.maximum(np.diag(covariance), 0.0)),
        covariance=covariance,
        log_likelihood=float(fit.log_likelihood[0]),
        converged=True,
        iterations=fit.iterations,
        prior_precision=float(prior_precision),
        ties=ties,
        tie_parameter=float(np.exp(fit.log_tie[0])),
        errors=errors,
        cluster=cluster,
        never_won=comparisons.never_won(),
        never_lost=comparisons.never_lost(),
    )


def pair_residuals(theta: NDArray, counts: PairCounts, log_tie: float) -> NDArray[np.float64]:
    """Derivative of each row's log-likelihood in the difference of each pair's log-worths.

    Parameters
    ----------
    theta : ndarray, shape (R, n)
        Log-worths, in R versions.
    counts : PairCounts
        With J rows of counts.
    log_tie : float
        Log of Davidson's nu; -inf without ties.

    Returns
    -------
    ndarray, shape (R, J, P)

    Examples
    --------
    >>> counts = count_pairs(Comparisons.from_arrays([0, 0], [1, 1], [1, 1]))
    >>> pair_residuals(np.zeros((1, 2)), counts, -np.inf)
    array([[[1.]]])
    """
    win, _, loss = _probabilities(theta[:, counts.first] - theta[:, counts.second], np.full((1, 1), log_tie))
    total = counts.wins + counts.ties + counts.losses
    return (counts.wins - counts.losses) / 2 - total * ((win - loss) / 2)[:, None]


def score_meat(
    comparisons: Comparisons, theta: NDArray, log_tie: float, cluster: str | None, *, wide: bool = False
) -> NDArray:
    """Sum of outer products of the scores: the middle of the sandwich.

    Parameters
    ----------
    comparisons : Comparisons
    theta : ndarray, shape (n,)
        Log-worths.
    log_tie : float
        Log of Davidson's nu; -inf without ties.
    cluster : {None, "rater"}
        Sum over each rater first, with the factor J / (J - 1).
    wide : bool
        Add the score of log nu as a last row and column.

    Returns
    -------
    ndarray, shape (n, n) or (n + 1, n + 1)

    Examples
    --------
    >>> games = Comparisons.from_arrays([0, 0], [1, 1], [1, 0])
    >>> score_meat(games, np.zeros(2), -np.inf, None)
    array([[ 0.5, -0.5],
           [-0.5,  0.5]])
    """
    a, b, w = comparisons.first, comparisons.second, comparisons.weight
    d = (theta[a] - theta[b])[None]
    win, tie, loss = _probabilities(d, np.full((1, 1), log_tie))
    residual = comparisons.outcome - 0.5 - (win - loss)[0] / 2
    n = len(comparisons.items)
    scores = (_incidence(a, b, n).T * residual).T.tocsr()
    if wide:
        tied = (comparisons.outcome == 0.5) - tie[0]
        scores = coo_array(np.column_stack([scores.toarray(), tied])).tocsr()
    if cluster is None:
        return (scores.T @ (scores.T * w).T).toarray()
    n_raters = len(comparisons.raters)
    member = coo_array((w, (comparisons.rater, np.arange(len(comparisons)))), shape=(n_raters, len(comparisons)))
    summed = (member.tocsr() @ scores).toarray()
    return n_raters / (n_raters - 1) * summed.T @ summed


def _check_maximum_exists(comparisons: Comparisons, counts: PairCounts) -> None:
    """Ford's condition: every group of items must have lost something to the rest."""
    up = (counts.wins + counts.ties)[0] > 0
    down = (counts.losses + counts.ties)[0] > 0
    rows = np.concatenate([counts.first[up], counts.second[down]])
    columns = np.concatenate([counts.second[up], counts.first[down]])
    n = counts.n_items
    graph = coo_array((np.ones(rows.size), (rows, columns)), shape=(n, n))
    parts, _ = connected_components(graph, directed=True, connection="strong")
    if parts > 1:
        named = [f"never won: {comparisons.never_won()}"] if comparisons.never_won() else []
        named += [f"never lost: {comparisons.never_lost()}"] if comparisons.never_lost() else []
        raise ValueError(
            f"the maximum likelihood does not exist: the items fall into {parts} groups that beat one another without "
            f"exception ({'; '.join(named) or 'no single item, a group of them'}); give a prior_precision above 0"
        )
