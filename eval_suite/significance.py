"""Which of several systems are better, and which cannot be told apart: pairwise tests, and ranges of ranks.

Every system is measured on the same paintings. Its leave-one-out values are made once; the difference of two systems then has
the jackknife error of the differences of these values, so what the two share cancels, and a table of many systems costs no
more resampling. All pairs of a table are corrected together: under the null, deviations are drawn by Gaussian multipliers on
the leave-one-out values, the same multipliers for all systems, so that the pairs depend on one another as they do in the data.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtr, ndtri

from .srcc_plcc.correlation import STATISTICS
from .srcc_plcc.grouped import GroupedRows
from .srcc_plcc.intervals import leave_out_counts
from .suite import headline_weights, score_rows

HIGHER_IS_BETTER = ("srcc", "plcc", "krcc")
ROUNDING = 1e-12  # differences and errors below this share of the values are 0: sums in another order differ by less
_CELLS_AT_A_TIME = 1_000_000  # of the table pairs x draws: it stays in the processor's cache, or near it


@dataclass(frozen=True, eq=False)
class LeaveOneOut:
    """A figure, and the same figure with each painting left out in turn.

    Parameters
    ----------
    value : float
        The figure on all paintings.
    left_out : ndarray, shape (m,)
        Without one painting each (beyond 500 paintings: without one block each).
    strata : ndarray of int, shape (m,)
        The stratum (category) that each was left out from.
    """

    value: float
    left_out: NDArray[np.float64]
    strata: NDArray[np.int64]

    def as_dict(self) -> dict[str, Any]:
        """Plain JSON values that give back exactly the same numbers; None for a figure without a value.

        Examples
        --------
        >>> LeaveOneOut(0.5, np.array([0.4, np.nan]), np.array([0, 0])).as_dict()
        {'value': 0.5, 'left_out': [0.4, None], 'strata': [0, 0]}
        """
        return {
            "value": _json_number(self.value),
            "left_out": [_json_number(value) for value in self.left_out.tolist()],
            "strata": self.strata.tolist(),
        }

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any]) -> LeaveOneOut:
        """Read what `as_dict` gave.

        Parameters
        ----------
        stored : mapping

        Returns
        -------
        LeaveOneOut

        Raises
        ------
        ValueError
            If a key is missing, a value is no number, or the lengths differ.

        Examples
        --------
        >>> LeaveOneOut.from_dict({"value": 0.5, "left_out": [0.4, 0.6], "strata": [0, 0]}).value
        0.5
        """
        try:
            value = float("nan") if stored["value"] is None else float(stored["value"])
            left_out = np.array([np.nan if each is None else each for each in stored["left_out"]], dtype=np.float64)
            strata = np.array(stored["strata"], dtype=np.int64)
        except (KeyError, TypeError) as error:
            raise ValueError(f"these are no leave-one-out values: {error!r}") from error
        if left_out.ndim != 1 or left_out.shape != strata.shape:
            raise ValueError(f"{left_out.size} values are left out, but {strata.size} strata are named")
        return cls(value, left_out, strata)


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
        Two-sided, of this pair alone.
    p_adjusted : float
        Two-sided, for all pairs of the table together (step-down; the same as `p` where there is one pair).
    low, high : float
        Interval of the difference; all pairs' intervals hold together at the level that was asked for.
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

    def as_dict(self) -> dict[str, float | int | None]:
        """Plain JSON values; None where there is none.

        Examples
        --------
        >>> PairTest(0, 1, 0.1, float("nan"), *[float("nan")] * 5).as_dict()["error"] is None
        True
        """
        return {key: _json_number(value) for key, value in asdict(self).items()}


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


def leave_one_out(
    predictions: ArrayLike, references: ArrayLike, categories: Sequence[str], *, statistic: str = "srcc"
) -> LeaveOneOut:
    """The headline (mean over the dimensions within a category, then over the categories) without each painting in turn.

    Parameters
    ----------
    predictions, references : array_like, shape (n, D)
        Scores; predictions are complete, and a reference is NaN where there is none.
    categories : sequence of str, length n
        Category of each painting.
    statistic : str
        ``"srcc"``, ``"plcc"`` or ``"krcc"``.

    Returns
    -------
    LeaveOneOut

    Raises
    ------
    ValueError
        If shapes do not fit, a prediction is not finite, or the statistic is unknown.

    Examples
    --------
    >>> scores = np.arange(8.0)[:, None]
    >>> found = leave_one_out(-scores, scores, ["a"] * 4 + ["b"] * 4)
    >>> round(found.value, 9), found.left_out.shape, found.strata.tolist()
    (-1.0, (8,), [0, 0, 0, 0, 1, 1, 1, 1])
    """
    rows = rows_to_compare(predictions, references, categories)
    return leave_one_out_of_each(rows, headline_weights(rows), statistic=statistic)[0]


def rows_to_compare(predictions: ArrayLike, references: ArrayLike, categories: Sequence[str]) -> GroupedRows:
    """Scores as grouped rows, as `leave_one_out` lays them out; its parameters and faults."""
    shape = np.shape(references)
    if len(shape) != 2:
        raise ValueError(f"references must have shape (paintings, dimensions), but has shape {shape}")
    rows, _ = score_rows(predictions, references, categories, [str(place) for place in range(shape[1])], absent=True)
    return rows


def leave_one_out_of_each(rows: GroupedRows, weights: ArrayLike, *, statistic: str = "srcc") -> list[LeaveOneOut]:
    """Weighted sums of the groups' statistics, each without every item in turn.

    Parameters
    ----------
    rows : GroupedRows
        As `rows_to_compare` gives them.
    weights : array_like, shape (sums, groups)
        Each row the weights of one sum; a group with weight 0 plays no part in it.
    statistic : str
        As for `leave_one_out`.

    Returns
    -------
    list of LeaveOneOut
        One for each sum.

    Raises
    ------
    ValueError
        If the statistic is unknown.
    """
    if statistic not in HIGHER_IS_BETTER:
        known = ", ".join(HIGHER_IS_BETTER)
        raise ValueError(f"systems cannot be ordered by {statistic!r}; known are {known}")
    counts, strata = leave_out_counts(rows.strata)
    [values] = rows.per_group(STATISTICS[statistic])
    left_out = np.tile(values, (len(counts), 1))
    for stratum in np.unique(strata):  # a group has items of one stratum only: without others it stays as it is
        groups = np.unique(rows.group[rows.strata[rows.item] == stratum])
        changed = np.flatnonzero(strata == stratum)
        for group in groups:
            inside = np.flatnonzero(rows.group == group)
            drawn = counts[np.ix_(changed, rows.item[inside])]
            left_out[changed, group] = STATISTICS[statistic](rows.predictions[inside], rows.references[inside], drawn)
    table = np.asarray(weights, dtype=np.float64)
    return [
        LeaveOneOut(float(values[used] @ row[used]), left_out[:, used] @ row[used], strata)
        for row, used in zip(table, table != 0, strict=True)
    ]


def detectable_difference(error: float, *, power: float = 0.8, level: float = 0.95) -> float:
    """The true difference that a two-sided test of one pair finds with this power.

    Parameters
    ----------
    error : float
        Standard error of the difference.
    power : float
        In (0, 1).
    level : float
        1 less the test's level.

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
    return float((ndtri((1 + level) / 2) + ndtri(power)) * error)


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
    >>> rng = np.random.default_rng(0)
    >>> truth = rng.normal(size=(90, 1))
    >>> noise = [0.3, 0.3, 2.0]
    >>> groups = ["a"] * 45 + ["b"] * 45
    >>> systems = [leave_one_out(truth + s * rng.normal(size=truth.shape), truth, groups) for s in noise]
    >>> found = compare_systems(systems)
    >>> found.rank_ranges, found.not_separated_from_first
    (((1, 2), (1, 2), (3, 3)), (True, True, False))
    """
    if not 0 < level < 1:
        raise ValueError(f"level must lie in (0, 1), got {level}")
    values, influence = _influences(systems)
    first, second = np.triu_indices(values.size, k=1)
    difference, error = _differences(values, influence, first, second)
    z = np.zeros_like(difference)
    np.divide(difference, error, out=z, where=error != 0)  # an error of 0 is left for a difference of 0 alone
    p = 2 * ndtr(-np.abs(z))
    tested = np.flatnonzero(error > 0)
    p_adjusted, p_ordered = p.copy(), p.copy()
    reach = float(ndtri((1 + level) / 2))
    if tested.size > 1:
        rng = np.random.default_rng(seed)
        drawn = rng.standard_normal((draws, influence.shape[1])) @ influence.T
        ends = first[tested], second[tested]
        p_adjusted[tested], p_ordered[tested], largest = _step_down(z[tested], error[tested], ends, drawn)
        place = min(draws, int(np.ceil(level * (draws + 1)))) - 1
        reach = max(reach, float(np.partition(largest, place)[place]))
    low, high = difference - reach * error, difference + reach * error
    rows = zip(
        *(each.tolist() for each in (first, second, difference, error, z, p, p_adjusted, low, high)), strict=True
    )
    separated = p_ordered <= 1 - level  # false where nothing was tested
    better, worse = (np.where(difference > 0, *ends) for ends in ((first, second), (second, first)))
    above, below = (np.bincount(each[separated], minlength=values.size) for each in (worse, better))
    best = int(values.argmax())
    behind = set(worse[separated & (better == best)].tolist())
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


def _influences(systems: Sequence[LeaveOneOut]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Values, shape (S,), and influences, shape (S, m): the sum of their squares is the jackknife variance."""
    if len(systems) < 2:
        raise ValueError(f"a comparison needs two systems or more, got {len(systems)}")
    strata = systems[0].strata
    for place, system in enumerate(systems):
        if not np.isfinite(system.value):
            raise ValueError(f"system {place} (counted from 0) has no value, and cannot be compared")
        if not np.array_equal(system.strata, strata):
            raise ValueError(f"system {place} (counted from 0) was not measured on the same paintings as system 0")
    left_out = np.stack([system.left_out for system in systems])
    influence = np.empty_like(left_out)
    for stratum in np.unique(strata):
        inside = strata == stratum
        part = left_out[:, inside]
        size = part.shape[1]
        influence[:, inside] = np.sqrt((size - 1) / size) * (part.mean(axis=1, keepdims=True) - part)
    return np.array([system.value for system in systems]), influence


