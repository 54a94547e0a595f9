"""Which of several systems are better, and which cannot be told apart: pairwise tests, and ranges of ranks.

Every system is measured on the same paintings. Its leave-one-out values are made once; the difference of two systems then has
the jackknife error of the differences of these values, so what the two share cancels, and a table of many systems costs no
more resampling. All pairs of a table are corrected together: under the null, deviations are drawn by Gaussian multipliers on
the leave-one-out values, the same multipliers for all systems, so that the pairs depend on one another as they do in the data.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtr, ndtri, stdtr, stdtrit

from .left_out_paintings import LeaveOneOut, json_number
from .left_out_paintings import leave_one_out as leave_one_out

ROUNDING = 1e-12  # differences and errors below this share of the values are 0: sums in another order differ by less
_CELLS_AT_A_TIME = 1_000_000  # of a table held at a time: it stays in the processor's cache, or near it
_PAIRS_IN_A_BLOCK, _DRAWS_AT_A_TIME = 64, 1000


@dataclass(frozen=True)
class PairTest:
    """The difference of two systems.

    Parameters
    ----------
    first, second : int
        Which systems, counted from 0.
    difference : float
        Value of the first less value of the second.
    error : float
        Its standard error (jackknife); NaN where none can be made: a figure has no value without some painting, or the
        difference is not 0 but stays the same whichever painting is left out. Nothing is tested then, and z, both p and the
        interval are NaN.
    z : float
        Difference by error; 0 where both are 0.
    p : float
        Two-sided, of this pair alone, by Student's t with `freedom` degrees of freedom.
    p_adjusted : float
        Two-sided, for all pairs of the table together (step-down; the same as `p` where there is one pair).
    low, high : float
        Interval of the difference; all pairs' intervals hold together at the level that was asked for.
    freedom : float
        Degrees of freedom of the error (by Satterthwaite's rule); where infinite (None in JSON), z is taken as normal.
    """

    first: int
    second: int
    difference: float
    error: float
    z: float
    p: float
    p_adjusted: float
    low: float
    high: float
    freedom: float = float("inf")

    def as_dict(self) -> dict[str, float | int | None]:
        """Plain JSON values; None where there is none.

        Examples
        --------
        >>> PairTest(0, 1, 0.1, *[float("nan")] * 6).as_dict()["error"] is None
        True
        """
        return {key: json_number(value) for key, value in asdict(self).items()}


@dataclass(frozen=True)
class Comparison:
    """All pairs of a table of systems.

    Parameters
    ----------
    pairs : tuple of PairTest
        In the order (0, 1), (0, 2), ..., (1, 2), ...
    rank_ranges : tuple of (int, int)
        For each system the lowest and highest rank (1 is best) that it may have. All ranges hold together at the level.
    not_separated_from_first : tuple of bool
        Whether a system may be as good as the one with the highest value, by the same tests as the ranges: a system whose
        range begins with 1 is never separated from the first. (These tests also say which one is better, and so need a little
        more than ``p_adjusted``: a pair may have 0.04 there and not be separated here.)
    level : float
        Of the intervals and ranges.
    draws, seed : int
        Of the null.
    """

    pairs: tuple[PairTest, ...]
    rank_ranges: tuple[tuple[int, int], ...]
    not_separated_from_first: tuple[bool, ...]
    level: float = 0.95
    draws: int = 10_000
    seed: int = 0


def detectable_difference(
    error: float, *, power: float = 0.8, level: float = 0.95, freedom: float = float("inf")
) -> float:
    """The true difference that a two-sided test of one pair finds with this power.

    Parameters
    ----------
    error : float
        Standard error of the difference.
    power : float
        In (0, 1).
    level : float
        1 less the test's level.
    freedom : float
        Degrees of freedom of the error.

    Returns
    -------
    float
        2.80 errors by default.

    Examples
    --------
    >>> round(detectable_difference(1.0), 3)
    2.802
    """
    if not 0 < power < 1 or not 0 < level < 1:
        raise ValueError(f"power and level must lie in (0, 1), got {power} and {level}")
    return float(sum(_from_normal(ndtri([(1 + level) / 2, power]), np.array([freedom] * 2))) * error)


def compare_systems(
    systems: Sequence[LeaveOneOut], *, level: float = 0.95, draws: int = 10_000, seed: int = 0
) -> Comparison:
    """Test all pairs of systems, corrected together, and give every system the range of ranks that it may have.

    Parameters
    ----------
    systems : sequence of LeaveOneOut
        Two or more, on the same paintings; a higher value is better.
    level : float
        Of the intervals and the rank ranges, in (0, 1).
    draws : int
        Of the null; no adjusted p is below 1 / (draws + 1), except where there is one pair only: that one needs no draws.
    seed : int
        Of the draws.

    Returns
    -------
    Comparison
        The same for the same systems and seed.

    Raises
    ------
    ValueError
        If there are fewer than two systems, one has no value, or their left out paintings are not the same.

    References
    ----------
    J. P. Romano and M. Wolf, "Exact and approximate stepdown methods for multiple hypothesis testing", JASA 100 (2005), and
    "Efficient computation of adjusted p-values for resampling-based stepdown multiple testing", Stat. Probab. Lett. 113 (2016).
    M. Mogstad, J. P. Romano, A. M. Shaikh and D. Wilhelm, "Inference for ranks with applications to mobility across
    neighbourhoods and academic achievement across countries", Rev. Econ. Stud. 91 (2024): simultaneous two-sided sets by
    step-down over all ordered pairs.

    Examples
    --------
    >>> from ppaint.eval_suite import leave_one_out
    >>> rng = np.random.default_rng(0)
    >>> truth = rng.normal(size=(90, 1))
    >>> noise = [0.3, 0.3, 2.0]
    >>> groups = ["a"] * 45 + ["b"] * 45
    >>> systems = [leave_one_out(truth + s * rng.normal(size=truth.shape), truth, groups) for s in noise]
    >>> found = compare_systems(systems)
    >>> found.rank_ranges, found.not_separated_from_first
    (((1, 2), (1, 2), (3, 3)), (True, True, False))
    """
    values, influence = influences(systems)
    return compare_values(values, influence, level=level, draws=draws, seed=seed)


@dataclass(frozen=True, eq=False)
class Influence:
    """How far each of many independent parts of the data moves the values of systems.

    Parameters
    ----------
    values : ndarray, shape (S, m)
        The sum of the squares of a row is the variance of that system's value, and of a difference of rows that of the
        difference.
    freedom : float
        Degrees of freedom of such a variance; infinite where there are so many parts that the normal distribution does.
    """

    values: NDArray[np.float64]
    freedom: float = float("inf")


def compare_values(
    values: NDArray[np.float64],
    influence: Sequence[Influence],
    *,
    level: float = 0.95,
    draws: int = 10_000,
    seed: int = 0,
) -> Comparison:
    """`compare_systems` of values whose errors come from several sources, such as paintings and experts.

    Parameters
    ----------
    values : ndarray, shape (S,)
        Of the systems; a higher one is better.
    influence : sequence of Influence
        One for each source, independent of one another. p and intervals are those of Student's t, with the degrees of freedom
        of the sum by Satterthwaite's rule.
    level, draws, seed
        As for `compare_systems`.

    Returns
    -------
    Comparison

    Raises
    ------
    ValueError
        If the level is not in (0, 1).
    """
    if not 0 < level < 1:
        raise ValueError(f"level must lie in (0, 1), got {level}")
    first, second = np.triu_indices(values.size, k=1)
    difference, error, freedom = _differences(values, influence, first, second)
    z = np.zeros_like(difference)
    np.divide(difference, error, out=z, where=error != 0)  # an error of 0 is left for a difference of 0 alone
    as_normal = _as_normal(z, freedom)
    p = 2 * ndtr(-np.abs(as_normal))
    tested = np.flatnonzero(error > 0)
    p_adjusted, p_ordered = p.copy(), p.copy()
    reach = float(ndtri((1 + level) / 2))
    if tested.size > 1:
        everything = np.concatenate([source.values for source in influence], axis=1)
        drawn = np.random.default_rng(seed).standard_normal((draws, everything.shape[1])) @ everything.T
        ends = first[tested], second[tested]
        p_adjusted[tested], p_ordered[tested], largest = _step_down(as_normal[tested], error[tested], ends, drawn)
        place = min(draws, int(np.ceil(level * (draws + 1)))) - 1
        reach = max(reach, float(np.partition(largest, place)[place]))
    half = _from_normal(np.full(error.size, reach), freedom) * error
    columns = (first, second, difference, error, z, p, p_adjusted, difference - half, difference + half, freedom)
    rows = zip(*(each.tolist() for each in columns), strict=True)
    separated = p_ordered <= 1 - level  # false where nothing was tested
    better, worse = (np.where(difference > 0, *ends) for ends in ((first, second), (second, first)))
    above, below = (np.bincount(each[separated], minlength=values.size) for each in (worse, better))
    behind = set(worse[separated & (better == values.argmax())].tolist())
    return Comparison(
        pairs=tuple(PairTest(*row) for row in rows),
        rank_ranges=tuple((int(a) + 1, int(values.size - b)) for a, b in zip(above, below, strict=True)),
        not_separated_from_first=tuple(system not in behind for system in range(values.size)),
        level=level,
        draws=draws,
        seed=seed,
    )


def holm(p: ArrayLike) -> NDArray[np.float64]:
    """Holm's adjusted p values: what a table without a joint null has to use.

    Parameters
    ----------
    p : array_like, shape (k,)

    Returns
    -------
    ndarray, shape (k,)

    References
    ----------
    S. Holm, "A simple sequentially rejective multiple test procedure", Scand. J. Stat. 6 (1979).

    Examples
    --------
    >>> holm([0.01, 0.04, 0.03]).round(12).tolist()
    [0.03, 0.06, 0.06]
    """
    given = np.asarray(p, dtype=np.float64)
    order = np.argsort(given, kind="stable")
    adjusted = np.empty_like(given)
    steps = given[order] * np.arange(given.size, 0, -1)
    adjusted[order] = np.minimum(np.maximum.accumulate(steps), 1.0)
    return adjusted


def influences(systems: Sequence[LeaveOneOut]) -> tuple[NDArray[np.float64], list[Influence]]:
    """Values of systems, and what the paintings of each stratum do to them: the squares sum up to the jackknife variance.

    Parameters
    ----------
    systems : sequence of LeaveOneOut

    Returns
    -------
    values : ndarray, shape (S,)
    influence : list of Influence
        One for each stratum; the degrees of freedom are what is left out there in turn (paintings, or blocks of them), less one.

    Raises
    ------
    ValueError
        As for `compare_systems`.
    """
    if len(systems) < 2:
        raise ValueError(f"a comparison needs two systems or more, got {len(systems)}")
    strata = systems[0].strata
    for place, system in enumerate(systems):
        if not np.isfinite(system.value):
            raise ValueError(f"system {place} (counted from 0) has no value, and cannot be compared")
        if not np.array_equal(system.strata, strata):
            raise ValueError(f"system {place} (counted from 0) was not measured on the same paintings as system 0")
    left_out = np.stack([system.left_out for system in systems])
    found = []
    for stratum in np.unique(strata):
        part = left_out[:, strata == stratum]
        size = part.shape[1]
        moved = np.sqrt((size - 1) / size) * (part.mean(axis=1, keepdims=True) - part)
        found.append(Influence(moved, max(size - 1.0, 1.0)))
    return np.array([system.value for system in systems]), found


def _differences(
    values: NDArray[np.float64],
    influence: Sequence[Influence],
    first: NDArray[np.int64],
    second: NDArray[np.int64],
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Difference, error and degrees of freedom of every pair; no error (NaN) where the left out paintings give none."""
    difference = values[first] - values[second]
    variances = np.empty((len(influence), difference.size))
    for source, variance in zip(influence, variances, strict=True):
        block = max(1, _CELLS_AT_A_TIME // source.values.shape[1])
        for start in range(0, first.size, block):
            part = slice(start, start + block)
            variance[part] = ((source.values[first[part]] - source.values[second[part]]) ** 2).sum(axis=1)
    total = variances.sum(axis=0)
    uncertain = (variances**2 / np.array([[source.freedom] for source in influence])).sum(axis=0)
    freedom = np.full_like(total, np.inf)
    np.divide(total**2, uncertain, out=freedom, where=uncertain > 0)
    error = np.sqrt(total)
    scale = ROUNDING * np.maximum(np.abs(values[first]), np.abs(values[second]))
    difference[np.abs(difference) <= scale] = 0.0
    error[error <= scale] = 0.0
    error[(error == 0) & (difference != 0)] = np.nan
    return difference, error, freedom


def _as_normal(t: NDArray[np.float64], freedom: NDArray[np.float64]) -> NDArray[np.float64]:
    """The normal deviates whose tails are those of Student's t."""
    found = t.copy()
    few = np.isfinite(freedom)
    found[few] = np.sign(t[few]) * -ndtri(stdtr(freedom[few], -np.abs(t[few])))
    return found


def _from_normal(z: NDArray[np.float64], freedom: NDArray[np.float64]) -> NDArray[np.float64]:
    """Student's t whose tails are those of normal deviates."""
    found = z.copy()
    few = np.isfinite(freedom)
    found[few] = np.sign(z[few]) * -stdtrit(freedom[few], ndtr(-np.abs(z[few])))
    return found


def _step_down(
    z: NDArray[np.float64],
    error: NDArray[np.float64],
    ends: tuple[NDArray[np.int64], NDArray[np.int64]],
    drawn: NDArray[np.float64],
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Adjusted p of every pair, of unordered and of ordered pairs, and the largest abs(z) of every draw.

    Pairs stand in the order of abs(z), largest first. A pair is held against the largest abs(z) that the null gives to it and
    to all pairs behind it. Of ordered pairs ("the first is not better than the second", and the reverse of each), those before
    it are left in the null by their reverse, which was not rejected.

    Parameters
    ----------
    z, error : ndarray, shape (K,)
        Of the pairs.
    ends : tuple of ndarray of int, shape (K,)
        The systems of each pair.
    drawn : ndarray, shape (draws, S)
        Deviations of the systems' values under the null.
    """
    order = np.argsort(-np.abs(z), kind="stable")
    turned = z[order] < 0  # so that the better one stands first
    one, other = np.where(turned, ends[1][order], ends[0][order]), np.where(turned, ends[0][order], ends[1][order])
    pairs = _OrderedPairs(np.abs(z[order]), 1 / error[order], one, other)
    draws = len(drawn)
    reached = np.ones((2, z.size))  # the data are one draw of the null, too
    largest = np.empty(draws)
    at_a_time = max(1, min(_DRAWS_AT_A_TIME, _CELLS_AT_A_TIME * _PAIRS_IN_A_BLOCK // z.size))
    for start in range(0, draws, at_a_time):
        part = np.ascontiguousarray(drawn[start : start + at_a_time].T)
        largest[start : start + at_a_time] = pairs.count(part, reached)
    alone = 2 * ndtr(-pairs.size)
    found = []
    for count in reached:
        p = np.empty(z.size)
        p[order] = np.maximum.accumulate(np.maximum(count / (draws + 1), alone))
        found.append(p)
    return found[0], found[1], largest


@dataclass(frozen=True, eq=False)
class _OrderedPairs:
    """Pairs in the order of abs(z), largest first: `size` is abs(z), `scale` 1 / error, and `one` the better of the two."""

    size: NDArray[np.float64]
    scale: NDArray[np.float64]
    one: NDArray[np.int64]
    other: NDArray[np.int64]

    def count(self, drawn: NDArray[np.float64], reached: NDArray[np.float64]) -> NDArray[np.float64]:
        """Add to `reached` how many draws reach each pair (unordered, ordered); gives the largest abs(z) of each draw.

        Most pairs need no closer look: the largest values of the blocks before and behind a block already say that a draw reaches
        all of its pairs, or none.

        Parameters
        ----------
        drawn : ndarray, shape (S, draws)
        reached : ndarray, shape (2, K)
        """
        blocks = [slice(at, at + _PAIRS_IN_A_BLOCK) for at in range(0, self.size.size, _PAIRS_IN_A_BLOCK)]
        most, reverse = np.empty((2, len(blocks), drawn.shape[1]))
        for place, rows in enumerate(blocks):
            null = self._null(drawn, rows)
            np.negative(null.min(axis=0), out=reverse[place])
            np.maximum(null.max(axis=0), reverse[place], out=most[place])
        nothing = np.full((1, drawn.shape[1]), -np.inf)
        from_here_on = np.maximum.accumulate(most[::-1], axis=0)[::-1]
        behind = np.concatenate([from_here_on[1:], nothing])
        before = np.concatenate([nothing, np.maximum.accumulate(reverse, axis=0)[:-1]])
        for place, rows in enumerate(blocks):
            largest_size, smallest_size = self.size[rows][0], self.size[rows][-1]
            both = np.maximum(behind[place], before[place])
            unclear = (behind[place] < largest_size) & (np.maximum(both, most[place]) >= smallest_size)
            reached[0, rows] += np.count_nonzero(~unclear & (behind[place] >= largest_size))
            reached[1, rows] += np.count_nonzero(~unclear & (both >= largest_size))
            if unclear.any():
                bounds = behind[place, unclear], before[place, unclear]
                reached[:, rows] += self._look_closer(drawn[:, unclear], rows, *bounds)
        return from_here_on[0]

    def _null(self, drawn: NDArray[np.float64], rows: slice) -> NDArray[np.float64]:
        """z of some pairs in each draw."""
        null = drawn[self.one[rows]]
        null -= drawn[self.other[rows]]
        null *= self.scale[rows, None]
        return null

    def _look_closer(
        self, drawn: NDArray[np.float64], rows: slice, behind: NDArray[np.float64], before: NDArray[np.float64]
    ) -> NDArray[np.int64]:
        """How many of these draws reach each pair of a block (unordered, ordered), pair by pair."""
        null = self._null(drawn, rows)
        size = self.size[rows, None]
        most = np.concatenate([np.abs(null), behind[None]])
        most = np.maximum.accumulate(most[::-1], axis=0)[:0:-1]
        reverse = np.maximum.accumulate(np.concatenate([before[None], -null[:-1]]), axis=0)
        unordered = np.count_nonzero(most >= size, axis=1)
        return np.stack([unordered, np.count_nonzero(np.maximum(most, reverse) >= size, axis=1)])
