"""Rows of predictions in groups, and the statistics of each group with intervals from resampled items.

A group is what a statistic is made within (a category, or one dimension of a category); an item is what is drawn (a painting):
all rows of an item are drawn together. Items whose groups hang together form a stratum, and each stratum keeps its size.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from .correlation import Statistic, checked_values
from .intervals import Interval, bootstrap_interval, counts_without, leave_out_parts, resample_counts
from .pair_counts import VALUES_AT_A_TIME


@dataclass(frozen=True)
class GroupedRows:
    """Predictions and references, row by row, with the group and the item of each.

    Parameters
    ----------
    predictions, references : ndarray, shape (n,)
        Finite values.
    group : ndarray of int, shape (n,)
        Index into `groups`.
    item : ndarray of int, shape (n,)
        Index of the item.
    groups : tuple
        The groups' labels, in the order in which they first appear.
    strata : ndarray of int, shape (items,)
        Stratum of each item.
    """

    predictions: NDArray[np.float64]
    references: NDArray[np.float64]
    group: NDArray[np.int64]
    item: NDArray[np.int64]
    groups: tuple[Hashable, ...]
    strata: NDArray[np.int64]

    def of_group(self, group: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """The predictions and the references of one group.

        Parameters
        ----------
        group : int
            Index into `groups`.

        Returns
        -------
        tuple of ndarray
        """
        inside = self.group == group
        return self.predictions[inside], self.references[inside]

    def per_group(self, statistic: Statistic, counts: NDArray[np.float64] | None = None) -> NDArray[np.float64]:
        """The statistic of every group.

        Parameters
        ----------
        statistic : callable
            One of `correlation.STATISTICS`.
        counts : ndarray, shape (B, items), optional
            How often each item stands in each resample; by default each once.

        Returns
        -------
        ndarray, shape (B, groups) (B = 1 by default)
            The statistic; NaN where a group has none.
        """
        return self.per_group_each({"": statistic}, counts)[""]

    def per_group_each(
        self, statistics: Mapping[str, Statistic], counts: NDArray[np.float64] | None = None
    ) -> dict[str, NDArray[np.float64]]:
        """Several statistics of every group, on the same resamples.

        Parameters
        ----------
        statistics : mapping of str to callable
            Name -> one of `correlation.STATISTICS`.
        counts : ndarray, shape (B, items), optional
            As for `per_group`.

        Returns
        -------
        dict of str to ndarray, shape (B, groups)
        """
        columns: dict[str, list[NDArray[np.float64]]] = {name: [] for name in statistics}
        for group in range(len(self.groups)):
            rows = np.flatnonzero(self.group == group)
            drawn = np.ones((1, rows.size)) if counts is None else counts[:, self.item[rows]]
            for name, statistic in statistics.items():
                columns[name].append(statistic(self.predictions[rows], self.references[rows], drawn))
        return {name: np.stack(values, axis=1) for name, values in columns.items()}


def group_rows(
    predictions: ArrayLike,
    references: ArrayLike,
    groups: Sequence[Hashable] | None = None,
    items: Sequence[Hashable] | None = None,
) -> GroupedRows:
    """Check rows of predictions and lay them out by group and item.

    Parameters
    ----------
    predictions, references : array_like, shape (n,)
        Finite values.
    groups : sequence of hashable, length n, optional
        Group of each row; all in one by default.
    items : sequence of hashable, length n, optional
        Item of each row; each row an item of its own by default.

    Returns
    -------
    GroupedRows
        The rows.

    Raises
    ------
    ValueError
        If a length differs, a label is missing (None), or as `checked_values`.

    Examples
    --------
    >>> rows = group_rows([1, 2, 3, 4], [1, 2, 3, 4], groups=["p", "p", "q", "q"], items=["a", "b", "a", "b"])
    >>> rows.groups, rows.item.tolist(), rows.strata.tolist()
    (('p', 'q'), [0, 1, 0, 1], [0, 0])
    """
    x, y = checked_values(predictions, references)
    group, group_labels = _indices("groups", ["all"] * x.size if groups is None else groups, x.size)
    item, item_labels = _indices("items", list(range(x.size)) if items is None else items, x.size)
    size = len(group_labels) + len(item_labels)
    links = coo_array((np.ones(x.size), (group, item + len(group_labels))), shape=(size, size))
    _, component = connected_components(links, directed=False)
    _, strata = np.unique(component[len(group_labels) :], return_inverse=True)
    return GroupedRows(x, y, group, item, tuple(group_labels), strata)


def combined_intervals(
    rows: GroupedRows,
    statistic: Statistic,
    weights: ArrayLike,
    *,
    minus: GroupedRows | None = None,
    resamples: int = 2000,
    level: float = 0.95,
    seed: int = 0,
) -> list[Interval]:
    """Weighted sums of the groups' statistics (means over groups, say), with BCa intervals from one set of resamples.

    Parameters
    ----------
    rows : GroupedRows
        The rows.
    statistic : callable
        One of `correlation.STATISTICS`.
    weights : array_like, shape (sums, groups)
        Each row the weights of one sum; a group with weight 0 plays no part in it, even where it has no value.
    minus : GroupedRows, optional
        Other predictions of the very same rows, whose statistic is subtracted resample by resample: a paired difference.
    resamples : int
        How many bootstrap resamples; 0 for none (the ends are then NaN).
    level : float
        Nominal coverage.
    seed : int
        Seed of the draws.

    Returns
    -------
    list of Interval
        One for each sum.

    Raises
    ------
    ValueError
        If the rows of `minus` are not laid out alike, or the weights do not fit.

    Examples
    --------
    >>> from ppaint.eval_suite.srcc_plcc.correlation import STATISTICS
    >>> rows = group_rows([1, 2, 3, 4, 5, 6], [1, 3, 2, 4, 6, 5], groups=[0, 0, 0, 1, 1, 1])
    >>> [mean] = combined_intervals(rows, STATISTICS["srcc"], [[0.5, 0.5]], resamples=0)
    >>> round(mean.value, 3)
    0.5
    """
    found = intervals_of_each(rows, {"": statistic}, weights, minus=minus, resamples=resamples, level=level, seed=seed)
    return found[""]


def intervals_of_each(
    rows: GroupedRows,
    statistics: Mapping[str, Statistic],
    weights: ArrayLike,
    *,
    minus: GroupedRows | None = None,
    resamples: int = 2000,
    level: float = 0.95,
    seed: int = 0,
) -> dict[str, list[Interval]]:
    """`combined_intervals` of several statistics: the resamples are drawn once, and are the same for each.

    Parameters
    ----------
    rows, weights, minus, resamples, level, seed
        As for `combined_intervals`, which also says what is raised.
    statistics : mapping of str to callable
        Name -> one of `correlation.STATISTICS`.

    Returns
    -------
    dict of str to list of Interval
        Name -> one interval for each sum, equal to what `combined_intervals` gives.

    Examples
    --------
    >>> from ppaint.eval_suite.srcc_plcc.correlation import STATISTICS
    >>> rows = group_rows([1, 2, 3, 4, 5, 6], [1, 3, 2, 4, 6, 5])
    >>> both = intervals_of_each(rows, {name: STATISTICS[name] for name in ("srcc", "krcc")}, [[1.0]], resamples=0)
    >>> [round(both[name][0].value, 3) for name in both]
    [0.886, 0.733]
    """
    table = np.asarray(weights, dtype=np.float64)
    if table.ndim != 2 or table.shape[1] != len(rows.groups):
        raise ValueError(f"weights must have shape (sums, {len(rows.groups)}), but has shape {table.shape}")
    if minus is not None and not _alike(rows, minus):
        raise ValueError("a paired difference needs the same rows, groups, items and references on both sides")

    def sums(counts: NDArray[np.float64] | None) -> dict[str, NDArray[np.float64]]:
        figures = rows.per_group_each(statistics, counts)
        if minus is not None:
            less = minus.per_group_each(statistics, counts)
            figures = {name: values - less[name] for name, values in figures.items()}
        return {
            name: np.stack([values[:, used] @ row[used] for row, used in zip(table, table != 0, strict=True)], axis=1)
            for name, values in figures.items()
        }

    def sums_of_many(blocks: Iterable[NDArray[np.float64]]) -> dict[str, NDArray[np.float64]]:
        parts = [sums(counts) for counts in blocks]
        return {name: np.concatenate([part[name] for part in parts]) for name in statistics}

    values = sums(None)
    if resamples == 0:
        nan = float("nan")
        return {
            name: [Interval(float(value), nan, nan, level, "none", 0, 0) for value in values[name][0]]
            for name in statistics
        }
    at_a_time = max(1, VALUES_AT_A_TIME // rows.strata.size)  # copies of all resamples would fill the memory
    drawn_blocks = resample_counts(rows.strata, resamples, seed)
    replicates = sums_of_many(counts[part] for counts in drawn_blocks for part in _slices(len(counts), at_a_time))
    parts, owner = leave_out_parts(rows.strata)
    jackknife = sums_of_many(counts_without(parts[part], rows.strata.size) for part in _slices(len(parts), at_a_time))
    return {
        name: [
            bootstrap_interval(value, drawn, left_out=left_out, left_out_stratum=owner, level=level)
            for value, drawn, left_out in zip(values[name][0], replicates[name].T, jackknife[name].T, strict=True)
        ]
        for name in statistics
    }


def _slices(n: int, at_a_time: int) -> list[slice]:
    """n things, a few at a time."""
    return [slice(start, start + at_a_time) for start in range(0, n, at_a_time)]


def _indices(name: str, labels: Sequence[Hashable], n: int) -> tuple[NDArray[np.int64], list[Hashable]]:
    """Index of each row's label among the labels in order of first appearance."""
    labels = list(labels)
    if len(labels) != n:
        raise ValueError(f"{len(labels)} {name} but {n} predictions: one is needed for each")
    missing = [place for place, label in enumerate(labels) if label is None or label != label]
    if missing:
        raise ValueError(f"{name} has no label at position {missing[0]} (counted from 0)")
    places: dict[Hashable, int] = {}
    index = np.array([places.setdefault(label, len(places)) for label in labels], dtype=np.int64)
    return index, list(places)


def _alike(one: GroupedRows, other: GroupedRows) -> bool:
    """Whether two sets of rows differ in their predictions only."""
    return (
        one.groups == other.groups
        and np.array_equal(one.group, other.group)
        and np.array_equal(one.item, other.item)
        and np.array_equal(one.references, other.references)
    )
