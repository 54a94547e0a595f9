"""What the fusion of a facet reports: convergence, and everything unusual."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..pairwise.comparisons import Comparisons
from ..pairwise.rater_counts import RaterCounts
from ..panel.bootstrap import Resamples
from ..panel.expert_checks import ExpertFlag, expert_checks
from ..panel.expert_profiles import expert_profiles
from ..ranks import srcc_of_estimates
from ..ratings.ratings import Ratings
from .contradicting_panel import unfit_reason
from .convergence import Convergence
from .joint_scale import JointScaleResult
from .worths_on_scale import WorthsOnScale


@dataclass(frozen=True)
class FusionReport:
    """What a reader of the fused scores should know.

    Attributes
    ----------
    srcc, plcc, rmse : float
        Convergence of A and B: rank and linear correlation, and root mean square difference in rating units.
    convergence : Convergence
        The same over halves of the panel that share no expert.
    unfit : str
        Why the fused scores should not be used as they are (`unfit_reason`); empty where nothing speaks against it.
    slope, slope_corrected : float, bool
        Of A's affine map; False where too little spread was left beyond the error, or its error is too large, so that the
        plain ratio of standard deviations was used.
    spread_error : float
        Standard error of the spread of the preferences' worths over experts, as a share of it.
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
    flagged : tuple of ExpertFlag
        Experts whose answers stand out (`expert_checks`): a reason to look; nobody is dropped.
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
    convergence: Convergence
    unfit: str
    slope: float
    slope_corrected: bool
    spread_error: float
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
    flagged: tuple[ExpertFlag, ...]
    one_protocol: tuple[Hashable, ...]
    repeated_comparisons: int
    repeated_ratings: int
    ties: int
    taste_sd: float
    iterations: int


def fusion_report(
    comparisons: Comparisons,
    ratings: Ratings,
    scale: tuple[float, float],
    a: WorthsOnScale,
    b: JointScaleResult,
    b_scores: NDArray,
    resamples: Resamples,
    corrected: NDArray,
    left_out: float,
    convergence: Convergence,
) -> FusionReport:
    """Gather what a reader of the fused scores should know.

    Parameters
    ----------
    comparisons : Comparisons
    ratings : Ratings
        Of the same items and raters.
    scale : (float, float)
    a : WorthsOnScale
    b : JointScaleResult
    b_scores : ndarray, shape (n,)
        Of B, as they are fused.
    resamples : Resamples
        Those that were used.
    corrected : ndarray of bool, shape (R,)
        Resamples in which A's slope had the error taken out.
    left_out : float
        Share of the resamples that could not be used.
    convergence : Convergence
        Of A and B.

    Returns
    -------
    FusionReport
    """
    never_won, never_lost = _without_credit(a.pairs, resamples.counts)
    given, there = ratings.counts(), ~np.isnan(a.table)
    compares = np.bincount(comparisons.rater, minlength=len(comparisons.raters)) > 0
    rates = given.any(1)
    return FusionReport(
        srcc=srcc_of_estimates(a.scores, b.scores, least=2),
        plcc=float(np.corrcoef(a.scores, b.scores)[0, 1]),
        rmse=float(np.sqrt(((a.scores - b_scores) ** 2).mean())),
        convergence=convergence,
        unfit=unfit_reason(a, (a.scores + b_scores) / 2),
        slope=a.slope,
        slope_corrected=a.corrected,
        spread_error=a.spread_error,
        resamples=len(resamples.weights),
        resamples_left_out=left_out,
        enumerated=resamples.enumerated,
        slope_uncorrected_resamples=int((~corrected).sum()),
        never_won=a.worths.never_won,
        never_lost=a.worths.never_lost,
        never_won_in_resamples=never_won,
        never_lost_in_resamples=never_lost,
        a_below=_beyond(comparisons.items, a.scores, a.scores < scale[0]),
        a_above=_beyond(comparisons.items, a.scores, a.scores > scale[1]),
        unrated=tuple(item for item, seen in zip(ratings.items, there.any(0), strict=True) if not seen),
        without_variance=ratings.without_variance(),
        flagged=expert_checks(expert_profiles(comparisons, ratings)),
        one_protocol=tuple(name for name, both in zip(ratings.raters, compares & rates, strict=True) if not both),
        repeated_comparisons=comparisons.repeated(),
        repeated_ratings=int(np.maximum(given - 1, 0).sum()),
        ties=int(comparisons.weight[comparisons.outcome == 0.5].sum()),
        taste_sd=b.structure.taste / b.structure.quality,
        iterations=b.iterations,
    )


def _without_credit(pairs: RaterCounts, weights: NDArray) -> tuple[int, int]:
    """Resample-and-item cases that won nothing, and that lost nothing."""
    n, credit, debit = pairs.n_items, pairs.wins + pairs.ties / 2, pairs.losses + pairs.ties / 2
    place = [pairs.rater * n + side[pairs.pair] for side in (pairs.first, pairs.second)]

    def earned(by_first: NDArray, by_second: NDArray) -> NDArray:  # (J, n)
        size = pairs.n_raters * n
        return (np.bincount(place[0], by_first, size) + np.bincount(place[1], by_second, size)).reshape(-1, n)

    won, lost = (weights @ earned(*both) for both in ((credit, debit), (debit, credit)))
    return int((won == 0).sum()), int((lost == 0).sum())


def _beyond(items: tuple[Hashable, ...], scores: NDArray, mask: NDArray) -> tuple[tuple[Hashable, float], ...]:
    return tuple((items[position], float(scores[position])) for position in np.flatnonzero(mask))
