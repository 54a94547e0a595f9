"""How alike every two raters answer what both judged, from lists of answers: time goes with the answers, not with raters x pairs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

ROWS = 256  # raters whose figures with all others are worked on at a time


@dataclass(frozen=True, eq=False)
class RaterAnswers:
    """What each of J raters answered, at most once in each place (an item, or a pair).

    Attributes
    ----------
    rater, place : ndarray of int, shape (m,)
    value : ndarray, shape (m,)
    raters, places : int
        How many there are.
    """

    rater: NDArray[np.int_]
    place: NDArray[np.int_]
    value: NDArray[np.float64]
    raters: int
    places: int

    @cached_property
    def there(self) -> csr_array:
        """1 where a rater answered, (J, places)."""
        return self._table(np.ones(self.rater.size))

    def _table(self, values: NDArray) -> csr_array:
        return csr_array((values, (self.rater, self.place)), shape=(self.raters, self.places))

    def _products(self, one: csr_array, other: csr_array) -> Iterator[tuple[slice, NDArray[np.float64]]]:
        """Rows of one times the other transposed, some raters at a time."""
        turned = other.T.tocsr()
        for start in range(0, self.raters, ROWS):
            rows = slice(start, min(start + ROWS, self.raters))
            yield rows, (one[rows] @ turned).toarray()

    def alike(self) -> tuple[NDArray[np.float64], NDArray[np.int_]]:
        """Share of equal answers of every two raters among the places where both answered, and how many these are.

        Returns
        -------
        share : ndarray, shape (J, J)
            NaN where there is none, and on the diagonal.
        both : ndarray of int, shape (J, J)
            0 on the diagonal.

        Examples
        --------
        >>> answers = RaterAnswers(np.array([0, 0, 1, 1]), np.array([0, 1, 0, 1]), np.array([1.0, 2, 1, 4]), 2, 2)
        >>> [each.tolist() for each in answers.alike()]
        [[[nan, 0.5], [0.5, nan]], [[0, 2], [2, 0]]]
        """
        share = np.empty((self.raters, self.raters))
        both = np.empty((self.raters, self.raters), dtype=np.int32 if self.raters > 1000 else int)
        _, which = np.unique(self.value, return_inverse=True)
        distinct, answer = np.unique(self.place * self.value.size + which.reshape(-1), return_inverse=True)
        cells = (self.rater, answer.reshape(-1))  # equal where place and value are
        same = csr_array((np.ones(self.rater.size), cells), shape=(self.raters, distinct.size))
        for (rows, known), (_, equal) in zip(
            self._products(self.there, self.there), self._products(same, same), strict=True
        ):
            own = np.arange(rows.start, rows.stop)
            known[own - rows.start, own] = 0
            both[rows] = known
            share[rows] = np.where(known > 0, equal / np.maximum(known, 1), np.nan)
        return share, both

    def correlated(self, *, centred: bool) -> NDArray[np.float64]:
        """Correlation of every two raters over the places where both answered; NaN where it is not defined.

        Parameters
        ----------
        centred : bool
            Whether each rater's mean over these places is taken out.

        Returns
        -------
        ndarray, shape (J, J)

        Examples
        --------
        >>> answers = RaterAnswers(np.array([0, 0, 1, 1]), np.array([0, 1, 0, 1]), np.array([1.0, -1, 1, 1]), 2, 2)
        >>> answers.correlated(centred=False)
        array([[nan,  0.],
               [ 0., nan]])
        """
        value = self.value
        if centred:  # a common shift changes nothing, and keeps sums short
            many = np.maximum(np.bincount(self.rater, minlength=self.raters), 1)
            value = value - (np.bincount(self.rater, value, self.raters) / many)[self.rater]
        one, two, there = self._table(value), self._table(value**2), self.there
        found = np.empty((self.raters, self.raters))
        each = [self._products(*pair) for pair in ((there, there), (one, one), (one, there), (there, one))]
        each += [self._products(*pair) for pair in ((two, there), (there, two))]
        for (rows, both), (_, cross), (_, own), (_, other), (_, mine), (_, theirs) in zip(*each, strict=True):
            count = np.maximum(both, 1) if centred else np.inf
            scale = (mine - own**2 / count) * (theirs - other**2 / count)
            known = (both > 1) & (scale > 1e-12 * (mine * theirs)) & (scale > 0)
            place = np.arange(rows.start, rows.stop)
            known[place - rows.start, place] = False
            with np.errstate(invalid="ignore", divide="ignore"):
                ratio = (cross - own * other / count) / np.sqrt(np.where(known, scale, 1.0))
            found[rows] = np.where(known, ratio, np.nan)
        return found
