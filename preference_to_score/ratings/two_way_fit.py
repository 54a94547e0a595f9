"""Weighted least squares of ratings on items and raters: x_ij = q_i + b_j, each rater with a weight of his or her own.

With N the number of ratings in each cell and w_j the raters' weights, A = N w and W its sums over raters, the normal
equations have a diagonal block for the items, which is eliminated first; what is left for the biases is the Laplacian
L = diag(sum over items of A) - A' (A / W), of rank J - 1 where raters and items hang together. Its pseudo-inverse is the
covariance of the biases under sum b_j = 0.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import eigh
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from ..arrays import Floats
from .ratings import Ratings


@dataclass(frozen=True)
class TwoWayFit:
    """Scores and biases at given weights.

    Attributes
    ----------
    weight : ndarray, shape (J,)
        Of each of a rater's ratings.
    counts : ndarray, shape (n, J)
        Ratings of item i by rater j.
    per_item : ndarray, shape (n,)
        Sum of weights of each item's ratings.
    share : ndarray, shape (n, J)
        Of each rater's ratings in an item's score; rows sum to 1.
    scores : ndarray, shape (n,)
    bias : ndarray, shape (J,)
        Sums to zero.
    bias_covariance : ndarray, shape (J, J)
        If each weight is one over the variance of the rater's ratings.
    log_determinant : float
        Of the normal equations, on the biases that sum to zero.
    cell_residual : ndarray, shape (n, J)
        Sum of the residuals in each cell.
    squares : ndarray, shape (J,)
        Sum of each rater's squared residuals.
    """

    weight: Floats
    counts: Floats
    per_item: Floats
    share: Floats
    scores: Floats
    bias: Floats
    bias_covariance: Floats
    log_determinant: float
    cell_residual: Floats
    squares: Floats


def fit_two_way(ratings: Ratings, weight: NDArray) -> TwoWayFit:
    """Fit scores and biases.

    Parameters
    ----------
    ratings : Ratings
        Raters and items hang together (`check_linked`); every item and rater has ratings.
    weight : ndarray, shape (J,)
        Positive.

    Returns
    -------
    TwoWayFit

    Examples
    --------
    >>> marks = Ratings.from_arrays([0, 1, 0, 1], ["x", "x", "y", "y"], [3, 5, 5, 7])
    >>> fit = fit_two_way(marks, np.ones(2))
    >>> fit.scores, fit.bias
    (array([4., 6.]), array([-1.,  1.]))
    """
    item, rater, x = ratings.item, ratings.rater, ratings.value
    n, experts = len(ratings.items), len(ratings.raters)
    counts = ratings.counts().T.astype(float)
    weighted = counts * weight
    per_item = weighted.sum(1)
    share = weighted / per_item[:, None]
    values, vectors = eigh(np.diag(weighted.sum(0)) - weighted.T @ share)
    values, vectors = values[1:], vectors[:, 1:]  # the first belongs to a shift of all biases
    covariance = (vectors / values) @ vectors.T
    mean = np.bincount(item, weight[rater] * x, n) / per_item
    bias = covariance @ np.bincount(rater, weight[rater] * (x - mean[item]), experts)
    bias -= bias.mean()
    scores = mean - share @ bias
    residual = x - scores[item] - bias[rater]
    cell = np.bincount(item * experts + rater, residual, n * experts).reshape(n, experts)
    squares = np.bincount(rater, residual**2, experts)
    determinant = float(np.log(per_item).sum() + np.log(values).sum())
    return TwoWayFit(weight, counts, per_item, share, scores, bias, covariance, determinant, cell, squares)


def check_linked(ratings: Ratings) -> None:
    """Refuse ratings in which some raters share no item with the others, directly or by way of others.

    Parameters
    ----------
    ratings : Ratings

    Raises
    ------
    ValueError
        Naming two raters whose severity cannot be compared.

    Examples
    --------
    >>> check_linked(Ratings.from_arrays([0, 1], ["x", "y"], [3, 5]))
    Traceback (most recent call last):
    ...
    ValueError: no chain of shared items links raters 'x' and 'y': their severity cannot be separated from their items' quality; fit each group of raters alone
    """
    n, experts = len(ratings.items), len(ratings.raters)
    size = n + experts
    edges = coo_array((np.ones(len(ratings)), (ratings.item, n + ratings.rater)), shape=(size, size))
    part = connected_components(edges, directed=False)[1][n:]
    if (part != part[0]).any():
        one, other = ratings.raters[0], ratings.raters[int(np.flatnonzero(part != part[0])[0])]
        raise ValueError(
            f"no chain of shared items links raters {one!r} and {other!r}: their severity cannot be separated from their items' "
            "quality; fit each group of raters alone"
        )


def score_variance(fit: TwoWayFit, variance: NDArray) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Variance of scores and biases, if a rater's ratings have this variance and the weights are given.

    Parameters
    ----------
    fit : TwoWayFit
    variance : ndarray, shape (J,)
        Of each rater's ratings; need not be one over the weights.

    Returns
    -------
    scores : ndarray, shape (n,)
    bias : ndarray, shape (J,)

    Examples
    --------
    >>> marks = Ratings.from_arrays([0, 1, 0, 1], ["x", "x", "y", "y"], [3, 5, 5, 7])
    >>> score_variance(fit_two_way(marks, np.ones(2)), np.ones(2))
    (array([0.5, 0.5]), array([0.25, 0.25]))
    """
    per_cell = fit.counts * fit.weight**2 * variance
    per_item = per_cell.sum(1)
    crossed = fit.share.T @ per_cell
    middle = np.diag(per_cell.sum(0)) - crossed - crossed.T + (fit.share.T * per_item) @ fit.share
    bias = fit.bias_covariance @ middle @ fit.bias_covariance
    moved = fit.share @ fit.bias_covariance  # of a score, by a bias
    along = (moved * (fit.share * per_item[:, None] - per_cell)).sum(1)
    scores = per_item / fit.per_item**2 + 2 * along / fit.per_item + ((fit.share @ bias) * fit.share).sum(1)
    return scores, np.diag(bias).copy()


