"""Intervals over items: leave out one item (or one of some 200 groups of items) at a time; no random draws."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import t as student

from ..arrays import Floats

MOST_GROUPS = 200  # with more items than this, several are left out together

# name -> onto a scale where the statistic is closer to normal, and back
_TRANSFORMS: dict[str, tuple[Callable, Callable]] = {
    "identity": (lambda x: x, lambda x: x),
    "log": (np.log, np.exp),
    "logit": (lambda x: np.log(x / (1 - x)), lambda x: 1 / (1 + np.exp(-x))),
    "fisher": (np.arctanh, np.tanh),
}
_ENDS = {"log": (0.0, np.inf), "logit": (0.0, 1.0), "fisher": (-1.0, 1.0)}  # where a transform is infinite


@dataclass(frozen=True)
class Estimates:
    """Figures with an interval each; arrays of one shape.

    Attributes
    ----------
    value, low, high : ndarray
        NaN where a figure, or its interval, is not available.
    """

    value: Floats
    low: Floats
    high: Floats


def leave_out(n_items: int) -> NDArray[np.bool_]:
    """Which items stay, in every round of the jackknife.

    Parameters
    ----------
    n_items : int

    Returns
    -------
    ndarray of bool, shape (min(n_items, 200), n_items)
        Each item is left out exactly once.

    Examples
    --------
    >>> leave_out(3)
    array([[False,  True,  True],
           [ True, False,  True],
           [ True,  True, False]])
    """
    groups = min(n_items, MOST_GROUPS)
    return np.arange(n_items) % groups != np.arange(groups)[:, None]


def jackknife_interval(
    value: NDArray, left_out: NDArray, *, transform: str = "identity", level: float = 0.95, edge: float = 1e-6
) -> Estimates:
    """Interval of statistics from their values with an item left out: Student's t on a transformed scale.

    The variance of a statistic T is (G - 1) / G times the sum of squares of its G values around their mean.

    Parameters
    ----------
    value : ndarray, shape (...)
        The statistics with all items.
    left_out : ndarray, shape (G, ...)
        The same with each item, or group of items, left out.
    transform : {"identity", "log", "logit", "fisher"}
        The scale on which the interval is symmetric: log for spreads, logit for shares, Fisher's z for correlations.
    level : float
        Nominal coverage.
    edge : float
        How near to an end of the scale (-1 and 1 of a correlation, 0 and 1 of a share) a statistic is still told from it;
        what lies nearer, or at the end itself, where the transform is infinite, is taken to lie there. For log it is a
        share of the largest value; what is smaller is taken for half of the smallest value that is not.

    Returns
    -------
    Estimates
        Where no item makes any difference, the interval is the value alone.

    Raises
    ------
    ValueError
        If the transform is unknown or the level is not between 0 and 1.

    References
    ----------
    Tukey (1958), Annals of Mathematical Statistics 29, 614. Miller (1974), Biometrika 61, 1-15.

    Examples
    --------
    >>> x = np.array([1.0, 2.0, 4.0, 5.0])
    >>> interval = jackknife_interval(x.mean(), np.array([np.delete(x, i).mean() for i in range(4)]))
    >>> bool(np.isclose(interval.high - interval.value, 3.182446 * x.std(ddof=1) / 2))
    True
    """
    if transform not in _TRANSFORMS:
        raise ValueError(f"transform must be one of {', '.join(_TRANSFORMS)}, not {transform!r}")
    if not 0 < level < 1:
        raise ValueError(f"level must be between 0 and 1, not {level}")
    forth, back = _TRANSFORMS[transform]
    value, left_out = np.asarray(value, dtype=float), np.asarray(left_out, dtype=float)
    groups = left_out.shape[0]
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        moved = forth(_inside(left_out, left_out, value, transform, edge))
        error = np.sqrt((groups - 1) / groups * ((moved - moved.mean(0)) ** 2).sum(0))
        half = student.ppf(0.5 + level / 2, groups - 1) * error
        middle = forth(_inside(value, left_out, value, transform, edge))
        low, high = back(middle - half), back(middle + half)
    same = (left_out == value).all(0)
    return Estimates(value, np.where(same, value, low), np.where(same, value, high))


def _inside(x: NDArray, left_out: NDArray, value: NDArray, transform: str, edge: float) -> NDArray[np.float64]:
    """`x`, kept off the ends of the transform's scale."""
    if transform not in _ENDS:
        return x
    if transform == "log":
        every = np.concatenate([left_out, np.asarray(value)[None]])
        nothing = edge * every.max(0)  # what is left of a zero by rounding
        least = np.where(every > nothing, every, np.inf).min(0) / 2
        return np.where(x > nothing, x, np.where(np.isfinite(least), least, x))
    low, high = _ENDS[transform]
    return np.clip(x, low + edge, high - edge)
