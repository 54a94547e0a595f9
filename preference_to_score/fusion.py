"""The fused ground truth of one facet (one category and dimension): the mean of constructions A and B.

A is likelihood first (`worths_on_scale`), B is joint (`joint_scale`); beyond the input tables they share no code.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

from .bootstrap import Resamples, expert_resamples, resampled_errors
from .comparisons import Comparisons
from .joint_scale import JointScaleResult, joint_scale, judgment_influence, resampled_scores
from .ratings import Ratings
from .worths_on_scale import WorthsOnScale, resampled_worths, worth_influence, worths_on_scale


@dataclass(frozen=True)
class FusionReport:
    """What a reader of the fused scores should know.

    Attributes
    ----------
    srcc, plcc, rmse : float
        Convergence of A and B: rank and linear correlation, and root mean square difference in rating units.
    slope, slope_corrected : float, bool
        Of A's affine map; False where too little spread was left beyond the error, so that the plain ratio of standard
        deviations was used.
    resamples : int
        Resamples of the experts that were used.
    resamples_left_out : float
        Share of all resamples, by weight, that hold only experts who compared, or only experts who rated, so that
        nothing could be anchored or ordered; 0 where every expert did both.
    enumerated : bool
        Whether these are all there are (up to seven experts) or a seeded draw.
    slope_uncorrected_resamples : int
        Resamples in which A's slope fell back to the plain ratio.
    never_won, never_lost : tuple
        Items that the full panel never, or always, preferred: the prior keeps them finite.
    never_won_in_resamples, never_lost_in_resamples : int
        Resample-and-item cases of the same, counted over the distinct resamples.
    a_below, a_above : tuple of (item, score)
        Where A leaves the rating scale.
    unrated : tuple
        Items without any rating: their place on the scale rests on preferences alone.
    without_variance : tuple
        Experts who gave all items the same rating.
    one_protocol : tuple
        Experts who only compared or only rated.
    repeated_comparisons, repeated_ratings : int
        Judgments beyond the first of the same expert on the same thing; all are used.
    ties : int
        Comparisons without a preference.
    taste_sd : float
        Standard deviation of experts' own taste, relative to that of the items' common score.
    iterations : int
        Of B's EM.
    """

    srcc: float
    plcc: float
    rmse: float
    slope: float
    slope_corrected: bool
    resamples: int
    resamples_left_out: float
    enumerated: bool
    slope_uncorrected_resamples: int
    never_won: tuple[Hashable, ...]
    never_lost: tuple[Hashable, ...]
    never_won_in_resamples: int
    never_lost_in_resamples: int
    a_below: tuple[tuple[Hashable, float], ...]
    a_above: tuple[tuple[Hashable, float], ...]
    unrated: tuple[Hashable, ...]
    without_variance: tuple[Hashable, ...]
    one_protocol: tuple[Hashable, ...]
    repeated_comparisons: int
    repeated_ratings: int
    ties: int
    taste_sd: float
    iterations: int


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
        The two constructions and their population errors.
    report : FusionReport
    """

    items: tuple[Hashable, ...]
    raters: tuple[Hashable, ...]
    fused: NDArray[np.float64]
    se: NDArray[np.float64]
    se_panel: NDArray[np.float64]
    a: NDArray[np.float64]
    a_se: NDArray[np.float64]
    b: NDArray[np.float64]
    b_se: NDArray[np.float64]
    report: FusionReport


