"""The rank distance up to which a locally dense design takes all pairs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from ..fusion.worths_on_scale import FUSION_PRIOR_PRECISION
from .design_quality import expected_error, shuffled_error
from .pair_design import locally_dense_pairs
from .reference_designs import check_budget

_MOST_TRIED = 24
_LEVEL = 0.005  # errors that differ by less than this share are level: long-range pairs are kept for them


@dataclass(frozen=True)
class NearDistance:
    """A near distance and the distances that it was chosen from.

    Attributes
    ----------
    near : int
        The smallest whose mean of the two errors is within half a percent of the lowest.
    tried : tuple of int
        Rank distances, rising.
    error : tuple of float
        Expected error at each, where the prior is right.
    error_shuffled : tuple of float
        The same where the prior order says nothing.
    """

    near: int
    tried: tuple[int, ...]
    error: tuple[float, ...]
    error_shuffled: tuple[float, ...]


def largest_near(n_items: int, budget: int) -> int:
    """The largest rank distance whose pairs the budget holds.

    Parameters
    ----------
    n_items : int
        At least 2.
    budget : int
        At least n_items - 1.

    Returns
    -------
    int

    Examples
    --------
    >>> largest_near(50, 612)  # 595 pairs; distance 15 would take 630
    14
    """
    check_budget(n_items, budget)
    near = np.arange(1, n_items)
    return int(near[n_items * near - near * (near + 1) // 2 <= budget][-1])


def choose_near(
    worths: ArrayLike,
    budget: int,
    *,
    experts: int = 5,
    prior_precision: float = FUSION_PRIOR_PRECISION,
    seed: int = 0,
    progress: Callable[[str, int, int], None] | None = None,
) -> NearDistance:
    """The near distance with the lowest expected error, over a prior that is right and one that says nothing.

    Where the prior is right, more near pairs are better, often up to a budget without any long-range pair; where it is
    wrong, that costs most. A real prior stands between the two, so the mean of both errors is made small. The curve is
    flat about its lowest point: of distances that are level (half a percent) the smallest is taken, which leaves most
    pairs for the long range.

    Parameters
    ----------
    worths : array_like, shape (n,)
        Assumed log-worths in the order of the prior, lowest first.
    budget : int
        Number of pairs.
    experts : int
        How many compare every pair.
    prior_precision : float
        Of the Gaussian prior on each log-worth.
    seed : int
        Of the long-range pairs and of the random orders.
    progress : callable, optional
        Called as ``progress(what, done, total)``.

    Returns
    -------
    NearDistance
        All distances that the budget holds were tried; where they are more than 24, 24 that are evenly spaced.

    Raises
    ------
    ValueError
        If the budget cannot connect the items, or exceeds the number of pairs that there are.

    Examples
    --------
    >>> from .design_quality import assumed_worths, rank_scores
    >>> chosen = choose_near(assumed_worths(rank_scores(20), 2.0), 60)
    >>> chosen.near, chosen.tried
    (2, (1, 2, 3))
    """
    worths = np.asarray(worths, dtype=float)
    most = largest_near(worths.size, budget)
    tried = np.unique(np.linspace(1, most, min(most, _MOST_TRIED)).round().astype(int))
    options = {"experts": experts, "prior_precision": prior_precision}
    right, shuffled = [], []
    for done, near in enumerate(tried):
        pairs = locally_dense_pairs(worths.size, int(near), budget, np.random.default_rng(seed))
        right.append(expected_error(pairs, worths, **options))
        shuffled.append(shuffled_error(pairs, worths, **options, seed=seed))
        if progress is not None:
            progress("near distances", done + 1, len(tried))
    either = np.add(right, shuffled)
    near = tried[either <= (1 + _LEVEL) * either.min()][0]
    return NearDistance(int(near), tuple(map(int, tried)), tuple(right), tuple(shuffled))
