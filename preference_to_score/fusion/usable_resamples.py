"""Which resamples of a panel can be fused: an expert may know one protocol only, and a resample may hold only such ones."""

from __future__ import annotations

import numpy as np

from ..pairwise.comparisons import Comparisons
from ..panel.bootstrap import Resamples, expert_resamples, kept_resamples
from .worths_on_scale import WorthsOnScale


def usable_resamples(comparisons: Comparisons, a: WorthsOnScale) -> tuple[Resamples, float]:
    """Resamples that have something to order (an expert who compared) and something to anchor (two rated items).

    Whatever is made of resampled fused scores goes by these: their errors, and the errors centred within a facet.

    Parameters
    ----------
    comparisons : Comparisons
        With the raters of both protocols.
    a : WorthsOnScale
        Fitted to them.

    Returns
    -------
    resamples : Resamples
    left_out : float
        Share of all resamples, by weight, that are not among them.

    Raises
    ------
    ValueError
        If there are fewer than two experts.

    Examples
    --------
    >>> from ppaint.preference_to_score import Comparisons, Ratings, worths_on_scale
    >>> games = Comparisons.from_arrays(list("aabaab"), list("bccbcc"), [1, 1, 1, 1, 1, 0], rater=list("xxxyyy"),
    ...     raters="xyz")
    >>> marks = Ratings.from_arrays(list("abcabc"), list("xxxzzz"), [5, 4, 2, 6, 3, 4], raters="xyz")
    >>> resamples, left_out = usable_resamples(games, worths_on_scale(games, marks))
    >>> len(resamples.weights), round(27 * left_out)  # not yyy, not zzz
    (8, 2)
    """
    every = expert_resamples(len(comparisons.raters))
    compares = np.bincount(comparisons.rater, minlength=len(comparisons.raters))
    rated_items = ((every.counts @ ~np.isnan(a.table)) > 0).sum(1)
    return kept_resamples(every, (every.counts @ compares > 0) & (rated_items >= 2))
