"""How much of the ratings' variance is the items', the raters', and their interaction's."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from ..ratings.ratings import Ratings


@dataclass(frozen=True)
class VarianceComponents:
    """Variances of x_ij = level + item_i + rater_j + (item x rater)_ij + noise, in squared rating units.

    They are unbiased estimates, not bounded by 0: one below it says that the true one is small.

    Attributes
    ----------
    item, rater : float
    item_by_rater : float
        Taste: what a rater sees in an item beyond both. Where nothing was rated twice it cannot be separated from noise, and
        holds both.
    noise : float
        Between repeated ratings of one item by one rater; NaN where nothing was rated twice.
    n_items, n_raters, n_ratings : int
        What was rated, by whom, how often; items without a rating are not counted.
    repeated : int
        Ratings beyond the first of the same rater on the same item.
    complete : bool
        Whether every rater rated every item equally often; then these are the estimates of the analysis of variance.
    """

    item: float
    rater: float
    item_by_rater: float
    noise: float
    n_items: int
    n_raters: int
    n_ratings: int
    repeated: int
    complete: bool

    @property
    def within(self) -> float:
        """Variance of one rating around its item and rater: item x rater and noise together."""
        return self.item_by_rater + (0.0 if np.isnan(self.noise) else self.noise)

    @property
    def total(self) -> float:
        """Variance of one rating by a rater drawn at random of an item drawn at random."""
        return self.item + self.rater + self.within


def variance_components(ratings: Ratings) -> VarianceComponents:
    """Estimate the variance components of a two-way random-effects layout, complete or not.

    Henderson's third method: the reductions in the sum of squares from fitting items after raters, raters after items,
    and cells after both are set equal to their expectations. No normality is assumed. With a complete table these are the
    estimates of the analysis of variance (and of REML where none is negative); with missing or repeated ratings they
    stay unbiased.

    Parameters
    ----------
    ratings : Ratings
        At least two items and two raters.

    Returns
    -------
    VarianceComponents

    Raises
    ------
    ValueError
        With fewer than two items or raters, if items and raters fall into parts that share no rating, or if there are too
        few ratings to tell the components apart.

    References
    ----------
    Henderson (1953), Biometrics 9, 226-252. Searle, Casella and McCulloch (1992), Variance Components, chapter 5.

    Examples
    --------
    >>> table = np.array([[9, 6, 8, 7, 10, 6], [2, 1, 4, 1, 5, 2], [5, 3, 6, 2, 6, 4], [8, 2, 8, 6, 9, 7]])
    >>> rater, item = np.indices(table.shape)
    >>> found = variance_components(Ratings.from_arrays(item.ravel(), rater.ravel(), table.ravel()))
    >>> round(found.item, 3), round(found.rater, 3), round(found.item_by_rater, 3)
    (2.556, 5.244, 1.019)
    """
    rater, item, counts = _occurring(ratings)
    j, n = counts.shape
    _check(ratings, counts)
    cells = (counts > 0).sum()
    x = ratings.value - ratings.value.mean()
    by_rater, by_item = counts.sum(1), counts.sum(0)
    cell = rater * n + item
    rater_means, item_means = np.bincount(rater, x, j) / by_rater, np.bincount(item, x, n) / by_item
    cell_counts = counts.ravel()
    cell_means = np.bincount(cell, x, j * n) / np.maximum(cell_counts, 1)
    fitted, leverage = _additive_fit(counts, cell_means.reshape(j, n))
    squares = float(x @ x)
    left_of_cells = squares - cell_counts @ cell_means**2
    left_of_raters, left_of_items = squares - by_rater @ rater_means**2, squares - by_item @ item_means**2
    left_of_both = float(((x - fitted[rater, item]) ** 2).sum())
    size, repeats = len(x), len(x) - int(cells)
    freedom = size - (n + j - 1)
    # what a cell effect of variance 1 adds to what each fit leaves over
    cell_in_both = size - (counts**2 * leverage).sum()
    cell_in_raters = size - (counts**2 / by_rater[:, None]).sum()
    cell_in_items = size - (counts**2 / by_item).sum()
    if repeats:
        noise = left_of_cells / repeats
        taste = (left_of_both - freedom * noise) / cell_in_both
    else:
        noise, taste = 0.0, left_of_both / freedom
    # with one rating per cell, cell effects and noise add to every remainder alike
    item_part = left_of_raters - left_of_both - (n - 1) * noise - (cell_in_raters - cell_in_both) * taste
    rater_part = left_of_items - left_of_both - (j - 1) * noise - (cell_in_items - cell_in_both) * taste
    return VarianceComponents(
        item=float(item_part / cell_in_raters),
        rater=float(rater_part / cell_in_items),
        item_by_rater=float(taste),
        noise=float(noise) if repeats else float("nan"),
        n_items=n,
        n_raters=j,
        n_ratings=size,
        repeated=repeats,
        complete=bool((counts == counts[0, 0]).all()),
    )


def _occurring(ratings: Ratings) -> tuple[NDArray, NDArray, NDArray]:
    """Positions of raters and items among those with any rating, and how many ratings each cell holds, (J, n)."""
    rater = np.unique(ratings.rater, return_inverse=True)[1].reshape(-1)
    item = np.unique(ratings.item, return_inverse=True)[1].reshape(-1)
    counts = ratings.counts()
    return rater, item, counts[np.ix_(counts.any(1), counts.any(0))].astype(float)


def _check(ratings: Ratings, counts: NDArray) -> None:
    j, n = counts.shape
    if min(j, n) < 2:
        raise ValueError(f"variance components need at least two raters and two items, got {j} and {n}")
    rows, columns = np.nonzero(counts)
    graph = coo_array((np.ones(rows.size), (rows, j + columns)), shape=(j + n, j + n))
    parts, label = connected_components(graph, directed=False)
    if parts > 1:
        rated = np.unique(ratings.rater)
        apart = [ratings.raters[k] for k, own in zip(rated, label[:j], strict=True) if own != label[0]]
        raise ValueError(
            f"raters and items fall into {parts} parts without a common rating: rater {apart[0]!r} shares no item, "
            f"directly or over others, with rater {ratings.raters[rated[0]]!r}"
        )
    if (counts > 0).sum() <= n + j - 1:
        raise ValueError(
            f"{int((counts > 0).sum())} rated cells are too few to separate {n} items, {j} raters and the rest: more "
            f"than {n + j - 1} are needed"
        )


def _additive_fit(counts: NDArray, means: NDArray) -> tuple[NDArray, NDArray]:
    """Least-squares fit of item + rater to the cells, and the variance of each cell's fit (per unit of noise), (J, n)."""
    by_rater, by_item = counts.sum(1), counts.sum(0)
    # items are eliminated, the last rater is the reference, so the system is as small as the panel
    weight = counts / by_item
    reduced = np.diag(by_rater) - counts @ weight.T
    inverse = np.zeros_like(reduced)
    inverse[:-1, :-1] = np.linalg.inv(reduced[:-1, :-1])
    item_means = (weight * means).sum(0)
    raters = inverse @ ((counts * means).sum(1) - counts @ item_means)
    fitted = raters[:, None] + item_means - raters @ weight
    turned = inverse @ weight  # (J, n): covariance of the rater effects with the items' mean rater effect
    leverage = np.diag(inverse)[:, None] - 2 * turned + (weight * turned).sum(0) + 1 / by_item
    return fitted, leverage
