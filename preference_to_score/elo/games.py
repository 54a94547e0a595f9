"""Products with the design matrix of comparisons, by the positions of their two sides."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..arrays import Floats


@dataclass(frozen=True)
class Games:
    """Which items met in each comparison.

    Of the design X (a row for each comparison: 1 for its first side, -1 for its second) products are taken in time that
    grows with the number of comparisons, not with that times the number of items.

    Parameters
    ----------
    first, second : ndarray of int, shape (m,)
        Positions, 0 to n - 1.
    n : int
        Items.

    Examples
    --------
    >>> games = Games(np.array([0, 1]), np.array([1, 2]), 3)
    >>> games.differences(np.array([3.0, 1.0, 0.0])), games.summed_by_item(np.array([1.0, 2.0]))
    (array([2., 1.]), array([ 1.,  1., -2.]))
    """

    first: NDArray[np.int_]
    second: NDArray[np.int_]
    n: int

    def differences(self, worths: NDArray) -> Floats:
        """X worths, shape (m,)."""
        return worths[self.first] - worths[self.second]

    def summed_by_item(self, values: NDArray) -> Floats:
        """X' values, shape (n,)."""
        return np.bincount(self.first, values, self.n) - np.bincount(self.second, values, self.n)

    def curvature(self, weight: NDArray) -> Floats:
        """X' diag(weight) X, shape (n, n): a Laplacian."""
        one_way = np.bincount(self.first * self.n + self.second, weight, self.n**2).reshape(self.n, self.n)
        both = one_way + one_way.T
        return np.diag(both.sum(1)) - both

    def variances(self, covariance: NDArray) -> Floats:
        """Of each comparison's difference: the diagonal of X covariance X', shape (m,)."""
        own = np.diag(covariance)
        return own[self.first] + own[self.second] - 2 * covariance[self.first, self.second]

    def design(self) -> Floats:
        """X itself, shape (m, n)."""
        rows, found = np.arange(len(self.first)), np.zeros((len(self.first), self.n))
        found[rows, self.first] += 1
        found[rows, self.second] -= 1
        return found
