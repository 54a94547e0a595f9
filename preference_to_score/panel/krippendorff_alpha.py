"""Krippendorff's alpha: agreement of any number of raters, with missing ratings, for ratings of any level."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..ratings.ratings import Ratings

METRICS = ("nominal", "ordinal", "interval")


def krippendorffs_alpha(ratings: Ratings, *, metric: str = "ordinal") -> float:
    """Krippendorff's alpha, 1 - observed / expected disagreement.

    Disagreement is the mean of d(v, w) over pairs of ratings: of one item, each pair with weight 1 / (m - 1) for an item
    of m ratings (observed); of any two items (expected). For the interval level d = (v - w)^2; for the ordinal the square
    of how many ratings lie between v and w, their own values counted half; for the nominal 0 or 1.

    Parameters
    ----------
    ratings : Ratings
        Any may be missing. Items with a single rating are left out, as the definition has it. Repeats by the same rater
        are averaged first.
    metric : {"ordinal", "interval", "nominal"}
        What differences of ratings mean.

    Returns
    -------
    float
        1 is full agreement, 0 what chance gives.

    Raises
    ------
    ValueError
        If the metric is unknown, no item was rated twice, or all these ratings are equal.

    References
    ----------
    Krippendorff (2011), Computing Krippendorff's alpha-reliability, University of Pennsylvania.

    Examples
    --------
    The data and figures of Krippendorff (2011), four observers and twelve units, 0 where one is missing:

    >>> table = np.array([[1, 2, 3, 3, 2, 1, 4, 1, 2, 0, 0, 0], [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, 0, 3],
    ...                   [0, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, 0], [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, 0]])
    >>> rater, item = np.nonzero(table)
    >>> marks = Ratings.from_arrays(item, rater, table[rater, item])
    >>> [round(krippendorffs_alpha(marks, metric=metric), 3) for metric in ("nominal", "ordinal", "interval")]
    [0.743, 0.815, 0.849]
    """
    if metric not in METRICS:
        raise ValueError(f"metric must be one of {', '.join(METRICS)}, not {metric!r}")
    table = ratings.table()
    table = table[:, (~np.isnan(table)).sum(0) > 1]
    there = ~np.isnan(table)
    if not there.any():
        raise ValueError("no item was rated by two raters: there is nothing to agree on")
    values, place = np.unique(table[there].round(9), return_inverse=True)
    if values.size == 1:
        raise ValueError(f"every rating is {values[0]:g}: alpha is not defined without variation")
    item = np.nonzero(there)[1]
    votes = np.zeros((table.shape[1], values.size))
    np.add.at(votes, (item, place), 1)
    raters = votes.sum(1)
    coincidences = (votes / (raters - 1)[:, None]).T @ votes - np.diag((votes / (raters - 1)[:, None]).sum(0))
    total = coincidences.sum(1)
    chance = (np.outer(total, total) - np.diag(total)) / (total.sum() - 1)
    distance = _distances(values, total, metric)
    return float(1 - (coincidences * distance).sum() / (chance * distance).sum())


def _distances(values: NDArray, total: NDArray, metric: str) -> NDArray[np.float64]:
    """Squared differences of all values, (V, V)."""
    if metric == "nominal":
        return 1 - np.eye(values.size)
    along = values if metric == "interval" else np.cumsum(total) - total / 2
    return (along[:, None] - along) ** 2
