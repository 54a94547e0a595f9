"""Agreement of predictions and references: SRCC, PLCC, KRCC, RMSE, bias, calibration slope.

Every statistic takes optional ``counts``: row b says how often each value stands in resample b. A bootstrap or a jackknife is
then one call, with the sorting done once; the figures are exactly those of the statistic on the repeated values.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .pair_counts import pair_counts

MINIMUM_ITEMS = 3  # two points always lie on a line: a correlation of fewer than three says nothing
ROUNDING = 16 * np.finfo(np.float64).eps  # values that differ by no more than this share of their size are one value
NEARLY_CONSTANT = 1e-6  # predictions that span less than this share of the references' span have no slope

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

    Parameters, shapes and faults are those of `srcc`. Time grows with n log n, memory with n.

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
    agree, untied_x, untied_y = pair_counts(x, y, weights)
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
    (x, y), exponent = within_reach(x, y)
    return _unwrapped(np.ldexp(np.sqrt(_weighted_mean((x - y) ** 2, weights)), exponent), single)


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
    (x, y), exponent = within_reach(x, y)
    return _unwrapped(np.ldexp(_weighted_mean(x - y, weights), exponent), single)


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
        either side is constant, where the predictions span less than `NEARLY_CONSTANT` of what the references span (a slope of a
        million or more says nothing but that), or where fewer than three items are there.

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
    ([moved_x], exponent_x), ([moved_y], exponent_y) = within_reach(x), within_reach(y)
    dx, dy = _deviations(moved_x, weights), _deviations(moved_y, weights)
    with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
        slope = (weights * dx * dy).sum(axis=1) / (weights * dx * dx).sum(axis=1)
        slope = np.ldexp(slope, exponent_y - exponent_x)
        span_x, span_y = (np.subtract(*_range(values, weights > 0)[::-1]) for values in (x, y))
    return _result(np.where(span_x < NEARLY_CONSTANT * span_y, np.nan, slope), x, y, weights, single)


def is_constant(values: ArrayLike) -> bool:
    """Whether values are all the same, up to the rounding of float64.

    Parameters
    ----------
    values : array_like, shape (n,)
        At least one, finite.

    Returns
    -------
    bool
        Where it is true, no correlation with these values is given.

    Examples
    --------
    >>> is_constant([0.3, 0.1 + 0.2]), is_constant([1e9, 1e9 + 1])
    (True, False)
    """
    given = np.asarray(values, dtype=np.float64)
    return not _differs(given.min(), given.max())


def is_nearly_constant(predictions: ArrayLike, references: ArrayLike) -> bool:
    """Whether predictions differ so little, beside the references, that their slope is not given.

    Parameters
    ----------
    predictions, references : array_like, shape (n,)
        At least one of each, finite.

    Returns
    -------
    bool

    Examples
    --------
    >>> is_nearly_constant([5, 5 + 1e-9], [2, 8]), is_nearly_constant([5, 5.001], [2, 8])
    (True, False)
    """
    with np.errstate(over="ignore"):
        return bool(np.ptp(np.asarray(predictions, float)) < NEARLY_CONSTANT * np.ptp(np.asarray(references, float)))


def within_reach(*values: NDArray[np.float64]) -> tuple[list[NDArray[np.float64]], int]:
    """Values divided by one power of two where their squares or cubes would overflow or vanish; else as they are.

    Parameters
    ----------
    *values : ndarray, shape (n,)
        Finite.

    Returns
    -------
    values : list of ndarray
        The quotients. A power of two changes no digit.
    exponent : int
        The exponent of that power; 0 where nothing was divided.

    Examples
    --------
    >>> [moved], exponent = within_reach(np.array([3e300, -1e300]))
    >>> exponent, np.ldexp(moved, exponent).tolist()
    (999, [3e+300, -1e+300])
    """
    exponent = int(np.frexp(max(np.abs(each).max() for each in values))[1])
    if abs(exponent) <= 300:
        return list(values), 0
    return [np.ldexp(each, -exponent) for each in values], exponent


# the statistics that a bootstrap is made of, by their names in results
STATISTICS: dict[str, Statistic] = {
    "srcc": srcc,
    "plcc": plcc,
    "krcc": krcc,
    "rmse": rmse,
    "bias": bias,
    "slope": calibration_slope,
}
FIGURES = (*STATISTICS, "plcc_logistic")  # the last one has no interval: the curve would be fitted in every resample


def chosen_figures(names: Iterable[str] | None) -> tuple[str, ...]:
    """Check a choice of figures.

    Parameters
    ----------
    names : iterable of str or None
        Names of `FIGURES`; None for all.

    Returns
    -------
    tuple of str
        Each once, in the order given.

    Raises
    ------
    ValueError
        If a name is unknown, there is none, or one name is given that is not in a list.

    Examples
    --------
    >>> chosen_figures(["srcc", "plcc"])
    ('srcc', 'plcc')
    >>> chosen_figures(["spearman"])
    Traceback (most recent call last):
    ...
    ValueError: unknown statistic 'spearman'; known are srcc, plcc, krcc, rmse, bias, slope, plcc_logistic
    """
    if names is None:
        return FIGURES
    if isinstance(names, str) or not isinstance(names, Iterable):
        given = names if isinstance(names, str) else FIGURES[0]
        raise ValueError(f"statistics must be a list of names, such as [{given!r}]")
    chosen = tuple(dict.fromkeys(names))
    unknown = [name for name in chosen if name not in FIGURES]
    if unknown:
        raise ValueError(f"unknown statistic {unknown[0]!r}; known are {', '.join(FIGURES)}")
    if not chosen:
        raise ValueError(f"statistics names no figure; known are {', '.join(FIGURES)}")
    return chosen


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

    Constant is decided on the values, not on a variance: rounding makes the variance of equal values a little more than 0, and
    values that differ by rounding alone (0.3 and 0.1 + 0.2) would have an order.
    """
    undefined = weights.sum(axis=1) < MINIMUM_ITEMS
    present = weights > 0
    for values in (x, y):
        lowest, highest = _range(values, present)
        undefined |= ~_differs(lowest, highest)
    return _unwrapped(np.where(undefined, np.nan, statistic), single)


def _range(values: NDArray[np.float64], present: NDArray[np.bool]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The lowest and the highest value that each resample holds; of an empty one, any two."""
    order = np.argsort(values)
    drawn = present[:, order]  # the first and the last that is there; truth values are quicker to reorder than numbers
    return values[order[drawn.argmax(axis=1)]], values[order[::-1][drawn[:, ::-1].argmax(axis=1)]]


def _differs(lowest: ArrayLike, highest: ArrayLike) -> NDArray[np.bool]:
    """Whether the ends of a range differ by more than rounding."""
    low, high = np.asarray(lowest), np.asarray(highest)
    with np.errstate(over="ignore"):
        return high - low > ROUNDING * np.maximum(np.abs(low), np.abs(high))


def _unwrapped(values: NDArray[np.float64], single: bool) -> float | NDArray[np.float64]:
    return float(values[0]) if single else values
