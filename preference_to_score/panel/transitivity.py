"""Weak, moderate and strong stochastic transitivity: how often a panel's choice shares break them."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import permutations

import numpy as np
from numpy.typing import NDArray

from ..pairwise.comparisons import Comparisons
from ..pairwise.pair_counts import count_pairs


@dataclass(frozen=True)
class TransitivityViolations:
    """Triads of items whose choice shares break a transitivity.

    Attributes
    ----------
    weak, moderate, strong : int
        Triads that break each; one that breaks the weak breaks all three.
    triads : int
        Triads that were tested: all three pairs were compared.
    """

    weak: int
    moderate: int
    strong: int
    triads: int


def transitivity_violations(comparisons: Comparisons) -> TransitivityViolations:
    """Count the triads that break weak, moderate and strong stochastic transitivity.

    With p_ab the share of judgments that prefer a to b: an order (a, b, c) of three items with p_ab >= 1/2 and
    p_bc >= 1/2 satisfies the weak form where p_ac >= 1/2, the moderate where p_ac >= min(p_ab, p_bc), the strong where
    p_ac >= max(p_ab, p_bc). A triad breaks a form if none of its six orders satisfies it. These are the counts of
    ``strans`` in the R package eba; where a pair was never compared, eba takes its shares as 0 and may count a
    violation, while here the triad is not tested.

    Parameters
    ----------
    comparisons : Comparisons
        Of all raters together; a tie is half a judgment for either side.

    Returns
    -------
    TransitivityViolations

    References
    ----------
    Tversky (1969), Psychological Review 76, 31-48. Wickelmaier and Schmid (2004), Behavior Research Methods 36, 29-40.

    Examples
    --------
    >>> first, second = ["a"] * 4 + ["b"] * 4 + ["a"] * 4, ["b"] * 4 + ["c"] * 4 + ["c"] * 4
    >>> games = Comparisons.from_arrays(first, second, [1, 1, 1, 0] + [1, 1, 1, 0] + [1, 1, 0, 0])
    >>> transitivity_violations(games)
    TransitivityViolations(weak=0, moderate=1, strong=1, triads=1)
    """
    share = _shares(comparisons)
    n = len(share)
    broken = np.zeros(3, dtype=int)
    tested = 0
    for lowest in range(n - 2):  # one item at a time, so that memory stays at n^2
        later = lowest + 1 + np.stack(np.triu_indices(n - lowest - 1, 1))
        triads = np.vstack([np.full(later.shape[1], lowest), later])
        known = np.ones(later.shape[1], dtype=bool)
        for one, other in ((0, 1), (1, 2), (0, 2)):
            known &= ~np.isnan(share[triads[one], triads[other]])
        best = _best_form(share, triads[:, known])
        tested += int(known.sum())
        broken += [(best < form).sum() for form in (1, 2, 3)]
    return TransitivityViolations(*(int(count) for count in broken), tested)


def _shares(comparisons: Comparisons) -> NDArray[np.float64]:
    """Share of the judgments that prefer the row's item to the column's, (n, n); NaN where there are none."""
    counts = count_pairs(comparisons, ties="half")
    won = np.zeros((counts.n_items, counts.n_items))
    won[counts.first, counts.second], won[counts.second, counts.first] = counts.wins[0], counts.losses[0]
    total = won + won.T
    return np.where(total > 0, won / np.where(total > 0, total, 1.0), np.nan)


def _best_form(share: NDArray, triads: NDArray) -> NDArray[np.int_]:
    """The strongest form that any order of each triad (3, m) satisfies: 0 none, 1 weak, 2 moderate, 3 strong."""
    best = np.zeros(triads.shape[1], dtype=int)
    for a, b, c in permutations(triads):
        near, far, across = share[a, b], share[b, c], share[a, c]
        form = (across >= 0.5).astype(int) + (across >= np.minimum(near, far)) + (across >= np.maximum(near, far))
        best = np.maximum(best, np.where((near >= 0.5) & (far >= 0.5), form, 0))
    return best
