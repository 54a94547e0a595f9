"""Data so skewed, or with tails so heavy, that bootstrap intervals of some figures hold the truth less often than they say."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import ArrayLike

from .correlation import is_constant, within_reach

# where the coverage of PLCC had clearly fallen in benchmarks/interval_coverage.py; normal values are seldom beyond it
SKEWNESS = 1.5
EXCESS_KURTOSIS = 3.0
TOUCHED = ("plcc", "rmse", "slope")  # ranks have no skewness, and a bias is a plain mean


def shape_of(values: ArrayLike) -> tuple[float, float]:
    """Skewness and excess kurtosis.

    Parameters
    ----------
    values : array_like, shape (n,)
        Finite; n >= 1.

    Returns
    -------
    tuple of float
        Both 0 for a normal distribution, and for values that are constant.

    Examples
    --------
    >>> [round(value, 3) for value in shape_of([0, 0, 0, 0, 5])]
    [1.5, 0.25]
    """
    given = np.asarray(values, dtype=np.float64)
    if is_constant(given):
        return 0.0, 0.0
    [moved], _ = within_reach(given)
    centred = moved - moved.mean()
    centred /= np.abs(centred).max()
    spread = np.mean(centred**2)
    return float(np.mean(centred**3) / spread**1.5), float(np.mean(centred**4) / spread**2 - 3)


def is_skewed(skewness: float, excess_kurtosis: float) -> bool:
    """Whether intervals of `TOUCHED` on such values are not to be trusted.

    Examples
    --------
    >>> is_skewed(0.3, 0.1), is_skewed(-2.0, 1.0), is_skewed(0.1, 7.0)
    (False, True, True)
    """
    return abs(skewness) > SKEWNESS or excess_kurtosis > EXCESS_KURTOSIS


def skew_warnings(
    groups: Iterable[tuple[str, ArrayLike, ArrayLike]], names: Iterable[str], *, called: str = "references"
) -> list[str]:
    """One sentence for all groups in which a side is that skewed.

    Parameters
    ----------
    groups : iterable of (str, array_like, array_like)
        What the group is called (``""`` where there is but one), its predictions and its references.
    names : iterable of str
        The figures that have intervals.
    called : str
        What the references are called.

    Returns
    -------
    list of str
        Empty where no group is, or none of `TOUCHED` was asked for.

    Examples
    --------
    >>> skew_warnings([("", [0] * 9 + [9], range(10))], ["srcc"])
    []
    >>> skew_warnings([("", [0] * 9 + [9], range(10))], ["srcc", "plcc"])[0][:64]
    'intervals of plcc may hold the truth less often than they say: t'
    """
    touched = [name for name in names if name in TOUCHED]
    found = []
    for label, predictions, references in groups if touched else ():
        for side, values in (("predictions", predictions), (called, references)):
            skewness, kurtosis = shape_of(values)
            if is_skewed(skewness, kurtosis):
                of = f" of {label}" if label else ""
                found.append(
                    f"the {side}{of} are skewed or have heavy tails (skewness {skewness:.1f}, excess kurtosis {kurtosis:.1f})"
                )
    if not found:
        return []
    shown = "; ".join(found[:3]) + (f"; and {len(found) - 3} more like these" if len(found) > 3 else "")
    return [
        f"intervals of {', '.join(touched)} may hold the truth less often than they say: {shown}. srcc and krcc are not touched"
    ]
