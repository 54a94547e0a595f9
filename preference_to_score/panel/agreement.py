"""How far raters agree on the order of the items."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import rankdata

from ..arrays import Floats
from ..pairwise.bradley_terry import bradley_terry
from ..pairwise.comparisons import Comparisons
from ..pairwise.connectivity import check_connected
from ..pairwise.rater_counts import count_by_rater
from ..ranks import ranks_of_estimates
from .panel_worths import worths_of_each

AGREEMENT_PRIOR_PRECISION = 0.1  # of a rater's own worths; fixed, since Kendall's W moves with it
PRIOR_PRECISIONS = (0.01, 0.03, 0.1, 0.3, 1.0)  # to see how far it moves


def kendalls_w(ranks: ArrayLike) -> float:
    """Kendall's coefficient of concordance, corrected for ties.

    With R_i the sum of the m raters' ranks of item i and T_j the sum of t^3 - t over the tied groups of rater j,
    W = 12 sum_i (R_i - mean R)^2 / (m^2 (n^3 - n) - m sum_j T_j).

    Parameters
    ----------
    ranks : array_like, shape (n_raters, n_items)
        Ranks, or scores that are ranked within each rater (ties share their mean rank).

    Returns
    -------
    float
        1 is full agreement, 1 / n_raters what raters without any give on average.

    Raises
    ------
    ValueError
        With fewer than two raters or items, a missing value, or if every rater gave all items the same rank.

    References
    ----------
    Kendall and Babington Smith (1939), Annals of Mathematical Statistics 10, 275-287.

    Examples
    --------
    >>> kendalls_w([[1, 2, 3], [1, 2, 3]])
    1.0
    >>> kendalls_w([[1, 2, 3], [3, 2, 1]])
    0.0
    """
    ranks = np.asarray(ranks, dtype=float)
    if ranks.ndim != 2 or min(ranks.shape) < 2:
        raise ValueError(f"Kendall's W needs at least two raters and two items, got an array of shape {ranks.shape}")
    if np.isnan(ranks).any():
        rater, item = np.argwhere(np.isnan(ranks))[0]
        raise ValueError(f"rater {rater} has no rank for item {item}: Kendall's W needs complete ranks")
    ranks = rankdata(ranks, axis=1)
    m, n = ranks.shape
    tied = sum(float((times**3 - times).sum()) for times in (np.unique(row, return_counts=True)[1] for row in ranks))
    most = m**2 * (n**3 - n) - m * tied
    if most <= 0:
        raise ValueError("every rater gave all items the same rank: there is no order to agree on")
    total = ranks.sum(0)
    return float(12 * ((total - total.mean()) ** 2).sum() / most)


def preference_ranks(
    comparisons: Comparisons, *, prior_precision: float = AGREEMENT_PRIOR_PRECISION
) -> NDArray[np.float64]:
    """Each rater's own order: ranks of the Bradley-Terry worths of that rater's comparisons alone.

    Parameters
    ----------
    comparisons : Comparisons
        With raters.
    prior_precision : float
        Of the Gaussian prior on the log-worths, above 0: some item wins all its few comparisons almost always.

    Returns
    -------
    ndarray, shape (n_raters, n_items)
        1 is the lowest worth.

    Raises
    ------
    ValueError
        If no raters are named, or the comparisons of one do not connect all items (named).

    Examples
    --------
    >>> games = Comparisons.from_arrays(list("aab"), list("bcc"), [1, 1, 0], rater=["x"] * 3)
    >>> preference_ranks(games)
    array([[3., 1., 2.]])
    """
    if not comparisons.raters:
        raise ValueError("these comparisons name no raters")
    if prior_precision > 0 and not (comparisons.outcome == 0.5).any():  # without ties all raters are fitted at once
        for position in range(len(comparisons.raters)):
            with _named(comparisons, position):
                check_connected(comparisons.of_rater(position))
        own = worths_of_each(count_by_rater(comparisons, ties="half"), prior_precision=prior_precision)
        return ranks_of_estimates(own, axis=1)
    ranks = []
    for position in range(len(comparisons.raters)):
        with _named(comparisons, position):
            own = comparisons.of_rater(position)
            check_connected(own)
            fit = bradley_terry(own, prior_precision=prior_precision)
        ranks.append(ranks_of_estimates(fit.log_worths))
    return np.array(ranks)


@contextmanager
def _named(comparisons: Comparisons, position: int) -> Iterator[None]:
    """Say whose comparisons are at fault."""
    try:
        yield
    except ValueError as error:
        raise ValueError(f"rater {comparisons.raters[position]!r}: {error}") from error


@dataclass(frozen=True)
class PriorSensitivity:
    """Kendall's W of preferences under several priors.

    Attributes
    ----------
    prior_precisions : ndarray, shape (P,)
        Of the Gaussian prior on each rater's own log-worths.
    w : ndarray, shape (P,)
    """

    prior_precisions: Floats
    w: Floats


def w_against_prior(comparisons: Comparisons, prior_precisions: Sequence[float] = PRIOR_PRECISIONS) -> PriorSensitivity:
    """How Kendall's W of preferences moves with the prior on each rater's own worths.

    A strong prior draws an item towards the middle by how seldom the rater compared it, which all raters of one design
    share; a weak one leaves items that won, or lost, all their comparisons far out, in an order that chance decides.

    Parameters
    ----------
    comparisons : Comparisons
        With raters.
    prior_precisions : sequence of float
        Above 0.

    Returns
    -------
    PriorSensitivity

    Raises
    ------
    ValueError
        As `kendalls_w` and `preference_ranks` do.

    Examples
    --------
    >>> games = Comparisons.from_arrays(list("aabaab"), list("bccbcc"), [1, 1, 1, 1, 1, 0], rater=list("xxxyyy"))
    >>> w_against_prior(games, (0.1, 1.0)).w
    array([0.75, 0.75])
    """
    w = [kendalls_w(preference_ranks(comparisons, prior_precision=precision)) for precision in prior_precisions]
    return PriorSensitivity(np.array(prior_precisions, dtype=float), np.array(w))
