"""Agreement of predictions and references: SRCC, PLCC, KRCC, RMSE, bias, calibration slope.

Every statistic takes optional ``counts``: row b says how often each value stands in resample b. A bootstrap or a jackknife is
then one call, with the sorting done once; the figures are exactly those of the statistic on the repeated values.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike, NDArray

MINIMUM_ITEMS = 3  # two points always lie on a line: a correlation of fewer than three says nothing

Statistic = Callable[..., "float | NDArray[np.float64]"]


def checked_values(predictions: ArrayLike, references: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Predictions and references as float64 vectors of one length, without a NaN or an infinity.

    Parameters
    ----------
    predictions, references : array_like, shape (n,)
        The values, n >= 1.

    Returns
    -------
    tuple of ndarray, shape (n,)
        Both as float64.

    Raises
    ------
    ValueError
        If a shape is not (n,), the lengths differ, there is no value, or a value is not finite (its positions are named).

    Examples
    --------
    >>> checked_values([1, 2, float("nan")], [1, 2, 3])
    Traceback (most recent call last):
    ...
    ValueError: predictions holds values that are not finite at position 2 (counted from 0)
    """
    pair = []
    for name, given in (("predictions", predictions), ("references", references)):
        values = np.asarray(given, dtype=np.float64)
        if values.ndim != 1:
            raise ValueError(f"{name} must be one-dimensional, but has shape {values.shape}")
        bad = np.flatnonzero(~np.isfinite(values))
        if bad.size:
            shown = ", ".join(map(str, bad[:10])) + (f" and {bad.size - 10} more" if bad.size > 10 else "")
            plural = "s" if bad.size > 1 else ""
            raise ValueError(f"{name} holds values that are not finite at position{plural} {shown} (counted from 0)")
        pair.append(values)
    if pair[0].size != pair[1].size:
        raise ValueError(f"{pair[0].size} predictions but {pair[1].size} references: one of each is needed for an item")
    if pair[0].size == 0:
        raise ValueError("there are no predictions")
    return pair[0], pair[1]


def srcc(predictions: ArrayLike, references: ArrayLike, counts: ArrayLike | None = None) -> float | NDArray[np.float64]:
    """Spearman's rank correlation; ties share their mean rank.

    Parameters
    ----------
    predictions, references : array_like, shape (n,)
        Finite values.
    counts : array_like, shape (B, n), optional
        How often each item stands in each of B resamples; by default each once.

    Returns
    -------
    float or ndarray, shape (B,)
        The correlation; NaN where either side is constant or fewer than three items are there.

    Raises
    ------
    ValueError
        As `checked_values`.

    References
    ----------
    C. Spearman, "The proof and measurement of association between two things", Am. J. Psychol. 15 (1904).

    Examples
    --------
    >>> round(srcc([1, 2, 3, 4], [1, 3, 2, 4]), 3)
    0.8
    >>> srcc([5, 5, 5, 5], [1, 3, 2, 4])
    nan
    """
    x, y, weights, single = _prepared(predictions, references, counts)
    return _result(_weighted_pearson(_mid_ranks(x, weights), _mid_ranks(y, weights), weights), x, y, weights, single)


def plcc(predictions: ArrayLike, references: ArrayLike, counts: ArrayLike | None = None) -> float | NDArray[np.float64]:
    """Pearson's linear correlation, of the values as they are.

    Parameters, shapes and faults are those of `srcc`.

    Returns
    -------
    float or ndarray
        The correlation; NaN where either side is constant or fewer than three items are there.

    Examples
    --------
    >>> round(plcc([1, 2, 3, 4], [2, 4, 6, 9]), 4)
    0.9944
    """
    x, y, weights, single = _prepared(predictions, references, counts)
    return _result(_weighted_pearson(_unit_scale(x), _unit_scale(y), weights), x, y, weights, single)