def fuse_facet(comparisons: Comparisons, ratings: Ratings, scale: tuple[float, float]) -> FusedFacet:
    """Fuse one facet's preferences and ratings into scores on the rating scale.

    Parameters
    ----------
    comparisons : Comparisons
        With raters; outcomes 1, 0.5 (tie) or 0. Every item must be compared, and the graph connected.
    ratings : Ratings
        Of the same items (missing ratings are rows that are not there). Raters are matched by id.
    scale : (float, float)
        Ends of the rating scale.

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
    comparisons, ratings = _match(comparisons, ratings)
    a = worths_on_scale(comparisons, ratings)
    b = joint_scale(comparisons, ratings, scale)
    fused = (a.scores + b.scores) / 2
    every = expert_resamples(len(ratings.raters))
    kept = _usable(every, comparisons, a)
    left_out = float(every.weights[~kept].sum())
    resamples = Resamples(every.counts[kept], every.weights[kept] / every.weights[kept].sum(), every.enumerated)
    many_a, corrected = resampled_worths(a, resamples)
    many_b = resampled_scores(b, resamples)
    return FusedFacet(
        items=comparisons.items,
        raters=comparisons.raters,
        fused=fused,
        se=resampled_errors((many_a + many_b) / 2, resamples),
        se_panel=_panel_errors(a, b),
        a=a.scores,
        a_se=resampled_errors(many_a, resamples),
        b=b.scores,
        b_se=resampled_errors(many_b, resamples),
        report=_report(comparisons, ratings, scale, a, b, resamples, corrected, left_out),
    )


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


def _usable(resamples: Resamples, comparisons: Comparisons, a: WorthsOnScale) -> NDArray[np.bool_]:
    """Which resamples have something to anchor (an expert who rated) and something to order (one who compared)."""
    compares = np.bincount(comparisons.rater, minlength=len(comparisons.raters))
    rated_items = ((resamples.counts @ ~np.isnan(a.table)) > 0).sum(1)
    return (resamples.counts @ compares > 0) & (rated_items >= 2)


def _ids(names: tuple[Hashable, ...]) -> NDArray:
    column = np.empty(len(names), dtype=object)
    column[:] = names
    return column


def _panel_errors(a: WorthsOnScale, b: JointScaleResult) -> NDArray[np.float64]:
    """Root of the summed squares of what each judgment's residual does to the mean of A and B."""
    a_pairs, a_ratings = worth_influence(a)
    b_pairs, b_ratings = judgment_influence(b)
    by_pair = (((a_pairs + b_pairs) / 2) ** 2).sum((0, 1))
    by_rating = (((a_ratings[..., None] + b_ratings) / 2) ** 2).sum((0, 1))
    return np.sqrt(by_pair + by_rating)


def _report(
    comparisons: Comparisons,
    ratings: Ratings,
    scale: tuple[float, float],
    a: WorthsOnScale,
    b: JointScaleResult,
    resamples: Resamples,
    corrected: NDArray,
    left_out: float,
) -> FusionReport:
    counts = a.pairs.weighted(resamples.counts)
    n = counts.n_items
    sides = np.zeros((2, counts.first.size, n))
    row = np.arange(counts.first.size)
    sides[0, row, counts.first] = sides[1, row, counts.second] = 1.0
    won = (counts.wins + counts.ties / 2) @ sides[0] + (counts.losses + counts.ties / 2) @ sides[1]
    lost = (counts.losses + counts.ties / 2) @ sides[0] + (counts.wins + counts.ties / 2) @ sides[1]
    given, there = ratings.counts(), ~np.isnan(a.table)
    compares = np.bincount(comparisons.rater, minlength=len(comparisons.raters)) > 0
    rates = given.any(1)
    return FusionReport(
        srcc=float(np.corrcoef(rankdata(a.scores), rankdata(b.scores))[0, 1]),
        plcc=float(np.corrcoef(a.scores, b.scores)[0, 1]),
        rmse=float(np.sqrt(((a.scores - b.scores) ** 2).mean())),
        slope=a.slope,
        slope_corrected=a.corrected,
        resamples=len(resamples.weights),
        resamples_left_out=left_out,
        enumerated=resamples.enumerated,
        slope_uncorrected_resamples=int((~corrected).sum()),
        never_won=a.worths.never_won,
        never_lost=a.worths.never_lost,
        never_won_in_resamples=int((won == 0).sum()),
        never_lost_in_resamples=int((lost == 0).sum()),
        a_below=_beyond(comparisons.items, a.scores, a.scores < scale[0]),
        a_above=_beyond(comparisons.items, a.scores, a.scores > scale[1]),
        unrated=tuple(item for item, seen in zip(ratings.items, there.any(0), strict=True) if not seen),
        without_variance=ratings.without_variance(),
        one_protocol=tuple(name for name, both in zip(ratings.raters, compares & rates, strict=True) if not both),
        repeated_comparisons=comparisons.repeated(),
        repeated_ratings=int(np.maximum(given - 1, 0).sum()),
        ties=int(comparisons.weight[comparisons.outcome == 0.5].sum()),
        taste_sd=b.structure.taste / b.structure.quality,
        iterations=b.iterations,
    )


def _beyond(items: tuple[Hashable, ...], scores: NDArray, mask: NDArray) -> tuple[tuple[Hashable, float], ...]:
    return tuple((items[position], float(scores[position])) for position in np.flatnonzero(mask))
