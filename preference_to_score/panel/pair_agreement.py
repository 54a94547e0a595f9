"""Kendall's u: how far raters give the same answers to the same pairs, whatever the order behind them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..pairwise.comparisons import Comparisons
from ..pairwise.pair_counts import count_pairs
from ..pairwise.rater_counts import count_by_rater


@dataclass(frozen=True)
class PairAgreement:
    """Kendall's u and what it rests on.

    Attributes
    ----------
    u : float
        1 where all raters answer every pair alike, 0 what coins give on average.
    least : float
        The smallest value that these numbers of raters allow: -1 for two, -1 / m for an odd m, -1 / (m - 1) for an
        even one.
    pairs : int
        Pairs that at least two raters judged.
    judgments : float
        Raters' answers to these pairs.
    """

    u: float
    least: float
    pairs: int
    judgments: float


def kendalls_u(comparisons: Comparisons) -> PairAgreement:
    """Kendall's coefficient of agreement in paired comparisons.

    With a_p of the m_p judges of pair p on one side and b_p on the other,

        u = 2 sum_p [C(a_p, 2) + C(b_p, 2)] / sum_p C(m_p, 2) - 1,

    which for m judges of every pair is Kendall's coefficient (``kendall.u`` in the R package eba). It is the mean product
    of two judges' answers, 1 and -1; so a tie, 0, neither agrees nor disagrees, and unequal numbers of judges need no
    other formula.

    Parameters
    ----------
    comparisons : Comparisons
        A rater who answered a pair repeatedly counts once, with the mean answer. Without raters, every judgment is taken
        as a judge's of its own.

    Returns
    -------
    PairAgreement

    Raises
    ------
    ValueError
        If no pair was judged by two raters.

    References
    ----------
    Kendall and Babington Smith (1940), Biometrika 31, 324-345.

    Examples
    --------
    >>> first, second = ["a", "a", "b"] * 3, ["b", "c", "c"] * 3
    >>> games = Comparisons.from_arrays(first, second, [1, 1, 1, 1, 1, 1, 1, 0, 0], rater=list("xxxyyyzzz"))
    >>> round(kendalls_u(games).u, 4), round(kendalls_u(games).least, 4)
    (0.1111, -0.3333)
    """
    judges, total, squares = _answers(comparisons)
    shared = judges > 1
    if not shared.any():
        raise ValueError("no pair was judged by two raters: there is nothing to agree on")
    judges, total, squares = judges[shared], total[shared], squares[shared]
    encounters = judges * (judges - 1)
    return PairAgreement(
        u=float((total**2 - squares).sum() / encounters.sum()),
        least=float((judges % 2 - judges).sum() / encounters.sum()),  # answers split as evenly as can be
        pairs=int(shared.sum()),
        judgments=float(judges.sum()),
    )


def _answers(comparisons: Comparisons) -> tuple[NDArray, NDArray, NDArray]:
    """Of every pair: number of judges, the sum of their answers in [-1, 1], and the sum of squares."""
    if comparisons.rater is not None:
        each = count_by_rater(comparisons, ties="half")
        answer = (each.wins - each.losses) / (each.wins + each.losses)
        pairs = each.first.size
        return tuple(np.bincount(each.pair, value, pairs) for value in (np.ones(len(each)), answer, answer**2))
    counts = count_pairs(comparisons, ties="half")
    answer = comparisons.outcome * 2 - 1
    low, high = np.minimum(comparisons.first, comparisons.second), np.maximum(comparisons.first, comparisons.second)
    pair = np.unique(low * counts.n_items + high, return_inverse=True)[1].reshape(-1)
    squares = np.bincount(pair, comparisons.weight * answer**2, counts.first.size)
    return counts.wins[0] + counts.losses[0], counts.wins[0] - counts.losses[0], squares
