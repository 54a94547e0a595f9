"""Split-half reliability: scores from one half of the panel against scores from the other, stepped up to the whole."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from math import comb

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..pairwise.comparisons import Comparisons
from ..pairwise.rater_counts import count_by_rater
from ..ranks import ranks_of_estimates
from ..ratings.mean_opinion_score import weighted_means
from ..ratings.ratings import Ratings
from .panel_worths import PANEL_PRIOR_PRECISION, panel_worths

ENUMERATED_UP_TO = 500  # splits
DRAWS = 200  # for larger panels
DRAW_SEED = 20260520


@dataclass(frozen=True)
class SplitHalf:
    """Agreement of two halves of a panel that share no rater, averaged over splits.

    Attributes
    ----------
    reliability : float
        Of the whole panel's scores: the linear correlation of the halves, stepped up (`horst_step_up`), mean over splits.
    least, most : float
        Over the splits.
    srcc, plcc : float
        Between the halves as they are, mean over splits.
    splits : int
    enumerated : bool
        Whether these are all splits there are, or a seeded draw.
    raters : int
        Of the panel that was split.
    items : int
        The fewest that both halves of a split scored: what the figures rest on.
    """

    reliability: float
    least: float
    most: float
    srcc: float
    plcc: float
    splits: int
    enumerated: bool
    raters: int
    items: int


def horst_step_up(correlation: ArrayLike, first: ArrayLike, second: ArrayLike) -> NDArray[np.float64]:
    """Reliability of a whole from the correlation of two parts of it, of any sizes.

    With p and q the parts' shares of the whole and r their correlation,

        [sqrt(r^4 + 4 r^2 (1 - r^2) p q) - r^2] / [2 p q (1 - r^2)],

    which for p = q = 1/2 is Spearman and Brown's 2 r / (1 + r). Where chance makes r negative, the result is that of -r
    with its sign turned, so that a mean over splits of what has no reliability stays near 0.

    Parameters
    ----------
    correlation : array_like
        Linear correlation of the parts.
    first, second : array_like
        Raters in each part.

    Returns
    -------
    ndarray

    References
    ----------
    Horst (1951), Psychometrika 16, 189-194. Spearman (1910) and Brown (1910), British Journal of Psychology 3.

    Examples
    --------
    >>> horst_step_up([0.6, 0.6, 1.0], [2, 1, 2], [2, 3, 3]).round(4)
    array([0.75  , 0.7913, 1.    ])
    """
    r = np.abs(np.asarray(correlation, dtype=float))
    first, second = np.asarray(first, dtype=float), np.asarray(second, dtype=float)
    both = first * second / (first + second) ** 2
    square = np.minimum(r**2, 1.0)
    rest = 2 * both * (1 - square)
    with np.errstate(invalid="ignore", divide="ignore"):
        stepped = (np.sqrt(square**2 + 2 * square * rest) - square) / rest
    return np.sign(correlation) * np.where(rest > 1e-12, stepped, 1.0)


def panel_splits(n_raters: int) -> tuple[NDArray[np.float64], bool]:
    """All ways to split a panel into two halves (sizes differ by one for an odd panel); a seeded draw above 500.

    Parameters
    ----------
    n_raters : int
        At least 2; fewer are a ValueError.

    Returns
    -------
    first_half : ndarray, shape (S, n_raters)
        1 for the raters of the first half, 0 for the others.
    enumerated : bool

    Examples
    --------
    >>> panel_splits(5)[0].shape, panel_splits(4)[0].astype(int).tolist()
    ((10, 5), [[1, 1, 0, 0], [1, 0, 1, 0], [1, 0, 0, 1]])
    """
    if n_raters < 2:
        raise ValueError("a panel can be split from two raters on")
    size, even = n_raters // 2, n_raters % 2 == 0
    if comb(n_raters, size) // (1 + even) > ENUMERATED_UP_TO:
        rng = np.random.default_rng([DRAW_SEED, n_raters])
        order = rng.permuted(np.tile(np.arange(n_raters), (DRAWS, 1)), axis=1)
        return (order < size).astype(float), False
    chosen = [each for each in combinations(range(n_raters), size) if not even or 0 in each]
    halves = np.zeros((len(chosen), n_raters))
    for row, each in enumerate(chosen):
        halves[row, list(each)] = 1
    return halves, True


def split_half_ratings(ratings: Ratings) -> SplitHalf:
    """Split-half reliability of mean opinion scores.

    Parameters
    ----------
    ratings : Ratings
        Items that either half left unrated are left out of that split.

    Returns
    -------
    SplitHalf

    Raises
    ------
    ValueError
        With fewer than two raters, or if no split leaves two scores that vary.

    Examples
    --------
    >>> marks = Ratings.from_arrays(list("abcabc"), list("xxxyyy"), [1, 2, 3, 2, 2, 5])
    >>> round(split_half_ratings(marks).plcc, 3), round(split_half_ratings(marks).reliability, 3)
    (0.866, 0.928)
    """
    table = ratings.table()
    halves, enumerated = panel_splits(len(table))
    first, second = weighted_means(table, halves), weighted_means(table, 1 - halves)
    return compare_halves(first, second, halves, enumerated)


def split_half_preferences(comparisons: Comparisons, *, prior_precision: float = PANEL_PRIOR_PRECISION) -> SplitHalf:
    """Split-half reliability of Bradley-Terry log-worths.

    Parameters
    ----------
    comparisons : Comparisons
        With raters. A tie is half a win for either side.
    prior_precision : float
        Of the Gaussian prior on the log-worths, above 0.

    Returns
    -------
    SplitHalf
        Of all splits of the panel.

    Raises
    ------
    ValueError
        If no raters are named or there are fewer than two, the prior is not above 0, or no split leaves scores that vary.

    Examples
    --------
    >>> games = Comparisons.from_arrays(list("aabaab"), list("bccbcc"), [1, 1, 1, 1, 1, 0], rater=list("xxxyyy"))
    >>> round(split_half_preferences(games).srcc, 3)
    0.5
    """
    if not comparisons.raters:
        raise ValueError("these comparisons name no raters")
    halves, enumerated = panel_splits(len(comparisons.raters))
    counts = count_by_rater(comparisons, ties="half")
    worths = panel_worths(counts, np.vstack([halves, 1 - halves]), prior_precision=prior_precision)
    return compare_halves(worths[: len(halves)], worths[len(halves) :], halves, enumerated)


def compare_halves(first: NDArray, second: NDArray, halves: NDArray, enumerated: bool) -> SplitHalf:
    """Correlate the two halves' scores in every split, and step up.

    Parameters
    ----------
    first, second : ndarray, shape (S, n)
        Scores; NaN where a half has none.
    halves : ndarray, shape (S, J)
        As `panel_splits` gives them.
    enumerated : bool
        Whether these are all the splits that there are.

    Returns
    -------
    SplitHalf
        Over the splits in which both halves' scores vary; none at all is a ValueError.
    """
    rank, line = np.full((2, len(first)), np.nan)
    there = ~np.isnan(first) & ~np.isnan(second)
    scored = there.sum(1)
    whole = there.all(1)
    if whole.any():
        line[whole], rank[whole] = _correlations(first[whole], second[whole])
    for k in np.flatnonzero(~whole):
        [line[k]], [rank[k]] = _correlations(first[k : k + 1, there[k]], second[k : k + 1, there[k]])
    known = ~np.isnan(line)
    if not known.any():
        raise ValueError("in no split of the panel do both halves' scores vary over three items: nothing to correlate")
    sizes = halves[known].sum(1)
    whole = horst_step_up(line[known], sizes, halves.shape[1] - sizes)
    return SplitHalf(
        reliability=float(whole.mean()),
        least=float(whole.min()),
        most=float(whole.max()),
        srcc=float(rank[known].mean()),
        plcc=float(line[known].mean()),
        splits=int(known.sum()),
        enumerated=enumerated,
        raters=halves.shape[1],
        items=int(scored[known].min()),
    )


def _correlations(first: NDArray, second: NDArray) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Linear and rank correlation of every row with its like, (S,); NaN below three items and where a side is constant."""
    if first.shape[1] < 3:
        return np.full(len(first), np.nan), np.full(len(first), np.nan)
    ranks = [ranks_of_estimates(each, axis=1) for each in (first, second)]
    varies = np.all([np.ptp(each, axis=1) > 0 for each in ranks], axis=0)
    return np.where(varies, _rows_correlated(first, second), np.nan), np.where(varies, _rows_correlated(*ranks), np.nan)


def _rows_correlated(one: NDArray, other: NDArray) -> NDArray[np.float64]:
    one, other = (each - each.mean(1, keepdims=True) for each in (one, other))
    with np.errstate(invalid="ignore", divide="ignore"):
        return (one * other).sum(1) / np.sqrt((one**2).sum(1) * (other**2).sum(1))
