r"""How good a pair design is: the shape of its graph, and how far off Bradley-Terry worths from it will be.

With worths theta and J experts who all compare the same pairs, the Fisher information F of the log-worths is the Laplacian
of the comparison graph, every pair (a, b) weighted with its information

    w_ab = J p_ab (1 - p_ab),    p_ab = 1 / (1 + e^-(theta_a - theta_b)),

which is J / 4 where the outcome is open and falls off like ``e^-|d|`` with the distance d. A Gaussian prior of precision
lambda adds lambda to the diagonal. The expected standard errors are the roots of the diagonal of (F + lambda)^-1, taken
relative to the mean of all items.

The prior also pulls the worths together, which no standard error shows: the more so, the longer the way from one end of
the order to the other. So the expected error is given with it: estimates scatter with covariance V = H^-1 F H^-1 about
m, the fit to the expected outcomes (H is its curvature), and of their distance from theta the best straight line through
each set of estimates (construction A draws such a line to the rating scale) leaves, as a mean square over items,

    error^2 = (theta'theta - ((m'theta)^2 + theta'V theta) / (m'm + trace V)) / n.

All of it is for experts who agree: what each one likes for himself comes on top, whichever pairs are compared.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from scipy.special import expit, log_expit, ndtri
from scipy.stats import rankdata

from ..fusion.worths_on_scale import FUSION_PRIOR_PRECISION
from .pair_design import graph_diameter

_SRCC_DRAWS = 400
_TOLERANCE, _MAX_ITERATIONS = 1e-8, 100
_SHUFFLED_ITEMS, _MOST_ORDERS = 1000, 32  # orders of a prior that says nothing: as many as make up about 1,000 items


@dataclass(frozen=True)
class DesignQuality:
    """Figures of one design, or their means over several.

    Attributes
    ----------
    pairs : float
        Number of pairs.
    degree_min, degree_mean, degree_max : float
        Pairs that an item stands in, for one expert.
    diameter : float
        Longest shortest path between two items, in steps.
    connectivity : float
        Algebraic connectivity (Fiedler, 1973): second-smallest eigenvalue of the graph's Laplacian, each pair counted once.
    se_mean, se_max : float
        Expected standard error of the log-worths, mean and largest over items, where the items are worth what is assumed.
    error : float
        Expected root-mean-square error of the worths after the best straight line, in logits: scatter, and what the prior
        bends.
    error_shuffled : float
        The same where the same worths are in random order over the items: the order that the design went by says nothing.
    srcc : float
        Expected Spearman correlation of estimated with assumed worths.
    """

    pairs: float
    degree_min: float
    degree_mean: float
    degree_max: float
    diameter: float
    connectivity: float
    se_mean: float
    se_max: float
    error: float
    error_shuffled: float
    srcc: float

    def as_dict(self) -> dict[str, float]:
        """The figures by name."""
        return {field.name: getattr(self, field.name) for field in fields(self)}


def assumed_worths(scores: ArrayLike, spread: float) -> NDArray[np.float64]:
    """Log-worths as a coarse prior has them, stretched to an assumed spread.

    Parameters
    ----------
    scores : array_like, shape (n,)
        Prior scores in any unit; only their distances relative to one another count.
    spread : float
        Standard deviation of the items' log-worths, in logits.

    Returns
    -------
    ndarray, shape (n,)
        With mean zero and standard deviation `spread`.

    Raises
    ------
    ValueError
        If the scores are all equal or not finite, or the spread is not above 0.

    Examples
    --------
    >>> assumed_worths([6.0, 5.0, 7.0], 2.0).round(3)
    array([ 0.   , -2.449,  2.449])
    """
    scores = np.asarray(scores, dtype=float)
    if scores.ndim != 1 or scores.size < 2 or not np.isfinite(scores).all():
        raise ValueError("prior scores must be a list of at least 2 finite numbers")
    if not (spread > 0 and np.isfinite(spread)):
        raise ValueError(f"the spread must be a finite number of logits above 0, not {spread}")
    if scores.min() == scores.max():
        raise ValueError("the prior scores are all equal: they put the items in no order")
    # by the largest one first: squares of huge or tiny scores would leave the range of a float
    centred = scores / 2 - (scores / 2).mean()
    centred = centred / np.abs(centred).max()
    return spread * centred / centred.std()


def rank_scores(n_items: int) -> NDArray[np.float64]:
    """Scores for a prior that gives an order only: normal scores (Blom, 1958), lowest first.

    Parameters
    ----------
    n_items : int
        At least 2.

    Returns
    -------
    ndarray, shape (n_items,)

    References
    ----------
    Blom (1958), Statistical Estimates and Transformed Beta-Variables, Wiley.

    Examples
    --------
    >>> rank_scores(4).round(3)
    array([-1.049, -0.299,  0.299,  1.049])
    """
    return ndtri((np.arange(n_items) + 0.625) / (n_items + 0.25))


def algebraic_connectivity(pairs: NDArray, n_items: int) -> float:
    """Second-smallest eigenvalue of the comparison graph's Laplacian; 0 where the graph falls apart.

    Parameters
    ----------
    pairs : ndarray of int, shape (m, 2)
        Distinct pairs.
    n_items : int

    Returns
    -------
    float
        At most n_items, which the complete graph has.

    References
    ----------
    Fiedler (1973), Czechoslovak Mathematical Journal 23, 298-305.

    Examples
    --------
    >>> round(algebraic_connectivity(np.array([[0, 1], [1, 2], [2, 3]]), 4), 6)  # a path: 2 - 2 cos(pi / 4)
    0.585786
    """
    laplacian = _laplacian(np.asarray(pairs), np.ones(len(pairs)), n_items)
    return float(max(np.linalg.eigvalsh(laplacian)[1], 0.0))


def expected_errors(
    pairs: NDArray, worths: ArrayLike, *, experts: int = 5, prior_precision: float = FUSION_PRIOR_PRECISION
) -> NDArray[np.float64]:
    """Standard errors that Bradley-Terry will report for a design, if the items are worth what is assumed.

    Parameters
    ----------
    pairs : ndarray of int, shape (m, 2)
        Pairs of positions.
    worths : array_like, shape (n,)
        Assumed log-worths.
    experts : int
        How many compare every pair.
    prior_precision : float
        Of the Gaussian prior on each log-worth; construction A's by default.

    Returns
    -------
    ndarray, shape (n,)
        Relative to the mean of all items.

    Raises
    ------
    ValueError
        If the graph is disconnected, or the pairs are not distinct pairs of the items.

    References
    ----------
    Tsukida and Gupta (2011), UWEETR-2011-0004, University of Washington (the likelihood). Hendrickx, Olshevsky and
    Saligrama (2019), PMLR 97, 2702-2711 (the sum of the variances as the graph's resistance).

    Examples
    --------
    Two items of equal worth: the variance of their difference is 4 / J, and each is half a difference from the mean.

    >>> expected_errors(np.array([[0, 1]]), [0.0, 0.0], experts=4, prior_precision=0.0)
    array([0.5, 0.5])
    """
    worths = np.asarray(worths, dtype=float)
    information = _information(_sound(pairs, worths.size), worths, experts)
    return np.sqrt(np.diag(_covariance(information, prior_precision)))


def assess_design(
    pairs: NDArray,
    worths: ArrayLike,
    *,
    experts: int = 5,
    prior_precision: float = FUSION_PRIOR_PRECISION,
    seed: int = 0,
) -> DesignQuality:
    """All figures of one design.

    Parameters
    ----------
    pairs : ndarray of int, shape (m, 2)
        Distinct pairs of positions.
    worths : array_like, shape (n,)
        Assumed log-worths of the items at these positions (:func:`assumed_worths`).
    experts : int
        How many compare every pair.
    prior_precision : float
        Of the Gaussian prior on each log-worth; construction A's by default.
    seed : int
        Of the random orders, which are the same for every design of n items, and of the draws behind the correlation.

    Returns
    -------
    DesignQuality

    Raises
    ------
    ValueError
        If the graph is disconnected, or the pairs are not distinct pairs of the items.

    Examples
    --------
    >>> pairs = np.array([[0, 1], [1, 2], [2, 3], [0, 3]])
    >>> quality = assess_design(pairs, [-3.0, -1.0, 1.0, 3.0])
    >>> quality.degree_mean, quality.diameter, round(quality.connectivity, 6), round(quality.se_mean, 2)
    (2.0, 2.0, 2.0, 0.95)
    """
    worths = np.asarray(worths, dtype=float)
    n = worths.size
    pairs = _sound(pairs, n)
    degree = np.bincount(pairs.ravel(), minlength=n)
    errors = expected_errors(pairs, worths, experts=experts, prior_precision=prior_precision)
    mean, scatter = _estimates(pairs, worths, experts, prior_precision)
    return DesignQuality(
        pairs=float(len(pairs)),
        degree_min=float(degree.min()),
        degree_mean=float(degree.mean()),
        degree_max=float(degree.max()),
        diameter=graph_diameter(pairs, n),
        connectivity=algebraic_connectivity(pairs, n),
        se_mean=float(errors.mean()),
        se_max=float(errors.max()),
        error=_error(worths, mean, scatter),
        error_shuffled=shuffled_error(pairs, worths, experts=experts, prior_precision=prior_precision, seed=seed),
        srcc=_expected_srcc(worths, mean, scatter, seed),
    )


def expected_error(
    pairs: NDArray, worths: ArrayLike, *, experts: int = 5, prior_precision: float = FUSION_PRIOR_PRECISION
) -> float:
    """Expected root-mean-square error of the worths, after the best straight line.

    Parameters
    ----------
    pairs, worths, experts, prior_precision
        As for :func:`assess_design`.

    Returns
    -------
    float
        In logits.

    Raises
    ------
    ValueError
        If the graph is disconnected, or the pairs are not distinct pairs of the items.

    Examples
    --------
    >>> chain = np.array([[0, 1], [1, 2], [2, 3], [3, 4]])
    >>> round(expected_error(chain, np.arange(5.0)), 2), round(expected_error(chain, np.arange(5.0), experts=500), 2)
    (0.5, 0.05)
    """
    worths = np.asarray(worths, dtype=float)
    return _error(worths, *_estimates(_sound(pairs, worths.size), worths, experts, prior_precision))


def shuffled_error(
    pairs: NDArray,
    worths: ArrayLike,
    *,
    experts: int = 5,
    prior_precision: float = FUSION_PRIOR_PRECISION,
    seed: int = 0,
) -> float:
    """Expected error where the items are worth the same in another order, mean over random orders.

    Parameters
    ----------
    pairs, worths, experts, prior_precision, seed
        As for :func:`assess_design`. About 1,000 / n orders are drawn, 2 to 32.

    Returns
    -------
    float
        In logits.

    Examples
    --------
    >>> chain = np.array([[0, 1], [1, 2], [2, 3], [3, 4]])
    >>> round(shuffled_error(chain, np.arange(5.0)), 2)
    0.73
    """
    worths = np.asarray(worths, dtype=float)
    pairs = _sound(pairs, worths.size)
    rng = np.random.default_rng([seed, 2])
    errors = []
    for _ in range(min(_MOST_ORDERS, max(2, -(-_SHUFFLED_ITEMS // worths.size)))):
        order = rng.permutation(worths)
        errors.append(_error(order, *_estimates(pairs, order, experts, prior_precision)))
    return float(np.mean(errors))


def mean_quality(qualities: list[DesignQuality]) -> DesignQuality:
    """Means of the figures of several designs.

    Parameters
    ----------
    qualities : list of DesignQuality
        At least one.

    Returns
    -------
    DesignQuality

    Examples
    --------
    >>> one = assess_design(np.array([[0, 1]]), [0.0, 0.1])
    >>> mean_quality([one, one]) == one
    True
    """
    rows = [quality.as_dict() for quality in qualities]
    return DesignQuality(**{name: float(np.mean([row[name] for row in rows])) for name in rows[0]})


def _laplacian(pairs: NDArray, weights: NDArray, n: int) -> NDArray:
    """Weighted Laplacian (n, n) for weights (m,) of distinct pairs."""
    a, b = pairs.T
    laplacian = np.zeros((n, n))
    laplacian[a, b] = laplacian[b, a] = -weights
    np.fill_diagonal(laplacian, -laplacian.sum(1))
    return laplacian


def _information(pairs: NDArray, worths: NDArray, experts: int) -> NDArray:
    """Fisher information (n, n) of the log-worths."""
    d = worths[pairs[:, 0]] - worths[pairs[:, 1]]
    return _laplacian(pairs, experts * expit(d) * expit(-d), worths.size)


def _curvature(information: NDArray, prior_precision: float) -> NDArray:
    """Of the negative log-posterior, made invertible."""
    n = len(information)
    # without a prior the level is free: this fixes it at a mean of zero, and centring takes it out again
    return information + (prior_precision * np.eye(n) if prior_precision else 1 / n)


def _covariance(information: NDArray, prior_precision: float) -> NDArray:
    """Covariance (n, n) of the log-worths relative to their mean."""
    inverse = np.linalg.inv(_curvature(information, prior_precision))
    centred = inverse - inverse.mean(0)
    return centred - centred.mean(1, keepdims=True)


def _estimates(pairs: NDArray, worths: NDArray, experts: int, prior_precision: float) -> tuple[NDArray, NDArray]:
    """Mean (n,) and covariance (n, n) of the estimated log-worths, relative to their mean."""
    mean = _expected_fit(pairs, worths - worths.mean(), experts, prior_precision)
    covariance = _covariance(_information(pairs, mean, experts), prior_precision)
    return mean - mean.mean(), covariance @ _information(pairs, worths, experts) @ covariance


def _expected_fit(pairs: NDArray, worths: NDArray, experts: int, prior_precision: float) -> NDArray:
    """Log-worths fitted to the expected outcomes: the worths themselves, except for the prior's pull."""
    if prior_precision == 0:
        return worths
    a, b = pairs.T
    outcome = expit(worths[a] - worths[b])

    def objective(at: NDArray) -> float:
        d = at[a] - at[b]
        return float(experts * (outcome * log_expit(d) + (1 - outcome) * log_expit(-d)).sum()) - (
            prior_precision / 2 * float(at @ at)
        )

    fit, value = worths, objective(worths)
    for _ in range(_MAX_ITERATIONS):
        residual = experts * (outcome - expit(fit[a] - fit[b]))
        gradient = np.bincount(a, residual, worths.size) - np.bincount(b, residual, worths.size) - prior_precision * fit
        step = np.linalg.solve(_curvature(_information(pairs, fit, experts), prior_precision), gradient)
        if np.abs(step).max() < _TOLERANCE:
            return fit + step
        while (moved := objective(fit + step)) < value - 1e-12 * abs(value):
            step = step / 2  # a full step may overshoot where far pairs say next to nothing
        fit, value = fit + step, moved
    raise RuntimeError(f"the fit to the expected outcomes did not converge in {_MAX_ITERATIONS} Newton steps")


def _error(worths: NDArray, mean: NDArray, scatter: NDArray) -> float:
    worths = worths - worths.mean()
    along = ((mean @ worths) ** 2 + worths @ scatter @ worths) / (mean @ mean + np.trace(scatter))
    return float(np.sqrt(max(worths @ worths - along, 0.0) / worths.size))


def _expected_srcc(worths: NDArray, mean: NDArray, scatter: NDArray, seed: int) -> float:
    """Mean Spearman correlation with the worths of estimates drawn from their normal approximation."""
    value, vector = np.linalg.eigh(scatter)
    normal = np.random.default_rng([seed, 3]).normal(size=(_SRCC_DRAWS, worths.size))
    drawn = rankdata(mean + (normal * np.sqrt(np.maximum(value, 0.0))) @ vector.T, axis=1)
    truth = rankdata(worths)
    truth, drawn = truth - truth.mean(), drawn - drawn.mean(1, keepdims=True)
    return float((drawn @ truth / np.sqrt((drawn**2).sum(1) * (truth**2).sum())).mean())


def _sound(pairs: ArrayLike, n: int) -> NDArray[np.int_]:
    """The pairs as an array of distinct pairs whose graph is connected, or a ValueError."""
    pairs = np.asarray(pairs, dtype=int)
    if pairs.ndim != 2 or pairs.shape[1] != 2 or not len(pairs) or pairs.min() < 0 or pairs.max() >= n:
        raise ValueError(f"pairs must be an (m, 2) array of positions 0 to {n - 1}, and not empty")
    low, high = pairs.min(1), pairs.max(1)
    if (low == high).any() or np.unique(low * n + high).size < len(pairs):
        raise ValueError("an item is paired with itself, or a pair is listed twice: leave these out")
    graph = coo_array((np.ones(len(pairs)), (low, high)), shape=(n, n))
    parts, label = connected_components(graph, directed=False)
    if parts > 1:
        size = np.bincount(label)
        shown = ", ".join(map(str, np.flatnonzero(label == size.argmin())[:5])) + (", ..." if size.min() > 5 else "")
        raise ValueError(
            f"the design's graph falls into {parts} parts, between which worths are not comparable; the smallest holds "
            f"{size.min()} items ({shown}): add pairs that lead out of it"
        )
    return pairs
