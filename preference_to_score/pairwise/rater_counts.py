"""Comparisons aggregated over raters and pairs, as a list of what each rater answered: its size is that of the judgments."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from ..arrays import Floats
from .comparisons import Comparisons
from .pair_counts import PairCounts, answers, distinct_pairs


@dataclass(frozen=True, eq=False)
class RaterCounts:
    """What each rater answered on each pair that he or she judged; E entries, sorted by rater, then by pair.

    Attributes
    ----------
    first, second : ndarray of int, shape (P,)
        The distinct pairs of all raters, first < second.
    rater, pair : ndarray of int, shape (E,)
        Whose answers they are, and to which of these pairs.
    wins, ties, losses : ndarray, shape (E,)
        Weight of "first preferred", "tie" and "second preferred".
    n_items, n_raters : int
    """

    first: NDArray[np.int_]
    second: NDArray[np.int_]
    rater: NDArray[np.int_]
    pair: NDArray[np.int_]
    wins: Floats
    ties: Floats
    losses: Floats
    n_items: int
    n_raters: int

    def __len__(self) -> int:
        return self.rater.size

    @cached_property
    def starts(self) -> NDArray[np.int_]:
        """Where each rater's entries begin, and where the last one's end, shape (n_raters + 1,)."""
        return np.searchsorted(self.rater, np.arange(self.n_raters + 1))

    @property
    def entries(self) -> list[slice]:
        """Where each rater's entries are."""
        starts = self.starts.tolist()
        return [slice(begin, end) for begin, end in zip(starts[:-1], starts[1:], strict=True)]

    @cached_property
    def judged(self) -> NDArray[np.float64]:
        """Weight of each rater's judgments, shape (n_raters,)."""
        return np.bincount(self.rater, self.wins + self.ties + self.losses, self.n_raters)

    def weighted(self, weights: NDArray) -> PairCounts:
        """The raters together, in R weightings of them.

        Parameters
        ----------
        weights : ndarray, shape (R, n_raters)

        Returns
        -------
        PairCounts
        """
        by_rater = np.ascontiguousarray(np.asarray(weights, dtype=float).T)
        shape = (self.n_raters, self.first.size)

        def mixed(values: NDArray) -> NDArray[np.float64]:
            table = csr_array((values, self.pair, self.starts), shape=shape)
            return np.ascontiguousarray((table.T @ by_rater).T)

        ties = mixed(self.ties) if self.ties.any() else np.zeros((by_rater.shape[1], self.first.size))
        return PairCounts(self.first, self.second, mixed(self.wins), ties, mixed(self.losses), self.n_items)


def count_by_rater(comparisons: Comparisons, *, ties: str = "davidson") -> RaterCounts:
    """Aggregate comparisons over raters and distinct pairs.

    Parameters
    ----------
    comparisons : Comparisons
        With raters.
    ties : {"davidson", "half"}
        As for `count_pairs`.

    Returns
    -------
    RaterCounts

    Raises
    ------
    ValueError
        As `count_pairs` does, and if no raters are named.

    Examples
    --------
    >>> games = Comparisons.from_arrays([0, 1, 2, 0], [1, 0, 1, 1], [1, 0, 0.5, 1], rater=["x", "y", "y", "x"])
    >>> counts = count_by_rater(games)
    >>> counts.rater, counts.pair, counts.wins, counts.weighted(np.ones((1, 2))).wins
    (array([0, 1, 1]), array([0, 0, 1]), array([2., 1., 0.]), array([[3., 0.]]))
    """
    if comparisons.rater is None:
        raise ValueError("these comparisons name no raters")
    first, second, pair = distinct_pairs(comparisons)
    won, tied, lost = answers(comparisons, ties)
    code, entry = np.unique(comparisons.rater * first.size + pair, return_inverse=True)
    entry = entry.reshape(-1)
    wins, draws, losses = (np.bincount(entry, each, code.size) for each in (won, tied, lost))
    sizes = (len(comparisons.items), len(comparisons.raters))
    return RaterCounts(first, second, code // first.size, code % first.size, wins, draws, losses, *sizes)
