"""Comparisons aggregated over distinct pairs, without loss: the table that estimators read."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csc_array, csr_array

from ..arrays import Floats
from .comparisons import Comparisons


@dataclass(frozen=True)
class PairCounts:
    """Comparisons aggregated over distinct unordered pairs, in any number of weightings (R of them).

    Attributes
    ----------
    first, second : ndarray of int, shape (P,)
        The distinct pairs, first < second.
    wins, ties, losses : ndarray, shape (R, P)
        Weight of "first preferred", "tie" and "second preferred".
    n_items : int
    """

    first: NDArray[np.int_]
    second: NDArray[np.int_]
    wins: Floats
    ties: Floats
    losses: Floats
    n_items: int

    @cached_property
    def incidence(self) -> csr_array:
        """One row per pair: 1 in the column of its first item, -1 in that of its second, shape (P, n)."""
        return incidence(self.first, self.second, self.n_items)

    @cached_property
    def sides(self) -> tuple[csc_array, csc_array]:
        """The incidence with a row for each item, signed and without signs, shape (n, P)."""
        return self.incidence.T, abs(self.incidence).T

    @property
    def credit_table(self) -> Floats:
        """What the row's item won against the column's in one weighting, half of each tie included, shape (n, n)."""
        (wins,), (ties,), (losses,) = self.wins, self.ties, self.losses
        table = np.zeros((self.n_items, self.n_items))
        table[self.first, self.second] = wins + ties / 2
        table[self.second, self.first] = losses + ties / 2
        return table

    def weighted(self, weights: NDArray) -> PairCounts:
        """Mix the R weightings: `weights` of shape (S, R) gives S new ones."""
        return PairCounts(
            self.first, self.second, weights @ self.wins, weights @ self.ties, weights @ self.losses, self.n_items
        )


def incidence(first: NDArray, second: NDArray, n: int) -> csr_array:
    """Which items are compared, row by row.

    Parameters
    ----------
    first, second : ndarray of int, shape (P,)
    n : int
        Number of items.

    Returns
    -------
    csr_array, shape (P, n)
        1 in the column of the first item, -1 in that of the second.

    Examples
    --------
    >>> incidence(np.array([0, 2]), np.array([1, 0]), 3).toarray()
    array([[ 1., -1.,  0.],
           [-1.,  0.,  1.]])
    """
    columns = np.stack([first, second], axis=1).ravel()
    signs = np.tile([1.0, -1.0], first.size)
    return csr_array((signs, columns, np.arange(0, 2 * first.size + 1, 2)), shape=(first.size, n))


def count_pairs(comparisons: Comparisons, *, ties: str = "davidson") -> PairCounts:
    """Aggregate comparisons over distinct pairs.

    Parameters
    ----------
    comparisons : Comparisons
    ties : {"davidson", "half"}
        Whether an outcome of 0.5 is an answer of its own, or half a win for either side. Outcomes other than 0, 0.5
        and 1 (soft judgments) need ``"half"``.

    Returns
    -------
    PairCounts

    Raises
    ------
    ValueError
        If `ties` is unknown, or outcomes are soft where Davidson's ties are asked for.

    Examples
    --------
    >>> counts = count_pairs(Comparisons.from_arrays([0, 1, 2], [1, 0, 1], [1, 0, 0.5]))
    >>> counts.wins, counts.ties, counts.losses
    (array([[2., 0.]]), array([[0., 1.]]), array([[0., 0.]]))
    """
    first, second, pair = distinct_pairs(comparisons)
    won, tied, lost = (np.bincount(pair, each, first.size)[None] for each in answers(comparisons, ties))
    return PairCounts(first, second, won, tied, lost, len(comparisons.items))


def answers(comparisons: Comparisons, ties: str) -> tuple[NDArray, NDArray, NDArray]:
    """Weight of "the item that stands earlier among the items was preferred", "tie" and "the later one", row by row.

    Parameters
    ----------
    comparisons : Comparisons
        Of m judgments.
    ties : {"davidson", "half"}

    Returns
    -------
    won, tied, lost : ndarray, shape (m,)

    Raises
    ------
    ValueError
        If `ties` is unknown, or outcomes are soft where Davidson's ties are asked for.

    Examples
    --------
    >>> answers(Comparisons.from_arrays([0, 1], [1, 0], [1, 1]), "half")
    (array([1., 0.]), array([0., 0.]), array([0., 1.]))
    """
    if ties not in ("davidson", "half"):
        raise ValueError(f"ties must be 'davidson' or 'half', not {ties!r}")
    y, w = comparisons.outcome, comparisons.weight
    tied = (y == 0.5) if ties == "davidson" else np.zeros(y.shape, dtype=bool)
    if ties == "davidson" and not ((y == 0) | tied | (y == 1)).all():
        raise ValueError("outcomes other than 0, 0.5 and 1 are soft judgments: ask for ties='half'")
    y = np.where(comparisons.first > comparisons.second, 1 - y, y)
    hard = w * ~tied
    return hard * y, w * tied, hard * (1 - y)


def distinct_pairs(comparisons: Comparisons) -> tuple[NDArray[np.int_], NDArray[np.int_], NDArray[np.int_]]:
    """The distinct unordered pairs, first < second, (P,), and the position of each judgment's pair among them, (m,).

    Examples
    --------
    >>> distinct_pairs(Comparisons.from_arrays([0, 2, 1], [1, 1, 0], [1, 1, 1]))
    (array([0, 1]), array([1, 2]), array([0, 1, 0]))
    """
    n = len(comparisons.items)
    low, high = np.minimum(comparisons.first, comparisons.second), np.maximum(comparisons.first, comparisons.second)
    code, pair = _distinct(low, high, n)
    return code // n, code % n, pair


def _distinct(low: NDArray, high: NDArray, n: int) -> tuple[NDArray[np.int_], NDArray[np.int_]]:
    """The distinct codes low * n + high, rising, and the position of each row's code among them, without comparing."""
    code, m = low * n + high, low.size
    if n * n <= 4 * m + 65536:  # a table of all pairs that there could be
        there = np.zeros(n * n, dtype=bool)
        there[code] = True
        return np.flatnonzero(there), (np.cumsum(there) - 1)[code]
    # a counting sort by each side: to transpose the incidence of rows and items is to list the rows item by item
    kind = np.int32 if max(m, n) < np.iinfo(np.int32).max else np.int64
    starts = np.arange(m + 1, dtype=kind)
    by_high = csr_array((starts[:-1], high.astype(kind), starts), shape=(m, n)).tocsc().data
    order = csr_array((by_high, low.astype(kind)[by_high], starts), shape=(m, n)).tocsc().data
    ordered = code[order]
    new = np.concatenate([[True], ordered[1:] != ordered[:-1]])
    pair = np.empty(m, dtype=int)
    pair[order] = np.cumsum(new) - 1
    return ordered[new], pair