def krcc(predictions: ArrayLike, references: ArrayLike, counts: ArrayLike | None = None) -> float | NDArray[np.float64]:
    """Kendall's rank correlation, tau-b (corrected for ties).

    Parameters, shapes and faults are those of `srcc`. The memory needed grows with n squared.

    Returns
    -------
    float or ndarray
        The correlation; NaN where either side is constant or fewer than three items are there.

    References
    ----------
    M. G. Kendall, "The treatment of ties in ranking problems", Biometrika 33 (1945).

    Examples
    --------
    >>> round(krcc([1, 2, 3, 4], [1, 3, 2, 4]), 4)
    0.6667
    """
    x, y, weights, single = _prepared(predictions, references, counts)
    agree, untied_x, untied_y = np.zeros((3, len(weights)))
    block = max(1, 4_000_000 // x.size)  # rows of the n x n table of pairs that are held at a time
    for start in range(0, x.size, block):
        rows = slice(start, start + block)
        sign_x = np.sign(x[rows, None] - x[None, :])
        sign_y = np.sign(y[rows, None] - y[None, :])
        for total, table in ((agree, sign_x * sign_y), (untied_x, sign_x**2), (untied_y, sign_y**2)):
            total += np.einsum("bi,bi->b", weights[:, rows], weights @ table.T)
    with np.errstate(invalid="ignore", divide="ignore"):
        tau = np.clip(agree / (np.sqrt(untied_x) * np.sqrt(untied_y)), -1.0, 1.0)
    return _result(tau, x, y, weights, single)


def rmse(predictions: ArrayLike, references: ArrayLike, counts: ArrayLike | None = None) -> float | NDArray[np.float64]:
    """Root mean squared error, in the unit of the scores, with no fitting at all.

    Parameters, shapes and faults are those of `srcc`.

    Returns
    -------
    float or ndarray
        The error.

    Examples
    --------
    >>> rmse([1, 2], [1, 4]) == 2**0.5
    True
    """
    x, y, weights, single = _prepared(predictions, references, counts)
    return _unwrapped(np.sqrt(_weighted_mean((x - y) ** 2, weights)), single)


def bias(predictions: ArrayLike, references: ArrayLike, counts: ArrayLike | None = None) -> float | NDArray[np.float64]:
    """Mean of prediction minus reference, in the unit of the scores.

    Parameters, shapes and faults are those of `srcc`.

    Returns
    -------
    float or ndarray
        The bias; positive where the predictions are too high.

    Examples
    --------
    >>> bias([1, 2, 3], [2, 3, 4])
    -1.0
    """
    x, y, weights, single = _prepared(predictions, references, counts)
    return _unwrapped(_weighted_mean(x - y, weights), single)


def calibration_slope(
    predictions: ArrayLike, references: ArrayLike, counts: ArrayLike | None = None
) -> float | NDArray[np.float64]:
    """Slope of the least squares line of the references on the predictions.

    Parameters
    ----------
    predictions, references, counts
        As `srcc`.

    Returns
    -------
    float or ndarray, shape (B,)
        1 where predictions are calibrated, below 1 where they are spread too far, above 1 where they are squeezed; NaN where
        either side is constant or fewer than three items are there.

    Raises
    ------
    ValueError
        As `checked_values`.

    Examples
    --------
    >>> round(calibration_slope([1, 2, 3], [2, 4, 6]), 6)
    2.0
    """
    x, y, weights, single = _prepared(predictions, references, counts)
    dx, dy = _deviations(x, weights), _deviations(y, weights)
    with np.errstate(invalid="ignore", divide="ignore"):
        slope = (weights * dx * dy).sum(axis=1) / (weights * dx * dx).sum(axis=1)
    return _result(slope, x, y, weights, single)


# the statistics that a bootstrap is made of, by their names in results
STATISTICS: dict[str, Statistic] = {
    "srcc": srcc,
    "plcc": plcc,
    "krcc": krcc,
    "rmse": rmse,
    "bias": bias,
    "slope": calibration_slope,
}


def _prepared(
    predictions: ArrayLike, references: ArrayLike, counts: ArrayLike | None
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64], bool]:
    """The two checked vectors, the counts (one row of ones by default), and whether there was but one row."""
    x, y = checked_values(predictions, references)
    if counts is None:
        return x, y, np.ones((1, x.size)), True
    weights = np.asarray(counts, dtype=np.float64)
    if weights.ndim != 2 or weights.shape[1] != x.size:
        raise ValueError(f"counts must have shape (resamples, {x.size}), but has shape {weights.shape}")
    return x, y, weights, False


def _mid_ranks(values: NDArray[np.float64], weights: NDArray[np.float64]) -> NDArray[np.float64]:
    """The mean rank (from 1) of each value among the repeated values, shape (B, n); any number for a count of 0."""
    distinct, place = np.unique(values, return_inverse=True)
    if distinct.size == values.size:
        tied = np.empty_like(weights)
        tied[:, place] = weights
    else:
        order = np.argsort(place, kind="stable")
        starts = np.searchsorted(place[order], np.arange(distinct.size))
        tied = np.add.reduceat(weights[:, order], starts, axis=1)
    upto = np.cumsum(tied, axis=1)
    return (upto - (tied - 1) / 2)[:, place]


def _weighted_mean(values: NDArray[np.float64], weights: NDArray[np.float64]) -> NDArray[np.float64]:
    """Mean of each resample; `values` of shape (n,) or (B, n)."""
    with np.errstate(invalid="ignore"):
        return (weights * values).sum(axis=1) / weights.sum(axis=1)


def _deviations(values: NDArray[np.float64], weights: NDArray[np.float64]) -> NDArray[np.float64]:
    """Values less the mean of their resample, shape (B, n)."""
    return values - _weighted_mean(values, weights)[:, None]


def _weighted_pearson(
    x: NDArray[np.float64], y: NDArray[np.float64], weights: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Pearson's correlation of each resample; `x`, `y` of shape (n,) or (B, n)."""
    dx, dy = _deviations(x, weights), _deviations(y, weights)
    spread = np.sqrt((weights * dx * dx).sum(axis=1)) * np.sqrt((weights * dy * dy).sum(axis=1))
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.clip((weights * dx * dy).sum(axis=1) / spread, -1.0, 1.0)


def _unit_scale(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Values moved and stretched to about 1, so that huge or tiny ones neither overflow nor vanish when squared."""
    low, high = values.min(), values.max()
    centre = low / 2 + high / 2
    reach = max(high - centre, centre - low)
    return (values - centre) / reach if reach > 0 else np.zeros_like(values)


def _result(
    statistic: NDArray[np.float64],
    x: NDArray[np.float64],
    y: NDArray[np.float64],
    weights: NDArray[np.float64],
    single: bool,
) -> float | NDArray[np.float64]:
    """The statistic, with NaN where a correlation has no meaning.

    Constant is decided on the values, not on a variance: rounding makes the variance of equal values a little more than 0.
    """
    undefined = weights.sum(axis=1) < MINIMUM_ITEMS
    present = weights > 0
    for values in (x, y):
        highest = np.where(present, values, -np.inf).max(axis=1)
        lowest = np.where(present, values, np.inf).min(axis=1)
        undefined |= ~(highest > lowest)
    return _unwrapped(np.where(undefined, np.nan, statistic), single)


def _unwrapped(values: NDArray[np.float64], single: bool) -> float | NDArray[np.float64]:
    return float(values[0]) if single else values
