"""Panels whose experts contradict one another: how construction B is then laid onto the scale, and when a facet is unfit to use.

One of five experts with the answer keys changed over leaves the mean ratings as they are, and spoils both constructions. A's
slope is dealt with in `worths_on_scale`. B reads the contradiction as taste, which it averages over, so that all scores move
to the middle of the scale. Its order is right, mostly; so in such a panel, and in no other, its scores are laid onto the mean
ratings by least squares. Such a facet is marked as unfit to use: the scores are not what they are elsewhere, and whoever
reads them should first find out what the experts did.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..ratings.mean_opinion_score import weighted_means, weighted_scores
from .joint_scale import JointScaleResult
from .worths_on_scale import LARGEST_SPREAD_ERROR, WorthsOnScale

FARTHEST = 3.0  # fused scores from the mean ratings, in standard errors of these; honest panels: 0.2 to 1.8


def contradicts(a: WorthsOnScale) -> bool:
    """Whether the experts differ so much in the spread of their preferences that its error cannot be taken out.

    Examples
    --------
    >>> from ppaint.preference_to_score import Comparisons, Ratings, worths_on_scale
    >>> games = Comparisons.from_arrays(list("aabaab"), list("bccbcc"), [1, 1, 1, 0, 0, 0], rater=list("xxxyyy"))
    >>> marks = Ratings.from_arrays(list("abcabc"), list("xxxyyy"), [5, 4, 2, 6, 3, 4])
    >>> contradicts(worths_on_scale(games.take([0, 1, 2, 3, 4]), marks))
    True
    """
    return a.spread_error > LARGEST_SPREAD_ERROR


def map_of_b(a: WorthsOnScale, b: JointScaleResult) -> tuple[float, float]:
    """Intercept and slope by which B's scores become those that are fused: 0 and 1, but in a panel that contradicts itself.

    In such a panel it is the least-squares line of the mean ratings on B's scores, with slope 0 where it would fall. Both
    constructions are of the same comparisons and ratings.
    """
    if not contradicts(a):
        return 0.0, 1.0
    [scores] = weighted_means(a.table, np.ones((1, len(a.table))))
    rated = ~np.isnan(scores)
    one, mean = b.scores[rated] - b.scores[rated].mean(), scores[rated].mean()
    squares = float(one @ one)
    slope = max(float(one @ (scores[rated] - mean)) / squares, 0.0) if squares > 0 else 0.0
    return float(mean - slope * b.scores[rated].mean()), slope


def unfit_reason(a: WorthsOnScale, fused: NDArray) -> str:
    """Why a facet's fused scores should not be used as they are; empty where nothing speaks against it.

    Parameters
    ----------
    a : WorthsOnScale
    fused : ndarray, shape (n,)

    Returns
    -------
    str
        The experts contradict one another in their comparisons, or the fused scores lie farther from the mean ratings than
        three standard errors of these (root mean square over the items, the common level left out).
    """
    reasons = []
    if contradicts(a):
        reasons.append(
            "the experts contradict one another in their comparisons (the standard error of the worths' spread is "
            f"{100 * a.spread_error:.0f} % of it): look at those who stand out, such as for changed answer keys"
        )
    scores, errors = (each[0] for each in weighted_scores(a.table, np.ones((1, len(a.table)))))
    both = ~np.isnan(scores) & ~np.isnan(errors)
    if both.sum() > 1:
        apart = (fused - scores)[both]
        given = np.unique(a.table[~np.isnan(a.table)])
        rounding = np.diff(given).min(initial=np.inf) / np.sqrt(
            12 * len(a.table)
        )  # equal ratings are not without error
        typical = max(float(np.sqrt((errors[both] ** 2).mean())), float(rounding) if np.isfinite(rounding) else 0.0)
        far = float(apart.std()) / typical if typical > 0 else 0.0
        if far > FARTHEST:
            reasons.append(
                f"the fused scores lie {far:.1f} standard errors from the mean ratings: the protocols contradict each other"
            )
    return "; ".join(reasons)
