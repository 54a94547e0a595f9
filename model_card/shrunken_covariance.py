"""A covariance matrix of many features from few images: shrunk toward a sphere, kept as its few directions."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class ShrunkenCovariance:
    """The covariance ``(1 - shrinkage) S + shrinkage m I``, of which only the directions with spread are stored.

    Parameters
    ----------
    directions : ndarray, shape (r, H)
        Orthonormal rows: the directions in which the sample has any spread; r is less than the number of rows of the
        sample and at most H.
    variances : ndarray, shape (r,)
        The shrunken variance along each.
    floor : float
        The shrunken variance along every other direction.
    shrinkage : float
        Between 0 and 1.
    """

    directions: np.ndarray
    variances: np.ndarray
    floor: float
    shrinkage: float

    def mahalanobis(self, deviations: np.ndarray) -> np.ndarray:
        """Mahalanobis length of deviations from the centre.

        Parameters
        ----------
        deviations : ndarray, shape (n, H)

        Returns
        -------
        ndarray, shape (n,)
        """
        deviations = np.asarray(deviations, dtype=np.float64)
        inside = deviations @ self.directions.T
        outside = np.maximum((deviations**2).sum(axis=1) - (inside**2).sum(axis=1), 0.0)
        if len(self.directions) == deviations.shape[1]:  # there is nothing outside: what is left is rounding
            outside = np.zeros_like(outside)
        return np.sqrt((inside**2 / self.variances).sum(axis=1) + outside / self.floor)


def ledoit_wolf(sample: np.ndarray) -> ShrunkenCovariance:
    """Covariance of a centred sample, shrunk by the estimated best amount.

    With S the sample covariance, <A, B> = tr(A B') / H and m = <S, I>: ``d^2 = |S - m I|^2``,
    ``b^2 = min(d^2, sum_i |x_i x_i' - S|^2 / n^2)``, shrinkage = b^2 / d^2.

    Parameters
    ----------
    sample : ndarray, shape (n, H)
        Centred rows; H may be larger than n.

    Returns
    -------
    ShrunkenCovariance

    Raises
    ------
    ValueError
        If the sample has no spread at all.

    References
    ----------
    Ledoit, O., Wolf, M. (2004). A well-conditioned estimator for large-dimensional covariance matrices. Journal of
    Multivariate Analysis 88, 365-411.

    Examples
    --------
    >>> shrunk = ledoit_wolf(np.array([[1.0, 0.0], [-1.0, 0.0], [0.0, 2.0], [0.0, -2.0]]))
    >>> shrunk.mahalanobis(np.array([[0.0, 0.0], [3.0, 0.0], [0.0, 3.0]])).round(3)
    array([0.   , 2.729, 2.64 ])
    >>> round(shrunk.shrinkage, 3)
    0.944
    """
    sample = np.asarray(sample, dtype=np.float64)
    n, h = sample.shape
    _, singular, directions = np.linalg.svd(sample, full_matrices=False)
    variances = singular**2 / n
    level = variances.sum() / h
    if not level > 0:
        raise ValueError("the sample has no spread")
    spread = (variances**2).sum() / h - level**2  # |S - m I|^2
    lengths = (sample**2).sum(axis=1)
    noise = ((lengths**2).sum() / n - (variances**2).sum()) / (n * h)  # sum_i |x_i x_i' - S|^2 / n^2
    shrinkage = float(np.clip(noise / spread, 0.0, 1.0)) if spread > 0 else 1.0
    kept = variances > 1e-12 * variances[0]  # a centred sample of n rows has at most n - 1 directions
    shrunk = (1 - shrinkage) * variances[kept] + shrinkage * level
    # without any shrinkage a direction never seen would be infinitely far: it is at least as wide as rounding
    floor = max(shrinkage * level, 1e-6 * level)
    return ShrunkenCovariance(directions[kept], shrunk, float(floor), shrinkage)
