"""The fused ground truth of one facet (one category and dimension): the mean of constructions A and B.

A is likelihood first (`worths_on_scale`), B is joint (`joint_scale`); beyond the input tables they share no code.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ..arrays import Floats, in_parts
from ..pairwise.comparisons import Comparisons
from ..panel.bootstrap import resampled_errors
from ..ratings.ratings import Ratings
from .contradicting_panel import map_of_b
from .convergence import split_half_convergence
from .fusion_report import FusionReport, fusion_report
from .joint_scale import JointScaleResult, joint_scale, judgment_influence, resampled_scores
from .usable_resamples import usable_resamples
from .worths_on_scale import WorthsOnScale, resampled_worths, worth_influence, worths_on_scale

# How much of a large panel's time has passed; the profiles of its experts and their agreement come last.
FITTED, A_RESAMPLED, B_RESAMPLED, HALVES_COMPARED = 0.17, 0.26, 0.46, 0.62


@dataclass(frozen=True)
class FusedFacet:
    """Fused scores of one facet, in rating units; arrays have shape (n,).

    Attributes
    ----------
    items, raters : tuple
    fused : ndarray
        Mean of `a` and `b`.
    se : ndarray
        Population error: how far a new panel of as many experts would differ. Intervals take Student's t with one
        degree of freedom less than experts (`interval_factor`).
    se_panel : ndarray
        Panel error: how far the same experts, with the same tastes and use of the scale, would differ if they judged
        again. Analytic, from each judgment's residual.
    a, a_se, b, b_se : ndarray
        The two constructions and their population errors. (In a panel whose experts contradict one another, B laid onto the
        mean ratings: `report.unfit`.)
    report : FusionReport
    """

    items: tuple[Hashable, ...]
    raters: tuple[Hashable, ...]
    fused: Floats
    se: Floats
    se_panel: Floats
    a: Floats
    a_se: Floats
    b: Floats
    b_se: Floats
    report: FusionReport


def fuse_facet(
    comparisons: Comparisons,
    ratings: Ratings,
    scale: tuple[float, float],
    *,
    progress: Callable[[float], None] | None = None,
) -> FusedFacet:
    """Fuse one facet's preferences and ratings into scores on the rating scale.

    Parameters
    ----------
    comparisons : Comparisons
        With raters; outcomes 1, 0.5 (tie) or 0. Every item must be compared, and the graph connected.
    ratings : Ratings
        Of the same items (missing ratings are rows that are not there). Raters are matched by id.
    scale : (float, float)
        Ends of the rating scale.
    progress : callable, optional
        Called now and then with the share of the work that is done, below 1; large panels take minutes.

    Returns
    -------
    FusedFacet
        Items in the order of `comparisons.items`.

    Raises
    ------
    ValueError
        If the items differ, no raters are named or there are fewer than two, the comparison graph is disconnected,
        ratings are off the scale or do not vary, or ratings run against preferences (a reversed scale).
    RuntimeError
        If an estimator does not converge.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> q = np.linspace(-2, 2, 8)
    >>> first, second = np.triu_indices(8, 1)
    >>> games = Comparisons.from_arrays(np.tile(first, 3), np.tile(second, 3),
    ...     np.tile(q[first] - q[second], 3) + rng.normal(size=84) > 0, rater=np.repeat([0, 1, 2], 28))
    >>> value = np.clip(np.rint(5.5 + 1.6 * (np.tile(q, 3) + 0.5 * rng.normal(size=24))), 1, 10)
    >>> marks = Ratings.from_arrays(np.tile(range(8), 3), np.repeat([0, 1, 2], 8), value)
    >>> facet = fuse_facet(games, marks, (1, 10))
    >>> bool(facet.report.srcc > 0.9), facet.report.resamples
    (True, 10)
    """
    tell = progress or _nobody
    comparisons, ratings = _match(comparisons, ratings)
    a = worths_on_scale(comparisons, ratings)
    b = joint_scale(comparisons, ratings, scale)
    tell(FITTED)
    intercept, slope = map_of_b(a, b)
    b_scores = intercept + slope * b.scores
    fused = (a.scores + b_scores) / 2
    resamples, left_out = usable_resamples(comparisons, a)
    many_a, corrected = resampled_worths(a, resamples)
    tell(A_RESAMPLED)
    many_b = intercept + slope * resampled_scores(
        b, resamples, progress=lambda share: tell(A_RESAMPLED + share * (B_RESAMPLED - A_RESAMPLED))
    )
    convergence = split_half_convergence(a, b)
    tell(HALVES_COMPARED)
    return FusedFacet(
        items=comparisons.items,
        raters=comparisons.raters,
        fused=fused,
        se=resampled_errors((many_a + many_b) / 2, resamples),
        se_panel=_panel_errors(a, b, slope),
        a=a.scores,
        a_se=resampled_errors(many_a, resamples),
        b=b_scores,
        b_se=resampled_errors(many_b, resamples),
        report=fusion_report(comparisons, ratings, scale, a, b, b_scores, resamples, corrected, left_out, convergence),
    )


def _nobody(share: float) -> None:
    """Told by a caller who does not want to know."""


def _match(comparisons: Comparisons, ratings: Ratings) -> tuple[Comparisons, Ratings]:
    """Bring both tables to the same items and the same raters (the union: an expert may know one protocol only)."""
    if not comparisons.raters:
        raise ValueError("the comparisons name no raters: the fused scores' errors come from resampling the experts")
    unknown = set(ratings.items) - set(comparisons.items)
    if unknown:
        raise ValueError(f"{len(unknown)} items are rated but not among the compared, such as {sorted(unknown)[0]!r}")
    raters = tuple(sorted({*comparisons.raters, *ratings.raters}))
    if len(raters) < 2:
        raise ValueError(f"only one expert ({raters[0]!r}): a population standard error needs at least two")
    place = {name: position for position, name in enumerate(raters)}
    who = np.array([place[name] for name in comparisons.raters])[comparisons.rater]
    matched = Ratings.from_arrays(
        _ids(ratings.items)[ratings.item],
        _ids(ratings.raters)[ratings.rater],
        ratings.value,
        items=comparisons.items,
        raters=raters,
    )
    return replace(comparisons, raters=raters, rater=who), matched


def _ids(names: tuple[Hashable, ...]) -> NDArray:
    column = np.empty(len(names), dtype=object)
    column[:] = names
    return column


def _panel_errors(a: WorthsOnScale, b: JointScaleResult, slope: float) -> NDArray[np.float64]:
    """Root of the summed squares of what each judgment's residual does to the mean of A and B."""
    (a_reach, a_pairs, a_ratings), of_b = worth_influence(a), judgment_influence(b)
    judgments, squares = b.judgments, np.zeros(len(b.items))
    low, high = (side[a.pairs.pair] for side in (a.pairs.first, a.pairs.second))
    for some in in_parts(len(a.pairs), len(b.items)):
        one = (a_reach[low[some]] - a_reach[high[some]]) * a_pairs[some, None]
        other = (of_b.reach[judgments.first[some]] - of_b.reach[judgments.second[some]]) * of_b.pairs[some, None]
        squares += (((one + slope * other) / 2) ** 2).sum(0)
    for some in in_parts(judgments.n_cells, len(b.items)):
        one = a_ratings[judgments.expert[some], judgments.item[some]]
        squares += (((one[:, None] + slope * of_b.ratings[some]) / 2) ** 2).sum(0)
    return np.sqrt(squares)
