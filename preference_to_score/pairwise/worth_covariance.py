"""Covariance of Bradley-Terry log-worths: inverse curvature, or the sandwich from the residuals, clustered or not."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array

from .comparisons import Comparisons
from .davidson_model import answer_probabilities
from .pair_counts import incidence


def worth_covariance(
    hessian: NDArray, comparisons: Comparisons, theta: NDArray, log_tie: float, errors: str, cluster: str | None
) -> NDArray[np.float64]:
    """Covariance of the log-worths about their mean.

    Parameters
    ----------
    hessian : ndarray, shape (n, n) or (n + 1, n + 1)
        Of the negative log-posterior, invertible; the last row is that of log nu, where it was estimated.
    comparisons : Comparisons
    theta : ndarray, shape (n,)
        Log-worths.
    log_tie : float
        Log of Davidson's nu; -inf without ties.
    errors : {"fisher", "sandwich"}
    cluster : {None, "rater"}

    Returns
    -------
    ndarray, shape (n, n)
        Its rows sum to zero.

    Examples
    --------
    >>> games = Comparisons.from_arrays([0, 0], [1, 1], [1, 0])
    >>> curved = np.array([[1.0, 0.0], [0.0, 1.0]])
    >>> worth_covariance(curved, games, np.zeros(2), -np.inf, "fisher", None)
    array([[ 0.5, -0.5],
           [-0.5,  0.5]])
    """
    inverse = np.linalg.inv(hessian)
    n = len(comparisons.items)
    if errors == "sandwich":
        meat = score_meat(comparisons, theta, log_tie, cluster, wide=inverse.shape[0] > n)
        inverse = inverse @ meat @ inverse
    centred = inverse[:n, :n] - inverse[:n, :n].mean(0)
    return centred - centred.mean(1, keepdims=True)


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
    win, tie, loss = answer_probabilities(d, np.full((1, 1), log_tie))
    residual = comparisons.outcome - 0.5 - (win - loss)[0] / 2
    n = len(comparisons.items)
    scores = (incidence(a, b, n).T * residual).T.tocsr()
    if wide:
        tied = (comparisons.outcome == 0.5) - tie[0]
        scores = coo_array(np.column_stack([scores.toarray(), tied])).tocsr()
    if cluster is None:
        return (scores.T @ (scores.T * w).T).toarray()
    n_raters = len(comparisons.raters)
    member = coo_array((w, (comparisons.rater, np.arange(len(comparisons)))), shape=(n_raters, len(comparisons)))
    summed = (member.tocsr() @ scores).toarray()
    return n_raters / (n_raters - 1) * summed.T @ summed
