"""Confidence intervals: bootstrap over items (percentile, BCa), stratified; Fisher's z for one correlation."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtr, ndtri

from .correlation import within_reach

UNDEFINED_SHARE = 0.05  # where more of the resamples have no value, an interval would speak of a selected few
EQUAL = 1e-12  # difference, as a share of the largest figure, up to which a replicate equals the figure
LEFT_OUT_BLOCKS = (
    500  # leave-one-out up to this many items; beyond it, that many blocks of items (see `leave_out_counts`)
)


@dataclass(frozen=True)
class Interval:
    """A figure with its confidence interval.

    Parameters
    ----------
    value : float
        The figure on the items as they are.
    low, high : float
        The interval's ends; NaN where it is undefined.
    level : float
        Its nominal coverage.
    method : str
        ``"bca"``, ``"percentile"`` or ``"fisher"``: what was computed in the end; ``"none"`` where no interval was asked for.
    resamples : int
        How many resamples it rests on (0 for Fisher's z).
    undefined : int
        How many of these had no value (a constant side, say) and were left out.
    """

    value: float
    low: float
    high: float
    level: float
    method: str
    resamples: int
    undefined: int

    def as_dict(self) -> dict[str, float | int | str | None]:
        """Plain JSON values; None for a figure without a value.

        Examples
        --------
        >>> Interval(0.5, float("nan"), 0.7, 0.95, "bca", 2000, 0).as_dict()["low"] is None
        True
        """
        return {key: None if value != value else value for key, value in asdict(self).items()}


def resample_counts(
    strata: ArrayLike, resamples: int, seed: int, values_at_a_time: int = 4_000_000
) -> Iterator[NDArray[np.float64]]:
    """Draw bootstrap resamples of items, each stratum keeping its size, a block of resamples at a time.

    Parameters
    ----------
    strata : array_like of int, shape (n,)
        Stratum of each item.
    resamples : int
        How many resamples.
    seed : int
        Seed of the draws; same seed, same resamples.
    values_at_a_time : int
        A block holds at most about this many counts.

    Yields
    ------
    ndarray, shape (block, n)
        How often each item stands in each resample.

    Examples
    --------
    >>> blocks = list(resample_counts([0, 0, 0, 1, 1], resamples=4, seed=0))
    >>> blocks[0][:, :3].sum(axis=1).tolist(), blocks[0][:, 3:].sum(axis=1).tolist()
    ([3.0, 3.0, 3.0, 3.0], [2.0, 2.0, 2.0, 2.0])
    """
    strata = np.asarray(strata)
    members = [np.flatnonzero(strata == stratum) for stratum in np.unique(strata)]
    rng = np.random.default_rng(seed)
    block = max(1, values_at_a_time // strata.size)
    for start in range(0, resamples, block):
        counts = np.empty((min(block, resamples - start), strata.size))
        for items in members:
            counts[:, items] = rng.multinomial(items.size, np.full(items.size, 1 / items.size), size=len(counts))
        yield counts


def leave_out_counts(strata: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Jackknife resamples: each leaves out one item, or one of `LEFT_OUT_BLOCKS` blocks of a stratum where items are many.

    Parameters
    ----------
    strata : array_like of int, shape (n,)
        Stratum of each item.

    Returns
    -------
    counts : ndarray, shape (m, n)
        1 for an item that stays, 0 for one that is left out.
    stratum : ndarray, shape (m,)
        The stratum from which each leaves something out.

    Examples
    --------
    >>> counts, stratum = leave_out_counts([0, 0, 1])
    >>> counts.astype(int).tolist(), stratum.tolist()
    ([[0, 1, 1], [1, 0, 1], [1, 1, 0]], [0, 0, 1])
    """
    parts, owner = leave_out_parts(strata)
    return counts_without(parts, np.asarray(strata).size), owner


def leave_out_parts(strata: ArrayLike) -> tuple[list[NDArray[np.int64]], NDArray[np.int64]]:
    """What each jackknife resample leaves out: one item, or a block of items of one stratum.

    Parameters
    ----------
    strata
        As for `leave_out_counts`.

    Returns
    -------
    parts : list of ndarray of int
        The items that each leaves out.
    stratum : ndarray, shape (m,)
        Their stratum.

    Examples
    --------
    >>> [part.tolist() for part in leave_out_parts([0, 0, 1])[0]]
    [[0], [1], [2]]
    """
    strata = np.asarray(strata)
    parts: list[NDArray[np.int64]] = []
    owner: list[int] = []
    for stratum in np.unique(strata):
        items = np.flatnonzero(strata == stratum)
        share = max(1, round(LEFT_OUT_BLOCKS * items.size / strata.size))
        for part in np.array_split(items, items.size if strata.size <= LEFT_OUT_BLOCKS else min(share, items.size)):
            parts.append(part)
            owner.append(int(stratum))
    return parts, np.asarray(owner)


def counts_without(parts: Sequence[NDArray[np.int64]], n: int) -> NDArray[np.float64]:
    """Counts of n items, 0 in each row for the items of one part and else 1.

    Parameters
    ----------
    parts : sequence of ndarray of int
        As `leave_out_parts` gives them, or some of these.
    n : int
        The number of items.

    Returns
    -------
    ndarray, shape (len(parts), n)

    Examples
    --------
    >>> counts_without([np.array([1])], 3).tolist()
    [[1.0, 0.0, 1.0]]
    """
    counts = np.ones((len(parts), n))
    for row, part in enumerate(parts):
        counts[row, part] = 0.0
    return counts


def bootstrap_interval(
    value: float,
    replicates: ArrayLike,
    *,
    left_out: ArrayLike | None = None,
    left_out_stratum: ArrayLike | None = None,
    level: float = 0.95,
) -> Interval:
    """Interval of a figure from its bootstrap replicates: percentile, or BCa where jackknife values are given.

    Where BCa is not defined (all replicates on one side of the value, or no spread in the jackknife) the percentile interval
    stands, and `method` says so.

    Parameters
    ----------
    value : float
        The figure on the items as they are.
    replicates : array_like, shape (B,)
        The figure on each resample; NaN where it has no value there.
    left_out : array_like, shape (m,), optional
        The figure with each item (or block) left out, for the acceleration; a percentile interval without it.
    left_out_stratum : array_like, shape (m,), optional
        From which stratum each was left out; all from one by default.
    level : float
        Nominal coverage, in (0, 1).

    Returns
    -------
    Interval
        With NaN ends where the value, or more than one in twenty of the replicates, is undefined.

    Raises
    ------
    ValueError
        If the level is not in (0, 1) or there is no replicate.

    References
    ----------
    B. Efron, "Better bootstrap confidence intervals", JASA 82 (1987); for several samples: B. Efron and R. Tibshirani, "An
    Introduction to the Bootstrap" (1993), chapter 14.

    Examples
    --------
    >>> interval = bootstrap_interval(0.5, [0.3, 0.4, 0.5, 0.6, 0.7], level=0.5)
    >>> interval.low, interval.high, interval.method
    (0.4, 0.6, 'percentile')
    """
    if not 0 < level < 1:
        raise ValueError(f"level must lie in (0, 1), got {level}")
    drawn = np.asarray(replicates, dtype=np.float64)
    if drawn.size == 0:
        raise ValueError("there is no replicate to make an interval of")
    defined = drawn[np.isfinite(drawn)]
    missing = int(drawn.size - defined.size)
    if not np.isfinite(value) or missing > UNDEFINED_SHARE * drawn.size:
        return Interval(float(value), float("nan"), float("nan"), level, "percentile", drawn.size, missing)
    tails = np.array([(1 - level) / 2, (1 + level) / 2])
    shifted = None if left_out is None else _bca_tails(value, defined, tails, left_out, left_out_stratum)
    [defined], exponent = within_reach(defined)
    low, high = np.ldexp(np.quantile(defined, tails if shifted is None else shifted), exponent)
    method = "percentile" if shifted is None else "bca"
    return Interval(float(value), float(low), float(high), level, method, drawn.size, missing)


def fisher_interval(correlation: float, n: int, *, level: float = 0.95) -> Interval:
    """Interval of one Pearson correlation of n independent items by Fisher's z.

    Parameters
    ----------
    correlation : float
        PLCC.
    n : int
        Number of items it was made of.
    level : float
        Nominal coverage, in (0, 1).

    Returns
    -------
    Interval
        With NaN ends where n < 4 or the correlation is undefined.

    References
    ----------
    R. A. Fisher, "On the probable error of a coefficient of correlation deduced from a small sample", Metron 1 (1921).

    Examples
    --------
    >>> interval = fisher_interval(0.709, 50)
    >>> round(interval.low, 2), round(interval.high, 2)
    (0.54, 0.82)
    """
    if not 0 < level < 1:
        raise ValueError(f"level must lie in (0, 1), got {level}")
    if n < 4 or not np.isfinite(correlation):
        return Interval(float(correlation), float("nan"), float("nan"), level, "fisher", 0, 0)
    if abs(correlation) == 1.0:
        return Interval(correlation, correlation, correlation, level, "fisher", 0, 0)
    reach = ndtri((1 + level) / 2) / np.sqrt(n - 3)
    low, high = np.tanh(np.arctanh(correlation) + np.array([-reach, reach]))
    return Interval(float(correlation), float(low), float(high), level, "fisher", 0, 0)


def _bca_tails(
    value: float,
    replicates: NDArray[np.float64],
    tails: NDArray[np.float64],
    left_out: ArrayLike,
    left_out_stratum: ArrayLike | None,
) -> NDArray[np.float64] | None:
    """The percentiles that bias correction and acceleration put in place of `tails`; None where they are not defined."""
    # a resample of the same items in another order gives the value up to rounding: equal, and not above or below by chance
    [scaled, at], _ = within_reach(replicates, np.array([value]))
    rounding = EQUAL * max(np.abs(scaled).max(), abs(at[0]))
    under, over = (np.count_nonzero(far > rounding) for far in (at - scaled, scaled - at))
    below = 0.5 + (under - over) / (2 * replicates.size)
    jackknife = np.asarray(left_out, dtype=np.float64)
    if not 0 < below < 1 or not np.isfinite(jackknife).all():
        return None
    [jackknife], _ = within_reach(jackknife)  # the acceleration has no unit
    owner = np.zeros(jackknife.size, dtype=int) if left_out_stratum is None else np.asarray(left_out_stratum)
    cubes = squares = 0.0
    for stratum in np.unique(owner):
        values = jackknife[owner == stratum]
        influence = (values.size - 1) / values.size * (values.mean() - values)
        cubes += float((influence**3).sum())
        squares += float((influence**2).sum())
    if squares == 0.0:
        return None
    acceleration = cubes / (6 * squares**1.5)
    centre = ndtri(below)
    moved = centre + ndtri(tails)
    stretched = 1 - acceleration * moved
    if (stretched <= 0).any():
        return None
    return ndtr(centre + moved / stretched)