def _differences(
    values: NDArray[np.float64], influence: NDArray[np.float64], first: NDArray[np.int64], second: NDArray[np.int64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Difference and error of every pair; no error (NaN) where the left out paintings give none."""
    difference = values[first] - values[second]
    error = np.empty_like(difference)
    block = max(1, _CELLS_AT_A_TIME // influence.shape[1])
    for start in range(0, first.size, block):
        part = slice(start, start + block)
        error[part] = np.sqrt(((influence[first[part]] - influence[second[part]]) ** 2).sum(axis=1))
    scale = ROUNDING * np.maximum(np.abs(values[first]), np.abs(values[second]))
    difference[np.abs(difference) <= scale] = 0.0
    error[error <= scale] = 0.0
    error[(error == 0) & (difference != 0)] = np.nan
    return difference, error


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
    size = np.abs(z[order])[:, None]
    turned = z[order] < 0  # so that the better one stands first
    one, other = np.where(turned, ends[1][order], ends[0][order]), np.where(turned, ends[0][order], ends[1][order])
    scale = 1 / error[order][:, None]
    draws = len(drawn)
    by_system = np.ascontiguousarray(drawn.T)
    reached, reached_ordered = np.ones((2, z.size))  # the data are one draw of the null, too
    largest = np.empty(draws)
    block = max(1, _CELLS_AT_A_TIME // z.size)
    for start in range(0, draws, block):
        part = np.ascontiguousarray(by_system[:, start : start + block])
        null = part[one]
        null -= part[other]
        null *= scale
        behind = np.abs(null)
        np.maximum.accumulate(behind[::-1], axis=0, out=behind[::-1])
        largest[start : start + block] = behind[0]
        reached += (behind >= size).sum(axis=1)
        np.negative(null, out=null)  # the reverse of each pair
        np.maximum.accumulate(null, axis=0, out=null)
        np.maximum(behind[1:], null[:-1], out=behind[1:])
        reached_ordered += (behind >= size).sum(axis=1)
    alone = 2 * ndtr(-size[:, 0])
    found = []
    for count in (reached, reached_ordered):
        p = np.empty(z.size)
        p[order] = np.maximum.accumulate(np.maximum(count / (draws + 1), alone))
        found.append(p)
    return found[0], found[1], largest


def _json_number(value: float | int) -> float | int | None:
    return None if value != value else value
