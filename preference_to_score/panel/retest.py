"""Test-retest: how far a rater repeats the own answer where a judgment was asked for again."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..arrays import Floats
from ..pairwise.comparisons import Comparisons
from ..ratings.ratings import Ratings


@dataclass(frozen=True)
class RetestRatings:
    """Repeated ratings; figures are NaN where nothing was repeated.

    Attributes
    ----------
    cells : int
        Cells (a rater and an item) that hold more than one rating.
    judgments : int
        Ratings in them.
    identical : float
        Share of repeats that are the same as the first, averaged over cells: the chance that two ratings of a cell,
        drawn at random, are equal.
    standard_deviation : float
        Of one rating around its cell's mean, pooled over cells; rating units.
    correlation : float
        Intraclass correlation (one-way) of the ratings of a cell: 1 minus the variance within cells over that of all
        ratings of these cells, once each rater's mean is removed.
    raters : tuple
    identical_by_rater : ndarray, shape (J,)
    cells_by_rater : ndarray of int, shape (J,)
        How many of the cells are each rater's: what `identical_by_rater` rests on.
    """

    cells: int
    judgments: int
    identical: float
    standard_deviation: float
    correlation: float
    raters: tuple[Hashable, ...]
    identical_by_rater: Floats
    cells_by_rater: NDArray[np.int_]


@dataclass(frozen=True)
class RetestPreferences:
    """Repeated comparisons; figures are NaN where nothing was repeated.

    Attributes
    ----------
    cells : int
        Cells (a rater and two items, either side first) that hold more than one judgment.
    judgments : float
        Judgments in them.
    identical : float
        Chance that two judgments of a cell, drawn at random, name the same item (or are both ties), averaged over cells.
    identical_same_sides, identical_swapped : float
        The same over two judgments that showed the items on the same sides, and on swapped ones: a gap between them is a
        bias to one side.
    raters : tuple
    identical_by_rater : ndarray, shape (J,)
    cells_by_rater : ndarray of int, shape (J,)
        How many of the cells are each rater's: what `identical_by_rater` rests on.
    """

    cells: int
    judgments: float
    identical: float
    identical_same_sides: float
    identical_swapped: float
    raters: tuple[Hashable, ...]
    identical_by_rater: Floats
    cells_by_rater: NDArray[np.int_]


def retest_ratings(ratings: Ratings) -> RetestRatings:
    """Compare repeated ratings of the same item by the same rater.

    Parameters
    ----------
    ratings : Ratings

    Returns
    -------
    RetestRatings

    References
    ----------
    Shrout and Fleiss (1979), Psychological Bulletin 86, 420-428 (ICC(1,1)).

    Examples
    --------
    >>> marks = Ratings.from_arrays(list("aabbcc"), ["x"] * 6, [3, 3, 7, 8, 5, 5])
    >>> found = retest_ratings(marks)
    >>> found.cells, round(found.identical, 3), round(found.standard_deviation, 3)
    (3, 0.667, 0.408)
    """
    counts = ratings.counts()
    again = counts[ratings.rater, ratings.item] > 1
    names = ratings.raters
    if not again.any():
        return RetestRatings(0, 0, np.nan, np.nan, np.nan, names, *_nobody(len(names)))
    value, rater = ratings.value[again], ratings.rater[again]
    cells, cell = np.unique(rater * len(ratings.items) + ratings.item[again], return_inverse=True)
    size = np.bincount(cell)
    owner = cells // len(ratings.items)
    same = _same_answer(cell, np.unique(value, return_inverse=True)[1], np.ones(value.size), size.astype(float))
    left = value - (np.bincount(cell, value) / size)[cell]
    within = float(left @ left) / (value.size - cells.size)
    return RetestRatings(
        cells=cells.size,
        judgments=value.size,
        identical=float(same.mean()),
        standard_deviation=float(np.sqrt(within)),
        correlation=_one_way(value, rater, cell, size, within),
        raters=names,
        identical_by_rater=_by_owner(same, owner, len(names)),
        cells_by_rater=np.bincount(owner, minlength=len(names)),
    )


def retest_preferences(comparisons: Comparisons) -> RetestPreferences:
    """Compare repeated judgments of the same two items by the same rater, whichever side was shown first.

    Parameters
    ----------
    comparisons : Comparisons
        With raters. A row of weight w is w judgments.

    Returns
    -------
    RetestPreferences

    Raises
    ------
    ValueError
        If the comparisons name no raters.

    Examples
    --------
    >>> games = Comparisons.from_arrays(list("abac"), list("babb"), [1, 0, 0, 1], rater=["x"] * 4)
    >>> found = retest_preferences(games)
    >>> found.cells, found.judgments, round(found.identical, 3), found.identical_swapped
    (1, 3.0, 0.333, 0.5)
    """
    if not comparisons.raters:
        raise ValueError("these comparisons name no raters")
    n, names, swapped = len(comparisons.items), comparisons.raters, comparisons.first > comparisons.second
    low, high = np.minimum(comparisons.first, comparisons.second), np.maximum(comparisons.first, comparisons.second)
    outcome = np.where(swapped, 1 - comparisons.outcome, comparisons.outcome)
    cells, cell = np.unique((comparisons.rater * n + low) * n + high, return_inverse=True)
    size = np.bincount(cell, comparisons.weight)
    if not (size > 1).any():
        return RetestPreferences(0, 0.0, np.nan, np.nan, np.nan, names, *_nobody(len(names)))
    answer = np.unique(outcome, return_inverse=True)[1]
    same = _same_answer(cell, answer, comparisons.weight, size)
    again = size > 1
    agree, both = _by_sides(cell, answer, swapped, comparisons.weight, cells.size)
    with np.errstate(invalid="ignore"):
        on_same, on_swapped = (agree[k].sum() / both[k].sum() for k in (0, 1))
    return RetestPreferences(
        cells=int(again.sum()),
        judgments=float(size[again].sum()),
        identical=float(same[again].mean()),
        identical_same_sides=float(on_same),
        identical_swapped=float(on_swapped),
        raters=names,
        identical_by_rater=_by_owner(same[again], cells[again] // n**2, len(names)),
        cells_by_rater=np.bincount(cells[again] // n**2, minlength=len(names)),
    )


def _same_answer(cell: NDArray, answer: NDArray, weight: NDArray, size: NDArray) -> NDArray[np.float64]:
    """Chance that two judgments of each cell are the same answer; NaN for a cell of one."""
    answers = int(answer.max()) + 1
    times = np.bincount(cell * answers + answer, weight, size.size * answers).reshape(size.size, answers)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(size > 1, (times * (times - 1)).sum(1) / (size * (size - 1)), np.nan)


def _by_sides(
    cell: NDArray, answer: NDArray, swapped: NDArray, weight: NDArray, n_cells: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Pairs of judgments of each cell that agree, and all there are: on the same sides, and on swapped ones, (2, C)."""
    answers = int(answer.max()) + 1
    code = (cell * 2 + swapped) * answers + answer
    times = np.bincount(code, weight, n_cells * 2 * answers).reshape(n_cells, 2, answers)
    shown = times.sum(2)
    agree = [(times * (times - 1)).sum((1, 2)) / 2, (times[:, 0] * times[:, 1]).sum(1)]
    both = [(shown * (shown - 1)).sum(1) / 2, shown[:, 0] * shown[:, 1]]
    return np.array(agree), np.array(both)


def _one_way(value: NDArray, rater: NDArray, cell: NDArray, size: NDArray, within: float) -> float:
    """ICC(1,1) of the cells, their raters' means removed."""
    value = value - (np.bincount(rater, value) / np.maximum(np.bincount(rater), 1))[rater]
    means = np.bincount(cell, value) / size
    freedom = size.size - np.unique(rater).size
    if freedom < 1:
        return float("nan")
    between = float(size @ means**2) / freedom
    typical = (size.sum() - (size**2).sum() / size.sum()) / (size.size - 1)
    variance = (between - within) / typical
    return variance / (variance + within) if variance + within > 0 else float("nan")


def _by_owner(figures: NDArray, owner: NDArray, owners: int) -> NDArray[np.float64]:
    counts = np.bincount(owner, minlength=owners)
    return np.where(counts > 0, np.bincount(owner, figures, owners) / np.maximum(counts, 1), np.nan)


def _nobody(raters: int) -> tuple[NDArray[np.float64], NDArray[np.int_]]:
    """Figures and counts by rater where nothing was repeated."""
    return np.full(raters, np.nan), np.zeros(raters, dtype=int)