def leverage(fit: TwoWayFit) -> NDArray[np.float64]:
    """How many of a rater's ratings the fit uses up: the trace of the hat matrix over the rater's rows.

    Parameters
    ----------
    fit : TwoWayFit

    Returns
    -------
    ndarray, shape (J,)
        Sums to n + J - 1.

    Examples
    --------
    >>> marks = Ratings.from_arrays([0, 1, 0, 1], ["x", "x", "y", "y"], [3, 5, 5, 7])
    >>> leverage(fit_two_way(marks, np.ones(2)))
    array([1.5, 1.5])
    """
    return fit.weight * (fit.counts * (1 / fit.per_item[:, None] + _bias_part(fit))).sum(0)


def _bias_part(fit: TwoWayFit) -> NDArray[np.float64]:
    """(e_j - share_i)' C (e_j - share_i) for the covariance C of the biases, shape (n, J)."""
    moved = fit.share @ fit.bias_covariance
    return np.diag(fit.bias_covariance) - 2 * moved + (moved * fit.share).sum(1)[:, None]


def hat_squares(fit: TwoWayFit) -> NDArray[np.float64]:
    """Sums of the squared elements of the hat matrix over each pair of raters' rows.

    Parameters
    ----------
    fit : TwoWayFit

    Returns
    -------
    ndarray, shape (J, J)
        The hat matrix is that of the ratings times the root of their weight, so symmetric and idempotent: the rows sum to
        the leverages.

    Examples
    --------
    >>> marks = Ratings.from_arrays([0, 1, 0, 1], ["x", "x", "y", "y"], [3, 5, 5, 7])
    >>> hat_squares(fit_two_way(marks, np.ones(2)))
    array([[1.25, 0.25],
           [0.25, 1.25]])
    """
    counts, share, covariance = fit.counts, fit.share, fit.bias_covariance
    experts = counts.shape[1]
    over = counts / fit.per_item[:, None]
    moved = share @ covariance
    within = (moved * share).sum(1)[:, None]
    # sum over items of N_ij N_ik / W_i times (e_j - s_i)' C (e_k - s_i) = C_jk - m_ij - m_ik + s_i' C s_i
    cross = covariance * (over.T @ counts) + (over * (within - moved)).T @ counts - over.T @ (counts * moved)
    # G_j = sum_i N_ij (e_j - s_i)(e_j - s_i)', then trace(C G_j C G_k)
    outer = np.einsum("ij,ia,ib->jab", counts, share, share, optimize=True)
    total, mixed = counts.sum(0), counts.T @ share
    for j in range(experts):
        outer[j, j, j] += total[j]
        outer[j, j] -= mixed[j]
        outer[j, :, j] -= mixed[j]
    turned = outer @ covariance
    trace = np.einsum("jab,kba->jk", turned, turned, optimize=True)
    return np.outer(fit.weight, fit.weight) * (over.T @ over + 2 * cross + trace)
